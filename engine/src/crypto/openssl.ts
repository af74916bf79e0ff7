/**
 * Files of `openssl enc`: `Salted__`, 8 bytes of salt, then the ciphertext. Nothing in them says which cipher, digest or
 * number of rounds was used, and nothing authenticates them: only the contents can prove that a reading is right.
 */

import { createCipheriv, createDecipheriv, createHash, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { ByteReader, concat, startsWith } from '../bytes.ts';
import { looksMeaningful } from '../contents/sniff.ts';
import { fail } from '../failure.ts';
import type { OpensslParameters } from '../job.ts';
import { throwIfCancelled } from '../run-context.ts';
import { type PasswordReading, passwordReadings } from './password.ts';

export const saltedMagic: Uint8Array = new TextEncoder().encode('Salted__');
const saltBytes = 8;
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
}

/** Key, IV and block in bytes. A block of 1 is a stream cipher: any length, no padding. */
const CIPHERS = {
  'aes-256-cbc': { key: 32, iv: 16, block: 16 },
  'aes-128-cbc': { key: 16, iv: 16, block: 16 },
  'aes-192-cbc': { key: 24, iv: 16, block: 16 },
  'aes-256-ctr': { key: 32, iv: 16, block: 1 },
  'aes-128-ctr': { key: 16, iv: 16, block: 1 },
  'aes-192-ctr': { key: 24, iv: 16, block: 1 },
  'des-ede3-cbc': { key: 24, iv: 8, block: 8 },
} as const;

export type CipherName = keyof typeof CIPHERS;

/** `openssl enc -pbkdf2` without `-iter`. */
const defaultIterations = 10_000;
/** What we write: the number that OWASP recommends for PBKDF2 with SHA-256. */
export const writtenIterations = 600_000;
const mostIterations = 100_000_000;

export const WRITTEN_SCHEME: OpensslScheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: writtenIterations };

/** The scheme as options of `openssl enc`. */
export function opensslOptions({ cipher, digest, iterations, isUnsalted }: OpensslScheme): string {
  const derivation = iterations === undefined ? `-md ${digest}` : `-md ${digest} -pbkdf2 -iter ${iterations}`;
  return `-${cipher} ${derivation}${isUnsalted ? ' -nosalt' : ''}`;
}

/** The command that reads such a file, for people to keep beside it. */
export function opensslCommand(scheme: OpensslScheme, input: string): string {
  return `openssl enc -d ${opensslOptions(scheme)} -in ${input} -out PLAIN -pass file:PASSWORD-FILE`;
}

export interface OpensslStart {
  /** The first bytes of the file, `Salted__` included: all of them, or some kilobytes. */
  bytes: Uint8Array;
  /** The file's whole length and its last bytes (two cipher blocks at least), where they are known. */
  size?: number;
  tail?: Uint8Array;
}

export interface OpensslFit {
  scheme: OpensslScheme;
  password: Uint8Array;
  /** `contents`: what came out makes sense. `padding`: only the padding is right, which a wrong password hits too, once in 256. */
  provenBy: 'contents' | 'padding';
  /** Worth telling: how the password file had to be read. */
  note?: string;
}

/**
 * Finds the scheme and the reading of the password under which the start of a file makes sense. What the caller
 * prescribes is taken as given; the rest is tried in the order of likelihood.
 *
 * Padding alone decides only where a single scheme is left to try, and says so in `provenBy`.
 *
 * @throws RestoreError `wrong-key` when nothing fits, `truncated` when there is nothing but a header, `usage` or
 *   `unsupported` for parameters that `openssl enc` does not have, `cancelled`
 */
