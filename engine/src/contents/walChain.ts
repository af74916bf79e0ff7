/** Joins the segments of WAL that were walked one by one: the records that go on from one to the next, and their order. */

import { crc32cAdd, crc32cJoin } from './crc32c.ts';
import {
  backupStart,
  hasItsCrc,
  keptBytes,
  lsnText,
  previousOf,
  type RecordPart,
  type RecordStart,
  type WalkedSegment,
  type WalStop,
  wordsOf,
} from './walRecords.ts';

const recordHeaderBytes = 24;

export class WalChain {
  /** Where the walk began: undefined where the first segment was walked from whatever it begins with. */
  readonly start: bigint | undefined;
  #next: bigint | undefined;
  #previous: bigint | undefined;
  #open: RecordStart | undefined;
  #reached: bigint | undefined;
  #version: string | undefined;
  #timeline = 1;
  #records = 0;
  #stop: WalStop | undefined;
  #isFollowed = false;
  #backupEnd: bigint | undefined;
  /** Of a record that began before the first segment: how much is still to come, and cannot be judged. */
  #unknown = 0;

  /** @param start a place where a record begins, and at which the first segment was walked from */
  constructor(start?: bigint) {
    this.start = start;
  }

  /** Whole records so far. */
  get records(): number {
    return this.#records;
  }

  /** How far all is right: behind the last whole record. */
  get reached(): bigint {
    return this.#reached ?? this.start ?? 0n;
  }

  /** Set when the WAL does not go on; segments that follow only tell that there is more. */
  get stop(): WalStop | undefined {
    const stop = this.#stop;
    if (stop?.code !== 'incomplete') return stop;
    return this.#isFollowed
      ? { ...stop, code: 'damaged', message: `${stop.message}, although more WAL follows it` }
      : { ...stop, message: `${stop.message}: the WAL ends before it` };
  }

  /** WAL that cannot be reached lies behind the stop. */
  get isFollowed(): boolean {
    return this.#isFollowed;
  }

  /** A record goes on in the next segment. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Major version of PostgreSQL that wrote it; undefined before the first segment. */
  get version(): string | undefined {
    return this.#version;
  }

  /** Behind the record that ends the backup which began at `start`; undefined when none was met. */
  get backupEnd(): bigint | undefined {
    return this.#backupEnd;
  }

  /** Where the segment has to begin that comes next; undefined: anywhere. */
  next(segmentBytes: number): bigint | undefined {
    return this.#next ?? (this.start === undefined ? undefined : this.start - (this.start % BigInt(segmentBytes)));
  }

  /** As it is now: what is added to one, the other does not know. */
  copy(): WalChain {
    const copy = new WalChain(this.start);
    copy.#next = this.#next;
    copy.#previous = this.#previous;
    copy.#open = this.#open;
    copy.#reached = this.#reached;
    copy.#version = this.#version;
    copy.#timeline = this.#timeline;
    copy.#records = this.#records;
    copy.#stop = this.#stop;
    copy.#isFollowed = this.#isFollowed;
    copy.#backupEnd = this.#backupEnd;
    copy.#unknown = this.#unknown;
    return copy;
  }

  /** The segment that comes next. */
  add(part: WalkedSegment): void {
    const expected = this.#next;
    const isFirst = expected === undefined;
    this.#next = part.end;
    if (this.#stop) {
      // A segment that holds nothing of its own place is no more WAL.
      this.#isFollowed ||= part.records > 0 || part.head !== undefined;
      return;
    }
    this.#version ??= part.version;
    if (isFirst) this.#reached = this.start ?? part.begin;
    const problem = this.#joinProblem(part, expected);
    if (problem) this.#end(part, problem);
    else if (isFirst && this.start === undefined) this.#passOver(part);
    else this.#join(part);
  }

