/** The symmetric ciphers of OpenPGP (RFC 9580, 9.3), and what runs them here. */

import { createCipheriv, createDecipheriv, getCiphers } from 'node:crypto';
import { type AeadMode, type AeadOpener, hasAead, openAead } from './aead.ts';
import { type BlockCipher, openCfb } from './blockCipher.ts';
import { aesCfbDecipher, type Decipher } from './cfb.ts';
import { idea } from './idea.ts';
import { openOcb } from './ocb.ts';
import { twofish } from './twofish.ts';

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
  1: { name: 'IDEA', keyBytes: 16, blockBytes: 8 },
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

export const IDEA = 1;
const TWOFISH = 10;

/** CFB, in native code where Node has the cipher; undefined where it is not here: the library may still have it. */
export function cfbDecipher(algorithm: number, key: Uint8Array, iv?: Uint8Array): Decipher | undefined {
  const cipher = SYMMETRIC_CIPHERS[algorithm];
  if (cipher === undefined || key.length !== cipher.keyBytes) return undefined;
  if (isAes(algorithm)) return aesCfbDecipher(key, iv);
  if (algorithm === IDEA) return openCfb(idea(key), iv ?? new Uint8Array(cipher.blockBytes));
  if (algorithm === TWOFISH) return openCfb(twofish(key), iv ?? new Uint8Array(cipher.blockBytes));
  if (cipher.openssl === undefined || !getCiphers().includes(cipher.openssl)) return undefined;
  return createDecipheriv(cipher.openssl, key, iv ?? new Uint8Array(cipher.blockBytes));
}

/** Whether `openCipherAead` has it: of those that are not AES GnuPG knows OCB alone. */
export function hasCipherAead(algorithm: number, mode: AeadMode): boolean {
  if (isAes(algorithm)) return true;
  return mode === 'OCB' && (algorithm === TWOFISH || getCiphers().includes(ecbName(algorithm) ?? ''));
}

/** As `openAead`, for each cipher with blocks of 16 bytes, and where Node has not got OCB (editors). */
export function openCipherAead(
  algorithm: number,
  mode: AeadMode,
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
): AeadOpener {
  if (isAes(algorithm) && hasAead(mode)) return openAead(mode, key, nonce, associated);
  return openOcb(blockCipher(algorithm, key), nonce, associated);
}

function blockCipher(algorithm: number, key: Uint8Array): BlockCipher {
  if (algorithm === TWOFISH) return twofish(key);
  const name = ecbName(algorithm) as string;
  const encryption = createCipheriv(name, key, null).setAutoPadding(false);
  const decryption = createDecipheriv(name, key, null).setAutoPadding(false);
  return {
    blockBytes: 16,
    encrypt: (blocks) => encryption.update(blocks),
    decrypt: (blocks) => decryption.update(blocks),
  };
}

function ecbName(algorithm: number): string | undefined {
  const keyBytes = SYMMETRIC_CIPHERS[algorithm]?.keyBytes ?? 0;
  if (isAes(algorithm)) return `aes-${keyBytes * 8}-ecb`;
  return algorithm >= 11 && algorithm <= 13 ? `camellia-${keyBytes * 8}-ecb` : undefined;
}
