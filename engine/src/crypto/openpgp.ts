/**
 * OpenPGP messages: opened with a private key or a password, proven by their MDC or AEAD tags at the end. The library
 * handles keys and session keys; AES in CFB mode, SHA-1 and inflating go through Node's native code where it has them.
 */

import type { Key, SessionKey as OpenpgpSessionKey, PartialConfig } from 'openpgp';
import { ByteReader, copyOf, drain, plainArray, remembering } from '../bytes.ts';
import { fail, RestoreError } from '../failure.ts';
import { aeadHead, isProvenAtOnce } from './openpgpAead.ts';
import { cfbDecipher, cipherName, IDEA, SYMMETRIC_CIPHERS } from './openpgpCiphers.ts';
import { literalBytes } from './openpgpContents.ts';
import { decryptedPackets, isRightStart, judgedByProof, type SessionKey, unsupportedCipher } from './openpgpData.ts';
import {
  fingerprintOf,
  openpgpLibrary,
  readKeyRing,
  readKeys,
  type SecretPart,
  secretParts,
  unlock,
  version5Session,
} from './openpgpKeys.ts';
import { framed, type MessageHead, readMessageHead, readPacket, TAG } from './openpgpPackets.ts';
import { excessiveCost, type PasswordSession, passwordSessionKey, readPasswordSession } from './openpgpPassword.ts';
import { SignatureCheck } from './openpgpSignature.ts';
import { isX448, type Version5Key } from './openpgpX448.ts';
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
  /** Worth telling; what there is to say of signatures is added when `plain` ends. */
  notes: string[];
  /** Whether bytes are authentic as they come (AEAD in chunks), or only when `plain` has ended. */
  isProvenAtOnce: boolean;
  /**
   * The literal bytes, untouched. They come before their proof: only when this ends without throwing are they authentic,
   * and whoever writes them must not publish them earlier.
   *
   * @throws RestoreError `damaged` when the integrity check fails or something follows the message, `truncated`
   */
  plain: AsyncGenerator<Uint8Array, void, undefined>;
}

export interface OpenpgpOptions {
  /** Keys of whoever may have signed it; the keys among the offers count as well. */
  signers?: readonly Uint8Array[];
  /** Decrypts what has no integrity protection, which is otherwise refused. */
  allowUnauthenticated?: boolean;
  /** Tries passwords whatever it costs, which is otherwise capped: a message can ask for terabytes of memory. */
  allowCostly?: boolean;
}

/**
 * Opens a binary message with the first of the offers that fits.
 *
 * @throws RestoreError `wrong-key` (none fits; the message says for which keys it is), `usage` (a locked key without a
 *   passphrase, a text that is no key), `unsupported` (no integrity protection), `hostile` (a password would cost too much
 *   to try), `damaged`, `truncated`, `not-encrypted`
 */
