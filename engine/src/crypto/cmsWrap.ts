/** Keys that are encrypted with keys (RFC 3394, 5649, 3217): such an encryption proves that its key was the right one. */

import { createDecipheriv, getCiphers } from 'node:crypto';
import { concat, copyOf } from '../bytes.ts';
import { type BerNode, idOf } from './ber.ts';

export interface Wrap {
  /** As Node's OpenSSL has it. */
  name: string;
  keyBytes: number;
  initial: Uint8Array;
}

/** undefined: not one that is known here. */
export function wrapOf(algorithm: BerNode | undefined): Wrap | undefined {
  const wrap = WRAPS[idOf(algorithm)];
  return wrap && getCiphers().includes(wrap.name) ? wrap : undefined;
}

const aesInitial = Buffer.from('a6a6a6a6a6a6a6a6', 'hex');
const paddedInitial = Buffer.from('a65959a6', 'hex');

const WRAPS: Readonly<Record<string, Wrap>> = {
  '2.16.840.1.101.3.4.1.5': { name: 'id-aes128-wrap', keyBytes: 16, initial: aesInitial },
  '2.16.840.1.101.3.4.1.25': { name: 'id-aes192-wrap', keyBytes: 24, initial: aesInitial },
  '2.16.840.1.101.3.4.1.45': { name: 'id-aes256-wrap', keyBytes: 32, initial: aesInitial },
  '2.16.840.1.101.3.4.1.8': { name: 'id-aes128-wrap-pad', keyBytes: 16, initial: paddedInitial },
  '2.16.840.1.101.3.4.1.28': { name: 'id-aes192-wrap-pad', keyBytes: 24, initial: paddedInitial },
  '2.16.840.1.101.3.4.1.48': { name: 'id-aes256-wrap-pad', keyBytes: 32, initial: paddedInitial },
  '1.2.840.113549.1.9.16.3.6': { name: 'des3-wrap', keyBytes: 24, initial: new Uint8Array(0) },
};

/** undefined: for somebody else. */
export function unwrapped(encrypted: Uint8Array, { name, initial }: Wrap, key: Uint8Array): Uint8Array | undefined {
  try {
    const decipher = createDecipheriv(name, key, initial.length === 0 ? null : initial);
    return copyOf(concat([decipher.update(encrypted), decipher.final()]));
  } catch {
    return undefined;
  }
}

export function ofLength(key: Uint8Array | undefined, length: number): Uint8Array | undefined {
  return key?.length === length ? key : undefined;
}
