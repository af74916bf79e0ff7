/**
 * AES in cipher feedback mode as OpenPGP uses it: the whole block is fed back. Made of the modes that OpenSSL has in fast
 * assembly, and that editors' BoringSSL has at all: it has no CFB, and OpenSSL's goes block by block.
 */

import { createCipheriv } from 'node:crypto';
import { type ByteReader, copyOf } from '../bytes.ts';
import { exclusiveOr } from './exclusiveOr.ts';

export const blockBytes = 16;

/** A cipher or decipher of Node's, or one that is made of them. */
export interface Decipher {
  update(piece: Uint8Array): Uint8Array;
  /** What was held back because it filled no block. */
  final(): Uint8Array;
}

/**
 * All that the reader has, except for what the cipher holds back: its end is still to be asked. A piece is the consumer's
 * to keep.
 *
 * @returns how many bytes were read
 */
export async function* throughCipher(
  reader: ByteReader,
  cipher: Decipher,
): AsyncGenerator<Uint8Array, number, undefined> {
  let bytes = 0;
  for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) {
    bytes += piece.length;
    const made = cipher.update(piece);
    if (made.length > 0) yield made;
  }
  return bytes;
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
  const stored = new Backlog();
  // What stands in front of the first block that is not decrypted yet lies in front of it here, too.
  stored.add(iv);
  return {
    update(piece) {
      stored.add(piece);
      const length = stored.length - blockBytes - (stored.length % blockBytes);
      if (length <= 0) return new Uint8Array(0);
      const plain = ecb.update(stored.bytes(0, length));
      exclusiveOr(plain, stored.bytes(blockBytes, blockBytes + length), plain);
      stored.drop(length);
      return plain;
    },
    final() {
      const plain = ecb.update(stored.bytes(0, blockBytes));
      const rest = stored.bytes(blockBytes, stored.length);
      for (let index = 0; index < rest.length; index++)
        plain[index] = (plain[index] as number) ^ (rest[index] as number);
      stored.clear();
      return plain.subarray(0, rest.length);
    },
  };
}

/**
 * The key stream of a block is E(ciphertext before it) = E(plaintext ⊕ key stream before it): that is CBC over the
 * plaintext, which begins with the encrypted IV.
 *
 * @param key 16, 24 or 32 bytes
 * @param iv the ciphertext in front of the first block; zeros at the start of a message
 */
export function aesCfbCipher(key: Uint8Array, iv: Uint8Array = new Uint8Array(blockBytes)): Decipher {
  const ecb = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  /** The key stream of the next block. */
  const next = new Uint8Array(blockBytes);
  next.set(ecb.update(iv));
  const cbc = createCipheriv(`aes-${key.length * 8}-cbc`, key, next).setAutoPadding(false);
  const plain = new Backlog();
  return {
    update(piece) {
      plain.add(piece);
      const length = plain.length - (plain.length % blockBytes);
      if (length === 0) return new Uint8Array(0);
      // Each block of the key stream belongs to the block of plaintext behind it: all move on by one.
      const stored = cbc.update(plain.bytes(0, length));
      const last = copyOf(stored.subarray(length - blockBytes));
      stored.copyWithin(blockBytes, 0, length - blockBytes);
      stored.set(next);
      exclusiveOr(stored, stored, plain.bytes(0, length));
      next.set(last);
      plain.drop(length);
      return stored;
    },
    final() {
      const stored = plain.bytes(0, plain.length).map((byte, index) => byte ^ (next[index] as number));
      plain.clear();
      return stored;
    },
  };
}

/** Bytes that wait for the rest of their block, in memory that is used again and again. */
class Backlog {
  #memory = new Uint8Array(0);
  length = 0;

  add(piece: Uint8Array): void {
    const length = this.length + piece.length;
    if (length > this.#memory.length) {
      const larger = new Uint8Array(length + 64);
      larger.set(this.#memory.subarray(0, this.length));
      this.#memory.fill(0);
      this.#memory = larger;
    }
    this.#memory.set(piece, this.length);
    this.length = length;
  }

  /** A view that is valid until the next change. */
  bytes(start: number, end: number): Uint8Array {
    return this.#memory.subarray(start, end);
  }

  drop(length: number): void {
    this.#memory.copyWithin(0, length, this.length);
    this.length -= length;
  }

  clear(): void {
    this.#memory.fill(0);
    this.length = 0;
  }
}
