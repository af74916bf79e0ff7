/** The test-restore of archives of WAL-G: finds them in a bucket, picks backups, and gives each its verdict. */

import { type Failure, fail, RestoreError } from '../../failure.ts';
import type { Inspection, KeyOffer, KnownArchive, TestRestoreJob } from '../../job.ts';
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
import { testAndStart } from './startBackup.ts';
import { WalArchive } from './walArchive.ts';

/** Whether there is an archive of WAL-G at the path, below it, or around it. */
export async function isWalg(path: string): Promise<boolean> {
  return path !== '-' && (await findBucket(path)) !== undefined;
}

/** What a bucket shows without any key, and which of the keys opens what in it. */
export async function inspectWalg(
  path: string,
  context: RunContext,
  keys: readonly KeyOffer[] = [],
  allowCostly = false,
): Promise<Inspection> {
  const bucket = await located(path);
  const inspection = await inspectBucket(bucket, path, context);
  if (keys.length > 0) inspection.keys = await tryKeysOnBucket(bucket, keys, { context, allowCostly });
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
  const reports: Report[] = [];
  for (const folder of await chooseFolders(bucket, job, context)) {
    reports.push(...(await testFolder(folder, bucket, job, context)));
  }
  return reports;
}

/** The folder that a WAL file is to be taken from; throws `usage` when there are several. */
export async function onlyFolder(archive: string, cluster: string | undefined): Promise<WalgFolder> {
  return pickFolder((await located(archive)).folders, cluster);
}

async function testFolder(
  folder: WalgFolder,
  bucket: WalgBucket,
  job: TestRestoreJob,
  context: RunContext,
): Promise<Report[]> {
  const started = performance.now();
  const files = new BucketFiles(folder.root, context);
  const open: OpenArchive = {
    files,
    folder,
    opening: { offers: job.keys, expectEncrypted: expectationOf(folder, job, undefined) },
    wal: undefined,
    titles: titlesOf(folder, job.known ?? []),
    notes: [],
  };
  try {
    open.wal = await WalArchive.open(files, folder.wal);
    if (bucket.label !== undefined) open.notes.push(`The path lies inside the archive ${folder.root}, which was used.`);
    const listing = await listBackups(files, folder.backups);
    const wanted = job.backup ?? bucket.label ?? 'latest';
    const reports: Report[] = [];
    for (const { name, record } of chooseBackups(listing, wanted, folder, open.titles)) {
      const opening = { ...open.opening, expectEncrypted: expectationOf(folder, job, name) };
      const own = { ...open, opening };
      reports.push(job.start ? await testAndStart(own, record, name, job) : await testBackup(own, name, job));
    }
    if (wanted === 'all') reports.push(await testArchive(open, listing, job));
    return reports;
  } catch (error) {
    if (!(error instanceof RestoreError) || ['usage', 'cancelled'].includes(error.failure.code)) throw error;
    if (error.failure.stage === 'write') throw error;
    const seconds = (performance.now() - started) / 1000;
    return [refused(blankReport(job.archive, 'wal-g'), error.failure, files.bytesRead, seconds)];
  }
}

async function located(path: string): Promise<WalgBucket> {
  const bucket = await findBucket(path);
  if (bucket) return bucket;
  fail('usage', 'open', 'this is no archive of WAL-G', {
    path,
    hint: 'Name the folder that holds basebackups_005/ and wal_005/, or one above it.',
  });
}

/** One archive; with `all`, every archive of the bucket. */
async function chooseFolders(bucket: WalgBucket, job: TestRestoreJob, context: RunContext): Promise<WalgFolder[]> {
  const { folders } = bucket;
  if (job.cluster !== undefined) return [await newestOf(matching(folders, job.cluster), job.cluster, context)];
  if (folders.length === 1) return folders;
  // A backup's own name, or the name that the manifests give to it, says where it is.
  const byBackup = await foldersWith(folders, job, context);
  if (byBackup.length === 1) return byBackup;
  if (job.backup === 'all') return folders;
  const known = (job.known ?? []).flatMap(({ path }) => folders.filter((it) => isAt(it, path)));
  const meant = new Set(known.length > 0 ? known : folders);
  const titles = new Set([...meant].map(titleOf));
  const [title] = titles;
  const isOneCluster = titles.size === 1 && [...meant].every((it) => it.stackgres);
  if (isOneCluster && title !== undefined) return [await newestOf([...meant], title, context)];
  if (meant.size === 1) return [...meant];
  return [pickFolder([...meant], undefined)];
}

