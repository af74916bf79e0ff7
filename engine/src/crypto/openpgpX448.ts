/**
 * X448 as GnuPG 2.4 has it: in subkeys of version 5, which the library does not read
 * (draft-koch-openpgp-2015-rfc4880bis-01, 5.5.2 and 13.5; RFC 7748).
 */

import { createDecipheriv, createHash, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { copyOf } from '../bytes.ts';
import { SYMMETRIC_CIPHERS } from './openpgpCiphers.ts';
import type { SessionKey } from './openpgpData.ts';
import { HASHES, type Taker, taker } from './openpgpDerivation.ts';
import { unlockedMaterial } from './openpgpKeyLock.ts';

/** A key or subkey of version 5. */
export interface Version5Key {
  /** Sixteen hex digits in upper case. */
  keyId: string;
  fingerprint: Buffer;
  body: Uint8Array;
  isPrivate: boolean;
}

/** Whether this is a private key on X448. */
export function isX448(key: Version5Key): boolean {
  return key.isPrivate && readKey(key.body) !== undefined;
}

/** Whether it cannot be used without a passphrase. */
export function isLockedX448({ body }: Version5Key): boolean {
  return (readKey(body)?.secret[0] ?? 0) !== 0;
}

/**
 * The session key of a packet that is for this key; undefined when it is not, or was changed. `wrong`: the passphrase does
 * not unlock the key.
 *
 * @throws where this machine's OpenSSL has no X448 (editors' BoringSSL)
 */
export async function x448Session(
  session: Uint8Array,
  key: Version5Key,
  passphrase: Uint8Array | undefined,
): Promise<SessionKey | 'wrong' | undefined> {
  const found = readKey(key.body);
  const stored = readSession(session);
  if (found === undefined || stored === undefined) return undefined;
  const { hash, keyBytes } = found;
  const material = await unlockedMaterial(found.secret, passphrase ?? new Uint8Array(0), { isVersion5: true });
  if (material === undefined || material === 'wrong') return material;
  const secret = number(taker(material));
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' });
  secret.fill(0);
  material.fill(0);
  try {
    const publicKey = createPublicKey({ key: Buffer.concat([SPKI, stored.point]), format: 'der', type: 'spki' });
    const wrapping = createHash(hash)
      .update(Uint8Array.of(0, 0, 0, 1))
      .update(diffieHellman({ privateKey, publicKey }))
      .update(found.parameters)
      .update('Anonymous Sender    ')
      .update(key.fingerprint.subarray(0, 20))
      .digest()
      .subarray(0, keyBytes);
    const unwrap = createDecipheriv(`id-aes${keyBytes * 8}-wrap`, wrapping, Buffer.alloc(8, 0xa6));
    wrapping.fill(0);
    return sessionIn(Buffer.concat([unwrap.update(stored.wrapped), unwrap.final()]));
  } catch {
    // No point of the curve, or not wrapped for this key: RFC 3394 has a proof of its own.
    return undefined;
  }
}

const curve = Buffer.from('2b656f', 'hex');
const ecdh = 18;
const pointBytes = 56;
/** RFC 8410: what stands in front of the bytes of the key. */
const PKCS8 = Buffer.from('3046020100300506032b656f043a0438', 'hex');
const SPKI = Buffer.from('3042300506032b656f033900', 'hex');

function readKey(
  body: Uint8Array,
): { hash: string; keyBytes: number; parameters: Uint8Array; secret: Uint8Array } | undefined {
  try {
    const take = taker(body);
    const [version, , , , , algorithm] = take(6);
    if (version !== 5 || algorithm !== ecdh) return undefined;
    take(4);
    const name = take(take(1)[0]);
    if (!curve.equals(name)) return undefined;
    number(take);
    const kdf = take(take(1)[0]);
    const [, hashId = 0, cipherId = 0] = kdf;
    const hash = HASHES[hashId];
    const keyBytes = SYMMETRIC_CIPHERS[cipherId]?.keyBytes;
    if (hash === undefined || keyBytes === undefined) return undefined;
    // RFC 9580, 11.5
    const parameters = Buffer.concat([Uint8Array.of(name.length), name, Uint8Array.of(ecdh, kdf.length), kdf]);
    return { hash, keyBytes, parameters, secret: take() };
  } catch {
    return undefined;
  }
}

function readSession(body: Uint8Array): { point: Uint8Array; wrapped: Uint8Array } | undefined {
  try {
    const take = taker(body);
    const head = take(10);
    if (head[0] !== 3 || head[9] !== ecdh) return undefined;
    const point = number(take);
    return { point, wrapped: take(take(1)[0]) };
  } catch {
    return undefined;
  }
}

/** A number that is a string of bytes: zeros in front are not written. */
function number(take: Taker): Uint8Array {
  const [high = 0, low = 0] = take(2);
  const bytes = take(Math.ceil((high * 256 + low) / 8));
  const padded = new Uint8Array(pointBytes);
  padded.set(bytes, pointBytes - bytes.length);
  return padded;
}

/** The cipher, the key, the sum of its bytes, and as many bytes of padding as each of them says. */
function sessionIn(padded: Uint8Array): SessionKey | undefined {
  const plain = padded.subarray(0, padded.length - (padded.at(-1) ?? 0));
  const algorithm = plain[0] ?? 0;
  const data = copyOf(plain.subarray(1, -2));
  const sum = data.reduce((total, byte) => (total + byte) & 0xffff, 0);
  const isRight = plain.at(-2) === sum >> 8 && plain.at(-1) === (sum & 0xff);
  return isRight && SYMMETRIC_CIPHERS[algorithm]?.keyBytes === data.length ? { data, algorithm } : undefined;
}
