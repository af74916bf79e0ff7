/**
 * Finds out how a file of `openssl enc` was encrypted: it does not say, so what is likely is tried, on several threads, and
 * the contents decide. Deriving a key is what costs; every cipher takes its key and IV from the start of the same bytes.
 */

import { createDecipheriv, getCiphers } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { constants, gunzipSync } from 'node:zlib';
import { hasKnownForm, isCompressible, isText, looksMeaningful, sniff } from '../contents/sniff.ts';
import { fail, RestoreError } from '../failure.ts';
import type { OpensslParameters } from '../job.ts';
import { cancelled, throwIfCancelled } from '../run-context.ts';
import {
  CIPHERS,
  type CipherName,
  checkedIterations,
  cipherName,
  type Digest,
  defaultIterations,
  derive,
  failCut,
  headerBytesOf,
  type OpensslScheme,
  opensslOptions,
  type RawKey,
  saltOf,
  writtenIterations,
} from './openssl.ts';
import { type PasswordReading, passwordReadings } from './password.ts';

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
  /**
   * `contents`: what came out makes sense. `padding`: only the padding is right, which a wrong password hits too, once in 256.
   * `nothing`: it was taken as it was given, since nothing could show that it is right.
   */
  provenBy: 'contents' | 'padding' | 'nothing';
  /** Worth telling: how the password file had to be read. */
  note?: string;
}

export interface SearchOptions {
  signal?: AbortSignal;
  /** Called before each derivation that takes a while, with what is tried: `-md sha256 -pbkdf2 -iter 600000 (17 of 34)`. */
  onTry?: (what: string) => void;
  /** Takes a scheme that is prescribed in full as it is, where what comes out cannot show that it is right. */
  allowUnproven?: boolean;
}

/**
 * Finds the scheme and the reading of the password under which the start of a file makes sense. What the caller
 * prescribes is taken as given; the rest is tried in the order of likelihood, cheap derivations first. When a scheme fits
 * that comes early in this order, those behind it do not count, whichever thread was first.
 *
 * Padding alone decides only where a single scheme is left to try, and says so in `provenBy`.
 *
 * @throws RestoreError `wrong-key` when nothing fits, `truncated` when there is nothing but a header, `usage` or
 *   `unsupported` for parameters that `openssl enc` does not have, `cancelled` at once, however much work is under way
 */
export async function fitOpenssl(
  start: OpensslStart,
  stored: Uint8Array,
  parameters: OpensslParameters = {},
  options: SearchOptions = {},
): Promise<OpensslFit> {
  try {
    return await fitSalted(start, stored, parameters, options);
  } catch (error) {
    const isOther = error instanceof RestoreError && ['wrong-key', 'truncated'].includes(error.failure.code);
    if (!isOther || parameters.hasSalt === false || parameters.pbkdf2 === false) throw error;
    // A long salt comes with PBKDF2 only, and by hand: it is worth the usual rounds, or those that are given.
    const { iterations = defaultIterations, digest = 'sha256' } = parameters;
    const long = { ...parameters, pbkdf2: true, iterations, digest };
    const fit = await fitSalted(start, stored, long, { ...options, allowUnproven: false }, longSaltBytes).catch(
      (another: unknown) => {
        throw another instanceof RestoreError && another.failure.code !== 'cancelled' ? error : another;
      },
    );
    if (fit.provenBy !== 'contents') throw error;
    return fit;
  }
}

/** The longest that `-saltlen` takes. */
const longSaltBytes = 16;

