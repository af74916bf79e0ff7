/**
 * .lzma files ("LZMA alone"): what WAL-G writes for `WALG_COMPRESSION_METHOD=lzma`, and `xz --format=lzma`.
 *
 * Format: properties byte, size of the dictionary (32 bits), size of the contents (64 bits, all ones for unknown), then
 * one stream of LZMA. No checksum; the range coder must come to rest at the end, which a change nearly always prevents.
 */

import { fail } from '../failure.ts';
import { type BlockDecoder, decodeBlocks, decodeBlocksInMemory } from './blockwise.ts';
import { damagedData, truncatedData } from './failures.ts';
import { LzmaDecoder, symbolBytes } from './lzmaDecoder.ts';

/**
 * @throws RestoreError `damaged` (no .lzma header, a distance that cannot be, bytes after the end), `truncated` (no end
 *   mark, fewer bytes than recorded), `unsupported` for a dictionary that needs too much memory; offsets count
 *   compressed bytes and are those of the place up to which it decodes
 */
export function unlzma(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  return decodeBlocks(input, new LzmaFile());
}

export function unlzmaBytes(compressed: Uint8Array, limit: number): Uint8Array {
  return decodeBlocksInMemory(compressed, new LzmaFile(), limit);
}

/** `xz -9` has 64 MiB; more is possible, and only asked for by hand. */
const largestDictionary = 256 * 1024 * 1024;

/** @throws RestoreError `unsupported` */
export function demandDictionary(bytes: number, name: string, offset: number): void {
  if (bytes <= largestDictionary) return;
  fail(
    'unsupported',
    'decompress',
    `the ${name} data needs a dictionary of ${Math.round(bytes / 2 ** 20)} MiB; up to ${largestDictionary / 2 ** 20} MiB are read`,
    { offset, hint: 'Decompress it with xz first.' },
  );
}

const headerBytes = 13;
const rangeStartBytes = 5;
const outputBytes = 256 * 1024;

/** With zeros behind it, so that a symbol may be decoded without looking whether it is all there. */
export function padded(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + symbolBytes);
  longer.set(bytes);
  return longer;
}

class LzmaFile implements BlockDecoder {
  readonly name = 'lzma';
  isDone = false;
  #decoder: LzmaDecoder | undefined;
  #hasStarted = false;
  /** Bytes still to come; undefined where the header does not say. */
  #left: number | undefined;

  step(window: Uint8Array, isEnd: boolean, offset: number): { consumed: number; output?: Uint8Array } {
    if (this.#decoder === undefined) return this.#header(window, isEnd, offset);
    const decoder = this.#decoder;
    if (!isEnd && window.length < rangeStartBytes + symbolBytes) return { consumed: 0 };
    // The last bytes get zeros behind them: what goes on into those was cut off.
    const isWholeRest = isEnd && window.length <= outputBytes;
    const input = isWholeRest ? padded(window) : window;
    const end = input.length - symbolBytes;
    if (!this.#hasStarted) {
      if (window.length < rangeStartBytes) throw truncatedData(this.name, offset + window.length);
      if (!decoder.startRange(input, 0)) throw damagedData('the lzma data does not begin as it must', offset);
      this.#hasStarted = true;
      return { consumed: rangeStartBytes };
    }
    if (this.#left === 0) return this.#finish(decoder, input, end, offset);
    const wanted = Math.min(this.#left ?? outputBytes, outputBytes);
    const ended = decoder.run(input, 0, end, wanted, this.#left === wanted);
    const output = decoder.take();
    if (this.#left !== undefined) this.#left -= output.length;
    if (isWholeRest && decoder.at > window.length) throw truncatedData(this.name, offset + window.length);
    if (ended === 'end mark') {
      if (this.#left !== undefined && this.#left !== 0)
        throw truncatedData(`contents of the ${this.name}`, offset + decoder.at);
      this.#demandRest(decoder, offset);
    } else if (ended !== 'more') {
      throw damagedData('the lzma data does not decode', offset + decoder.at);
    }
    return { consumed: decoder.at, output };
  }

  /** All bytes are there; an end mark may follow, and must where the range coder is not at rest. */
  #finish(decoder: LzmaDecoder, input: Uint8Array, end: number, offset: number): { consumed: number } {
    if (decoder.isAtRest) {
      this.isDone = true;
      return { consumed: 0 };
    }
    const ended = decoder.run(input, 0, end, 1, false);
    if (decoder.at > end) throw truncatedData(this.name, offset + end);
    if (ended !== 'end mark') throw damagedData('the lzma data goes on after the size that it records', offset);
    this.#demandRest(decoder, offset);
    return { consumed: decoder.at };
  }

  #demandRest(decoder: LzmaDecoder, offset: number): void {
    if (!decoder.isAtRest) throw damagedData('the lzma data does not end as it must', offset + decoder.at);
    this.isDone = true;
  }

  #header(window: Uint8Array, isEnd: boolean, offset: number): { consumed: number } {
    const damaged = () => damagedData('it does not start as lzma data', offset);
    // The smallest part that can be wrong is told at once: another format is not "cut off".
    if (window.length > 0 && (window[0] as number) >= 9 * 5 * 5) throw damaged();
    if (window.length < headerBytes) {
      if (isEnd) throw truncatedData(this.name, offset + window.length);
      return { consumed: 0 };
    }
    const view = new DataView(window.buffer, window.byteOffset, headerBytes);
    const dictionary = view.getUint32(1, true);
    const size = view.getBigUint64(5, true);
    if (size !== 0xffff_ffff_ffff_ffffn) {
      if (size >= 2n ** 48n) throw damaged();
      this.#left = Number(size);
    }
    const decoder = new LzmaDecoder(dictionary);
    if (!decoder.setProperties(view.getUint8(0))) throw damaged();
    demandDictionary(dictionary, this.name, offset);
    this.#decoder = decoder;
    return { consumed: headerBytes };
  }
}
