/**
 * Writes OpenPGP messages: with an MDC, which every version of GnuPG and WAL-G reads, or with AEAD for those who can. The
 * library makes session keys, Node encrypts.
 */

import { createHash, randomBytes } from 'node:crypto';
import type { Config, Key, PartialConfig } from 'openpgp';
import { ByteReader, concat, type StreamOptions } from '../bytes.ts';
import { fail, RestoreError } from '../failure.ts';
import type { Integrity } from '../job.ts';
import { aesCfbCipher, blockBytes, throughCipher } from './cfb.ts';
import { MODE_IDS, newAeadHead, sealedChunks } from './openpgpAead.ts';
import { SYMMETRIC_CIPHERS } from './openpgpCiphers.ts';
import { openpgpLibrary, readKeys } from './openpgpKeys.ts';
import { framed, TAG } from './openpgpPackets.ts';
import {
  announcements,
  CIPHER_IDS,
  type Protection,
  protectionForKeys,
  protectionWithPassword,
} from './openpgpProtection.ts';
import { passwordReadings } from './password.ts';

/** How a message is written, and what its readers have to know for it. */
export interface EncryptOptions extends StreamOptions {
  /** Otherwise what all the keys announce, and an MDC with a password. */
  integrity?: Integrity | undefined;
}

