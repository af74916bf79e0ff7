/** One WAL file out of an archive of WAL-G, for PostgreSQL. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { RestoreError } from '../../failure.ts';
import { stageFile } from '../../files/stagedFile.ts';
import type { ArchiveGetJob, JobResult } from '../../job.ts';
import type { RunContext } from '../../run-context.ts';
import { readControlFile } from '../pgbackrest/pgControl.ts';
import { type ListedBackup, listBackups } from './backups.ts';
import type { WalgFolder } from './bucket.ts';
import { BucketFiles } from './bucketFiles.ts';
import { advised, foldersOf, type KnownBackup, Manifests } from './manifests.ts';
import { firstSegmentOf } from './names.ts';
import type { Opening } from './storedObject.ts';
import { WalArchive } from './walArchive.ts';
import { fetchStored } from './walFetch.ts';
import { located, onlyOne } from './walg.ts';

/** As `archiveGet` in ../archiveGet.ts. */
export async function getFromWalg(job: ArchiveGetJob, context: RunContext): Promise<JobResult['archive-get']> {
  const { folders } = await located(job.archive);
  const manifests = new Manifests(job.known ?? [], folders);
  const systemId = await clusterOf(job.target);
  const originIn = originsOf(job.target, systemId, context);
  const folder = await chooseFolder(folders, job, { manifests, originIn });
  const files = new BucketFiles(folder.root, context);
  const archive = await WalArchive.open(files, folder.wal);
  const [stored] = archive?.find(job.file) ?? [];
  if (!stored) return { isServed: false, bytes: 0 };
  const origin = await knownOrigin(folder, job, { manifests, originIn });
  const isExpected = manifests.expectation(folder, origin) ?? job.expectEncrypted ?? job.keys.length > 0;
  const opening: Opening = { offers: job.keys, expectEncrypted: isExpected };
  const file = await stageFile(job.target, true);
  try {
    const bytes = await fetchStored(files, stored, { opening, systemId }, (piece) => file.write(piece));
    await file.publish();
    return { isServed: true, bytes };
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error;
    throw new RestoreError(advised(error.failure, manifests.adviceFor(folder, origin)));
  } finally {
    await file.discard();
  }
}

/** The backup in a folder that the data directory was restored from, and all that are whole beside it. */
interface Origin {
  own: ListedBackup | undefined;
  finished: readonly ListedBackup[];
}

type OriginIn = (folder: WalgFolder) => Promise<Origin>;

/** Lists each folder once, and none where the data directory does not say what it was restored from. */
function originsOf(target: string, systemId: bigint | undefined, context: RunContext): OriginIn {
  const found = new Map<WalgFolder, Promise<Origin>>();
  let first: Promise<string | undefined> | undefined;
  const look = async (folder: WalgFolder): Promise<Origin> => {
    first ??= firstSegmentIn(dataDirectoryOf(target));
    const segment = await first;
    if (segment === undefined || systemId === undefined) return { own: undefined, finished: [] };
    const { finished } = await listBackups(new BucketFiles(folder.root, context), folder.backups);
    const own = finished.find(({ name, record }) => firstSegmentOf(name) === segment && record?.systemId === systemId);
    return { own, finished };
  };
  return (folder) => {
    const origin = found.get(folder) ?? look(folder);
    found.set(folder, origin);
    return origin;
  };
}

/** What the manifests say of the backup that is recovered: its WAL may be of a time before the encryption. */
async function knownOrigin(
  folder: WalgFolder,
  { known = [] }: ArchiveGetJob,
  { manifests, originIn }: { manifests: Manifests; originIn: OriginIn },
): Promise<KnownBackup | undefined> {
  if (!known.some((it) => it.backup)) return undefined;
  const { own, finished } = await originIn(folder);
  return own && manifests.backupsOf(folder, finished).get(own.name);
}

/**
 * Of several archives, the one that the data directory was restored from: its label names the segment that its backup is
 * named after. A guess would be worse than an error: a file that is not there ends a recovery.
 *
 * @throws RestoreError `usage` when it is not clear which is meant
 */
async function chooseFolder(
  folders: readonly WalgFolder[],
  job: ArchiveGetJob,
  { manifests, originIn }: { manifests: Manifests; originIn: OriginIn },
): Promise<WalgFolder> {
  const meant = job.cluster === undefined ? folders : foldersOf(folders, job.cluster);
  if (meant.length === 1) return onlyOne(meant);
  const origins: WalgFolder[] = [];
  for (const folder of meant) if ((await originIn(folder)).own) origins.push(folder);
  if (origins.length > 0) return onlyOne(origins);
  const named = manifests.named.filter((it) => meant.includes(it));
  return onlyOne(named.length > 0 ? named : meant);
}

/** PostgreSQL renames the label when it has begun to recover. */
async function firstSegmentIn(dataDirectory: string): Promise<string | undefined> {
  for (const name of ['backup_label', 'backup_label.old']) {
    const label = await readFile(path.join(dataDirectory, name), 'latin1').catch(() => '');
    const [, segment] = /^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)/m.exec(label) ?? [];
    if (segment !== undefined) return segment;
  }
  return undefined;
}

function dataDirectoryOf(target: string): string {
  return path.join(path.dirname(path.resolve(target)), '..');
}

/** The cluster whose data directory the target lies in (`pg_wal/RECOVERYXLOG`), from its control file. */
async function clusterOf(target: string): Promise<bigint | undefined> {
  const place = path.join(dataDirectoryOf(target), 'global/pg_control');
  return readControlFile(await readFile(place).catch(() => Buffer.alloc(0)))?.systemId;
}
