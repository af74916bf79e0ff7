/** libsodium secretstream as WAL-G writes it: a 24-byte header, then chunks of 8192 bytes, the last one marked as final. */

import { ByteReader, copyOf, type StreamOptions } from '../bytes.ts';
import { looksMeaningful } from '../contents/sniff.ts';
import { fail } from '../failure.ts';
import { LaneCall, type Lanes } from '../lanes/lanes.ts';
import { throughLanes, type Unfinished, whatIsLeft } from '../lanes/throughLanes.ts';
import {
  fastestSecretstream,
  headerBytes,
  lookInto,
  overheadBytes,
  type Secretstream,
  type SecretstreamState,
  TAG,
} from './secretstream.ts';

export { headerBytes, overheadBytes };
export const chunkBytes = 8_192;
const encryptedChunkBytes = chunkBytes + overheadBytes;

/**
 * What the length of a file alone says, without any key: the last chunk carries 0 to 8191 bytes, so a whole stream is
 * 24 + 8209 n + 17 … 8208 bytes long. `cut` names what is missing at the end.
 */
export function sodiumLength(
  bytes: number,
): { isPossible: true; plainBytes: number } | { isPossible: false; cut: string } {
  if (bytes < headerBytes + overheadBytes)
    return { isPossible: false, cut: `a stream has at least ${headerBytes + overheadBytes} bytes, this one ${bytes}` };
  const last = (bytes - headerBytes) % encryptedChunkBytes;
  if (last === 0)
    return { isPossible: false, cut: 'it ends at the border of a chunk, where the final chunk should begin' };
  if (last < overheadBytes)
    return { isPossible: false, cut: `its last chunk has ${last} bytes, ${overheadBytes} is the least` };
  return {
    isPossible: true,
    plainBytes: Math.floor((bytes - headerBytes) / encryptedChunkBytes) * chunkBytes + last - overheadBytes,
  };
}

/**
 * Decrypts what WAL-G wrote with libsodium: a 24-byte header, then chunks of 8192 bytes of plaintext that are 17 bytes
 * longer when encrypted; the last is shorter, even empty, and tagged as final.
 *
 * Format: wal-g `internal/crypto/libsodium/{reader,writer}.go`. Its reader takes a file cut at a chunk border for
 * complete; we ask for the final tag, and that nothing follows it.
 *
 * @param key exactly 32 bytes; wiped by the caller
 * @param size the length of the whole input where it is known: a cut is then told from a wrong key before anything is read
 * @throws RestoreError `wrong-key` if the first chunk does not authenticate (and what it decrypts to is noise),
 *   `damaged` (with the chunk's offset in the encrypted file) if a later one does not,
 *   `truncated` if the input ends before the stream says so. Never yields a byte of an unauthenticated chunk.
 */
