/** CRC-32C (Castagnoli), eight bytes at a step: WAL has a checksum for every record, and most are short. */

/** Before the first byte. */
export const crc32cStart = 0xffffffff | 0;

/** @param state of what came before; `crc32cStart` at the beginning */
export function crc32cAdd(state: number, bytes: Uint8Array, from: number, end: number): number {
  let crc = state;
  let at = from;
  for (const stop = end - 7; at < stop; at += 8) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (TABLES[0x700 + (crc & 0xff)] as number) ^
      (TABLES[0x600 + ((crc >>> 8) & 0xff)] as number) ^
      (TABLES[0x500 + ((crc >>> 16) & 0xff)] as number) ^
      (TABLES[0x400 + (crc >>> 24)] as number) ^
      (TABLES[0x300 + (bytes[at + 4] as number)] as number) ^
      (TABLES[0x200 + (bytes[at + 5] as number)] as number) ^
      (TABLES[0x100 + (bytes[at + 6] as number)] as number) ^
      (TABLES[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (TABLES[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return crc;
}

/** The checksum of everything that was added. */
export function crc32cEnd(state: number): number {
  return ~state >>> 0;
}

/** At 256 n + b: what the byte b does to the checksum when n bytes of zeros follow it. */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] as number;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}
