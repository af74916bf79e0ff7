/**
 * bzip2, decoded here: the packages that exist decode whole files only or leave the checksums unchecked, and the reference
 * decoder as WebAssembly is slower (tools/codecs).
 *
 * Format: bzip2 1.0 (`BZh`, blocks of up to 900,000 bytes, each with its CRC-32, then the combined CRC).
 */

import { type BlockDecoder, BlockwiseDecoder } from './blockwise.ts';
import { type Decoder, decodeInMemory, throughDecoder } from './decoder.ts';
import { damagedData, truncatedData } from './failures.ts';

/**
 * @throws RestoreError `damaged` (no bzip2, a block that does not decode, a wrong CRC, bytes after the end),
 *   `truncated`; offsets count compressed bytes and are those of the block
 */
export function bunzip2(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return throughDecoder(input, openBunzip2());
}

/** As `bunzip2`, for bytes in memory; a result of more than `limit` bytes is `damaged`: it is not what was recorded. */
export function bunzip2Bytes(compressed: Uint8Array, limit: number): Uint8Array {
  const decoder = openBunzip2();
  try {
    return decodeInMemory(compressed, decoder, limit);
  } finally {
    decoder.close();
  }
}

/** Throws as `bunzip2`. */
export function openBunzip2(): Decoder {
  return new BlockwiseDecoder(() => new Bzip2Decoder());
}

const headerBytes = 4;
/** No compressed block is longer: 900,000 incompressible bytes, tables and selectors stay below. */
const windowBytes = 1_200_000;
const outputBytes = 256 * 1024;
const longestCode = 20;
const groupSymbols = 50;

class Bzip2Decoder implements BlockDecoder {
  readonly name = 'bzip2';
  isDone = false;
  #blockBytes = 0;
  /** Bits of the window's first byte that belong to what was read already. */
  #usedBits = 0;
  #combinedCrc = 0;
  #links = new Uint32Array(0);
  #draining: Draining | undefined;

