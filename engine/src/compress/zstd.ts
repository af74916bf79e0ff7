/**
 * Zstandard: Node's own where it has it (22.15 and later, so in VS Code), else the reference decoder as WebAssembly,
 * else the JavaScript decoder `fzstd`.
 */

import * as zlib from 'node:zlib';
import { Decompress, ZstdErrorCode } from 'fzstd';
import { tap } from '../bytes.ts';
import { fail, RestoreError } from '../failure.ts';
import { openCodec } from './codecs.ts';
import { type Decoder, decodeInMemory, throughDecoder } from './decoder.ts';
import { damagedData, truncatedData } from './failures.ts';
import { type NativeFormat, type NativeStream, throughNative } from './native.ts';
import { openNodeDecoder } from './nodeDecoder.ts';
import { ZstdFrames } from './zstdFrames.ts';

const pieceBytes = 128 * 1024;

/**
 * @throws RestoreError `damaged` (no zstd frame, a block that does not decode, bytes after the end), `truncated`,
 *   `unsupported` for a frame whose window is too large for the decoder; offsets count compressed bytes
 */
export function unzstd(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return native ? unzstdNatively(input, native) : throughDecoder(input, openUnzstd());
}

/** As `unzstd`, for bytes in memory; a result of more than `limit` bytes is `damaged`: it is not what was recorded. */
export function unzstdBytes(compressed: Uint8Array, limit: number): Uint8Array {
  const decoder = openUnzstd();
  try {
    return decodeInMemory(compressed, decoder, limit);
  } finally {
    decoder.close();
  }
}

/** Throws as `unzstd`. */
export function openUnzstd(): Decoder {
  const inNode = native && openNodeDecoder(native.stream(), zstd, native.flush);
  const inner = inNode ?? openCodec('zstd');
  return inner ? new FramedDecoder(inner) : openUnzstdInJavaScript();
}

/** The reference decoder as WebAssembly, undefined where there is none; exported for the tests, which compare. */
export function openUnzstdInWebAssembly(): Decoder | undefined {
  const codec = openCodec('zstd');
  return codec && new FramedDecoder(codec);
}

/** The decoder in JavaScript; exported for the tests, which compare. */
export function openUnzstdInJavaScript(): Decoder {
  return new FzstdDecoder();
}

async function* unzstdNatively(
  input: AsyncIterable<Uint8Array>,
  decoder: NativeZstd,
): AsyncGenerator<Uint8Array, void, undefined> {
  const frames = new ZstdFrames();
  yield* throughNative(tap(input, frames), decoder.stream(), zstd);
  frames.finish();
}

/** Walks over the frames in front of a decoder that is not strict about their end. */
class FramedDecoder implements Decoder {
  readonly #inner: Decoder;
  #frames = new ZstdFrames();

  constructor(inner: Decoder) {
    this.#inner = inner;
  }

  *update(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    this.#frames.update(piece);
    yield* this.#inner.update(piece);
  }

  *finish(): Generator<Uint8Array, void, undefined> {
    this.#frames.finish();
    yield* this.#inner.finish();
  }

  reset(): void {
    this.#frames = new ZstdFrames();
    this.#inner.reset();
  }

  close(): void {
    this.#inner.close();
  }
}

class FzstdDecoder implements Decoder {
  #frames = new ZstdFrames();
  #blocks: Uint8Array[] = [];
  #decoder = this.#make();
  #offset = 0;

  *update(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    let start = 0;
    // Block by block: a few bytes can be a hundred kilobytes of zeros, and all of a piece at once would fill the memory.
    for (const end of [...this.#frames.update(piece), piece.length]) {
      if (end === start) continue;
      // It keeps what it is given until the block is whole.
      push(this.#decoder, new Uint8Array(piece.subarray(start, end)), false, this.#offset + start);
      start = end;
      yield* this.#taken();
    }
    this.#offset += piece.length;
  }

  *finish(): Generator<Uint8Array, void, undefined> {
    this.#frames.finish();
    push(this.#decoder, new Uint8Array(0), true, this.#offset);
    yield* this.#taken();
  }

  reset(): void {
    this.#frames = new ZstdFrames();
    this.#blocks = [];
    this.#decoder = this.#make();
    this.#offset = 0;
  }

  close(): void {
    this.reset();
  }

  #make(): Decompress {
    return new Decompress((block) => this.#blocks.push(block));
  }

  #taken(): Uint8Array[] {
    const blocks = this.#blocks;
    this.#blocks = [];
    return blocks;
  }
}

const zstd: NativeFormat = { name: 'zstd', shortInput: 'ZSTD_error_srcSize_wrong' };

function push(decoder: Decompress, piece: Uint8Array, isLast: boolean, offset: number): void {
  try {
    decoder.push(piece, isLast);
  } catch (error) {
    if (error instanceof RestoreError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === ZstdErrorCode.UnexpectedEOF) throw truncatedData('zstd', offset + piece.length);
    if (code === ZstdErrorCode.WindowSizeTooLarge) {
      fail('unsupported', 'decompress', 'the zstd frame needs a window of more than 32 MiB', {
        offset,
        hint: 'Run Restorable with Node 22.15 or later, which decodes it natively.',
      });
    }
    throw damagedData('the zstd data is damaged', offset);
  }
}

interface NativeZstd {
  stream(): NativeStream;
  flush: { none: number; finish: number };
}

const native: NativeZstd | undefined = findNative();

function findNative(): NativeZstd | undefined {
  const { createZstdDecompress, constants } = zlib as unknown as {
    createZstdDecompress?: (options: object) => NativeStream;
    constants: { ZSTD_e_continue?: number; ZSTD_e_end?: number };
  };
  if (!createZstdDecompress) return undefined;
  return {
    stream: () => createZstdDecompress({ chunkSize: pieceBytes }),
    flush: { none: constants.ZSTD_e_continue ?? 0, finish: constants.ZSTD_e_end ?? 2 },
  };
}
