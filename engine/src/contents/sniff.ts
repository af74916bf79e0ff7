/** Says from the first bytes what something is. Decides nothing by file names: a backup is often named for what it should be. */

import { constants, deflateRawSync, inflateRawSync, inflateSync } from 'node:zlib';
import { startsWith } from '../bytes.ts';

/** How many first bytes `sniff` wants to see; fewer are fine for a shorter input. */
export const sniffBytes = 8_192;

export type ContentKind =
  // encrypted
  | 'openpgp'
  | 'openpgp armored'
  | 'openssl'
  | 'openssl base64'
  | 'age'
  | 'pkcs7'
  | 'pkcs7 signed'
  | 'pkcs7 compressed'
  | 'yckms'
  // compressed
  | 'gzip'
  | 'zstd'
  | 'lz4'
  | 'xz'
  | 'lzma'
  | 'bzip2'
  | 'lzop'
  | 'zip'
  | '7z'
  // contents
  | 'tar'
  | 'pg_dump custom'
  | 'pg_dump directory'
  | 'pg_dump tar'
  | 'pg_dump plain'
  | 'pg_dumpall plain'
  | 'pgbackrest info'
  | 'wal segment'
  | 'sqlite'
  | 'openpgp key'
  | 'pem key'
  | 'json'
  | 'text';

export const COMPRESSED_KINDS: ReadonlySet<ContentKind> = new Set<ContentKind>([
  'gzip',
  'zstd',
  'lz4',
  'xz',
  'lzma',
  'bzip2',
  'lzop',
  'zip',
  '7z',
]);

/**
 * What an input is that starts with these bytes; undefined for what has no signature: libsodium and brotli streams,
 * and everything that we do not know. Sources: the magic numbers of the formats' own specifications; `tar` needs a
 * header whose checksum is right.
 */
export function sniff(start: Uint8Array): ContentKind | undefined {
  for (const [kind, magic, from] of MAGIC) if (startsWith(start, magic, from ?? 0)) return kind;
  const message = pkcs7Kind(start);
  if (message) return message;
  if (isTarHeader(start)) return nameOfFirstMember(start) === 'toc.dat' ? 'pg_dump tar' : 'tar';
  if (isWalHeader(start)) return 'wal segment';
  if (isText(start)) return sniffText(latin1(start));
  return isOpenpgpMessage(start) ? 'openpgp' : undefined;
}

/**
 * Whether bytes look like something that a person or a program wrote, and not like the noise that a wrong key makes.
 * Noise of 8 bytes or more passes less than once in a thousand, of 32 bytes or more practically never. Data that is
 * compressed without a signature (raw brotli) is taken for noise: the answer `false` proves nothing.
 */
export function looksMeaningful(bytes: Uint8Array): boolean {
  return hasKnownForm(bytes) || isCompressible(bytes);
}

/** The part of `looksMeaningful` that no repetition in noise can fulfil: text, or a signature. */
export function hasKnownForm(bytes: Uint8Array): boolean {
  if (bytes.length >= 8 && isText(bytes)) return true;
  const kind = sniff(bytes);
  // A packet's header is a byte or two, which noise has now and then; several in a row it has not.
  return kind === 'openpgp' ? isOpenpgpChain(bytes) : kind !== undefined && kind !== 'text';
}

/** What is encrypted well never is. */
export function isCompressible(bytes: Uint8Array): boolean {
  return bytes.length >= 256 && deflateRawSync(bytes, { level: 1 }).length < bytes.length * 0.9;
}

const ascii = (text: string) => new TextEncoder().encode(text);

