/**
 * Whether PostgreSQL can replay the WAL of a backup: the records of its segments, joined in their order, from where the
 * backup began to where it ended, and as far beyond as was asked for. Knows neither objects nor keys: whoever reads the
 * segments tells what came of each.
 */

import { WalChain } from '../contents/walChain.ts';
import { lsnText, type WalkedSegment, type WalStop } from '../contents/walRecords.ts';
import { areRead, type SegmentRecords } from '../contents/walSegment.ts';
import { counted } from '../counted.ts';
import type { Failure } from '../failure.ts';

export interface WalNeed {
  /** Where the backup began; undefined where nobody recorded it. */
  start: bigint | undefined;
  /** Where it ended; undefined where nobody recorded it. */
  stop: bigint | undefined;
  /** Major version of PostgreSQL; undefined where it is not known. */
  version: string | undefined;
}

export interface FoundSegment {
  /** As a report names it. */
  object: string;
  records: SegmentRecords;
}

export interface WalJudgement {
  /** Where replaying ends although it must not. */
  failure: Failure | undefined;
  /** What was proven, as a part of a sentence; undefined where nothing was. */
  proof: string | undefined;
  /** Whole records from the start of the backup on; undefined where they were not read. */
  records: number | undefined;
  /** Behind the last of them. */
  reached: bigint | undefined;
  notes: string[];
}

interface Place {
  found?: FoundSegment | undefined;
  isDone: boolean;
}

/** Passes on in their order what comes in any. */
class InOrder {
  readonly #take: (found: FoundSegment | undefined) => void;
  readonly #waiting: Place[] = [];

  constructor(take: (found: FoundSegment | undefined) => void) {
    this.#take = take;
  }

  next(): (found?: FoundSegment) => void {
    const place: Place = { isDone: false };
    this.#waiting.push(place);
    return (found) => {
      place.found = found;
      place.isDone = true;
      while (this.#waiting[0]?.isDone) this.#take(this.#waiting.shift()?.found);
    };
  }
}

interface ForeignSegment {
  segment: string;
  object: string;
  unread: string;
}

export class WalProof {
  readonly #need: WalNeed;
  #chain: WalChain;
  /** Without the newest segment: a later timeline may begin in it, and has its own. */
  #before: WalChain;
  readonly #inOrder = new InOrder((it) => this.#take(it));
  /** The object of each segment in which a stop may still be found to lie. */
  readonly #objects = new Map<string, string>();
  #unread: string | undefined;
  /** Among segments that were read, one that has another format. */
  #foreign: ForeignSegment | undefined;
  #isBroken = false;
  #newest: string | undefined;

  constructor(need: WalNeed) {
    this.#need = need;
    this.#chain = new WalChain(need.start);
    this.#before = this.#chain;
    if (need.start === undefined) this.#unread = 'the backup does not record where in the WAL it began';
  }

  /**
   * The segment that follows, or the one before as a later timeline has it. Call the answer when it was read; with nothing
   * where it is missing or could not be read, which is told elsewhere.
   */
  next(): (found?: FoundSegment) => void {
    return this.#inOrder.next();
  }

