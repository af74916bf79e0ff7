/** Finds the folders of WAL-G in a local copy of a bucket, by the names that it gives, below any prefix. */

import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ioFailure } from '../../files/source.ts';
import { isMissing } from './bucketFiles.ts';
import { isBackupName, isBackupsFolder, isWalFolder, sentinelSuffix } from './names.ts';

/** One archive of WAL-G: the backups and the WAL of one cluster. */
export interface WalgFolder {
  /** Absolute path of the folder that holds `basebackups_005` and `wal_005`. */
  root: string;
  /** The same below the path that was named, with `/`; empty for that path itself, or one above it. */
  prefix: string;
  /** The folders' names; undefined where one is missing. */
  backups: string | undefined;
  wal: string | undefined;
  /** Where the path follows StackGres: `sgbackups.stackgres.io/NAMESPACE/CLUSTER/TIME/POSTGRES`. */
  stackgres: { namespace: string; cluster: string; startedAt: string; postgres: string } | undefined;
  /** Whose archive it is: the name in StackGres' path first, then those that the manifests add. */
  clusters: readonly string[];
}

export interface WalgBucket {
  folders: WalgFolder[];
  /** Set where the path leads into one backup. */
  label?: string;
}

/** A prefix deeper than this is none that a person configured. */
const deepestPrefix = 12;
/** A folder with more entries than this is data of something else. */
const mostFolders = 20_000;

/**
 * undefined when there is nothing of WAL-G: below the path, or above it where it leads inside.
 *
 * @throws RestoreError `io` when the path cannot be looked into
 */
export async function findBucket(start: string): Promise<WalgBucket | undefined> {
  const absolute = path.resolve(start);
  if (!(await stat(absolute).catch(() => undefined))?.isDirectory()) return undefined;
  const above = await folderAbove(absolute);
  if (above) return above;
  const folders = await foldersBelow(absolute);
  return folders.length > 0 ? { folders } : undefined;
}

/** `db/shop` where the path or a manifest says it, else the path below the one that was named. */
export function titleOf({ clusters, prefix, root }: WalgFolder): string {
  return clusters[0] ?? (prefix || path.basename(root));
}

async function folderAbove(absolute: string): Promise<WalgBucket | undefined> {
  const steps = absolute.split(path.sep);
  const inside = steps.findLastIndex((it) => isBackupsFolder(it) || isWalFolder(it));
  if (inside < 1) return undefined;
  const root = steps.slice(0, inside).join(path.sep) || path.sep;
  const folder = await folderAt(root, '');
  if (!folder) return undefined;
  const label = steps[inside + 1];
  return { folders: [folder], ...(label !== undefined && isBackupName(label) && { label }) };
}

async function foldersBelow(top: string): Promise<WalgFolder[]> {
  const found: WalgFolder[] = [];
  let waiting = [{ folder: top, prefix: '', depth: 0 }];
  let seen = 0;
  while (waiting.length > 0) {
    const next: typeof waiting = [];
    for (const { folder, prefix, depth } of waiting) {
      const here = await folderAt(folder, prefix);
      if (here) {
        found.push(here);
        continue;
      }
      if (depth >= deepestPrefix) continue;
      for (const name of await foldersIn(folder, depth === 0)) {
        if (++seen > mostFolders) return found;
        next.push({
          folder: path.join(folder, name),
          prefix: prefix === '' ? name : `${prefix}/${name}`,
          depth: depth + 1,
        });
      }
    }
    waiting = next;
  }
  return found.sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
}

async function folderAt(root: string, prefix: string): Promise<WalgFolder | undefined> {
  const names = await foldersIn(root, prefix === '');
  const backups = names.filter(isBackupsFolder).at(-1);
  const wal = names.filter(isWalFolder).at(-1);
  if (backups === undefined && wal === undefined) return undefined;
  const [, namespace, cluster, startedAt, postgres] =
    /(?:^|[\\/])sgbackups\.stackgres\.io[\\/]([^\\/]+)[\\/]([^\\/]+)[\\/]([^\\/]+)[\\/]([^\\/]+)$/.exec(root) ?? [];
  const stackgres =
    namespace && cluster && startedAt && postgres ? { namespace, cluster, startedAt, postgres } : undefined;
  const clusters = stackgres ? [`${stackgres.namespace}/${stackgres.cluster}`] : [];
  return { root, prefix, backups, wal, stackgres, clusters };
}

async function foldersIn(folder: string, mustExist: boolean): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const names: string[] = [];
    for (const it of entries) {
      // A link may be the mount of a bucket, but below the top links could go round in circles.
      if (it.isDirectory() || (mustExist && it.isSymbolicLink() && isOfWalg(it.name))) names.push(it.name);
    }
    return names.sort();
  } catch (error) {
    if (isMissing(error) || !mustExist) return [];
    throw ioFailure(error, folder, 'open');
  }
}

function isOfWalg(name: string): boolean {
  return isBackupsFolder(name) || isWalFolder(name);
}

/** Names of the backups that have come to their end: those with a sentinel; and folders without one. */
export function sortBackupNames(names: readonly string[]): { finished: string[]; unfinished: string[] } {
  const finished = names.filter((it) => it.endsWith(sentinelSuffix)).map((it) => it.slice(0, -sentinelSuffix.length));
  const unfinished = names.filter((it) => isBackupName(it) && !finished.includes(it));
  return { finished, unfinished };
}
