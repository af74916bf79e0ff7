/** `--wal latest`: follows the archive from the end of a backup to its newest segment, over every timeline on the way. */

import { stat } from 'node:fs/promises';
import { collect } from '../../bytes.ts';
import { decryptPgbackrest } from '../../crypto/pgbackrest.ts';
import { at, type Failure, fail, RestoreError } from '../../failure.ts';
import type { Secret } from '../../secret.ts';
import type { FoundSegment, WalProof } from '../walProof.ts';
import { type ByteText, readable, toByteText } from './byteText.ts';
import { Lanes } from './lanes.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';
import { type StoredSegment, segmentProblem, WalArchive } from './wal.ts';
import { type WalInventory, walInventories } from './walInventory.ts';
import { type CommitTimes, commitTimes } from './walRecords.ts';
import {
  type Branch,
  numberOf,
  reachable,
  readTimelineHistory,
  segmentName,
  timelineOf,
  timelinesOf,
} from './walTimelines.ts';

export interface WalFollowed {
  /** The timeline that recovery ends on. */
  timeline: number;
  /** Names of the ancestors that it goes through, from the backup's on, with where each is left: `1 to 0/3000000`. */
  switches: { timeline: number; to: string }[];
  /** Its last segment; undefined when the archive has none after the backup. */
  newest: string | undefined;
  /** When the last transaction in it ended, or else when it was stored. */
  newestAt: string | undefined;
  gaps: WalGap[];
  segments: number;
  verified: number;
  bytes: number;
  failures: Failure[];
  notes: string[];
}

export interface WalGap {
  /** The segments that are missing. */
  first: string;
  last: string;
  count: number;
  /** When the last transaction before and the first one after it ended, or else when those segments were stored. */
  from: string | undefined;
  to: string | undefined;
}

export interface WayOfBackup {
  stanza: ByteText;
  /** Archive ids of the cluster, the backup's first. */
  ids: string[];
  pass: Secret | undefined;
  systemId: bigint;
  /** The last segment that the backup itself needs, and where in it the backup ends. */
  stop: string;
  stopPosition: bigint | undefined;
  segmentBytes: number;
  /** Knows the records of the backup's own segments, and hears of those that follow. */
  proof: WalProof;
}

const atOnce = 2;
const mostGapsTimed = 20;
const mostFailures = 1000;
/** A larger segment is not read into memory for its times. */
const largestTimedBytes = 64 * 1024 * 1024;
const largestHistoryBytes = 1024 * 1024;

/** @throws RestoreError `cancelled`; whatever is wrong with the archive is in the result */
export async function followWal(files: RepositoryFiles, way: WayOfBackup): Promise<WalFollowed> {
  return new WalFollow(files, way).run();
}

class WalFollow {
  readonly #files: RepositoryFiles;
  readonly #from: WayOfBackup;
  readonly #archives: { id: string; wal: WalArchive }[];
  readonly #result: WalFollowed;
  /** By number: the timelines that have the segment, and the archive that holds each. */
  readonly #there = new Map<number, Map<number, WalArchive>>();

