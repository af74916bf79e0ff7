/** gzip and zlib streams, through Node's own zlib: native, off this thread. */

import { constants, createGunzip, createInflate, gunzipSync, inflateSync } from 'node:zlib';
import { openCodec } from './codecs.ts';
import type { Decoder } from './decoder.ts';
import { inMemory, type NativeFormat, throughNative } from './native.ts';
import { openNodeDecoder } from './nodeDecoder.ts';

const pieceBytes = 256 * 1024;

/**
 * The contents of a gzip file; several members in a row are one file, as for `gzip -d`.
 *
 * @throws RestoreError `damaged` (no gzip, wrong CRC, or bytes after the end), `truncated`; offsets count compressed
 *   bytes and are those of the piece that could not be read
 */
export function gunzip(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return throughNative(input, createGunzip({ chunkSize: pieceBytes }), gzip);
}

/** The contents of a zlib stream (RFC 1950), which is pgBackRest's raw form of gz. Throws as `gunzip`. */
export function inflateZlib(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return throughNative(input, createInflate({ chunkSize: pieceBytes }), zlib);
}

/** As `gunzip`, for bytes in memory; a result of more than `limit` bytes is `damaged`: it is not what was recorded. */
export function gunzipBytes(compressed: Uint8Array, limit: number): Uint8Array {
  return inMemory(compressed, limit, gzip, () => gunzipSync(compressed, options(limit)) as unknown as Detailed);
}

/** As `inflateZlib`, for bytes in memory, with a limit as `gunzipBytes`. */
export function inflateZlibBytes(compressed: Uint8Array, limit: number): Uint8Array {
  return inMemory(compressed, limit, zlib, () => inflateSync(compressed, options(limit)) as unknown as Detailed);
}

/** undefined where neither Node's zlib nor WebAssembly can be had step by step. Throws as `gunzip`. */
export function openGunzip(): Decoder | undefined {
  return openNodeDecoder(createGunzip(), gzip, flush) ?? openCodec('gzip');
}

/** As `openGunzip`, for zlib streams. */
export function openInflateZlib(): Decoder | undefined {
  return openNodeDecoder(createInflate(), zlib, flush) ?? openCodec('zlib');
}

const flush = { none: constants.Z_NO_FLUSH, finish: constants.Z_FINISH };
const gzip: NativeFormat = { name: 'gzip', shortInput: 'Z_BUF_ERROR' };
const zlib: NativeFormat = { name: 'zlib', shortInput: 'Z_BUF_ERROR' };

/** What Node returns for `info: true`. */
interface Detailed {
  buffer: Uint8Array;
  engine: { bytesWritten: number };
}

function options(limit: number): object {
  return {
    info: true,
    maxOutputLength: Math.max(limit, 1),
    chunkSize: Math.min(Math.max(limit + 64, 1024), pieceBytes),
  };
}
