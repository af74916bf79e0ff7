/** Zstandard: Node's own where it has it (22.15 and later, so in VS Code), else the JavaScript decoder `fzstd`. */

import * as zlib from 'node:zlib';
import { Decompress, ZstdErrorCode } from 'fzstd';
import { concat, tap } from '../bytes.ts';
import { fail, RestoreError } from '../failure.ts';
import { damagedData, largerThanRecorded, truncatedData } from './failures.ts';
import { inMemory, type NativeFormat, type NativeStream, throughNative } from './native.ts';
import { ZstdFrames } from './zstdFrames.ts';

const pieceBytes = 128 * 1024;

/**
 * @throws RestoreError `damaged` (no zstd frame, a block that does not decode, bytes after the end), `truncated`,
 *   `unsupported` for a frame whose window is too large for the JavaScript decoder; offsets count compressed bytes
 */
export function unzstd(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return native ? unzstdNatively(input, native) : unzstdInJavaScript(input);
}

/** As `unzstd`, for bytes in memory; a result of more than `limit` bytes is `damaged`: it is not what was recorded. */
export function unzstdBytes(compressed: Uint8Array, limit: number): Uint8Array {
  const frames = new ZstdFrames();
  frames.update(compressed);
  frames.finish();
  const decoder = native;
  if (!decoder) return unzstdBytesInJavaScript(compressed, limit);
  return inMemory(compressed, limit, zstd, () => decoder.bytes(compressed, Math.max(limit, 1)));
}

/** The decoder for Node 20; exported for the tests, which compare the two. */
export async function* unzstdInJavaScript(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let blocks: Uint8Array[] = [];
  const frames = new ZstdFrames();
  const decoder = new Decompress((block) => blocks.push(block));
  let offset = 0;
  for await (const piece of input) {
    let start = 0;
    // Block by block: a few bytes can be a hundred kilobytes of zeros, and all of a piece at once would fill the memory.
    for (const end of [...frames.update(piece), piece.length]) {
      if (end === start) continue;
      push(decoder, piece.subarray(start, end), false, offset + start);
      start = end;
      yield* blocks;
      blocks = [];
    }
    offset += piece.length;
  }
  frames.finish();
  finish(decoder, offset);
  yield* blocks;
}

async function* unzstdNatively(
  input: AsyncIterable<Uint8Array>,
  decoder: NativeZstd,
): AsyncGenerator<Uint8Array, void, undefined> {
  const frames = new ZstdFrames();
  yield* throughNative(tap(input, frames), decoder.stream(), zstd);
  frames.finish();
}

export function unzstdBytesInJavaScript(compressed: Uint8Array, limit: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  let total = 0;
  const decoder = new Decompress((piece) => {
    pieces.push(piece);
    total += piece.length;
    if (total > limit) throw largerThanRecorded(limit);
  });
  push(decoder, compressed, false, 0);
  finish(decoder, compressed.length);
  return concat(pieces, total);
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

function finish(decoder: Decompress, fed: number): void {
  if (fed === 0) throw truncatedData('zstd', 0);
  push(decoder, new Uint8Array(0), true, fed);
}

interface NativeZstd {
  stream(): NativeStream;
  bytes(compressed: Uint8Array, limit: number): { buffer: Uint8Array; engine: { bytesWritten: number } };
}

const native: NativeZstd | undefined = findNative();

function findNative(): NativeZstd | undefined {
  const { createZstdDecompress, zstdDecompressSync } = zlib as unknown as {
    createZstdDecompress?: (options: object) => NativeStream;
    zstdDecompressSync?: (bytes: Uint8Array, options: object) => ReturnType<NativeZstd['bytes']>;
  };
  if (!createZstdDecompress || !zstdDecompressSync) return undefined;
  return {
    stream: () => createZstdDecompress({ chunkSize: pieceBytes }),
    bytes: (compressed, limit) => zstdDecompressSync(compressed, { maxOutputLength: limit, info: true }),
  };
}
