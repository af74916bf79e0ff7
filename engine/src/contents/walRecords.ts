/**
 * Walks the records of one WAL segment, page by page: every record's CRC-32C, that each names the one before it (xl_prev), and
 * that pages and records follow each other without a gap. What pg_waldump looks at, and PostgreSQL before it replays a record.
 * A segment is walked without those before and after it, so that several can be read at once; `WalChain` joins them.
 *
 * Format: PostgreSQL `access/xlog_internal.h` and `access/xlogrecord.h`, the same from 9.5 to 18: pages of 8 KiB (another
 * size when PostgreSQL was built so) with a header of 24 bytes, of 40 at the start of a segment; records of a header of 24
 * bytes and data, aligned to 8 bytes, that go on behind the header of the next page.
 */

import { crc32cAddWords, crc32cEnd, crc32cStart } from './crc32c.ts';

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

/** What is known of a record that goes on elsewhere, or began there. */
export interface RecordPart {
  have: number;
  /** The first bytes of it, as many as have come; enough for the header, and for the short records that say something here. */
  kept: Uint8Array;
  /** Of what comes behind the first 24 bytes: of a record that began here from `crc32cStart`, of the end of one from 0. */
  crc: number;
}

/** A record that goes on behind the segment. */
export interface RecordStart extends RecordPart {
  start: bigint;
  segment: string;
  offset: number;
  totalBytes: number;
}

/** The rest of a record that began before the segment, or a part of that rest. */
export interface RecordEnd extends RecordPart {
  /** How much of the record is left, as the segment's first page says. */
  announced: number;
  /** Behind it. */
  end: bigint;
}

/** What the records of one segment are: plain data, that goes from thread to thread. */
export interface WalkedSegment {
  segment: string;
  /** Places of its first byte, and of the byte behind its last. */
  begin: bigint;
  end: bigint;
  /** Major version of PostgreSQL that writes such pages. */
  version: string;
  /** Of the first and the last page that were looked at. */
  timelines: [first: number, last: number];
  /** What of a record that began before lies at its start. */
  head: RecordEnd | undefined;
  /** A page says that the record which began before, and was not finished, has been given up: behind what `head` has of it. */
  isOverwritten: boolean;
  /** The first record that begins and ends in the segment, and the one before it that it names. */
  first: { start: bigint; offset: number; previous: bigint } | undefined;
  /** Whole records. */
  records: number;
  /** Where the last of them begins. */
  last: bigint | undefined;
  /** Behind the last whole record. */
  reached: bigint;
  tail: RecordStart | undefined;
  stop: WalStop | undefined;
  /** Behind the stop are pages of this place: WAL was written there, and has not ended. */
  isFollowed: boolean;
  /** Backups that end here (XLOG_BACKUP_END): where each began, and the end of the record. */
  backupEnds: { start: bigint; end: bigint }[];
}

const shortHeaderBytes = 24;
const longHeaderBytes = 40;
const recordHeaderBytes = 24;
/** Of the record's header, what its CRC covers. */
const checkedHeaderBytes = 20;
export const keptBytes = 40;
const Flag = { firstIsContinued: 1, longHeader: 2, all: 0x0f, firstIsOverwritten: 8 };
/** XLogRecordMaxSize is 1020 MiB; older versions have no limit but that of palloc, 1 GiB. */
const largestRecord = 1024 * 1024 * 1024;
/** Resource manager and kind as they stand in the fifth word of a record's header: XLOG_SWITCH and XLOG_BACKUP_END. */
const Kind = { mask: 0xfff0, switch: 0x0040, backupEnd: 0x0050 };
/** Before the data of XLOG_BACKUP_END: XLR_BLOCK_ID_DATA_SHORT, and 8 bytes. */
const backupEndData = 0x08ff;
const mostBackupEnds = 64;

