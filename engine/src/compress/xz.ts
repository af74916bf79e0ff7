/**
 * .xz files, decoded here with all their checksums: the packages that exist leave some of the checks out, or what follows
 * the end.
 *
 * Format: the .xz file format 1.1: streams of blocks of LZMA2 chunks, each block with a check (CRC-32, CRC-64, SHA-256),
 * then an index that counts them, and a footer. Filters other than LZMA2 (for executables) are refused by name.
 */

import { createHash, type Hash } from 'node:crypto';
import { startsWith } from '../bytes.ts';
import { fail } from '../failure.ts';
import { type BlockDecoder, decodeBlocks, decodeBlocksInMemory } from './blockwise.ts';
import { Crc64, crc32 } from './checksums.ts';
import { damagedData, truncatedData } from './failures.ts';
import { demandDictionary, padded } from './lzma.ts';
import { LzmaDecoder, symbolBytes } from './lzmaDecoder.ts';

/**
 * The contents of an .xz file; several streams in a row are one file, as for `xz -d`, zero bytes by fours between and
 * after them.
 *
 * @throws RestoreError `damaged` (no xz, a wrong checksum or size, bytes after the end), `truncated`, `unsupported` for
 *   filters and checks that are not known; offsets count compressed bytes
 */
export function unxz(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return decodeBlocks(input, new XzDecoder());
}

export function unxzBytes(compressed: Uint8Array, limit: number): Uint8Array {
  return decodeBlocksInMemory(compressed, new XzDecoder(), limit);
}

const magic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const streamHeaderBytes = 12;
const footerBytes = 12;
const lzma2 = 0x21;
const FILTERS: Record<number, string> = {
  3: 'delta',
  4: 'x86',
  5: 'PowerPC',
  6: 'IA-64',
  7: 'ARM',
  8: 'ARM Thumb',
  9: 'SPARC',
  10: 'ARM64',
  11: 'RISC-V',
};

type Part = 'stream' | 'block' | 'chunks' | 'padding' | 'index' | 'footer' | 'between';

type Step = { consumed: number; output?: Uint8Array };
const needsMore: Step = { consumed: 0 };

class XzDecoder implements BlockDecoder {
  readonly name = 'xz';
  isDone = false;
  #part: Part = 'stream';
  #check: Check = CHECKS[0] as Check;
  #flags = 0;
  #block: Block | undefined;
  /** Of the blocks so far, to be compared with the index: it must list the same sizes in the same order. */
  #records = new Records();
  #index: Index | undefined;
  #decoder: LzmaDecoder | undefined;

  step(window: Uint8Array, isEnd: boolean, offset: number): Step {
    const stepped = this.#step(window, isEnd, offset);
    if (isEnd && !this.isDone && stepped.consumed === 0 && stepped.output === undefined)
      throw truncatedData(this.name, offset + window.length);
    return stepped;
  }

