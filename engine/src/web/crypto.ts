/**
 * Stands in for `node:crypto` where there is no Node: as much of it as the engine uses for single files, on the audited
 * libraries @noble/ciphers and @noble/hashes and the browser's own random source. The modes are the libraries' own; what is
 * done here is to hand them a stream piece by piece.
 */

import { cbc, ctr, ecb, gcm } from '@noble/ciphers/aes.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { md5, ripemd160, sha1 } from '@noble/hashes/legacy.js';
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { sha3_256, sha3_512 } from '@noble/hashes/sha3.js';
import des from 'des.js';
import { fail } from '../failure.ts';
import { Buffer } from './globals.ts';

const HASHES = {
  md5,
  sha1,
  ripemd160,
  sha224,
  sha256,
  sha384,
  sha512,
  'sha3-256': sha3_256,
  'sha3-512': sha3_512,
} as const;

const AES = /^aes-(128|192|256)-(cbc|ctr|ecb|gcm)$/;
const TRIPLE_DES = 'des-ede3-cbc';
/** Of AES, and of the tag of GCM. */
const blockBytes = 16;

export function getCiphers(): string[] {
  const modes = ['cbc', 'ctr', 'ecb', 'gcm'];
  return [...[128, 192, 256].flatMap((bits) => modes.map((mode) => `aes-${bits}-${mode}`)), TRIPLE_DES];
}

export function randomBytes(length: number): Buffer {
  return bufferOf(globalThis.crypto.getRandomValues(new Uint8Array(length)));
}

/** In constant time for texts of one length; other lengths are different at once, as the caller can see anyway. */
export function timingSafeEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) throw new RangeError('both must have the same length');
  let difference = 0;
  for (let index = 0; index < one.length; index++) difference |= (one[index] as number) ^ (other[index] as number);
  return difference === 0;
}

export function createHash(name: string): Hash {
  return new Hash(hashOf(name).create());
}

export class Hash {
  constructor(private readonly hash: ReturnType<typeof sha256.create>) {}

  update(data: Uint8Array | string): this {
    this.hash.update(typeof data === 'string' ? new TextEncoder().encode(data) : data);
    return this;
  }

  digest(): Buffer;
  digest(encoding: BufferEncoding): string;
  digest(encoding?: BufferEncoding): Buffer | string {
    const digest = bufferOf(this.hash.digest());
    return encoding === undefined ? digest : digest.toString(encoding);
  }
}

export function hkdfSync(
  digest: string,
  key: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): ArrayBuffer {
  return Uint8Array.from(hkdf(hashOf(digest), key, salt, info, length)).buffer;
}

export function pbkdf2(
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
  digest: string,
  done: (error: unknown, key?: Buffer) => void,
): void {
  const own = SUBTLE_DIGESTS[digest.toLowerCase()];
  const derived = own
    ? throughSubtle(password, salt, iterations, length, own)
    : pbkdf2Async(hashOf(digest), password, salt, { c: iterations, dkLen: length });
  derived.then(
    (key) => done(undefined, bufferOf(key)),
    (error: unknown) => done(error),
  );
}

/** In the browser's own code, hundreds of times as fast. */
const SUBTLE_DIGESTS: Record<string, string> = {
  sha1: 'SHA-1',
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};

async function throughSubtle(
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
  hash: string,
): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey('raw', Uint8Array.from(password), 'PBKDF2', false, ['deriveBits']);
  const parameters = { name: 'PBKDF2', hash, salt: Uint8Array.from(salt), iterations };
  return new Uint8Array(await subtle.deriveBits(parameters, key, length * 8));
}

export function createDecipheriv(name: string, key: Uint8Array, iv: Uint8Array | null): PieceCipher {
  return cipher(name, key, iv, 'decrypt');
}

export function createCipheriv(name: string, key: Uint8Array, iv: Uint8Array | null): PieceCipher {
  return cipher(name, key, iv, 'encrypt');
}

/** As Node's Cipher and Decipher: whole blocks come out as they are there, the rest with `final`. */
export interface PieceCipher {
  update(piece: Uint8Array): Buffer;
  /** @throws Error when the padding or the tag is wrong */
  final(): Buffer;
  setAutoPadding(isOn: boolean): this;
  setAAD(associated: Uint8Array): this;
  setAuthTag(tag: Uint8Array): this;
  getAuthTag(): Buffer;
}

