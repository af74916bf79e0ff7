/**
 * Brotli (RFC 7932), through Node's own decoder. The format has no signature and no checksum; it knows its end, which
 * WAL-G's reader does not ask for and we do.
 */

import { brotliDecompressSync, constants, createBrotliDecompress } from 'node:zlib';
import type { Decoder } from './decoder.ts';
import { inMemory, type NativeFormat, type NativeStream, throughNative } from './native.ts';
import { openNodeDecoder } from './nodeDecoder.ts';

const pieceBytes = 256 * 1024;

/**
 * @throws RestoreError `damaged` (what does not decode, or bytes after the end), `truncated`; offsets count compressed
 *   bytes and are those of the piece that could not be read
 */
export function unbrotli(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return throughNative(input, createBrotliDecompress({ chunkSize: pieceBytes }), brotli);
}

/** As `unbrotli`, for bytes in memory; a result of more than `limit` bytes is `damaged`: it is not what was recorded. */
export function unbrotliBytes(compressed: Uint8Array, limit: number): Uint8Array {
  return inMemory(
    compressed,
    limit,
    brotli,
    () =>
      brotliDecompressSync(compressed, { info: true, maxOutputLength: Math.max(limit, 1) } as object) as unknown as {
        buffer: Uint8Array;
        engine: { bytesWritten: number };
      },
  );
}

/** Step by step on this thread; undefined where Node does not offer that. Throws as `unbrotli`. */
export function openUnbrotli(): Decoder | undefined {
  return openNodeDecoder(createBrotliDecompress() as NativeStream, brotli, flush);
}

const flush = { none: constants.BROTLI_OPERATION_PROCESS, finish: constants.BROTLI_OPERATION_FINISH };
const brotli: NativeFormat = { name: 'brotli', shortInput: 'Z_BUF_ERROR' };