  #step(window: Uint8Array, isEnd: boolean, offset: number): Step {
    switch (this.#part) {
      case 'stream':
        return this.#streamHeader(window, offset);
      case 'block':
        return this.#blockHeader(window, offset);
      case 'chunks':
        return this.#chunk(window, isEnd, offset, this.#block as Block);
      case 'padding':
        return this.#blockEnd(window, offset, this.#block as Block);
      case 'index':
        return this.#readIndex(window, offset, this.#index as Index);
      case 'footer':
        return this.#footer(window, offset, this.#index as Index);
      case 'between':
        return this.#between(window, isEnd, offset);
    }
  }

  #streamHeader(window: Uint8Array, offset: number): Step {
    const available = Math.min(window.length, magic.length);
    if (!startsWith(window, magic.slice(0, available)))
      throw damagedData(offset === 0 ? 'it does not start as xz data' : 'bytes follow the end of the xz data', offset);
    if (window.length < streamHeaderBytes) return needsMore;
    if (u32(window, 8) !== crc32(window.subarray(6, 8)))
      throw damagedData('the checksum of the xz header does not match', offset);
    const flags = window[7] as number;
    const check = CHECKS[flags];
    if (window[6] !== 0 || flags > 15 || check === undefined) {
      fail('unsupported', 'decompress', 'the xz data uses a check that is not known', {
        offset: offset + 6,
        hint: 'It was written by a newer xz: decompress it with that first.',
      });
    }
    this.#flags = flags;
    this.#check = check;
    this.#records = new Records();
    this.#part = 'block';
    return { consumed: streamHeaderBytes };
  }

  #blockHeader(window: Uint8Array, offset: number): Step {
    if (window.length === 0) return needsMore;
    if (window[0] === 0) {
      this.#index = new Index();
      this.#part = 'index';
      return { consumed: 1 };
    }
    const length = ((window[0] as number) + 1) * 4;
    if (window.length < length) return needsMore;
    if (u32(window, length - 4) !== crc32(window.subarray(0, length - 4)))
      throw damagedData('the checksum of an xz block’s header does not match', offset);
    const fields = new Fields(window.subarray(0, length - 4), 2, offset);
    const flags = window[1] as number;
    if (flags & 0x3c) unknownFilter('of a kind that is not known', offset);
    const storedBytes = flags & 0x40 ? fields.number() : undefined;
    const plainBytes = flags & 0x80 ? fields.number() : undefined;
    for (let left = (flags & 3) + 1; left > 0; left--) {
      const id = fields.number();
      const properties = fields.bytes(fields.number());
      if (id !== lzma2) unknownFilter(FILTERS[id] ?? `with the number ${id}`, offset);
      const size = properties[0] ?? 255;
      if (left !== 1 || properties.length !== 1 || size > 40)
        throw damagedData('the filters of an xz block are not valid', offset);
      const dictionary = size === 40 ? 2 ** 32 - 1 : (2 | (size & 1)) * 2 ** (Math.floor(size / 2) + 11);
      demandDictionary(dictionary, this.name, offset);
      // Blocks of one stream have the same dictionary: its memory is used again.
      if (this.#decoder?.dictionaryBytes !== Math.max(dictionary, 4_096)) this.#decoder = new LzmaDecoder(dictionary);
    }
    if (fields.rest().some((byte) => byte !== 0)) throw damagedData('the header of an xz block is not valid', offset);
    this.#block = {
      headerBytes: length,
      storedBytes: 0,
      plainBytes: 0,
      recordedStored: storedBytes,
      recordedPlain: plainBytes,
      check: this.#check.start(),
      needsDictionary: true,
      needsProperties: true,
    };
    this.#part = 'chunks';
    return { consumed: length };
  }

  #chunk(window: Uint8Array, isEnd: boolean, offset: number, block: Block): Step {
    if (window.length === 0) return needsMore;
    const control = window[0] as number;
    const damaged = () => damagedData('a chunk of the xz data is not valid', offset);
    if (control === 0) {
      block.storedBytes += 1;
      this.#part = 'padding';
      return { consumed: 1 };
    }
    if (control > 2 && control < 0x80) throw damaged();
    if (control === 1 || control >= 0xe0) {
      block.needsDictionary = false;
      block.needsProperties = true;
      this.#decoder?.resetDictionary();
    } else if (block.needsDictionary) throw damaged();
    const decoder = this.#decoder as LzmaDecoder;
    if (control < 0x80) {
      if (window.length < 3) return needsMore;
      const length = u16(window, 1) + 1;
      if (window.length < 3 + length) return needsMore;
      decoder.store(window.subarray(3, 3 + length));
      return this.#chunkOutput(3 + length, decoder, offset, block);
    }
    const hasProperties = control >= 0xc0;
    const headerBytes = hasProperties ? 6 : 5;
    if (window.length < headerBytes) return needsMore;
    const plainBytes = ((control & 0x1f) << 16) + u16(window, 1) + 1;
    const storedBytes = u16(window, 3) + 1;
    const whole = headerBytes + storedBytes;
    if (window.length < whole || (!isEnd && window.length < whole + symbolBytes)) return needsMore;
    if (hasProperties) {
      if (!decoder.setProperties(window[5] as number, 4)) throw damaged();
      block.needsProperties = false;
    } else if (block.needsProperties) throw damaged();
    else if (control >= 0xa0) decoder.resetState();
    const input = window.length < whole + symbolBytes ? padded(window) : window;
    if (storedBytes < 5 || !decoder.startRange(input, headerBytes)) throw damaged();
    const ended = decoder.run(input, decoder.at, whole, plainBytes, true);
    if (ended !== 'more' || decoder.waiting !== plainBytes || decoder.at !== whole || !decoder.isAtRest)
      throw damagedData('a chunk of the xz data does not decode', offset);
    return this.#chunkOutput(whole, decoder, offset, block);
  }

  #chunkOutput(consumed: number, decoder: LzmaDecoder, offset: number, block: Block): Step {
    const output = decoder.take();
    block.storedBytes += consumed;
    block.plainBytes += output.length;
    block.check.update(output);
    if (block.plainBytes > (block.recordedPlain ?? Number.POSITIVE_INFINITY))
      throw damagedData('an xz block is longer than its header says', offset);
    return { consumed, output };
  }

  #blockEnd(window: Uint8Array, offset: number, block: Block): Step {
    const padding = (4 - (block.storedBytes % 4)) % 4;
    const { bytes: checkBytes, name } = this.#check;
    if (window.length < padding + checkBytes) return needsMore;
    if (window.subarray(0, padding).some((byte) => byte !== 0))
      throw damagedData('an xz block is not padded with zeros', offset);
    if (!startsWith(window.subarray(padding, padding + checkBytes), block.check.digest()))
      throw damagedData(`the ${name} of an xz block does not match`, offset + padding);
    if (
      block.storedBytes !== (block.recordedStored ?? block.storedBytes) ||
      block.plainBytes !== (block.recordedPlain ?? block.plainBytes)
    )
      throw damagedData('an xz block has not the size that its header says', offset);
    this.#records.add(block.headerBytes + block.storedBytes + checkBytes, block.plainBytes);
    this.#part = 'block';
    return { consumed: padding + checkBytes };
  }

  #readIndex(window: Uint8Array, offset: number, index: Index): Step {
    const consumed = index.read(window, this.#records, offset);
    if (consumed === undefined) return needsMore;
    if (index.isRead) this.#part = 'footer';
    return { consumed };
  }

  #footer(window: Uint8Array, offset: number, index: Index): Step {
    if (window.length < footerBytes) return needsMore;
    const isRight =
      window[10] === 0x59 &&
      window[11] === 0x5a &&
      u32(window, 0) === crc32(window.subarray(4, 10)) &&
      (u32(window, 4) + 1) * 4 === index.bytes &&
      window[8] === 0 &&
      window[9] === this.#flags;
    if (!isRight) throw damagedData('the end of the xz data does not fit to what is in front of it', offset);
    this.#part = 'between';
    return { consumed: footerBytes };
  }

  #between(window: Uint8Array, isEnd: boolean, offset: number): Step {
    if (window.length === 0) {
      this.isDone = isEnd;
      return needsMore;
    }
    if (window.length < 4 && !isEnd) return needsMore;
    if (window[0] !== 0) {
      this.#part = 'stream';
      return this.#streamHeader(window, offset);
    }
    if (window.length < 4 || window.subarray(0, 4).some((byte) => byte !== 0))
      throw damagedData('bytes follow the end of the xz data', offset);
    return { consumed: 4 };
  }
}