  step(window: Uint8Array, isEnd: boolean, offset: number): { consumed: number; output?: Uint8Array } {
    if (this.#draining) return { consumed: 0, output: this.#drain(this.#draining) };
    if (this.#blockBytes === 0) return this.#header(window, isEnd, offset);
    if (!isEnd && window.length < windowBytes) return { consumed: 0 };
    const bits = new BitReader(window, this.#usedBits);
    try {
      const magic = bits.read(24) * 2 ** 24 + bits.read(24);
      const crc = bits.read(16) * 2 ** 16 + bits.read(16);
      if (magic === 0x314159265359) this.#draining = this.#block(bits, crc, offset);
      else if (magic === 0x177245385090) this.#end(bits, crc, offset);
      else throw damagedData('a bzip2 block does not start with its mark', offset);
    } catch (error) {
      if (error !== outOfBits) throw error;
      throw truncatedData(this.name, offset + window.length);
    }
    const consumed = this.isDone ? Math.ceil(bits.position / 8) : Math.floor(bits.position / 8);
    this.#usedBits = bits.position - consumed * 8;
    return { consumed };
  }

  #header(window: Uint8Array, isEnd: boolean, offset: number): { consumed: number } {
    const available = Math.min(window.length, 3);
    for (let index = 0; index < available; index++) {
      if (window[index] !== 'BZh'.charCodeAt(index)) throw damagedData('it does not start as bzip2 data', offset);
    }
    if (window.length < headerBytes) {
      if (isEnd) throw truncatedData(this.name, offset + window.length);
      return { consumed: 0 };
    }
    const level = (window[3] as number) - 0x30;
    if (level < 1 || level > 9) throw damagedData('it does not start as bzip2 data', offset);
    this.#blockBytes = level * 100_000;
    this.#links = new Uint32Array(this.#blockBytes);
    return { consumed: headerBytes };
  }

  /** Reads a block up to its Burrows-Wheeler transform; the bytes are taken out by `#drain`. */
  #block(bits: BitReader, crc: number, offset: number): Draining {
    const damaged = (message: string): never => {
      throw damagedData(message, offset);
    };
    if (bits.read(1) !== 0) damaged('the bzip2 block is of the randomised kind that nothing has written since 1999');
    const origin = bits.read(24);

    const alphabet = readAlphabet(bits);
    if (alphabet.length === 0) damaged('a bzip2 block uses no symbol');
    const symbols = alphabet.length + 2;

    const tableCount = bits.read(3);
    const selectorCount = bits.read(15);
    if (tableCount < 2 || tableCount > 6 || selectorCount === 0) damaged('the tables of a bzip2 block are not valid');
    const selectors = new Uint8Array(selectorCount);
    const order = [0, 1, 2, 3, 4, 5];
    for (let index = 0; index < selectorCount; index++) {
      let at = 0;
      while (bits.read(1) === 1) if (++at >= tableCount) damaged('a selector of a bzip2 block is not valid');
      const [table = 0] = order.splice(at, 1);
      order.unshift(table);
      selectors[index] = table;
    }
    const tables: CodeTable[] = [];
    for (let index = 0; index < tableCount; index++) {
      const table = readTable(bits, symbols);
      if (table === undefined) return damaged('a code table of a bzip2 block is not valid');
      tables.push(table);
    }

    const links = this.#links;
    const counts = new Uint32Array(256);
    const recent = alphabet;
    const endOfBlock = symbols - 1;
    let filled = 0;
    let run = 0;
    let runWeight = 1;
    let selector = -1;
    let left = 0;
    let table = tables[0] as CodeTable;
    for (;;) {
      if (left === 0) {
        if (++selector >= selectorCount) damaged('a bzip2 block has too few selectors');
        table = tables[selectors[selector] as number] as CodeTable;
        left = groupSymbols;
      }
      left--;
      const symbol = table.decode(bits);
      if (symbol < 0) damaged('a code of a bzip2 block is not valid');
      if (symbol < 2) {
        run += runWeight << symbol;
        runWeight <<= 1;
        if (run > this.#blockBytes) damaged('a bzip2 block is longer than its header allows');
        continue;
      }
      if (run > 0) {
        const byte = recent[0] as number;
        if (filled + run > this.#blockBytes) damaged('a bzip2 block is longer than its header allows');
        counts[byte] = (counts[byte] as number) + run;
        links.fill(byte, filled, filled + run);
        filled += run;
        run = 0;
        runWeight = 1;
      }
      if (symbol === endOfBlock) break;
      if (filled >= this.#blockBytes) damaged('a bzip2 block is longer than its header allows');
      const at = symbol - 1;
      const byte = recent[at] as number;
      recent.copyWithin(1, 0, at);
      recent[0] = byte;
      counts[byte] = (counts[byte] as number) + 1;
      links[filled++] = byte;
    }
    if (origin >= filled) damaged('the origin of a bzip2 block lies outside of it');

    const starts = new Uint32Array(256);
    for (let byte = 1; byte < 256; byte++) {
      starts[byte] = (starts[byte - 1] as number) + (counts[byte - 1] as number);
    }
    for (let index = 0; index < filled; index++) {
      const byte = (links[index] as number) & 0xff;
      const at = starts[byte] as number;
      starts[byte] = at + 1;
      links[at] = (links[at] as number) | (index << 8);
    }
    return {
      expectedCrc: crc,
      crc: 0xffffffff,
      next: (links[origin] as number) >>> 8,
      left: filled,
      previous: -1,
      same: 0,
      repeat: 0,
      offset,
    };
  }

  /** Follows the links of the transform and undoes the first run-length coding, a piece at a time. */
  #drain(block: Draining): Uint8Array {
    const output = new Uint8Array(outputBytes);
    const links = this.#links;
    let { crc, next, left, previous, same, repeat } = block;
    let filled = 0;
    while (filled < outputBytes) {
      if (repeat > 0) {
        repeat--;
      } else {
        if (left === 0) break;
        left--;
        const link = links[next] as number;
        const byte = link & 0xff;
        next = link >>> 8;
        if (same === 4) {
          same = 0;
          repeat = byte;
          continue;
        }
        same = byte === previous ? same + 1 : 1;
        previous = byte;
      }
      output[filled++] = previous;
      crc = (crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ previous] as number);
    }
    Object.assign(block, { crc, next, left, previous, same, repeat });
    if (left === 0 && repeat === 0) {
      const found = ~crc >>> 0;
      if (found !== block.expectedCrc) throw damagedData('the CRC of a bzip2 block does not match', block.offset);
      this.#combinedCrc = (((this.#combinedCrc << 1) | (this.#combinedCrc >>> 31)) ^ found) >>> 0;
      this.#draining = undefined;
    }
    return output.subarray(0, filled);
  }

  #end(bits: BitReader, crc: number, offset: number): void {
    if (crc !== this.#combinedCrc) throw damagedData('the CRC of the bzip2 data does not match', offset);
    const padding = (8 - (bits.position % 8)) % 8;
    if (padding > 0 && bits.read(padding) !== 0) throw damagedData('the bzip2 data does not end as it should', offset);
    this.isDone = true;
  }
}

/** A block whose bytes are being taken out. */
interface Draining {
  expectedCrc: number;
  crc: number;
  next: number;
  left: number;
  previous: number;
  /** How often the last byte stood in a row; after four comes a repeat count. */
  same: number;
  repeat: number;
  offset: number;
}

function readAlphabet(bits: BitReader): Uint8Array {
  const rows = bits.read(16);
  const alphabet: number[] = [];
  for (let row = 0; row < 16; row++) {
    if (((rows >>> (15 - row)) & 1) === 0) continue;
    const columns = bits.read(16);
    for (let column = 0; column < 16; column++) {
      if ((columns >>> (15 - column)) & 1) alphabet.push(row * 16 + column);
    }
  }
  return Uint8Array.from(alphabet);
}

function readTable(bits: BitReader, symbols: number): CodeTable | undefined {
  const lengths = new Uint8Array(symbols);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (;;) {
      if (length < 1 || length > longestCode) return undefined;
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return new CodeTable(lengths);
}

const quickBits = 10;

/** A canonical prefix code; codes of up to 10 bits are found in one step. */
class CodeTable {
  /** length in the low 5 bits, symbol above; 0 where the code is longer. */
  readonly #quick = new Uint16Array(1 << quickBits);
  readonly #limit = new Int32Array(longestCode + 2).fill(-1);
  readonly #base = new Int32Array(longestCode + 2);
  readonly #symbols: Uint16Array;

  constructor(lengths: Uint8Array) {
    this.#symbols = new Uint16Array(lengths.length);
    let filled = 0;
    let code = 0;
    for (let length = 1; length <= longestCode; length++) {
      this.#base[length] = filled - code;
      for (let symbol = 0; symbol < lengths.length; symbol++) {
        if (lengths[symbol] !== length) continue;
        this.#symbols[filled++] = symbol;
        if (length <= quickBits) {
          const start = code << (quickBits - length);
          const end = (code + 1) << (quickBits - length);
          this.#quick.fill((symbol << 5) | length, start, Math.min(end, 1 << quickBits));
        }
        code++;
      }
      this.#limit[length] = code - 1;
      code <<= 1;
    }
  }

  /** The next symbol, or -1 when no code fits. */
  decode(bits: BitReader): number {
    const quick = this.#quick[bits.peek(quickBits)] as number;
    if (quick !== 0) {
      bits.skip(quick & 31);
      return quick >>> 5;
    }
    let code = 0;
    for (let length = 1; length <= longestCode; length++) {
      code = (code << 1) | bits.read(1);
      if (code <= (this.#limit[length] as number)) return this.#symbols[code + (this.#base[length] as number)] ?? -1;
    }
    return -1;
  }
}

const outOfBits = Symbol('out of bits');

class BitReader {
  /** In bits, from the window's start. */
  position: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
    this.#end = bytes.length * 8;
  }

  /** Up to 24 bits; zeros follow the end. */
  peek(count: number): number {
    const at = this.position >>> 3;
    const bytes = this.#bytes;
    const word =
      ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    return (word << (this.position & 7)) >>> (32 - count);
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.#end) throw outOfBits;
  }

  /** 1 to 24 bits. */
  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }
}

/** CRC-32 with the highest bit first, polynomial 04c11db7. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});
