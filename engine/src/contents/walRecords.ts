/**
 * Walks the records of WAL, page by page: every record's CRC-32C, that each names the one before it (xl_prev), and that
 * pages and records follow each other without a gap. What pg_verifybackup has pg_waldump do for the WAL of a backup.
 *
 * Format: PostgreSQL `access/xlog_internal.h` and `access/xlogrecord.h`, the same from 9.5 to 18: pages of 8 KiB (another
 * size when PostgreSQL was built so) with a header of 24 bytes, of 40 at the start of a segment; records of a header of 24
 * bytes and data, aligned to 8 bytes, that go on behind the header of the next page.
 */

import { crc32cAdd, crc32cEnd, crc32cStart } from './crc32c.ts';

/** Why a walk came to its end before it should have. */
export interface WalStop {
  /** `incomplete`: zeros, where more WAL should be; `damaged`: something else than WAL that follows on. */
  code: 'incomplete' | 'damaged';
  /** The segment's name, and the byte in it where the record or page begins. */
  segment: string;
  offset: number;
  /** The end of a sentence that begins with the place. */
  message: string;
}

const shortHeaderBytes = 24;
const longHeaderBytes = 40;
const recordHeaderBytes = 24;
/** Of the record's header, what its CRC covers. */
const checkedHeaderBytes = 20;
const Flag = { firstIsContinued: 1, longHeader: 2, all: 0x0f, firstIsOverwritten: 8 };
/** XLogRecordMaxSize is 1020 MiB; older versions have no limit but that of palloc, 1 GiB. */
const largestRecord = 1024 * 1024 * 1024;

interface OpenRecord {
  start: number;
  segment: string;
  offset: number;
  totalBytes: number;
  have: number;
  crc: number;
}

/** Places are counted in bytes from the first page, so that they fit a number. */
export class WalWalk {
  readonly timeline: number;
  /** Where the walk began. */
  readonly start: bigint;
  readonly #segmentBytes: number;
  readonly #pageBytes: number;
  readonly #origin: bigint;
  readonly #header = new Uint8Array(recordHeaderBytes);
  readonly #headerView = new DataView(this.#header.buffer);
  /** Where the next record begins, or the page in front of it. */
  #position: number;
  /** The start of the record before. */
  #previous: number | undefined;
  #open: OpenRecord | undefined;
  #nextPage: number;
  #magic: number | undefined;
  /** Of the page before; a segment in which a timeline begins starts with pages of the one before. */
  #pageTimeline = 1;
  #records = 0;
  #stop: WalStop | undefined;

  /** @param start a place where a record begins */
  constructor(
    { timeline, start }: { timeline: number; start: bigint },
    { segmentBytes, pageBytes }: { segmentBytes: number; pageBytes: number },
  ) {
    this.timeline = timeline;
    this.start = start;
    this.#segmentBytes = segmentBytes;
    this.#pageBytes = pageBytes;
    this.#origin = start - (start % BigInt(segmentBytes));
    this.#position = Number(start - this.#origin);
    this.#nextPage = 0;
  }

  /** Whole records so far. */
  get records(): number {
    return this.#records;
  }

  /** How far all is right: behind the last whole record. */
  get reached(): bigint {
    return this.#origin + BigInt(this.#open?.start ?? this.#position);
  }

  /** Set when the WAL does not go on; pages that follow are not looked at. */
  get stop(): WalStop | undefined {
    return this.#stop;
  }

  /** Whether this is the segment whose pages are to come next. */
  isNext(segment: string): boolean {
    return this.#nextPage % this.#segmentBytes === 0 && segmentName(this.#here(this.#nextPage), this) === segment;
  }

  get segmentBytes(): number {
    return this.#segmentBytes;
  }

  get pageBytes(): number {
    return this.#pageBytes;
  }

