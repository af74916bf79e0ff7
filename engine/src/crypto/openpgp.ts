/**
 * OpenPGP messages: opened with a private key or a password, proven by their MDC or AEAD tags at the end. The library
 * handles keys and session keys; AES in CFB mode, SHA-1 and inflating go through Node's native code where it has them.
 */

import { createCipheriv, createDecipheriv, createHash, getCiphers, randomBytes } from 'node:crypto';
import { createInflateRaw } from 'node:zlib';
import type { Key, Message, SessionKey as OpenpgpSessionKey, PartialConfig, WebStream } from 'openpgp';
import { ByteReader, concat, drain, plainArray, remembering } from '../bytes.ts';
import { bunzip2 } from '../compress/bzip2.ts';
import { inflateZlib } from '../compress/gzip.ts';
import { throughNative } from '../compress/native.ts';
import { fail, RestoreError } from '../failure.ts';
import { aesCfbDecipher, type Decipher } from './cfb.ts';
import { fingerprintOf, openpgpLibrary, readKeys, type SecretPart, secretParts, unlock } from './openpgpKeys.ts';
import { CIPHER_NAMES, framed, type MessageHead, readMessageHead, readPacket, TAG } from './openpgpPackets.ts';
import { passwordReadings } from './password.ts';

export interface OpenpgpOffer {
  kind: 'openpgp' | 'password';
  bytes: Uint8Array;
  passphrase?: Uint8Array;
}