async function fitSalted(
  start: OpensslStart,
  stored: Uint8Array,
  parameters: OpensslParameters,
  { signal = new AbortController().signal, onTry = () => undefined, allowUnproven = false }: SearchOptions,
  saltBytes?: number,
): Promise<OpensslFit> {
  const isUnsalted = parameters.hasSalt === false;
  const size = start.size;
  const headerBytes = headerBytesOf({ isUnsalted, saltBytes });
  const salt = isUnsalted ? new Uint8Array(0) : saltOf(start.bytes.subarray(0, headerBytes), headerBytes);
  if (size !== undefined && size <= headerBytes) failCut(size, 'there is nothing after the header');
  const bodySize = size === undefined ? undefined : size - headerBytes;
  const schemes = candidates(parameters, bodySize).map((it) => (saltBytes === undefined ? it : { ...it, saltBytes }));
  const readings = passwordReadings(stored);
  const trials = trialsOf(schemes, readings, parameters);
  let paddingFit: OpensslFit | undefined;
  const derivations = new Derivations(trials, salt, { signal, onTry });
  try {
    for (const [index, { schemes: own, reading }] of trials.entries()) {
      const derived = await derivations.result(index);
      try {
        for (const scheme of own) {
          const { key, iv } = CIPHERS[scheme.cipher];
          const raw = { cipher: scheme.cipher, key: derived.subarray(0, key), iv: derived.subarray(key, key + iv) };
          const provenBy = judge(raw, start, headerBytes);
          const fit = provenBy && toFit(scheme, reading, provenBy);
          if (fit?.provenBy === 'contents') return fit;
          paddingFit ??= fit;
        }
      } finally {
        derived.fill(0);
      }
    }
  } finally {
    derivations.wipe();
  }
  if (paddingFit && schemes.length === 1) return paddingFit;
  const [only] = schemes.length === 1 ? schemes : [];
  const [reading] = readings;
  const isSilent = only !== undefined && isUntellable(only.cipher, start);
  if (isSilent && allowUnproven && reading) return toFit(only, reading, 'nothing');
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
  const bytes = size === undefined ? undefined : size - headerBytes;
  const isFew = only !== undefined && CIPHERS[only.cipher].block === 1 && bytes !== undefined && bytes < enoughBytes;
  fail(
    'wrong-key',
    'decrypt',
    isFew
      ? `nothing shows that the password opens the file ${tried}: ${bytes} bytes of this cipher are too few to tell`
      : isSilent
        ? `what comes out ${tried} is noise: the password or the options are wrong, unless the contents are noise themselves`
        : `the password does not open the file ${tried}: what comes out is noise`,
    {
      offset: headerBytes,
      hint: only
        ? `Check the password, and the options the file was encrypted with (-md, -pbkdf2, -iter); leave them out to have the usual ones tried.${isSilent ? ` ${unprovenHint}` : ''}`
        : 'Check the password; if it is right, name the options the file was encrypted with (cipher, digest, pbkdf2, iterations).',
    },
  );
}

/** What can be done where the right key looks like a wrong one. */
export const unprovenHint =
  'If the contents are noise themselves (encrypted once more, brotli), or a few bytes, --allow-unauthenticated takes it as it is.';

/** A stream cipher has no padding, and of text (base64) of any length the end is not at hand: only the contents could tell. */
export function isUntellable(cipher: CipherName, { size, tail }: Pick<OpensslStart, 'size' | 'tail'>): boolean {
  return CIPHERS[cipher].block === 1 || (size === undefined && tail === undefined);
}

/** One derivation of a key, and the schemes that share it. */
interface Trial {
  schemes: OpensslScheme[];
  reading: PasswordReading;
}

/** Derives ahead of who judges, as many keys at a time as there are threads. */
class Derivations {
  readonly #trials: readonly Trial[];
  readonly #salt: Uint8Array;
  readonly #options: Required<Pick<SearchOptions, 'signal' | 'onTry'>>;
  readonly #running = new Map<number, Promise<Uint8Array>>();
  #started = 0;

  constructor(trials: readonly Trial[], salt: Uint8Array, options: Required<Pick<SearchOptions, 'signal' | 'onTry'>>) {
    this.#trials = trials;
    this.#salt = salt;
    this.#options = options;
  }

  /** The derived bytes of a trial, to be asked for in their order; the caller wipes them. */
  async result(index: number): Promise<Uint8Array> {
    const { signal } = this.#options;
    throwIfCancelled(signal);
    while (this.#started < Math.min(this.#trials.length, index + lanes)) this.#start();
    const running = this.#running.get(index) as Promise<Uint8Array>;
    const derived = await unlessAborted(running, signal);
    this.#running.delete(index);
    return derived;
  }

  #start(): void {
    const index = this.#started++;
    const { schemes, reading } = this.#trials[index] as Trial;
    const scheme = schemes[0] as OpensslScheme;
    if ((scheme.iterations ?? 0) >= tellingIterations) {
      const { digest, iterations } = scheme;
      this.#options.onTry(`-md ${digest} -pbkdf2 -iter ${iterations} (${index + 1} of ${this.#trials.length})`);
    }
    const running = derive(reading.bytes, this.#salt, scheme);
    // It may fail before it is asked for.
    running.catch(() => undefined);
    this.#running.set(index, running);
  }

  /** What runs still is wiped as soon as it is there. */
  wipe(): void {
    for (const it of this.#running.values()) {
      it.then(
        (derived) => void derived.fill(0),
        () => undefined,
      );
    }
  }
}

/** Node's own threads for such work are four, unless somebody asked for more. */
const lanes = Math.max(1, Math.min(4, availableParallelism()));
/** Some milliseconds: what is faster needs no word. */
const tellingIterations = 10_000;

/** @throws RestoreError `cancelled` as soon as the signal is given; the work goes on to its end by itself */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        onAbort = () => reject(cancelled());
        signal.addEventListener('abort', onAbort, { once: true });
      }),
    ]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}

