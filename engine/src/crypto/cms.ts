/**
 * CMS and PKCS#7 messages (RFC 5652, 5083), as `openssl smime` and `openssl cms` write them: opened with a private key or a
 * password, in constant memory. Node's OpenSSL does the cryptography; what is read here is the structure around it.
 */

import {
  constants,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  type DecipherGCM,
  diffieHellman,
  getCiphers,
  type KeyObject,
  pbkdf2,
  privateDecrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { ByteReader, concat, copyOf, once } from '../bytes.ts';
import { sniffBytes } from '../contents/sniff.ts';
import { fail, RestoreError } from '../failure.ts';
import {
  BER,
  type BerHeader,
  type BerNode,
  constructed,
  encodeBer,
  isEndOfContents,
  objectId,
  readBer,
  readBerHeader,
  smallInteger,
  stringBytes,
} from './ber.ts';
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
  kind: 'RSA' | 'ECDH' | 'password' | 'shared key' | 'other';
  /** Serial number or key id of the certificate, or the name of a shared key, in hex; undefined for passwords. */
  certificate: string | undefined;
}

/** What stands in front of the encrypted data; nothing of it needs a key. */
export interface CmsHead {
  recipients: CmsRecipient[];
  /** As OpenSSL calls it: `aes-256-cbc`. */
  cipher: string;
  isAuthenticated: boolean;
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
    const cipher = cipherOf(message);
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
  return headOf(message, cipherOf(message));
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
const NOT_ENCRYPTED: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.7.1': 'plain data',
  '1.2.840.113549.1.7.2': 'signed data',
  '1.2.840.113549.1.7.5': 'a digest of data',
  '1.2.840.113549.1.9.16.1.9': 'compressed data',
};
/** Recipients, originator's certificates: small; a message to a thousand people has half a megabyte of them. */
const mostHeadBytes = 4 * 1024 * 1024;

async function readMessage(reader: ByteReader): Promise<CmsMessage> {
  const open: (number | undefined)[] = [];
  await enter(reader, BER.sequence, open);
  const type = objectId((await expected(reader, BER.objectId)).content);
  const plain = NOT_ENCRYPTED[type];
  if (plain !== undefined) {
    fail('not-encrypted', 'decrypt', `the message (CMS) is ${plain}: it is not encrypted`, {
      offset: 0,
      hint: 'Everyone who has the file can read it. Encrypt it (openssl cms -encrypt, not -sign), and take the plain copies away.',
    });
  }
  const isDirect = type === encryptedData;
  if (type !== enveloped && type !== authEnveloped && !isDirect) failUnsupported(`a CMS message of the kind ${type}`);
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

interface ContentCipher {
  name: string;
  keyBytes: number;
  blockBytes: number;
  nonce: Uint8Array;
  /** GCM only. */
  tagBytes: number;
}

/** RFC 3565, 5084, 8018 and the numbers of RSA's PKCS#5. */
const CIPHERS: Readonly<Record<string, { name: string; keyBytes: number; blockBytes: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16, blockBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24, blockBytes: 16 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyBytes: 32, blockBytes: 16 },
  '2.16.840.1.101.3.4.1.6': { name: 'aes-128-gcm', keyBytes: 16, blockBytes: 1 },
  '2.16.840.1.101.3.4.1.26': { name: 'aes-192-gcm', keyBytes: 24, blockBytes: 1 },
  '2.16.840.1.101.3.4.1.46': { name: 'aes-256-gcm', keyBytes: 32, blockBytes: 1 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyBytes: 24, blockBytes: 8 },
  '1.2.392.200011.61.1.1.1.2': { name: 'camellia-128-cbc', keyBytes: 16, blockBytes: 16 },
  '1.2.392.200011.61.1.1.1.3': { name: 'camellia-192-cbc', keyBytes: 24, blockBytes: 16 },
  '1.2.392.200011.61.1.1.1.4': { name: 'camellia-256-cbc', keyBytes: 32, blockBytes: 16 },
};
/** Known by name, so that the refusal says what it is. */
const OLD_CIPHERS: Readonly<Record<string, string>> = {
  '1.2.840.113549.3.2': 'RC2',
  '1.2.840.113549.3.4': 'RC4',
  '1.3.14.3.2.7': 'DES',
  '1.2.410.200004.1.4': 'SEED',
};

