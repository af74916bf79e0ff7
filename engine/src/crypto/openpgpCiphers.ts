/** The symmetric ciphers of OpenPGP (RFC 9580, 9.3), and what runs them here. */

import { createDecipheriv, getCiphers } from 'node:crypto';
import { aesCfbDecipher, type Decipher } from './cfb.ts';

export interface SymmetricCipher {
  /** As GnuPG writes it. */
  name: string;
  keyBytes: number;
  blockBytes: number;
  /** As the OpenPGP library calls it; undefined where it has not got it. */
  library?: string;
  /** Its CFB in OpenSSL. Of AES we make it ourselves. */
  openssl?: string;
}

export const SYMMETRIC_CIPHERS: Readonly<Record<number, SymmetricCipher>> = {
  // Only in the legacy provider of OpenSSL 3, which Node does not load.
  1: { name: 'IDEA', keyBytes: 16, blockBytes: 8, openssl: 'idea-cfb' },
  2: { name: '3DES', keyBytes: 24, blockBytes: 8, library: 'tripledes', openssl: 'des-ede3-cfb' },
  3: { name: 'CAST5', keyBytes: 16, blockBytes: 8, library: 'cast5', openssl: 'cast5-cfb' },
  4: { name: 'BLOWFISH', keyBytes: 16, blockBytes: 8, library: 'blowfish', openssl: 'bf-cfb' },
  7: { name: 'AES128', keyBytes: 16, blockBytes: 16, library: 'aes128' },
  8: { name: 'AES192', keyBytes: 24, blockBytes: 16, library: 'aes192' },
  9: { name: 'AES256', keyBytes: 32, blockBytes: 16, library: 'aes256' },
  10: { name: 'TWOFISH', keyBytes: 32, blockBytes: 16, library: 'twofish' },
  11: { name: 'CAMELLIA128', keyBytes: 16, blockBytes: 16, openssl: 'camellia-128-cfb' },
  12: { name: 'CAMELLIA192', keyBytes: 24, blockBytes: 16, openssl: 'camellia-192-cfb' },
  13: { name: 'CAMELLIA256', keyBytes: 32, blockBytes: 16, openssl: 'camellia-256-cfb' },
};

export function cipherName(algorithm: number): string {
  return SYMMETRIC_CIPHERS[algorithm]?.name ?? `cipher ${algorithm}`;
}

export function isAes(algorithm: number): boolean {
  return algorithm >= 7 && algorithm <= 9;
}

/** CFB in native code; undefined where there is none: the library may still have the cipher. */
export function cfbDecipher(algorithm: number, key: Uint8Array, iv?: Uint8Array): Decipher | undefined {
  const cipher = SYMMETRIC_CIPHERS[algorithm];
  if (cipher === undefined || key.length !== cipher.keyBytes) return undefined;
  if (isAes(algorithm)) return aesCfbDecipher(key, iv);
  if (cipher.openssl === undefined || !getCiphers().includes(cipher.openssl)) return undefined;
  return createDecipheriv(cipher.openssl, key, iv ?? new Uint8Array(cipher.blockBytes));
}
