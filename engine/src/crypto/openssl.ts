/**
 * Files of `openssl enc`: `Salted__`, 8 bytes of salt, then the ciphertext. Nothing in them says which cipher, digest or
 * number of rounds was used, and nothing authenticates them: only the contents can prove that a reading is right.
 */

import { createCipheriv, createDecipheriv, createHash, getCiphers, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { ByteReader, concat, copyOf, startsWith } from '../bytes.ts';
import { fail } from '../failure.ts';
import type { OpensslParameters } from '../job.ts';
import { throughCipher } from './cfb.ts';

export const saltedMagic: Uint8Array = new TextEncoder().encode('Salted__');
/** Unless `-saltlen` says otherwise. */
const usualSaltBytes = 8;
export const headerBytes = 16;

export type Digest = NonNullable<OpensslParameters['digest']>;

/** Everything that `openssl enc -d` has to be told. */
export interface OpensslScheme {
  cipher: CipherName;
  digest: Digest;
  /** undefined: the old derivation of one round (EVP_BytesToKey). */
  iterations: number | undefined;
  /** `-nosalt`: the file begins with the ciphertext. */
  isUnsalted?: boolean;
  /** `-saltlen` of OpenSSL 3.2 and later, with PBKDF2 only; 8 when absent. */
  saltBytes?: number;
}

/** Key, IV and block in bytes. A block of 1 is a stream cipher: any length, no padding. The likeliest come first. */
export const CIPHERS = {
  'aes-256-cbc': { key: 32, iv: 16, block: 16 },
  'aes-128-cbc': { key: 16, iv: 16, block: 16 },
  'aes-192-cbc': { key: 24, iv: 16, block: 16 },
  'aes-256-ctr': { key: 32, iv: 16, block: 1 },
  'aes-128-ctr': { key: 16, iv: 16, block: 1 },
  'aes-192-ctr': { key: 24, iv: 16, block: 1 },
  'des-ede3-cbc': { key: 24, iv: 8, block: 8 },
  'aes-256-cfb': { key: 32, iv: 16, block: 1 },
  'aes-256-ofb': { key: 32, iv: 16, block: 1 },
  chacha20: { key: 32, iv: 16, block: 1 },
  'camellia-256-cbc': { key: 32, iv: 16, block: 16 },
  'aes-128-cfb': { key: 16, iv: 16, block: 1 },
  'aes-192-cfb': { key: 24, iv: 16, block: 1 },
  'aes-128-ofb': { key: 16, iv: 16, block: 1 },
  'aes-192-ofb': { key: 24, iv: 16, block: 1 },
  'aes-256-ecb': { key: 32, iv: 0, block: 16 },
  'aes-192-ecb': { key: 24, iv: 0, block: 16 },
  'aes-128-ecb': { key: 16, iv: 0, block: 16 },
  'camellia-192-cbc': { key: 24, iv: 16, block: 16 },
  'camellia-128-cbc': { key: 16, iv: 16, block: 16 },
} as const;

export type CipherName = keyof typeof CIPHERS;

export function isCipherName(name: string): name is CipherName {
  return Object.hasOwn(CIPHERS, name);
}

/** `openssl enc -pbkdf2` without `-iter`. */
export const defaultIterations = 10_000;
/** What we write: the number that OWASP recommends for PBKDF2 with SHA-256. */
export const writtenIterations = 600_000;
const mostIterations = 100_000_000;

export const WRITTEN_SCHEME: OpensslScheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: writtenIterations };

/** The scheme as options of `openssl enc`. */
export function opensslOptions({ cipher, digest, iterations, isUnsalted, saltBytes }: OpensslScheme): string {
  const derivation = iterations === undefined ? `-md ${digest}` : `-md ${digest} -pbkdf2 -iter ${iterations}`;
  const salt = isUnsalted ? ' -nosalt' : saltBytes === undefined ? '' : ` -saltlen ${saltBytes}`;
  return `-${cipher} ${derivation}${salt}`;
}

/** The command that reads such a file, for people to keep beside it. */
export function opensslCommand(scheme: OpensslScheme, input: string): string {
  return `openssl enc -d ${opensslOptions(scheme)} -in ${input} -out PLAIN -pass file:PASSWORD-FILE`;
}

