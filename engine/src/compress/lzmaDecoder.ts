/**
 * The LZMA decoder that .lzma files and the LZMA2 chunks of .xz files share. Decoded here: the packages that exist
 * decode whole files in memory, know only one of the two containers, or pass over what follows the end.
 *
 * Format: LZMA as the LZMA SDK's specification describes it: a range coder with adaptive probabilities of 11 bits,
 * literals, matches of up to 273 bytes, and the last four distances.
 */

/** No symbol takes more bytes of input (xz's own decoder reckons with 21); so many must be there to decode without looking. */
export const symbolBytes = 24;

/** How a run ended; all but `more` end the stream or the chunk. */
export type LzmaEnd = 'more' | 'end mark' | 'bad distance' | 'bad match';

const longestMatch = 273;
const topOfRange = 2 ** 24;
const evenOdds = 1024;

/** Where each kind of probability begins in the one array of them. */
const isMatch = 0;
const isRep = isMatch + 12 * 16;
const isRep0 = isRep + 12;
const isRep1 = isRep0 + 12;
const isRep2 = isRep1 + 12;
const isRep0Long = isRep2 + 12;
const distanceSlots = isRep0Long + 12 * 16;
const distanceBits = distanceSlots + 4 * 64;
const distanceAlign = distanceBits + 128;
const matchLength = distanceAlign + 16;
const repeatLength = matchLength + 2 + 2 * 16 * 8 + 256;
const literals = repeatLength + 2 + 2 * 16 * 8 + 256;

/** Inside of the probabilities of a length. */
const shortLengths = 2;
const middleLengths = shortLengths + 16 * 8;
const longLengths = middleLengths + 16 * 8;

export class LzmaDecoder {
  readonly dictionaryBytes: number;
  /** What was decoded: the dictionary, and behind it what was not taken yet. Grows as it is filled. */
  #room = new Uint8Array(0);
  /** Where the dictionary begins, and where the next byte goes. */
  #floor = 0;
  #filled = 0;
  #taken = 0;
  #probabilities = new Uint16Array(0);
  #literalContextBits = 0;
  #literalPositionMask = 0;
  #positionMask = 0;
  #state = 0;
  readonly #repeats = new Uint32Array(4);
  /** Bytes since the dictionary was reset: positions are counted from there. */
  #position = 0;
  readonly #coder = new RangeCoder();

  /** @param dictionaryBytes how far back a match may reach; the memory is taken only as it is filled */
  constructor(dictionaryBytes: number) {
    this.dictionaryBytes = Math.max(dictionaryBytes, 4_096);
  }

