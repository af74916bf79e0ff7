/**
 * Walks over the frames of zstd data without decoding them, to know where blocks end and whether the last frame has come
 * to its end: Node's own decoder (22 to 24) takes data that was cut off for complete.
 *
 * Format: RFC 8878. A frame has a header that says its own length, blocks with a header of 3 bytes, and maybe a checksum.
 */

import { damagedData, truncatedData } from './failures.ts';

const zstdMagic = 0xfd2fb528;
/** 16 kinds of frames that decoders skip, told by the last digit. */
const skippableMagic = 0x184d2a50;

type Part = 'magic' | 'header' | 'block' | 'skippable';

export class ZstdFrames {
  #part: Part = 'magic';
  /** What has been gathered of a header that lies across pieces, and how long it is. */
  readonly #gathered = new Uint8Array(18);
  #have = 0;
  #need = 4;
  /** Bytes of contents to pass over. */
  #skip = 0;
  #hasChecksum = false;
  #offset = 0;

  /**
   * Returns the places in the piece where a header or a block ends, ascending.
   *
   * @throws RestoreError `damaged` for what is no zstd data
   */
  update(piece: Uint8Array): number[] {
    const ends: number[] = [];
    let at = 0;
    while (at < piece.length) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, piece.length - at);
        this.#skip -= passed;
        at += passed;
      } else {
        this.#gathered[this.#have++] = piece[at++] as number;
        if (this.#have === this.#need) this.#read(this.#offset + at - this.#have);
      }
      if (this.#skip === 0 && this.#have === 0) ends.push(at);
    }
    this.#offset += piece.length;
    return ends;
  }

  /** @throws RestoreError `truncated` unless the last frame has ended */
  finish(): void {
    const isBetweenFrames = this.#part === 'magic' && this.#have === 0 && this.#skip === 0;
    if (this.#offset === 0 || !isBetweenFrames) throw truncatedData('zstd', this.#offset);
  }

  /** A part of a header is gathered. */
  #read(offset: number): void {
    const bytes = this.#gathered;
    const word = ((bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16) | ((bytes[3] ?? 0) << 24)) >>> 0;
    if (this.#part === 'magic') {
      if (word === zstdMagic) this.#next('header', 1);
      else if ((word & 0xfffffff0) >>> 0 === skippableMagic) this.#next('skippable', 4);
      else
        throw damagedData(
          offset === 0 ? 'it does not start as zstd data' : 'bytes follow the end of the zstd data',
          offset,
        );
    } else if (this.#part === 'skippable') {
      this.#skip = word;
      this.#next('magic', 4);
    } else if (this.#part === 'header') {
      const descriptor = bytes[0] ?? 0;
      this.#hasChecksum = (descriptor & 0x04) !== 0;
      // Its first byte says how long it is.
      this.#need = 1 + restOfHeader(descriptor);
      if (this.#have === this.#need) this.#next('block', 3);
    } else {
      const header = word & 0xffffff;
      const type = (header >> 1) & 3;
      if (type === 3) throw damagedData('the zstd data has a block of a kind that does not exist', offset);
      this.#skip = type === 1 ? 1 : header >> 3;
      const isLast = (header & 1) !== 0;
      if (isLast && this.#hasChecksum) this.#skip += 4;
      this.#next(isLast ? 'magic' : 'block', isLast ? 4 : 3);
    }
  }

  #next(part: Part, need: number): void {
    this.#part = part;
    this.#have = 0;
    this.#need = need;
    this.#gathered.fill(0);
  }
}

/** Bytes of a frame header behind its first one. */
function restOfHeader(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
}
