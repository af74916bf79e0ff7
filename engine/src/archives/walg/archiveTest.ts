/**
 * Everything in the WAL folder that no backup needs but a recovery may: all segments, histories, marks, partial segments
 * and the summaries that delta backups are made from. Asked for with `--backup all`.
 */

import { counted } from '../../counted.ts';
import { type Failure, RestoreError } from '../../failure.ts';
import type { TestRestoreJob } from '../../job.ts';
import type { Report } from '../../report.ts';
import { blankReport, fileFailure } from '../backupReport.ts';
import { Lanes } from '../pgbackrest/lanes.ts';
import { nextSegment } from '../pgbackrest/wal.ts';
import { type FoundSegment, WalRuns } from '../walProof.ts';
import type { ListedBackup } from './backups.ts';
import type { OpenArchive } from './backupTest.ts';
import { openCrew } from './crew.ts';
import { advised } from './manifests.ts';
import { firstSegmentOf, timelineOf, walKind } from './names.ts';
import { StorageTally } from './storageTally.ts';
import type { StoredWal } from './walArchive.ts';
import type { WalCheckResult } from './walCheck.ts';

const mostFailures = 1000;

/** @throws RestoreError `cancelled`; whatever is wrong with the archive is in the report */
export async function testArchive(
  open: OpenArchive,
  { finished }: { finished: readonly ListedBackup[] },
  job: TestRestoreJob,
): Promise<Report> {
  const started = performance.now();
  const readBefore = open.files.bytesRead;
  const test = new ArchiveTest(open, finished);
  await test.run();
  return {
    ...blankReport(job.archive, 'wal-g'),
    ...test.report(),
    bytes: { read: open.files.bytesRead - readBefore, restored: test.bytes },
    seconds: (performance.now() - started) / 1000,
  };
}

class ArchiveTest {
  readonly #open: OpenArchive;
  readonly #backups: readonly ListedBackup[];
  readonly #failures: Failure[] = [];
  readonly #notes: string[] = [];
  readonly #storage = new StorageTally();
  #objects = 0;
  #segments = 0;
  #verified = 0;
  #segmentBytes = 16 * 1024 * 1024;
  /** What the records of the segments prove. */
  #proof: string | undefined;
  #unreached: Failure | undefined;
  bytes = 0;

  constructor(open: OpenArchive, backups: readonly ListedBackup[]) {
    this.#open = open;
    this.#backups = backups;
  }

