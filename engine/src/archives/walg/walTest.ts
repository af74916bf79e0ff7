/**
 * Proves that the WAL of a backup is all there, and can be replayed: from where it began to where it ended, or to the newest
 * segment.
 */

import { type Failure, RestoreError } from '../../failure.ts';
import { Lanes } from '../pgbackrest/lanes.ts';
import { nextSegment } from '../pgbackrest/wal.ts';
import { type FoundSegment, WalProof } from '../walProof.ts';
import type { BucketFiles } from './bucketFiles.ts';
import type { Crew } from './crew.ts';
import { segmentAt, segmentStart, timelineOf } from './names.ts';
import { StorageTally } from './storageTally.ts';
import { type Opening, readObject } from './storedObject.ts';
import type { StoredWal, WalArchive } from './walArchive.ts';
import { type HistoryLine, parseHistory, type WalCheckResult } from './walCheck.ts';

export interface WalRange {
  /** The first segment that recovery reads. */
  start: string;
  /** Where in it the backup began; undefined where nobody recorded it. */
  startLsn: bigint | undefined;
  /** Where the backup ends; undefined where nobody recorded it. */
  finishLsn: bigint | undefined;
  systemId: bigint | undefined;
  /** Major version of PostgreSQL; undefined where nobody recorded it. */
  version: string | undefined;
  /** What the backup's name says of it; the first segment that can be read knows better. */
  segmentBytes: number;
}

export interface WalResult {
  first: string;
  last: string;
  /** The timeline that was followed to its end. */
  timeline: number;
  segments: number;
  verified: number;
  bytes: number;
  segmentBytes: number | undefined;
  storage: StorageTally;
  failures: Failure[];
  /** What the records in the segments are; all have been told to it. */
  proof: WalProof;
  notes: string[];
}

const mostSegments = 1_000_000;

/** Segments that follow each other and are not there. */
interface Gap {
  first: string;
  last: string;
  count: number;
}

interface Work {
  files: BucketFiles;
  crew: Crew;
  opening: Opening;
  archive: WalArchive;
}

/** @throws RestoreError `cancelled`; whatever is wrong with the WAL is in the result */
export async function testWal(work: Work, range: WalRange, toNewest: boolean): Promise<WalResult> {
  const test = new WalTest(work, range);
  await test.run();
  if (toNewest) await test.runToNewest();
  return test.result;
}

class WalTest {
  readonly #work: Work;
  readonly #range: WalRange;
  readonly #timeline: number;
  readonly result: WalResult;

  constructor(work: Work, range: WalRange) {
    this.#work = work;
    this.#range = range;
    this.#timeline = timelineOf(range.start);
    this.result = {
      first: range.start,
      last: range.start,
      timeline: timelineOf(range.start),
      segments: 0,
      verified: 0,
      bytes: 0,
      segmentBytes: undefined,
      storage: new StorageTally(),
      failures: [],
      proof: new WalProof({ start: range.startLsn, stop: range.finishLsn, version: range.version }),
      notes: [],
    };
  }