  constructor(files: RepositoryFiles, from: WayOfBackup) {
    this.#files = files;
    this.#from = from;
    this.#archives = from.ids.map((id) => ({
      id,
      wal: new WalArchive(files, `archive/${from.stanza}/${id}`, from.pass),
    }));
    this.#result = {
      timeline: timelineOf(from.stop),
      switches: [],
      newest: undefined,
      newestAt: undefined,
      gaps: [],
      segments: 0,
      verified: 0,
      bytes: 0,
      failures: [],
      notes: [],
    };
  }

  async run(): Promise<WalFollowed> {
    const { stop, stopPosition, segmentBytes, stanza, proof } = this.#from;
    const inventories = (await walInventories(this.#files, stanza)).filter((it) => this.#from.ids.includes(it.id));
    this.#index(inventories);
    const histories = await this.#readHistories(inventories);
    const last = numberOf(stop, segmentBytes);
    const end = stopPosition ?? BigInt(last) * BigInt(segmentBytes);
    const way = reachable({ timeline: timelineOf(stop), end }, histories);
    this.#describeWay(way, histories);

    const lanes = new Lanes(atOnce);
    let previous = last;
    let before = await this.#attempt(() => this.#find(last, way));
    if (before && timelineOf(before.stored.segment) !== timelineOf(stop)) {
      // The next timeline began in the segment in which the backup ended: recovery reads that one's.
      this.#result.segments++;
      await this.#check(before, proof.next());
    }
    for (const number of this.#numbersAfter(last, way)) {
      this.#result.segments++;
      const found = await this.#attempt(() => this.#find(number, way));
      if (number > previous + 1) {
        proof.next()();
        await this.#addGap(previous + 1, number, { before, after: found }, way);
      }
      previous = number;
      before = found;
      const tell = proof.next();
      if (found) await lanes.add(() => this.#check(found, tell));
      else tell();
    }
    await lanes.end();
    if (previous > last) {
      this.#result.newest = this.#nameOn(way, previous);
      this.#result.newestAt = before && (await this.#timeOf(before, 'last'));
    }
    return this.#result;
  }

  #index(inventories: WalInventory[]): void {
    // The backup's own archive is entered last and wins.
    for (const { id, wal } of [...this.#archives].reverse()) {
      for (const segment of inventories.find((it) => it.id === id)?.segments ?? []) {
        const number = numberOf(segment, this.#from.segmentBytes);
        const timelines = this.#there.get(number) ?? new Map<number, WalArchive>();
        this.#there.set(number, timelines.set(timelineOf(segment), wal));
      }
    }
  }

  async #readHistories(inventories: WalInventory[]): Promise<Branch[][]> {
    const found = new Map<number, Branch[]>();
    for (const object of inventories.flatMap((it) => it.histories)) {
      const timeline = Number.parseInt(object.slice(-16, -8), 16);
      const branches = await this.#attempt(async () => {
        try {
          return readTimelineHistory(timeline, await readSmallText(this.#files, object, this.#from.pass));
        } catch (error) {
          throw at(readable(object), error);
        }
      });
      if (branches) found.set(timeline, branches);
    }
    return [...found.values()];
  }

  #describeWay(way: Branch[], histories: Branch[][]): void {
    const { stop, segmentBytes } = this.#from;
    const own = timelineOf(stop);
    this.#result.timeline = way.at(-1)?.timeline ?? own;
    for (const { timeline, end } of way) {
      if (timeline >= own && end !== undefined) this.#result.switches.push({ timeline, to: positionText(end) });
    }
    const known = new Set([own, ...histories.map((it) => it.at(-1)?.timeline), ...way.map((it) => it.timeline)]);
    const after = numberOf(stop, segmentBytes);
    const unknown = new Set<number>();
    for (const [number, timelines] of this.#there) {
      if (number <= after) continue;
      for (const it of timelines.keys()) if (it > own && !known.has(it)) unknown.add(it);
    }
    for (const timeline of [...unknown].sort((a, b) => a - b)) {
      const name = `${segmentName(timeline, 0, segmentBytes).slice(0, 8)}.history`;
      this.#fail({
        code: 'incomplete',
        stage: 'wal',
        path: `archive/${readable(this.#from.stanza)}/${this.#from.ids[0]}/${name}`,
        message: `timeline ${timeline} has WAL in the archive, but its history ${name} is missing: no recovery finds the way onto it`,
        hint: 'Copy archive/ again; the file lies in pg_wal of the cluster that made the timeline as well.',
      });
    }
    const others = histories
      .map((it) => it.at(-1)?.timeline ?? 0)
      .filter((it) => !way.some((on) => on.timeline === it));
    const beside = others.filter((it) => it > own).sort((a, b) => a - b);
    if (beside.length > 0) {
      this.#result.notes.push(
        `WAL was followed onto timeline ${this.#result.timeline}; ${beside.length === 1 ? 'timeline' : 'timelines'} ${beside.join(', ')} cannot be reached on that way.`,
      );
    }
  }

  #numbersAfter(last: number, way: Branch[]): number[] {
    const numbers: number[] = [];
    for (const number of this.#there.keys()) if (number > last && this.#holder(number, way)) numbers.push(number);
    return numbers.sort((a, b) => a - b);
  }

  #holder(number: number, way: Branch[]): { timeline: number; wal: WalArchive } | undefined {
    const there = this.#there.get(number);
    for (const timeline of timelinesOf(number, way, this.#from.segmentBytes)) {
      const wal = there?.get(timeline);
      if (wal) return { timeline, wal };
    }
    return undefined;
  }

  #nameOn(way: Branch[], number: number): string {
    const { segmentBytes } = this.#from;
    const timeline = this.#holder(number, way)?.timeline ?? timelinesOf(number, way, segmentBytes)[0];
    return segmentName(timeline ?? this.#result.timeline, number, segmentBytes);
  }

  /** @throws RestoreError as `WalArchive.find` */
  async #find(number: number, way: Branch[]): Promise<Found | undefined> {
    const stored = await this.#holder(number, way)?.wal.find(this.#nameOn(way, number));
    const wal = this.#holder(number, way)?.wal;
    return stored && wal && { wal, stored };
  }

  async #check({ wal, stored }: Found, tell: (found?: FoundSegment) => void): Promise<void> {
    const read = await this.#attempt(async () => {
      const { header, bytes, records } = await wal.check(stored);
      this.#result.bytes += bytes;
      const object = readable(stored.object);
      const problem = segmentProblem(stored.segment, { header, bytes, systemId: this.#from.systemId });
      if (problem) throw new RestoreError({ ...problem, path: object });
      this.#result.verified++;
      return records && { object, records };
    });
    tell(read);
  }

  async #addGap(
    first: number,
    next: number,
    { before, after }: { before: Found | undefined; after: Found | undefined },
    way: Branch[],
  ): Promise<void> {
    const { stanza } = this.#from;
    const name = (number: number) => this.#nameOn(way, number);
    const isTimed = this.#result.gaps.length < mostGapsTimed;
    const gap: WalGap = {
      first: name(first),
      last: name(next - 1),
      count: next - first,
      from: isTimed && before ? await this.#timeOf(before, 'last') : undefined,
      to: isTimed && after ? await this.#timeOf(after, 'first') : undefined,
    };
    this.#result.gaps.push(gap);
    const which =
      gap.count === 1 ? `WAL segment ${gap.first} is` : `${gap.count} WAL segments, ${gap.first} to ${gap.last}, are`;
    const between = gap.from && gap.to ? ` (between ${gap.from} and ${gap.to})` : '';
    this.#fail({
      code: 'incomplete',
      stage: 'wal',
      path: `archive/${readable(stanza)}/${this.#from.ids[0]}/${gap.first.slice(0, 16)}/${gap.first}`,
      message: `${which} missing${between}: recovery ends there`,
      hint: 'Copy archive/ again; if the segments were never archived, make a new backup: only from that one on can PostgreSQL recover to the present.',
    });
  }

  /** Of the first or last transaction in a segment; where that cannot be told, when it was stored. */
  async #timeOf({ wal, stored }: Found, which: keyof CommitTimes): Promise<string | undefined> {
    try {
      if (this.#from.segmentBytes <= largestTimedBytes) {
        const tooLarge = () => fail('hostile', 'wal', 'it is far too large');
        const contents = await collect(wal.contents(stored), largestTimedBytes, tooLarge);
        const times = commitTimes(Buffer.from(contents.buffer, contents.byteOffset, contents.length));
        if (times) return iso(times[which]);
      }
      return iso((await stat(this.#files.pathOf(stored.object))).mtime);
    } catch (error) {
      // What is wrong with it was said when it was checked.
      if (error instanceof RestoreError && error.failure.code === 'cancelled') throw error;
      return undefined;
    }
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
      this.#fail(error.failure);
      return undefined;
    }
  }

  #fail(failure: Failure): void {
    if (this.#result.failures.length < mostFailures) this.#result.failures.push(failure);
  }
}

interface Found {
  wal: WalArchive;
  stored: StoredSegment;
}

/**
 * A history or mark: text that is encrypted and not compressed.
 *
 * @throws RestoreError `hostile`, `damaged` when it is no text, `truncated`, `io`
 */
export async function readSmallText(
  files: RepositoryFiles,
  object: ByteText,
  pass: Secret | undefined,
): Promise<ByteText> {
  const stored = files.read(object);
  const bytes = pass ? decryptPgbackrest(stored, pass, { isKeyProven: true }) : stored;
  const text = toByteText(
    await collect(bytes, largestHistoryBytes, () => fail('hostile', 'wal', 'it is far too large')),
  );
  if (/[^\t\n\r\x20-\x7e\x80-\xff]/.test(text)) fail('damaged', 'wal', 'it is no text');
  return text;
}

function positionText(position: bigint): string {
  return `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffffffffn).toString(16).toUpperCase()}`;
}

function iso(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, 'Z');
}
