/** The compressions that pgBackRest (and WAL-G) write, behind one shape: a stage that gives the contents back. */

import { bunzip2, bunzip2Bytes } from './bzip2.ts';
import { largerThanRecorded } from './failures.ts';
import { gunzip, gunzipBytes, inflateZlib, inflateZlibBytes } from './gzip.ts';
import { unlz4, unlz4Bytes } from './lz4.ts';
import { unzstd, unzstdBytes } from './zstd.ts';

export type Compression = 'none' | 'gz' | 'lz4' | 'zst' | 'bz2';

/** Extension of a compressed object's name. */
export const COMPRESSION_EXTENSION = {
  none: '',
  gz: '.gz',
  lz4: '.lz4',
  zst: '.zst',
  bz2: '.bz2',
} satisfies Record<Compression, string>;

export interface CompressionForm {
  /** pgBackRest's raw form: a zlib stream instead of gzip; the same for the others (lz4 without content checksum). */
  isRaw?: boolean;
}

/**
 * Decompresses exactly one member or frame and demands that nothing follows it.
 *
 * @throws RestoreError stage `decompress`: `damaged`, `truncated` or `unsupported`, with the offset in the compressed bytes
 */
export function decompress(
  input: AsyncIterable<Uint8Array>,
  compression: Compression,
  { isRaw = false }: CompressionForm = {},
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return input;
    case 'gz':
      return isRaw ? inflateZlib(input) : gunzip(input);
    case 'lz4':
      return unlz4(input);
    case 'zst':
      return unzstd(input);
    case 'bz2':
      return bunzip2(input);
  }
}

/**
 * As `decompress`, for bytes in memory: no waiting, for the many small files of a cluster.
 *
 * @param limit bytes; a larger result throws `damaged`, it is not what was recorded
 */
export function decompressBytes(
  compressed: Uint8Array,
  compression: Compression,
  { isRaw = false, limit }: CompressionForm & { limit: number },
): Uint8Array {
  switch (compression) {
    case 'none':
      if (compressed.length > limit) throw largerThanRecorded(limit);
      return compressed;
    case 'gz':
      return isRaw ? inflateZlibBytes(compressed, limit) : gunzipBytes(compressed, limit);
    case 'lz4':
      return unlz4Bytes(compressed, limit);
    case 'zst':
      return unzstdBytes(compressed, limit);
    case 'bz2':
      return bunzip2Bytes(compressed, limit);
  }
}

export function isCompression(name: string): name is Compression {
  return name in COMPRESSION_EXTENSION;
}
