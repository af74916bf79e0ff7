/** Writes OpenPGP messages that every version of GnuPG and WAL-G reads. The library makes session keys, Node encrypts. */

import { createHash, randomBytes } from 'node:crypto';
import type { Key, PartialConfig } from 'openpgp';
import { ByteReader, concat } from '../bytes.ts';
import { fail, RestoreError } from '../failure.ts';
import { encipheredBlocks } from './blockStream.ts';
import { aesCfbCipher, blockBytes } from './cfb.ts';
import { openpgpLibrary, readKeys } from './openpgpKeys.ts';
import { framed, TAG } from './openpgpPackets.ts';
import { passwordReadings } from './password.ts';

/**
 * Encrypts to every key in `recipients` (a key file may hold several), with integrity protection that all versions of
 * GnuPG and WAL-G read: AES, MDC.
 *
 * @throws RestoreError `usage`, stage `key`, when a key cannot be read or cannot encrypt (expired, revoked, sign-only)
 */
export async function* encryptToKeys(
  input: AsyncIterable<Uint8Array>,
  recipients: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { keys } = await readKeys(recipients);
  yield* encryptMessage(input, { encryptionKeys: keys });
}

/** Encrypts with a password, as `gpg --symmetric` does. */
export async function* encryptWithPassword(
  input: AsyncIterable<Uint8Array>,
  password: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const [reading] = passwordReadings(password);
  yield* encryptMessage(input, { passwords: [Buffer.from(reading?.bytes ?? password).toString('utf8')] });
}

async function* encryptMessage(
  input: AsyncIterable<Uint8Array>,
  receivers: { encryptionKeys?: Key[]; passwords?: string[] },
): AsyncGenerator<Uint8Array, void, undefined> {
  const openpgp = await openpgpLibrary();
  const { encryptionKeys } = receivers;
  const preferred =
    encryptionKeys && (await sure(() => openpgp.generateSessionKey({ encryptionKeys, config: config() })));
  // A key may ask for a cipher of its time only; every GnuPG since 1.0.6 has AES as well.
  const algorithm = AES.find((it) => it === preferred?.algorithm) ?? 'aes256';
  const session = { data: new Uint8Array(randomBytes(Number(algorithm.slice(3)) / 8)), algorithm };
  preferred?.data.fill(0);
  try {
    const options = { ...session, ...receivers, format: 'binary' as const, config: config() };
    yield await sure(() => openpgp.encryptSessionKey(options) as Promise<Uint8Array>);
    yield* framed(TAG.encryptedIntegrity, mdcBody(input, session.data));
  } finally {
    session.data.fill(0);
  }
}

const AES = ['aes256', 'aes192', 'aes128'] as const;

/**
 * Integrity by MDC, which every GnuPG and WAL-G reads; AEAD is not understood by GnuPG 2.2. Whoever names a key wants it
 * used, also an old one; with too short an RSA key nothing would be kept secret.
 */
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
  const reader = new ByteReader(withMdc(input));
  try {
    yield Uint8Array.of(1);
    const stream = { cipher: `aes-${key.length * 8}-cfb`, key, iv: new Uint8Array(blockBytes) };
    // What encloses it copies every piece.
    const options = { isLent: true };
    const cipher = yield* encipheredBlocks(reader, { ...stream, open: (iv) => aesCfbCipher(key, iv) }, options);
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
  for await (const piece of framed(TAG.literal, literalBody(input))) {
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