export interface OpenedMessage {
  head: Pick<MessageHead, 'recipients' | 'protection'> & { passwords: number };
  /** Name of the cipher, as GnuPG writes it: `AES256`. */
  cipher: string;
  /** Which of the offers opened it, and the key's fingerprint where it is a key. */
  offer: number;
  fingerprint: string | null;
  notes: string[];
  /**
   * The literal bytes, untouched. They come before their proof: only when this ends without throwing are they authentic,
   * and whoever writes them must not publish them earlier.
   *
   * @throws RestoreError `damaged` when the integrity check fails or something follows the message, `truncated`
   */
  plain: AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * Opens a binary message with the first of the offers that fits.
 *
 * @throws RestoreError `wrong-key` (none fits; the message says for which keys it is), `usage` (a locked key without a
 *   passphrase, a text that is no key), `unsupported` (no integrity protection), `damaged`, `truncated`, `not-encrypted`
 */
export async function openOpenpgp(
  input: AsyncIterable<Uint8Array>,
  offers: readonly OpenpgpOffer[],
): Promise<OpenedMessage> {
  const reader = new ByteReader(input);
  try {
    const head = await readMessageHead(reader);
    if (head.protection.kind === 'none') {
      fail('unsupported', 'decrypt', 'the message has no integrity protection: changes to it could not be noticed', {
        offset: head.encrypted.offset,
        hint: 'It was made by a very old program or with --disable-mdc. Decrypt it with `gpg --ignore-mdc-error --decrypt` if you must, and do not trust it; then encrypt again with a current gpg.',
      });
    }
    const body = new ByteReader(joined(head.start, head.encrypted.body));
    const opened = await findSessionKey(head, body, offers);
    return {
      head: { recipients: head.recipients, protection: head.protection, passwords: head.passwordSessions.length },
      cipher:
        opened.session.algorithm?.toUpperCase() ?? (head.protection.kind === 'aead' ? head.protection.cipher : ''),
      offer: opened.offer,
      fingerprint: opened.fingerprint,
      notes: opened.notes,
      plain: stream(reader, body, head, opened.session),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/**
 * Encrypts to every key in `recipients` (a key file may hold several), with integrity protection that all versions of
 * GnuPG and WAL-G read: AES, MDC.
 *
 * @throws RestoreError `usage`, stage `key`, when a key cannot be read or cannot encrypt (expired, revoked, sign-only)
 */
export async function* encryptToKeys(
  input: AsyncIterable<Uint8Array>,
  recipients: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { keys } = await readKeys(recipients);
  yield* encryptMessage(input, { encryptionKeys: keys });
}

/** Encrypts with a password, as `gpg --symmetric` does. */
export async function* encryptWithPassword(
  input: AsyncIterable<Uint8Array>,
  password: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const [reading] = passwordReadings(password);
  yield* encryptMessage(input, { passwords: [Buffer.from(reading?.bytes ?? password).toString('utf8')] });
}

interface SessionKey {
  data: Uint8Array;
  /** As the library names it: `aes256`; null where the encrypted data itself says it (RFC 9580 AEAD). */
  algorithm: string | null;
  /** It came from a password, and nothing has shown yet that it is the right one. */
  isGuess?: boolean;
}

interface FoundKey {
  session: SessionKey;
  offer: number;
  fingerprint: string | null;
  notes: string[];
}

/** What a session key is for the library: numbers for algorithms, the key in `sessionKey` after `decrypt`. */
interface SessionPacket {
  read(body: Uint8Array): void;
  decrypt(key: unknown): Promise<void>;
  publicKeyAlgorithm: number;
  sessionKey: Uint8Array;
  sessionKeyAlgorithm: number | null;
  sessionKeyEncryptionAlgorithm: number | null;
}

const parsing: PartialConfig = { enableParsingV5Entities: true, allowUnauthenticatedStream: true };

async function findSessionKey(head: MessageHead, body: ByteReader, offers: readonly OpenpgpOffer[]): Promise<FoundKey> {
  const attempts = new Attempts(head);
  for (const [index, offer] of offers.entries()) {
    const found =
      offer.kind === 'password'
        ? await tryPassword(head, body, offer, attempts)
        : await tryKeys(head, body, offer, attempts);
    if (found) return { ...found, offer: index };
  }
  return attempts.fail();
}

async function tryKeys(
  head: MessageHead,
  body: ByteReader,
  offer: OpenpgpOffer,
  attempts: Attempts,
): Promise<Omit<FoundKey, 'offer'> | undefined> {
  const { keys, hasPrivate } = await attempts.keeping(() => readKeys(offer.bytes), {
    keys: [] as Key[],
    hasPrivate: true,
  });
  attempts.sawKeys(keys, hasPrivate);
  const parts = secretParts(keys);
  try {
    for (const [index, session] of head.publicKeySessions.entries()) {
      const wanted = head.recipients[index]?.keyId;
      for (const part of parts) {
        if (wanted !== undefined && wanted !== part.keyId) continue;
        const found = await openWithPart(session, part, offer, attempts, wanted !== undefined);
        if (found === undefined) continue;
        if ((await isRightStart(head, body, found.session)) === false) {
          // The key's own proof held, so it is the data that is wrong.
          attempts.damaged = true;
          continue;
        }
        return { ...found, fingerprint: fingerprintOf(part.owner) };
      }
    }
  } finally {
    for (const { packet } of parts) if (packet.isDecrypted()) packet.clearPrivateParams();
  }
  return undefined;
}

async function openWithPart(
  body: Uint8Array,
  part: SecretPart,
  offer: OpenpgpOffer,
  attempts: Attempts,
  isNamed: boolean,
): Promise<Pick<FoundKey, 'session' | 'notes'> | undefined> {
  const openpgp = await openpgpLibrary();
  const packet = new openpgp.PublicKeyEncryptedSessionKeyPacket() as unknown as SessionPacket;
  try {
    packet.read(body);
  } catch {
    if (isNamed) attempts.damaged = true;
    return undefined;
  }
  if (packet.publicKeyAlgorithm !== part.packet.algorithm) return undefined;
  const unlocked = await attempts.keeping(async () => ({ note: await unlock(part, offer.passphrase) }), undefined);
  if (unlocked === undefined) return undefined;
  try {
    await packet.decrypt(part.packet);
  } catch {
    if (isNamed) attempts.damaged = true;
    return undefined;
  }
  return {
    session: { data: packet.sessionKey, algorithm: await algorithmName(packet.sessionKeyAlgorithm) },
    notes: unlocked.note === undefined ? [] : [`passphrase: ${unlocked.note}`],
  };
}

async function tryPassword(
  head: MessageHead,
  body: ByteReader,
  offer: OpenpgpOffer,
  attempts: Attempts,
): Promise<Omit<FoundKey, 'offer'> | undefined> {
  const openpgp = await openpgpLibrary();
  attempts.sawPassword = true;
  for (const session of head.passwordSessions) {
    const cipher = session[session[0] === 6 ? 2 : 1] ?? 0;
    if (!LIBRARY_CIPHERS.has(cipher)) {
      fail(
        'unsupported',
        'decrypt',
        `the message is encrypted with ${CIPHER_NAMES[cipher] ?? `cipher ${cipher}`}, which is not supported`,
        {
          hint: 'Decrypt it with gpg, and encrypt with AES from now on.',
        },
      );
    }
    for (const reading of passwordReadings(offer.bytes)) {
      const packet = new openpgp.SymEncryptedSessionKeyPacket() as unknown as SessionPacket;
      try {
        packet.read(session);
        await packet.decrypt(Buffer.from(reading.bytes).toString('utf8'));
      } catch {
        continue;
      }
      const found: SessionKey = {
        data: packet.sessionKey,
        algorithm: await algorithmName(packet.sessionKeyAlgorithm ?? packet.sessionKeyEncryptionAlgorithm),
      };
      const isRight = await isRightStart(head, body, found);
      if (isRight === false) continue;
      found.isGuess = isRight === undefined && head.protection.kind === 'mdc';
      return { session: found, fingerprint: null, notes: reading.note === undefined ? [] : [reading.note] };
    }
  }
  return undefined;
}

/** Why no offer fits: collected on the way, so that the most telling reason is the one that is reported. */
/** The library has no IDEA and no Camellia. */
const LIBRARY_CIPHERS = new Set([2, 3, 4, 7, 8, 9, 10]);

class Attempts {
  damaged = false;
  sawPassword = false;
  #keyIds: string[] = [];
  #sawPublicOnly = false;
  #failure: RestoreError | undefined;

  constructor(readonly head: MessageHead) {}

  sawKeys(keys: readonly Key[], hasPrivate: boolean): void {
    if (!hasPrivate) this.#sawPublicOnly = true;
    this.#keyIds.push(...keys.flatMap((key) => key.getKeys().map((part) => part.getKeyID().toHex().toUpperCase())));
  }

  /** Runs a step whose failure counts only if nothing else fits. */
  async keeping<T>(step: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof RestoreError)) throw error;
      this.#failure ??= error;
      return otherwise;
    }
  }

  fail(): never {
    const { recipients, passwordSessions, encrypted } = this.head;
    if (this.damaged) {
      fail(
        'damaged',
        'decrypt',
        'the key fits, but the start of the message does not decrypt: it was changed, or uses a cipher that is not supported',
        {
          offset: 0,
          hint: 'Copy the file again from where it was written, or use another backup.',
        },
      );
    }
    if (this.#failure) throw this.#failure;
    const named = recipients.map((it) => it.keyId ?? 'a hidden key');
    const isForOffered = this.#keyIds.some((id) => named.includes(id));
    if (this.#sawPublicOnly && (isForOffered || this.#keyIds.length > 0)) {
      fail(
        'wrong-key',
        'key',
        isForOffered
          ? 'the file is encrypted to this key, but only its public part was offered'
          : 'only a public key was offered',
        {
          hint: 'Decrypting needs the private key: `gpg --export-secret-keys --armor KEYID` on the machine that has it.',
        },
      );
    }
    const ways = [
      ...(named.length > 0 ? [`to ${named.length === 1 ? 'the key' : 'the keys'} ${named.join(', ')}`] : []),
      ...(passwordSessions.length > 0 ? ['with a password'] : []),
    ];
    const offered = [
      ...(this.#keyIds.length > 0 ? [`the keys ${this.#keyIds.join(', ')}`] : []),
      ...(this.sawPassword ? [passwordSessions.length > 0 ? 'a password that does not open it' : 'a password'] : []),
    ];
    fail(
      'wrong-key',
      'decrypt',
      `the message is encrypted ${ways.join(' and ')}; offered ${offered.length === 0 ? 'was no key' : `was ${offered.join(' and ')}`}`,
      {
        offset: encrypted.offset,
        hint:
          this.sawPassword && passwordSessions.length > 0
            ? 'Check the password; a blank or a line end too many counts as part of it.'
            : 'Offer the private key with that id, or the password.',
      },
    );
  }
}

async function algorithmName(algorithm: number | null): Promise<string | null> {
  if (algorithm === null) return null;
  const openpgp = await openpgpLibrary();
  return openpgp.enums.read(openpgp.enums.symmetric, algorithm);
}

/** The ciphers that go through Node's own AES; everything else is the library's work. */
const AES = new Set(['aes128', 'aes192', 'aes256']);

const aesBlockBytes = 16;

/**
 * The quick check of RFC 9580, 5.13.2: the last two random bytes in front of the data come twice. A wrong key passes it
 * once in 65536; the first packet behind it must begin like one, too. undefined where it cannot be asked.
 */
async function isRightStart(head: MessageHead, body: ByteReader, session: SessionKey): Promise<boolean | undefined> {
  if (head.protection.kind !== 'mdc') return undefined;
  const cipher = startDecipher(session);
  if (cipher === undefined) return undefined;
  const { block, decipher } = cipher;
  const length = block + 2;
  const start = (await body.peek(1 + length + 1)).subarray(1);
  if (start.length < length + 1) return undefined;
  const plain = concat([decipher.update(start), decipher.final()]);
  const first = plain[length] as number;
  return plain[length - 4] === plain[length - 2] && plain[length - 3] === plain[length - 1] && (first & 0x80) !== 0;
}

/** For the first bytes only; undefined where Node has not got the cipher. */
function startDecipher({ data, algorithm }: SessionKey): { block: number; decipher: Decipher } | undefined {
  if (AES.has(algorithm ?? '')) return { block: aesBlockBytes, decipher: aesCfbDecipher(data) };
  if (algorithm !== 'tripledes' || !getCiphers().includes('des-ede3-cfb')) return undefined;
  return { block: 8, decipher: createDecipheriv('des-ede3-cfb', data, new Uint8Array(8)) };
}

async function* stream(
  reader: ByteReader,
  body: ByteReader,
  head: MessageHead,
  session: SessionKey,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const isNative = head.protection.kind === 'mdc' && AES.has(session.algorithm ?? '');
    if (isNative) yield* decryptMdc(body, session.data, head.encrypted.offset);
    else yield* decryptWithLibrary(body, head, session);
    await demandEnd(reader);
  } finally {
    session.data.fill(0);
    await reader.close();
  }
}

async function demandEnd(reader: ByteReader): Promise<void> {
  for (;;) {
    const offset = reader.offset;
    const packet = await readPacket(reader).catch(() => undefined);
    if (packet === undefined && reader.offset === offset) return;
    if (packet?.tag === TAG.padding || packet?.tag === TAG.marker) {
      await drain(packet.body);
      continue;
    }
    fail('damaged', 'decrypt', 'bytes follow the end of the OpenPGP message', {
      offset,
      hint: 'Something was appended, or several messages were joined; the first of them is authentic. Split the file.',
    });
  }
}

/** Messages come in pieces of 8 KiB or less: they are gathered, since every step costs. */
const pieceBytes = 256 * 1024;

/** The SHA-1 of everything before it, as a packet at the very end: two bytes of header, twenty of hash. */
const mdcBytes = 22;

async function* decryptMdc(
  body: ByteReader,
  key: Uint8Array,
  offset: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  await body.skip(1);
  const outer = remembering(proven(body, aesCfbDecipher(key), offset));
  const inner = new ByteReader(outer.stream);
  try {
    yield* literalBytes(inner);
  } catch (error) {
    if (!(error instanceof RestoreError) || outer.failure() !== undefined) throw outer.failure() ?? error;
    // What is wrong inside may be the work of a change: the proof at the end decides which of the two to report.
    await drain(inner.rest());
    throw outer.failure() ?? writtenBroken(error);
  }
}

/** Decrypts, holds back the MDC, and compares it when the data ends. */
async function* proven(
  body: ByteReader,
  decipher: Decipher,
  offset: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha1');
  let prefixLeft = aesBlockBytes + 2;
  let held: Uint8Array = new Uint8Array(0);
  for (let isAtEnd = false; !isAtEnd; ) {
    const piece = await body.read(pieceBytes);
    isAtEnd = piece.length === 0;
    const plain = isAtEnd ? decipher.final() : decipher.update(piece);
    // The usual case copies nothing: what was held goes out, the last 22 bytes of the piece stay.
    const isEnough = plain.length >= mdcBytes;
    const known = isEnough ? plain : concat([held, plain]);
    const end = Math.max(0, known.length - mdcBytes);
    for (const part of isEnough ? [held, known.subarray(0, end)] : [known.subarray(0, end)]) {
      hash.update(part);
      const passed = Math.min(prefixLeft, part.length);
      prefixLeft -= passed;
      if (part.length > passed) yield part.subarray(passed);
    }
    held = known.subarray(end);
  }
  hash.update(held.subarray(0, 2));
  if (held.length === mdcBytes && held[0] === 0xd3 && held[1] === 0x14 && hash.digest().equals(held.subarray(2)))
    return;
  fail(
    'damaged',
    'decrypt',
    'the integrity check (MDC) at the end fails: the message was changed, or its end is missing',
    {
      offset,
      hint: 'Nothing of it can be trusted: copy the file again from where it was written, or use another backup.',
    },
  );
}

/** RFC 9580, 9.4 */
const COMPRESSION = { none: 0, zip: 1, zlib: 2, bzip2: 3 };

async function* literalBytes(reader: ByteReader, depth = 0): AsyncGenerator<Uint8Array, void, undefined> {
  let hasLiteral = false;
  for (let packet = await readPacket(reader); packet !== undefined; packet = await readPacket(reader)) {
    switch (packet.tag) {
      case TAG.literal: {
        if (hasLiteral)
          fail('unsupported', 'decrypt', 'the message holds several files', {
            hint: 'Split it with the program that made it.',
          });
        hasLiteral = true;
        const body = new ByteReader(packet.body);
        // Format, the length of a name, the name, four bytes of time: none of it changes the bytes.
        const nameBytes = (await body.read(2))[1] ?? 0;
        await body.skip(nameBytes + 4);
        for (let piece = await body.read(pieceBytes); piece.length > 0; piece = await body.read(pieceBytes))
          yield piece;
        break;
      }
      case TAG.compressed: {
        if (depth > 2)
          fail('hostile', 'decrypt', 'compressed packets are nested without end', {
            hint: 'No program writes that: do not trust the file.',
          });
        hasLiteral = true;
        const body = new ByteReader(packet.body);
        const algorithm = (await body.read(1))[0];
        const inflated = new ByteReader(decompressed(body.rest(), algorithm));
        try {
          yield* literalBytes(inflated, depth + 1);
        } finally {
          await inflated.close();
        }
        break;
      }
      // A signature is not checked: that would need the signer's key, and answer another question.
      case TAG.onePassSignature:
      case TAG.signature:
      case TAG.marker:
      case TAG.padding:
        await drain(packet.body);
        break;
      default:
        fail(
          'unsupported',
          'decrypt',
          `the message holds a packet of kind ${packet.tag}, which cannot stand inside one`,
        );
    }
  }
  if (!hasLiteral) fail('damaged', 'decrypt', 'the message holds no data');
}

function decompressed(input: AsyncIterable<Uint8Array>, algorithm: number | undefined): AsyncIterable<Uint8Array> {
  switch (algorithm) {
    case COMPRESSION.none:
      return input;
    case COMPRESSION.zip:
      return throughNative(input, createInflateRaw({ chunkSize: 128 * 1024 }), {
        name: 'zip',
        shortInput: 'Z_BUF_ERROR',
      });
    case COMPRESSION.zlib:
      return inflateZlib(input);
    case COMPRESSION.bzip2:
      return bunzip2(input);
    default:
      return fail(
        'unsupported',
        'decompress',
        `the message is compressed with algorithm ${algorithm}, which is not known`,
      );
  }
}

/** The proof held, and yet the contents cannot be read: they were so when they were encrypted. Their offsets mean nothing outside. */
function writtenBroken({ failure }: RestoreError): RestoreError {
  const { offset: _, ...rest } = failure;
  return new RestoreError({
    ...rest,
    message: `${failure.message} (the encrypted message is intact: it was written like this)`,
  });
}

async function* decryptWithLibrary(
  body: ByteReader,
  head: MessageHead,
  session: SessionKey,
): AsyncGenerator<Uint8Array, void, undefined> {
  const openpgp = await openpgpLibrary();
  const packet = remembering(framed(head.encrypted.tag, body.rest()));
  try {
    const message = await openpgp.readMessage({ binaryMessage: toWebStream(packet.stream), config: parsing });
    const { data } = await openpgp.decrypt({
      message,
      sessionKeys: [{ data: session.data, algorithm: session.algorithm } as OpenpgpSessionKey],
      format: 'binary',
      config: parsing,
    });
    for await (const piece of data as unknown as AsyncIterable<Uint8Array>) if (piece.length > 0) yield piece;
  } catch (error) {
    throw packet.failure() ?? libraryFailure(error, head, session);
  } finally {
    await packet.stream.return();
  }
}

/** The library's errors are sentences; what they say of the data is that it is not what was written. */
function libraryFailure(error: unknown, head: MessageHead, { isGuess }: SessionKey): unknown {
  if (error instanceof RestoreError) return error;
  if (isUnsupported(error)) {
    return new RestoreError({
      code: 'unsupported',
      stage: 'decrypt',
      offset: head.encrypted.offset,
      message: 'the message uses an algorithm that is not supported',
    });
  }
  // With a wrong password not even the first packet inside can be read.
  if (isGuess && !(error instanceof Error && /modification detected/i.test(error.message))) {
    return new RestoreError({
      code: 'wrong-key',
      stage: 'decrypt',
      offset: head.encrypted.offset,
      message: 'the password does not open the message',
      hint: 'Check the password; a blank or a line end too many counts as part of it. A message that is damaged at its start looks the same.',
    });
  }
  return new RestoreError({
    code: 'damaged',
    stage: 'decrypt',
    offset: head.encrypted.offset,
    message: 'the integrity check of the message fails: it was changed, or its end is missing',
    hint: 'Nothing of it can be trusted: copy the file again from where it was written, or use another backup.',
  });
}

function isUnsupported(error: unknown): boolean {
  return error instanceof Error && (error.name === 'UnsupportedError' || isUnsupported(error.cause));
}

async function* encryptMessage(
  input: AsyncIterable<Uint8Array>,
  receivers: { encryptionKeys?: Key[]; passwords?: string[] },
): AsyncGenerator<Uint8Array, void, undefined> {
  const openpgp = await openpgpLibrary();
  // Integrity by MDC, which every GnuPG and WAL-G reads; AEAD is not understood by GnuPG 2.2.
  const config: PartialConfig = { aeadProtect: false };
  const session = receivers.encryptionKeys
    ? await sure(() => openpgp.generateSessionKey({ encryptionKeys: receivers.encryptionKeys as Key[], config }))
    : { data: new Uint8Array(randomBytes(32)), algorithm: 'aes256' as const };
  const cipher = session.algorithm.replace(/^aes/, 'aes-').concat('-cfb');
  // An editor's own Node has no CFB.
  if (!AES.has(session.algorithm) || !getCiphers().includes(cipher)) {
    yield* encryptWithLibrary(input, receivers, config);
    return;
  }
  try {
    yield await sure(
      () => openpgp.encryptSessionKey({ ...session, ...receivers, format: 'binary', config }) as Promise<Uint8Array>,
    );
    yield* framed(TAG.encryptedIntegrity, mdcBody(input, cipher, session.data));
  } finally {
    session.data.fill(0);
  }
}

/** Version 1 and the encrypted: random bytes of which the last two come twice, the literal packet, the MDC. */
async function* mdcBody(
  input: AsyncIterable<Uint8Array>,
  name: string,
  key: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const cipher = createCipheriv(name, key, new Uint8Array(aesBlockBytes));
  const hash = createHash('sha1');
  const prefix = randomBytes(aesBlockBytes + 2);
  prefix.copyWithin(aesBlockBytes, aesBlockBytes - 2, aesBlockBytes);
  yield Uint8Array.of(1);
  hash.update(prefix);
  yield cipher.update(prefix);
  for await (const piece of framed(TAG.literal, literalBody(input))) {
    hash.update(piece);
    yield cipher.update(piece);
  }
  const mark = Uint8Array.of(0xd3, 0x14);
  hash.update(mark);
  yield cipher.update(concat([mark, hash.digest()]));
}

/** Binary format, no name, no time. */
async function* literalBody(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield Uint8Array.of(0x62, 0, 0, 0, 0, 0);
  yield* input;
}

async function* encryptWithLibrary(
  input: AsyncIterable<Uint8Array>,
  receivers: { encryptionKeys?: Key[]; passwords?: string[] },
  config: PartialConfig,
): AsyncGenerator<Uint8Array, void, undefined> {
  const openpgp = await openpgpLibrary();
  const message = await openpgp.createMessage<WebStream<Uint8Array>>({
    binary: toWebStream(input) as WebStream<Uint8Array>,
    format: 'binary',
  });
  const encrypted = await sure(() =>
    openpgp.encrypt({ ...receivers, message: message as Message<WebStream<Uint8Array>>, format: 'binary', config }),
  );
  yield* encrypted as unknown as AsyncIterable<Uint8Array>;
}

/** The library refuses keys that cannot encrypt with a sentence that names the key id and the reason. */
async function sure<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof RestoreError) throw error;
    const reason =
      error instanceof Error
        ? error.message.replace(/^Error encrypting [^:]*: /, '').slice(0, 300)
        : 'no reason was given';
    fail('usage', 'key', `it is not possible to encrypt to this key: ${reason}`, {
      hint: 'The key must have a part that is meant for encryption, and be neither expired nor revoked.',
    });
  }
}

function toWebStream(input: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = input[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(plainArray(value));
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

async function* joined(
  start: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (start.length > 0) yield start;
  yield* rest;
}