  /**
   * All segments were read.
   *
   * @param toNewest a recovery to the newest of them was asked for
   * @param label `backup_label`, which says whether the WAL must tell that the backup ended
   */
  judge({ toNewest, label }: { toNewest: boolean; label: string | undefined }): WalJudgement {
    if (this.#unread !== undefined) {
      const notes = [`The records in the WAL were not read: ${this.#unread}.`];
      return { failure: undefined, proof: undefined, records: undefined, reached: undefined, notes };
    }
    const { reached, records, stop: end } = this.#chain;
    const { start, stop = reached } = this.#need;
    const notes: string[] = [];
    let failure: Failure | undefined;
    if (reached < stop) {
      const why = `the backup needs the WAL up to ${lsnText(stop)}`;
      if (end) failure = this.#failureOf(end, why);
      else if (this.#foreign) failure = this.#foreignFailure(this.#foreign, why);
      else if (!this.#isBroken) failure = this.#tooShort(stop);
    } else {
      failure = this.#demandEnd(stop, label);
      if (end && this.#chain.isFollowed && toNewest) {
        failure ??= this.#failureOf(end, 'recovery ends there, and what follows is lost');
      } else if (this.#foreign && toNewest) {
        failure ??= this.#foreignFailure(this.#foreign, 'recovery ends there, and what follows is lost');
      } else if (end && this.#chain.isFollowed) {
        notes.push(
          `Behind the end of the backup, ${placeOf(end)}: ${end.message}. The backup does not need it; a recovery to a later time ends there.`,
        );
      } else if (end && toNewest && end.segment === this.#newest) {
        notes.push(`The records of the WAL end at ${lsnText(reached)}: ${placeOf(end)} ${end.message}.`);
      }
    }
    const isProven = start !== undefined && reached >= stop && failure === undefined && records > 0;
    const proof = isProven
      ? `${counted(records, 'record')} of WAL from ${lsnText(start)} to ${lsnText(reached)} are unchanged and in their order`
      : undefined;
    return { failure, proof, records, reached, notes };
  }

  #take(found: FoundSegment | undefined): void {
    if (this.#unread !== undefined || this.#isBroken) return;
    if (!found) {
      this.#isBroken = true;
      return;
    }
    const { records, object } = found;
    if (!areRead(records)) {
      if (this.#newest === undefined) this.#unread = records.unread;
      else this.#foreign = { segment: records.segment, object, unread: records.unread };
      this.#isBroken = true;
      return;
    }
    const { version, start } = this.#need;
    if (this.#newest === undefined && start !== undefined && (start < records.begin || start >= records.end)) {
      this.#unread = `the backup began at ${lsnText(start)}, which is not in its first segment, ${records.segment}`;
      return;
    }
    if (this.#newest !== undefined && records.end === this.#chain.next(0)) this.#chain = this.#before;
    this.#before = this.#chain.copy();
    if (!this.#chain.isOpen && !this.#chain.stop) this.#objects.clear();
    this.#objects.set(records.segment, object);
    this.#newest = records.segment;
    this.#chain.add(version === undefined ? records : { ...records, ...ofVersion(records, version) });
  }

  #failureOf(end: WalStop, why: string): Failure {
    return failureOf(end, why, this.#objects.get(end.segment));
  }

  #foreignFailure({ segment, object, unread }: ForeignSegment, why: string): Failure {
    return {
      code: 'damaged',
      stage: 'wal',
      path: object,
      message: `WAL segment ${segment} is other WAL than the one before it: ${unread}; ${why}`,
      hint: damagedHint,
    };
  }

  #tooShort(stop: bigint): Failure {
    return {
      code: 'incomplete',
      stage: 'wal',
      ...(this.#newest !== undefined && this.#objects.has(this.#newest) && { path: this.#objects.get(this.#newest) }),
      message: `the records of the WAL end at ${lsnText(this.#chain.reached)}; the backup needs them up to ${lsnText(stop)}`,
      hint: 'Copy the WAL archive again, together with the backup; if nothing more was archived, use another backup.',
    };
  }

  /** A backup of a primary is consistent when the record of its end has been replayed, and never without it. */
  #demandEnd(stop: bigint, label: string | undefined): Failure | undefined {
    const { start } = this.#need;
    if (start === undefined || this.#need.stop === undefined || !label) return undefined;
    // Before PostgreSQL 14 it was called master.
    if (
      !/^BACKUP FROM: (?:primary|master)\r?$/m.test(label) ||
      !label.startsWith(`START WAL LOCATION: ${lsnText(start)} `)
    )
      return undefined;
    const { backupEnd } = this.#chain;
    if (backupEnd !== undefined && backupEnd <= stop) return undefined;
    return {
      code: 'incomplete',
      stage: 'wal',
      message: `the WAL from ${lsnText(start)} to ${lsnText(stop)} has no record of the end of this backup: PostgreSQL would never take the data for consistent`,
      hint: 'It is the WAL of another run of this cluster (a restored copy archives into the same place?): copy that of the backup, or use another one.',
    };
  }
}

/** For the report: how many records were walked, and where the last of them ends. */
export function describeRecords(judgement: WalJudgement | undefined): {
  records: number | null;
  recordsTo: string | null;
} {
  const { records, reached } = judgement ?? {};
  return { records: records ?? null, recordsTo: reached === undefined ? null : lsnText(reached) };
}

/** What a segment of another version is to the backup: nothing that its server would read. */
function ofVersion(records: WalkedSegment, version: string): Partial<WalkedSegment> {
  if (records.version === version || records.version === '') return {};
  const { segment } = records;
  const message = `is of PostgreSQL ${records.version}, the backup of ${version}`;
  return {
    version,
    stop: { code: 'damaged', segment, offset: 0, message },
    head: undefined,
    records: 0,
    first: undefined,
  };
}

/** All segments of an archive, whichever backup they belong to: runs of those that follow each other. */
export class WalRuns {
  readonly #inOrder = new InOrder((it) => this.#take(it));
  readonly #objects = new Map<string, string>();
  readonly failures: Failure[] = [];
  #chain: WalChain | undefined;
  #timeline = '';
  #records = 0;
  #unread: string | undefined;

  /** As `WalProof.next`; the segments in the order of their names. */
  next(): (found?: FoundSegment) => void {
    return this.#inOrder.next();
  }

  /** All segments were read. `proof`: undefined where there is nothing to say, or something is wrong. */
  end(): { proof: string | undefined; notes: string[] } {
    this.#endRun();
    const isProven = this.failures.length === 0 && this.#records > 0;
    return {
      proof: isProven ? `${counted(this.#records, 'record')} of WAL are unchanged and in their order` : undefined,
      notes: this.#unread === undefined ? [] : [`Records in the WAL were not read: ${this.#unread}.`],
    };
  }

  #take(found: FoundSegment | undefined): void {
    if (!found || !areRead(found.records)) {
      if (found && !areRead(found.records)) this.#unread ??= found.records.unread;
      this.#endRun();
      return;
    }
    const { records, object } = found;
    const timeline = records.segment.slice(0, 8);
    // The same once more, under another codec.
    if (this.#timeline === timeline && this.#chain?.next(0) === records.end) return;
    if (this.#timeline !== timeline || this.#chain?.next(0) !== records.begin) this.#endRun();
    this.#timeline = timeline;
    this.#chain ??= new WalChain();
    if (!this.#chain.isOpen && !this.#chain.stop) this.#objects.clear();
    this.#objects.set(records.segment, object);
    this.#chain.add(records);
  }

  #endRun(): void {
    const { stop, isFollowed = false, records = 0 } = this.#chain ?? {};
    this.#records += records;
    this.#chain = undefined;
    // Where nothing follows, the WAL may end anywhere; but a segment at least begins as itself.
    if (stop && (isFollowed || stop.offset === 0))
      this.failures.push(
        failureOf(stop, 'recovery ends there, and what follows is lost', this.#objects.get(stop.segment)),
      );
  }
}

const damagedHint =
  'PostgreSQL stops replaying here: copy the segment again from where it is archived; if it is the same there, use another backup.';

function failureOf(end: WalStop, why: string, path: string | undefined): Failure {
  return {
    code: end.code,
    stage: 'wal',
    ...(path !== undefined && { path }),
    message: `${placeOf(end)}: ${end.message}; ${why}`,
    hint:
      end.code === 'incomplete'
        ? 'The segment was archived before it was full, or copied while it was written: copy it again; if it was never archived whole, use another backup.'
        : damagedHint,
  };
}

function placeOf({ segment, offset }: WalStop): string {
  return `WAL segment ${segment}, byte ${offset}`;
}