/** Digests of the old derivation: today's default, that of OpenSSL before 1.1.0, then what people write out. */
const OLD_DIGESTS: readonly Digest[] = ['sha256', 'md5', 'sha1', 'sha512', 'sha384', 'sha224'];
/** Of PBKDF2. */
const DIGESTS: readonly Digest[] = ['sha256', 'sha512', 'sha1', 'md5', 'sha384', 'sha224'];
/** Rounds seen in backup scripts, the default of openssl first. */
const LIKELY_ITERATIONS = [
  10_000, 100_000, 600_000, 1_000, 1_000_000, 310_000, 200_000, 500_000, 210_000, 250_000, 300_000, 50_000, 20_000,
  65_536, 4_096, 2_048, 120_000, 150_000,
];
/** Rounds worth trying with a digest that nobody uses by accident; with the old ones nobody counts high. */
const FEW_ITERATIONS: Partial<Record<Digest, readonly number[]>> = {
  sha512: [10_000, 100_000, 1_000, 600_000],
  sha1: [10_000, 100_000, 1_000],
  md5: [10_000, 100_000, 1_000],
  sha384: [10_000],
  sha224: [10_000],
};

/** Rounds, less for the counts that manuals recommend: what is likely may cost more. */
function patience({ digest, iterations = 0 }: Pick<OpensslScheme, 'digest' | 'iterations'>): number {
  const isRecommended = digest === 'sha256' && (iterations === writtenIterations || iterations === 100_000);
  return isRecommended ? iterations / 50 : iterations;
}

/** @param size of the ciphertext */
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
    for (const other of DIGESTS) {
      if (!isWanted(other)) continue;
      const rounds =
        iterations !== undefined
          ? [iterations]
          : isDefault
            ? [defaultIterations]
            : other === 'sha256'
              ? LIKELY_ITERATIONS
              : (FEW_ITERATIONS[other] ?? []);
      for (const count of rounds) {
        if (!derivations.some((it) => it.digest === other && it.iterations === count))
          derivations.push({ digest: other, iterations: count });
      }
    }
  }
  // Cheap ones first: what takes a second is tried when all else has failed.
  derivations.sort((one, other) => patience(one) - patience(other));
  const unsalted = parameters.hasSalt === false && { isUnsalted: true };
  const unlikely = new Set(
    parameters.cipher === undefined ? (Object.keys(CIPHERS) as CipherName[]).slice(LIKELY_CIPHERS) : [],
  );
  return derivations.flatMap((derivation) =>
    ciphers
      .filter((it) => patience(derivation) <= mostUnlikely || !unlikely.has(it))
      .map((cipher) => ({ cipher, ...derivation, ...unsalted })),
  );
}

/** Ciphers that are tried with every derivation, and those that are worth no more than a cheap one. */
const LIKELY_CIPHERS = 7;
const TRIED_CIPHERS = 11;

/** A length that is no multiple of a block leaves the stream ciphers; the block ciphers stay for the sake of cut files. */
function likelyCiphers(size: number | undefined): CipherName[] {
  const names = (Object.keys(CIPHERS) as CipherName[])
    .slice(0, TRIED_CIPHERS)
    .filter((it, index) => index < LIKELY_CIPHERS || getCiphers().includes(it));
  if (size === undefined || size % 16 === 0) return names;
  return [...names.filter((it) => CIPHERS[it].block === 1), ...names.filter((it) => CIPHERS[it].block > 1)];
}

/** Reading a password file in an unusual way is tried with what costs little only, unless the rounds are known. */
const mostUnlikely = writtenIterations / 50;

/** Schemes that share a derivation are one trial: it is the expensive part, and a longer result starts like a shorter one. */
function trialsOf(
  schemes: readonly OpensslScheme[],
  readings: readonly PasswordReading[],
  { iterations }: OpensslParameters,
): Trial[] {
  const groups = new Map<string, OpensslScheme[]>();
  for (const scheme of schemes) {
    const name = `${scheme.digest} ${scheme.iterations}`;
    const group = groups.get(name);
    if (group) group.push(scheme);
    else groups.set(name, [scheme]);
  }
  return [...groups.values()].flatMap((own) => {
    const isCheap = iterations !== undefined || patience(own[0] as OpensslScheme) <= mostUnlikely;
    return (isCheap ? readings : readings.slice(0, 1)).map((reading) => ({ schemes: own, reading }));
  });
}

