/**
 * LZ4 frames, by the reference decoder as WebAssembly, or in JavaScript where there is none.
 *
 * Format: the LZ4 frame format 1.6.x (magic 04224d18, linked or independent blocks of 64 KiB to 4 MiB, header, block
 * and content checksums by xxHash-32). pgBackRest and WAL-G write linked blocks of 64 KiB and 4 MiB.
 */

import { fail } from '../failure.ts';
import { type BlockDecoder, BlockwiseDecoder } from './blockwise.ts';
import { type Codec, openCodec } from './codecs.ts';
import { type Decoder, decodeInMemory, throughDecoder } from './decoder.ts';
import { damagedData, truncatedData } from './failures.ts';

/**
 * @throws RestoreError `damaged` (no LZ4 frame, a block that does not decode, a wrong checksum, bytes after the end),
 *   `truncated`, `unsupported` for frames that need a dictionary; offsets count compressed bytes
 */
export function unlz4(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return throughDecoder(input, openUnlz4());
}

/** As `unlz4`, for bytes in memory; a result of more than `limit` bytes is `damaged`: it is not what was recorded. */
export function unlz4Bytes(compressed: Uint8Array, limit: number): Uint8Array {
  const decoder = openUnlz4();
  try {
    return decodeInMemory(compressed, decoder, limit);
  } finally {
    decoder.close();
  }
}

/** Throws as `unlz4`. */
export function openUnlz4(): Decoder {
  const codec = openCodec('lz4');
  return codec ? new Lz4CodecDecoder(codec) : openUnlz4InJavaScript();
}

/** The decoder in JavaScript; exported for the tests, which compare the two. */
export function openUnlz4InJavaScript(): Decoder {
  return new BlockwiseDecoder(() => new Lz4Decoder());
}