export async function* decryptSodium(
  input: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  { size, isLent }: StreamOptions & { size?: number | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const secretstream = await fastestSecretstream();
  const source = new ByteReader(input, { isLent: true });
  const stored = new ChunkMemory(encryptedChunkBytes);
  const plain = new ChunkMemory(chunkBytes);
  const call = new LaneCall(mostLanes);
  let reader = source;
  /** Where the reader's bytes begin in the input. */
  let origin = 0;
  let state: SecretstreamState | undefined;
  try {
    state = secretstream.stateOf(await readHeader(reader, size), key);
    for (;;) {
      const lanes = await call.answer(reader.offset);
      if (lanes) {
        const begin = reader.offset;
        const { unfinished, chunks } = yield* openInLanes(reader, state, lanes, isLent);
        await call.close();
        origin = begin + chunks * encryptedChunkBytes;
        reader = new ByteReader(whatIsLeft(unfinished, source));
      }
      const offset = origin + reader.offset;
      const chunks = await stored.fill(reader);
      if (chunks.length === 0) failCut(offset, 'the final chunk is missing');
      const { bytes, stoppedAt, isFinal } = openChunks(secretstream, state, stored, plain);
      if (bytes > 0) yield plain.give(bytes, isLent);
      if (isFinal) {
        await demandEnd(reader, offset + stoppedAt, chunks.length - stoppedAt);
        return;
      }
      if (stoppedAt < chunks.length) {
        const chunk = chunks.subarray(stoppedAt, stoppedAt + encryptedChunkBytes);
        if (chunk.length < overheadBytes)
          failCut(offset + stoppedAt, `its last chunk has ${chunk.length} bytes, ${overheadBytes} is the least`);
        await failUnauthenticated(state, chunk, offset + stoppedAt);
      }
      // An authentic short chunk that is not the last cannot come from WAL-G, but then the end is still to come.
      if (chunks.length % encryptedChunkBytes > 0) failCut(offset + chunks.length, 'the final chunk is missing');
    }
  } finally {
    state?.fill(0);
    await call.close();
    await source.close();
  }
}

/** A lane opens 128 chunks at a time: a megabyte. */
const batchChunks = 128;
/** One lane opens a gigabyte a second; this thread does not read more than these can take. */
const mostLanes = 4;
const keyBytes = 32;
const nonceBytes = 12;

/**
 * Opens chunks in lanes, as long as they are whole, authentic, and tagged as usual. The nonce of a chunk follows from the
 * MACs before it, which stand in the stream: `inonce` is the exclusive or of the first eight bytes of them all, and the
 * counter counts. So the lanes need not wait for each other.
 *
 * @param state in front of the next chunk; brought behind the last one that was opened
 * @returns what the lanes have left, and how many chunks they have opened
 */
async function* openInLanes(
  reader: ByteReader,
  state: SecretstreamState,
  lanes: Lanes,
  isLent: boolean | undefined,
): AsyncGenerator<Uint8Array, { unfinished: Unfinished; chunks: number }, undefined> {
  lanes.begin({ key: state.subarray(0, keyBytes), chunkBytes });
  const nonce = state.slice(keyBytes, keyBytes + nonceBytes);
  const counter = new DataView(nonce.buffer);
  const bytes = batchChunks * encryptedChunkBytes;
  const plan = {
    bytes,
    isLent,
    room: chunkBytes,
    placeOf(batch: Uint8Array) {
      const place = nonce.slice();
      const next = counter.getUint32(0, true) + batchChunks;
      // When the counter is used up, the key changes.
      if (next > mostCounted) return undefined;
      counter.setUint32(0, next, true);
      for (let mac = encryptedChunkBytes - macBytes; mac < batch.length; mac += encryptedChunkBytes)
        for (let index = 0; index < 8; index++)
          nonce[4 + index] = (nonce[4 + index] as number) ^ (batch[mac + index] as number);
      return place;
    },
  };
  let plainBytes = 0;
  const stream = throughLanes(reader, lanes, plan);
  try {
    for (;;) {
      const next = await stream.next();
      if (next.done) {
        if (next.value.place) state.set(next.value.place, keyBytes);
        return { unfinished: next.value, chunks: plainBytes / chunkBytes };
      }
      plainBytes += next.value.length;
      yield next.value;
    }
  } finally {
    await stream.return({ pieces: [], failure: undefined, place: undefined });
  }
}

/** The counter of a nonce has four bytes, and begins with 1. */
const mostCounted = 0xffff_ffff;
const macBytes = 16;

/**
 * Memory for chunks of one size, which is used again and again: fresh memory for every piece of a long stream takes longer
 * to get than the cipher takes. Two pieces of it take turns, since a consumer may hold one until it asks for the next but
 * one.
 */
class ChunkMemory {
  readonly #chunkBytes: number;
  readonly #pieces: [Uint8Array, Uint8Array];
  /** The places of the chunks, made once: for a chunk of 8 kB even that takes a noticeable part of the time. */
  readonly #places: [Uint8Array[], Uint8Array[]];
  #turn: 0 | 1 = 0;
  #filled = 0;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
    const memory = () => Buffer.allocUnsafeSlow(chunksAtOnce * chunkBytes);
    this.#pieces = [memory(), memory()];
    const placesIn = (piece: Uint8Array) =>
      Array.from({ length: chunksAtOnce }, (_, index) => piece.subarray(index * chunkBytes, (index + 1) * chunkBytes));
    this.#places = [placesIn(this.#pieces[0]), placesIn(this.#pieces[1])];
  }

  /** What was filled last. */
  get filled(): number {
    return this.#filled;
  }

  /** As much as there is room for, less only where the input ends. */
  async fill(reader: ByteReader): Promise<Uint8Array> {
    this.#filled = await reader.readInto(this.#pieces[this.#turn]);
    return this.#pieces[this.#turn].subarray(0, this.#filled);
  }

  /** The place of a chunk, or of the `bytes` at its start. */
  chunk(index: number, bytes = this.#chunkBytes): Uint8Array {
    const place = this.#places[this.#turn][index] as Uint8Array;
    return bytes === this.#chunkBytes ? place : place.subarray(0, bytes);
  }

  /** For the consumer; the other piece of memory has its turn now. */
  give(bytes: number, isLent: boolean | undefined): Uint8Array {
    const given = this.#pieces[this.#turn].subarray(0, bytes);
    this.#turn = this.#turn === 0 ? 1 : 0;
    return isLent ? given : copyOf(given);
  }
}

