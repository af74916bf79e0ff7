/** As `native.ts`, by the browser's DecompressionStream: it checks the checksums, and tells little of what is wrong. */

import type { WebFormat } from '../web/zlib.ts';
import { damagedData, truncatedData } from './failures.ts';
import type { NativeFormat } from './native.ts';

export type { NativeFormat } from './native.ts';

export type NativeStream = WebFormat;

/** @throws RestoreError `damaged` or `truncated`; what the input throws passes through unchanged */
export async function* throughNative(
  input: AsyncIterable<Uint8Array>,
  webFormat: WebFormat,
  { name }: NativeFormat,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { readable, writable } = new DecompressionStream(webFormat);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  let fed = 0;
  let isAllFed = false;
  let inputFailure: { error: unknown } | undefined;
  const feeding = (async () => {
    const pieces = input[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await pieces.next().catch((error: unknown) => {
          inputFailure = { error };
          throw error;
        });
        if (next.done) break;
        fed += next.value.length;
        await writer.write(Uint8Array.from(next.value));
      }
      isAllFed = true;
      await writer.close();
    } catch (error) {
      // What the decompressor has against the data comes out of the reader, too.
      await writer.abort(error).catch(() => undefined);
      await pieces.return?.();
    }
  })();
  let isDone = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        if (inputFailure) throw inputFailure.error;
        throw isAllFed ? truncatedData(name, fed) : damagedData(`the ${name} data is damaged`, fed);
      });
      if (done) break;
      yield value as Uint8Array;
    }
    isDone = true;
  } finally {
    if (!isDone) await reader.cancel().catch(() => undefined);
    await feeding;
  }
}

export function inMemory(): never {
  throw new Error('archives of many objects are not read in a browser');
}

export function nativeFailure(error: unknown): unknown {
  return error;
}