/** By the number that every page begins with. Before 9.5, records had another header and another checksum. */
const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0xd087, '9.5'],
  [0xd093, '9.6'],
  [0xd097, '10'],
  [0xd098, '11'],
  [0xd101, '12'],
  [0xd106, '13'],
  [0xd10d, '14'],
  [0xd110, '15'],
  [0xd113, '16'],
  [0xd116, '17'],
  [0xd118, '18'],
]);

/** Major version of PostgreSQL that writes pages with this number; undefined where their records are not known. */
export function walVersion(magic: number): string | undefined {
  return VERSIONS.get(magic);
}

/** A record of which not all has come. */
interface OpenRecord {
  /** Byte in the segment; of what belongs to a record that began before: undefined. */
  start: number | undefined;
  totalBytes: number;
  have: number;
  crc: number;
  kept: Uint8Array;
}

/** Places are counted in bytes from the segment's first, and no segment lies across 4 GiB: they are numbers, never big ones. */
export class SegmentWalk {
  readonly segmentBytes: number;
  readonly pageBytes: number;
  readonly #segment: string;
  readonly #timeline: number;
  readonly #begin: bigint;
  readonly #high: number;
  readonly #low: number;
  readonly #isFromStart: boolean;
  /** Where the next record begins, or the page in front of it. */
  #position: number;
  #nextPage = 0;
  /** The start of the record before. */
  #previous = -1;
  #first: WalkedSegment['first'];
  #open: OpenRecord | undefined;
  #head: WalkedSegment['head'];
  #isOverwritten = false;
  #magic = 0;
  #firstTimeline = 0;
  /** Of the page before; a segment in which a timeline begins starts with pages of the one before. */
  #pageTimeline = 1;
  #records = 0;
  #stop: WalStop | undefined;
  #isFollowed = false;
  readonly #backupEnds: WalkedSegment['backupEnds'] = [];

  /**
   * @param segment its name
   * @param from a byte of the segment where a record begins; undefined: what the segment begins with
   */
  constructor(
    segment: string,
    { segmentBytes, pageBytes, from }: { segmentBytes: number; pageBytes: number; from?: number | undefined },
  ) {
    this.#segment = segment;
    this.segmentBytes = segmentBytes;
    this.pageBytes = pageBytes;
    this.#timeline = Number.parseInt(segment.slice(0, 8), 16);
    this.#begin = segmentBegin(segment, segmentBytes);
    this.#high = Number(this.#begin >> 32n) | 0;
    this.#low = Number(this.#begin & 0xffffffffn);
    this.#isFromStart = from === undefined;
    this.#position = from ?? 0;
  }