/** What is worked on stays in the processor's cache. */
const chunksAtOnce = 16;

/**
 * Opens what was filled; its last chunk may be shorter. Stops behind the final chunk, and in front of one that does not
 * authenticate or is none.
 *
 * @returns bytes of plaintext, and how far they reach in what was stored
 */
function openChunks(
  secretstream: Secretstream,
  state: SecretstreamState,
  stored: ChunkMemory,
  plain: ChunkMemory,
): { bytes: number; stoppedAt: number; isFinal: boolean } {
  let stoppedAt = 0;
  let bytes = 0;
  for (let index = 0; stoppedAt < stored.filled; index++) {
    const length = Math.min(stored.filled - stoppedAt, encryptedChunkBytes);
    if (length < overheadBytes) break;
    const messageBytes = length - overheadBytes;
    const tag = secretstream.pull(state, stored.chunk(index, length), plain.chunk(index, messageBytes));
    if (tag === undefined) break;
    stoppedAt += length;
    bytes += messageBytes;
    if (tag === TAG.final) return { bytes, stoppedAt, isFinal: true };
  }
  return { bytes, stoppedAt, isFinal: false };
}

/** First bytes of a stream that `sodiumFit` wants to see: the header and one full chunk, less where the stream is shorter. */
export const sodiumStartBytes = headerBytes + encryptedChunkBytes;

/**
 * Whether a key belongs to a stream, from its first bytes: `opens` is proven by the first chunk's MAC, `looks` is the
 * case of a first chunk that is changed or cut but decrypts to something that makes sense.
 */
export async function sodiumFit(start: Uint8Array, key: Uint8Array): Promise<'opens' | 'looks' | 'no'> {
  if (start.length < headerBytes + overheadBytes) return 'no';
  const secretstream = await fastestSecretstream();
  const state = secretstream.stateOf(start.subarray(0, headerBytes), key);
  const chunk = start.subarray(headerBytes, sodiumStartBytes);
  const message = new Uint8Array(chunk.length - overheadBytes);
  try {
    if (secretstream.pull(state, chunk, message) !== undefined) return 'opens';
    return (await makesSense(state, chunk)).isMeaningful ? 'looks' : 'no';
  } finally {
    message.fill(0);
    state.fill(0);
  }
}

/**
 * Encrypts as WAL-G does: full chunks of 8192 bytes, then a final one of 0 to 8191. An empty input gives a header and
 * an empty final chunk, which WAL-G reads (its own writer leaves out the header there, and then cannot).
 *
 * @param key exactly 32 bytes; wiped by the caller
 */
export async function* encryptSodium(
  input: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  { isLent }: StreamOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const secretstream = await fastestSecretstream();
  const source = new ByteReader(input, { isLent: true });
  const plain = new ChunkMemory(chunkBytes);
  const stored = new ChunkMemory(encryptedChunkBytes);
  const { header, state } = secretstream.newStream(key);
  try {
    yield header;
    for (;;) {
      const { length } = await plain.fill(source);
      const isEnd = length < chunksAtOnce * chunkBytes;
      const whole = Math.floor(length / chunkBytes);
      for (let index = 0; index < whole; index++)
        secretstream.push(state, plain.chunk(index), TAG.message, stored.chunk(index));
      const last = length % chunkBytes;
      if (isEnd)
        secretstream.push(state, plain.chunk(whole, last), TAG.final, stored.chunk(whole, last + overheadBytes));
      yield stored.give(whole * encryptedChunkBytes + (isEnd ? last + overheadBytes : 0), isLent);
      if (isEnd) return;
    }
  } finally {
    state.fill(0);
    await source.close();
  }
}

