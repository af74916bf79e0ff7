/** The packets that an OpenPGP message is made of (RFC 9580, 4), and what stands in front of the encrypted data. */

import { type ByteReader, concat, copyOf, plainArray, type StreamOptions } from '../bytes.ts';
import { fail } from '../failure.ts';

export const TAG = {
  publicKeySession: 1,
  signature: 2,
  passwordSession: 3,
  onePassSignature: 4,
  secretKey: 5,
  publicKey: 6,
  compressed: 8,
  encrypted: 9,
  marker: 10,
  literal: 11,
  encryptedIntegrity: 18,
  modificationDetection: 19,
  encryptedAead: 20,
  padding: 21,
} as const;

/** Whoever reads these decrypts a piece before it asks for the next. */
const ENCRYPTED: ReadonlySet<number> = new Set([TAG.encrypted, TAG.encryptedIntegrity, TAG.encryptedAead]);

/**
 * Whether a reader that does not know such a packet goes on behind it: those that are not critical and the private ones
 * (RFC 9580, 4.3), and the comments of old GnuPG.
 */
export function isPassedOver(tag: number): boolean {
  return tag >= 40 || tag === 16;
}

export interface Packet {
  tag: number;
  /** Where its header begins in the input. */
  offset: number;
  /** Bytes of the body; undefined where only its end will tell. */
  length: number | undefined;
  /** Must be read to its end before the next packet is asked for. Of encrypted data, a piece holds until the next one only. */
  body: AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * The next packet; undefined at the end of the input.
 *
 * @throws RestoreError stage `decrypt`: `damaged` where no packet can begin, `truncated` when the input ends inside a
 *   header; the body throws `truncated` when the input ends inside it
 */
export async function readPacket(reader: ByteReader): Promise<Packet | undefined> {
  const offset = reader.offset;
  const first = (await reader.read(1))[0];
  if (first === undefined) return undefined;
  if ((first & 0x80) === 0) {
    fail('damaged', 'decrypt', 'an OpenPGP packet should begin here and does not', { offset, hint: damagedHint });
  }
  if ((first & 0x40) === 0) {
    const tag = (first >> 2) & 0x0f;
    const lengthBytes = [1, 2, 4, 0][first & 3] as number;
    if (lengthBytes === 0) return { tag, offset, length: undefined, body: toTheEnd(reader) };
    const length = bigEndian(await exact(reader, lengthBytes));
    return { tag, offset, length, body: fixed(reader, length) };
  }
  const tag = first & 0x3f;
  const { length, isPartial } = await readNewLength(reader);
  return isPartial
    ? { tag, offset, length: undefined, body: partial(reader, length, ENCRYPTED.has(tag)) }
    : { tag, offset, length, body: fixed(reader, length) };
}

/** The whole body of a small packet. */
export async function readBody(packet: Packet, limit: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of packet.body) {
    total += piece.length;
    if (total > limit) {
      fail('damaged', 'decrypt', `an OpenPGP packet of kind ${packet.tag} is larger than any such packet`, {
        offset: packet.offset,
        hint: damagedHint,
      });
    }
    pieces.push(copyOf(piece));
  }
  return plainArray(concat(pieces));
}

/** The same body as one packet with partial lengths: for a library that wants a packet where we hold a stream. */
export async function* framed(
  tag: number,
  body: AsyncIterable<Uint8Array>,
  { isLent }: StreamOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const memories: Uint8Array[] = [];
  let memory = framedParts();
  /** Bytes of the body in the memory, each part behind the byte of its length. */
  let filled = 0;
  yield Uint8Array.of(0xc0 | tag);
  for await (const piece of body) {
    for (let start = 0; start < piece.length; ) {
      // What is left at the end must be a definite length: the memory goes out when something follows it.
      if (filled === partsAtOnce * partBytes) {
        yield memory;
        if (isLent) memories.push(memory);
        memory = memories.length > 1 ? (memories.shift() as Uint8Array) : framedParts();
        filled = 0;
      }
      const length = Math.min(partBytes - (filled % partBytes), piece.length - start);
      memory.set(piece.subarray(start, start + length), placeOf(filled));
      filled += length;
      start += length;
    }
  }
  const whole = Math.max(Math.ceil(filled / partBytes) - 1, 0);
  const left = filled - whole * partBytes;
  if (whole > 0) yield memory.subarray(0, whole * (1 + partBytes));
  yield Uint8Array.of(0xff, ...[24, 16, 8, 0].map((shift) => (left >>> shift) & 0xff));
  const place = placeOf(whole * partBytes);
  yield memory.subarray(place, place + left);
}

