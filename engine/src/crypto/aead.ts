/** AES with authentication, piece by piece: OCB, GCM and EAX as OpenPGP and CMS use them, in Node's own code. */

import { type CipherGCM, type CipherGCMTypes, createCipheriv, createDecipheriv, getCiphers } from 'node:crypto';
import { blockBytes } from './cfb.ts';

export type AeadMode = 'EAX' | 'OCB' | 'GCM';
/** What is written: every reader that knows EAX knows one of these as well. */
export type SealedMode = Exclude<AeadMode, 'EAX'>;

export const aeadTagBytes = 16;

export interface AeadOpener {
  /** Bytes that are not proven yet; some may be held back. */
  update(piece: Uint8Array): Uint8Array;
  /** What was held back; undefined when the tag does not fit, and all that came out before is worth nothing. */
  finish(tag: Uint8Array): Uint8Array | undefined;
}

export interface AeadSealer {
  /** Ciphertext; some may be held back. */
  update(piece: Uint8Array): Uint8Array;
  /** What was held back, and the tag. */
  finish(): Uint8Array;
}

/** Editors' BoringSSL has no OCB. */
export function hasAead(mode: AeadMode): boolean {
  return mode !== 'OCB' || getCiphers().includes('aes-256-ocb');
}

/**
 * @param key 16, 24 or 32 bytes
 * @param nonce 15 bytes for OCB, 16 for EAX, 12 for GCM
 */
export function openAead(mode: AeadMode, key: Uint8Array, nonce: Uint8Array, associated: Uint8Array): AeadOpener {
  if (mode === 'EAX') return openEax(key, nonce, associated);
  const decipher = createDecipheriv(`aes-${key.length * 8}-${mode.toLowerCase()}` as CipherGCMTypes, key, nonce, {
    authTagLength: aeadTagBytes,
  });
  decipher.setAAD(associated);
  return {
    update: (piece) => decipher.update(piece),
    finish(tag) {
      try {
        return decipher.setAuthTag(tag).final();
      } catch {
        return undefined;
      }
    },
  };
}

/** Parameters as for `openAead`. A nonce is used once with a key. */
export function sealAead(mode: SealedMode, key: Uint8Array, nonce: Uint8Array, associated: Uint8Array): AeadSealer {
  const cipher = createCipheriv(`aes-${key.length * 8}-${mode.toLowerCase()}` as CipherGCMTypes, key, nonce, {
    authTagLength: aeadTagBytes,
  });
  cipher.setAAD(associated);
  return {
    update: (piece) => cipher.update(piece),
    finish: () => Buffer.concat([cipher.final(), cipher.getAuthTag()]),
  };
}

/**
 * EAX (Bellare, Rogaway, Wagner 2004): CTR from the MAC of the nonce, and a MAC over the ciphertext; each MAC is CMAC with
 * a block in front that says what it is for.
 */
function openEax(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array): AeadOpener {
  const macOf = (use: number) => new Cmac(key, use);
  const initial = macOf(0).update(nonce).digest();
  const header = macOf(1).update(associated).digest();
  const mac = macOf(2);
  const decipher = createDecipheriv(`aes-${key.length * 8}-ctr`, key, initial);
  return {
    update(piece) {
      mac.update(piece);
      return decipher.update(piece);
    },
    finish(tag) {
      const expected = mac.digest();
      let difference = tag.length ^ aeadTagBytes;
      for (let index = 0; index < aeadTagBytes; index++)
        difference |=
          (expected[index] as number) ^ (initial[index] as number) ^ (header[index] as number) ^ (tag[index] as number);
      return difference === 0 ? new Uint8Array(0) : undefined;
    },
  };
}

/** NIST SP 800-38B: CBC over the message, whose last block is changed by a subkey. */
class Cmac {
  readonly #cbc: CipherGCM;
  readonly #subkeys: [whole: Uint8Array, filled: Uint8Array];
  /** The last bytes so far, one to sixteen: they may be the last block. */
  #held: Uint8Array;

  constructor(key: Uint8Array, use: number) {
    const bits = key.length * 8;
    const zeros = new Uint8Array(blockBytes);
    const base = createCipheriv(`aes-${bits}-ecb`, key, null).setAutoPadding(false).update(zeros);
    const whole = doubled(base);
    this.#subkeys = [whole, doubled(whole)];
    this.#cbc = createCipheriv(`aes-${bits}-cbc`, key, zeros).setAutoPadding(false) as unknown as CipherGCM;
    this.#held = new Uint8Array(blockBytes);
    this.#held[blockBytes - 1] = use;
  }

  update(piece: Uint8Array): this {
    if (piece.length === 0) return this;
    const known = Buffer.concat([this.#held, piece]);
    const end = Math.floor((known.length - 1) / blockBytes) * blockBytes;
    if (end > 0) this.#cbc.update(known.subarray(0, end));
    this.#held = known.subarray(end);
    return this;
  }

  digest(): Uint8Array {
    const last = new Uint8Array(blockBytes);
    last.set(this.#held);
    const isWhole = this.#held.length === blockBytes;
    if (!isWhole) last[this.#held.length] = 0x80;
    const subkey = this.#subkeys[isWhole ? 0 : 1];
    for (let index = 0; index < blockBytes; index++) last[index] = (last[index] as number) ^ (subkey[index] as number);
    return this.#cbc.update(last);
  }
}

/** In GF(2^128): shifted by one bit, and the polynomial's 0x87 where a bit fell out. */
export function doubled(block: Uint8Array): Uint8Array {
  const result = new Uint8Array(blockBytes);
  for (let index = 0; index < blockBytes; index++)
    result[index] = ((block[index] as number) << 1) | ((block[index + 1] ?? 0) >> 7);
  if ((block[0] as number) & 0x80) result[blockBytes - 1] = (result[blockBytes - 1] as number) ^ 0x87;
  return result;
}
