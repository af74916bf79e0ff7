/**
 * AEAD in chunks of a fixed size, each with its tag, and a last tag over the number of bytes: opened and sealed. SEIPD
 * version 2: RFC 9580, 5.13.2; packet 20 of GnuPG: draft-koch-openpgp-2015-rfc4880bis-01, 5.16.
 */

import { hkdfSync, randomBytes } from 'node:crypto';
import { type ByteReader, concat, copyOf } from '../bytes.ts';
import { fail } from '../failure.ts';
import { type AeadMode, type AeadSealer, aeadTagBytes, type SealedMode, sealAead } from './aead.ts';
import { hasCipherAead, openCipherAead, SYMMETRIC_CIPHERS } from './openpgpCiphers.ts';
import { brokenHint, type MessageHead } from './openpgpPackets.ts';

/** Bytes of the body that say how it is encrypted, which come before the data. */
export interface AeadHead<Mode extends AeadMode = AeadMode> {
  isGnupg: boolean;
  /** RFC 9580, 9.3; one with blocks of 16 bytes. */
  algorithm: number;
  mode: Mode;
  modeId: number;
  /** Of plaintext; only the last chunk is shorter. */
  chunkBytes: number;
  /** Version, cipher, mode and chunk size as they are stored. */
  stored: Uint8Array;
}

/** An AEAD chunk of at most this is proven before a byte of it comes out: the most that RFC 9580 allows. */
const mostProvenAtOnceBytes = 4 * 1024 * 1024;

/** RFC 9580, 9.6; 100 is what OpenPGP.js 4 wrote for GCM. */
const MODES: Readonly<Record<number, AeadMode>> = { 1: 'EAX', 2: 'OCB', 3: 'GCM', 100: 'GCM' };
export const MODE_IDS = { EAX: 1, OCB: 2, GCM: 3 } as const satisfies Record<AeadMode, number>;
const NONCE_BYTES = { EAX: 16, OCB: 15, GCM: 12 } as const;
const saltBytes = 32;

/**
 * What the first bytes of an AEAD body say.
 *
 * @throws RestoreError `unsupported` for a cipher or mode that nobody writes, `damaged` for a chunk size that none has
 */
export function aeadHead({ protection, start, encrypted }: MessageHead): AeadHead | undefined {
  if (protection.kind !== 'aead') return undefined;
  const [, algorithm = 0, modeId = 0, chunkSize = 0] = start;
  const isGnupg = protection.version === 'gnupg';
  const mode = MODES[modeId];
  if (mode === undefined || !hasCipherAead(algorithm, mode)) {
    fail('unsupported', 'decrypt', `the message is encrypted with ${protection.cipher} in ${protection.mode}`, {
      offset: encrypted.offset,
      hint: 'Decrypt it with gpg, and encrypt with AES from now on.',
    });
  }
  if (chunkSize > 56) {
    fail('damaged', 'decrypt', 'the chunk size of the message is none that exists', {
      offset: encrypted.offset,
      hint: 'The file is not what was written: copy it again, or use another backup.',
    });
  }
  return { isGnupg, algorithm, mode, modeId, chunkBytes: 2 ** (chunkSize + 6), stored: copyOf(start.subarray(0, 4)) };
}

/**
 * The head of a body that is to be written.
 *
 * @param chunkBytes of plaintext: a power of two from 64 on, 4 MiB at most, which is what every reader takes
 */
export function newAeadHead(
  form: { isGnupg: boolean; algorithm: number; mode: SealedMode },
  chunkBytes: number,
): AeadHead<SealedMode> {
  const modeId = MODE_IDS[form.mode];
  const stored = Uint8Array.of(form.isGnupg ? 1 : 2, form.algorithm, modeId, Math.log2(chunkBytes) - 6);
  return { ...form, modeId, chunkBytes, stored };
}

/** Whether each byte of the data is authentic when it comes out. */
export function isProvenAtOnce(head: AeadHead | undefined): boolean {
  return head !== undefined && head.chunkBytes <= mostProvenAtOnceBytes;
}

/** What is worked on at once: it stays in the processor's cache. */
const pieceBytes = 128 * 1024;
/** Behind the data of a chunk stand at least its own tag and the last one. */
const reservedBytes = 2 * aeadTagBytes;

/**
 * The packets inside.
 *
 * @param body from the version byte on; the caller closes it
 * @param offset of the packet, for the failures
 * @throws RestoreError `damaged`, while streaming
 */
