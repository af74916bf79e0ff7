/**
 * CMS and PKCS#7 messages (RFC 5652, 5083), as `openssl smime` and `openssl cms` write them: opened with a private key or a
 * password, in constant memory. Node's OpenSSL does the cryptography; what is read here is the structure around it.
 */

import { createDecipheriv, createPrivateKey, type Decipher, type KeyObject, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { ByteReader, concat, copyOf } from '../bytes.ts';
import { type ContentKind, sniff, sniffBytes } from '../contents/sniff.ts';
import { fail, RestoreError } from '../failure.ts';
import {
  BER,
  type BerHeader,
  type BerNode,
  constructed,
  encodeBer,
  idOf,
  isEndOfContents,
  objectId,
  peekString,
  readBer,
  readBerHeader,
  smallInteger,
  stringBytes,
} from './ber.ts';
import { type AgreementKind, agreedKey, agreementKeys, agreementKind } from './cmsAgreement.ts';
import { type ContentCipher, contentCipher, nativeKey } from './cmsCiphers.ts';
import { failStructure, failUnsupported } from './cmsFailure.ts';
import { GcmOpener } from './cmsGcm.ts';
import { transportedKey, transportName } from './cmsTransport.ts';
import { ofLength, unwrapped, wrapOf } from './cmsWrap.ts';
import { isCipherName } from './openssl.ts';
import { judge } from './opensslFit.ts';
import { passwordReadings } from './password.ts';

export interface CmsOffer {
  kind: 'pem' | 'password';
  /** A private key in PEM, or the password: 32, 48 or 64 hex digits are also tried as a shared key (`-secretkey`). */
  bytes: Uint8Array;
  passphrase?: Uint8Array;
}

export interface CmsRecipient {
  /** How the message wants to be opened. */
  kind: 'RSA' | AgreementKind | 'password' | 'shared key' | 'other';
  /** Serial number or key id of the certificate, or the name of a shared key, in hex; undefined for passwords. */
  certificate: string | undefined;
  /** How the key is protected, in more detail than the kind: `OAEP, sha256`; what cannot be opened here is named in full. */
  detail?: string;
}

/** What stands in front of the encrypted data; nothing of it needs a key. */
export interface CmsHead {
  recipients: CmsRecipient[];
  /** As OpenSSL calls it: `aes-256-cbc`. */
  cipher: string;
  isAuthenticated: boolean;
  /** Why it cannot be opened here with any key; undefined where it can. */
  refusal?: string;
}

export interface OpenedCms {
  head: CmsHead;
  /** Which of the offers opened it. */
  offer: number;
  notes: string[];
  /** false: nothing but the contents can show that the key is the right one (EncryptedData). */
  isKeyProven: boolean;
  /**
   * The contents. Without authentication (CBC) nothing proves them; with it (GCM) only when this has ended.
   *
   * @throws RestoreError `damaged`, `truncated`
   */
  plain: AsyncGenerator<Uint8Array, void, undefined>;
}

export interface CmsOptions {
  /** Tries passwords whatever it costs. */
  allowCostly?: boolean;
}

/**
 * Opens a binary message (BER or DER) with the first of the offers that fits. A private key does not say whose certificate
 * it belongs to, so each recipient of its kind is tried.
 *
 * @throws RestoreError `wrong-key`, `usage` (a key that cannot be read, a locked one without its passphrase), `unsupported`,
 *   `hostile`, `not-encrypted`, `damaged`, `truncated`
 */
export async function openCms(
  input: AsyncIterable<Uint8Array>,
  offers: readonly CmsOffer[],
  options: CmsOptions = {},
): Promise<OpenedCms> {
  const reader = new ByteReader(input);
  try {
    const message = await readMessage(reader);
    const cipher = contentCipher(message.algorithm, message.isAuthenticated);
    const { key, offer, notes } = await contentKey(message, cipher, offers, options);
    const isKeyProven = !message.isDirect || (await isRightKey(reader, message, cipher, key));
    const plain = decrypted(reader, message, cipher, { key, isKeyProven });
    return { head: headOf(message, cipher), offer, notes, isKeyProven, plain };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/**
 * What a message says without any key. Does not close the reader.
 *
 * @throws RestoreError as `openCms`
 */
export async function readCmsHead(reader: ByteReader): Promise<CmsHead> {
  const message = await readMessage(reader);
  try {
    return headOf(message, contentCipher(message.algorithm, message.isAuthenticated));
  } catch (error) {
    if (!(error instanceof RestoreError) || error.failure.code !== 'unsupported') throw error;
    // Who could open it is told all the same.
    return { ...headOf(message, { name: 'one that is not read' }), refusal: error.message };
  }
}

interface CmsMessage {
  isAuthenticated: boolean;
  /** EncryptedData: the shared key encrypts the contents themselves. */
  isDirect: boolean;
  recipients: BerNode[];
  algorithm: BerNode;
  /** Of the encrypted content; its bytes follow in the reader. */
  content: BerHeader;
  /** Elements around the content that are open, from the outside in: where they end, or undefined for two zeros. */
  open: (number | undefined)[];
}

const enveloped = '1.2.840.113549.1.7.3';
const authEnveloped = '1.2.840.113549.1.9.16.1.23';
const encryptedData = '1.2.840.113549.1.7.6';
const signedData = '1.2.840.113549.1.7.2';
const NOT_ENCRYPTED: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.7.1': 'plain data',
  '1.2.840.113549.1.7.2': 'signed data',
  '1.2.840.113549.1.7.5': 'a digest of data',
  '1.2.840.113549.1.9.16.1.2': 'authenticated data',
  '1.2.840.113549.1.9.16.1.9': 'compressed data',
};
/** Kinds of messages that are known by name only. */
const NOT_READ: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.7.4': 'signed and enveloped data (PKCS#7 1.5)',
};
const ENCRYPTED_KINDS: ReadonlySet<ContentKind> = new Set<ContentKind>([
  'openpgp',
  'openpgp armored',
  'openssl',
  'openssl base64',
  'age',
  'pkcs7',
]);
/** Recipients, originator's certificates: small; a message to a thousand people has half a megabyte of them. */
const mostHeadBytes = 4 * 1024 * 1024;

async function readMessage(reader: ByteReader): Promise<CmsMessage> {
  const open: (number | undefined)[] = [];
  await enter(reader, BER.sequence, open);
  const type = objectId((await expected(reader, BER.objectId)).content);
  const plain = NOT_ENCRYPTED[type];
  if (type === signedData) {
    const inside = await kindOfSigned(reader);
    if (inside !== undefined && ENCRYPTED_KINDS.has(inside)) {
      failUnsupported(
        `a signature (CMS) around what is encrypted (${inside})`,
        'Take the signature off, and test what comes out: openssl cms -verify -noverify -in FILE -out INNER, with -inform DER or PEM where it is no mail.',
      );
    }
  }
  if (plain !== undefined) {
    fail('not-encrypted', 'decrypt', `the message (CMS) is ${plain}: it is not encrypted`, {
      offset: 0,
      hint: 'Everyone who has the file can read it. Encrypt it (openssl cms -encrypt, not -sign), and take the plain copies away.',
    });
  }
  const isDirect = type === encryptedData;
  if (type !== enveloped && type !== authEnveloped && !isDirect)
    failUnsupported(`a CMS message of the kind ${NOT_READ[type] ?? type}`);
  await enter(reader, 0xa0, open);
  await enter(reader, BER.sequence, open);
  await expected(reader, BER.integer);
  if (!isDirect && (await reader.peek(1))[0] === 0xa0) await readBer(reader, mostHeadBytes);
  const recipients = isDirect ? [] : (await expected(reader, BER.set)).children;
  await enter(reader, BER.sequence, open);
  await expected(reader, BER.objectId);
  const algorithm = await expected(reader, BER.sequence);
  const content = await readBerHeader(reader);
  if ((content.tag & ~constructed) !== 0x80) failUnsupported('a CMS message whose contents lie elsewhere');
  return { isAuthenticated: type === authEnveloped, isDirect, recipients, algorithm, content, open };
}

/** SignedData (RFC 5652, 5.1), behind its number: what is signed begins so; undefined where it lies elsewhere, or says nothing. */
async function kindOfSigned(reader: ByteReader): Promise<ContentKind | undefined> {
  try {
    const open: (number | undefined)[] = [];
    await enter(reader, 0xa0, open);
    await enter(reader, BER.sequence, open);
    await expected(reader, BER.integer);
    await expected(reader, BER.set);
    await enter(reader, BER.sequence, open);
    await expected(reader, BER.objectId);
    await enter(reader, 0xa0, open);
    return sniff((await peekString(reader, await readBerHeader(reader), sniffBytes)).bytes);
  } catch (error) {
    if (error instanceof RestoreError) return undefined;
    throw error;
  }
}

async function enter(reader: ByteReader, tag: number, open: (number | undefined)[]): Promise<void> {
  const offset = reader.offset;
  const header = await readBerHeader(reader);
  if (header.tag !== tag) failStructure(offset);
  open.push(header.length === undefined ? undefined : reader.offset + header.length);
}

async function expected(reader: ByteReader, tag: number): Promise<BerNode> {
  const offset = reader.offset;
  const node = await readBer(reader, mostHeadBytes);
  if (node.tag !== tag) failStructure(offset);
  return node;
}

function headOf(message: CmsMessage, { name }: Pick<ContentCipher, 'name'>): CmsHead {
  return { recipients: recipientsOf(message), cipher: name, isAuthenticated: message.isAuthenticated };
}

function recipientsOf({ recipients, isDirect }: CmsMessage): CmsRecipient[] {
  return isDirect ? [{ kind: 'shared key', certificate: undefined }] : recipients.flatMap(describeRecipient);
}

/** RFC 5652, 6.2 */
const RECIPIENT = { keyTransport: 0x30, keyAgreement: 0xa1, sharedKey: 0xa2, password: 0xa3 };

function describeRecipient(recipient: BerNode): CmsRecipient[] {
  const { tag, children } = recipient;
  switch (tag) {
    case RECIPIENT.keyTransport:
      return [{ kind: 'RSA', certificate: certificateOf(children[1]), detail: transportName(recipient) }];
    case RECIPIENT.keyAgreement: {
      const kind = agreementKind(recipient);
      return agreementKeys(recipient).map((it) => ({
        certificate: certificateOf(it.children[0]),
        ...(kind ? { kind } : { kind: 'other', detail: 'a key agreement with a certificate of the sender' }),
      }));
    }
    case RECIPIENT.password:
      return [{ kind: 'password', certificate: undefined, detail: passwordDetail(recipient) }];
    case RECIPIENT.sharedKey:
      return [{ kind: 'shared key', certificate: certificateOf(children[1]?.children[0]) }];
    default: {
      const detail = OTHER_RECIPIENTS[children[0] ? objectId(children[0].content) : ''];
      return [{ kind: 'other', certificate: undefined, detail: detail ?? 'a recipient of an unknown kind' }];
    }
  }
}

/** RFC 9629 */
const OTHER_RECIPIENTS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.9.16.13.3': 'a key encapsulation (KEM, as of ML-KEM)',
};

function passwordDetail(recipient: BerNode): string | undefined {
  const rounds = smallInteger(derivationOf(recipient)?.rounds?.content);
  return rounds >= 1 ? `PBKDF2, ${rounds} rounds` : undefined;
}

/** The serial number beside the issuer's name, or the key id of the certificate. */
function certificateOf(identifier: BerNode | undefined): string | undefined {
  if (identifier === undefined) return undefined;
  const bytes =
    identifier.tag === BER.sequence ? identifier.children[1]?.content : (identifier.children[0] ?? identifier).content;
  if (bytes === undefined) return undefined;
  const shown = Buffer.from(bytes.subarray(0, mostNameBytes)).toString('hex').toUpperCase();
  return bytes.length > mostNameBytes ? `${shown}…` : shown;
}

/** Serial numbers have twenty, key ids twenty or thirty-two. */
const mostNameBytes = 32;

async function contentKey(
  message: CmsMessage,
  cipher: ContentCipher,
  offers: readonly CmsOffer[],
  options: CmsOptions,
): Promise<{ key: Uint8Array; offer: number; notes: string[] }> {
  let failure: RestoreError | undefined;
  for (const [index, offer] of offers.entries()) {
    try {
      const found =
        offer.kind === 'pem'
          ? await openWithKey(message, cipher, offer)
          : (openWithSharedKey(message, cipher, offer) ?? (await openWithPassword(message, cipher, offer, options)));
      if (found) return { ...found, offer: index };
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'hostile') throw error;
      failure ??= error;
    }
  }
  if (failure) throw failure;
  const recipients = recipientsOf(message);
  const [first] = recipients;
  if (first && recipients.every((it) => it.kind === 'other')) failUnsupported(wayOf(first));
  const ways = recipients.map(wayOf);
  fail(
    'wrong-key',
    'decrypt',
    `the message is encrypted ${ways.length === 0 ? 'to nobody' : `for ${ways.slice(0, 8).join(', ')}`}; ${offers.length === 0 ? 'no key was offered' : 'what was offered does not open it'}`,
    { offset: 0, hint: hintFor(message) },
  );
}