function cipherOf({ algorithm, isAuthenticated }: Pick<CmsMessage, 'algorithm' | 'isAuthenticated'>): ContentCipher {
  const id = objectId(algorithm.children[0]?.content ?? new Uint8Array(0));
  const cipher = CIPHERS[id];
  if (cipher === undefined || !getCiphers().includes(cipher.name))
    failUnsupported(
      `a message that is encrypted with ${OLD_CIPHERS[id] ?? cipher?.name ?? `the cipher ${id}`}`,
      OLD_CIPHERS[id] && oldCipherHint,
    );
  const parameters = algorithm.children[1];
  const isGcm = cipher.name.endsWith('-gcm');
  if (isGcm !== isAuthenticated) failStructure(0);
  const nonce = (isGcm ? parameters?.children[0]?.content : parameters?.content) ?? new Uint8Array(0);
  const tagBytes = isGcm ? (parameters?.children[1] ? smallInteger(parameters.children[1].content) : 12) : 0;
  if (isGcm ? nonce.length === 0 || !(tagBytes >= 12 && tagBytes <= 16) : nonce.length !== cipher.blockBytes)
    failStructure(0);
  return { ...cipher, nonce, tagBytes };
}

function headOf(message: CmsMessage, { name }: ContentCipher): CmsHead {
  return { recipients: recipientsOf(message), cipher: name, isAuthenticated: message.isAuthenticated };
}

function recipientsOf({ recipients, isDirect }: CmsMessage): CmsRecipient[] {
  return isDirect ? [{ kind: 'shared key', certificate: undefined }] : recipients.flatMap(describeRecipient);
}

/** RFC 5652, 6.2 */
const RECIPIENT = { keyTransport: 0x30, keyAgreement: 0xa1, sharedKey: 0xa2, password: 0xa3 };

function describeRecipient({ tag, children }: BerNode): CmsRecipient[] {
  switch (tag) {
    case RECIPIENT.keyTransport:
      return [{ kind: 'RSA', certificate: certificateOf(children[1]) }];
    case RECIPIENT.keyAgreement:
      return (children.find((it, index) => index > 2 && isListOfKeys(it))?.children ?? []).map((it) => ({
        kind: 'ECDH',
        certificate: certificateOf(it.children[0]),
      }));
    case RECIPIENT.password:
      return [{ kind: 'password', certificate: undefined }];
    case RECIPIENT.sharedKey:
      return [{ kind: 'shared key', certificate: certificateOf(children[1]?.children[0]) }];
    default:
      return [{ kind: 'other', certificate: undefined }];
  }
}

/** The serial number beside the issuer's name, or the key id of the certificate. */
function certificateOf(identifier: BerNode | undefined): string | undefined {
  if (identifier === undefined) return undefined;
  const bytes =
    identifier.tag === BER.sequence ? identifier.children[1]?.content : (identifier.children[0] ?? identifier).content;
  return bytes && Buffer.from(bytes).toString('hex').toUpperCase();
}

/** In key agreement an algorithm stands in front of the keys, and both are sequences. */
function isListOfKeys({ tag, children }: BerNode): boolean {
  return tag === BER.sequence && children.every((it) => it.tag === BER.sequence);
}

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
          ? openWithKey(message, cipher, offer)
          : (openWithSharedKey(message, cipher, offer) ?? (await openWithPassword(message, cipher, offer, options)));
      if (found) return { ...found, offer: index };
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'hostile') throw error;
      failure ??= error;
    }
  }
  if (failure) throw failure;
  const ways = recipientsOf(message).map(wayOf);
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

