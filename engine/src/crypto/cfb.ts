/**
 * AES in cipher feedback mode, decrypting, as OpenPGP uses it: the whole block is fed back, the first one is zeros.
 *
 * A block's key stream is the encryption of the ciphertext before it, and all of that is there: ECB makes the key stream
 * of many blocks at once, several times faster than the CFB of OpenSSL, which goes block by block. It also works in
 * editors, whose BoringSSL has no CFB.
 */

import { createCipheriv } from 'node:crypto';
import { concat, copyOf } from '../bytes.ts';

const blockBytes = 16;

export interface Decipher {
  update(piece: Uint8Array): Uint8Array;
  /** What was held back because it filled no block. */
  final(): Uint8Array;
}

/** @param key 16, 24 or 32 bytes */
export function aesCfbDecipher(key: Uint8Array): Decipher {
  const ecb = createCipheriv(`aes-${key.length * 8}-ecb`, key, null);
  ecb.setAutoPadding(false);
  let previous: Uint8Array = new Uint8Array(blockBytes);
  let held: Uint8Array = new Uint8Array(0);
  /** The ciphertext one block later: what the key stream is made of. Used again and again. */
  let shifted: Uint8Array = new Uint8Array(0);
  return {
    update(piece) {
      const stored = held.length === 0 ? piece : concat([held, piece]);
      const length = stored.length - (stored.length % blockBytes);
      held = copyOf(stored.subarray(length));
      if (length === 0) return new Uint8Array(0);
      if (shifted.length < length) shifted = new Uint8Array(length);
      shifted.set(previous);
      shifted.set(stored.subarray(0, length - blockBytes), blockBytes);
      previous = copyOf(stored.subarray(length - blockBytes, length));
      const plain = ecb.update(shifted.subarray(0, length));
      exclusiveOr(plain, stored.subarray(0, length));
      return plain;
    },
    final() {
      const last = ecb.update(previous).subarray(0, held.length);
      exclusiveOr(last, held);
      held = new Uint8Array(0);
      return last;
    },
  };
}

/** Both of the same length. */
function exclusiveOr(target: Uint8Array, other: Uint8Array): void {
  const whole = target.length - (target.length % 4);
  const targetWords = words(target, whole);
  if (targetWords === undefined) {
    for (let index = 0; index < target.length; index++)
      target[index] = (target[index] as number) ^ (other[index] as number);
    return;
  }
  const otherWords = words(other, whole) ?? (words(copyOf(other), whole) as Uint32Array);
  for (let index = 0; index < targetWords.length; index++) {
    targetWords[index] = (targetWords[index] as number) ^ (otherWords[index] as number);
  }
  for (let index = whole; index < target.length; index++)
    target[index] = (target[index] as number) ^ (other[index] as number);
}

/** undefined where the bytes do not lie at the border of a word. */
function words(bytes: Uint8Array, length: number): Uint32Array | undefined {
  return bytes.byteOffset % 4 === 0 ? new Uint32Array(bytes.buffer, bytes.byteOffset, length / 4) : undefined;
}
