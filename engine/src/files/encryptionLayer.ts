/** Finds out how bytes are encrypted and opens them with whichever of the offered keys fits. */

import { ByteReader, kept, type StreamOptions } from '../bytes.ts';
import { base64Start, decodeBase64 } from '../contents/base64.ts';
import { type ContentKind, looksMeaningful, sniff, sniffBytes } from '../contents/sniff.ts';
import { openCms } from '../crypto/cms.ts';
import { decodeCmsText, isCmsText } from '../crypto/cmsText.ts';
import { openOpenpgp } from '../crypto/openpgp.ts';
import { decodeArmor } from '../crypto/openpgpArmor.ts';
import { decryptOpenssl, decryptWithRawKey, headerBytes, opensslOptions } from '../crypto/openssl.ts';
import { fitOpenssl } from '../crypto/opensslFit.ts';
import { fitRawKey, rawKeyIn } from '../crypto/opensslRawKey.ts';
import { decryptSodium, sodiumFit, sodiumLength, sodiumStartBytes } from '../crypto/sodium.ts';
import { possibleSodiumKeys, type SodiumKey, sodiumKey } from '../crypto/sodiumKey.ts';
import { fail, RestoreError } from '../failure.ts';
import type { KeyOffer, Method, OpensslParameters } from '../job.ts';
import { fingerprintOf } from '../keys/generate.ts';
import type { Report } from '../report.ts';

export interface LayerOptions extends StreamOptions {
  offers: readonly KeyOffer[];
  openssl?: OpensslParameters;
  /** Said by the caller; seen from the bytes when absent. */
  method?: Method;
  /** As in `DecryptJob`. */
  allowUnauthenticated?: boolean;
  allowCostly?: boolean;
  signers?: readonly KeyOffer[];
  /** A layer was opened already: what is inside is a libsodium stream only if a key opens it, not for want of a signature. */
  isInner?: boolean;
  /** Length of everything in the reader, and its last bytes (`tailBytes`), where they are known: only for a file itself. */
  size?: number;
  tail?: Uint8Array;
  signal: AbortSignal;
  /** Hears what is tried while a key is looked for, where that takes a while. */
  onTry?: (what: string) => void;
}

/** Three blocks of a cipher, also where they stand as base64 with line ends. */
export const tailBytes = 128;

export interface EncryptionLayer {
  /** As in `Report.format`. */
  name: 'sodium' | 'openpgp' | 'openssl' | 'cms';
  key: Report['keys'][number];
  /** Whether the format proves what it gives, and how, as the end of a sentence: `each chunk carries its own MAC`. */
  isAuthenticated: boolean;
  proof: string;
  /** false: the key is likely but not proven; the contents have to show it. */
  isKeyProven: boolean;
  /** Whether bytes are authentic as they come, or only when the stream has ended. */
  isAuthenticAtOnce: boolean;
  /** CBC: a changed bit makes noise of a whole block, so text shows a change. In CTR it changes one bit only. */
  spreadsChanges: boolean;
  notes: string[];
  plain: AsyncIterable<Uint8Array>;
  /** Overwrites the key that `plain` uses. */
  wipe(): void;
}

/**
 * Opens the encryption that begins at the reader's place. undefined: what is there is not encrypted.
 *
 * The reader stays the caller's to close when nothing is returned; otherwise closing `plain` closes it.
 *
 * @throws RestoreError `wrong-key`, `truncated`, `damaged`, `unsupported`, and `usage` for keys that cannot be used
 */
export async function openEncryption(reader: ByteReader, options: LayerOptions): Promise<EncryptionLayer | undefined> {
  const start = await reader.peek(Math.max(sniffBytes, sodiumStartBytes));
  const kind = sniff(start);
  switch (options.method) {
    case 'sodium':
      return openSodium(reader, await sodiumCandidate(start, options.offers), options);
    case 'openpgp':
    case 'gpg':
      return openPgp(reader, kind, options);
    case 'openssl':
      return (
        (kind === 'text' ? await openText(reader, start, options) : await openWithRawKey(reader, options)) ??
        openSalted(reader, kind, options)
      );
    case 'pgbackrest':
      return openSalted(reader, kind, options);
    case 'cms':
      return openCmsMessage(reader, start, options);
  }
  // A libsodium stream has no signature, and by chance can begin like anything: its key proves it.
  const found = await sodiumCandidate(start, options.offers);
  if (found) return openSodium(reader, found, options);
  switch (kind) {
    case 'openpgp':
    case 'openpgp armored':
      return openPgp(reader, kind, options);
    case 'openssl':
    case 'openssl base64':
      return openSalted(reader, kind, options);
    case 'pkcs7':
      return openCmsMessage(reader, start, options);
    case 'pkcs7 signed':
    case 'pkcs7 compressed':
      // Inside an encryption they are its contents; outside, it is said what they are.
      return options.isInner ? undefined : openCmsMessage(reader, start, options);
    case 'age':
    case 'yckms':
      return fail('unsupported', 'decrypt', `the file is encrypted in a format that is not read: ${FOREIGN[kind]}`, {
        offset: 0,
        hint: 'Decrypt it with the program that wrote it, and test what comes out.',
      });
    case 'text':
      return openText(reader, start, options);
    case undefined: {
      const unsalted = (await openWithRawKey(reader, options)) ?? (await openUnsalted(reader, options));
      if (unsalted) return unsalted;
      return !options.isInner && options.offers.some((it) => it.kind === 'sodium')
        ? openSodium(reader, undefined, options)
        : undefined;
    }
    default:
      return undefined;
  }
}

