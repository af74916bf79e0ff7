/** The checksums inside compressed files: against accidents, not against people. */

import * as zlib from 'node:zlib';

/** CRC-32 (IEEE), as a running value that starts at 0. Node's own where it has it (20.15 and later). */
export const crc32: (bytes: Uint8Array, value?: number) => number =
  typeof zlib.crc32 === 'function' ? (bytes, value = 0) => zlib.crc32(bytes, value) : crc32InJavaScript;

/** Exported for the tests, which compare the two. */
export function crc32InJavaScript(bytes: Uint8Array, value = 0): number {
  let crc = ~value;
  for (let index = 0; index < bytes.length; index++) {
    crc = (crc >>> 8) ^ (CRC32_TABLE[(crc ^ (bytes[index] as number)) & 0xff] as number);
  }
  return ~crc >>> 0;
}

/** Adler-32, as a running value that starts at 1. */
export function adler32(bytes: Uint8Array, value = 1): number {
  let low = value & 0xffff;
  let high = value >>> 16;
  for (let start = 0; start < bytes.length; ) {
    // So many sums of bytes stay below 2^32.
    const end = Math.min(start + 5_552, bytes.length);
    for (; start < end; start++) {
      low += bytes[start] as number;
      high += low;
    }
    low %= 65_521;
    high %= 65_521;
  }
  return ((high << 16) | low) >>> 0;
}

/** CRC-64 (ECMA-182, reflected), in two halves of 32 bits. */
export class Crc64 {
  #low = 0xffffffff | 0;
  #high = 0xffffffff | 0;

  update(bytes: Uint8Array): void {
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < bytes.length; index++) {
      const entry = (low ^ (bytes[index] as number)) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ (CRC64_LOW[entry] as number);
      high = (high >>> 8) ^ (CRC64_HIGH[entry] as number);
    }
    this.#low = low;
    this.#high = high;
  }

  /** Eight bytes, low ones first, as .xz stores them. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, ~this.#low, true);
    view.setInt32(4, ~this.#high, true);
    return bytes;
  }
}

const CRC32_TABLE = new Int32Array(256);
const CRC64_LOW = new Int32Array(256);
const CRC64_HIGH = new Int32Array(256);
for (let index = 0; index < 256; index++) {
  let crc = index;
  let low = index;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    const isOdd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (isOdd) {
      low ^= 0xd7870f42;
      high ^= 0xc96c5795;
    }
  }
  CRC32_TABLE[index] = crc;
  CRC64_LOW[index] = low;
  CRC64_HIGH[index] = high;
}