type Direction = 'encrypt' | 'decrypt';

function cipher(name: string, key: Uint8Array, iv: Uint8Array | null, direction: Direction): PieceCipher {
  // Both are the caller's to wipe or to use again.
  const ownKey = Uint8Array.from(key);
  const ownIv = Uint8Array.from(iv ?? []);
  if (name === TRIPLE_DES) return new BlockCipher('des', 8, ownKey, ownIv, direction);
  const match = AES.exec(name);
  if (!match) throw new Error(`there is no ${name} in a browser`);
  if (key.length * 8 !== Number(match[1])) throw new RangeError('Invalid key length');
  return match[2] === 'gcm'
    ? new GcmCipher(ownKey, ownIv, direction)
    : match[2] === 'ctr'
      ? new CounterCipher(ownKey, ownIv)
      : new BlockCipher(match[2] as 'cbc' | 'ecb', blockBytes, ownKey, ownIv, direction);
}

/** CBC and ECB, and CBC of triple DES. */
class BlockCipher implements PieceCipher {
  readonly #mode: 'cbc' | 'ecb' | 'des';
  readonly #size: number;
  readonly #key: Uint8Array;
  #iv: Uint8Array;
  readonly #direction: Direction;
  #hasPadding = true;
  /** What fills no block yet; of a padded ciphertext the last whole block, too: it may be the one with the padding. */
  #held: Uint8Array = new Uint8Array(0);

  constructor(mode: 'cbc' | 'ecb' | 'des', blockSize: number, key: Uint8Array, iv: Uint8Array, direction: Direction) {
    this.#mode = mode;
    this.#size = blockSize;
    this.#key = key;
    this.#iv = iv;
    this.#direction = direction;
  }