export function wayOf({ kind, certificate }: CmsRecipient): string {
  if (kind === 'password') return 'a password';
  if (kind === 'shared key') return `a shared key${certificate === undefined ? '' : ` named ${certificate}`}`;
  return `the certificate ${certificate ?? 'without a number'} (${kind})`;
}

function openWithKey(
  { recipients }: CmsMessage,
  cipher: ContentCipher,
  offer: CmsOffer,
): { key: Uint8Array; notes: string[] } | undefined {
  const { privateKey, notes } = readPrivateKey(offer);
  const isRsa = privateKey.asymmetricKeyType?.startsWith('rsa') ?? false;
  let failure: unknown;
  for (const recipient of recipients) {
    try {
      const key =
        isRsa && recipient.tag === RECIPIENT.keyTransport
          ? transportedKey(recipient, privateKey, cipher)
          : privateKey.asymmetricKeyType === 'ec' && recipient.tag === RECIPIENT.keyAgreement
            ? agreedKey(recipient, privateKey, cipher)
            : undefined;
      if (key !== undefined) return { key, notes };
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return undefined;
}

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

/** KeyTransRecipientInfo: version, recipient, algorithm, the encrypted key. */
function transportedKey(
  { children }: BerNode,
  privateKey: KeyObject,
  { keyBytes }: ContentCipher,
): Uint8Array | undefined {
  const [, , algorithm, encrypted] = children;
  if (algorithm === undefined || encrypted === undefined) failStructure(0);
  const id = objectId(algorithm.children[0]?.content ?? new Uint8Array(0));
  if (id === '1.2.840.113549.1.1.7') {
    try {
      const options = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, ...oaepOf(algorithm.children[1]) };
      return ofLength(privateDecrypt(options, encrypted.content), keyBytes);
    } catch (error) {
      if (error instanceof RestoreError) throw error;
      return undefined;
    }
  }
  if (id !== '1.2.840.113549.1.1.1') failUnsupported(`a key that is encrypted with the algorithm ${id}`);
  return ofLength(withoutPkcs1Padding(encrypted.content, privateKey), keyBytes);
}

/**
 * PKCS#1 version 1.5: `00 02`, at least eight random bytes, `00`, the key. Node does not take this padding off any more, for
 * the sake of servers that tell strangers whether it was right; here nobody asks but the owner of the key.
 */
function withoutPkcs1Padding(encrypted: Uint8Array, key: KeyObject): Uint8Array | undefined {
  let padded: Uint8Array;
  try {
    padded = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encrypted);
  } catch {
    return undefined;
  }
  const end = padded.indexOf(0, 2);
  return padded[0] === 0 && padded[1] === 2 && end >= 10 ? padded.subarray(end + 1) : undefined;
}

const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** RSAES-OAEP-params (RFC 8017, A.2.1): hash, mask function with its own hash, label. */
function oaepOf(parameters: BerNode | undefined): { oaepHash: string; oaepLabel?: Buffer } {
  const field = (tag: number) => parameters?.children.find((it) => it.tag === tag)?.children[0];
  const hashOf = (it: BerNode | undefined) =>
    it === undefined ? 'sha1' : HASHES[objectId(it.children[0]?.content ?? new Uint8Array(0))];
  const hash = hashOf(field(0xa0));
  const maskHash = hashOf(field(0xa1)?.children[1]);
  if (hash === undefined || hash !== maskHash)
    failUnsupported('a key that is encrypted with RSA-OAEP with two different hashes');
  const label = field(0xa2)?.children[1]?.content;
  return { oaepHash: hash, ...(label && label.length > 0 && { oaepLabel: Buffer.from(label) }) };
}

