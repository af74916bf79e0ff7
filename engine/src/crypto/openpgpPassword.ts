/** Session keys that a password opens (RFC 9580, 5.3). */

import { hkdfSync } from 'node:crypto';
import { concat, copyOf } from '../bytes.ts';
import { fail, RestoreError } from '../failure.ts';
import { type AeadMode, aeadTagBytes } from './aead.ts';
import { cfbDecipher, cipherName, hasCipherAead, openCipherAead, SYMMETRIC_CIPHERS } from './openpgpCiphers.ts';
import type { SessionKey } from './openpgpData.ts';
import { type Derivation, derive, readDerivation, taker } from './openpgpDerivation.ts';
import { openpgpLibrary } from './openpgpKeys.ts';

export interface PasswordSession {
  /** What the password's key is for: the data itself, or the session key. */
  algorithm: number;
  derivation: Derivation;
  /** undefined: the password's key is the session key. */
  wrapped:
    | { stored: Uint8Array; aead?: { mode: AeadMode; version: 5 | 6; modeId: number; nonce: Uint8Array } }
    | undefined;
}

/**
 * Reads a session key packet of a password.
 *
 * @throws RestoreError `unsupported` for a derivation that is not known, `damaged` for a packet that is too short
 */
export function readPasswordSession(body: Uint8Array): PasswordSession {
  const take = taker(body);
  const version = take(1)[0] ?? 0;
  if (version === 6) take(1);
  const algorithm = take(1)[0] ?? 0;
  const modeId = version >= 5 ? (take(1)[0] ?? 0) : 0;
  if (version === 6) take(1);
  const derivation = readDerivation(take);
  if (version === 4) {
    const stored = take();
    return { algorithm, derivation, wrapped: stored.length === 0 ? undefined : { stored } };
  }
  const mode = MODES[modeId];
  if ((version !== 5 && version !== 6) || mode === undefined) {
    fail('unsupported', 'decrypt', 'the message is for a password, in a form that is not supported', {
      hint: 'Decrypt it with the program that wrote it.',
    });
  }
  const nonce = take(NONCE_BYTES[mode]);
  return { algorithm, derivation, wrapped: { stored: take(), aead: { mode, version, modeId, nonce } } };
}

/**
 * What it costs to try one password, as people can judge it; undefined while it is what anybody would wait for. Argon2 may
 * ask for terabytes: RFC 9106 recommends 2 GiB at most, more is not tried unless it is asked for.
 */
export function excessiveCost({ derivation }: PasswordSession): string | undefined {
  if (derivation.kind !== 'argon2') return undefined;
  const { passes, memoryKiB } = derivation;
  if (memoryKiB <= 2 ** 21 && passes * memoryKiB <= 2 ** 23) return undefined;
  return `Argon2 over ${memoryKiB >= 2 ** 20 ? `${(memoryKiB / 2 ** 20).toFixed(0)} GiB` : `${(memoryKiB / 1024).toFixed(0)} MiB`} of memory, ${passes} times`;
}

/** What a session key packet of a password says of itself, without it. */
export function describePassword(body: Uint8Array): { description: string; problem?: string } {
  try {
    const session = readPasswordSession(body);
    const cost = excessiveCost(session);
    return {
      description: `${cipherName(session.algorithm)}, ${wayOf(session.derivation)}`,
      ...(cost !== undefined && {
        problem: `to try a password, the message asks for ${cost}: that is done only when asked for (--allow-costly)`,
      }),
    };
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error;
    return { description: 'in a form that is not supported', problem: error.failure.message };
  }
}

function wayOf(derivation: Derivation): string {
  if (derivation.kind === 'argon2')
    return `Argon2 over ${(derivation.memoryKiB / 1024).toFixed(0)} MiB of memory, ${derivation.passes} times`;
  const { hash, salt, count } = derivation;
  const name = hash.toUpperCase();
  if (count > 0) return `salted ${name} over ${count} bytes`;
  return salt.length > 0 ? `salted ${name}, once` : `${name} without a salt, once`;
}

