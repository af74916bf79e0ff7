/**
 * The cipher of pgBackRest repositories: what `openssl enc -aes-256-cbc -md sha1` writes.
 *
 * Format: `Salted__`, 8 bytes of salt, then AES-256-CBC with PKCS#7 padding; the *raw* form has no `Salted__`.
 * Key and IV come from EVP_BytesToKey with SHA-1 and one round (pgBackRest `common/crypto/cipherBlock.c`); weak, but it
 * is the format. There is no authentication: only what is inside can prove that the pass was right.
 */

import { type Cipher, createCipheriv, createDecipheriv, createHash, type Decipher, randomBytes } from 'node:crypto';
import { ByteReader, concat, startsWith } from '../bytes.ts';
import { fail } from '../failure.ts';
import type { Secret } from '../secret.ts';

export const saltedMagic: Uint8Array = new TextEncoder().encode('Salted__');

/** Bytes in front of the ciphertext: magic and salt, or the salt alone. */
export const headerBytes = 16;
export const rawHeaderBytes = 8;
const saltBytes = 8;
const blockBytes = 16;

export interface CipherForm {
  /** Without `Salted__`: files in bundles when the manifest says `backup-bundle-raw`, super blocks and block maps. */
  isRaw?: boolean;
  /** The pass has opened other objects of the repository: bad padding then means damage, not a wrong key. */
  isKeyProven?: boolean;
}

/**
 * Decrypts one object. Yields bytes as they come: nothing is authenticated, the caller checks the contents.
 *
 * @throws RestoreError `not-encrypted` without the magic, `truncated` when the input is empty or ends inside a block,
 *   `wrong-key` (or `damaged`, with the offset of the last block, when the key is proven) when the padding is wrong
 */
export async function* decryptPgbackrest(
  input: AsyncIterable<Uint8Array>,
  pass: Secret,
  form: CipherForm = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(input);
  try {
    const header = await reader.read(form.isRaw ? rawHeaderBytes : headerBytes);
    const cipher = decipher(saltOf(header, form), pass);
    for await (const piece of reader.take(Number.POSITIVE_INFINITY)) {
      const plain = cipher.update(piece);
      if (plain.length > 0) yield plain;
    }
    const last = finish(cipher, reader.offset - header.length, header.length, form);
    if (last.length > 0) yield last;
  } finally {
    await reader.close();
  }
}

/** As `decryptPgbackrest`, step by step and without waiting, for one object. */
export class PgbackrestDecipher {
  readonly #pass: Secret;
  readonly #form: CipherForm;
  readonly #header: Uint8Array;
  #have = 0;
  #fed = 0;
  #cipher: Decipher | undefined;

  constructor(pass: Secret, form: CipherForm = {}) {
    this.#pass = pass;
    this.#form = form;
    this.#header = new Uint8Array(form.isRaw ? rawHeaderBytes : headerBytes);
  }