  async run(): Promise<void> {
    const { files, opening, wal, folder } = this.#open;
    if (!wal) {
      this.#failures.push({
        code: 'incomplete',
        stage: 'wal',
        path: folder.wal ?? 'wal_005',
        message: 'the WAL archive is missing',
        hint: 'Copy wal_005/ together with basebackups_005/.',
      });
      return;
    }
    const segments = wal.segments();
    const { histories, partials, marks, deltas, unknown } = wal.others();
    const stored = segments.flatMap((it) => wal.find(it));
    const all = [...stored, ...histories, ...partials, ...marks, ...deltas];
    const storedBytes = all.reduce((sum, { object }) => sum + files.size(object), 0);
    files.context.expectBytes(files.bytesRead + storedBytes);
    const crew = openCrew(files, opening, undefined, storedBytes);
    try {
      const lanes = new Lanes(crew.size);
      const runs = new WalRuns();
      for (const it of all) {
        const tell = walKind(it.file) === 'segment' ? runs.next() : () => undefined;
        await lanes.add(() => this.#check(it, (object) => crew.run(object), tell));
      }
      await lanes.end();
      this.#judgeRecords(runs);
    } finally {
      await crew.close();
    }
    this.#segments = segments.length;
    this.#checkGaps(segments);
    for (const it of unknown) this.#notes.push(`${it} is nothing that WAL-G writes.`);
  }

  report(): Partial<Report> {
    const [first = null] = this.#failures;
    const gap = this.#failures.find((it) => it.code === 'incomplete' || it.code === 'truncated') ?? this.#unreached;
    const changed = this.#failures.find((it) => it.code === 'damaged' && it.stage === 'decrypt');
    const { encrypted, objects } = this.#storage;
    const isEncrypted = encrypted > 0 && encrypted === objects;
    const isProven = this.#storage.unproven === 0;
    const whole =
      this.#proof === undefined
        ? 'every segment has its whole size'
        : `every segment has its whole size, and ${this.#proof}`;
    const what = `${counted(this.#segments, 'WAL segment')} and ${counted(this.#objects - this.#segments, 'other object')}`;
    return {
      format: 'wal-g > WAL archive',
      backup: null,
      keys: this.#storage.keys,
      verdict: {
        decrypted: this.#verified === this.#objects,
        authentic: changed ? false : isEncrypted && first === null ? true : null,
        complete: gap === undefined,
        restorable: first ? false : isProven ? true : null,
      },
      because: {
        decrypted: `${this.#verified} of ${this.#objects} objects beside the backups came through: ${what}`,
        authentic: changed
          ? changed.message
          : isEncrypted
            ? first === null
              ? 'every object carries its own proof up to its last byte'
              : 'not all of it was read to the end where it is proven'
            : `${encrypted > 0 ? `${objects - encrypted} of ${objects} objects are not` : 'nothing is'} encrypted: whoever can write to the bucket can change ${encrypted > 0 ? 'those' : 'it'}`,
        complete: gap ? gap.message : 'no WAL segment is missing from the newest backup to the end of the archive',
        restorable: first
          ? first.message
          : isProven
            ? whole
            : `${whole}; but without encryption and checksums a changed byte outside of the records would not show`,
      },
      files: {
        total: this.#objects,
        verified: this.#verified,
        failed: this.#failures.slice(0, mostFailures).map(fileFailure),
      },
      failure: first,
      notes: [...this.#notes, ...this.#storage.notes],
    };
  }

  async #check(
    { object, compression, file }: StoredWal,
    run: (task: {
      kind: 'wal';
      object: string;
      compression: StoredWal['compression'];
      file: string;
      systemId: bigint | undefined;
    }) => Promise<WalCheckResult>,
    tell: (found?: FoundSegment) => void,
  ): Promise<void> {
    this.#objects++;
    const systemId = this.#backups.findLast((it) => it.record && !it.record.isVolumeSnapshot)?.record?.systemId;
    try {
      const found = await run({ kind: 'wal', object, compression, file, systemId });
      tell(found.records && { object, records: found.records });
      this.#verified++;
      this.bytes += found.bytes;
      this.#storage.add(found.storage);
      if (found.segmentBytes !== undefined) this.#segmentBytes = found.segmentBytes;
    } catch (error) {
      tell();
      if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
      if (this.#failures.length < mostFailures) this.#failures.push(advised(error.failure, this.#open.keyAdvice));
    }
  }

  #judgeRecords(runs: WalRuns): void {
    const { proof, notes } = runs.end();
    this.#proof = proof;
    this.#notes.push(...notes);
    this.#failures.push(...runs.failures.slice(0, Math.max(mostFailures - this.#failures.length, 0)));
    this.#unreached = runs.failures[0];
  }

  /** Gaps before the newest backup are what retention leaves; after it they end every recovery. */
  #checkGaps(segments: readonly string[]): void {
    const newest = this.#backups.at(-1);
    const needed = newest && firstSegmentOf(newest.name);
    for (const [index, before] of segments.entries()) {
      const after = segments[index - 1];
      if (after === undefined || timelineOf(after) !== timelineOf(before)) continue;
      if (nextSegment(after, this.#segmentBytes) === before) continue;
      const message = `WAL is missing between ${after} and ${before}`;
      if (needed === undefined || before <= needed) {
        this.#notes.push(`${message} (before the newest backup, as retention leaves it).`);
        continue;
      }
      this.#failures.push({
        code: 'incomplete',
        stage: 'wal',
        path: `${this.#open.folder.wal}/${after}`,
        message: `${message}: recovery ends there`,
        hint: 'Make a new backup: only from that one on can PostgreSQL recover to the present.',
      });
    }
  }
}
