/**
 * The encrypted data of an OpenPGP message, decrypted to the packets inside: with MDC, with AEAD in chunks (SEIPD version 2,
 * packet 20 of GnuPG), or without any proof. Native code for all that Node's OpenSSL has; the library for the old rest.
 */

import { createHash } from 'node:crypto';
import { type ByteReader, concat, copyOf, drain, remembering } from '../bytes.ts';
import { fail, RestoreError } from '../failure.ts';
import { type Decipher, throughCipher } from './cfb.ts';
import { aeadHead, openedChunks } from './openpgpAead.ts';
import { cfbDecipher, cipherName, SYMMETRIC_CIPHERS } from './openpgpCiphers.ts';
import { brokenHint, type MessageHead } from './openpgpPackets.ts';

export interface SessionKey {
  data: Uint8Array;
  /** RFC 9580, 9.3. */
  algorithm: number;
  /** It came from a password, and nothing has shown yet that it is the right one. */
  isGuess?: boolean;
}

/**
 * The packets inside, decrypted by native code. undefined where Node has not got the cipher.
 *
 * With an MDC and without any proof bytes come before they are proven; it throws at the end when the proof does not hold.
 *
 * @param body from the version byte on; the caller closes it
 * @throws RestoreError `damaged`, while streaming
 */
export function decryptedPackets(
  body: ByteReader,
  head: MessageHead,
  session: SessionKey,
): AsyncGenerator<Uint8Array, void, undefined> | undefined {
  const { offset } = head.encrypted;
  const aead = aeadHead(head);
  if (aead) return openedChunks(body, aead, session.data, offset);
  const decipher = cfbDecipher(session.algorithm, session.data);
  const { blockBytes } = SYMMETRIC_CIPHERS[session.algorithm] ?? {};
  if (decipher === undefined || blockBytes === undefined) return undefined;
  if (head.protection.kind === 'mdc') return proven(body, session, { blockBytes, offset });
  return unproven(body, session, blockBytes);
}

/** The SHA-1 of everything before it, as a packet at the very end: two bytes of header, twenty of hash. */
const mdcBytes = 22;

/** Decrypts, holds back the MDC, and compares it when the data ends. */
async function* proven(
  body: ByteReader,
  session: SessionKey,
  { blockBytes, offset }: { blockBytes: number; offset: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  await body.skip(1);
  const hash = createHash('sha1');
  let prefixLeft = blockBytes + 2;
  let held: Uint8Array = new Uint8Array(0);
  for await (const plain of deciphered(body, session, new Uint8Array(blockBytes))) {
    // The usual case copies nothing: what was held goes out, the last 22 bytes of the piece stay.
    const isEnough = plain.length >= mdcBytes;
    const known = isEnough ? plain : concat([held, plain]);
    const end = Math.max(0, known.length - mdcBytes);
    for (const part of isEnough ? [held, known.subarray(0, end)] : [known.subarray(0, end)]) {
      hash.update(part);
      const passed = Math.min(prefixLeft, part.length);
      prefixLeft -= passed;
      if (part.length > passed) yield part.subarray(passed);
    }
    held = copyOf(known.subarray(end));
  }
  hash.update(held.subarray(0, 2));
  if (held.length === mdcBytes && held[0] === 0xd3 && held[1] === 0x14 && hash.digest().equals(held.subarray(2)))
    return;
  fail(
    'damaged',
    'decrypt',
    'the integrity check (MDC) at the end fails: the message was changed, or its end is missing',
    { offset, hint: brokenHint },
  );
}

/**
 * RFC 9580, 13.9: behind the random prefix the cipher starts anew, with the last block of ciphertext so far as what is fed
 * back.
 */
async function* unproven(
  body: ByteReader,
  session: SessionKey,
  blockBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const prefix = copyOf(await body.read(blockBytes + 2));
  yield* deciphered(body, session, prefix.subarray(2));
}

/** All of the body, in CFB. */
async function* deciphered(
  body: ByteReader,
  { algorithm, data: key }: SessionKey,
  iv: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decipher = cfbDecipher(algorithm, key, iv) as Decipher;
  yield* throughCipher(body, decipher);
  const last = decipher.final();
  if (last.length > 0) yield last;
}

/**
 * The quick check of RFC 9580, 5.13.2: the last two random bytes in front of the data come twice. A wrong key passes it
 * once in 65536; the first packet behind it must begin like one, too. undefined where it cannot be asked.
 */
export async function isRightStart(
  head: MessageHead,
  body: ByteReader,
  { algorithm, data }: SessionKey,
): Promise<boolean | undefined> {
  if (head.protection.kind === 'aead') return undefined;
  const { blockBytes } = SYMMETRIC_CIPHERS[algorithm] ?? {};
  const decipher = cfbDecipher(algorithm, data);
  if (decipher === undefined || blockBytes === undefined) return undefined;
  const version = head.protection.kind === 'mdc' ? 1 : 0;
  const length = blockBytes + 2;
  const start = copyOf((await body.peek(version + length + 1)).subarray(version));
  if (start.length < length + 1) return undefined;
  const plain = concat([decipher.update(start), decipher.final()]);
  if (plain[length - 4] !== plain[length - 2] || plain[length - 3] !== plain[length - 1]) return false;
  if (head.protection.kind === 'mdc') return ((plain[length] as number) & 0x80) !== 0;
  const behind = cfbDecipher(algorithm, data, start.subarray(2, length)) as Decipher;
  const first = concat([behind.update(start.subarray(length)), behind.final()]);
  return ((first[0] as number) & 0x80) !== 0;
}

/**
 * Passes on what `contents` makes of the packets. What is wrong inside may be the work of a change: the proof at the end
 * decides which of the two to report.
 */
export async function* judgedByProof(
  packets: AsyncGenerator<Uint8Array, void, undefined>,
  contents: (packets: AsyncGenerator<Uint8Array, void, undefined>) => AsyncGenerator<Uint8Array, void, undefined>,
  isProven: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  const outer = remembering(packets);
  const inner = outer.stream;
  try {
    yield* contents(inner);
  } catch (error) {
    if (!(error instanceof RestoreError) || outer.failure() !== undefined) throw outer.failure() ?? error;
    if (!isProven) throw withoutOffset(error);
    await drain(inner).catch(() => undefined);
    throw outer.failure() ?? writtenBroken(error);
  }
}

/** The proof held, and yet the contents cannot be read: they were so when they were encrypted. */
function writtenBroken(error: RestoreError): RestoreError {
  const { failure } = withoutOffset(error);
  return new RestoreError({
    ...failure,
    message: `${failure.message} (the encrypted message is intact: it was written like this)`,
  });
}

/** Offsets inside mean nothing outside. */
function withoutOffset({ failure: { offset: _, ...rest } }: RestoreError): RestoreError {
  return new RestoreError(rest);
}

export function unsupportedCipher(algorithm: number): never {
  fail('unsupported', 'decrypt', `the message is encrypted with ${cipherName(algorithm)}, which is not supported`, {
    hint: 'Decrypt it with gpg, and encrypt with AES from now on.',
  });
}
