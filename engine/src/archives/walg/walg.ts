/** The test-restore of archives of WAL-G: finds them in a bucket, picks backups, and gives each its verdict. */

import { type Failure, fail, RestoreError } from '../../failure.ts';
import type { Inspection, InspectJob, TestRestoreJob } from '../../job.ts';
import type { Report } from '../../report.ts';
import type { RunContext } from '../../run-context.ts';
import { checkTarget } from '../../sinks/directory.ts';
import { blankReport, provesNothing } from '../backupReport.ts';
import { testArchive } from './archiveTest.ts';
import { chooseBackups, listBackups } from './backups.ts';
import { type OpenArchive, testBackup } from './backupTest.ts';
import { findBucket, titleOf, type WalgBucket, type WalgFolder } from './bucket.ts';
import { BucketFiles } from './bucketFiles.ts';
import { inspectBucket } from './inspect.ts';
import { tryKeysOnBucket } from './keyTrial.ts';
import { foldersOf, type KnownBackup, Manifests } from './manifests.ts';
import { testAndStart } from './startBackup.ts';
import { WalArchive } from './walArchive.ts';

/** Whether there is an archive of WAL-G at the path, below it, or around it. */
export async function isWalg(path: string): Promise<boolean> {
  return path !== '-' && (await findBucket(path)) !== undefined;
}

/** What a bucket shows without any key, and which of the keys opens what in it. */
export async function inspectWalg(
  { archive, keys = [], known = [], allowCostly = false }: Omit<InspectJob, 'kind'>,
  context: RunContext,
): Promise<Inspection> {
  const bucket = await located(archive);
  const manifests = new Manifests(known, bucket.folders);
  const inspection = await inspectBucket(bucket, archive, { manifests, context });
  if (keys.length > 0 || known.length > 0) {
    const { tried, problems } = await tryKeysOnBucket(bucket, keys, { manifests, context, allowCostly });
    inspection.keys = tried;
    inspection.problems.push(...problems);
  }
  return inspection;
}

/**
 * Tests the chosen backups, oldest first; one report each, and after `all` one for everything else in the WAL folder (its
 * backup is null). What is wrong with the archive is in a report; only what is wrong with the question or the target is
 * thrown.
 *
 * @throws RestoreError `usage`, `cancelled`, and `io` or `hostile` for failures while writing to the target
 */
export async function testRestoreWalg(job: TestRestoreJob, context: RunContext): Promise<Report[]> {
  if (job.to !== undefined && job.backup === 'all') {
    fail('usage', 'open', 'several backups cannot be restored into one target', {
      hint: 'Name one backup, or latest.',
    });
  }
  if (job.parts || job.places) {
    fail('usage', 'open', 'only a pgBackRest repository restores in parts or to several places', {
      hint: 'Restore the whole backup; its tablespaces go to folders below the target.',
    });
  }
  if (job.to !== undefined) await checkTarget(job.to);
  const bucket = await located(job.archive);
  const manifests = new Manifests(job.known ?? [], bucket.folders);
  const reports: Report[] = [];
  for (const folder of await chooseFolders(bucket, job, { manifests, context })) {
    reports.push(...(await testFolder(folder, { bucket, job, manifests }, context)));
  }
  return reports;
}

async function testFolder(
  folder: WalgFolder,
  { bucket, job, manifests }: { bucket: WalgBucket; job: TestRestoreJob; manifests: Manifests },
  context: RunContext,
): Promise<Report[]> {
  const started = performance.now();
  const files = new BucketFiles(folder.root, context);
  /** As the tests of one backup take it; without one, of what no backup needs. */
  const opened = (wal: WalArchive | undefined, known: OpenArchive['known'], backup?: KnownBackup): OpenArchive => ({
    files,
    folder,
    opening: {
      offers: job.keys,
      expectEncrypted: manifests.expectation(folder, backup) ?? job.expectEncrypted ?? job.keys.length > 0,
    },
    wal,
    known,
    keyAdvice: manifests.adviceFor(folder, backup),
    notes: bucket.label === undefined ? [] : [`The path lies inside the archive ${folder.root}, which was used.`],
  });
  try {
    const wal = await WalArchive.open(files, folder.wal);
    const listing = await listBackups(files, folder.backups);
    const known = manifests.backupsOf(folder, listing.finished);
    const wanted = job.backup ?? bucket.label ?? 'latest';
    const reports: Report[] = [];
    for (const { name, record } of chooseBackups(listing, wanted, folder, known)) {
      const own = opened(wal, known, known.get(name));
      reports.push(job.start ? await testAndStart(own, record, name, job) : await testBackup(own, name, job));
    }
    if (wanted === 'all') reports.push(await testArchive(opened(wal, known), listing, job));
    return reports;
  } catch (error) {
    if (!(error instanceof RestoreError) || ['usage', 'cancelled'].includes(error.failure.code)) throw error;
    if (error.failure.stage === 'write') throw error;
    const seconds = (performance.now() - started) / 1000;
    return [refused(blankReport(job.archive, 'wal-g'), error.failure, files.bytesRead, seconds)];
  }
}

/** @throws RestoreError `usage` where there is no archive of WAL-G */
export async function located(path: string): Promise<WalgBucket> {
  const bucket = await findBucket(path);
  if (bucket) return bucket;
  fail('usage', 'open', 'this is no archive of WAL-G', {
    path,
    hint: 'Name the folder that holds basebackups_005/ and wal_005/, or one above it.',
  });
}

