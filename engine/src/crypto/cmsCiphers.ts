/** How the contents of a CMS message are encrypted: the numbers that ciphers have in it, and how OpenSSL calls them. */

import { getCiphers } from 'node:crypto';
import { copyOf } from '../bytes.ts';
import { type BerNode, idOf, smallInteger } from './ber.ts';
import { failStructure, failUnsupported } from './cmsFailure.ts';

export interface ContentCipher {
  /** As `openssl` calls it: `aes-256-cbc`. */
  name: string;
  /** As Node's OpenSSL has it: DES is triple DES with three equal keys. */
  native: string;
  keyBytes: number;
  /** 1: a stream cipher, without padding. */
  blockBytes: number;
  /** Nonce or IV; nothing for ECB. */
  nonce: Uint8Array;
  /** GCM only. */
  tagBytes: number;
}

/**
 * @param algorithm an AlgorithmIdentifier
 * @param isAuthenticated whether the message is one that ends with a tag
 * @throws RestoreError `unsupported`, by name where the cipher is known; `damaged` for parameters that do not belong to it
 */
export function contentCipher(algorithm: BerNode, isAuthenticated: boolean): ContentCipher {
  const id = idOf(algorithm);
  const known = CIPHERS.get(id);
  if (known === undefined)
    failUnsupported(`a message that is encrypted with ${nameOf(id)}`, OLD.has(id) ? oldHint : undefined);
  const { name, native } = known;
  const isGcm = name.endsWith('-gcm');
  if (isGcm !== isAuthenticated) failStructure(0);
  const needed = isGcm ? [native, counterOf(native)] : [native];
  const present = getCiphers();
  if (!needed.every((it) => present.includes(it))) failUnsupported(`a message that is encrypted with ${name}`);
  const parameters = algorithm.children[1];
  if (isGcm) {
    const [nonce, length] = parameters?.children ?? [];
    const tagBytes = length === undefined ? defaultTagBytes : smallInteger(length.content);
    if (nonce === undefined || nonce.content.length === 0 || !(tagBytes >= defaultTagBytes && tagBytes <= 16))
      failStructure(0);
    if (nonce.content.length > mostNonceBytes)
      failUnsupported(`a message with a nonce of ${nonce.content.length} bytes`);
    return { ...known, nonce: nonce.content, tagBytes };
  }
  // ECB has no IV; what OpenSSL writes in its place says nothing.
  const nonce = known.ivBytes === 0 ? new Uint8Array(0) : (parameters?.content ?? new Uint8Array(0));
  if (nonce.length !== known.ivBytes) failStructure(0);
  return { ...known, nonce, tagBytes: 0 };
}

/** The key as the native cipher wants it; the caller wipes both. */
export function nativeKey({ name }: Pick<ContentCipher, 'name'>, key: Uint8Array): Uint8Array {
  return isSingleDes(name) ? new Uint8Array([...key, ...key, ...key]) : copyOf(key);
}

/** The counter mode under a GCM: `aes-256-ctr`. */
export function counterOf(gcm: string): string {
  return gcm.replace(/gcm$/, 'ctr');
}

/** RFC 5084, 3.2 */
const defaultTagBytes = 12;
/** Twelve are usual; a nonce is no place for more. */
const mostNonceBytes = 128;

interface KnownCipher {
  name: string;
  native: string;
  keyBytes: number;
  blockBytes: number;
  ivBytes: number;
}

/** RFC 3565, 5084, 3657, 5794 and 8018, and what OpenSSL calls the objects in its table. */
const CIPHERS: ReadonlyMap<string, KnownCipher> = new Map([
  ...[128, 192, 256].flatMap((bits, index) => [
    ...family(`aes-${bits}`, bits / 8, (last) => `2.16.840.1.101.3.4.1.${20 * index + last}`, {
      ecb: 1,
      cbc: 2,
      ofb: 3,
      cfb: 4,
      gcm: 6,
    }),
    ...family(`camellia-${bits}`, bits / 8, (last) => `0.3.4401.5.3.1.9.${20 * index + last}`, {
      ecb: 1,
      ofb: 3,
      cfb: 4,
      ctr: 9,
    }),
    known(`1.2.392.200011.61.1.1.1.${index + 2}`, `camellia-${bits}-cbc`, bits / 8),
    ...family(`aria-${bits}`, bits / 8, (last) => `1.2.410.200046.1.1.${5 * index + last}`, {
      ecb: 1,
      cbc: 2,
      cfb: 3,
      ofb: 4,
      ctr: 5,
    }),
    known(`1.2.410.200046.1.1.${34 + index}`, `aria-${bits}-gcm`, bits / 8),
  ]),
  ...family('sm4', 16, (last) => `1.2.156.10197.1.104.${last}`, { ecb: 1, cbc: 2, ofb: 3, cfb: 4, ctr: 7 }),
  ...family('des', 8, (last) => `1.3.14.3.2.${last}`, { ecb: 6, cbc: 7, ofb: 8, cfb: 9 }),
  known('1.3.14.3.2.17', 'des-ede-ecb', 16),
  known('1.2.840.113549.3.7', 'des-ede3-cbc', 24),
]);

function family(
  cipher: string,
  keyBytes: number,
  id: (last: number) => string,
  modes: Readonly<Record<string, number>>,
): [string, KnownCipher][] {
  return Object.entries(modes).map(([mode, last]) => known(id(last), `${cipher}-${mode}`, keyBytes));
}

function known(id: string, name: string, keyBytes: number): [string, KnownCipher] {
  const width = name.startsWith('des') ? 8 : 16;
  return [
    id,
    {
      name,
      native: isSingleDes(name) ? name.replace('des', 'des-ede3') : name,
      keyBytes,
      blockBytes: /-(?:cbc|ecb)$/.test(name) ? width : 1,
      ivBytes: /-(?:ecb|gcm)$/.test(name) ? 0 : width,
    },
  ];
}

function isSingleDes(name: string): boolean {
  return /^des-(?:ecb|cbc|ofb|cfb)$/.test(name);
}

/** Known by name, so that the refusal says what it is. */
const OLD: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.3.2', 'RC2'],
  ['1.2.840.113549.3.4', 'RC4'],
  ['1.2.840.113549.3.9', 'RC5'],
  ['1.2.840.113533.7.66.10', 'CAST5'],
  ['1.3.6.1.4.1.3029.1.2', 'Blowfish'],
  ['1.3.6.1.4.1.188.7.1.1.2', 'IDEA'],
  ...[3, 4, 5, 6].map((last): [string, string] => [`1.2.410.200004.1.${last}`, 'SEED']),
]);
const NEW: ReadonlyMap<string, string> = new Map([
  ...[7, 27, 47].map((last): [string, string] => [`2.16.840.1.101.3.4.1.${last}`, 'AES-CCM']),
  ['1.2.840.113549.1.9.16.3.18', 'ChaCha20-Poly1305'],
  ['1.2.643.2.2.21', 'GOST 28147-89'],
]);

function nameOf(id: string): string {
  return OLD.get(id) ?? NEW.get(id) ?? (id === '' ? 'a cipher without a number' : `the cipher ${id}`);
}

const oldHint =
  'It is broken, and OpenSSL 3 has it only when asked: openssl cms -decrypt -provider legacy -provider default. Then encrypt again with AES (-aes256).';