function hintFor(message: CmsMessage): string {
  const isShared = recipientsOf(message).every((it) => it.kind === 'shared key');
  return isShared
    ? 'Offer the key that was given to openssl cms as -secretkey: a file with its hex digits, with the method cms.'
    : 'Offer the private key (PEM) of one of these certificates, or the password.';
}

/** What opens it: `a password`, `the certificate 0A91 (RSA)`. */
export function wayOf({ kind, certificate, detail }: CmsRecipient): string {
  if (kind === 'other' && detail !== undefined)
    return certificate === undefined ? detail : `${detail}, for the certificate ${certificate}`;
  if (kind === 'password') return 'a password';
  if (kind === 'shared key') return `a shared key${certificate === undefined ? '' : ` named ${certificate}`}`;
  return `the certificate ${certificate ?? 'without a number'} (${kind})`;
}

async function openWithKey(
  { recipients }: CmsMessage,
  { keyBytes }: ContentCipher,
  offer: CmsOffer,
): Promise<{ key: Uint8Array; notes: string[] } | undefined> {
  const { privateKey, notes } = readPrivateKey(offer);
  const kind = keyKind(privateKey);
  let failure: unknown;
  for (const recipient of recipients) {
    try {
      const key =
        kind === 'RSA' && recipient.tag === RECIPIENT.keyTransport
          ? transportedKey(recipient, privateKey, keyBytes)
          : recipient.tag === RECIPIENT.keyAgreement && [kind, undefined].includes(agreementKind(recipient))
            ? await agreedKey(recipient, privateKey, keyBytes)
            : undefined;
      if (key !== undefined) return { key: copyOf(key), notes };
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return undefined;
}

/** What messages call the key; Node knows no name for those of X9.42. */
function keyKind({ asymmetricKeyType }: KeyObject): CmsRecipient['kind'] | undefined {
  return asymmetricKeyType === undefined ? 'DH' : KEY_KINDS[asymmetricKeyType];
}

const KEY_KINDS: Readonly<Record<string, CmsRecipient['kind']>> = {
  rsa: 'RSA',
  ec: 'ECDH',
  x25519: 'X25519',
  x448: 'X448',
  dh: 'DH',
};

function readPrivateKey({ bytes, passphrase }: CmsOffer): { privateKey: KeyObject; notes: string[] } {
  const readings = passphrase === undefined ? [undefined] : passwordReadings(passphrase);
  let isLocked = false;
  for (const reading of readings) {
    try {
      const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const privateKey = createPrivateKey({
        key,
        format: 'pem',
        ...(reading && { passphrase: Buffer.from(reading.bytes) }),
      });
      return { privateKey, notes: reading?.note === undefined ? [] : [`passphrase: ${reading.note}`] };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      isLocked ||= code === 'ERR_MISSING_PASSPHRASE' || /BAD_DECRYPT|BAD_PASSWORD|INTERRUPTED|CIPHERFINAL/.test(code);
    }
  }
  if (isLocked && passphrase === undefined) {
    fail('usage', 'key', 'the private key is locked with a passphrase, and none was given', {
      hint: 'Give its passphrase (--passphrase-file).',
    });
  }
  const isMarked = /ENCRYPTED/.test(Buffer.from(bytes).toString('latin1'));
  if (isLocked || (passphrase !== undefined && isMarked)) {
    fail('wrong-key', 'key', 'the passphrase does not unlock the private key', {
      hint: 'Check the passphrase; a blank or a line end too many counts as part of it.',
    });
  }
  fail('usage', 'key', 'the private key cannot be read', {
    hint: 'Give a private key in PEM, with its lines -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY-----.',
  });
}

const derivePassword = promisify(pbkdf2);
/** What `pbkdf2` of this machine does in some seconds. */
const mostIterations = 20_000_000;
const PRFS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

/** PBKDF2-params (RFC 8018, A.2); undefined where the key is derived in another way. */
function derivationOf({ children }: BerNode): { salt?: BerNode; rounds?: BerNode; digest?: string } | undefined {
  const derivation = children.find((it) => it.tag === 0xa0);
  if (idOf(derivation) !== '1.2.840.113549.1.5.12') return undefined;
  const parameters = derivation?.children[1]?.children ?? [];
  const [salt, rounds] = parameters;
  const prf = parameters.find((it) => it.tag === BER.sequence);
  return { salt, rounds, digest: prf === undefined ? 'sha1' : PRFS[idOf(prf)] };
}

async function openWithPassword(
  { recipients }: CmsMessage,
  { keyBytes }: ContentCipher,
  offer: CmsOffer,
  { allowCostly }: CmsOptions,
): Promise<{ key: Uint8Array; notes: string[] } | undefined> {
  const readings = passwordReadings(offer.bytes);
  let cost = 0;
  for (const recipient of recipients) {
    if (recipient.tag !== RECIPIENT.password) continue;
    const { salt, rounds: written, digest } = derivationOf(recipient) ?? {};
    const algorithm = recipient.children.find((it) => it.tag === BER.sequence);
    const encrypted = recipient.children.at(-1)?.content;
    const inner = algorithm?.children[1];
    const rounds = smallInteger(written?.content);
    const isKnown = idOf(algorithm) === '1.2.840.113549.1.9.16.3.9';
    if (!isKnown || !salt || !inner || !encrypted || digest === undefined || !(rounds >= 1))
      failUnsupported('a password in this form');
    cost += rounds * readings.length;
    if (cost > mostIterations && !allowCostly) {
      fail('hostile', 'key', `to try a password, the message asks for ${cost} rounds of PBKDF2`, {
        reason: 'costly',
        hint: 'No usual program asks for that. If you trust its sender, say --allow-costly.',
      });
    }
    const wrap = contentCipher(inner, false);
    for (const reading of readings) {
      const wrapping = await derivePassword(reading.bytes, salt.content, rounds, wrap.keyBytes, digest);
      const key = ofLength(unwrapForPassword(encrypted, wrap, wrapping), keyBytes);
      wrapping.fill(0);
      if (key) return { key, notes: reading.note === undefined ? [] : [reading.note] };
    }
  }
  return undefined;
}

/**
 * KEKRecipientInfo (RFC 5652, 6.2.3): version, name of the key, algorithm, the encrypted key. In EncryptedData (RFC 5652, 8)
 * the key is that of the contents, and only the contents can show whether it fits.
 */
function openWithSharedKey(
  { recipients, isDirect }: CmsMessage,
  { keyBytes }: ContentCipher,
  { bytes }: CmsOffer,
): { key: Uint8Array; notes: string[] } | undefined {
  const shared = keyInHex(bytes);
  if (shared === undefined) return undefined;
  try {
    if (isDirect) return shared.length === keyBytes ? { key: copyOf(shared), notes: [] } : undefined;
    for (const { tag, children } of recipients) {
      if (tag !== RECIPIENT.sharedKey) continue;
      const [, , algorithm, encrypted] = children;
      const wrap = wrapOf(algorithm);
      if (encrypted === undefined || wrap === undefined)
        failUnsupported(`a shared key with the algorithm ${idOf(algorithm)}`);
      const key = shared.length === wrap.keyBytes ? unwrapped(encrypted.content, wrap, shared) : undefined;
      if (key && key.length === keyBytes) return { key, notes: [] };
    }
    return undefined;
  } finally {
    shared.fill(0);
  }
}

/** The first line, if it is the hex digits of a key of AES; the caller wipes it. */
function keyInHex(stored: Uint8Array): Uint8Array | undefined {
  const line = Buffer.from(passwordReadings(stored)[0]?.bytes ?? stored).toString('latin1');
  const digits = /^\s*(?:0x)?((?:[0-9a-f]{32}|[0-9a-f]{48}|[0-9a-f]{64}))\s*$/i.exec(line)?.[1];
  return digits === undefined ? undefined : new Uint8Array(Buffer.from(digits, 'hex'));
}

/** RFC 3211, 2.3: encrypted twice in CBC; a length, three bytes of the key inverted, the key, random bytes. */
function unwrapForPassword(encrypted: Uint8Array, cipher: ContentCipher, key: Uint8Array): Uint8Array | undefined {
  const { native, nonce, blockBytes } = cipher;
  if (encrypted.length % blockBytes !== 0 || encrypted.length < 2 * blockBytes) return undefined;
  const decrypt = (initial: Uint8Array, blocks: Uint8Array) =>
    createDecipheriv(native, nativeKey(cipher, key), initial).setAutoPadding(false).update(blocks);
  const last = encrypted.length - blockBytes;
  const end = decrypt(encrypted.subarray(last - blockBytes, last), encrypted.subarray(last));
  const outer = concat([decrypt(end, encrypted.subarray(0, last)), end]);
  const plain = decrypt(nonce, outer);
  const length = plain[0] ?? 0;
  const isRight = [0, 1, 2].every((at) => ((plain[1 + at] as number) ^ (plain[4 + at] as number)) === 0xff);
  return isRight && length + 4 <= plain.length ? copyOf(plain.subarray(4, 4 + length)) : undefined;
}

/**
 * Whether the start of the contents makes sense; false where it cannot be seen.
 *
 * @throws RestoreError `wrong-key` when it is noise
 */
async function isRightKey(
  reader: ByteReader,
  { content }: CmsMessage,
  { name, nonce, blockBytes }: ContentCipher,
  key: Uint8Array,
): Promise<boolean> {
  if (!isCipherName(name)) return false;
  const { bytes, size } = await peekString(reader, content, sniffBytes);
  const provenBy = judge({ cipher: name, key, iv: nonce }, { bytes, ...(size !== undefined && { size }) }, 0);
  if (provenBy === 'contents') return true;
  const isWhole = bytes.length === size;
  if (provenBy === 'padding' || !isWhole || blockBytes === 1) return false;
  fail('wrong-key', 'decrypt', 'the shared key does not open the message: what comes out is noise', {
    offset: reader.offset,
    hint: 'Offer the key that was given to openssl cms as -secretkey.',
  });
}

async function* decrypted(
  reader: ByteReader,
  message: CmsMessage,
  cipher: ContentCipher,
  { key, isKeyProven }: { key: Uint8Array; isKeyProven: boolean },
): AsyncGenerator<Uint8Array, void, undefined> {
  const native = nativeKey(cipher, key);
  key.fill(0);
  try {
    const last = message.isAuthenticated
      ? yield* authenticated(reader, message, cipher, native)
      : yield* padded(reader, message, cipher, { key: native, isKeyProven });
    await leave(reader, message.open);
    if (!(await reader.isAtEnd())) {
      fail('damaged', 'decrypt', 'bytes follow the end of the message', {
        offset: reader.offset,
        hint: 'Something was appended, or several messages were joined: split the file.',
      });
    }
    if (last.length > 0) yield last;
  } finally {
    native.fill(0);
    await reader.close();
  }
}

/** @returns what must not come out before the message has come to its end */
async function* padded(
  reader: ByteReader,
  { content }: CmsMessage,
  { native, nonce, blockBytes }: ContentCipher,
  { key, isKeyProven }: { key: Uint8Array; isKeyProven: boolean },
): AsyncGenerator<Uint8Array, Uint8Array, undefined> {
  const start = reader.offset;
  const decipher = createDecipheriv(native, key, nonce.length === 0 ? null : nonce);
  let bytes = 0;
  for await (const piece of stringBytes(reader, content)) {
    bytes += piece.length;
    const plain = decipher.update(piece);
    if (plain.length > 0) yield plain;
  }
  return finishPadded(decipher, bytes, { start, blockBytes, isKeyProven });
}

async function* authenticated(
  reader: ByteReader,
  message: CmsMessage,
  cipher: ContentCipher,
  key: Uint8Array,
): AsyncGenerator<Uint8Array, Uint8Array, undefined> {
  const start = reader.offset;
  const opener = new GcmOpener(cipher, key);
  for await (const piece of stringBytes(reader, message.content)) {
    const plain = opener.update(piece);
    if (plain.length > 0) yield plain;
  }
  const { tag, attributes } = await readTag(reader, message, cipher);
  if (!opener.isRight(tag, attributes)) {
    fail('damaged', 'decrypt', 'the tag at the end of the message does not fit: it was changed', {
      offset: start,
      hint: 'Nothing of it can be trusted: copy the file again from where it was written, or use another backup.',
    });
  }
  return new Uint8Array(0);
}

/**
 * AuthEnvelopedData (RFC 5083, 2.1): behind the encrypted content perhaps attributes, then the tag. The tag covers the
 * attributes with the tag of a SET in place of their own.
 */
async function readTag(
  reader: ByteReader,
  { open }: CmsMessage,
  { tagBytes }: ContentCipher,
): Promise<{ tag: Uint8Array; attributes: Uint8Array }> {
  await leave(reader, open.splice(3));
  const [next] = await reader.peek(1);
  const attributes = next === 0xa1 ? await readBer(reader, mostHeadBytes) : undefined;
  const tag = await expected(reader, BER.octetString);
  if (tag.content.length !== tagBytes) failStructure(reader.offset);
  return { tag: tag.content, attributes: attributes ? encodeBer(BER.set, attributes.content) : new Uint8Array(0) };
}

function finishPadded(
  decipher: Decipher,
  bytes: number,
  { start, blockBytes, isKeyProven }: { start: number; blockBytes: number; isKeyProven: boolean },
): Uint8Array {
  if (blockBytes === 1 || (bytes > 0 && bytes % blockBytes === 0)) {
    try {
      return decipher.final();
    } catch {
      // Told below.
    }
  }
  if (!isKeyProven) {
    fail('wrong-key', 'decrypt', 'the last cipher block does not decrypt to valid padding', {
      offset: start,
      hint: 'Almost certainly the shared key is wrong; the other possibility is a message that was changed.',
    });
  }
  fail('damaged', 'decrypt', 'the last cipher block does not decrypt to valid padding: the message was changed', {
    offset: start,
    hint: 'Copy the file again from where it was written, or use another backup.',
  });
}

/** Passes over what may stand behind the content (attributes), to the ends of the elements around it. */
async function leave(reader: ByteReader, open: (number | undefined)[]): Promise<void> {
  for (const end of [...open].reverse()) {
    for (;;) {
      if (end !== undefined && reader.offset >= end) {
        if (reader.offset > end) failStructure(reader.offset);
        break;
      }
      if (end === undefined && (await isEndOfContents(reader))) {
        await reader.skip(2);
        break;
      }
      await readBer(reader, mostHeadBytes);
    }
  }
}