  /** The next whole pages of the segment; they must come in order. Nothing of them is kept. */
  pages(bytes: Uint8Array): void {
    const words = wordsOf(bytes);
    const pageWords = this.pageBytes >> 2;
    for (let page = 0; page + pageWords <= words.length && this.#nextPage < this.segmentBytes; page += pageWords) {
      const at = this.#nextPage;
      this.#nextPage += this.pageBytes;
      if (this.#stop) this.#isFollowed ||= this.#isPageHere(words, page, at);
      // In front of the start, or behind a switch to the next segment.
      else if (this.#nextPage > this.#position) this.#page(words, page, at);
    }
  }

  /** What was found; of a segment that is not whole, as far as it came. */
  end(): WalkedSegment {
    const open = this.#open;
    return {
      segment: this.#segment,
      begin: this.#begin,
      end: this.#begin + BigInt(this.segmentBytes),
      version: walVersion(this.#magic) ?? '',
      timelines: [this.#firstTimeline, this.#pageTimeline],
      head: this.#head,
      isOverwritten: this.#isOverwritten,
      first: this.#first,
      records: this.#records,
      last: this.#previous < 0 ? undefined : this.#here(this.#previous),
      reached: this.#here(open?.start ?? this.#position),
      tail: open?.start === undefined ? undefined : this.#tailOf(open, open.start),
      stop: this.#stop,
      isFollowed: this.#isFollowed,
      backupEnds: this.#backupEnds,
    };
  }

  #tailOf({ totalBytes, have, crc, kept }: OpenRecord, start: number): RecordStart {
    return { start: this.#here(start), segment: this.#segment, offset: start, totalBytes, have, crc, kept };
  }

  #page(words: Int32Array, page: number, at: number): void {
    const problem = this.#pageProblem(words, page, at);
    if (problem) {
      const open = this.#open;
      // Of a record that began before, whoever joins the segments knows more.
      const what =
        open?.start === undefined
          ? ''
          : `${lsnText(this.#here(open.start))} is not finished: the page at ${lsnText(this.#here(at))} `;
      this.#end(open?.start ?? at, problem.code, `${what}${problem.message}`);
      return;
    }
    const flags = (words[page] as number) >>> 16;
    const headerBytes = at === 0 ? longHeaderBytes : shortHeaderBytes;
    let inside = Math.max(this.#position - at, headerBytes);
    if (this.#open) {
      inside = this.#goOn(words, page, { at, headerBytes });
    } else if (at === 0 && this.#isFromStart) {
      this.#isOverwritten = (flags & Flag.firstIsOverwritten) !== 0;
      if ((flags & Flag.firstIsContinued) !== 0) inside = this.#beginHead(words, page);
    } else if (inside === headerBytes && (flags & Flag.firstIsContinued) !== 0) {
      this.#end(at, 'damaged', 'goes on with a record that never began');
    }
    if (!this.#stop && !this.#open) this.#records += this.#walk(words, page, at, inside);
  }

  /** The records that begin in this page; returns how many of them end in it. */
  #walk(words: Int32Array, page: number, at: number, from: number): number {
    const { pageBytes } = this;
    let inside = from;
    let count = 0;
    while (inside < pageBytes) {
      // Records are aligned to 8 bytes, as pages are: the length is never divided.
      const word = page + (inside >> 2);
      const totalBytes = (words[word] as number) >>> 0;
      const start = at + inside;
      if (totalBytes < recordHeaderBytes || totalBytes > largestRecord) {
        this.#position = start;
        if (totalBytes === 0) this.#end(start, 'incomplete', 'is empty');
        else this.#fail(start, `has a length that no record has, ${totalBytes}`);
        return count;
      }
      if (inside + totalBytes > pageBytes) {
        this.#open = { start, totalBytes, have: 0, crc: crc32cStart, kept: new Uint8Array(keptBytes) };
        this.#take(words, page, inside);
        return count;
      }
      const data = word + (recordHeaderBytes >> 2);
      const crc = crc32cAddWords(crc32cStart, words, data, totalBytes - recordHeaderBytes);
      if (!this.#isRight(words, word, start, crc)) return count;
      count++;
      inside = (inside + totalBytes + 7) & ~7;
      this.#position = at + inside;
      if (((words[word + 4] as number) & 0xff00) === 0 && this.#isSwitch(words, word, totalBytes)) return count;
    }
    return count;
  }

  /**
   * Whether a record is what was written, and follows the one before; the words of its header begin at `word`.
   *
   * @param crc of its data
   */
  #isRight(words: Int32Array, word: number, start: number, crc: number): boolean {
    if (~crc32cAddWords(crc, words, word, checkedHeaderBytes) !== words[word + 5]) {
      this.#fail(start, 'does not have the CRC that it records');
      return false;
    }
    const low = (words[word + 2] as number) >>> 0;
    const high = words[word + 3] as number;
    if (this.#previous < 0) {
      this.#first ??= { start: this.#here(start), offset: start, previous: bigOf(low, high) };
    } else if (low !== this.#low + this.#previous || high !== this.#high) {
      this.#fail(start, `follows a record at ${lsnText(bigOf(low, high))}, which is not the one before it`);
      return false;
    }
    this.#previous = start;
    return true;
  }

  /** Of the records about the WAL itself, two matter. Returns whether nothing more is in this segment. */
  #isSwitch(words: Int32Array, word: number, totalBytes: number): boolean {
    const kind = (words[word + 4] as number) & Kind.mask;
    if (kind === Kind.backupEnd) {
      const begun = backupStart(words, word, totalBytes);
      if (begun !== undefined && this.#backupEnds.length < mostBackupEnds)
        this.#backupEnds.push({ start: begun, end: this.#here(this.#position) });
    }
    if (kind !== Kind.switch) return false;
    this.#position = this.segmentBytes;
    return true;
  }

  #pageProblem(words: Int32Array, page: number, at: number): Pick<WalStop, 'code' | 'message'> | undefined {
    const damaged = (message: string) => ({ code: 'damaged', message }) as const;
    const first = words[page] as number;
    const magic = first & 0xffff;
    const flags = first >>> 16;
    if (magic === 0 && words[page + 2] === 0 && words[page + 3] === 0) {
      return { code: 'incomplete', message: 'is empty' };
    }
    if (this.#magic === 0) this.#magic = magic;
    if (magic !== this.#magic) return damaged('does not begin as a page of this WAL');
    if ((flags & ~Flag.all) !== 0) return damaged('has flags that no page has');
    if (((flags & Flag.longHeader) !== 0) !== (at === 0)) return damaged('has the header of another place');
    if (!this.#isAddressed(words, page, at)) {
      const place = bigOf((words[page + 2] as number) >>> 0, words[page + 3] as number);
      return damaged(`was written for ${lsnText(place)}, not for ${lsnText(this.#here(at))}`);
    }
    const timeline = (words[page + 1] as number) >>> 0;
    if (timeline > this.#timeline) return damaged('is of a later timeline');
    if (timeline < this.#pageTimeline) return damaged('is of a timeline before that of the page before it');
    this.#pageTimeline = timeline;
    this.#firstTimeline ||= timeline;
    if (at !== 0) return undefined;
    const isSame = words[page + 8] === this.segmentBytes && words[page + 9] === this.pageBytes;
    return isSame ? undefined : damaged('names other sizes of segments and pages than the one before');
  }

  #isAddressed(words: Int32Array, page: number, at: number): boolean {
    return (words[page + 2] as number) >>> 0 === this.#low + at && words[page + 3] === this.#high;
  }

  /** Whether a page was written for this place, with something in it. */
  #isPageHere(words: Int32Array, page: number, at: number): boolean {
    const isWritten = words[page + (shortHeaderBytes >> 2)] !== 0;
    return (
      isWritten && at > 0 && ((words[page] as number) & 0xffff) === this.#magic && this.#isAddressed(words, page, at)
    );
  }

  /** What the segment begins with belongs to a record of the one before: all of it is summed up, and none of it judged. */
  #beginHead(words: Int32Array, page: number): number {
    const announced = (words[page + 4] as number) >>> 0;
    if (announced === 0 || announced > largestRecord) {
      this.#end(0, 'damaged', `goes on with ${announced} bytes of a record, which none has left`);
      return this.pageBytes;
    }
    this.#open = { start: undefined, totalBytes: announced, have: 0, crc: 0, kept: new Uint8Array(keptBytes) };
    return this.#take(words, page, longHeaderBytes);
  }

  /** A record that began on a page before this one; returns where the next one begins in this page. */
  #goOn(words: Int32Array, page: number, { at, headerBytes }: { at: number; headerBytes: number }): number {
    const open = this.#open as OpenRecord;
    const flags = (words[page] as number) >>> 16;
    if (flags & Flag.firstIsOverwritten) {
      // The server fell down inside of the record, and after recovery wrote another one over its end.
      this.#isOverwritten ||= open.start === undefined;
      this.#open = undefined;
      this.#position = at;
      return headerBytes;
    }
    const left = open.totalBytes - open.have;
    if ((flags & Flag.firstIsContinued) === 0 || (words[page + 4] as number) >>> 0 !== left) {
      if (open.start === undefined) this.#end(at, 'damaged', 'does not go on with the record before it');
      else this.#fail(open.start, 'is not finished on the next page');
      return this.pageBytes;
    }
    return this.#take(words, page, headerBytes);
  }

  /** What this page has of the open record; returns where the next one begins in this page. */
  #take(words: Int32Array, page: number, from: number): number {
    const open = this.#open as OpenRecord;
    const length = Math.min(open.totalBytes - open.have, this.pageBytes - from);
    const first = page + (from >> 2);
    if (open.have < keptBytes) {
      const bytes = new Uint8Array(words.buffer, words.byteOffset + first * 4, Math.min(length, keptBytes - open.have));
      open.kept.set(bytes, open.have);
    }
    // Whatever came before was a multiple of 8, as pages and their headers are.
    const before = Math.min(Math.max(recordHeaderBytes - open.have, 0), length);
    open.crc = crc32cAddWords(open.crc, words, first + (before >> 2), length - before);
    open.have += length;
    const at = this.#nextPage - this.pageBytes;
    const next = (from + length + 7) & ~7;
    if (open.start === undefined) this.#keepHead(open, at + next);
    if (open.have < open.totalBytes) return this.pageBytes;
    this.#open = undefined;
    if (open.start === undefined) {
      this.#position = at + next;
      return next;
    }
    const header = wordsOf(open.kept);
    if (!this.#isRight(header, 0, open.start, open.crc)) return this.pageBytes;
    this.#records++;
    this.#position = at + next;
    const isOfWal = ((header[4] as number) & 0xff00) === 0;
    return isOfWal && this.#isSwitch(header, 0, open.totalBytes) ? this.pageBytes : next;
  }

  #keepHead({ have, totalBytes, crc, kept }: OpenRecord, end: number): void {
    this.#head = { announced: totalBytes, have, crc, kept, end: this.#here(end) };
  }

  #fail(start: number, message: string): void {
    this.#position = start;
    this.#end(start, 'damaged', `${lsnText(this.#here(start))} ${message}`);
  }

  #end(offset: number, code: WalStop['code'], message: string): void {
    if (this.#open?.start !== undefined) this.#position = this.#open.start;
    this.#open = undefined;
    this.#stop = { code, segment: this.#segment, offset, message };
  }

  #here(place: number): bigint {
    return this.#begin + BigInt(place);
  }
}

/** What a record of a header's words says of the end of a backup: where the backup began. */
export function backupStart(words: Int32Array, word: number, totalBytes: number): bigint | undefined {
  if (((words[word + 4] as number) & Kind.mask) !== Kind.backupEnd || totalBytes !== recordHeaderBytes + 10)
    return undefined;
  const [first = 0, second = 0, third = 0] = words.subarray(word + 6, word + 9);
  if ((first & 0xffff) !== backupEndData) return undefined;
  return bigOf(((first >>> 16) | (second << 16)) >>> 0, (second >>> 16) | (third << 16));
}

/** The CRC of a record is right: `crc` is the state behind its data. */
export function hasItsCrc(header: Int32Array, crc: number): boolean {
  return crc32cEnd(crc32cAddWords(crc, header, 0, checkedHeaderBytes)) === (header[5] as number) >>> 0;
}

/** The start of the record before, which a record's header names. */
export function previousOf(header: Int32Array): bigint {
  return bigOf((header[2] as number) >>> 0, header[3] as number);
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The same bytes as words of 32 bits, little endian; in place where their place in memory and the machine allow it. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  if (isLittleEndian && bytes.byteOffset % 4 === 0)
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getInt32(index * 4, true));
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

/** Where a segment begins, from its name. */
export function segmentBegin(segment: string, segmentBytes: number): bigint {
  return (BigInt(`0x${segment.slice(8, 16)}`) << 32n) + BigInt(`0x${segment.slice(16, 24)}`) * BigInt(segmentBytes);
}

/** As PostgreSQL writes it: `0/2000028`. */
export function lsnText(place: bigint): string {
  return `${(place >> 32n).toString(16).toUpperCase()}/${(place & 0xffffffffn).toString(16).toUpperCase()}`;
}

function bigOf(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
