/**
 * AES in cipher feedback mode as OpenPGP uses it: the whole block is fed back. Made of the modes that OpenSSL has in fast
 * assembly, and that editors' BoringSSL has at all: it has no CFB, and OpenSSL's goes block by block.
 */

import { createCipheriv } from 'node:crypto';
import { concat, copyOf } from '../bytes.ts';

export const blockBytes = 16;

export interface Decipher {
  update(piece: Uint8Array): Uint8Array;
  /** What was held back because it filled no block. */
  final(): Uint8Array;
}

/**
 * A block's key stream is the encryption of the ciphertext before it, and all of that is there: ECB makes the key stream of
 * many blocks at once.
 *
 * @param key 16, 24 or 32 bytes
 * @param iv what stands in front of the first block; zeros in a message
 */
export function aesCfbDecipher(key: Uint8Array, iv: Uint8Array = new Uint8Array(blockBytes)): Decipher {
  const ecb = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  let previous = copyOf(iv);
  let held: Uint8Array = new Uint8Array(0);
  return {
    update(piece) {
      const stored = held.length === 0 ? piece : concat([held, piece]);
      const length = stored.length - (stored.length % blockBytes);
      held = copyOf(stored.subarray(length));
      if (length === 0) return new Uint8Array(0);
      const plain = Buffer.allocUnsafeSlow(length);
      exclusiveOr(plain.subarray(0, blockBytes), stored.subarray(0, blockBytes), ecb.update(previous));
      if (length > blockBytes) {
        const keyStream = ecb.update(stored.subarray(0, length - blockBytes));
        exclusiveOr(plain.subarray(blockBytes), stored.subarray(blockBytes, length), keyStream);
      }
      previous = copyOf(stored.subarray(length - blockBytes, length));
      return plain;
    },
    final() {
      const last = new Uint8Array(held.length);
      exclusiveOr(last, held, ecb.update(previous));
      held = new Uint8Array(0);
      return last;
    },
  };
}

/**
 * The key stream of a block is E(ciphertext before it) = E(plaintext ⊕ key stream before it): that is CBC over the
 * plaintext, which begins with the encrypted IV.
 *
 * @param key 16, 24 or 32 bytes; the IV is zeros, as in a message
 */
export function aesCfbCipher(key: Uint8Array): Decipher {
  const ecb = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  /** The key stream of the next block. */
  let next: Uint8Array = ecb.update(new Uint8Array(blockBytes));
  const cbc = createCipheriv(`aes-${key.length * 8}-cbc`, key, next).setAutoPadding(false);
  let held: Uint8Array = new Uint8Array(0);
  return {
    update(piece) {
      const plain = held.length === 0 ? piece : concat([held, piece]);
      const length = plain.length - (plain.length % blockBytes);
      held = copyOf(plain.subarray(length));
      if (length === 0) return new Uint8Array(0);
      const keyStream = cbc.update(plain.subarray(0, length));
      const stored = Buffer.allocUnsafeSlow(length);
      exclusiveOr(stored.subarray(0, blockBytes), plain.subarray(0, blockBytes), next);
      if (length > blockBytes) exclusiveOr(stored.subarray(blockBytes), plain.subarray(blockBytes, length), keyStream);
      next = copyOf(keyStream.subarray(length - blockBytes));
      return stored;
    },
    final() {
      const last = new Uint8Array(held.length);
      exclusiveOr(last, held, next);
      held = new Uint8Array(0);
      return last;
    },
  };
}

const wordBytes = 8;

/** @param target as long as `one`, and at the border of a word; `other` may be longer */
function exclusiveOr(target: Uint8Array, one: Uint8Array, other: Uint8Array): void {
  const words = Math.floor(target.length / wordBytes);
  const targetWords = new BigUint64Array(target.buffer, target.byteOffset, words);
  const oneWords = wordsOf(one, words);
  const otherWords = wordsOf(other, words);
  for (let index = 0; index < words; index++)
    targetWords[index] = (oneWords[index] as bigint) ^ (otherWords[index] as bigint);
  for (let index = words * wordBytes; index < target.length; index++)
    target[index] = (one[index] as number) ^ (other[index] as number);
}

/** A copy where the bytes do not lie at the border of a word. */
function wordsOf(bytes: Uint8Array, words: number): BigUint64Array {
  const aligned = bytes.byteOffset % wordBytes === 0 ? bytes : copyOf(bytes);
  return new BigUint64Array(aligned.buffer, aligned.byteOffset, words);
}