async function foldersWith(
  folders: readonly WalgFolder[],
  job: TestRestoreJob,
  context: RunContext,
): Promise<WalgFolder[]> {
  const { backup } = job;
  if (backup === undefined || backup === 'all' || backup.toLowerCase() === 'latest') return [];
  const found: WalgFolder[] = [];
  for (const folder of folders) {
    const listing = await listBackups(new BucketFiles(folder.root, context), folder.backups);
    try {
      chooseBackups(listing, backup, folder, titlesOf(folder, job.known ?? []));
      found.push(folder);
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
    }
  }
  return found;
}

function pickFolder(folders: readonly WalgFolder[], cluster: string | undefined): WalgFolder {
  const candidates = cluster === undefined ? folders : matching(folders, cluster);
  const [only, ...others] = candidates;
  if (only && others.length === 0) return only;
  const names = candidates.map((it) => (it.stackgres ? `${titleOf(it)} (${it.prefix})` : it.prefix));
  fail('usage', 'open', `the bucket holds ${candidates.length} archives of WAL-G: ${names.join(', ')}`, {
    hint: 'Name one of these folders, or say --cluster NAMESPACE/NAME.',
  });
}

function matching(folders: readonly WalgFolder[], cluster: string): WalgFolder[] {
  const found = folders.filter(
    (it) => titleOf(it) === cluster || it.stackgres?.cluster === cluster || it.prefix === cluster.replace(/\/$/, ''),
  );
  if (found.length > 0) return found;
  const list = [...new Set(folders.map(titleOf))].join(', ');
  fail('usage', 'open', `the bucket has no cluster ${cluster}`, { hint: `It has: ${list}.` });
}

/** A cluster that was made anew, or upgraded to another PostgreSQL, gets another path: the newest backup is meant. */
async function newestOf(folders: readonly WalgFolder[], cluster: string, context: RunContext): Promise<WalgFolder> {
  const titles = new Set(folders.map(titleOf));
  if (titles.size > 1) {
    fail('usage', 'open', `${cluster} may be ${[...titles].join(' or ')}`, { hint: 'Give the namespace, too.' });
  }
  let newest: { folder: WalgFolder; time: number } | undefined;
  for (const folder of folders) {
    const { finished } = await listBackups(new BucketFiles(folder.root, context), folder.backups);
    const time = finished.at(-1)?.time ?? 0;
    if (newest === undefined || time >= newest.time) newest = { folder, time };
  }
  return newest?.folder ?? pickFolder(folders, undefined);
}

/**
 * Whether what is not encrypted is a failure. The SGBackup knows best: it keeps the storage as it was at the time. A bucket
 * that holds archives of several clusters may have plain ones beside encrypted ones.
 */
function expectationOf(folder: WalgFolder, job: TestRestoreJob, backup: string | undefined): boolean {
  const here = (job.known ?? []).filter((it) => it.isEncrypted !== undefined && isAt(folder, it.path));
  const own = here.find((it) => backup !== undefined && it.backup?.label === backup) ?? here.find((it) => !it.backup);
  return own?.isEncrypted ?? job.expectEncrypted ?? job.keys.length > 0;
}

function titlesOf(folder: WalgFolder, known: readonly KnownArchive[]): Map<string, string> {
  const titles = new Map<string, string>();
  for (const { path, backup } of known) {
    if (backup && (path === undefined || isAt(folder, path))) titles.set(backup.label, backup.title);
  }
  return titles;
}

/** A path in a manifest counts from the bucket's own prefix, which a local copy may or may not have. `*` is any folder. */
function isAt({ root }: WalgFolder, path: string | undefined): boolean {
  if (path === undefined) return false;
  const wanted = path.split('/').filter((it) => it !== '');
  const there = root.split(/[\\/]/).slice(-wanted.length);
  return wanted.length > 0 && wanted.every((it, index) => it === '*' || it === there[index]);
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
