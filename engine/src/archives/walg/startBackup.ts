/** `--start`: restores a backup once more, into a throw-away folder, and has PostgreSQL recover from it and read all of it. */

import { writeFile } from 'node:fs/promises';
import { type Failure, fail, RestoreError } from '../../failure.ts';
import type { TestRestoreJob } from '../../job.ts';
import type { Report } from '../../report.ts';
import { findPostgres, type PostgresInstallation } from '../../start/installation.ts';
import { startAndCheck } from '../../start/startCheck.ts';
import { type Recovery, ThrowAwayServer } from '../../start/throwAwayServer.ts';
import { Workplace } from '../../start/workplace.ts';
import { fileFailure, provesNothing } from '../backupReport.ts';
import { type OpenArchive, testBackup } from './backupTest.ts';
import { majorOf } from './names.ts';
import type { BackupRecord } from './sentinel.ts';
import { fetchStored } from './walFetch.ts';

/** The server writes a little itself: WAL, a checkpoint, the extension amcheck. */
const ownBytes = 256 * 1024 * 1024;
const mostFailed = 1000;

/**
 * The report of `testBackup`, with what PostgreSQL said of the backup. A target of the job stays as it was restored: a
 * server changes its data directory, so it gets a copy of its own.
 *
 * @throws RestoreError as `testBackup`; stage `start` when no server can be started here at all, before anything is read
 */
export async function testAndStart(
  open: OpenArchive,
  record: BackupRecord | undefined,
  name: string,
  job: TestRestoreJob,
): Promise<Report> {
  if (!record || record.isVolumeSnapshot) return testBackup(open, name, job);
  if (record.pgVersion === undefined) {
    fail('unsupported', 'start', `the sentinel of ${name} does not say which PostgreSQL it is of`, {
      hint: 'Restore it with --to, and start the version that PG_VERSION names.',
    });
  }
  const installation = await findPostgres(majorOf(record.pgVersion), job.start?.postgres);
  const bytes = Number(record.uncompressedBytes ?? 0n) + ownBytes;
  const place = Workplace.open({ within: job.start?.workFolder, bytes });
  try {
    const copy = { ...job, to: place.data };
    const isThrowAway = job.to === undefined;
    const first = await testBackup(open, name, isThrowAway ? copy : job, { isThrowAway });
    const restoredTo = isThrowAway ? null : first.restoredTo;
    if (first.failure) return { ...first, restoredTo };
    if (!isThrowAway) {
      const again = await testBackup(open, name, copy, { isThrowAway: true });
      if (again.failure) return { ...again, restoredTo };
    }
    const startedAt = performance.now();
    place.handOver();
    const result = await attemptStart({ open, job, place, installation, report: first });
    return { ...result, restoredTo, seconds: result.seconds + (performance.now() - startedAt) / 1000 };
  } finally {
    await ThrowAwayServer.end(place);
  }
}

interface Attempt {
  open: OpenArchive;
  job: TestRestoreJob;
  place: Workplace;
  installation: PostgresInstallation;
  report: Report;
}

async function attemptStart({ open, job, place, installation, report }: Attempt): Promise<Report> {
  try {
    const recovery = recoveryOf(open, job, report);
    const { context } = open.files;
    const { started, failures, notes } = await startAndCheck({ place, installation, recovery, context });
    const all = [...report.notes, ...notes];
    if (failures.length > 0) return { ...withFailures(report, failures), started, notes: all };
    return { ...report, started, notes: all };
  } catch (error) {
    if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
    return withFailures(report, [error.failure]);
  }
}

function recoveryOf({ files, wal, opening }: OpenArchive, job: TestRestoreJob, report: Report): Recovery {
  const systemId = typeof report.backup?.systemId === 'string' ? BigInt(report.backup.systemId) : undefined;
  const followed = report.backup?.wal as { timeline?: number } | null | undefined;
  return {
    get: async (name, target) => {
      const [stored] = wal?.find(name) ?? [];
      if (!stored) return false;
      const pieces: Uint8Array[] = [];
      await fetchStored(files, stored, { opening, systemId }, async (piece) => void pieces.push(piece));
      await writeFile(target, pieces);
      return true;
    },
    until: job.wal === 'latest' ? 'end' : 'consistent',
    ...(followed?.timeline !== undefined && { timeline: followed.timeline }),
  };
}

/** Nothing contradicted it and PostgreSQL does: then the backup is not restorable, whatever the lists say. */
function withFailures(report: Report, failures: Failure[]): Report {
  const [first] = failures;
  if (!first) return report;
  const isDisproven = !failures.every(provesNothing);
  return {
    ...report,
    verdict: { ...report.verdict, ...(isDisproven && { restorable: false }) },
    because: { ...report.because, ...(isDisproven && { restorable: first.message }) },
    files: { ...report.files, failed: failures.slice(0, mostFailed).map(fileFailure) },
    failure: first,
    started: null,
  };
}
