/** The backups of an archive in the order of time, and which of them is meant. */

import { statSync } from 'node:fs';
import { type Failure, fail, RestoreError } from '../../failure.ts';
import { sortBackupNames, titleOf, type WalgFolder } from './bucket.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { isTitle, type KnownBackup } from './manifests.ts';
import { sentinelSuffix } from './names.ts';
import { type BackupRecord, readRecord } from './sentinel.ts';

export interface ListedBackup {
  name: string;
  /** undefined where the sentinel cannot be read; `failure` says why. */
  record: BackupRecord | undefined;
  failure: Failure | undefined;
  /** When it ended: from the sentinel, else the time of its object. Epoch milliseconds. */
  time: number;
}

/** Oldest first, as WAL-G sorts them: by time, then by name. */
export async function listBackups(
  files: BucketFiles,
  folder: string | undefined,
): Promise<{ finished: ListedBackup[]; unfinished: string[] }> {
  const names = folder === undefined ? undefined : await files.list(folder);
  if (folder === undefined || names === undefined) return { finished: [], unfinished: [] };
  const { finished, unfinished } = sortBackupNames(names);
  const listed: ListedBackup[] = [];
  for (const name of finished) listed.push(await listBackup(files, folder, name));
  listed.sort((a, b) => a.time - b.time || (a.name < b.name ? -1 : 1));
  return { finished: listed, unfinished };
}

async function listBackup(files: BucketFiles, folder: string, name: string): Promise<ListedBackup> {
  let record: BackupRecord | undefined;
  let failure: Failure | undefined;
  try {
    record = await readRecord(files, folder, name);
  } catch (error) {
    if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
    failure = error.failure;
  }
  const recorded = record?.finishedAt ?? record?.startedAt;
  const time = recorded === undefined ? timeOf(files, `${folder}/${name}${sentinelSuffix}`) : Date.parse(recorded);
  return { name, record, failure, time };
}

function timeOf(files: BucketFiles, object: string): number {
  return statSync(files.pathOf(object), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/**
 * @param wanted `latest`, `all`, the name of a backup, the beginning of one, or a name that the manifests give
 * @param known what the manifests say, by backup
 * @throws RestoreError `usage` when it is not clear which is meant, `incomplete` when there is none
 */
export function chooseBackups(
  listing: { finished: ListedBackup[]; unfinished: string[] },
  wanted: string,
  folder: WalgFolder,
  known: ReadonlyMap<string, KnownBackup>,
): ListedBackup[] {
  const { finished, unfinished } = listing;
  const path = folder.backups;
  const newest = finished.at(-1);
  const list = finished.map(({ name }) => named(name, known.get(name))).join(', ') || 'none';
  if (!newest) {
    const beside =
      unfinished.length > 0
        ? `; ${unfinished.join(', ')} did not come to ${unfinished.length === 1 ? 'its' : 'their'} end`
        : '';
    fail('incomplete', 'chain', `there is no finished backup in ${titleOf(folder)}${beside}`, {
      path: path ?? 'basebackups_005',
      hint: 'A backup is finished when its sentinel is there, which WAL-G writes last. Copy the folder again, or make a backup with wal-g backup-push.',
    });
  }
  if (wanted === 'all') return finished;
  if (wanted.toLowerCase() === 'latest') return [newest];
  const exact = finished.filter((it) => it.name === wanted || isTitle(known.get(it.name)?.backup.title, wanted));
  const found =
    exact.length > 0
      ? exact
      : finished.filter((it) => it.name.startsWith(wanted) || it.name.startsWith(`base_${wanted}`));
  if (found.length === 1) return found;
  if (found.length > 1) {
    fail(
      'usage',
      'open',
      `the backup ${wanted} may be ${found.map(({ name }) => named(name, known.get(name))).join(' or ')}`,
      {
        hint: 'Give more of the name.',
      },
    );
  }
  if (unfinished.includes(wanted)) {
    fail('incomplete', 'chain', `backup ${wanted} is not finished: it has no sentinel, which WAL-G writes last`, {
      path: `${path}/${wanted}`,
      hint: 'Use a backup that is finished, or latest.',
    });
  }
  return fail('usage', 'open', `there is no backup ${wanted}`, { hint: `The backups are: ${list}.` });
}

/** `base_000000010000000000000004 (SGBackup db/nightly)`. */
function named(name: string, known: KnownBackup | undefined): string {
  return known ? `${name} (${known.backup.title})` : name;
}