  /** What makes the backup consistent. */
  async run(): Promise<void> {
    const { start, finishLsn } = this.#range;
    await this.#needed(start);
    if (finishLsn === undefined) {
      this.result.notes.push('The backup does not record where it ended: only its first WAL segment was demanded.');
      return;
    }
    // A stop right at a border belongs to the segment that ends there.
    const last = segmentAt(finishLsn - 1n, this.#timeline, this.#segmentBytes);
    if (last < start) {
      this.result.failures.push({
        code: 'damaged',
        stage: 'wal',
        path: this.#work.archive.folder,
        message: `the backup says that it ended in WAL segment ${last}, before it began in ${start}`,
        hint: 'Its sentinel was changed, or is of another backup: copy it again.',
      });
      return;
    }
    const distance =
      finishLsn / BigInt(this.#segmentBytes) - segmentStart(start, this.#segmentBytes) / BigInt(this.#segmentBytes);
    if (distance > BigInt(mostSegments)) {
      this.result.failures.push({
        code: 'damaged',
        stage: 'wal',
        path: this.#work.archive.folder,
        message: `the backup says that it ended ${distance} WAL segments after it began`,
        hint: 'Its sentinel was changed, or is of another backup: copy it again.',
      });
      return;
    }
    await this.#walk(start, nextSegment(last, this.#segmentBytes), (gap) => this.#reportNeeded(gap));
    this.result.last = last;
    await this.#checkOwnHistory();
  }

  /** What a recovery to the present needs: the rest of the timeline, and of those that followed it. */
  async runToNewest(): Promise<void> {
    const path = await this.#timelinesAhead();
    if (!path) return;
    let from = this.result.last;
    for (const [index, timeline] of path.entries()) {
      const next = path[index + 1];
      const end =
        next?.switchedAt === undefined ? undefined : segmentAt(next.switchedAt, timeline.id, this.#segmentBytes);
      if (index > 0) {
        const begin = segmentAt(timeline.switchedAt ?? 0n, timeline.id, this.#segmentBytes);
        await this.#needed(begin);
        from = begin;
      }
      this.result.timeline = timeline.id;
      await this.#followTimeline(timeline.id, from, end);
    }
  }

  get #segmentBytes(): number {
    return this.result.segmentBytes ?? this.#range.segmentBytes;
  }

  /** @param end the segment in which the next timeline begins: that one's own copy is read instead */
  async #followTimeline(timeline: number, from: string, end: string | undefined): Promise<void> {
    const { archive } = this.#work;
    const newest = archive.segments(timeline).at(-1) ?? from;
    const until = end ?? nextSegment(newest, this.#segmentBytes);
    await this.#walk(from, until, (gap) => this.#reportGap(gap));
    const partial = archive.find(`${end ?? until}.partial`);
    for (const it of partial.slice(0, 1)) await this.#read(it);
  }

  /** The segments between two others; what is missing is told in runs, not one by one. */
  async #walk(after: string, before: string, onGap: (gap: Gap) => void): Promise<void> {
    const { archive, crew } = this.#work;
    const lanes = new Lanes(crew.size);
    let gap: Gap | undefined;
    let steps = 0;
    for (let segment = nextSegment(after, this.#segmentBytes); segment < before && steps < mostSegments; steps++) {
      const next = segment;
      segment = nextSegment(segment, this.#segmentBytes);
      if (archive.find(next).length === 0) {
        gap = gap ? { ...gap, last: next, count: gap.count + 1 } : { first: next, last: next, count: 1 };
        continue;
      }
      if (gap) this.#tellGap(gap, onGap);
      gap = undefined;
      this.result.last = next;
      const tell = this.result.proof.next();
      await lanes.add(() => this.#segment(next, tell));
    }
    if (gap) this.#tellGap(gap, onGap);
    await lanes.end();
  }

  #tellGap(gap: Gap, onGap: (gap: Gap) => void): void {
    this.result.proof.next()();
    onGap(gap);
  }

  #reportGap({ first, last, count }: Gap): void {
    this.result.failures.push({
      code: 'incomplete',
      stage: 'wal',
      path: `${this.#work.archive.folder}/${first}`,
      message: `${count === 1 ? `WAL segment ${first} is` : `${count} WAL segments, ${first} to ${last}, are`} missing: recovery ends there`,
      hint: 'PostgreSQL takes this for the end of the archive, and starts with everything after it lost. If they were never archived, make a new backup.',
    });
  }

  /**
   * As PostgreSQL finds the newest timeline: the histories of one timeline after the other, until one is not there.
   * undefined when that timeline does not come from this backup.
   */
  async #timelinesAhead(): Promise<{ id: number; switchedAt: bigint | undefined }[] | undefined> {
    const { archive } = this.#work;
    let newest = this.#timeline;
    while (archive.find(historyName(newest + 1)).length > 0) newest++;
    const beyond = archive.others().histories.filter((it) => Number.parseInt(it.file.slice(0, 8), 16) > newest);
    if (beyond[0]) {
      this.result.notes.push(
        `${beyond[0].file} is there, but not the history of timeline ${newest + 1}: PostgreSQL stops looking before it.`,
      );
    }
    if (newest === this.#timeline) return [{ id: newest, switchedAt: undefined }];
    const history = await this.#history(newest);
    if (!history) return undefined;
    const own = history.findIndex((it) => it.timeline === this.#timeline);
    const left = history[own];
    if (!left || (this.#range.finishLsn !== undefined && left.switchedAt < this.#range.finishLsn)) {
      this.result.failures.push({
        code: 'incomplete',
        stage: 'wal',
        path: archive.find(historyName(newest))[0]?.object,
        message: `timeline ${newest}, the newest, does not come from this backup: ${left ? 'it branched off before the backup ended' : `timeline ${this.#timeline} is none of its ancestors`}`,
        hint: `Recover with recovery_target_timeline = 'current', or from a backup of timeline ${newest}.`,
      });
      return [{ id: this.#timeline, switchedAt: undefined }];
    }
    const ahead = history.slice(own);
    return [
      { id: this.#timeline, switchedAt: undefined },
      ...ahead.map((it, index) => ({ id: ahead[index + 1]?.timeline ?? newest, switchedAt: it.switchedAt })),
    ];
  }

  async #checkOwnHistory(): Promise<void> {
    if (this.#timeline === 1) return;
    if (this.#work.archive.find(historyName(this.#timeline)).length > 0) {
      await this.#history(this.#timeline);
      return;
    }
    this.result.notes.push(
      `The history of timeline ${this.#timeline} is not in the archive: PostgreSQL recovers without it, but not to points before the timeline began.`,
    );
  }

  async #history(timeline: number): Promise<HistoryLine[] | undefined> {
    const [stored] = this.#work.archive.find(historyName(timeline));
    if (!stored) return undefined;
    const { files, opening } = this.#work;
    const found = await this.#attempt(() =>
      readObject(files, { name: stored.object, compression: stored.compression }, opening, async (plain) => {
        const bytes = await plain.read(1024 * 1024);
        return parseHistory(Buffer.from(bytes).toString('latin1'), stored.object);
      }),
    );
    if (found) this.result.storage.add(found.storage);
    return found?.value;
  }

  async #needed(segment: string): Promise<void> {
    const tell = this.result.proof.next();
    if (this.#work.archive.find(segment).length > 0) return this.#segment(segment, tell);
    tell();
    this.#reportNeeded({ first: segment, last: segment, count: 1 });
  }

  #reportNeeded({ first, last, count }: Gap): void {
    this.result.segments += count;
    const isPartial = this.#work.archive.find(`${last}.partial`).length > 0;
    const what =
      count === 1 ? `WAL segment ${first} is missing` : `${count} WAL segments, ${first} to ${last}, are missing`;
    this.result.failures.push({
      code: 'incomplete',
      stage: 'wal',
      path: `${this.#work.archive.folder}/${first}`,
      message: `${what}${isPartial ? ' (of the last there is only a partial one, which PostgreSQL does not ask for)' : ''}; PostgreSQL cannot make the backup consistent without ${count === 1 ? 'it' : 'them'}`,
      hint: isPartial
        ? 'Rename the .partial object to the name of the segment if the timeline really ended there.'
        : 'Copy wal_005/ together with basebackups_005/; if it was never archived, use another backup.',
    });
  }

  async #segment(segment: string, tell: (found?: FoundSegment) => void): Promise<void> {
    this.result.segments++;
    const [stored, ...others] = this.#work.archive.find(segment);
    if (!stored) return tell();
    if (others.length > 0 && this.result.notes.length < 20) {
      this.result.notes.push(
        `WAL segment ${segment} is stored ${others.length + 1} times, with different codecs; ${stored.object} was read, which is the first that WAL-G looks for.`,
      );
    }
    const found = await this.#read(stored);
    tell(found?.records && { object: stored.object, records: found.records });
    if (!found) return;
    this.result.verified++;
    this.result.bytes += found.bytes;
    this.result.segmentBytes ??= found.segmentBytes;
  }

  async #read({ object, compression, file }: StoredWal): Promise<WalCheckResult | undefined> {
    const { systemId, startLsn: start } = this.#range;
    const task = { kind: 'wal', object, compression, file, systemId, start } as const;
    const found = await this.#attempt(() => this.#work.crew.run(task));
    if (found) this.result.storage.add(found.storage);
    return found;
  }

  /** To PostgreSQL every failure of restore_command is the end of the archive. Here it is a failure. */
  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
      const { hint, ...failure } = error.failure;
      this.result.failures.push({
        ...failure,
        hint: `${hint ?? 'Copy it again.'} WAL-G would fail here, which PostgreSQL takes for the end of the archive: recovery ends, and everything after it is lost.`,
      });
      return undefined;
    }
  }
}

function historyName(timeline: number): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
}