const partPower = 16;
const partBytes = 1 << partPower;
const partsAtOnce = 2;

function framedParts(): Uint8Array {
  const memory = Buffer.allocUnsafeSlow(partsAtOnce * (1 + partBytes));
  for (let part = 0; part < partsAtOnce; part++) memory[part * (1 + partBytes)] = 0xe0 | partPower;
  return memory;
}

/** Where this byte of the body lies among the parts. */
function placeOf(index: number): number {
  return index + Math.floor(index / partBytes) + 1;
}

export interface Recipient {
  /** Sixteen hex digits in upper case; undefined where the sender hid it. */
  keyId: string | undefined;
  algorithm: string;
}

/** What an encrypted message says before its encrypted data; nothing of it needs a key. */
export interface MessageHead {
  recipients: Recipient[];
  /** The bodies of the session key packets, for whoever has a key. */
  publicKeySessions: Uint8Array[];
  passwordSessions: Uint8Array[];
  protection:
    | { kind: 'none' }
    | { kind: 'mdc' }
    /** SEIPD version 2 (RFC 9580) or packet 20 of GnuPG, which say cipher and mode in clear. */
    | { kind: 'aead'; version: 'seipd2' | 'gnupg'; cipher: string; mode: string };
  /** The packet that holds the encrypted data; its body has not been read. */
  encrypted: Packet;
  /** The first bytes of that body, which were read to see what it is; they are not in `encrypted.body` any more. */
  start: Uint8Array;
}

/**
 * Reads the session key packets of a binary message, up to the packet with the encrypted data.
 *
 * @throws RestoreError stage `decrypt`: `not-encrypted` for a message or key that is not encrypted, `damaged`,
 *   `truncated`, `unsupported`
 */
export async function readMessageHead(reader: ByteReader): Promise<MessageHead> {
  const recipients: Recipient[] = [];
  const publicKeySessions: Uint8Array[] = [];
  const passwordSessions: Uint8Array[] = [];
  for (;;) {
    if (reader.offset > mostHeadBytes) {
      fail('hostile', 'decrypt', 'the message is for more keys and passwords than anybody has', {
        offset: reader.offset,
        hint: 'No program writes that: do not trust the file.',
      });
    }
    const packet = await readPacket(reader);
    if (packet === undefined) {
      fail(
        'truncated',
        'decrypt',
        recipients.length + passwordSessions.length > 0
          ? 'the OpenPGP message ends before its encrypted data'
          : 'there is no OpenPGP message',
        {
          offset: reader.offset,
          hint: cutHint,
        },
      );
    }
    switch (packet.tag) {
      case TAG.publicKeySession: {
        const body = await readBody(packet, sessionLimit);
        publicKeySessions.push(body);
        recipients.push(recipientOf(body));
        break;
      }
      case TAG.passwordSession:
        passwordSessions.push(await readBody(packet, sessionLimit));
        break;
      case TAG.marker:
      case TAG.padding:
        await readBody(packet, sessionLimit);
        break;
      case TAG.encrypted:
      case TAG.encryptedIntegrity:
      case TAG.encryptedAead: {
        const { protection, start } = await readProtection(packet, reader);
        return { recipients, publicKeySessions, passwordSessions, protection, encrypted: packet, start };
      }
      case TAG.literal:
      case TAG.compressed:
      case TAG.onePassSignature:
      case TAG.signature:
        fail('not-encrypted', 'decrypt', 'the OpenPGP message is not encrypted: it is at most signed or compressed', {
          offset: packet.offset,
          hint: 'Everyone who has the file can read it. Encrypt it (gpg --encrypt, not --sign or --store), and take the plain copies away.',
        });
        break;
      case TAG.publicKey:
      case TAG.secretKey:
        fail('not-encrypted', 'decrypt', 'this is an OpenPGP key, not a message', {
          offset: packet.offset,
          hint: 'Name the archive, and give the key as the key file.',
        });
        break;
      default:
        if (isPassedOver(packet.tag)) {
          await readBody(packet, sessionLimit);
          break;
        }
        fail('damaged', 'decrypt', `an OpenPGP packet of kind ${packet.tag} cannot stand here`, {
          offset: packet.offset,
          hint: damagedHint,
        });
    }
  }
}