  #joinProblem(part: WalkedSegment, expected = part.begin): string | undefined {
    if (part.begin !== expected) return `begins at ${lsnText(part.begin)}, where ${lsnText(expected)} was to come`;
    if (part.version !== this.#version) return `is of PostgreSQL ${part.version}, the one before of ${this.#version}`;
    const [first, last] = part.timelines;
    if (first !== 0 && first < this.#timeline) return 'is of a timeline before that of the segment before it';
    this.#timeline = Math.max(this.#timeline, last);
    return undefined;
  }

  /** What a segment begins with when nothing is known of the one before. */
  #passOver(part: WalkedSegment): void {
    this.#unknown = part.head && !part.isOverwritten ? part.head.announced - part.head.have : 0;
    if (this.#unknown === 0 || part.stop) this.#takeRest(part);
  }

  #join(part: WalkedSegment): void {
    const open = this.#open;
    const { head, isOverwritten } = part;
    const isUnknown = this.#unknown > 0;
    if (isUnknown && !isOverwritten) {
      if (head?.announced === this.#unknown || part.stop?.offset === 0) this.#passOver(part);
      else this.#end(part, 'does not go on with the record before it');
      return;
    }
    this.#unknown = 0;
    if (open && isOverwritten && (!head || head.announced === open.totalBytes - open.have)) {
      // The server fell down inside of the record, and after recovery wrote another one behind it.
      this.#open = undefined;
      this.#reached = part.begin;
    } else if (open) {
      if (!this.#goOn(open, part)) return;
    } else if (head && !isUnknown) {
      this.#end(part, 'goes on with a record that never began');
      return;
    }
    this.#takeRest(part);
  }

  /** Everything behind what belongs to a record that began before. */
  #takeRest(part: WalkedSegment): void {
    // A record that fills the whole segment leaves nothing else in it.
    if (this.#open) return;
    const { first } = part;
    if (first && !this.#follows(first.previous)) {
      this.#stop = {
        code: 'damaged',
        segment: part.segment,
        offset: first.offset,
        message: `${lsnText(first.start)} follows a record at ${lsnText(first.previous)}, which is not the one before it`,
      };
      this.#isFollowed = true;
      return;
    }
    for (const { start, end } of part.backupEnds) if (start === this.start) this.#backupEnd ??= end;
    this.#records += part.records;
    this.#previous = part.last ?? this.#previous;
    this.#reached = part.reached;
    this.#open = part.tail;
    if (part.stop) {
      this.#stop = part.stop;
      this.#isFollowed = part.isFollowed;
    }
  }

  /** Returns whether there is more in the segment than the rest of the record, or all of it is right so far. */
  #goOn(open: RecordStart, part: WalkedSegment): boolean {
    const { head, stop } = part;
    const goesOn = head?.announced === open.totalBytes - open.have;
    const isPageWrong = head ? goesOn && head.have < head.announced : stop?.offset === 0;
    if (stop && isPageWrong) {
      this.#stop = { ...stop, message: `${lsnText(open.start)} is not finished: the page ${stop.message}` };
      this.#isFollowed = part.isFollowed;
      this.#open = undefined;
      return false;
    }
    if (!goesOn) {
      this.#fail(open, 'is not finished in the segment behind it');
      return false;
    }
    const grown = grow(open, head);
    this.#open = grown;
    if (head.have < head.announced) return true;
    const header = wordsOf(grown.kept);
    if (!hasItsCrc(header, grown.crc)) {
      this.#fail(open, `does not have the CRC that it records; it goes on to segment ${part.segment}`);
      return false;
    }
    if (!this.#follows(previousOf(header))) {
      this.#fail(open, `follows a record at ${lsnText(previousOf(header))}, which is not the one before it`);
      return false;
    }
    this.#open = undefined;
    this.#previous = open.start;
    this.#records++;
    const begun = backupStart(header, 0, grown.totalBytes);
    if (begun !== undefined && begun === this.start) this.#backupEnd ??= head.end;
    return true;
  }

  #follows(previous: bigint): boolean {
    if (this.#previous !== undefined) return previous === this.#previous;
    return this.start === undefined || previous < this.start;
  }

  /** A record that began before the segment at hand. */
  #fail({ segment, offset, start }: RecordStart, message: string): void {
    this.#open = undefined;
    this.#stop = { code: 'damaged', segment, offset, message: `${lsnText(start)} ${message}` };
    this.#isFollowed = true;
  }

  #end({ segment }: WalkedSegment, message: string): void {
    this.#open = undefined;
    this.#stop = { code: 'damaged', segment, offset: 0, message };
    this.#isFollowed = true;
  }
}

/** The record with what the next segment has of it. */
function grow(open: RecordStart, head: RecordPart): RecordStart {
  const kept = new Uint8Array(open.kept);
  if (open.have < keptBytes) kept.set(head.kept.subarray(0, keptBytes - open.have), open.have);
  // Of the first bytes at hand, some may belong to the header, which the CRC covers last.
  const inHeader = Math.min(Math.max(recordHeaderBytes - open.have, 0), head.have);
  const first = Math.min(recordHeaderBytes, head.have);
  const crc = crc32cAdd(open.crc, head.kept, inHeader, first);
  return { ...open, kept, crc: crc32cJoin(crc, head.crc, head.have - first), have: open.have + head.have };
}
