/** How a passphrase protects a private key (RFC 9580, 3.7.2.1 and 5.5.3), in every form that GnuPG and PGP wrote. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { concat, copyOf, plainArray } from '../bytes.ts';
import { cfbDecipher, SYMMETRIC_CIPHERS } from './openpgpCiphers.ts';
import { type Derivation, derive, readDerivation, taker } from './openpgpDerivation.ts';

/** What is used of the library's packet of a secret key or subkey. */
export interface LockedPacket {
  version: number;
  /** The whole body. */
  write(): Uint8Array;
  /** What a public key packet would hold. */
  writePublicKey(): Uint8Array;
}

/**
 * The body of the same packet without its protection, for the library to read; `wrong` when the passphrase is; undefined for
 * forms that only the library knows (AEAD, ciphers that Node has not got).
 *
 * The library itself refuses what has a checksum in place of a hash (PGP, `--simple-sk-checksum`) and does not know Camellia
 * and IDEA.
 *
 * @returns the caller's
 */
export async function unlockedBody(
  packet: LockedPacket,
  passphrase: Uint8Array,
): Promise<Uint8Array | 'wrong' | undefined> {
  if (packet.version !== 4) return undefined;
  const publicPart = packet.writePublicKey();
  const material = await unlockedMaterial(packet.write().subarray(publicPart.length), passphrase);
  if (material === undefined || material === 'wrong') return material;
  const body = plainArray(Buffer.concat([publicPart, Uint8Array.of(0), material, sumOf(material)]));
  material.fill(0);
  return body;
}

/**
 * The numbers of a private key.
 *
 * @param stored what stands behind the public part of its packet
 * @returns as `unlockedBody`; the caller's to wipe
 */
export async function unlockedMaterial(
  stored: Uint8Array,
  passphrase: Uint8Array,
  { isVersion5 = false } = {},
): Promise<Uint8Array | 'wrong' | undefined> {
  const protection = readProtection(stored, isVersion5);
  if (protection === undefined) return undefined;
  const plain = await decrypted(protection, passphrase);
  if (plain === undefined) return undefined;
  const { hasHash } = protection;
  const end = plain.length - (hasHash ? hashBytes : sumBytes);
  const material = copyOf(plain.subarray(0, Math.max(end, 0)));
  const proof = hasHash ? createHash('sha1').update(material).digest() : sumOf(material);
  const isRight = end > 0 && timingSafeEqual(plain.subarray(end), proof);
  plain.fill(0);
  return isRight ? material : 'wrong';
}

/** undefined for a cipher that is not here. */
async function decrypted(
  { algorithm, derivation, iv, stored }: Protection,
  passphrase: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (derivation === undefined) return copyOf(stored);
  const key = await derive(derivation, passphrase, SYMMETRIC_CIPHERS[algorithm]?.keyBytes ?? 0);
  const decipher = cfbDecipher(algorithm, key, iv);
  key.fill(0);
  return decipher && concat([decipher.update(stored), decipher.final()]);
}

const hashBytes = 20;
const sumBytes = 2;
/** A hash, or a sum, stands behind the key; any other number is that of a cipher, as PGP 2 wrote it. */
const USAGE = { hash: 254, sum: 255, aead: 253 };

interface Protection {
  algorithm: number;
  /** undefined: the key is not locked. */
  derivation: Derivation | undefined;
  iv: Uint8Array;
  stored: Uint8Array;
  hasHash: boolean;
}

/** undefined for a stub, AEAD, and a derivation that is not known. */
function readProtection(body: Uint8Array, isVersion5: boolean): Protection | undefined {
  try {
    const take = taker(body);
    const usage = take(1)[0] ?? 0;
    if (usage === USAGE.aead) return undefined;
    const isStated = usage === USAGE.hash || usage === USAGE.sum;
    // How many bytes follow up to the key, and behind them how many it has.
    if (isVersion5) take(1);
    const algorithm = isStated ? (take(1)[0] ?? 0) : usage;
    const derivation = isStated ? readDerivation(take) : usage === 0 ? undefined : MD5_ONCE;
    const iv = copyOf(take(usage === 0 ? 0 : (SYMMETRIC_CIPHERS[algorithm]?.blockBytes ?? Number.POSITIVE_INFINITY)));
    if (isVersion5) take(4);
    return { algorithm, derivation, iv, stored: take(), hasHash: usage === USAGE.hash };
  } catch {
    return undefined;
  }
}

const MD5_ONCE: Derivation = { kind: 'hash', hash: 'md5', salt: new Uint8Array(0), count: 0 };

function sumOf(bytes: Uint8Array): Uint8Array {
  const sum = bytes.reduce((total, byte) => (total + byte) & 0xffff, 0);
  return Uint8Array.of(sum >> 8, sum & 0xff);
}