export const FOREIGN = {
  age: 'age',
  yckms: 'a Yandex KMS envelope of WAL-G',
} as const;

async function openSodium(
  reader: ByteReader,
  found: SodiumCandidate | undefined,
  { offers, size, isLent }: LayerOptions,
): Promise<EncryptionLayer> {
  if (found === undefined && size !== undefined && size > 0) demandPossibleLength(size);
  const candidate = found ?? firstUsable(offers);
  const { offer, key } = candidate;
  const notes = key.note === undefined ? [] : [key.note];
  if (offer.keyTransform === undefined && found) notes.push(`the key opens it with the key transform ${key.transform}`);
  if (found && offer.keyTransform !== undefined && offer.keyTransform !== key.transform) {
    const { transform } = key;
    key.key.wipe();
    fail(
      'wrong-key',
      'key',
      `the key does not open the file with the key transform ${offer.keyTransform}, but it does with ${transform}`,
      {
        reason: 'key-transform',
        offset: 0,
        hint: `Set the key transform to ${transform}, here and in the configuration of the backups.`,
      },
    );
  }
  return {
    name: 'sodium',
    key: { source: offer.source, fingerprint: fingerprintOf(withoutLineEnd(offer.bytes)), opens: 'sodium' },
    isAuthenticated: true,
    proof: 'each chunk carries its own MAC, and the last one is marked as the last',
    isKeyProven: true,
    isAuthenticAtOnce: true,
    spreadsChanges: true,
    notes,
    plain: decryptSodium(reader.rest(), key.key.reveal(), { size, isLent }),
    wipe: () => key.key.wipe(),
  };
}

interface SodiumCandidate {
  offer: KeyOffer;
  key: SodiumKey;
}

/** The first key that opens the first chunk, or else one that makes sense of it; also under another transform than the one given. */
async function sodiumCandidate(start: Uint8Array, offers: readonly KeyOffer[]): Promise<SodiumCandidate | undefined> {
  let likely: SodiumCandidate | undefined;
  for (const offer of offers) {
    if (offer.kind !== 'sodium') continue;
    for (const key of sodiumReadings(offer)) {
      const fit = await sodiumFit(start, key.key.reveal());
      if (fit === 'opens') {
        likely?.key.key.wipe();
        return { offer, key };
      }
      if (fit === 'looks' && likely === undefined) likely = { offer, key };
      else key.key.wipe();
    }
  }
  return likely;
}

/** What was configured first, then every other way to read the text: a wrong transform is the most frequent mistake. */
function sodiumReadings(offer: KeyOffer): SodiumKey[] {
  const all = possibleSodiumKeys(offer.bytes);
  const isConfigured = (it: SodiumKey) => it.transform === offer.keyTransform;
  return [...all.filter(isConfigured), ...all.filter((it) => !isConfigured(it))];
}

/** When no key fits, the stream itself says what is wrong, with the key as it was meant. */
function firstUsable(offers: readonly KeyOffer[]): SodiumCandidate {
  let refusal: unknown;
  for (const offer of offers) {
    if (offer.kind !== 'sodium') continue;
    try {
      if (offer.keyTransform !== undefined) return { offer, key: sodiumKey(offer.bytes, offer.keyTransform) };
      const [key, ...others] = possibleSodiumKeys(offer.bytes);
      for (const it of others) it.key.wipe();
      if (key) return { offer, key };
      sodiumKey(offer.bytes, 'none');
    } catch (error) {
      refusal ??= error;
    }
  }
  if (refusal !== undefined) throw refusal;
  fail('wrong-key', 'key', 'the file may be a libsodium stream, and no libsodium key was offered', {
    hint: 'Offer the key that WAL-G is configured with (WALG_LIBSODIUM_KEY), and its key transform.',
  });
}