/** A message that is about to be written. */
export interface OutgoingMessage {
  integrity: Integrity;
  /** What proves its integrity, why, and who reads that: a sentence. */
  note: string;
  /** Once. */
  write(input: AsyncIterable<Uint8Array>, options?: StreamOptions): AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * A message to every key in `recipients` (a key file may hold several). Its integrity is protected as the keys announce that
 * their programs read it: with AEAD where all of them do, else with an MDC, which every GnuPG and WAL-G reads.
 *
 * @throws RestoreError stage `key`: `usage`, when a key cannot be read or has no valid signature of its own (revoked);
 *   `unsupported`, when what is asked for is not to be had here. Writing throws `usage` when a key cannot encrypt (expired,
 *   sign-only)
 */
export async function messageToKeys(
  recipients: Uint8Array,
  { integrity }: EncryptOptions = {},
): Promise<OutgoingMessage> {
  const { keys } = await readKeys(recipients);
  const announced = await sure(() => announcements(keys, config()));
  const protection = protectionForKeys(announced, integrity);
  return outgoing(protection, (session) => sessionKeyForKeys(keys, protection, session));
}

/**
 * A message for whoever knows the password, as `gpg --symmetric` makes it.
 *
 * @throws RestoreError `unsupported`, stage `key`, when what is asked for is not to be had here
 */
export function messageWithPassword(stored: Uint8Array, { integrity }: EncryptOptions = {}): OutgoingMessage {
  const [reading] = passwordReadings(stored);
  const password = Buffer.from(reading?.bytes ?? stored).toString('utf8');
  const protection = protectionWithPassword(integrity);
  return outgoing(protection, (session) => sessionKeyForPassword(password, protection, session));
}

/** As `messageToKeys`, at once. */
export async function* encryptToKeys(
  input: AsyncIterable<Uint8Array>,
  recipients: Uint8Array,
  options?: EncryptOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* (await messageToKeys(recipients, options)).write(input, options);
}

/** As `messageWithPassword`, at once. */
export async function* encryptWithPassword(
  input: AsyncIterable<Uint8Array>,
  password: Uint8Array,
  options?: EncryptOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* messageWithPassword(password, options).write(input, options);
}

/** @param wrapped makes the packets that hold the session key */
function outgoing(protection: Protection, wrapped: (session: Uint8Array) => Promise<Uint8Array>): OutgoingMessage {
  const { integrity, mode, note } = protection;
  const algorithm = CIPHER_IDS[protection.cipher];
  const head = mode && newAeadHead({ isGnupg: integrity === 'ocb', algorithm, mode }, chunkBytes);
  return {
    integrity,
    note,
    async *write(input, options) {
      const session = new Uint8Array(randomBytes(SYMMETRIC_CIPHERS[algorithm]?.keyBytes ?? 0));
      try {
        yield await sure(() => wrapped(session));
        if (head === undefined) yield* framed(TAG.encryptedIntegrity, mdcBody(input, session), options);
        else {
          const tag = head.isGnupg ? TAG.encryptedAead : TAG.encryptedIntegrity;
          yield* framed(
            tag,
            sealedChunks(framed(TAG.literal, literalBody(input), { isLent: true }), head, session),
            options,
          );
        }
      } finally {
        session.fill(0);
      }
    },
  };
}

/**
 * Every reader has to hold a chunk until its tag is seen: this much is nothing to it, and a tag for each costs nothing
 * either. It is what OpenPGP.js and the library of WAL-G write; GnuPG writes 4 MiB, which is the most.
 */
const chunkBytes = 256 * 1024;

/**
 * Version 3 of the packet for an MDC and for packet 20, as GnuPG does; version 6 for SEIPD version 2, as RFC 9580 demands.
 */
async function sessionKeyForKeys(
  encryptionKeys: Key[],
  { integrity, cipher, mode }: Protection,
  data: Uint8Array,
): Promise<Uint8Array> {
  const openpgp = await openpgpLibrary();
  const aead = integrity === 'seipd2' && mode ? { aeadAlgorithm: AEAD_NAMES[mode] } : {};
  const options = { data, algorithm: cipher, ...aead, encryptionKeys, format: 'binary' as const, config: config() };
  return (await openpgp.encryptSessionKey(options)) as Uint8Array;
}

/**
 * Version 4 of the packet for an MDC, 5 for packet 20, 6 for SEIPD version 2. The last one is read by programs only that
 * know Argon2, which makes guessing dear.
 */
async function sessionKeyForPassword(
  password: string,
  { integrity, cipher, mode }: Protection,
  data: Uint8Array,
): Promise<Uint8Array> {
  const openpgp = await openpgpLibrary();
  const { argon2, iterated } = openpgp.enums.s2k;
  const costs: PartialConfig = { ...config(), s2kType: integrity === 'seipd2' ? argon2 : iterated };
  if (mode === undefined) {
    const options = { data, algorithm: cipher, passwords: [password], format: 'binary' as const, config: costs };
    return (await openpgp.encryptSessionKey(options)) as Uint8Array;
  }
  const full = { ...openpgp.config, ...costs } as Config;
  const packet = new openpgp.SymEncryptedSessionKeyPacket() as unknown as PasswordSessionPacket;
  packet.version = integrity === 'seipd2' ? 6 : 5;
  packet.aeadAlgorithm = MODE_IDS[mode];
  packet.sessionKeyAlgorithm = CIPHER_IDS[cipher];
  packet.sessionKey = data;
  await packet.encrypt(password, full);
  const body = packet.write();
  return concat([Uint8Array.of(0xc0 | TAG.passwordSession, body.length), body]);
}

/** What the library has of it beyond its types. */
interface PasswordSessionPacket {
  version: 4 | 5 | 6;
  aeadAlgorithm: number;
  sessionKeyAlgorithm: number;
  sessionKey: Uint8Array;
  encrypt(password: string, config: Config): Promise<void>;
  /** The body, of less than 192 bytes. */
  write(): Uint8Array;
}

const AEAD_NAMES = { OCB: 'ocb', GCM: 'gcm' } as const;

/** Whoever names a key wants it used, also an old one; with too short an RSA key nothing would be kept secret. */
function config(): PartialConfig {
  return {
    aeadProtect: false,
    minRSABits: 1024,
    rejectPublicKeyAlgorithms: new Set(),
    rejectCurves: new Set(),
    rejectHashAlgorithms: new Set(),
  };
}

/** Version 1 and the encrypted. */
async function* mdcBody(
  input: AsyncIterable<Uint8Array>,
  key: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(withMdc(input), { isLent: true });
  try {
    yield Uint8Array.of(1);
    const cipher = aesCfbCipher(key);
    yield* throughCipher(reader, cipher);
    yield cipher.final();
  } finally {
    await reader.close();
  }
}

/** Random bytes of which the last two come twice, the literal packet, and the MDC: SHA-1 of all before it. */
async function* withMdc(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha1');
  const prefix = randomBytes(blockBytes + 2);
  prefix.copyWithin(blockBytes, blockBytes - 2, blockBytes);
  hash.update(prefix);
  yield prefix;
  for await (const piece of framed(TAG.literal, literalBody(input), { isLent: true })) {
    hash.update(piece);
    yield piece;
  }
  const mark = Uint8Array.of(0xd3, 0x14);
  hash.update(mark);
  yield concat([mark, hash.digest()]);
}

/** Binary format, no name, no time. */
async function* literalBody(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield Uint8Array.of(0x62, 0, 0, 0, 0, 0);
  yield* input;
}

/** The library refuses keys that cannot encrypt with a sentence that names the key id and the reason. */
async function sure<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof RestoreError) throw error;
    // The library asks for `eckey-utils` where it has to check signatures on Brainpool curves and secp256k1.
    const isMissing = error instanceof Error && /Cannot find module/.test(error.message);
    const reason = isMissing
      ? 'its curve is not supported inside an editor; use the command line'
      : error instanceof Error
        ? error.message.replace(/^Error encrypting [^:]*: /, '').slice(0, 300)
        : 'no reason was given';
    fail('usage', 'key', `it is not possible to encrypt to this key: ${reason}`, {
      hint: 'The key must have a part that is meant for encryption, and be neither expired nor revoked.',
    });
  }
}
