/** Writes WAL by the grammar of its format, in pages and segments as small as a test wants them. */

import { crc32c } from '../../../engine/src/archives/pgbackrest/pgControl.ts';

export const magic = 0xd110;
export const systemId = 7710732156905849906n;

export class WalWriter {
  readonly segmentBytes: number;
  readonly pageBytes: number;
  readonly start: bigint;
  readonly #timeline: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  #previous = 0n;
  /** What a check looks at: all but padding and what lies behind a switch. */
  readonly #meant: [from: number, end: number][] = [];

  constructor({ segments = 2, segmentBytes = 4096, pageBytes = 1024, timeline = 1 } = {}) {
    this.segmentBytes = segmentBytes;
    this.pageBytes = pageBytes;
    this.start = BigInt(segmentBytes) * 4n;
    this.#timeline = timeline;
    this.#bytes = new Uint8Array(segments * segmentBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#at = 0;
    this.#page(0);
    this.#at = 40;
  }

  /** Where the next record begins. */
  get place(): bigint {
    return this.start + BigInt(this.#at);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  isMeant(byte: number): boolean {
    return this.#meant.some(([from, end]) => byte >= from && byte < end);
  }

  /** @param keep how many bytes of the record are written: a server that fell down in its middle */
  record(
    data: Uint8Array,
    { info = 0, manager = 10, keep }: { info?: number; manager?: number; keep?: number } = {},
  ): void {
    const record = new Uint8Array(24 + data.length);
    const view = new DataView(record.buffer);
    view.setUint32(0, record.length, true);
    view.setBigUint64(8, this.#previous, true);
    record[16] = info;
    record[17] = manager;
    record.set(data, 24);
    const covered = Buffer.concat([data, record.subarray(0, 20)]);
    view.setUint32(20, crc32c(covered), true);
    const start = this.#start();
    const end = keep ?? record.length;
    for (let written = 0; written < end; ) {
      const room = this.pageBytes - (this.#at % this.pageBytes);
      const part = record.subarray(written, Math.min(end, written + room));
      this.#bytes.set(part, this.#at);
      this.#meant.push([this.#at, this.#at + part.length]);
      this.#at += part.length;
      written += part.length;
      if (written < end || (written < record.length && this.#at % this.pageBytes === 0)) {
        this.#page(this.#at, { left: record.length - written });
        this.#at += this.#at % this.segmentBytes === 0 ? 40 : 24;
      }
    }
    if (end === record.length) this.#previous = this.start + BigInt(start);
    this.#at = (this.#at + 7) & ~7;
  }

  /** XLOG_SWITCH: the rest of the segment is zeros. */
  switch(): void {
    this.record(new Uint8Array(0), { info: 0x40, manager: 0 });
    this.#at = Math.ceil(this.#at / this.segmentBytes) * this.segmentBytes;
  }

  /** After a record that was not finished: the next page says that what was to go on there was given up. */
  giveUp(): void {
    this.#at = Math.ceil(this.#at / this.pageBytes) * this.pageBytes;
    this.#page(this.#at, { flags: 8 });
    this.#at += this.#at % this.segmentBytes === 0 ? 40 : 24;
  }

  #start(): number {
    if (this.#at % this.pageBytes === 0) {
      this.#page(this.#at);
      this.#at += this.#at % this.segmentBytes === 0 ? 40 : 24;
    }
    return this.#at;
  }

  #page(at: number, { left = 0, flags = 0 }: { left?: number; flags?: number } = {}): void {
    const isLong = at % this.segmentBytes === 0;
    this.#view.setUint16(at, magic, true);
    this.#view.setUint16(at + 2, flags | (left > 0 ? 1 : 0) | (isLong ? 2 : 0), true);
    this.#view.setUint32(at + 4, this.#timeline, true);
    this.#view.setBigUint64(at + 8, this.start + BigInt(at), true);
    this.#view.setUint32(at + 16, left, true);
    this.#meant.push([at, at + 8], [at + 8, at + 16]);
    if (left > 0) this.#meant.push([at + 16, at + 20]);
    if (!isLong) return;
    this.#view.setBigUint64(at + 24, systemId, true);
    this.#view.setUint32(at + 32, this.segmentBytes, true);
    this.#view.setUint32(at + 36, this.pageBytes, true);
    this.#meant.push([at + 32, at + 40]);
  }
}