/** X9.63 key derivation (RFC 5753, 7.1.4), by the scheme's number; those with cofactor are the same on the usual curves. */
const AGREEMENT_HASHES: Readonly<Record<string, string>> = {
  '1.3.133.16.840.63.0.2': 'sha1',
  '1.3.132.1.11.0': 'sha224',
  '1.3.132.1.11.1': 'sha256',
  '1.3.132.1.11.2': 'sha384',
  '1.3.132.1.11.3': 'sha512',
  '1.3.133.16.840.63.0.3': 'sha1',
  '1.3.132.1.14.0': 'sha224',
  '1.3.132.1.14.1': 'sha256',
  '1.3.132.1.14.2': 'sha384',
  '1.3.132.1.14.3': 'sha512',
};
/** RFC 3394 */
const WRAPS: Readonly<Record<string, { name: string; keyBytes: number }>> = {
  '2.16.840.1.101.3.4.1.5': { name: 'id-aes128-wrap', keyBytes: 16 },
  '2.16.840.1.101.3.4.1.25': { name: 'id-aes192-wrap', keyBytes: 24 },
  '2.16.840.1.101.3.4.1.45': { name: 'id-aes256-wrap', keyBytes: 32 },
};
const wrapInitial = Buffer.from('a6a6a6a6a6a6a6a6', 'hex');

/** KeyAgreeRecipientInfo: version, originator's key, perhaps some material, algorithm, the encrypted keys. */
function agreedKey({ children }: BerNode, privateKey: KeyObject, { keyBytes }: ContentCipher): Uint8Array | undefined {
  const point = children[1]?.children[0]?.children[1];
  const material = children.find((it) => it.tag === 0xa1)?.children[0];
  const algorithm = children.find((it) => it.tag === BER.sequence && it.children[0]?.tag === BER.objectId);
  const keys = children.at(-1)?.children ?? [];
  const scheme = objectId(algorithm?.children[0]?.content ?? new Uint8Array(0));
  const hash = AGREEMENT_HASHES[scheme];
  const wrapAlgorithm = algorithm?.children[1];
  const wrapId = objectId(wrapAlgorithm?.children[0]?.content ?? new Uint8Array(0));
  const wrap = WRAPS[wrapId];
  if (point?.tag !== BER.bitString || wrapAlgorithm === undefined) failUnsupported('a key agreement of this kind');
  if (hash === undefined || wrap === undefined || !getCiphers().includes(wrap.name))
    failUnsupported(`a key agreement with the algorithms ${scheme} and ${wrapId}`);
  const secret = sharedSecret(privateKey, point);
  if (secret === undefined) return undefined;
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(wrap.keyBytes * 8);
  const shared = encodeBer(
    BER.sequence,
    wrapAlgorithm.encoded,
    ...(material ? [encodeBer(0xa0, material.encoded)] : []),
    encodeBer(0xa2, encodeBer(BER.octetString, bits)),
  );
  const wrapping = x963(hash, secret, shared, wrap.keyBytes);
  secret.fill(0);
  for (const it of keys) {
    const encrypted = it.children[1]?.content;
    const key = encrypted && ofLength(unwrapped(encrypted, wrap.name, wrapping), keyBytes);
    if (key) return key;
  }
  return undefined;
}

/** The originator's point is on the recipient's curve: its public key is that of the recipient with another point. */
function sharedSecret(privateKey: KeyObject, point: BerNode): Buffer | undefined {
  try {
    const own = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
    const start = 1 + lengthBytesOf(own, 1);
    const algorithm = own.subarray(start, start + 2 + (own[start + 1] as number));
    const key = Buffer.from(encodeBer(BER.sequence, algorithm, point.encoded));
    return diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) });
  } catch {
    return undefined;
  }
}

function lengthBytesOf(encoded: Uint8Array, at: number): number {
  const first = encoded[at] as number;
  return first < 0x80 ? 1 : 1 + (first & 0x7f);
}