/** The reference decoder also takes frames to skip, and those that need a dictionary: the header is read here first. */
class Lz4CodecDecoder implements Decoder {
  readonly #codec: Codec;
  readonly #gathered = new Uint8Array(longestHeader);
  #have = 0;
  #isKnown = false;

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  *update(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    if (!this.#isKnown) {
      const added = piece.subarray(0, longestHeader - this.#have);
      this.#gathered.set(added, this.#have);
      const header = readFrameHeader(this.#gathered.subarray(0, this.#have + added.length), 0);
      if (header === undefined) {
        this.#have += added.length;
        return;
      }
      this.#isKnown = true;
      yield* this.#codec.update(this.#gathered.subarray(0, this.#have));
    }
    yield* this.#codec.update(piece);
  }

  *finish(): Generator<Uint8Array, void, undefined> {
    if (!this.#isKnown) throw truncatedData('lz4', this.#have);
    yield* this.#codec.finish();
  }

  reset(): void {
    this.#codec.reset();
    this.#have = 0;
    this.#isKnown = false;
  }

  close(): void {
    this.#codec.close();
  }
}

const magic = 0x184d2204;
/** Magic, flags, block size, content size, dictionary, checksum. */
const longestHeader = 4 + 2 + 8 + 4 + 1;
const historyBytes = 64 * 1024;
const BLOCK_BYTES: Record<number, number> = { 4: 64 * 1024, 5: 256 * 1024, 6: 1024 * 1024, 7: 4 * 1024 * 1024 };

class Lz4Decoder implements BlockDecoder {
  readonly name = 'lz4';
  isDone = false;
  #frame: FrameHeader | undefined;
  /** The last 64 KiB of output, then the room for a block. */
  #room = new Uint8Array(0);
  #history = 0;
  #content = new XxHash32();
  #contentBytes = 0;

  step(window: Uint8Array, _isEnd: boolean, offset: number): { consumed: number; output?: Uint8Array } {
    if (this.#frame === undefined) return this.#header(window, offset);
    if (window.length < 4) return { consumed: 0 };
    const word = u32(window, 0);
    if (word === 0) return this.#end(window, this.#frame, offset);

    const isStored = word >>> 31 === 1;
    const stored = word & 0x7fffffff;
    if (stored > this.#frame.blockBytes) throw damagedData('an lz4 block is longer than the frame allows', offset);
    const whole = 4 + stored + (this.#frame.hasBlockChecksum ? 4 : 0);
    if (window.length < whole) return { consumed: 0 };
    const block = window.subarray(4, 4 + stored);
    if (this.#frame.hasBlockChecksum && u32(window, 4 + stored) !== xxHash32(block)) {
      throw damagedData('the checksum of an lz4 block does not match', offset);
    }
    return { consumed: whole, output: this.#block(block, isStored, this.#frame, offset) };
  }

  #header(window: Uint8Array, offset: number): { consumed: number } {
    const read = readFrameHeader(window, offset);
    if (read === undefined) return { consumed: 0 };
    this.#frame = read.header;
    this.#room = new Uint8Array(historyBytes + read.header.blockBytes);
    return { consumed: read.length };
  }

  #block(block: Uint8Array, isStored: boolean, frame: FrameHeader, offset: number): Uint8Array {
    if (!frame.isLinked) this.#history = 0;
    const start = this.#history;
    let end: number;
    if (isStored) {
      this.#room.set(block, start);
      end = start + block.length;
    } else {
      end = decodeBlock(block, this.#room, start, start + frame.blockBytes);
      if (end < 0) throw damagedData('an lz4 block does not decode', offset);
    }
    const output = this.#room.slice(start, end);
    if (frame.hasContentChecksum) this.#content.update(output);
    this.#contentBytes += output.length;
    this.#history = Math.min(end, historyBytes);
    if (end > historyBytes) this.#room.copyWithin(0, end - historyBytes, end);
    return output;
  }

  #end(window: Uint8Array, frame: FrameHeader, offset: number): { consumed: number } {
    const whole = frame.hasContentChecksum ? 8 : 4;
    if (window.length < whole) return { consumed: 0 };
    if (frame.hasContentChecksum && u32(window, 4) !== this.#content.digest()) {
      throw damagedData('the checksum of the lz4 contents does not match', offset + 4);
    }
    if (frame.contentBytes !== undefined && frame.contentBytes !== this.#contentBytes) {
      throw damagedData('the lz4 frame has not the size that its header says', offset);
    }
    this.isDone = true;
    return { consumed: whole };
  }
}

interface FrameHeader {
  blockBytes: number;
  isLinked: boolean;
  hasBlockChecksum: boolean;
  hasContentChecksum: boolean;
  contentBytes: number | undefined;
}

/** undefined while there is too little of it. */
function readFrameHeader(window: Uint8Array, offset: number): { header: FrameHeader; length: number } | undefined {
  const available = Math.min(window.length, 4);
  for (let index = 0; index < available; index++) {
    if (window[index] !== ((magic >>> (8 * index)) & 0xff))
      throw damagedData('it does not start as an lz4 frame', offset);
  }
  if (window.length < 7) return undefined;
  const flags = window[4] ?? 0;
  const descriptor = 2 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0);
  if (window.length < 4 + descriptor + 1) return undefined;
  if (((xxHash32(window.subarray(4, 4 + descriptor)) >>> 8) & 0xff) !== window[4 + descriptor]) {
    throw damagedData('the checksum of the lz4 frame header does not match', offset + 4);
  }
  const blockBytes = BLOCK_BYTES[((window[5] ?? 0) >> 4) & 0x07];
  if (flags >> 6 !== 1 || flags & 0x02 || (window[5] ?? 0) & 0x8f || blockBytes === undefined) {
    fail('unsupported', 'decompress', 'this version of the lz4 frame format is not known', { offset: offset + 4 });
  }
  if (flags & 0x01) fail('unsupported', 'decompress', 'the lz4 frame needs a dictionary', { offset: offset + 4 });
  return {
    header: {
      blockBytes,
      isLinked: (flags & 0x20) === 0,
      hasBlockChecksum: (flags & 0x10) !== 0,
      hasContentChecksum: (flags & 0x04) !== 0,
      contentBytes: flags & 0x08 ? u32(window, 6) + u32(window, 10) * 2 ** 32 : undefined,
    },
    length: 4 + descriptor + 1,
  };
}

/** Decodes one block to `out[start…]`; returns the end, or -1 when the block is not valid or would pass `limit`. */
function decodeBlock(block: Uint8Array, out: Uint8Array, start: number, limit: number): number {
  const length = block.length;
  let from = 0;
  let to = start;
  while (from < length) {
    const token = block[from++] as number;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (from >= length) return -1;
        more = block[from++] as number;
        literals += more;
      }
    }
    if (from + literals > length || to + literals > limit) return -1;
    if (literals > 24) {
      out.set(block.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    } else {
      for (const stop = from + literals; from < stop; ) out[to++] = block[from++] as number;
    }
    if (from === length) return to;

    if (from + 2 > length) return -1;
    const distance = (block[from] as number) | ((block[from + 1] as number) << 8);
    from += 2;
    let match = (token & 15) + 4;
    if (match === 19) {
      let more = 255;
      while (more === 255) {
        if (from >= length) return -1;
        more = block[from++] as number;
        match += more;
      }
    }
    if (distance === 0 || distance > to || to + match > limit) return -1;
    if (distance >= match && match > 32) {
      out.copyWithin(to, to - distance, to - distance + match);
      to += match;
    } else if (distance === 1 && match > 32) {
      out.fill(out[to - 1] as number, to, to + match);
      to += match;
    } else {
      for (const stop = to + match; to < stop; to++) out[to] = out[to - distance] as number;
    }
  }
  return -1;
}

const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

/** xxHash-32 with seed 0: a checksum against accidents, part of the frame format. */
class XxHash32 {
  #lanes = new Int32Array([prime1 + prime2, prime2, 0, -prime1]);
  #rest = new Uint8Array(16);
  #restBytes = 0;
  #total = 0;

  update(bytes: Uint8Array): void {
    this.#total += bytes.length;
    let from = 0;
    if (this.#restBytes > 0) {
      from = Math.min(16 - this.#restBytes, bytes.length);
      this.#rest.set(bytes.subarray(0, from), this.#restBytes);
      this.#restBytes += from;
      if (this.#restBytes < 16) return;
      this.#stripes(this.#rest, 0, 16);
      this.#restBytes = 0;
    }
    const end = from + ((bytes.length - from) & ~15);
    this.#stripes(bytes, from, end);
    this.#rest.set(bytes.subarray(end));
    this.#restBytes = bytes.length - end;
  }

  digest(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    let hash = this.#total >= 16 ? rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18) : prime5;
    hash = (hash + this.#total) | 0;
    let from = 0;
    for (; from + 4 <= this.#restBytes; from += 4) {
      hash = Math.imul(rotate((hash + Math.imul(u32(this.#rest, from), prime3)) | 0, 17), prime4);
    }
    for (; from < this.#restBytes; from++) {
      hash = Math.imul(rotate((hash + Math.imul(this.#rest[from] as number, prime5)) | 0, 11), prime1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), prime2);
    hash = Math.imul(hash ^ (hash >>> 13), prime3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  #stripes(bytes: Uint8Array, from: number, end: number): void {
    let [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    for (let at = from; at < end; at += 16) {
      a = round(a, u32(bytes, at));
      b = round(b, u32(bytes, at + 4));
      c = round(c, u32(bytes, at + 8));
      d = round(d, u32(bytes, at + 12));
    }
    this.#lanes.set([a, b, c, d]);
  }
}

function xxHash32(bytes: Uint8Array): number {
  const hash = new XxHash32();
  hash.update(bytes);
  return hash.digest();
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, prime2)) | 0, 13), prime1);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
