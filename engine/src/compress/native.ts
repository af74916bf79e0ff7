/** Runs a decompressor of `node:zlib` as a stage: back-pressure, errors and closing in both directions. */

import type { Transform } from 'node:stream';
import { damagedData, largerThanRecorded, truncatedData } from './failures.ts';

export interface NativeFormat {
  /** As people call the format. */
  name: string;
  /** The error code that means "the input ended too early". */
  shortInput: string;
}

/** What `node:zlib` makes: a transform that counts the bytes it has taken in. */
export type NativeStream = Transform & { readonly bytesWritten: number };

/** @throws RestoreError `damaged` or `truncated`; what the input throws passes through unchanged */
export async function* throughNative(
  input: AsyncIterable<Uint8Array>,
  stream: NativeStream,
  format: NativeFormat,
): AsyncGenerator<Uint8Array, void, undefined> {
  let fed = 0;
  let inputFailure: { error: unknown } | undefined;
  const feeding = (async () => {
    try {
      for await (const piece of input) {
        if (stream.destroyed) return;
        fed += piece.length;
        if (!stream.write(piece)) await drained(stream);
      }
      stream.end();
    } catch (error) {
      inputFailure = { error };
      stream.destroy(new Error('the input failed'));
    }
  })();
  try {
    try {
      for await (const piece of stream as AsyncIterable<Uint8Array>) yield piece;
    } catch (error) {
      throw inputFailure ? inputFailure.error : nativeFailure(error, stream.bytesWritten, fed, format);
    }
    throwIfUnfinished(stream.bytesWritten, fed, format);
  } finally {
    stream.destroy();
    await feeding;
  }
}

/**
 * Runs a decompressor of `node:zlib` on bytes in memory.
 *
 * @param limit bytes; `decompress` throws ERR_BUFFER_TOO_LARGE past it
 */
export function inMemory(
  compressed: Uint8Array,
  limit: number,
  format: NativeFormat,
  decompress: () => { buffer: Uint8Array; engine: { bytesWritten: number } },
): Uint8Array {
  try {
    const { buffer, engine } = decompress();
    throwIfUnfinished(engine.bytesWritten, compressed.length, format);
    return buffer;
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw largerThanRecorded(limit);
    throw nativeFailure(error, 0, compressed.length, format);
  }
}

function throwIfUnfinished(taken: number, fed: number, format: NativeFormat): void {
  if (fed === 0) throw truncatedData(format.name, 0);
  if (taken < fed) throw damagedData(`bytes follow the end of the ${format.name} data`, taken);
}

/** What an error of `node:zlib` says of the data; any other error as it is. */
export function nativeFailure(error: unknown, taken: number, fed: number, format: NativeFormat): unknown {
  const code = codeOf(error);
  if (code === format.shortInput) return truncatedData(format.name, fed);
  // Brotli's are named ERR__ERROR_FORMAT_…, in newer versions of Node ERR_BROTLI_….
  if (/^(Z|ZSTD)_|^ERR_(BROTLI_)?\w*ERROR_/.test(code)) return damagedData(`the ${format.name} data is damaged`, taken);
  return error;
}

function codeOf(error: unknown): string {
  const isCoded = typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string';
  return isCoded ? String(error.code) : '';
}

function drained(stream: Transform): Promise<void> {
  if (stream.destroyed || !stream.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}
