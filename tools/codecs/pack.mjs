// Writes a WebAssembly module as a TypeScript file, so that it goes into the bundles like any other source.
import { readFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';

const packed = brotliCompressSync(readFileSync(process.argv[2])).toString('base64');
process.stdout.write(`// Made by tools/codecs/build.sh; do not edit. The decoders of zstd, lz4 and zlib as WebAssembly.

/** Brotli, in base64. */
export const packedModule =
  '${packed}';
`);