const sessionLimit = 64 * 1024;
/** Ten thousand recipients. They are kept, and each is tried with each key. */
const mostHeadBytes = 4 * 1024 * 1024;
const damagedHint = 'The file is not what was written: copy it again, or use another backup.';
/** For what fails its proof. */
export const brokenHint =
  'Nothing of it can be trusted: copy the file again from where it was written, or use another backup.';
const cutHint =
  'The end of the file is missing: copy it again; if it is as short where it was written, the backup is lost.';

/** RFC 9580, 9.1 */
const PUBLIC_KEY_ALGORITHMS: Record<number, string> = {
  1: 'RSA',
  2: 'RSA',
  // GnuPG 2.5: with Curve25519, X448 or a Brainpool curve.
  8: 'Kyber (ML-KEM) of GnuPG 2.5',
  16: 'ElGamal',
  18: 'ECDH',
  25: 'X25519',
  26: 'X448',
  29: 'ML-KEM-768 and X25519',
  35: 'ML-KEM-768 and X25519',
  36: 'ML-KEM-1024 and X448',
};

/** RFC 9580, 9.3 */
export const CIPHER_NAMES: Record<number, string> = {
  1: 'IDEA',
  2: 'TripleDES',
  3: 'CAST5',
  4: 'Blowfish',
  7: 'AES-128',
  8: 'AES-192',
  9: 'AES-256',
  10: 'Twofish',
  11: 'Camellia-128',
  12: 'Camellia-192',
  13: 'Camellia-256',
};

const AEAD_NAMES: Record<number, string> = { 1: 'EAX', 2: 'OCB', 3: 'GCM', 100: 'GCM' };

function recipientOf(body: Uint8Array): Recipient {
  const version = body[0];
  // PGP 2 wrote a 2, and nothing else differs.
  if (version === 2) body[0] = 3;
  if (version === 2 || version === 3)
    return {
      keyId: keyIdOf(body.subarray(1, 9)),
      algorithm: PUBLIC_KEY_ALGORITHMS[body[9] ?? 0] ?? `algorithm ${body[9]}`,
    };
  if (version === 6) {
    const length = body[1] ?? 0;
    const fingerprint = body.subarray(3, 2 + length);
    const keyId =
      length === 0 ? undefined : keyIdOf((body[2] ?? 0) >= 5 ? fingerprint.subarray(0, 8) : fingerprint.subarray(-8));
    return { keyId, algorithm: PUBLIC_KEY_ALGORITHMS[body[2 + length] ?? 0] ?? 'an unknown algorithm' };
  }
  // RFC 9580, 5.1: the message may be for others, too.
  return { keyId: undefined, algorithm: `version ${version}, which is not known` };
}

/** An id of zeros hides the recipient. */
function keyIdOf(bytes: Uint8Array): string | undefined {
  return bytes.every((byte) => byte === 0) ? undefined : Buffer.from(bytes).toString('hex').toUpperCase();
}

async function readProtection(packet: Packet, reader: ByteReader): Promise<Pick<MessageHead, 'protection' | 'start'>> {
  if (packet.tag === TAG.encrypted) return { protection: { kind: 'none' }, start: new Uint8Array(0) };
  const first = await packet.body.next();
  if (first.done)
    fail('truncated', 'decrypt', 'the OpenPGP message ends before its encrypted data', {
      offset: reader.offset,
      hint: cutHint,
    });
  const pieces = [copyOf(first.value)];
  let total = first.value.length;
  while (total < 4) {
    const next = await packet.body.next();
    if (next.done) break;
    pieces.push(copyOf(next.value));
    total += next.value.length;
  }
  const start = concat(pieces);
  const version = start[0];
  if (packet.tag === TAG.encryptedIntegrity && version === 1) return { protection: { kind: 'mdc' }, start };
  if ((packet.tag === TAG.encryptedIntegrity && version === 2) || (packet.tag === TAG.encryptedAead && version === 1)) {
    return {
      protection: {
        kind: 'aead',
        version: packet.tag === TAG.encryptedAead ? 'gnupg' : 'seipd2',
        cipher: CIPHER_NAMES[start[1] ?? 0] ?? `cipher ${start[1]}`,
        mode: AEAD_NAMES[start[2] ?? 0] ?? `mode ${start[2]}`,
      },
      start,
    };
  }
  fail('unsupported', 'decrypt', `encrypted OpenPGP data of version ${version} is not supported`, {
    offset: packet.offset,
  });
}