/**
 * Decrypts with a scheme that is known. Yields bytes as they come: nothing is authenticated, the caller checks the contents.
 *
 * @throws RestoreError `not-encrypted` without the magic, `truncated` when the input ends inside a block or where the
 *   last block has no padding (cut, or changed: the cipher cannot tell)
 */
export async function* decryptOpenssl(
  input: AsyncIterable<Uint8Array>,
  password: Uint8Array,
  scheme: OpensslScheme,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(input, { isLent: true });
  let derived: Uint8Array | undefined;
  try {
    const headerBytes = headerBytesOf(scheme);
    const salt = scheme.isUnsalted ? new Uint8Array(0) : copyOf(saltOf(await reader.read(headerBytes), headerBytes));
    const { key, iv } = CIPHERS[scheme.cipher];
    derived = await derive(password, salt, scheme);
    const raw = { cipher: scheme.cipher, key: derived.subarray(0, key), iv: derived.subarray(key, key + iv) };
    yield* decryptedBody(reader, raw);
  } finally {
    derived?.fill(0);
    await reader.close();
  }
}

/** `openssl enc -K -iv`: the key itself. The file is nothing but ciphertext. */
export interface RawKey {
  cipher: CipherName;
  key: Uint8Array;
  iv: Uint8Array;
}

/** As `decryptOpenssl`, with the key itself; it may be wiped when the first bytes are out. */
export async function* decryptWithRawKey(
  input: AsyncIterable<Uint8Array>,
  raw: RawKey,
): AsyncGenerator<Uint8Array, void, undefined> {
  const key = copyOf(raw.key);
  const reader = new ByteReader(input, { isLent: true });
  try {
    yield* decryptedBody(reader, { ...raw, key });
  } finally {
    key.fill(0);
    await reader.close();
  }
}

/** From the reader's place to the end of the file. */
async function* decryptedBody(
  reader: ByteReader,
  { cipher, key, iv }: RawKey,
): AsyncGenerator<Uint8Array, void, undefined> {
  const start = reader.offset;
  const { block } = CIPHERS[cipher];
  const decipher = createDecipheriv(cipher, key, iv);
  const bytes = yield* throughCipher(reader, decipher);
  const end = start + bytes;
  if (block > 1 && (bytes === 0 || bytes % block !== 0)) failCut(end, 'it does not end at the end of a cipher block');
  const last = finish(decipher, end - block);
  if (last.length > 0) yield last;
}

/** Encrypts so that `openssl enc -d` with the same options can read it. A fresh salt every time. */
export async function* encryptOpenssl(
  input: AsyncIterable<Uint8Array>,
  password: Uint8Array,
  scheme: OpensslScheme = WRITTEN_SCHEME,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(input, { isLent: true });
  const { cipher } = scheme;
  const bytes = CIPHERS[cipher];
  let derived: Uint8Array | undefined;
  try {
    const salt = randomBytes(scheme.isUnsalted ? 0 : (scheme.saltBytes ?? usualSaltBytes));
    derived = await derive(password, salt, scheme);
    const key = derived.subarray(0, bytes.key);
    const iv = derived.subarray(bytes.key, bytes.key + bytes.iv);
    if (!scheme.isUnsalted) yield concat([saltedMagic, salt]);
    const running = createCipheriv(cipher, key, iv);
    yield* throughCipher(reader, running);
    const last = running.final();
    if (last.length > 0) yield last;
  } finally {
    derived?.fill(0);
    await reader.close();
  }
}

/**
 * The scheme to write with; what is left out is what we recommend, not what `openssl enc` does by default.
 *
 * @throws RestoreError `usage` or `unsupported` for what `openssl enc` does not have
 */
export function writtenScheme(parameters: OpensslParameters = {}): OpensslScheme {
  const isOld = parameters.pbkdf2 === false && parameters.iterations === undefined;
  return {
    cipher: parameters.cipher === undefined ? WRITTEN_SCHEME.cipher : cipherName(parameters.cipher),
    digest: parameters.digest ?? WRITTEN_SCHEME.digest,
    iterations: isOld ? undefined : (checkedIterations(parameters.iterations) ?? writtenIterations),
    ...(parameters.hasSalt === false && { isUnsalted: true }),
  };
}