/** One archive; with `all`, every archive of the bucket, or of the cluster that is named. */
async function chooseFolders(
  { folders }: WalgBucket,
  job: TestRestoreJob,
  { manifests, context }: { manifests: Manifests; context: RunContext },
): Promise<WalgFolder[]> {
  const { backup, cluster } = job;
  const meant = cluster === undefined ? folders : foldersOf(folders, cluster);
  // A backup's own name, or the name that the manifests give to it, says where it is.
  if (backup !== undefined && backup !== 'all' && backup.toLowerCase() !== 'latest') {
    return [await folderWith(backup, meant, { manifests, context })];
  }
  if (meant.length === 1 || backup === 'all') return meant;
  if (cluster !== undefined) return [await newestOf(meant, cluster, context)];
  const named = manifests.named.length > 0 ? manifests.named : meant;
  const titles = new Set(named.map(titleOf));
  const [title] = titles;
  const isOneCluster = titles.size === 1 && named.every((it) => it.clusters.length > 0);
  if (isOneCluster && title !== undefined) return [await newestOf(named, title, context)];
  return [onlyOne(named)];
}

/** @throws RestoreError `usage` when none, or several, have a backup that is called this */
async function folderWith(
  backup: string,
  folders: readonly WalgFolder[],
  { manifests, context }: { manifests: Manifests; context: RunContext },
): Promise<WalgFolder> {
  const found: { folder: WalgFolder; title: string }[] = [];
  const there: string[] = [];
  for (const folder of folders) {
    const listing = await listBackups(new BucketFiles(folder.root, context), folder.backups);
    const known = manifests.backupsOf(folder, listing.finished);
    there.push(...[...known.values()].map((it) => it.backup.title));
    try {
      const [chosen] = chooseBackups(listing, backup, folder, known);
      const title = chosen && known.get(chosen.name)?.backup.title;
      found.push({ folder, title: title ?? `${chosen?.name} of ${titleOf(folder)} (${folder.prefix || folder.root})` });
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
      // What is said of the only archive there is, is the answer.
      if (folders.length === 1 && manifests.absence(backup) === undefined) return folder;
    }
  }
  const [only, ...others] = found;
  if (only && others.length === 0) return only.folder;
  if (only) {
    fail('usage', 'open', `the backup ${backup} may be ${found.map((it) => it.title).join(' or ')}`, {
      hint: 'Give its namespace too (NAMESPACE/NAME), or say --cluster NAMESPACE/NAME.',
    });
  }
  const { message } = manifests.absence(backup) ?? {
    message: `there is no backup ${backup} in any of the ${folders.length} archives`,
  };
  fail('usage', 'open', message, {
    hint:
      there.length > 0
        ? `Of the backups in the manifests these are there: ${there.join(', ')}.`
        : `The archives are: ${listOf(folders)}. \`inspect\` lists their backups.`,
  });
}

/** @throws RestoreError `usage` when there are several */
export function onlyOne(folders: readonly WalgFolder[]): WalgFolder {
  const [only, ...others] = folders;
  if (only && others.length === 0) return only;
  const clusters = [...new Set(folders.map((it) => it.clusters[0]).filter((it) => it !== undefined))].sort();
  fail('usage', 'open', `the bucket holds ${folders.length} archives of WAL-G: ${listOf(folders)}`, {
    hint:
      clusters.length > 1
        ? `Say --cluster and one of ${clusters.join(', ')}; or name one of these folders.`
        : 'Name one of these folders, or say --cluster NAMESPACE/NAME.',
  });
}

function listOf(folders: readonly WalgFolder[]): string {
  const named = folders.map((it) => (it.clusters.length > 0 ? `${titleOf(it)} (${it.prefix})` : it.prefix));
  return named.sort().join(', ');
}

/** A cluster that was made anew, or upgraded to another PostgreSQL, gets another path: the newest backup is meant. */
async function newestOf(folders: readonly WalgFolder[], cluster: string, context: RunContext): Promise<WalgFolder> {
  const titles = new Set(folders.map(titleOf));
  if (titles.size > 1) {
    fail('usage', 'open', `the cluster ${cluster} may be ${[...titles].join(' or ')}`, {
      hint: 'Give the namespace, too.',
    });
  }
  let newest: { folder: WalgFolder; time: number } | undefined;
  for (const folder of folders) {
    const { finished } = await listBackups(new BucketFiles(folder.root, context), folder.backups);
    const time = finished.at(-1)?.time ?? 0;
    if (newest === undefined || time >= newest.time) newest = { folder, time };
  }
  return newest?.folder ?? onlyOne(folders);
}

/** A report for an archive whose backups could not be reached. */
function refused(report: Report, failure: Failure, bytesRead: number, seconds: number): Report {
  const because = failure.message;
  const isUnproven = provesNothing(failure);
  return {
    ...report,
    verdict: {
      decrypted: null,
      authentic: null,
      complete: failure.code === 'incomplete' || failure.code === 'truncated' ? false : null,
      restorable: isUnproven ? null : false,
    },
    because: { decrypted: because, authentic: because, complete: because, restorable: because },
    bytes: { read: bytesRead, restored: 0 },
    seconds,
    failure,
  };
}
