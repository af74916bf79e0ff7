/**
 * Stands in for `node:zlib` where there is no Node. Streams are the browser's own; what `compress/native.web.ts` is given
 * is their name. What is small and wanted at once is done by the library fflate.
 */

import { deflateSync, Inflate, Unzlib } from 'fflate';
import { concat } from '../bytes.ts';
import { fail } from '../failure.ts';

export const constants = {
  Z_NO_FLUSH: 0,
  Z_SYNC_FLUSH: 2,
  Z_FINISH: 4,
  BROTLI_OPERATION_PROCESS: 0,
  BROTLI_OPERATION_FINISH: 2,
};

/** A format of DecompressionStream. */
export type WebFormat = 'gzip' | 'deflate' | 'deflate-raw';

export const createGunzip = (): WebFormat => 'gzip';
export const createInflate = (): WebFormat => 'deflate';
export const createInflateRaw = (): WebFormat => 'deflate-raw';

/** `compress/checksums.ts` has its own where there is none. */
export const crc32 = undefined;

/** What archives of many objects need; single files do not. */
export const gunzipSync = onDesktopOnly;
export const brotliDecompressSync = onDesktopOnly;
export const createBrotliDecompress = onDesktopOnly;

export function deflateRawSync(bytes: Uint8Array, { level }: { level: 1 }): Uint8Array {
  return deflateSync(bytes, { level });
}

/** What can be had of data that may be cut off: as Node's with `finishFlush: Z_SYNC_FLUSH`, to look at a beginning. */
export function inflateRawSync(bytes: Uint8Array): Uint8Array {
  return beginning(new Inflate(), bytes);
}

export function inflateSync(bytes: Uint8Array): Uint8Array {
  return beginning(new Unzlib(), bytes);
}

function beginning(stream: Inflate | Unzlib, bytes: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  stream.ondata = (piece) => pieces.push(piece);
  stream.push(bytes, false);
  return concat(pieces);
}

function onDesktopOnly(): never {
  fail('unsupported', 'decompress', 'this kind of compression is not read in a browser', {
    hint: 'Open the folder in VS Code on a desktop, or use the command `restorable`.',
  });
}