function demandPossibleLength(size: number): void {
  const length = sodiumLength(size);
  if (length.isPossible) return;
  fail('truncated', 'decrypt', `no whole libsodium stream has this length: ${length.cut}`, {
    offset: size,
    hint: 'Copy the file again from the storage. If it is no libsodium stream at all, it looks the same.',
  });
}

async function openPgp(
  reader: ByteReader,
  kind: ContentKind | undefined,
  { offers, signers = [], allowUnauthenticated, allowCostly }: LayerOptions,
): Promise<EncryptionLayer> {
  const isArmored = kind === 'openpgp armored';
  const usable = offers.filter((it) => it.kind === 'openpgp' || it.kind === 'password');
  const input = isArmored ? decodeArmor(kept(reader.rest())) : reader.rest();
  const opened = await withoutOffsets(isArmored, () =>
    openOpenpgp(
      input,
      usable.map(({ kind, bytes, passphrase }) => ({ kind: kind as 'openpgp' | 'password', bytes, passphrase })),
      { signers: signers.map((it) => it.bytes), allowUnauthenticated, allowCostly },
    ),
  );
  const { head } = opened;
  return {
    name: 'openpgp',
    key: { source: (usable[opened.offer] as KeyOffer).source, fingerprint: opened.fingerprint, opens: 'openpgp' },
    isAuthenticated: head.protection.kind !== 'none',
    proof:
      head.protection.kind === 'aead'
        ? `its chunks and its end carry tags (AEAD, ${head.protection.mode})`
        : 'its modification detection code (MDC) fits',
    // Without a proof of the data, a private key still proves itself: a wrong one does not open its session key.
    isKeyProven: head.protection.kind !== 'none' || opened.fingerprint !== null,
    isAuthenticAtOnce: opened.isProvenAtOnce || head.protection.kind === 'none',
    spreadsChanges: head.protection.kind !== 'none',
    notes: opened.notes,
    plain: isArmored ? mapFailures(opened.plain, dropOffset) : opened.plain,
    wipe: () => undefined,
  };
}

async function openCmsMessage(
  reader: ByteReader,
  start: Uint8Array,
  { offers, allowCostly, isLent }: LayerOptions,
): Promise<EncryptionLayer> {
  const isText = isCmsText(start);
  // Its reader keeps pieces.
  const rest = isLent ? kept(reader.rest()) : reader.rest();
  const usable = offers.filter((it) => it.kind === 'pem' || it.kind === 'password');
  for (const it of usable) if (it.kind === 'password') demandPassword(it);
  const opened = await withoutOffsets(isText, () =>
    openCms(
      isText ? decodeCmsText(rest) : rest,
      usable.map(({ kind, bytes, passphrase }) => ({ kind: kind as 'pem' | 'password', bytes, passphrase })),
      { allowCostly },
    ),
  );
  const { cipher, isAuthenticated } = opened.head;
  return {
    name: 'cms',
    key: { source: (usable[opened.offer] as KeyOffer).source, fingerprint: null, opens: `cms ${cipher}` },
    isAuthenticated,
    proof: 'its tag (AES-GCM) fits',
    isKeyProven: opened.isKeyProven,
    isAuthenticAtOnce: !isAuthenticated,
    spreadsChanges: cipher.endsWith('-cbc'),
    notes: opened.notes,
    plain: withTextNotes(isText ? mapFailures(opened.plain, dropOffset) : opened.plain, opened.notes),
    wipe: () => undefined,
  };
}

/** What openssl does to contents that it takes for a text shows in their first bytes. */
async function* withTextNotes(
  plain: AsyncIterable<Uint8Array>,
  notes: string[],
): AsyncGenerator<Uint8Array, void, undefined> {
  let isFirst = true;
  for await (const piece of plain) {
    if (isFirst) {
      isFirst = false;
      const start = Buffer.from(piece.subarray(0, sniffBytes)).toString('latin1');
      if (/^content-type: text\/plain\r?\n/i.test(start))
        notes.push('it begins with a header of a mail (openssl -text): take these lines off before you restore it');
      if (/\r\n/.test(start) && !/[^\r]\n/.test(start))
        notes.push('its line ends are CRLF: openssl changes them, in values as well, unless it is given -binary');
    }
    yield piece;
  }
}

