/**
 * AES over a long stream. When decrypting, a block depends on nothing but the ciphertext before it (CBC, CFB) or its number
 * (CTR): a lane works on any part of it while this thread reads and looks at what comes out.
 */

import { ByteReader, copyOf } from '../bytes.ts';
import { LaneCall, type Lanes, roomFor, type StreamOptions } from '../lanes/lanes.ts';
import { throughLanes, type Unfinished, whatIsLeft } from '../lanes/throughLanes.ts';
import type { Decipher } from './cfb.ts';

export interface BlockStream {
  /** As OpenSSL calls it; what is not AES in one of the three modes stays in this thread. */
  cipher: string;
  /** The caller's to wipe when the stream has ended. */
  key: Uint8Array;
  iv: Uint8Array;
  /** A cipher of this thread, for what begins behind this IV. */
  open(iv: Uint8Array): Decipher;
}

const blockBytes = 16;
const nothing: Uint8Array = new Uint8Array(0);
/** One lane decrypts several gigabytes a second: more than is read. */
const mostLanes = 1;
const batchBytes = 1024 * 1024;

/**
 * Decrypts all that the reader has, except for what the decipher holds back at the end.
 *
 * @returns the decipher, of which the end is still to be asked, and how many bytes of ciphertext there were
 */
export async function* decipheredBlocks(
  source: ByteReader,
  stream: BlockStream,
  { isLent }: StreamOptions = {},
): AsyncGenerator<Uint8Array, { decipher: Decipher; bytes: number }, undefined> {
  const mode = /^aes-\d+-(cbc|ctr|cfb)$/.exec(stream.cipher)?.[1];
  const call = new LaneCall('decipher', mostLanes);
  let decipher = stream.open(stream.iv);
  let reader = source;
  let bytes = 0;
  /** The last whole blocks of ciphertext, as they were read. */
  let last = nothing;
  try {
    for (;;) {
      const lanes = mode && last.length === 2 * blockBytes ? await call.answer(bytes) : undefined;
      if (lanes) {
        // With padding, the decipher here has kept the last block: the lane does it once more.
        const again = mode === 'cbc' ? last.subarray(blockBytes) : nothing;
        const before = mode === 'cbc' ? last.subarray(0, blockBytes) : last.subarray(blockBytes);
        const iv = mode === 'ctr' ? counterAt(stream.iv, bytes / blockBytes) : before;
        const begun = new ByteReader(behind(again, source), { isLent: true });
        bytes -= again.length;
        const done = yield* inLane(begun, lanes, { ...stream, iv }, isLent);
        await call.close();
        bytes += done.bytes;
        decipher = stream.open(done.iv);
        reader = new ByteReader(whatIsLeft(done.unfinished, begun), { isLent: true });
      }
      const piece = await reader.units(blockBytes);
      if (piece.length === 0) return { decipher, bytes };
      const isWhole = piece.length >= 2 * blockBytes && piece.length % blockBytes === 0;
      last = isWhole ? copyOf(piece.subarray(-2 * blockBytes)) : nothing;
      bytes += piece.length;
      const plain = decipher.update(piece);
      if (plain.length > 0) yield plain;
    }
  } finally {
    await call.close();
  }
}

/**
 * Encrypts all that the reader has, but for what fills no block at the end. In CBC and CFB a block depends on the one before
 * it: one lane encrypts while this thread reads, hashes and writes.
 *
 * @returns the cipher, of which the end is still to be asked
 */
export async function* encipheredBlocks(
  source: ByteReader,
  stream: BlockStream,
  { isLent }: StreamOptions = {},
): AsyncGenerator<Uint8Array, Decipher, undefined> {
  const isForLanes = /^aes-\d+-(cbc|cfb)$/.test(stream.cipher);
  const call = new LaneCall('encipher', 1);
  let cipher = stream.open(stream.iv);
  let reader = source;
  let bytes = 0;
  /** The last block of ciphertext, where the last piece ended with a block. */
  let last: Uint8Array | undefined;
  try {
    for (;;) {
      const lanes = isForLanes && last ? await call.answer(bytes) : undefined;
      if (lanes && last) {
        lanes.begin({ kind: 'encipher', cipher: stream.cipher, key: stream.key, iv: last });
        const plan = { bytes: batchBytes, room: roomFor('encipher', batchBytes), isLent, placeOf: () => nothing };
        const unfinished = yield* throughLanes(source, lanes, plan);
        await call.close();
        cipher = stream.open(unfinished.place ?? last);
        reader = new ByteReader(whatIsLeft(unfinished, source), { isLent: true });
      }
      const piece = await reader.units(blockBytes);
      if (piece.length === 0) return cipher;
      bytes += piece.length;
      const isWhole = piece.length % blockBytes === 0;
      const stored = cipher.update(piece);
      last = isWhole ? copyOf(stored.subarray(-blockBytes)) : undefined;
      if (stored.length > 0) yield stored;
    }
  } finally {
    await call.close();
  }
}

async function* inLane(
  reader: ByteReader,
  lanes: Lanes,
  { cipher, key, iv: first }: BlockStream,
  isLent: boolean | undefined,
): AsyncGenerator<Uint8Array, { unfinished: Unfinished; bytes: number; iv: Uint8Array }, undefined> {
  lanes.begin({ kind: 'decipher', cipher, key });
  const isCounted = cipher.endsWith('ctr');
  let iv = first;
  let bytes = 0;
  const unfinished = yield* throughLanes(reader, lanes, {
    bytes: batchBytes,
    room: roomFor('decipher', batchBytes),
    isLent,
    placeOf(batch) {
      const place = iv;
      bytes += batch.length;
      iv = isCounted ? counterAt(first, bytes / blockBytes) : copyOf(batch.subarray(-blockBytes));
      return place;
    },
  });
  return { unfinished, bytes, iv };
}

/** CTR counts all 16 bytes of the IV, the last one first. */
function counterAt(iv: Uint8Array, blocks: number): Uint8Array {
  const counter = copyOf(iv);
  let carry = blocks;
  for (let index = counter.length - 1; index >= 0 && carry > 0; index--) {
    carry += counter[index] as number;
    counter[index] = carry % 256;
    carry = Math.floor(carry / 256);
  }
  return counter;
}

/** The bytes, and what the reader has behind them. Does not close the reader. */
async function* behind(bytes: Uint8Array, reader: ByteReader): AsyncGenerator<Uint8Array, void, undefined> {
  yield* whatIsLeft({ pieces: bytes.length > 0 ? [bytes] : [], failure: undefined, place: undefined }, reader);
}