export async function openOpenpgp(
  input: AsyncIterable<Uint8Array>,
  offers: readonly OpenpgpOffer[],
  options: OpenpgpOptions = {},
): Promise<OpenedMessage> {
  const reader = new ByteReader(input, { isLent: true });
  try {
    const head = await readMessageHead(reader);
    if (head.protection.kind === 'none' && !options.allowUnauthenticated) {
      fail('unsupported', 'decrypt', 'the message has no integrity protection: changes to it could not be noticed', {
        offset: head.encrypted.offset,
        hint: 'It was made by a very old program or with --disable-mdc. Decrypt it with --allow-unauthenticated if you must, and do not trust it; then encrypt again with a current gpg.',
      });
    }
    const aead = aeadHead(head);
    const body = new ByteReader(joined(head.start, head.encrypted.body), { isLent: true });
    const opened = await findSessionKey(head, body, offers, options);
    if (aead) {
      opened.session.algorithm = aead.algorithm;
      if (opened.session.data.length !== SYMMETRIC_CIPHERS[aead.algorithm]?.keyBytes) wrongKeyLength(head);
    }
    const signatures = new SignatureCheck(await signerKeys(offers, options), opened.notes);
    return {
      head: { recipients: head.recipients, protection: head.protection, passwords: head.passwordSessions.length },
      cipher: cipherName(opened.session.algorithm),
      offer: opened.offer,
      fingerprint: opened.fingerprint,
      notes: opened.notes,
      isProvenAtOnce: isProvenAtOnce(aead),
      plain: stream(reader, body, head, { session: opened.session, signatures }),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

function wrongKeyLength({ encrypted }: MessageHead): never {
  fail('damaged', 'decrypt', 'the session key is none for the cipher that the message names', {
    offset: encrypted.offset,
    hint: 'The file is not what was written: copy it again, or use another backup.',
  });
}

/** What cannot be read was told of already when it was tried as a key to open with. */
async function signerKeys(offers: readonly OpenpgpOffer[], { signers = [] }: OpenpgpOptions): Promise<Key[]> {
  const keys: Key[] = [];
  for (const bytes of signers) keys.push(...(await readKeys(bytes)).keys);
  for (const { kind, bytes } of offers)
    if (kind === 'openpgp') keys.push(...(await readKeys(bytes).catch(() => ({ keys: [] }))).keys);
  return keys;
}

interface FoundKey {
  session: SessionKey;
  offer: number;
  fingerprint: string | null;
  notes: string[];
}

/** What a session key is for the library: numbers for algorithms, the key in `sessionKey` after `decrypt`. */
interface SessionPacket {
  version: number;
  read(body: Uint8Array): void;
  decrypt(key: unknown): Promise<void>;
  publicKeyAlgorithm: number;
  sessionKey: Uint8Array;
  /** null where the encrypted data itself says it (RFC 9580 AEAD). */
  sessionKeyAlgorithm: number | null;
}

const parsing: PartialConfig = {
  enableParsingV5Entities: true,
  allowUnauthenticatedStream: true,
  // Refused before, where it was not asked for.
  allowUnauthenticatedMessages: true,
};

async function findSessionKey(
  head: MessageHead,
  body: ByteReader,
  offers: readonly OpenpgpOffer[],
  options: OpenpgpOptions,
): Promise<FoundKey> {
  const attempts = new Attempts(head, options.allowCostly ?? false);
  for (const [index, offer] of offers.entries()) {
    const found =
      offer.kind === 'password'
        ? await attempts.keeping(() => tryPassword(head, body, offer, attempts), undefined)
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
  const { keys, hasPrivate, unread } = await attempts.keeping(() => readKeyRing(offer.bytes), {
    keys: [] as Key[],
    hasPrivate: true,
    unread: [] as Version5Key[],
  });
  attempts.sawKeys(keys, hasPrivate, unread);
  const parts = secretParts(keys);
  try {
    for (const [index, session] of head.publicKeySessions.entries()) {
      const wanted = head.recipients[index]?.keyId;
      for (const part of parts) {
        if (wanted !== undefined && wanted !== part.keyId) continue;
        const found = await openWithPart(head, session, part, offer, attempts, wanted !== undefined);
        if (found === undefined) continue;
        if ((await isRightStart(head, body, found.session)) === false) {
          // The key's own proof held, so it is the data that is wrong.
          attempts.damaged = true;
          continue;
        }
        return { ...found, fingerprint: fingerprintOf(part.owner) };
      }
      for (const part of unread) {
        if (wanted !== undefined ? wanted !== part.keyId : !isX448(part)) continue;
        const found = await attempts.keeping(() => version5Session(session, part, offer.passphrase), undefined);
        if (found === undefined || (await isRightStart(head, body, found.session)) === false) continue;
        const notes = found.note === undefined ? [] : [`passphrase: ${found.note}`];
        return { session: found.session, notes, fingerprint: part.fingerprint.toString('hex').toUpperCase() };
      }
    }
  } finally {
    for (const { packet } of parts) if (packet.isDecrypted()) packet.clearPrivateParams();
  }
  return undefined;
}

async function openWithPart(
  head: MessageHead,
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
  let session: SessionKey;
  try {
    session = await decryptedSession(packet, part);
  } catch {
    if (isNamed) attempts.damaged = true;
    return undefined;
  }
  const { algorithm, data } = session;
  const isKey = algorithm === 0 || SYMMETRIC_CIPHERS[algorithm]?.keyBytes === data.length;
  if (!isKey || (head.protection.kind !== 'aead' && !isReadable(algorithm, data))) {
    data.fill(0);
    // The sum over the session key held: it is what was written.
    if (isNamed && SYMMETRIC_CIPHERS[algorithm]?.keyBytes === data.length) unsupportedCipher(algorithm);
    if (isNamed) attempts.damaged = true;
    return undefined;
  }
  return { session, notes: unlocked.note === undefined ? [] : [`passphrase: ${unlocked.note}`] };
}

/**
 * The library throws a session key away whose cipher it has not got, and we may have it. In version 6 the cipher is named
 * elsewhere: read like that, the byte that names it is still in front of the key.
 */
async function decryptedSession(packet: SessionPacket, part: SecretPart): Promise<SessionKey> {
  const isCipherInside = packet.version === 3 && !NAMES_CIPHER_IN_CLEAR.has(packet.publicKeyAlgorithm);
  if (isCipherInside) packet.version = 6;
  await packet.decrypt(part.packet);
  const { sessionKey } = packet;
  if (!isCipherInside) return { data: sessionKey, algorithm: packet.sessionKeyAlgorithm ?? 0 };
  const data = copyOf(sessionKey.subarray(1));
  const algorithm = sessionKey[0] ?? 0;
  sessionKey.fill(0);
  return { data, algorithm };
}

/** X25519 and X448 (RFC 9580, 5.1.6). */
const NAMES_CIPHER_IN_CLEAR = new Set([25, 26]);

async function tryPassword(
  head: MessageHead,
  body: ByteReader,
  offer: OpenpgpOffer,
  attempts: Attempts,
): Promise<Omit<FoundKey, 'offer'> | undefined> {
  attempts.sawPassword = true;
  for (const stored of passwordSessions(head)) {
    const session = await attempts.keeping(async () => stored(), undefined);
    if (session === undefined) continue;
    const cost = excessiveCost(session);
    if (cost !== undefined && !attempts.allowCostly) {
      fail('hostile', 'key', `to try a password, the message asks for ${cost}`, {
        reason: 'costly',
        hint: 'No usual program asks for that. If you trust its sender, say --allow-costly.',
      });
    }
    if (SYMMETRIC_CIPHERS[session.algorithm] === undefined) {
      await attempts.keeping(async () => unsupportedCipher(session.algorithm), undefined);
      continue;
    }
    for (const reading of passwordReadings(offer.bytes)) {
      attempts.countPassword();
      const found = await passwordSessionKey(session, reading.bytes);
      if (found === undefined) continue;
      if (head.protection.kind !== 'aead' && !isReadable(found.algorithm, found.data)) {
        // The cipher is named in clear only where the password's key is the session key.
        if (session.wrapped === undefined) unsupportedCipher(found.algorithm);
        continue;
      }
      const isRight = await isRightStart(head, body, found);
      if (isRight === false) continue;
      found.isGuess = isRight === undefined && head.protection.kind !== 'aead';
      return { session: found, fingerprint: null, notes: reading.note === undefined ? [] : [reading.note] };
    }
  }
  return undefined;
}

/** Data without any session key is encrypted as PGP 2 did it (RFC 4880, 5.7): IDEA, with the MD5 of the password. */
function passwordSessions({ protection, passwordSessions, publicKeySessions }: MessageHead): (() => PasswordSession)[] {
  if (protection.kind === 'none' && passwordSessions.length + publicKeySessions.length === 0)
    return [
      () => ({
        algorithm: IDEA,
        derivation: { kind: 'hash', hash: 'md5', salt: new Uint8Array(0), count: 0 },
        wrapped: undefined,
      }),
    ];
  return passwordSessions.map((stored) => () => readPasswordSession(stored));
}

function isReadable(algorithm: number, key: Uint8Array): boolean {
  return SYMMETRIC_CIPHERS[algorithm]?.library !== undefined || cfbDecipher(algorithm, key) !== undefined;
}

/** Every try costs a tenth of a second and more: nobody writes a message for so many passwords. */
const mostPasswordTries = 64;

/** Why no offer fits: collected on the way, so that the most telling reason is the one that is reported. */
class Attempts {
  damaged = false;
  sawPassword = false;
  #keyIds: string[] = [];
  #sawPublicOnly = false;
  #failure: RestoreError | undefined;

  #passwordTries = 0;

  constructor(
    readonly head: MessageHead,
    readonly allowCostly: boolean,
  ) {}

  countPassword(): void {
    if (++this.#passwordTries <= mostPasswordTries || this.allowCostly) return;
    fail('hostile', 'key', `the message is for more passwords than anybody has: ${this.head.passwordSessions.length}`, {
      reason: 'costly',
      hint: 'If you trust its sender, say --allow-costly, which takes long.',
    });
  }

  sawKeys(keys: readonly Key[], hasPrivate: boolean, unread: readonly Version5Key[]): void {
    this.#keyIds.push(...unread.map((it) => it.keyId));
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
    if (ways.length === 0) ways.push('and names neither a key nor a password that would open it');
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
            ? 'Check the password; a blank or a line end too many counts as part of it. A message that is damaged at its start looks the same.'
            : 'Offer the private key with that id, or the password.',
      },
    );
  }
}

/** Everything behind the session key packets, to the last byte of the file. */
async function* stream(
  reader: ByteReader,
  body: ByteReader,
  head: MessageHead,
  { session, signatures }: { session: SessionKey; signatures: SignatureCheck },
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const packets = decryptedPackets(body, head, session);
    if (packets === undefined) yield* decryptWithLibrary(body, head, session);
    else yield* judgedByProof(packets, (inner) => contentsOf(inner, signatures), head.protection.kind !== 'none');
    await demandEnd(reader);
  } finally {
    session.data.fill(0);
    await reader.close();
  }
}

async function* contentsOf(
  packets: AsyncGenerator<Uint8Array, void, undefined>,
  signatures: SignatureCheck,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* literalBytes(new ByteReader(packets, { isLent: true }), signatures);
  await signatures.end();
}

async function demandEnd(reader: ByteReader): Promise<void> {
  for (;;) {
    const offset = reader.offset;
    const packet = await readPacket(reader).catch((error: unknown) => {
      // What the text around the message says of its end goes before what its bytes look like.
      if (error instanceof RestoreError && error.failure.stage === 'open') throw error;
      return undefined;
    });
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
      sessionKeys: [
        {
          data: session.data,
          algorithm: SYMMETRIC_CIPHERS[session.algorithm]?.library ?? null,
        } as unknown as OpenpgpSessionKey,
      ],
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