  /** From the properties byte: `(pb * 5 + lp) * 9 + lc`. false: there are no such properties. */
  setProperties(byte: number, mostLiteralBits = 12): boolean {
    const lc = byte % 9;
    const lp = Math.floor(byte / 9) % 5;
    const pb = Math.floor(byte / 45);
    if (pb > 4 || lc + lp > mostLiteralBits) return false;
    this.#literalContextBits = lc;
    this.#literalPositionMask = 2 ** lp - 1;
    this.#positionMask = 2 ** pb - 1;
    const count = literals + (0x300 << (lc + lp));
    if (this.#probabilities.length !== count) this.#probabilities = new Uint16Array(count);
    this.resetState();
    return true;
  }

  resetState(): void {
    this.#state = 0;
    this.#repeats.fill(0);
    this.#probabilities.fill(evenOdds);
  }

  resetDictionary(): void {
    this.#floor = this.#filled;
    this.#position = 0;
  }

  /** Takes the five bytes that begin range-coded data. false: the first is not 0, as it must be. */
  startRange(input: Uint8Array, at: number): boolean {
    return this.#coder.start(input, at);
  }

  /** Whether the range coder stands where the encoder leaves it at an end. */
  get isAtRest(): boolean {
    return this.#coder.code === 0;
  }

  /** Where the range coder stands in the input. */
  get at(): number {
    return this.#coder.at;
  }

  /** Bytes that were decoded and not taken. */
  get waiting(): number {
    return this.#filled - this.#taken;
  }

  /** The bytes decoded since the last call, as a fresh array. */
  take(): Uint8Array {
    const bytes = this.#room.slice(this.#taken, this.#filled);
    this.#taken = this.#filled;
    return bytes;
  }

  /** Bytes that LZMA2 stores as they are. */
  store(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#room.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#position += bytes.length;
  }

  /**
   * Decodes until `wanted` more bytes are there (up to 272 more than that, when the last match is longer and `isExact` is
   * not set), the range coder has passed `end`, or the data ends.
   *
   * @param isExact a match that goes on past `wanted` is `bad match`
   */
  run(input: Uint8Array, at: number, end: number, wanted: number, isExact: boolean): LzmaEnd {
    this.#reserve(wanted + longestMatch);
    const room = this.#room;
    const probabilities = this.#probabilities;
    const coder = this.#coder;
    const repeats = this.#repeats;
    coder.input = input;
    coder.at = at;
    const stop = this.#filled + wanted;
    let filled = this.#filled;
    let position = this.#position;
    let state = this.#state;
    let result: LzmaEnd = 'more';
    const floor = this.#floor;
    const dictionaryBytes = this.dictionaryBytes;
    const literalContextBits = this.#literalContextBits;
    const literalPositionMask = this.#literalPositionMask;
    const positionMask = this.#positionMask;

    while (filled < stop && coder.at <= end) {
      const positionState = position & positionMask;
      if (coder.bit(probabilities, isMatch + (state << 4) + positionState) === 0) {
        const previous = filled > floor ? (room[filled - 1] as number) : 0;
        const context =
          ((position & literalPositionMask) << literalContextBits) + (previous >>> (8 - literalContextBits));
        const base = literals + 0x300 * context;
        if (state < 7) {
          room[filled] = coder.literal(probabilities, base);
        } else {
          const match = room[filled - (repeats[0] as number) - 1] as number;
          room[filled] = coder.literalAfterMatch(probabilities, base, match);
        }
        filled++;
        position++;
        state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }

      let length: number;
      if (coder.bit(probabilities, isRep + state) === 0) {
        length = coder.length(probabilities, matchLength, positionState);
        state = state < 7 ? 7 : 10;
        const distance = coder.distance(probabilities, length);
        repeats[3] = repeats[2] as number;
        repeats[2] = repeats[1] as number;
        repeats[1] = repeats[0] as number;
        repeats[0] = distance;
        if (distance === 0xffffffff) {
          result = 'end mark';
          break;
        }
      } else {
        if (coder.bit(probabilities, isRep0 + state) === 0) {
          if (coder.bit(probabilities, isRep0Long + (state << 4) + positionState) === 0) {
            const from = filled - (repeats[0] as number) - 1;
            if (from < floor || (repeats[0] as number) >= dictionaryBytes) {
              result = 'bad distance';
              break;
            }
            state = state < 7 ? 9 : 11;
            room[filled++] = room[from] as number;
            position++;
            continue;
          }
        } else {
          const distance = coder.repeat(probabilities, state, repeats);
          repeats[0] = distance;
        }
        length = coder.length(probabilities, repeatLength, positionState);
        state = state < 7 ? 8 : 11;
      }

      const distance = (repeats[0] as number) + 1;
      const from = filled - distance;
      if (from < floor || distance > dictionaryBytes) {
        result = 'bad distance';
        break;
      }
      if (isExact && filled + length > stop) {
        result = 'bad match';
        break;
      }
      if (distance >= length && length > 24) {
        room.copyWithin(filled, from, from + length);
        filled += length;
      } else {
        for (let index = 0; index < length; index++) room[filled++] = room[from + index] as number;
      }
      position += length;
    }
    this.#filled = filled;
    this.#position = position;
    this.#state = state;
    return result;
  }

  /** Makes room for so many more bytes: grows up to the dictionary's size and some, then moves the dictionary down. */
  #reserve(bytes: number): void {
    const needed = this.#filled + bytes;
    if (needed <= this.#room.length) return;
    const spare = Math.min(Math.max(this.dictionaryBytes, 2 ** 21), 2 ** 25);
    const most = this.dictionaryBytes + spare + bytes;
    if (needed > most) {
      const start = Math.max(this.#floor, this.#filled - this.dictionaryBytes);
      const keptFrom = Math.min(start, this.#taken);
      this.#room.copyWithin(0, keptFrom, this.#filled);
      this.#filled -= keptFrom;
      this.#taken -= keptFrom;
      this.#floor = Math.max(0, this.#floor - keptFrom);
      if (this.#filled + bytes <= this.#room.length) return;
    }
    const grown = new Uint8Array(Math.min(most, Math.max(this.#room.length * 2, this.#filled + bytes, 2 ** 16)));
    grown.set(this.#room.subarray(0, this.#filled));
    this.#room = grown;
  }
}

/** The range coder: reads one bit at a time, each by the odds that were learnt for it. Read bytes ahead as the format does. */
class RangeCoder {
  input = new Uint8Array(0) as Uint8Array;
  at = 0;
  /** Range and code. In fields of an object, numbers of 32 bits would be boxed at every step. */
  readonly #registers = new Uint32Array(2);

  get code(): number {
    return this.#registers[1] as number;
  }

  start(input: Uint8Array, at: number): boolean {
    this.#registers[0] = 0xffffffff;
    this.#registers[1] =
      (((input[at + 1] as number) << 24) |
        ((input[at + 2] as number) << 16) |
        ((input[at + 3] as number) << 8) |
        (input[at + 4] as number)) >>>
      0;
    this.at = at + 5;
    return input[at] === 0;
  }

  bit(probabilities: Uint16Array, index: number): number {
    const registers = this.#registers;
    const odds = probabilities[index] as number;
    let range = registers[0] as number;
    let code = registers[1] as number;
    const bound = Math.imul(range >>> 11, odds) >>> 0;
    let bit: number;
    if (code < bound) {
      range = bound;
      probabilities[index] = odds + ((2048 - odds) >> 5);
      bit = 0;
    } else {
      range = (range - bound) >>> 0;
      code = (code - bound) >>> 0;
      probabilities[index] = odds - (odds >> 5);
      bit = 1;
    }
    if (range < topOfRange) {
      range = (range << 8) >>> 0;
      code = ((code << 8) | (this.input[this.at++] as number)) >>> 0;
    }
    registers[0] = range;
    registers[1] = code;
    return bit;
  }

  literal(probabilities: Uint16Array, base: number): number {
    const input = this.input;
    let at = this.at;
    const registers = this.#registers;
    let range = registers[0] as number;
    let code = registers[1] as number;
    let symbol = 1;
    do {
      const index = base + symbol;
      const odds = probabilities[index] as number;
      const bound = Math.imul(range >>> 11, odds) >>> 0;
      if (code < bound) {
        range = bound;
        probabilities[index] = odds + ((2048 - odds) >> 5);
        symbol <<= 1;
      } else {
        range = (range - bound) >>> 0;
        code = (code - bound) >>> 0;
        probabilities[index] = odds - (odds >> 5);
        symbol = (symbol << 1) | 1;
      }
      if (range < topOfRange) {
        range = (range << 8) >>> 0;
        code = ((code << 8) | (input[at++] as number)) >>> 0;
      }
    } while (symbol < 0x100);
    this.at = at;
    registers[0] = range;
    registers[1] = code;
    return symbol & 0xff;
  }

  /** After a match, the byte that would have gone on with it tells which odds to use, until the two differ. */
  literalAfterMatch(probabilities: Uint16Array, base: number, match: number): number {
    let offset = 0x100;
    let expected = match;
    let symbol = 1;
    do {
      expected <<= 1;
      const matchBit = expected & offset;
      const bit = this.bit(probabilities, base + offset + matchBit + symbol);
      symbol = (symbol << 1) | bit;
      offset &= bit === 1 ? matchBit : ~matchBit;
    } while (symbol < 0x100);
    return symbol & 0xff;
  }

  length(probabilities: Uint16Array, base: number, positionState: number): number {
    if (this.bit(probabilities, base) === 0) {
      return 2 + this.tree(probabilities, base + shortLengths + (positionState << 3), 3);
    }
    if (this.bit(probabilities, base + 1) === 0) {
      return 10 + this.tree(probabilities, base + middleLengths + (positionState << 3), 3);
    }
    return 18 + this.tree(probabilities, base + longLengths, 8);
  }

  /** One less than how far back; 0xffffffff is the end mark. */
  distance(probabilities: Uint16Array, length: number): number {
    const slot = this.tree(probabilities, distanceSlots + (Math.min(length - 2, 3) << 6), 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const start = ((2 | (slot & 1)) << bits) >>> 0;
    if (slot < 14) return start + this.reverseTree(probabilities, distanceBits + start - slot, bits);
    return (start + ((this.even(bits - 4) << 4) >>> 0) + this.reverseTree(probabilities, distanceAlign, 4)) >>> 0;
  }

  /** Takes one of the last distances but the first to the front. */
  repeat(probabilities: Uint16Array, state: number, repeats: Uint32Array): number {
    let distance: number;
    if (this.bit(probabilities, isRep1 + state) === 0) {
      distance = repeats[1] as number;
    } else {
      if (this.bit(probabilities, isRep2 + state) === 0) {
        distance = repeats[2] as number;
      } else {
        distance = repeats[3] as number;
        repeats[3] = repeats[2] as number;
      }
      repeats[2] = repeats[1] as number;
    }
    repeats[1] = repeats[0] as number;
    return distance;
  }

  tree(probabilities: Uint16Array, base: number, bits: number): number {
    let symbol = 1;
    for (let index = 0; index < bits; index++) symbol = (symbol << 1) | this.bit(probabilities, base + symbol);
    return symbol - (1 << bits);
  }

  reverseTree(probabilities: Uint16Array, base: number, bits: number): number {
    let symbol = 1;
    let value = 0;
    for (let index = 0; index < bits; index++) {
      const bit = this.bit(probabilities, base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << index;
    }
    return value;
  }

  /** Bits whose odds are always even. */
  even(bits: number): number {
    let value = 0;
    const registers = this.#registers;
    let range = registers[0] as number;
    let code = registers[1] as number;
    for (let index = 0; index < bits; index++) {
      range >>>= 1;
      if (code >= range) {
        code = (code - range) >>> 0;
        value = (value << 1) | 1;
      } else {
        value <<= 1;
      }
      if (range < topOfRange) {
        range = (range << 8) >>> 0;
        code = ((code << 8) | (this.input[this.at++] as number)) >>> 0;
      }
    }
    registers[0] = range;
    registers[1] = code;
    return value >>> 0;
  }
}