async function openSalted(
  reader: ByteReader,
  kind: ContentKind | undefined,
  options: LayerOptions,
): Promise<EncryptionLayer> {
  const isText = kind === 'openssl base64';
  const inner = isText ? new ByteReader(decodeBase64(reader.rest())) : reader;
  const { signal, onTry, allowUnauthenticated, size: known, tail } = isText ? decodedOptions(options) : options;
  const bytes = await inner.peek(sniffBytes);
  const size = known ?? (bytes.length < sniffBytes ? bytes.length : undefined);
  let failure: unknown;
  for (const offer of options.offers) {
    const parameters = parametersFor(offer, options.openssl);
    if (parameters === undefined) continue;
    demandPassword(offer);
    try {
      const fit = await fitOpenssl({ bytes, size, tail }, offer.bytes, parameters, {
        signal,
        ...(onTry && { onTry }),
        ...(allowUnauthenticated && { allowUnproven: true }),
      });
      const described = opensslOptions(fit.scheme);
      return {
        name: 'openssl',
        key: { source: offer.source, fingerprint: null, opens: `openssl ${described}` },
        isAuthenticated: false,
        proof: '',
        isKeyProven: fit.provenBy === 'contents',
        isAuthenticAtOnce: true,
        spreadsChanges: fit.scheme.cipher.endsWith('-cbc'),
        notes: [
          `${fit.provenBy === 'contents' ? 'it was encrypted' : 'if the password is right, it was encrypted'} with openssl enc ${described}: write that down beside the backup, the file does not say it`,
          ...(fit.note === undefined ? [] : [fit.note]),
        ],
        plain: decryptOpenssl(inner.rest(), fit.password, fit.scheme),
        wipe: () => undefined,
      };
    } catch (error) {
      if (!(error instanceof RestoreError) || !['wrong-key', 'usage'].includes(error.failure.code)) throw error;
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  fail('wrong-key', 'key', 'the file is encrypted with a password (openssl enc, or pgBackRest), and none was offered', {
    offset: headerBytes,
    hint: 'Offer the password (--passphrase-file), or the repository’s cipher pass for a file of pgBackRest.',
  });
}

/**
 * A file of `openssl enc -nosalt` begins like noise: it is one only if a password makes sense of it, and not merely of its
 * padding.
 */
async function openUnsalted(reader: ByteReader, options: LayerOptions): Promise<EncryptionLayer | undefined> {
  const isSaid = options.openssl?.hasSalt === false;
  const offers = options.offers.filter((it) => it.kind === 'password');
  // To try the usual parameters takes seconds: not where a libsodium key says what the noise is meant to be.
  const isLikely = !options.isInner && options.offers.every((it) => it.kind !== 'sodium');
  if (offers.length === 0 || !(isSaid || isLikely)) return undefined;
  try {
    const layer = await openSalted(reader, undefined, {
      ...options,
      offers,
      openssl: { ...options.openssl, hasSalt: false },
    });
    return layer.isKeyProven || isSaid ? layer : undefined;
  } catch (error) {
    if (isSaid || !(error instanceof RestoreError) || !['wrong-key', 'truncated'].includes(error.failure.code))
      throw error;
    return undefined;
  }
}

/**
 * Text that is base64 of noise is what `openssl enc -a` makes of a ciphertext without salt.
 *
 * @throws RestoreError `wrong-key` where a password is offered and opens nothing: it would be wrong to call it plain
 */
async function openText(
  reader: ByteReader,
  start: Uint8Array,
  options: LayerOptions,
): Promise<EncryptionLayer | undefined> {
  const decoded = base64Start(start);
  const isSaid = isUnsaltedSaid(options.openssl);
  if (decoded === undefined)
    return isSaid ? ((await openWithRawKey(reader, options)) ?? openUnsalted(reader, options)) : undefined;
  const passwords = options.offers.filter((it) => it.kind === 'password');
  if (!isSaid && (options.isInner || !looksEncrypted(decoded) || passwords.length === 0)) return undefined;
  const inner = new ByteReader(decodeBase64(reader.rest()));
  const decoding = { ...decodedOptions(options), offers: passwords };
  const layer = (await openWithRawKey(inner, decoding)) ?? (await openUnsalted(inner, decoding));
  if (layer) return layer;
  fail(
    'wrong-key',
    'decrypt',
    'the text is base64 of bytes that look encrypted, as openssl enc -a -nosalt writes them, and what was offered does not open it',
    {
      offset: 0,
      hint: 'Check the password or the key; if it is right, name the options the file was encrypted with (--nosalt, --cipher, --digest, --iterations, or --iv).',
    },
  );
}

/** As for the bytes that text stands for: their number is not known, but their last ones can be had. */
function decodedOptions(options: LayerOptions): LayerOptions {
  const { size: _, tail, ...others } = options;
  const text = Buffer.from(tail ?? [])
    .toString('latin1')
    .replace(/\s+/g, '');
  // The end of base64 is the end of a group of four.
  const groups = text.slice(text.length % 4);
  return tail ? { ...others, tail: new Uint8Array(Buffer.from(groups, 'base64')) } : others;
}

/** Some blocks of a cipher, and nothing that makes sense. */
export function looksEncrypted(bytes: Uint8Array): boolean {
  return bytes.length >= 16 && !looksMeaningful(bytes);
}

function isUnsaltedSaid(parameters: OpensslParameters | undefined): boolean {
  return parameters?.hasSalt === false || parameters?.iv !== undefined;
}

/** `openssl enc -K`: undefined where none of the offers is a key in hex, or it is not said to be one and does not fit. */
async function openWithRawKey(reader: ByteReader, options: LayerOptions): Promise<EncryptionLayer | undefined> {
  const { openssl, offers, isInner, allowUnauthenticated } = options;
  const isSaid = openssl?.iv !== undefined;
  // Noise behind another layer is nobody's file, unless that is said.
  if (isInner && !isSaid) return undefined;
  const passwords = offers.filter((it) => it.kind === 'password');
  const bytes = await reader.peek(sniffBytes);
  const size = bytes.length < sniffBytes ? bytes.length : options.size;
  let failure: unknown;
  for (const offer of passwords) {
    const found = rawKeyIn(offer.bytes);
    if (found === undefined) continue;
    const hasIv = isSaid || found.iv !== undefined;
    try {
      const { raw, provenBy, note } = fitRawKey({ bytes, size, tail: options.tail }, found, openssl ?? {}, {
        allowUnproven: allowUnauthenticated,
      });
      return {
        name: 'openssl',
        key: { source: offer.source, fingerprint: null, opens: `openssl -${raw.cipher} -K -iv` },
        isAuthenticated: false,
        proof: '',
        isKeyProven: provenBy === 'contents',
        isAuthenticAtOnce: true,
        spreadsChanges: raw.cipher.endsWith('-cbc'),
        notes: [
          `it was encrypted with openssl enc -${raw.cipher}, a key of its own (-K) and an IV (-iv): write that down beside the backup, the file does not say it`,
          ...(note === undefined ? [] : [note]),
        ],
        plain: decryptWithRawKey(reader.rest(), raw),
        wipe: () => raw.key.fill(0),
      };
    } catch (error) {
      if (!(error instanceof RestoreError)) throw error;
      // A passphrase of hex digits is a passphrase, unless an IV says that it is a key.
      if (hasIv || error.failure.code === 'usage') failure ??= error;
    } finally {
      found.key.fill(0);
    }
  }
  if (failure !== undefined) throw failure;
  if (isSaid && passwords.length > 0) {
    fail('usage', 'key', 'an IV goes with a key in hex, and what was offered is none', {
      hint: 'Give a file with the value of -K: 32, 48 or 64 hex digits.',
    });
  }
  return undefined;
}

/** What a key of this kind can be for a file that begins with `Salted__`; undefined: nothing. */
function parametersFor(offer: KeyOffer, said: OpensslParameters | undefined): OpensslParameters | undefined {
  if (offer.kind === 'password') return said ?? {};
  // pgBackRest encrypts as `openssl enc -aes-256-cbc -md sha1` does.
  if (offer.kind === 'pgbackrest-pass') return { cipher: 'aes-256-cbc', digest: 'sha1', pbkdf2: false };
  return undefined;
}

/** @throws RestoreError `usage` for a key that is empty: every tool takes it, and it protects nothing */
export function demandPassword({ bytes, source }: KeyOffer): void {
  if (withoutLineEnd(bytes).length > 0) return;
  fail('usage', 'key', `${source} is empty`, { hint: 'Put the password into it, on its first line.' });
}

function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  return bytes.subarray(0, end);
}

/** Offsets inside armor count decoded bytes: in the file they would point to the wrong place. */
function dropOffset(error: unknown): unknown {
  if (!(error instanceof RestoreError) || error.failure.stage === 'open') return error;
  const { offset: _, ...failure } = error.failure;
  return new RestoreError(failure);
}

async function withoutOffsets<T>(isArmored: boolean, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isArmored ? dropOffset(error) : error;
  }
}

async function* mapFailures(
  input: AsyncIterable<Uint8Array>,
  map: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* input;
  } catch (error) {
    throw map(error);
  }
}