interface Block {
  headerBytes: number;
  /** LZMA2 data read so far, and what came out of it. */
  storedBytes: number;
  plainBytes: number;
  recordedStored: number | undefined;
  recordedPlain: number | undefined;
  check: RunningCheck;
  needsDictionary: boolean;
  needsProperties: boolean;
}

interface RunningCheck {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

interface Check {
  name: string;
  bytes: number;
  start(): RunningCheck;
}

const CHECKS: Record<number, Check> = {
  0: { name: 'nothing', bytes: 0, start: () => ({ update: () => undefined, digest: () => new Uint8Array(0) }) },
  1: { name: 'CRC-32', bytes: 4, start: () => new RunningCrc32() },
  4: { name: 'CRC-64', bytes: 8, start: () => new Crc64() },
  10: { name: 'SHA-256', bytes: 32, start: () => new RunningSha256() },
};

class RunningCrc32 implements RunningCheck {
  #value = 0;
  update(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value);
  }
  digest(): Uint8Array {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, this.#value, true);
    return bytes;
  }
}

class RunningSha256 implements RunningCheck {
  readonly #hash: Hash = createHash('sha256');
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }
  digest(): Uint8Array {
    return this.#hash.digest();
  }
}

/** Sizes of blocks, kept as a hash: a file of a million blocks must not fill the memory. */
class Records {
  count = 0;
  readonly #hash = createHash('sha256');

