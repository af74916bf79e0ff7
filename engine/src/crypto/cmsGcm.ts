/**
 * GCM whose associated data comes last: in a message (RFC 5083) the attributes that the tag covers stand behind what is
 * encrypted, and GCM wants them first. So the contents are decrypted in the counter mode that GCM is, the native code makes a
 * tag over the ciphertext alone, and the attributes are brought in at the end: a tag is a sum (NIST SP 800-38D, 6.4).
 */

import { type CipherGCM, createCipheriv, createDecipheriv, type Decipher } from 'node:crypto';
import { type ContentCipher, counterOf } from './cmsCiphers.ts';

export class GcmOpener {
  readonly #native: string;
  readonly #key: Uint8Array;
  readonly #nonce: Uint8Array;
  readonly #decipher: Decipher;
  readonly #sum: CipherGCM;
  #bytes = 0;

  /** @param key its own to keep, until `wipe` */
  constructor({ native, nonce }: Pick<ContentCipher, 'native' | 'nonce'>, key: Uint8Array) {
    this.#native = native;
    this.#key = key;
    this.#nonce = nonce;
    this.#sum = this.#gcm();
    // For another length the first counter is a hash, which GCM itself makes best; its own tag is not asked for.
    this.#decipher =
      nonce.length === 12
        ? createDecipheriv(counterOf(native), key, Buffer.concat([nonce, Buffer.from([0, 0, 0, 2])]))
        : (createDecipheriv(native as 'aes-256-gcm', key, nonce) as Decipher);
  }

  /** Bytes that are not proven yet. */
  update(piece: Uint8Array): Uint8Array {
    this.#bytes += piece.length;
    this.#sum.setAAD(piece);
    return this.#decipher.update(piece);
  }

  /**
   * To be asked once, at the end.
   *
   * @param associated what the tag covers beside the contents
   */
  isRight(tag: Uint8Array, associated: Uint8Array): boolean {
    // The tag over nothing is what every tag is masked with.
    const mask = tagOf(this.#gcm());
    const hashKey = this.#hashKey();
    // The native code took the ciphertext for associated data: only the lengths in its last block are others.
    const told = lengths(this.#bytes, 0);
    const wanted = lengths(associated.length, this.#bytes);
    let sum = tagOf(this.#sum) ^ mask ^ times(told ^ wanted, hashKey);
    if (associated.length > 0) {
      const alone = tagOf(this.#gcm().setAAD(associated)) ^ mask ^ times(lengths(associated.length, 0), hashKey);
      sum ^= times(alone, power(hashKey, Math.ceil(this.#bytes / blockBytes)));
    }
    const expected = Buffer.from((sum ^ mask).toString(16).padStart(2 * blockBytes, '0'), 'hex');
    return expected.subarray(0, tag.length).equals(tag);
  }

  wipe(): void {
    this.#key.fill(0);
  }

  #gcm(): CipherGCM {
    return createCipheriv(this.#native as 'aes-256-gcm', this.#key, this.#nonce);
  }

  /** NIST SP 800-38D, 6.4: a block of zeros, encrypted. */
  #hashKey(): bigint {
    const cipher = createCipheriv(this.#native.replace(/gcm$/, 'ecb'), this.#key, null).setAutoPadding(false);
    return numberOf(cipher.update(new Uint8Array(blockBytes)));
  }
}

const blockBytes = 16;

function tagOf(gcm: CipherGCM): bigint {
  gcm.final();
  return numberOf(gcm.getAuthTag());
}

function numberOf(block: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(block).toString('hex')}`);
}

/** The last block that is hashed: how many bits there were. */
function lengths(associated: number, encrypted: number): bigint {
  return (BigInt(associated) << 67n) | (BigInt(encrypted) << 3n);
}

/** In GF(2^128) as GCM writes it: the first bit is that of x^0 (NIST SP 800-38D, 6.3). */
function times(one: bigint, other: bigint): bigint {
  let product = 0n;
  for (let bit = 127n, shifted = other; bit >= 0n; bit--) {
    if ((one >> bit) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ (0xe1n << 120n) : shifted >> 1n;
  }
  return product;
}

function power(base: bigint, exponent: number): bigint {
  let result = 1n << 127n;
  for (let square = base, rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = times(result, square);
    square = times(square, square);
  }
  return result;
}