const mostDerivedBytes = 48;
const pbkdf2Async = promisify(pbkdf2);

/** 48 bytes, of which a cipher takes its key and then its IV. The caller wipes them. */
export async function derive(
  password: Uint8Array,
  salt: Uint8Array,
  { digest, iterations }: OpensslScheme,
): Promise<Uint8Array> {
  if (iterations !== undefined) return pbkdf2Async(password, salt, iterations, mostDerivedBytes, digest);
  const derived = Buffer.alloc(mostDerivedBytes);
  let previous: Uint8Array = new Uint8Array(0);
  for (let filled = 0; filled < mostDerivedBytes; filled += previous.length) {
    previous = createHash(digest).update(previous).update(password).update(salt).digest();
    derived.set(previous.subarray(0, mostDerivedBytes - filled), filled);
  }
  previous.fill(0);
  return derived;
}

function finish(decipher: { final(): Uint8Array }, offset: number): Uint8Array {
  try {
    return decipher.final();
  } catch {
    fail(
      'truncated',
      'decrypt',
      'the last cipher block has no valid padding: the end of the file is missing, or was changed',
      {
        offset,
        hint: 'Copy the file again from where it was written. If the password or the options are in doubt, leave the options out to have them tried.',
      },
    );
  }
}

export function headerBytesOf({ isUnsalted, saltBytes }: Pick<OpensslScheme, 'isUnsalted' | 'saltBytes'>): number {
  return isUnsalted ? 0 : saltedMagic.length + (saltBytes ?? usualSaltBytes);
}

/** @param length of the whole header */
export function saltOf(header: Uint8Array, length: number): Uint8Array {
  if (header.length === 0)
    fail('truncated', 'decrypt', 'the file is empty', {
      offset: 0,
      hint: 'The backup wrote nothing: look at its log, and take a new backup.',
    });
  if (!startsWith(header, saltedMagic.subarray(0, header.length))) {
    fail(
      'not-encrypted',
      'decrypt',
      'it does not start with Salted__, so `openssl enc` with a password did not write it',
      {
        offset: 0,
        hint: 'If it was encrypted with -nosalt, say so (--nosalt); with -K and -iv, give the key file and --iv. `restorable inspect` says what the file is.',
      },
    );
  }
  if (header.length < length) failCut(header.length, `the header alone has ${length} bytes`);
  return header.subarray(saltedMagic.length, length);
}

export function failCut(offset: number, what: string): never {
  fail('truncated', 'decrypt', `the file is cut off after ${offset} bytes: ${what}`, {
    offset,
    hint: 'Copy the file again from where it was written.',
  });
}

/** openssl's own aliases: `aes256` and `aes-256` mean CBC, `des3` is three-key triple DES in CBC. */
export function cipherName(written: string): CipherName {
  const name = written.toLowerCase().replace(/^-+/, '');
  const aliases: Record<string, CipherName> = { des3: 'des-ede3-cbc', 'des-ede3': 'des-ede3-cbc' };
  const block = /^(aes|camellia)-?(128|192|256)(?:-?(cbc|ctr|cfb|ofb|ecb))?$/.exec(name);
  const canonical = block ? `${block[1]}-${block[2]}-${block[3] ?? 'cbc'}` : (aliases[name] ?? name);
  // An editor's Node has fewer ciphers than that of the command line.
  if (isCipherName(canonical) && getCiphers().includes(canonical)) return canonical;
  fail('unsupported', 'key', `the cipher ${/^[\w-]{1,40}$/.test(name) ? name : 'of that name'} is not supported`, {
    hint: `Supported are ${Object.keys(CIPHERS).join(', ')}. Decrypt it with openssl enc -d, and test what comes out.`,
  });
}

export function checkedIterations(iterations: number | undefined): number | undefined {
  if (iterations === undefined) return undefined;
  if (Number.isInteger(iterations) && iterations >= 1 && iterations <= mostIterations) return iterations;
  fail('usage', 'key', `the number of rounds must be a whole number from 1 to ${mostIterations}`, {});
}