function x963(hash: string, secret: Uint8Array, shared: Uint8Array, length: number): Uint8Array {
  const parts: Uint8Array[] = [];
  const counter = Buffer.alloc(4);
  for (let filled = 0; filled < length; ) {
    counter.writeUInt32BE(parts.length + 1);
    const digest = createHash(hash).update(secret).update(counter).update(shared).digest();
    parts.push(digest);
    filled += digest.length;
  }
  return concat(parts).subarray(0, length);
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

async function openWithPassword(
  { recipients }: CmsMessage,
  { keyBytes }: ContentCipher,
  offer: CmsOffer,
  { allowCostly }: CmsOptions,
): Promise<{ key: Uint8Array; notes: string[] } | undefined> {
  for (const { tag, children } of recipients) {
    if (tag !== RECIPIENT.password) continue;
    const derivation = children.find((it) => it.tag === 0xa0)?.children;
    const algorithm = children.find((it) => it.tag === BER.sequence)?.children;
    const encrypted = children.at(-1)?.content;
    const parameters = derivation?.[1]?.children ?? [];
    const [salt, iterations] = parameters;
    const prf = parameters.find((it) => it.tag === BER.sequence)?.children[0]?.content;
    const digest = prf === undefined ? 'sha1' : PRFS[objectId(prf)];
    const rounds = smallInteger(iterations?.content);
    const inner = algorithm?.[1];
    const isKnown =
      objectId(derivation?.[0]?.content ?? new Uint8Array(0)) === '1.2.840.113549.1.5.12' &&
      objectId(algorithm?.[0]?.content ?? new Uint8Array(0)) === '1.2.840.113549.1.9.16.3.9';
    if (!isKnown || !salt || !inner || !encrypted || digest === undefined || !(rounds >= 1))
      failUnsupported('a password in this form');
    if (rounds > mostIterations && !allowCostly) {
      fail('hostile', 'key', `to try a password, the message asks for ${rounds} rounds of PBKDF2`, {
        reason: 'costly',
        hint: 'No usual program asks for that. If you trust its sender, say --allow-costly.',
      });
    }
    const wrap = cipherOf({ algorithm: inner, isAuthenticated: false });
    for (const reading of passwordReadings(offer.bytes)) {
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
      const wrapId = objectId(algorithm?.children[0]?.content ?? new Uint8Array(0));
      const wrap = WRAPS[wrapId];
      if (encrypted === undefined || wrap === undefined || !getCiphers().includes(wrap.name))
        failUnsupported(`a shared key with the algorithm ${wrapId}`);
      const key = shared.length === wrap.keyBytes ? unwrapped(encrypted.content, wrap.name, shared) : undefined;
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

/** undefined: for somebody else. */
function unwrapped(encrypted: Uint8Array, cipher: string, key: Uint8Array): Uint8Array | undefined {
  try {
    const decipher = createDecipheriv(cipher, key, wrapInitial);
    return copyOf(concat([decipher.update(encrypted), decipher.final()]));
  } catch {
    return undefined;
  }
}

/** RFC 3211, 2.3: encrypted twice in CBC; a length, three bytes of the key inverted, the key, random bytes. */
function unwrapForPassword(
  encrypted: Uint8Array,
  { name, nonce, blockBytes }: ContentCipher,
  key: Uint8Array,
): Uint8Array | undefined {
  if (encrypted.length % blockBytes !== 0 || encrypted.length < 2 * blockBytes) return undefined;
  const decrypt = (initial: Uint8Array, blocks: Uint8Array) =>
    createDecipheriv(name, key, initial).setAutoPadding(false).update(blocks);
  const last = encrypted.length - blockBytes;
  const end = decrypt(encrypted.subarray(last - blockBytes, last), encrypted.subarray(last));
  const outer = concat([decrypt(end, encrypted.subarray(0, last)), end]);
  const plain = decrypt(nonce, outer);
  const length = plain[0] ?? 0;
  const isRight = [0, 1, 2].every((at) => ((plain[1 + at] as number) ^ (plain[4 + at] as number)) === 0xff);
  return isRight && length + 4 <= plain.length ? copyOf(plain.subarray(4, 4 + length)) : undefined;
}

function ofLength(key: Uint8Array | undefined, length: number): Uint8Array | undefined {
  return key?.length === length ? key : undefined;
}

/**
 * Whether the start of the contents makes sense; false where it cannot be seen.
 *
 * @throws RestoreError `wrong-key` when it is noise
 */
async function isRightKey(
  reader: ByteReader,
  { content }: CmsMessage,
  { name, nonce }: ContentCipher,
  key: Uint8Array,
): Promise<boolean> {
  // Contents in parts would have to be put together first.
  if ((content.tag & constructed) !== 0 || content.length === undefined || !isCipherName(name)) return false;
  const bytes = (await reader.peek(sniffBytes)).subarray(0, content.length);
  if (bytes.length < Math.min(content.length, sniffBytes)) return false;
  const provenBy = judge({ cipher: name, key, iv: nonce }, { bytes, size: content.length }, 0);
  if (provenBy === 'contents') return true;
  if (provenBy === 'padding' || content.length > sniffBytes) return false;
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
  try {
    const isGcm = cipher.tagBytes > 0;
    const options = isGcm ? { authTagLength: cipher.tagBytes } : undefined;
    const decipher = createDecipheriv(cipher.name, key, cipher.nonce, options as never) as DecipherGCM;
    key.fill(0);
    const start = reader.offset;
    let bytes = 0;
    for await (const piece of stringBytes(reader, message.content)) {
      bytes += piece.length;
      const plain = decipher.update(piece);
      if (plain.length > 0) yield plain;
    }
    const last = isGcm
      ? finishAuthenticated(decipher, await readTag(reader, message, cipher), start)
      : finishPadded(decipher, bytes, { start, blockBytes: cipher.blockBytes, isKeyProven });
    await leave(reader, message.open);
    if (!(await reader.isAtEnd())) {
      fail('damaged', 'decrypt', 'bytes follow the end of the message', {
        offset: reader.offset,
        hint: 'Something was appended, or several messages were joined: split the file.',
      });
    }
    if (last.length > 0) yield last;
  } finally {
    await reader.close();
  }
}

/** AuthEnvelopedData: behind the encrypted content perhaps attributes, then the tag. */
async function readTag(reader: ByteReader, { open }: CmsMessage, { tagBytes }: ContentCipher): Promise<Uint8Array> {
  await leave(reader, open.splice(3));
  const [next] = await reader.peek(1);
  if (next === 0xa1) failUnsupported('an authenticated message with attributes');
  const tag = await expected(reader, BER.octetString);
  if (tag.content.length !== tagBytes) failStructure(reader.offset);
  return tag.content;
}

function finishAuthenticated(decipher: DecipherGCM, tag: Uint8Array, offset: number): Uint8Array {
  try {
    return decipher.setAuthTag(tag).final();
  } catch {
    fail('damaged', 'decrypt', 'the tag at the end of the message does not fit: it was changed', {
      offset,
      hint: 'Nothing of it can be trusted: copy the file again from where it was written, or use another backup.',
    });
  }
}

function finishPadded(
  decipher: DecipherGCM,
  bytes: number,
  { start, blockBytes, isKeyProven }: { start: number; blockBytes: number; isKeyProven: boolean },
): Uint8Array {
  if (bytes > 0 && bytes % blockBytes === 0) {
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

/** Elements of a certificate that name it as a recipient. */
export async function readTree(encoded: Uint8Array): Promise<BerNode> {
  return readBer(new ByteReader(once(encoded)), encoded.length);
}

const oldCipherHint =
  'It is broken, and OpenSSL 3 has it only when asked: openssl cms -decrypt -provider legacy -provider default. Then encrypt again with AES (-aes256).';

function failUnsupported(what: string, hint?: string): never {
  fail('unsupported', 'decrypt', `${what} is not supported`, {
    offset: 0,
    hint: hint ?? 'Decrypt it with openssl cms -decrypt (or openssl smime -decrypt), and test what comes out.',
  });
}

function failStructure(offset: number): never {
  fail('damaged', 'decrypt', 'the structure of the message (CMS) is not one that exists', {
    offset,
    hint: 'The file is not what was written: copy it again, or use another backup.',
  });
}