/**
 * The session key under this password; undefined when it shows already that the password is wrong. Where it does not show,
 * `isGuess` says so.
 *
 * @returns the caller's to wipe
 * @throws RestoreError `unsupported` where Argon2 does not get its memory, or the cipher is not here
 */
export async function passwordSessionKey(
  session: PasswordSession,
  password: Uint8Array,
): Promise<SessionKey | undefined> {
  const { algorithm, wrapped } = session;
  const keyBytes = SYMMETRIC_CIPHERS[algorithm]?.keyBytes ?? 0;
  const key = await derive(session.derivation, password, keyBytes);
  if (wrapped === undefined) return { data: key, algorithm, isGuess: true };
  try {
    if (wrapped.aead) return unwrap(key, algorithm, wrapped.stored, wrapped.aead);
    const decipher = cfbDecipher(algorithm, key);
    if (decipher === undefined) return await unwrapWithLibrary(key, algorithm, wrapped.stored);
    const plain = concat([decipher.update(wrapped.stored), decipher.final()]);
    const inner = plain[0] ?? 0;
    const isKey = SYMMETRIC_CIPHERS[inner]?.keyBytes === plain.length - 1;
    return isKey ? { data: copyOf(plain.subarray(1)), algorithm: inner, isGuess: true } : undefined;
  } finally {
    key.fill(0);
  }
}

/** Ciphers of the last century, which the library has: it is given the key that the password made. */
async function unwrapWithLibrary(
  key: Uint8Array,
  algorithm: number,
  stored: Uint8Array,
): Promise<SessionKey | undefined> {
  if (SYMMETRIC_CIPHERS[algorithm]?.library === undefined) unsupportedWrapping(cipherName(algorithm));
  const openpgp = await openpgpLibrary();
  const packet = new openpgp.SymEncryptedSessionKeyPacket() as unknown as WrappedSessionPacket;
  packet.sessionKeyEncryptionAlgorithm = algorithm;
  packet.encrypted = stored;
  packet.s2k = { produceKey: async () => key };
  try {
    await packet.decrypt('');
  } catch {
    // What comes out names no cipher, or not one with such a key.
    return undefined;
  }
  return { data: packet.sessionKey, algorithm: packet.sessionKeyAlgorithm, isGuess: true };
}

/** What of the library's packet is used. */
interface WrappedSessionPacket {
  sessionKeyEncryptionAlgorithm: number;
  encrypted: Uint8Array;
  s2k: { produceKey(): Promise<Uint8Array> };
  decrypt(passphrase: string): Promise<void>;
  sessionKey: Uint8Array;
  sessionKeyAlgorithm: number;
}

function unsupportedWrapping(cipher: string): never {
  fail('unsupported', 'decrypt', `a session key that is encrypted with ${cipher} is not supported`, {
    hint: 'Decrypt the message with gpg, and encrypt with AES from now on.',
  });
}

type Aead = NonNullable<NonNullable<PasswordSession['wrapped']>['aead']>;

function unwrap(key: Uint8Array, algorithm: number, stored: Uint8Array, aead: Aead): SessionKey | undefined {
  if (!hasCipherAead(algorithm, aead.mode)) unsupportedWrapping(`${cipherName(algorithm)} in ${aead.mode}`);
  const associated = Uint8Array.of(0xc3, aead.version, algorithm, aead.modeId);
  const wrapping =
    aead.version === 5
      ? copyOf(key)
      : new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), associated, key.length));
  try {
    const opener = openCipherAead(algorithm, aead.mode, wrapping, aead.nonce, associated);
    const first = opener.update(stored.subarray(0, -aeadTagBytes));
    const last = opener.finish(stored.subarray(-aeadTagBytes));
    return last === undefined ? undefined : { data: copyOf(concat([first, last])), algorithm };
  } finally {
    wrapping.fill(0);
  }
}

const MODES: Readonly<Record<number, AeadMode>> = { 1: 'EAX', 2: 'OCB', 3: 'GCM' };
const NONCE_BYTES = { EAX: 16, OCB: 15, GCM: 12 } as const;
