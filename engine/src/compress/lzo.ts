/**
 * .lzo files as lzop writes them, and WAL-G reads them from archives of WAL-E. Decoded here: the packages that exist
 * take whole files in memory and leave the checksums unchecked.
 *
 * Format: lzop 1.0x: magic, a header with its own checksum, then blocks of up to 64 MiB with the lengths and checksums
 * of what is stored and of what comes out, closed by a length of 0. Inside of a block: LZO1X, whichever level wrote it.
 */

import { startsWith } from '../bytes.ts';
import { fail } from '../failure.ts';
import { type BlockDecoder, decodeBlocks, decodeBlocksInMemory } from './blockwise.ts';
import { adler32, crc32 } from './checksums.ts';
import { damagedData, truncatedData } from './failures.ts';

/**
 * The contents of an .lzo file; several members in a row are one file, as for `lzop -dc`.
 *
 * @throws RestoreError `damaged` (no lzop file, a wrong checksum, a block that does not decode, bytes after the end),
 *   `truncated`, `unsupported` for filters and methods that are not known; offsets count compressed bytes
 */
export function unlzo(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return decodeBlocks(input, new LzopDecoder());
}

export function unlzoBytes(compressed: Uint8Array, limit: number): Uint8Array {
  return decodeBlocksInMemory(compressed, new LzopDecoder(), limit);
}

const magic = [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a];
/** lzop's own limit. It writes 256 KiB. */
const largestBlock = 64 * 1024 * 1024;

/** Bits of the flags in the header. */
const plainAdler = 0x1;
const storedAdler = 0x2;
const hasExtraField = 0x40;
const plainCrc = 0x100;
const storedCrc = 0x200;
const isMultipart = 0x400;
const hasFilter = 0x800;
const headerCrc = 0x1000;

type Step = { consumed: number; output?: Uint8Array };
const needsMore: Step = { consumed: 0 };

class LzopDecoder implements BlockDecoder {
  readonly name = 'lzop';
  isDone = false;
  #flags: number | undefined;
  #hasMember = false;

  step(window: Uint8Array, isEnd: boolean, offset: number): Step {
    if (this.#hasMember && this.#flags === undefined && window.length === 0) {
      this.isDone = isEnd;
      return needsMore;
    }
    const stepped = this.#flags === undefined ? this.#header(window, offset) : this.#block(window, this.#flags, offset);
    if (isEnd && stepped === needsMore) throw truncatedData(this.name, offset + window.length);
    return stepped;
  }

  #header(window: Uint8Array, offset: number): Step {
    const available = Math.min(window.length, magic.length);
    if (!startsWith(window, magic.slice(0, available)))
      throw damagedData(
        this.#hasMember ? 'bytes follow the end of the lzop data' : 'it does not start as lzop data',
        offset,
      );
    const fields = new Fields(window, magic.length);
    const version = fields.take(2);
    fields.take(2); // of the library
    if (version >= 0x940) fields.take(2); // that is needed to read it
    const method = fields.take(1);
    if (version >= 0x940) fields.take(1); // level
    const flags = fields.take(4);
    if (flags & hasFilter) fields.take(4);
    fields.take(4); // mode
    fields.take(4); // time
    if (version >= 0x940) fields.take(4);
    fields.take(fields.take(1)); // name
    const end = fields.at;
    const recorded = fields.take(4);
    if (flags & hasExtraField) fields.take(fields.take(4) + 4);
    if (!fields.isWhole) {
      if (fields.at > largestBlock) throw damagedData('the header of the lzop data is not valid', offset);
      return needsMore;
    }
    const header = window.subarray(magic.length, end);
    if (recorded !== (flags & headerCrc ? crc32(header) : adler32(header)))
      throw damagedData('the checksum of the lzop header does not match', offset);
    if (method < 1 || method > 3 || flags & (hasFilter | isMultipart)) {
      fail('unsupported', 'decompress', 'the lzop data uses a method, a filter or parts that are not known', {
        offset,
        hint: 'Decompress it with lzop first.',
      });
    }
    this.#flags = flags;
    this.#hasMember = true;
    return { consumed: fields.at };
  }

  #block(window: Uint8Array, flags: number, offset: number): Step {
    const fields = new Fields(window, 0);
    const plainBytes = fields.take(4);
    if (!fields.isWhole) return needsMore;
    if (plainBytes === 0) {
      this.#flags = undefined;
      return { consumed: 4 };
    }
    const storedBytes = fields.take(4);
    if (!fields.isWhole) return needsMore;
    if (plainBytes > largestBlock || storedBytes > plainBytes)
      throw damagedData('a block of the lzop data has a length that cannot be', offset);
    const isStored = storedBytes === plainBytes;
    const sums = {
      plainAdler: flags & plainAdler ? fields.take(4) : undefined,
      plainCrc: flags & plainCrc ? fields.take(4) : undefined,
      storedAdler: flags & storedAdler && !isStored ? fields.take(4) : undefined,
      storedCrc: flags & storedCrc && !isStored ? fields.take(4) : undefined,
    };
    const start = fields.at;
    if (!fields.isWhole || window.length < start + storedBytes) return needsMore;
    const stored = window.subarray(start, start + storedBytes);
    demandSums(stored, sums.storedAdler, sums.storedCrc, offset);
    const output = isStored ? Uint8Array.from(stored) : decodeLzo1x(stored, plainBytes);
    if (output === undefined) throw damagedData('a block of the lzop data does not decode', offset);
    demandSums(output, sums.plainAdler, sums.plainCrc, offset);
    return { consumed: start + storedBytes, output };
  }
}