export async function* openedChunks(
  body: ByteReader,
  head: AeadHead,
  sessionKey: Uint8Array,
  offset: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  await body.skip(head.stored.length);
  const start = copyOf(await body.read(startBytes(head)));
  if (start.length < startBytes(head)) {
    fail('truncated', 'decrypt', 'the OpenPGP message ends before its encrypted data', { offset, hint: brokenHint });
  }
  const { key, nonceOf, associatedOf } = aeadKeys(head, sessionKey, start);
  const isHeld = head.chunkBytes <= mostProvenAtOnceBytes;
  const window = new Window(body);
  let total = 0;
  try {
    for (let index = 0; ; index++) {
      await window.refill();
      // What is left at the border of a chunk: more chunks, or the last tag alone.
      const isEnd = window.length <= aeadTagBytes;
      const associated = associatedOf(index, isEnd ? total : undefined);
      const opener = openCipherAead(head.algorithm, head.mode, key, nonceOf(index), associated);
      if (isEnd) {
        if (opener.finish(window.take(aeadTagBytes)) !== undefined) return;
        fail('damaged', 'decrypt', 'the last tag of the message does not fit: chunks are missing at its end', {
          offset,
          hint: brokenHint,
        });
      }
      const held: Uint8Array[] = [];
      for (let left = head.chunkBytes; left > 0; ) {
        await window.refill();
        const length = Math.min(left, window.length - reservedBytes);
        if (length <= 0) break;
        const plain = opener.update(window.take(length));
        left -= length;
        total += length;
        if (isHeld) held.push(plain);
        else if (plain.length > 0) yield plain;
      }
      const last = opener.finish(window.take(aeadTagBytes));
      if (last === undefined) {
        fail('damaged', 'decrypt', `the tag of chunk ${index} does not fit: the message was changed`, {
          offset,
          hint: brokenHint,
        });
      }
      for (const plain of [...held, last]) if (plain.length > 0) yield plain;
    }
  } finally {
    key.fill(0);
  }
}

/** The bytes that come next, in memory that is used again and again. */
class Window {
  readonly #reader: ByteReader;
  readonly #memory = Buffer.allocUnsafeSlow(pieceBytes + reservedBytes);
  #start = 0;
  #end = 0;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /** Bytes at hand: no more than what is reserved only where the input ends. */
  get length(): number {
    return this.#end - this.#start;
  }

  async refill(): Promise<void> {
    if (this.length > reservedBytes) return;
    this.#memory.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    this.#end += await this.#reader.readInto(this.#memory.subarray(this.#end));
  }

  /** As many of the bytes at hand as there are; they hold until the next `refill`. */
  take(length: number): Uint8Array {
    const taken = this.#memory.subarray(this.#start, Math.min(this.#start + length, this.#end));
    this.#start += taken.length;
    return taken;
  }
}

/**
 * The body of the packet that holds these packets. Pieces of any size become chunks without being gathered first; what
 * comes out is the caller's.
 *
 * @param sessionKey the caller's to wipe
 */
export async function* sealedChunks(
  packets: AsyncIterable<Uint8Array>,
  head: AeadHead<SealedMode>,
  sessionKey: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const start = randomBytes(startBytes(head));
  const { key, nonceOf, associatedOf } = aeadKeys(head, sessionKey, start);
  const seal = (index: number, total?: number) => sealAead(head.mode, key, nonceOf(index), associatedOf(index, total));
  let sealer: AeadSealer | undefined;
  let index = 0;
  let total = 0;
  try {
    yield concat([head.stored, start]);
    for await (const piece of packets) {
      for (let at = 0; at < piece.length; ) {
        sealer ??= seal(index);
        const end = Math.min(piece.length, at + head.chunkBytes - (total % head.chunkBytes));
        const stored = sealer.update(piece.subarray(at, end));
        if (stored.length > 0) yield stored;
        total += end - at;
        at = end;
        if (total % head.chunkBytes > 0) continue;
        yield sealer.finish();
        sealer = undefined;
        index++;
      }
    }
    if (sealer) {
      yield sealer.finish();
      index++;
    }
    yield seal(index, total).finish();
  } finally {
    key.fill(0);
  }
}

interface AeadKeys {
  /** The caller's to wipe. */
  key: Uint8Array;
  nonceOf(index: number): Uint8Array;
  /** `total`: bytes of plaintext, for the last tag only. */
  associatedOf(index: number, total: number | undefined): Uint8Array;
}

/** What stands between the head and the first chunk: a nonce with GnuPG, a salt in RFC 9580. */
function startBytes({ isGnupg, mode }: AeadHead): number {
  return isGnupg ? NONCE_BYTES[mode] : saltBytes;
}

function aeadKeys(head: AeadHead, sessionKey: Uint8Array, start: Uint8Array): AeadKeys {
  const nonceBytes = NONCE_BYTES[head.mode];
  if (head.isGnupg) {
    const associated = concat([Uint8Array.of(0xd4), head.stored]);
    return {
      key: copyOf(sessionKey),
      nonceOf(index) {
        const nonce = copyOf(start);
        const place = bigEndian(index);
        for (let at = 0; at < 8; at++) {
          const to = nonceBytes - 8 + at;
          nonce[to] = (nonce[to] as number) ^ (place[at] as number);
        }
        return nonce;
      },
      associatedOf: (index, total) =>
        concat([associated, bigEndian(index), ...(total === undefined ? [] : [bigEndian(total)])]),
    };
  }
  const associated = concat([Uint8Array.of(0xd2), head.stored]);
  const keyBytes = SYMMETRIC_CIPHERS[head.algorithm]?.keyBytes ?? 0;
  const derived = new Uint8Array(hkdfSync('sha256', sessionKey, start, associated, keyBytes + nonceBytes - 8));
  const initial = derived.slice(keyBytes);
  return {
    key: derived.subarray(0, keyBytes),
    nonceOf: (index) => concat([initial, bigEndian(index)]),
    associatedOf: (_, total) => (total === undefined ? associated : concat([associated, bigEndian(total)])),
  };
}

/** Eight bytes. */
function bigEndian(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