  /** What comes out of the piece, in an array of its own. Throws as `decryptPgbackrest`. */
  update(piece: Uint8Array): Uint8Array {
    let rest = piece;
    if (!this.#cipher) {
      const added = piece.subarray(0, this.#header.length - this.#have);
      this.#header.set(added, this.#have);
      this.#have += added.length;
      if (this.#have < this.#header.length) return nothing;
      this.#cipher = decipher(saltOf(this.#header, this.#form), this.#pass);
      rest = piece.subarray(added.length);
    }
    this.#fed += rest.length;
    return rest.length > 0 ? this.#cipher.update(rest) : nothing;
  }

  /** The object has ended: what came last. Throws as `decryptPgbackrest`. */
  finish(): Uint8Array {
    const cipher = this.#cipher ?? decipher(saltOf(this.#header.subarray(0, this.#have), this.#form), this.#pass);
    return finish(cipher, this.#fed, this.#header.length, this.#form);
  }
}

const nothing = new Uint8Array(0);

/** As `decryptPgbackrest`, for an object that is in memory: no waiting, for the many small files of a cluster. */
export function decryptPgbackrestBytes(stored: Uint8Array, pass: Secret, form: CipherForm = {}): Uint8Array {
  const length = form.isRaw ? rawHeaderBytes : headerBytes;
  const cipher = decipher(saltOf(stored.subarray(0, length), form), pass);
  const start = cipher.update(stored.subarray(length));
  return concat([start, finish(cipher, stored.length - length, length, form)]);
}

/**
 * The plaintext of an object's first blocks, without asking whether the end is right; empty when there is no whole
 * block. Shows whether a pass fits before megabytes are read.
 */
export function decryptStart(stored: Uint8Array, pass: Secret, form: CipherForm = {}): Uint8Array {
  const length = form.isRaw ? rawHeaderBytes : headerBytes;
  const blocks = Math.floor((stored.length - length) / blockBytes);
  if (blocks < 1) return new Uint8Array(0);
  const cipher = decipher(saltOf(stored.subarray(0, length), form), pass);
  cipher.setAutoPadding(false);
  return cipher.update(stored.subarray(length, length + blocks * blockBytes));
}

/** Encrypts so that pgBackRest, and `openssl enc -d -aes-256-cbc -md sha1`, can read it. A fresh salt every time. */
export async function* encryptPgbackrest(
  input: AsyncIterable<Uint8Array>,
  pass: Secret,
  { isRaw }: Pick<CipherForm, 'isRaw'> = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const salt = randomBytes(saltBytes);
  const cipher: Cipher = withKey(salt, pass, (key, iv) => createCipheriv('aes-256-cbc', key, iv));
  yield isRaw ? salt : concat([saltedMagic, salt]);
  for await (const piece of input) {
    const encrypted = cipher.update(piece);
    if (encrypted.length > 0) yield encrypted;
  }
  yield cipher.final();
}

function decipher(salt: Uint8Array, pass: Secret): Decipher {
  return withKey(salt, pass, (key, iv) => createDecipheriv('aes-256-cbc', key, iv));
}

/** D1 = SHA1(pass, salt), D2 = SHA1(D1, pass, salt), D3 likewise; 32 bytes of key and 16 of IV. */
function withKey<T>(salt: Uint8Array, pass: Secret, use: (key: Uint8Array, iv: Uint8Array) => T): T {
  const derived = Buffer.alloc(60);
  try {
    for (let start = 0; start < derived.length; start += 20) {
      const previous = start === 0 ? derived.subarray(0, 0) : derived.subarray(start - 20, start);
      createHash('sha1').update(previous).update(pass.reveal()).update(salt).digest().copy(derived, start);
    }
    return use(derived.subarray(0, 32), derived.subarray(32, 48));
  } finally {
    derived.fill(0);
  }
}

function saltOf(header: Uint8Array, { isRaw }: CipherForm): Uint8Array {
  if (isRaw) {
    if (header.length < rawHeaderBytes) tooShort(header.length);
    return header;
  }
  if (!startsWith(header, saltedMagic.subarray(0, header.length))) {
    const agreeing = saltedMagic.filter((byte, index) => header[index] === byte).length;
    if (agreeing >= 4)
      fail('damaged', 'decrypt', 'the first 8 bytes are almost, but not quite, Salted__', { offset: 0 });
    fail('not-encrypted', 'decrypt', 'it does not start with Salted__, so pgBackRest did not encrypt it', {
      offset: 0,
    });
  }
  if (header.length < headerBytes) tooShort(header.length);
  return header.subarray(saltedMagic.length);
}

function tooShort(length: number): never {
  fail('truncated', 'decrypt', `only ${length} bytes are left of the encrypted object`, {
    offset: length,
    hint: 'Copy it again from the repository.',
  });
}

/** @param ciphertextBytes how many bytes were given to `cipher` */
function finish(cipher: Decipher, ciphertextBytes: number, start: number, { isKeyProven }: CipherForm): Uint8Array {
  const end = start + ciphertextBytes;
  if (ciphertextBytes === 0 || ciphertextBytes % blockBytes !== 0) {
    fail('truncated', 'decrypt', `it ends after ${end} bytes, which is not the end of a cipher block`, {
      offset: end,
      hint: 'Copy it again from the repository.',
    });
  }
  try {
    return cipher.final();
  } catch {
    if (isKeyProven) {
      fail('damaged', 'decrypt', 'the last cipher block does not decrypt to valid padding: it is damaged or cut off', {
        offset: end - blockBytes,
        hint: 'Copy it again from the repository.',
      });
    }
    fail('wrong-key', 'decrypt', 'the last cipher block does not decrypt to valid padding', {
      offset: end - blockBytes,
      hint: 'Almost certainly the pass is wrong; the other possibility is a damaged or cut file.',
    });
  }
}