  update(piece: Uint8Array): Buffer {
    const known = new Uint8Array(this.#held.length + piece.length);
    known.set(this.#held);
    known.set(piece, this.#held.length);
    const isLastHeld = this.#direction === 'decrypt' && this.#hasPadding && known.length % this.#size === 0;
    const whole = known.length - (known.length % this.#size) - (isLastHeld ? this.#size : 0);
    if (whole <= 0) {
      this.#held = known;
      return Buffer.alloc(0);
    }
    this.#held = known.slice(whole);
    return this.#blocks(known.subarray(0, whole));
  }

  final(): Buffer {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    if (!this.#hasPadding) {
      if (held.length > 0) throw new Error('wrong final block length');
      return Buffer.alloc(0);
    }
    if (this.#direction === 'encrypt') {
      const padding = this.#size - held.length;
      const last = new Uint8Array(this.#size).fill(padding);
      last.set(held);
      return this.#blocks(last);
    }
    if (held.length !== this.#size) throw new Error('wrong final block length');
    const last = this.#blocks(held);
    const padding = last[this.#size - 1] as number;
    const isPadding = padding >= 1 && padding <= this.#size && last.subarray(-padding).every((it) => it === padding);
    if (!isPadding) throw new Error('bad decrypt');
    return last.subarray(0, this.#size - padding);
  }

  setAutoPadding(isOn: boolean): this {
    this.#hasPadding = isOn;
    return this;
  }

  setAAD = onlyGcm;
  setAuthTag = onlyGcm;
  getAuthTag = onlyGcm;

  /** Whole blocks. */
  #blocks(blocks: Uint8Array): Buffer {
    const options = { disablePadding: true };
    switch (this.#mode) {
      case 'ecb':
        return bufferOf(ecb(this.#key, options)[this.#direction](blocks));
      case 'cbc': {
        const result = cbc(this.#key, this.#iv, options)[this.#direction](blocks);
        this.#iv = (this.#direction === 'encrypt' ? result : blocks).slice(-blockBytes);
        return bufferOf(result);
      }
      case 'des': {
        const { CBC, EDE } = des;
        const triple = CBC.instantiate(EDE).create({
          type: this.#direction,
          key: this.#key,
          iv: this.#iv,
          padding: false,
        });
        // Decrypting, the library holds the last block back, as if it had padding.
        const result = Uint8Array.from([...triple.update(blocks), ...triple.final()]);
        this.#iv = (this.#direction === 'encrypt' ? result : blocks).slice(-this.#size);
        return bufferOf(result);
      }
    }
  }
}

/** CTR: a byte comes out for every byte that goes in; decrypting is encrypting. */
class CounterCipher implements PieceCipher {
  #counter: Uint8Array;
  /** Bytes of the counter's key stream that are used up. */
  #used = 0;

  constructor(
    private readonly key: Uint8Array,
    iv: Uint8Array,
  ) {
    this.#counter = iv;
  }

  update(piece: Uint8Array): Buffer {
    const shifted = new Uint8Array(this.#used + piece.length);
    shifted.set(piece, this.#used);
    const result = ctr(this.key, this.#counter).encrypt(shifted).slice(this.#used);
    this.#counter = counted(this.#counter, Math.floor(shifted.length / blockBytes));
    this.#used = shifted.length % blockBytes;
    return bufferOf(result);
  }

  final(): Buffer {
    return Buffer.alloc(0);
  }

  setAutoPadding(): this {
    return this;
  }

  setAAD = onlyGcm;
  setAuthTag = onlyGcm;
  getAuthTag = onlyGcm;
}

function onlyGcm(): never {
  throw new Error('only GCM authenticates');
}

/** The counter of CTR: a number of 128 bits, the highest byte first. */
function counted(counter: Uint8Array, blocks: number): Uint8Array {
  const next = Uint8Array.from(counter);
  for (let index = blockBytes - 1, carry = blocks; index >= 0 && carry > 0; index--) {
    carry += next[index] as number;
    next[index] = carry & 0xff;
    carry = Math.floor(carry / 256);
  }
  return next;
}

/** All in memory: nothing comes out before the tag has been compared. */
class GcmCipher implements PieceCipher {
  readonly #pieces: Uint8Array[] = [];
  readonly #associated: Uint8Array[] = [];
  #tag: Uint8Array | undefined;

  constructor(
    private readonly key: Uint8Array,
    private readonly nonce: Uint8Array,
    private readonly direction: Direction,
  ) {}

  update(piece: Uint8Array): Buffer {
    this.#pieces.push(Uint8Array.from(piece));
    return Buffer.alloc(0);
  }

  final(): Buffer {
    const opened = gcm(this.key, this.nonce, Buffer.concat(this.#associated));
    if (this.direction === 'decrypt') {
      if (!this.#tag) throw new Error('the tag is missing');
      return bufferOf(opened.decrypt(Buffer.concat([...this.#pieces, this.#tag])));
    }
    const sealed = opened.encrypt(Buffer.concat(this.#pieces));
    this.#tag = sealed.slice(-blockBytes);
    return bufferOf(sealed.subarray(0, -blockBytes));
  }

  setAutoPadding(): this {
    return this;
  }

  setAAD(associated: Uint8Array): this {
    this.#associated.push(Uint8Array.from(associated));
    return this;
  }

  setAuthTag(tag: Uint8Array): this {
    this.#tag = Uint8Array.from(tag);
    return this;
  }

  getAuthTag(): Buffer {
    if (!this.#tag) throw new Error('the tag is there after final');
    return Buffer.from(this.#tag);
  }
}

/** The same bytes, with what Node's have besides. */
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, length);
}

function hashOf(name: string): typeof sha256 {
  const hash = (HASHES as Record<string, unknown>)[name.toLowerCase()];
  if (!hash) throw new Error(`there is no ${name} in a browser`);
  return hash as typeof sha256;
}

/** Certificates (CMS) need Node's OpenSSL. */
export const createPrivateKey = onDesktopOnly;
export const createPublicKey = onDesktopOnly;
export const privateDecrypt = onDesktopOnly;
export const publicEncrypt = onDesktopOnly;
export const diffieHellman = onDesktopOnly;
export const generateKeyPairSync = onDesktopOnly;
export const constants = {};
export class X509Certificate {
  constructor() {
    onDesktopOnly();
  }
}

function onDesktopOnly(): never {
  fail('unsupported', 'key', 'CMS messages (openssl cms, smime) are not opened in a browser', {
    hint: 'Open the folder in VS Code on a desktop, or use the command `restorable decrypt`.',
  });
}