export async function fitOpenssl(
  start: OpensslStart,
  stored: Uint8Array,
  parameters: OpensslParameters = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<OpensslFit> {
  const isUnsalted = parameters.hasSalt === false;
  const salt = isUnsalted ? new Uint8Array(0) : saltOf(start.bytes);
  const size = start.size;
  const headerBytes = headerBytesOf({ isUnsalted });
  if (size !== undefined && size <= headerBytes) failCut(size, 'there is nothing after the header');
  const readings = passwordReadings(stored);
  const schemes = candidates(parameters, size);
  let paddingFit: OpensslFit | undefined;
  for (const derivations of groupByDerivation(schemes)) {
    for (const reading of readings) {
      throwIfCancelled(signal);
      const derived = await derive(reading.bytes, salt, derivations[0] as OpensslScheme);
      try {
        for (const scheme of derivations) {
          const provenBy = judge(scheme, derived, start);
          const fit = provenBy && toFit(scheme, reading, provenBy);
          if (fit?.provenBy === 'contents') return fit;
          paddingFit ??= fit;
        }
      } finally {
        derived.fill(0);
      }
    }
  }
  if (paddingFit && schemes.length === 1) return paddingFit;
  const tried =
    schemes.length === 1
      ? `with ${opensslOptions(schemes[0] as OpensslScheme)}`
      : `with any of the ${schemes.length} usual combinations of cipher, digest and rounds`;
  if (
    size !== undefined &&
    schemes.every((it) => CIPHERS[it.cipher].block > 1 && (size - headerBytes) % CIPHERS[it.cipher].block !== 0)
  ) {
    failCut(size, 'its length is no multiple of the cipher block');
  }
  fail('wrong-key', 'decrypt', `the password does not open the file ${tried}: what comes out is noise`, {
    offset: headerBytes,
    hint:
      schemes.length === 1
        ? 'Check the password, and the options the file was encrypted with (-md, -pbkdf2, -iter); leave them out to have the usual ones tried.'
        : 'Check the password; if it is right, name the options the file was encrypted with (cipher, digest, pbkdf2, iterations).',
  });
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
  const reader = new ByteReader(input);
  try {
    const headerBytes = headerBytesOf(scheme);
    const salt = scheme.isUnsalted ? new Uint8Array(0) : saltOf(await reader.read(headerBytes));
    const { key, iv, block } = CIPHERS[scheme.cipher];
    const derived = await derive(password, salt, scheme);
    const decipher = createDecipheriv(scheme.cipher, derived.subarray(0, key), derived.subarray(key, key + iv));
    derived.fill(0);
    for await (const piece of reader.take(Number.POSITIVE_INFINITY)) {
      const plain = decipher.update(piece);
      if (plain.length > 0) yield plain;
    }
    if (block > 1 && (reader.offset === headerBytes || (reader.offset - headerBytes) % block !== 0)) {
      failCut(reader.offset, 'it does not end at the end of a cipher block');
    }
    const last = finish(decipher, reader.offset - block);
    if (last.length > 0) yield last;
  } finally {
    await reader.close();
  }
}

/** Encrypts so that `openssl enc -d` with the same options can read it. A fresh salt every time. */
export async function* encryptOpenssl(
  input: AsyncIterable<Uint8Array>,
  password: Uint8Array,
  scheme: OpensslScheme = WRITTEN_SCHEME,
): AsyncGenerator<Uint8Array, void, undefined> {
  const salt = randomBytes(scheme.isUnsalted ? 0 : saltBytes);
  const { key, iv } = CIPHERS[scheme.cipher];
  const derived = await derive(password, salt, scheme);
  const cipher = createCipheriv(scheme.cipher, derived.subarray(0, key), derived.subarray(key, key + iv));
  derived.fill(0);
  if (!scheme.isUnsalted) yield concat([saltedMagic, salt]);
  for await (const piece of input) {
    const encrypted = cipher.update(piece);
    if (encrypted.length > 0) yield encrypted;
  }
  const last = cipher.final();
  if (last.length > 0) yield last;
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

/** Digests of the old derivation: today's default, that of OpenSSL before 1.1.0, then what people write out. */
const OLD_DIGESTS: readonly Digest[] = ['sha256', 'md5', 'sha1', 'sha512'];
/** Rounds seen in backup scripts, the default of openssl first. */
const LIKELY_ITERATIONS = [
  10_000, 100_000, 600_000, 1_000, 1_000_000, 310_000, 200_000, 500_000, 210_000, 250_000, 300_000, 50_000, 20_000,
  65_536, 4_096, 2_048, 120_000, 150_000,
];
/** Rounds worth trying with a digest that nobody uses by accident. */
const FEW_ITERATIONS = [10_000, 100_000, 1_000, 600_000];

/** Rounds, less for the counts that manuals recommend: what is likely may cost more. */
function patience({ digest, iterations = 0 }: Pick<OpensslScheme, 'digest' | 'iterations'>): number {
  const isRecommended = digest === 'sha256' && (iterations === writtenIterations || iterations === 100_000);
  return isRecommended ? iterations / 50 : iterations;
}

function candidates(parameters: OpensslParameters, size: number | undefined): OpensslScheme[] {
  const { digest, pbkdf2: wantsPbkdf2 } = parameters;
  const iterations = checkedIterations(parameters.iterations);
  const ciphers = parameters.cipher === undefined ? likelyCiphers(size) : [cipherName(parameters.cipher)];
  const derivations: Pick<OpensslScheme, 'digest' | 'iterations'>[] = [];
  const isOldPossible = wantsPbkdf2 !== true && iterations === undefined;
  const isNewPossible = wantsPbkdf2 !== false || iterations !== undefined;
  const isWanted = (it: Digest) => digest === undefined || digest === it;
  if (isNewPossible && isWanted('sha256'))
    derivations.push({ digest: 'sha256', iterations: iterations ?? defaultIterations });
  if (isOldPossible)
    for (const old of OLD_DIGESTS) if (isWanted(old)) derivations.push({ digest: old, iterations: undefined });
  if (isNewPossible) {
    // Whoever names pbkdf2 and no rounds has used the default of openssl.
    const isDefault = wantsPbkdf2 === true && iterations === undefined && digest !== undefined;
    for (const other of ['sha256', 'sha512', 'sha1', 'md5'] as const) {
      if (!isWanted(other)) continue;
      const rounds =
        iterations !== undefined
          ? [iterations]
          : isDefault
            ? [defaultIterations]
            : other === 'sha256'
              ? LIKELY_ITERATIONS
              : FEW_ITERATIONS;
      for (const count of rounds) {
        if (!derivations.some((it) => it.digest === other && it.iterations === count))
          derivations.push({ digest: other, iterations: count });
      }
    }
  }
  // Cheap ones first: what takes a second is tried when all else has failed.
  derivations.sort((one, other) => patience(one) - patience(other));
  const unsalted = parameters.hasSalt === false && { isUnsalted: true };
  return derivations.flatMap((derivation) => ciphers.map((cipher) => ({ cipher, ...derivation, ...unsalted })));
}

/** A length that is no multiple of a block leaves the stream ciphers; the block ciphers stay for the sake of cut files. */
function likelyCiphers(size: number | undefined): CipherName[] {
  const names = Object.keys(CIPHERS) as CipherName[];
  // A header is as long as a block: with or without it the remainder is the same.
  if (size === undefined || size % 16 === 0) return names;
  return [...names.filter((it) => CIPHERS[it].block === 1), ...names.filter((it) => CIPHERS[it].block > 1)];
}

/** Schemes that share a derivation stand together: it is the expensive part, and a longer result starts like a shorter one. */
function groupByDerivation(schemes: readonly OpensslScheme[]): OpensslScheme[][] {
  const groups = new Map<string, OpensslScheme[]>();
  for (const scheme of schemes) {
    const name = `${scheme.digest} ${scheme.iterations}`;
    const group = groups.get(name);
    if (group) group.push(scheme);
    else groups.set(name, [scheme]);
  }
  return [...groups.values()];
}

const mostDerivedBytes = 48;
const pbkdf2Async = promisify(pbkdf2);

/** 48 bytes, of which a cipher takes its key and then its IV. The caller wipes them. */
async function derive(
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

/** Bytes of text that do not come out of noise by accident, not even in hundreds of tries: 0.4 to the power of 32. */
const enoughBytes = 32;

function judge(scheme: OpensslScheme, derived: Uint8Array, start: OpensslStart): OpensslFit['provenBy'] | undefined {
  const headerBytes = headerBytesOf(scheme);
  const { key: keyBytes, iv: ivBytes, block } = CIPHERS[scheme.cipher];
  const key = derived.subarray(0, keyBytes);
  const isWhole = start.size !== undefined && start.bytes.length >= start.size;
  const body = start.bytes.subarray(
    headerBytes,
    headerBytes + Math.floor((start.bytes.length - headerBytes) / block) * block,
  );
  if (body.length === 0) return undefined;
  const plain = decryptBlocks(scheme.cipher, key, derived.subarray(keyBytes, keyBytes + ivBytes), body);
  try {
    const isAligned = block === 1 || (start.bytes.length - headerBytes) % block === 0;
    const padding = isWhole && isAligned && block > 1 ? paddingOf(plain, block) : 0;
    if (padding === undefined) {
      // A whole file whose last block has no padding: noise, or cut at the border of a block.
      const before = plain.subarray(0, plain.length - block);
      return before.length >= enoughBytes && looksMeaningful(before) ? 'contents' : undefined;
    }
    const contents = plain.subarray(0, plain.length - padding);
    // Without padding as a second witness a short text could come out of noise in one of so many tries.
    if (block === 1) return contents.length >= enoughBytes && looksMeaningful(contents) ? 'contents' : undefined;
    if (looksMeaningful(contents)) return 'contents';
    // Eight equal bytes of padding, or an empty file's sixteen, are no accident of a wrong key.
    if (isWhole && padding >= 8) return 'contents';
    if (isWhole) return isAligned ? 'padding' : undefined;
    return start.tail && hasPadding(scheme, key, start.tail) ? 'padding' : undefined;
  } finally {
    plain.fill(0);
  }
}

function decryptBlocks(cipher: CipherName, key: Uint8Array, iv: Uint8Array, blocks: Uint8Array): Uint8Array {
  const decipher = createDecipheriv(cipher, key, iv);
  decipher.setAutoPadding(false);
  return decipher.update(blocks);
}

/** PKCS#7: how many bytes at the end are padding; undefined when it is none. */
function paddingOf(plain: Uint8Array, block: number): number | undefined {
  const padding = plain.at(-1) ?? 0;
  if (padding < 1 || padding > block || padding > plain.length) return undefined;
  return plain.subarray(plain.length - padding).every((byte) => byte === padding) ? padding : undefined;
}

/** Decrypts the last block alone: in CBC the block before it is all that is needed. */
function hasPadding({ cipher }: OpensslScheme, key: Uint8Array, tail: Uint8Array): boolean {
  const { block } = CIPHERS[cipher];
  if (tail.length < 2 * block) return false;
  const last = decryptBlocks(
    cipher,
    key,
    tail.subarray(tail.length - 2 * block, tail.length - block),
    tail.subarray(tail.length - block),
  );
  return paddingOf(last, block) !== undefined;
}

function toFit(scheme: OpensslScheme, reading: PasswordReading, provenBy: OpensslFit['provenBy']): OpensslFit {
  const fit: OpensslFit = { scheme, password: reading.bytes, provenBy };
  return reading.note === undefined ? fit : { ...fit, note: reading.note };
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

function headerBytesOf({ isUnsalted }: Pick<OpensslScheme, 'isUnsalted'>): number {
  return isUnsalted ? 0 : headerBytes;
}

function saltOf(header: Uint8Array): Uint8Array {
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
        hint: 'If it was encrypted with -nosalt, say so (--nosalt); files that were encrypted with -K are not supported. `restorable inspect` says what the file is.',
      },
    );
  }
  if (header.length < headerBytes) failCut(header.length, 'the header alone has 16 bytes');
  return header.subarray(saltedMagic.length, headerBytes);
}

function failCut(offset: number, what: string): never {
  fail('truncated', 'decrypt', `the file is cut off after ${offset} bytes: ${what}`, {
    offset,
    hint: 'Copy the file again from where it was written.',
  });
}

/** openssl's own aliases: `aes256` and `aes-256` mean CBC, `des3` is three-key triple DES in CBC. */
function cipherName(written: string): CipherName {
  const name = written.toLowerCase().replace(/^-+/, '');
  const aliases: Record<string, CipherName> = { des3: 'des-ede3-cbc', 'des-ede3': 'des-ede3-cbc' };
  const aes = /^aes-?(128|192|256)(?:-?(cbc|ctr))?$/.exec(name);
  const canonical = aes ? `aes-${aes[1]}-${aes[2] ?? 'cbc'}` : (aliases[name] ?? name);
  if (canonical in CIPHERS) return canonical as CipherName;
  fail('unsupported', 'key', `the cipher ${/^[\w-]{1,40}$/.test(name) ? name : 'of that name'} is not supported`, {
    hint: `Supported are ${Object.keys(CIPHERS).join(', ')}.`,
  });
}

function checkedIterations(iterations: number | undefined): number | undefined {
  if (iterations === undefined) return undefined;
  if (Number.isInteger(iterations) && iterations >= 1 && iterations <= mostIterations) return iterations;
  fail('usage', 'key', `the number of rounds must be a whole number from 1 to ${mostIterations}`, {});
}