  add(stored: number, plain: number): void {
    this.count++;
    this.#hash.update(`${stored} ${plain}\n`);
  }

  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** The index: how many blocks there are and how long each is; padded to four bytes, then a CRC-32. */
class Index {
  isRead = false;
  /** With its first byte, its padding and its CRC. */
  bytes = 1;
  #crc = crc32(Uint8Array.of(0));
  #count: number | undefined;
  readonly #records = new Records();
  #stored: number | undefined;

  /** How many bytes it took; undefined: more are needed. */
  read(window: Uint8Array, expected: Records, offset: number): number | undefined {
    if (this.#count !== undefined && this.#records.count === this.#count) return this.#end(window, expected, offset);
    const number = readNumber(window, 0, offset);
    if (number === undefined) return undefined;
    const [value, length] = number;
    this.#crc = crc32(window.subarray(0, length), this.#crc);
    this.bytes += length;
    if (this.#count === undefined) {
      if (value !== expected.count) throw damagedData('the index of the xz data has not as many blocks as it', offset);
      this.#count = value;
    } else if (this.#stored === undefined) this.#stored = value;
    else {
      this.#records.add(this.#stored, value);
      this.#stored = undefined;
    }
    return length;
  }

  #end(window: Uint8Array, expected: Records, offset: number): number | undefined {
    const padding = (4 - (this.bytes % 4)) % 4;
    if (window.length < padding + 4) return undefined;
    const zeros = window.subarray(0, padding);
    if (
      zeros.some((byte) => byte !== 0) ||
      u32(window, padding) !== crc32(zeros, this.#crc) ||
      this.#records.digest() !== expected.digest()
    )
      throw damagedData('the index of the xz data does not fit to its blocks', offset);
    this.bytes += padding + 4;
    this.isRead = true;
    return padding + 4;
  }
}

/** What stands in a block's header: numbers of seven bits a byte. */
class Fields {
  readonly #bytes: Uint8Array;
  readonly #offset: number;
  #at: number;

  constructor(bytes: Uint8Array, at: number, offset: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#offset = offset;
  }

  number(): number {
    const found = readNumber(this.#bytes, this.#at, this.#offset);
    if (found === undefined) throw damagedData('the header of an xz block is not valid', this.#offset);
    this.#at += found[1];
    return found[0];
  }

  bytes(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length)
      throw damagedData('the header of an xz block is not valid', this.#offset);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }
}

/** A number and how many bytes it took, nine at most; undefined: its end is not there. */
function readNumber(bytes: Uint8Array, at: number, offset: number): [value: number, length: number] | undefined {
  let value = 0;
  for (let length = 1; length <= 9; length++) {
    const byte = bytes[at + length - 1];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * (length - 1));
    if (byte & 0x80) continue;
    // A number that could be shorter is not valid, nor one that no file can be long.
    if ((byte === 0 && length > 1) || !Number.isSafeInteger(value)) break;
    return [value, length];
  }
  throw damagedData('a number in the xz data is not valid', offset);
}

function unknownFilter(what: string, offset: number): never {
  fail('unsupported', 'decompress', `the xz data went through a filter that is not read: ${what}`, {
    offset,
    hint: 'Decompress it with xz first; backups are better compressed without such a filter.',
  });
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
