/** `--start`: restores a backup once more, into a throw-away folder, and has PostgreSQL recover from it and read all of it. */

import { type Failure, fail, RestoreError } from '../../failure.ts';
import type { TestRestoreJob } from '../../job.ts';
import type { Report } from '../../report.ts';
import { findPostgres, type PostgresInstallation } from '../../start/installation.ts';
import { startAndCheck } from '../../start/startCheck.ts';
import { type Recovery, ThrowAwayServer } from '../../start/throwAwayServer.ts';
import { Workplace } from '../../start/workplace.ts';
import { fileFailure, provesNothing } from '../backupReport.ts';
import type { BackupEntry } from './backupInfo.ts';
import { testBackup } from './backupTest.ts';
import type { OpenStanza } from './openStanza.ts';
import { StanzaWal } from './stanzaWal.ts';

/** The server writes a little itself: WAL, a checkpoint, the extension amcheck. */
const ownBytes = 256 * 1024 * 1024;
const mostFailed = 1000;

/**
 * The report of `testBackup`, with what PostgreSQL said of the backup. A target of the job stays as it was restored: a
 * server changes its data directory, so it gets a copy of its own.
 *
 * @throws RestoreError as `testBackup`; stage `start` when no server can be started here at all, before anything is read
 */
export async function testAndStart(open: OpenStanza, entry: BackupEntry, job: TestRestoreJob): Promise<Report> {
  if (job.parts) {
    fail('usage', 'start', 'PostgreSQL is started on a whole backup, not on a part of it', {
      hint: 'Leave out what chooses databases or files, or leave out --start.',
    });
  }
  const database = open.backups.history.find((it) => it.id === entry.databaseId) ?? open.backups.current;
  const installation = await findPostgres(database.version, job.start?.postgres);
  const place = Workplace.open({ within: job.start?.workFolder, bytes: entry.size + ownBytes });
  try {
    if (job.to === undefined) {
      const report = await testBackup(open, entry, { ...job, to: place.data }, { isThrowAway: true });
      return report.failure ? { ...report, restoredTo: null } : await start(report, null);
    }
    const report = await testBackup(open, entry, job);
    if (report.failure) return report;
    const again = await testBackup(open, entry, { ...job, to: place.data, places: undefined }, { isThrowAway: true });
    return again.failure ? { ...again, restoredTo: report.restoredTo } : await start(report, report.restoredTo);
  } finally {
    await ThrowAwayServer.end(place);
  }

  async function start(report: Report, restoredTo: string | null): Promise<Report> {
    const startedAt = performance.now();
    place.handOver();
    const result = await attemptStart({ open, entry, job, place, installation, report });
    const seconds = report.seconds + (performance.now() - startedAt) / 1000;
    return { ...result, restoredTo, seconds };
  }
}

interface Attempt {
  open: OpenStanza;
  entry: BackupEntry;
  job: TestRestoreJob;
  place: Workplace;
  installation: PostgresInstallation;
  report: Report;
}

async function attemptStart({ open, entry, job, place, installation, report }: Attempt): Promise<Report> {
  try {
    const recovery = recoveryOf(open, entry, job, report);
    const { started, failures, notes } = await startAndCheck({
      place,
      installation,
      recovery,
      context: open.files.context,
    });
    const all = [...report.notes, ...notes];
    if (failures.length > 0) return { ...withFailures(report, failures), started, notes: all };
    return { ...report, started, notes: all };
  } catch (error) {
    if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
    return withFailures(report, [error.failure]);
  }
}

/** undefined for a backup of a stopped server. */
function recoveryOf(
  { files, stanza, archive, backups }: OpenStanza,
  entry: BackupEntry,
  job: TestRestoreJob,
  report: Report,
): Recovery | undefined {
  if (entry.walStart === undefined || 'code' in archive) return undefined;
  const database = backups.history.find((it) => it.id === entry.databaseId) ?? backups.current;
  const wal = new StanzaWal(files, { stanza, archive, cluster: database });
  const followed = report.backup?.wal as { timeline?: number } | null | undefined;
  return {
    get: async (name, target) => (await wal.get(name, target)) !== undefined,
    until: job.wal === 'latest' ? 'end' : 'consistent',
    ...(followed?.timeline !== undefined && { timeline: followed.timeline }),
  };
}

/** The checksums agreed and PostgreSQL does not: then the backup is not restorable, whatever the checksums say. */
function withFailures(report: Report, failures: Failure[]): Report {
  const [first] = failures;
  if (!first) return report;
  const placed = failures.filter((it) => it.path !== undefined).map(fileFailure);
  const isDisproven = !failures.every(provesNothing);
  return {
    ...report,
    verdict: { ...report.verdict, ...(isDisproven && { restorable: false }) },
    because: { ...report.because, ...(isDisproven && { restorable: first.message }) },
    files: { ...report.files, failed: [...report.files.failed, ...placed].slice(0, mostFailed) },
    failure: first,
    started: null,
  };
}