/** wal-g `writer.go`: `Close` without any `Write` pushes a final chunk from a state that is all zeros; always these bytes. */
const EMPTY_WITHOUT_HEADER = Uint8Array.from(Buffer.from('9c08f276d1f4bc1e88fd630d9ff14d74bf', 'hex'));

async function readHeader(reader: ByteReader, size: number | undefined): Promise<Uint8Array> {
  const header = await reader.read(headerBytes);
  if (header.length === 0) {
    fail('truncated', 'decrypt', 'the file is empty', {
      offset: 0,
      hint: 'The backup wrote nothing: look at its log, and take a new backup.',
    });
  }
  if (header.length === EMPTY_WITHOUT_HEADER.length && Buffer.compare(header, EMPTY_WITHOUT_HEADER) === 0) {
    fail(
      'truncated',
      'decrypt',
      'these 17 bytes are what WAL-G writes for an empty file: a final chunk without the header, encrypted with no key',
      {
        offset: 0,
        hint: 'There is nothing in it to restore, and WAL-G itself cannot read it either; the file behind it was empty.',
      },
    );
  }
  if (header.length < headerBytes) failCut(0, `it has ${header.length} bytes, the header alone has ${headerBytes}`);
  if (size !== undefined) {
    const length = sodiumLength(size);
    if (!length.isPossible) failCut(size, length.cut);
  }
  return header;
}

/** @param behind how many bytes that were read already lie behind the final chunk, which ends at `end` */
async function demandEnd(reader: ByteReader, end: number, behind: number): Promise<void> {
  if (behind === 0 && (await reader.isAtEnd())) return;
  fail('damaged', 'decrypt', 'bytes follow the final chunk', {
    offset: end,
    hint: 'Something was appended to the archive; what comes before that place is authentic.',
  });
}

function failCut(offset: number, what: string): never {
  fail('truncated', 'decrypt', `the stream is cut off: ${what}`, {
    offset,
    hint: 'Copy the file again from the storage; if it is as short there, the backup is lost and a new one is needed.',
  });
}

/**
 * Says which of the three it most likely is that makes a chunk fail. The chunk is decrypted without its proof for that,
 * looked at and thrown away: the right key makes sense of it, a wrong one makes noise.
 */
async function failUnauthenticated(state: SecretstreamState, chunk: Uint8Array, offset: number): Promise<never> {
  const { isMeaningful, isCut } = await makesSense(state, chunk);
  const index = (offset - headerBytes) / encryptedChunkBytes;
  const keyFits = index > 0 || isMeaningful;
  if (!keyFits) {
    fail('wrong-key', 'decrypt', 'the first chunk does not authenticate with this key', {
      offset,
      hint: 'Use the key that was configured when the backup was made, with the same key transform (hex, base64 or none). A file that is no libsodium stream, or damaged at its start, looks the same.',
    });
  }
  if (isCut)
    failCut(
      offset + chunk.length,
      `${encryptedChunkBytes - chunk.length} bytes of the chunk at ${offset} and everything after it are missing`,
    );
  const isShort = chunk.length < encryptedChunkBytes;
  fail(
    'damaged',
    'decrypt',
    `${isShort ? 'the last chunk' : `chunk ${index}`} does not authenticate: it was changed${isShort ? ' or its end is missing' : ''}`,
    {
      offset,
      hint: 'The key is right, the file is not what was written: copy it again from the storage or use another backup.',
    },
  );
}

/** Looks at what an unauthenticated chunk decrypts to, and forgets it. */
async function makesSense(
  state: SecretstreamState,
  chunk: Uint8Array,
): Promise<{ isMeaningful: boolean; isCut: boolean }> {
  const { tag, message } = await lookInto(state, chunk);
  const isMiddle = tag === TAG.message;
  const isMeaningful = (isMiddle || tag === TAG.final) && looksMeaningful(message);
  message.fill(0);
  return { isMeaningful, isCut: isMiddle && chunk.length < encryptedChunkBytes };
}