  /** The next page of a segment, whole; they must come in order, over all segments. */
  page(segment: string, page: Uint8Array): void {
    const at = this.#nextPage;
    this.#nextPage += this.#pageBytes;
    // In front of the start, or behind a switch to the next segment.
    if (this.#stop || this.#nextPage <= this.#position) return;
    const offset = at % this.#segmentBytes;
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    const problem = this.#pageProblem(view, at, offset);
    if (problem) {
      const open = this.#open;
      const message = open
        ? `${lsnText(this.#here(open.start))} is not finished: the page at ${lsnText(this.#here(at))} ${problem.message}`
        : problem.message;
      this.#stop = { code: problem.code, ...placeOf(open ?? { segment, offset }), message };
      return;
    }
    const headerBytes = offset === 0 ? longHeaderBytes : shortHeaderBytes;
    let inside = Math.max(this.#position - at, headerBytes);
    if (this.#open) inside = this.#goOn(view, page, { at, headerBytes });
    else if (inside === headerBytes && view.getUint16(2, true) & Flag.firstIsContinued) {
      this.#stop = { code: 'damaged', segment, offset, message: 'goes on with a record that never began' };
    }
    while (!this.#stop && !this.#open && inside < this.#pageBytes) {
      this.#begin(view, { segment, start: at + inside, offset: offset + inside }, inside);
      if (this.#stop) return;
      inside = this.#take(page, { at, from: inside });
    }
  }

  #pageProblem(view: DataView, at: number, offset: number): Pick<WalStop, 'code' | 'message'> | undefined {
    const damaged = (message: string) => ({ code: 'damaged', message }) as const;
    const magic = view.getUint16(0, true);
    const flags = view.getUint16(2, true);
    if (magic === 0 && view.getBigUint64(8, true) === 0n) {
      return { code: 'incomplete', message: 'is empty: the WAL ends before it' };
    }
    this.#magic ??= magic;
    if (magic !== this.#magic) return damaged('does not begin as a page of this WAL');
    if ((flags & ~Flag.all) !== 0) return damaged('has flags that no page has');
    if (((flags & Flag.longHeader) !== 0) !== (offset === 0)) return damaged('has the header of another place');
    if (view.getBigUint64(8, true) !== this.#here(at)) return damaged(`is not the one of ${lsnText(this.#here(at))}`);
    const timeline = view.getUint32(4, true);
    if (timeline > this.timeline) return damaged('is of a later timeline');
    if (timeline < this.#pageTimeline) return damaged('is of a timeline before that of the page before it');
    this.#pageTimeline = timeline;
    if (offset !== 0) return undefined;
    const isSame = view.getUint32(32, true) === this.#segmentBytes && view.getUint32(36, true) === this.#pageBytes;
    return isSame ? undefined : damaged('names other sizes of segments and pages than the one before');
  }

  /** A record that began on a page before this one; returns where the next one begins in this page. */
  #goOn(view: DataView, page: Uint8Array, { at, headerBytes }: { at: number; headerBytes: number }): number {
    const open = this.#open as OpenRecord;
    const flags = view.getUint16(2, true);
    if (flags & Flag.firstIsOverwritten) {
      // The server fell down inside of the record, and after recovery wrote another one over its end.
      this.#open = undefined;
      this.#position = at;
      return headerBytes;
    }
    const left = open.totalBytes - open.have;
    if ((flags & Flag.firstIsContinued) === 0 || view.getUint32(16, true) !== left) {
      this.#fail(open, 'is not finished on the next page');
      return this.#pageBytes;
    }
    return this.#take(page, { at, from: headerBytes });
  }

  #begin(view: DataView, place: { segment: string; start: number; offset: number }, inside: number): void {
    // Records are aligned to 8 bytes, as pages are: the length is never divided.
    const totalBytes = view.getUint32(inside, true);
    if (totalBytes === 0) {
      this.#stop = { code: 'incomplete', ...placeOf(place), message: 'is empty: the WAL ends before it' };
    } else if (totalBytes < recordHeaderBytes || totalBytes > largestRecord) {
      this.#fail(place, `has a length that no record has, ${totalBytes}`);
    } else {
      this.#open = { ...place, totalBytes, have: 0, crc: crc32cStart };
    }
  }

  /** What this page has of the open record; returns where the next one begins in this page. */
  #take(page: Uint8Array, { at, from }: { at: number; from: number }): number {
    const open = this.#open as OpenRecord;
    const end = Math.min(from + open.totalBytes - open.have, this.#pageBytes);
    let inside = from;
    if (open.have < recordHeaderBytes) {
      const taken = Math.min(recordHeaderBytes - open.have, end - inside);
      this.#header.set(page.subarray(inside, inside + taken), open.have);
      inside += taken;
    }
    open.crc = crc32cAdd(open.crc, page, inside, end);
    open.have += end - from;
    if (open.have < open.totalBytes) return this.#pageBytes;
    this.#finish(open);
    if (this.#stop) return this.#pageBytes;
    const next = (end + 7) & ~7;
    this.#position = at + next;
    if (!this.#isSwitch()) return next;
    this.#position = Math.ceil(this.#position / this.#segmentBytes) * this.#segmentBytes;
    return this.#pageBytes;
  }

  /** Everything of the record has come: it must be what was written, and follow the one before. */
  #finish(open: OpenRecord): void {
    this.#open = undefined;
    const crc = crc32cEnd(crc32cAdd(open.crc, this.#header, 0, checkedHeaderBytes));
    const previous = this.#headerView.getBigUint64(8, true);
    if (crc !== this.#headerView.getUint32(checkedHeaderBytes, true)) {
      this.#fail(open, 'does not have the CRC that it records');
    } else if (this.#previous === undefined ? previous >= this.start : previous !== this.#here(this.#previous)) {
      this.#fail(open, `follows a record at ${lsnText(previous)}, which is not the one before it`);
    } else {
      this.#previous = open.start;
      this.#records++;
    }
    if (this.#stop) this.#position = open.start;
  }

  /** XLOG_SWITCH: nothing more is in this segment. */
  #isSwitch(): boolean {
    return this.#header[17] === 0 && ((this.#header[16] as number) & 0xf0) === 0x40;
  }

  #fail(place: { segment: string; start: number; offset: number }, message: string): void {
    this.#open = undefined;
    this.#position = place.start;
    this.#stop = { code: 'damaged', ...placeOf(place), message: `${lsnText(this.#here(place.start))} ${message}` };
  }

  #here(place: number): bigint {
    return this.#origin + BigInt(place);
  }
}

/** The name of the segment that holds a place. */
export function segmentName(
  place: bigint,
  { timeline, segmentBytes }: { timeline: number; segmentBytes: number },
): string {
  const number = place / BigInt(segmentBytes);
  const perLog = 2n ** 32n / BigInt(segmentBytes);
  return [timeline, number / perLog, number % perLog]
    .map((it) => it.toString(16).toUpperCase().padStart(8, '0'))
    .join('');
}

/** As PostgreSQL writes it: `0/2000028`. */
export function lsnText(place: bigint): string {
  return `${(place >> 32n).toString(16).toUpperCase()}/${(place & 0xffffffffn).toString(16).toUpperCase()}`;
}

function placeOf({ segment, offset }: { segment: string; offset: number }): { segment: string; offset: number } {
  return { segment, offset };
}
