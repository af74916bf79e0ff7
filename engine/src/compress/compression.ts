/** The compressions that pgBackRest, WAL-G and people with shells write, behind one shape: a stage that gives the contents back. */

import { openUnbrotli, unbrotli, unbrotliBytes } from './brotli.ts';
import { bunzip2, bunzip2Bytes, openBunzip2 } from './bzip2.ts';
import { type Decoder, PlainDecoder } from './decoder.ts';
import { largerThanRecorded } from './failures.ts';
import { gunzip, gunzipBytes, inflateZlib, inflateZlibBytes, openGunzip, openInflateZlib } from './gzip.ts';
import { openUnlz4, unlz4, unlz4Bytes } from './lz4.ts';
import { unlzma, unlzmaBytes } from './lzma.ts';
import { unlzo, unlzoBytes } from './lzo.ts';
import { unxz, unxzBytes } from './xz.ts';
import { openUnzstd, unzstd, unzstdBytes } from './zstd.ts';

export type Compression = 'none' | 'gz' | 'lz4' | 'zst' | 'bz2' | 'xz' | 'lzma' | 'br' | 'lzo';

/** Extension of a compressed object's name. */
export const COMPRESSION_EXTENSION = {
  none: '',
  gz: '.gz',
  lz4: '.lz4',
  zst: '.zst',
  bz2: '.bz2',
  xz: '.xz',
  lzma: '.lzma',
  br: '.br',
  lzo: '.lzo',
} satisfies Record<Compression, string>;

export interface CompressionForm {
  /** pgBackRest's raw form: a zlib stream instead of gzip; the same for the others (lz4 without content checksum). */
  isRaw?: boolean;
}

/**
 * Decompresses to the end mark of the format and demands that nothing follows it but what the format's own tool takes
 * for more of the same file: further members of gzip and lzop, frames of zstd, streams of xz.
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
    case 'xz':
      return unxz(input);
    case 'lzma':
      return unlzma(input);
    case 'br':
      return unbrotli(input);
    case 'lzo':
      return unlzo(input);
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
    case 'xz':
      return unxzBytes(compressed, limit);
    case 'lzma':
      return unlzmaBytes(compressed, limit);
    case 'br':
      return unbrotliBytes(compressed, limit);
    case 'lzo':
      return unlzoBytes(compressed, limit);
  }
}

/**
 * As `decompress`, step by step and without waiting, for one input after the other. undefined where there is no such
 * decoder.
 */
export function openDecoder(compression: Compression, { isRaw = false }: CompressionForm = {}): Decoder | undefined {
  switch (compression) {
    case 'none':
      return new PlainDecoder();
    case 'gz':
      return isRaw ? openInflateZlib() : openGunzip();
    case 'lz4':
      return openUnlz4();
    case 'zst':
      return openUnzstd();
    case 'bz2':
      return openBunzip2();
    case 'br':
      return openUnbrotli();
    default:
      return undefined;
  }
}

/** The names of pgBackRest's option `compress-type`. */
export function isPgbackrestCompression(name: string): name is 'none' | 'gz' | 'lz4' | 'zst' | 'bz2' {
  return ['none', 'gz', 'lz4', 'zst', 'bz2'].includes(name);
}