const MAGIC: readonly [ContentKind, ArrayLike<number>, number?][] = [
  ['pg_dump custom', ascii('PGDMP')],
  ['openssl', ascii('Salted__')],
  ['openssl base64', ascii('U2FsdGVkX1')],
  ['age', ascii('age-encryption.org/v1')],
  ['age', ascii('-----BEGIN AGE ENCRYPTED FILE')],
  ['pkcs7', ascii('-----BEGIN PKCS7')],
  ['pkcs7', ascii('-----BEGIN CMS')],
  ['yckms', ascii('yckms\x01')],
  ['yckms', ascii('envelope-yc-kms\x01')],
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  // lc=3 lp=0 pb=2, then the dictionary's size; the size of the contents is unknown: what WAL-G and `xz --format=lzma` write.
  ['lzma', [0x5d, 0x00, 0x00]],
  ['bzip2', [0x31, 0x41, 0x59, 0x26, 0x53, 0x59], 4],
  ['lzop', [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
  ['7z', [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['sqlite', ascii('SQLite format 3\0')],
];

function sniffText(text: string): ContentKind {
  const body = text.replace(/^\xef\xbb\xbf/, '');
  if (/^-----BEGIN PGP MESSAGE-----/m.test(body)) return 'openpgp armored';
  const mail = mailKind(body);
  if (mail) return mail;
  if (/^(?:[\w-]+:[^\n]*\n)+-----BEGIN (?:CMS|PKCS7)-----/.test(body)) return 'pkcs7';
  if (/^-----BEGIN PGP (?:PRIVATE|PUBLIC) KEY BLOCK-----/m.test(body)) return 'openpgp key';
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(body)) return 'pem key';
  // A dump of a cluster holds dumps of databases: the first heading counts.
  const heading = /^--\r?\n-- PostgreSQL database (cluster )?dump\r?\n--/m.exec(body);
  if (heading) return heading[1] === undefined ? 'pg_dump plain' : 'pg_dumpall plain';
  if (/^\[backrest\]\s/m.test(body)) return 'pgbackrest info';
  if (/^\s*\{\s*"/.test(body)) return 'json';
  return 'text';
}

/** UTF-8 or another eight-bit text: no control characters but blanks and line ends, and hardly any broken UTF-8. */
export function isText(bytes: Uint8Array): boolean {
  if (bytes.length === 0) return false;
  let high = 0;
  for (const byte of bytes) {
    if (byte < 0x20 ? byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c && byte !== 0x08 : byte === 0x7f)
      return false;
    if (byte >= 0x80) high++;
  }
  if (high === 0) return true;
  // Decoding as a stream keeps back a character that is cut at the end: that is no fault of the text.
  const decoded = new TextDecoder('utf-8').decode(bytes, { stream: true });
  return !decoded.includes('\ufffd') || (bytes.length >= 64 && high < bytes.length / 3);
}

/** POSIX ustar and the formats before it: the sum of the header's bytes, its own field taken for blanks. */
export function isTarHeader(bytes: Uint8Array): boolean {
  if (bytes.length < 512 || bytes[0] === 0) return false;
  // Noise has a digit there, and sums of signed bytes near zero, oftener than one would think: the whole field must be a number.
  const digits = /^[\0 ]*([0-7]{3,8})[\0 ]*$/.exec(latin1(bytes.subarray(148, 156)))?.[1];
  if (digits === undefined) return false;
  const recorded = Number.parseInt(digits, 8);
  let sum = 8 * 0x20;
  let signedSum = sum;
  for (let index = 0; index < 512; index++) {
    if (index >= 148 && index < 156) continue;
    const byte = bytes[index] as number;
    sum += byte;
    signedSum += byte < 128 ? byte : byte - 256;
  }
  return recorded === sum || recorded === signedSum;
}

/** A mail whose contents are a message of CMS. What is encrypted with a shared key, OpenSSL writes without a type. */
function mailKind(text: string): ContentKind | undefined {
  const header = /^(?:From [^\n]*\n)?(?:[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)+/.exec(text)?.[0] ?? '';
  const type = /^content-type:[^\n]*pkcs7-mime[^\n]*(?:\n[ \t][^\n]*)*/im.exec(header)?.[0];
  if (type === undefined) return undefined;
  const kind = /smime-type="?(signed|compressed|certs)/i.exec(type)?.[1]?.toLowerCase();
  if (kind === 'certs') return undefined;
  return kind === 'signed' ? 'pkcs7 signed' : kind === 'compressed' ? 'pkcs7 compressed' : 'pkcs7';
}

/** Lines of a mail's header that `openssl smime -outform DER` puts in front of the message; 0 where there are none. */
export function headingLength(start: Uint8Array): number {
  return /^(?:(?:To|From|Subject): [^\n]*\n){1,3}(?=0[\x80-\x84])/.exec(latin1(start))?.[0].length ?? 0;
}

function nameOfFirstMember(header: Uint8Array): string {
  const end = header.indexOf(0);
  return latin1(header.subarray(0, Math.min(end < 0 ? 100 : end, 100)));
}

/** DER or BER: a sequence whose first element is an object identifier, that of encrypted data among others. */
function pkcs7Kind(bytes: Uint8Array): ContentKind | undefined {
  const heading = bytes[0] === 0x30 ? 0 : headingLength(bytes.subarray(0, 2_048));
  if (bytes[heading] !== 0x30) return undefined;
  const lengthByte = bytes[heading + 1] ?? 0;
  const start = heading + (lengthByte > 0x80 ? 2 + (lengthByte & 0x7f) : 2);
  return MESSAGES.find(([, id]) => startsWith(bytes, id, start))?.[0];
}

const MESSAGES: readonly [ContentKind, readonly number[]][] = [
  // 1.2.840.113549.1.7.3
  ['pkcs7', [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03]],
  // 1.2.840.113549.1.7.6: with a shared key
  ['pkcs7', [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06]],
  // 1.2.840.113549.1.9.16.1.23
  ['pkcs7', [0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17]],
  // 1.2.840.113549.1.7.2
  ['pkcs7 signed', [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02]],
  // 1.2.840.113549.1.9.16.1.9
  ['pkcs7 compressed', [0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09]],
];

/** A page header of PostgreSQL 9.3 to 18 at a segment's start: magic 0xD0xx or 0xD1xx, long header, segment of 1 MiB to 1 GiB. */
function isWalHeader(bytes: Uint8Array): boolean {
  if (bytes.length < 40 || (bytes[1] !== 0xd0 && bytes[1] !== 0xd1)) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segment = view.getUint32(32, true);
  return (
    (view.getUint16(2, true) & 2) !== 0 &&
    view.getUint32(36, true) % 1024 === 0 &&
    segment >= 2 ** 20 &&
    segment <= 2 ** 30 &&
    (segment & (segment - 1)) === 0
  );
}

/**
 * RFC 9580, 4.2 and 5: a message that is encrypted starts with a session key packet (tag 1 or 3) or with the encrypted
 * data itself (tag 9, 18 or 20), after any marker packet; the packet's version must be one that exists.
 */
function isOpenpgpMessage(bytes: Uint8Array): boolean {
  const first = bytes[0];
  if (first === undefined || (first & 0x80) === 0) return false;
  const isNew = (first & 0x40) !== 0;
  const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
  const lengthBytes = isNew ? newLengthBytes(bytes[1] ?? 0) : ([1, 2, 4, 0][first & 3] as number);
  const version = bytes[1 + lengthBytes];
  if (version === undefined) return false;
  const length = isNew ? 0 : readLength(bytes, lengthBytes);
  switch (tag) {
    case 1:
      return (version === 3 || version === 6 || version === 2) && (isNew || (length > 10 && length < 4_096));
    case 3:
      return version >= 4 && version <= 6 && (isNew ? (bytes[1] as number) < 192 : length < 256);
    case 9:
      return false;
    case 10:
      return startsWith(bytes, ascii('PGP'), 1 + lengthBytes);
    case 18:
      return version === 1 || version === 2;
    case 20:
      return version === 1;
    default:
      return isReadableMessage(bytes.subarray(1 + lengthBytes), tag);
  }
}

/** RFC 9580, 5: a message that is signed or compressed, and not encrypted; `body` is that of its first packet. */
function isReadableMessage(body: Uint8Array, tag: number): boolean {
  const [first = 0, second = 0, hash = 0, algorithm = 0] = body;
  switch (tag) {
    // A signature of version 3 or 4, and one that is announced: algorithms with numbers that exist.
    case 2:
      return first === 4
        ? second <= 0x50 && PUBLIC_KEY_SIGNERS.has(hash) && algorithm >= 1 && algorithm <= 14
        : first === 3 && second === 5 && hash <= 1;
    case 4:
      return first === 3 && second <= 1 && hash >= 1 && hash <= 14 && PUBLIC_KEY_SIGNERS.has(algorithm);
    case 8:
      return first === 3 ? startsWith(body, ascii('BZh'), 1) : (first === 1 || first === 2) && isCompressedPacket(body);
    default:
      return false;
  }
}

/** RFC 9580, 9.1: those that sign. */
const PUBLIC_KEY_SIGNERS = new Set([1, 3, 17, 19, 22, 27, 28]);

/** What is in it begins as a packet does that can be there: another such, or the data itself. */
function isCompressedPacket(body: Uint8Array): boolean {
  try {
    const options = { finishFlush: constants.Z_SYNC_FLUSH };
    const inflated = body[0] === 1 ? inflateRawSync(body.subarray(1), options) : inflateSync(body.subarray(1), options);
    const first = inflated[0] ?? 0;
    const tag = (first & 0x40) !== 0 ? first & 0x3f : (first >> 2) & 0x0f;
    return (first & 0x80) !== 0 && [2, 4, 8, 11].includes(tag);
  } catch {
    return false;
  }
}

/** Session key packets with numbers that exist, up to the packet of the encrypted data. */
function isOpenpgpChain(bytes: Uint8Array): boolean {
  for (let place = 0; place < bytes.length; ) {
    const first = bytes[place] as number;
    const isNew = (first & 0x40) !== 0;
    const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
    const lengthBytes = isNew ? newLengthBytes(bytes[place + 1] ?? 0) : ([1, 2, 4, 0][first & 3] as number);
    const body = bytes.subarray(place + 1 + lengthBytes);
    const version = body[0];
    if (tag === 18 || tag === 20) return place > 0 && (version === 1 || (version === 2 && tag === 18));
    const isKnown =
      tag === 1
        ? version === 6 || (version === 3 && PUBLIC_KEY_IDS.has(body[9] ?? 0))
        : tag === 3 && (body[1] ?? 99) <= 13 && (version ?? 0) >= 4 && (version ?? 9) <= 6;
    if ((first & 0x80) === 0 || !isKnown || lengthBytes === 0) return false;
    place +=
      1 + lengthBytes + (isNew ? newLength(bytes.subarray(place + 1)) : readLength(bytes.subarray(place), lengthBytes));
  }
  return false;
}

/** RFC 9580, 9.1: those that encrypt. */
const PUBLIC_KEY_IDS = new Set([1, 2, 16, 18, 25, 26, 29, 35, 36]);

function newLength(bytes: Uint8Array): number {
  const [first = 0, second = 0] = bytes;
  if (first < 192) return first;
  if (first < 224) return ((first - 192) << 8) + second + 192;
  return first === 255 ? readLength(bytes, 4) : 2 ** (first & 0x1f);
}

function newLengthBytes(first: number): number {
  if (first < 192) return 1;
  if (first < 224) return 2;
  return first === 255 ? 5 : 1;
}

function readLength(bytes: Uint8Array, lengthBytes: number): number {
  let length = 0;
  for (let index = 1; index <= lengthBytes; index++) length = length * 256 + (bytes[index] ?? 0);
  return length;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