/** Bytes of text that do not come out of noise by accident, not even in hundreds of tries: 0.4 to the power of 32. */
const enoughBytes = 32;

/**
 * Whether what comes out of the start makes sense.
 *
 * @param headerBytes where the ciphertext begins
 */
export function judge(
  { cipher, key, iv }: RawKey,
  start: OpensslStart,
  headerBytes: number,
): 'contents' | 'padding' | undefined {
  const { block } = CIPHERS[cipher];
  const isWhole = start.size !== undefined && start.bytes.length >= start.size;
  const body = start.bytes.subarray(
    headerBytes,
    headerBytes + Math.floor((start.bytes.length - headerBytes) / block) * block,
  );
  if (body.length === 0) return undefined;
  const plain = decryptBlocks(cipher, key, iv, body);
  try {
    const isAligned = block === 1 || (start.bytes.length - headerBytes) % block === 0;
    const padding = isWhole && isAligned && block > 1 ? paddingOf(plain, block) : 0;
    if (padding === undefined) {
      // A whole file whose last block has no padding: noise, or cut at the border of a block.
      const before = plain.subarray(0, plain.length - block);
      return before.length >= enoughBytes && seemsRight(before, start) ? 'contents' : undefined;
    }
    const contents = plain.subarray(0, plain.length - padding);
    // Without padding as a second witness a short text could come out of noise in one of so many tries.
    if (block === 1) {
      const isRight = contents.length >= enoughBytes && seemsRight(contents, start) && isRightBehindStart(contents);
      return isRight ? 'contents' : undefined;
    }
    if (seemsRight(contents, start)) return 'contents';
    // Eight equal bytes of padding, or an empty file's sixteen, are no accident of a wrong key.
    if (isWhole && padding >= 8) return 'contents';
    if (isWhole) return isAligned ? 'padding' : undefined;
    return start.tail && hasPadding(cipher, key, start.tail) ? 'padding' : undefined;
  } finally {
    plain.fill(0);
  }
}

/**
 * Repetition shows a right key only where the ciphertext has none: ECB hands it through, and any key makes repetition of
 * repetition.
 */
function seemsRight(plain: Uint8Array, { bytes }: OpensslStart): boolean {
  let isRepeating = REPEATING.get(bytes);
  if (isRepeating === undefined) {
    isRepeating = isCompressible(bytes);
    REPEATING.set(bytes, isRepeating);
  }
  if (!isRepeating) return looksMeaningful(plain);
  return hasKnownForm(plain) && (!isText(plain) || isText(withoutRepetition(plain)));
}

/** Each block once: a few that come again and again are no more of a proof than a few. */
function withoutRepetition(plain: Uint8Array): Uint8Array {
  const text = Buffer.from(plain.buffer, plain.byteOffset, plain.length).toString('latin1');
  return Buffer.from([...new Set(text.match(/[\s\S]{1,16}/g))].join(''), 'latin1');
}

const REPEATING = new WeakMap<Uint8Array, boolean>();

/** CTR, CFB and OFB agree on the first block: a signature in it does not say which of them it was. */
function isRightBehindStart(plain: Uint8Array): boolean {
  if (sniff(plain) !== 'gzip') return true;
  try {
    gunzipSync(plain, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 64 * 1024 * 1024 });
    return true;
  } catch (error) {
    return error instanceof RangeError;
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

/** Decrypts the last block alone: in CBC the block before it is all that is needed, in ECB not even that. */
function hasPadding(cipher: CipherName, key: Uint8Array, tail: Uint8Array): boolean {
  const { block } = CIPHERS[cipher];
  if (tail.length < 2 * block) return false;
  const last = decryptBlocks(
    cipher,
    key,
    CIPHERS[cipher].iv === 0 ? new Uint8Array(0) : tail.subarray(tail.length - 2 * block, tail.length - block),
    tail.subarray(tail.length - block),
  );
  return paddingOf(last, block) !== undefined;
}

function toFit(scheme: OpensslScheme, reading: PasswordReading, provenBy: OpensslFit['provenBy']): OpensslFit {
  const fit: OpensslFit = { scheme, password: reading.bytes, provenBy };
  return reading.note === undefined ? fit : { ...fit, note: reading.note };
}