async function readNewLength(reader: ByteReader): Promise<{ length: number; isPartial: boolean }> {
  const first = (await exact(reader, 1))[0] as number;
  if (first < 192) return { length: first, isPartial: false };
  if (first < 224)
    return { length: ((first - 192) << 8) + ((await exact(reader, 1))[0] as number) + 192, isPartial: false };
  if (first === 255) return { length: bigEndian(await exact(reader, 4)), isPartial: false };
  return { length: 2 ** (first & 0x1f), isPartial: true };
}

async function* fixed(reader: ByteReader, length: number): AsyncGenerator<Uint8Array, void, undefined> {
  let left = length;
  while (left > 0) {
    const piece = await reader.next(left);
    if (piece === undefined) failCut(reader.offset, left);
    left -= piece.length;
    yield piece;
  }
}

/**
 * A body in parts. GnuPG writes parts of 8 KiB: all that lie in the piece at hand are taken out of it at once, since
 * every step of a stream costs.
 *
 * @param isLent a piece holds until the next is asked for; otherwise as long as the reader's own
 */
async function* partial(
  reader: ByteReader,
  firstLength: number,
  isLent: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = firstLength;
  let memory: Uint8Array = new Uint8Array(0);
  for (;;) {
    if (left > 0) {
      const seen = await reader.peekPiece();
      if (seen.length === 0) failCut(reader.offset, left);
      const found = partsOf(seen, left);
      await reader.skip(found.taken);
      left = found.left;
      const [first] = found.parts;
      if (first && found.parts.length === 1) {
        yield first;
      } else {
        if (!isLent || memory.length < found.taken) memory = Buffer.allocUnsafeSlow(found.taken);
        yield memory.subarray(0, join(found.parts, memory));
      }
      if (left > 0) continue;
    }
    const { length, isPartial } = await readNewLength(reader);
    if (!isPartial) {
      yield* fixed(reader, length);
      return;
    }
    left = length;
  }
}

/** Copying a part of this size takes longer than a step for it alone. */
const largePartBytes = 32 * 1024;

/** What a piece holds of a body in parts, up to the first length that is not that of a small part. */
function partsOf(seen: Uint8Array, firstLeft: number): { parts: Uint8Array[]; taken: number; left: number } {
  const parts: Uint8Array[] = [];
  let taken = 0;
  let left = firstLeft;
  for (;;) {
    const length = Math.min(left, seen.length - taken);
    parts.push(seen.subarray(taken, taken + length));
    taken += length;
    left -= length;
    const next = seen[taken];
    if (left > 0 || next === undefined || next < 224 || next === 255) break;
    const bytes = 2 ** (next & 0x1f);
    if (bytes >= largePartBytes) break;
    left = bytes;
    taken++;
  }
  return { parts, taken, left };
}

/** @returns how much of the memory is filled */
function join(parts: readonly Uint8Array[], memory: Uint8Array): number {
  let filled = 0;
  for (const part of parts) {
    memory.set(part, filled);
    filled += part.length;
  }
  return filled;
}

async function* toTheEnd(reader: ByteReader): AsyncGenerator<Uint8Array, void, undefined> {
  for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) yield piece;
}

async function exact(reader: ByteReader, length: number): Promise<Uint8Array> {
  const bytes = await reader.read(length);
  if (bytes.length < length) failCut(reader.offset);
  return bytes;
}

function failCut(offset: number, missing?: number): never {
  fail(
    'truncated',
    'decrypt',
    `the OpenPGP message is cut off${missing === undefined ? '' : `: at least ${missing === 1 ? 'one byte is' : `${missing} bytes are`} missing`}`,
    { offset, hint: cutHint },
  );
}

function bigEndian(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}