function demandSums(bytes: Uint8Array, adler: number | undefined, crc: number | undefined, offset: number): void {
  const isRight = (adler === undefined || adler === adler32(bytes)) && (crc === undefined || crc === crc32(bytes));
  if (!isRight) throw damagedData('the checksum of a block of the lzop data does not match', offset);
}

/** Numbers with their high bytes first; past the end they are 0 and `isWhole` is false. */
class Fields {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** The number in so many bytes; more than four are passed over. */
  take(length: number): number {
    let value = 0;
    if (length <= 4)
      for (let index = 0; index < length; index++) value = value * 256 + (this.#bytes[this.at + index] ?? 0);
    this.at += length;
    return value;
  }

  get isWhole(): boolean {
    return this.at <= this.#bytes.length;
  }
}

/**
 * LZO1X: literals and matches by the first byte of each instruction; the two low bits of a match say how many literals
 * follow it. undefined: the block does not decode to exactly so many bytes.
 */
function decodeLzo1x(block: Uint8Array, plainBytes: number): Uint8Array | undefined {
  const out = new Uint8Array(plainBytes);
  const end = block.length;
  let from = 0;
  let to = 0;
  /** How many literals came last: 0 to 3 behind a match, 4 for a run of four or more. */
  let trailing = 0;
  const first = block[0];
  if (first === undefined) return undefined;
  if (first > 17) {
    from = 1;
    const count = first - 17;
    if (from + count > end || to + count > plainBytes) return undefined;
    for (let index = 0; index < count; index++) out[to++] = block[from++] as number;
    trailing = Math.min(count, 4);
  }
  while (from < end) {
    const code = block[from++] as number;
    let length: number;
    let distance: number;
    let literals: number;
    if (code < 16 && trailing === 0) {
      length = code + 3;
      if (code === 0) {
        length = 18;
        while (block[from] === 0) {
          length += 255;
          from++;
        }
        length += block[from++] ?? 0;
      }
      if (from + length > end || to + length > plainBytes) return undefined;
      out.set(block.subarray(from, from + length), to);
      from += length;
      to += length;
      trailing = 4;
      continue;
    }
    if (code < 16) {
      const high = block[from++] ?? 0;
      distance = (high << 2) + (code >> 2) + (trailing === 4 ? 2_049 : 1);
      length = trailing === 4 ? 3 : 2;
      literals = code & 3;
    } else if (code < 64) {
      const mask = code < 32 ? 7 : 31;
      length = (code & mask) + 2;
      if ((code & mask) === 0) {
        length += mask;
        while (block[from] === 0) {
          length += 255;
          from++;
        }
        length += block[from++] ?? 0;
      }
      const word = (block[from] ?? 0) | ((block[from + 1] ?? 0) << 8);
      from += 2;
      literals = word & 3;
      if (code < 32) {
        distance = ((code & 8) << 11) + (word >> 2);
        // The end mark: a match of the last kind that goes nowhere.
        if (distance === 0) return length === 3 && from === end && to === plainBytes ? out : undefined;
        distance += 16_384;
      } else {
        distance = (word >> 2) + 1;
      }
    } else {
      const high = block[from++] ?? 0;
      distance = (high << 3) + ((code >> 2) & 7) + 1;
      length = code < 128 ? 3 + ((code >> 5) & 1) : 5 + ((code >> 5) & 3);
      literals = code & 3;
    }
    if (from + literals > end || distance > to || to + length + literals > plainBytes) return undefined;
    for (let index = 0; index < length; index++, to++) out[to] = out[to - distance] as number;
    for (let index = 0; index < literals; index++) out[to++] = block[from++] as number;
    trailing = literals;
  }
  return undefined;
}
