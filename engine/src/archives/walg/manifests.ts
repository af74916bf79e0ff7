/** What the manifests say of the archives in a bucket: whose they are, what their backups are called, what opens them. */

import { type Failure, fail } from '../../failure.ts';
import type { KnownArchive } from '../../job.ts';
import type { ListedBackup } from './backups.ts';
import { titleOf, type WalgFolder } from './bucket.ts';

/** What is known of one backup, or of an archive as such. */
export type KnownBackup = KnownArchive & { backup: NonNullable<KnownArchive['backup']> };

export class Manifests {
  readonly #known: readonly KnownArchive[];
  readonly #folders: readonly WalgFolder[];

  /** The folders get the names of the clusters that archive into them. */
  constructor(known: readonly KnownArchive[], folders: readonly WalgFolder[]) {
    this.#known = known;
    this.#folders = folders;
    for (const folder of folders) {
      const named = known.flatMap((it) => (it.cluster !== undefined && isAt(folder, it.path) ? it.cluster : []));
      folder.clusters = [...new Set([...folder.clusters, ...named])];
    }
  }

  /** Folders that a manifest names; empty where none does. */
  get named(): WalgFolder[] {
    return this.#folders.filter((folder) => this.#known.some((it) => isAt(folder, it.path)));
  }

  /** By WAL-G's names, what the manifests know of the backups in a folder. */
  backupsOf(folder: WalgFolder, finished: readonly ListedBackup[]): Map<string, KnownBackup> {
    const found = new Map<string, KnownBackup>();
    for (const it of this.#known) {
      if (!isOfBackup(it) || it.backup.label === undefined) continue;
      const listed = finished.find(({ name }) => name === it.backup.label);
      if (listed && this.#isIn(folder, it, listed)) found.set(listed.name, it);
    }
    return found;
  }

  /** Sentences on the backups that the manifests place in a folder, and that are not there. */
  missingFrom(folder: WalgFolder, finished: readonly ListedBackup[]): string[] {
    return this.#known.flatMap((it) => {
      if (!isOfBackup(it) || it.backup.label === undefined || !isAt(folder, it.path)) return [];
      if (finished.some(({ name }) => name === it.backup.label)) return [];
      return `${it.backup.title} is ${it.backup.label}, which is not in ${titleOf(folder)}: it was deleted there, or not copied`;
    });
  }

  /** Why a backup that a manifest gives a name to is in none of the folders; undefined when no manifest knows the name. */
  absence(wanted: string): Pick<Failure, 'message'> | undefined {
    const [found] = this.#known.filter(isOfBackup).filter((it) => isTitle(it.backup.title, wanted));
    if (!found) return undefined;
    const { label, title, flaw } = found.backup;
    if (label === undefined) return { message: `${title} has no backup in the bucket: ${flaw ?? 'it was not made'}` };
    const place = this.#folders.find((it) => isAt(it, found.path));
    const where = place ? `in ${place.prefix || place.root}` : 'here';
    const lies = place || found.path === undefined ? '' : `; it lies below ${found.path}`;
    return { message: `${title} is ${label}, which is not ${where}${lies}${flaw === undefined ? '' : ` (${flaw})`}` };
  }

  /**
   * Whether what is not encrypted is a failure; undefined: no manifest says. The SGBackup knows best: it keeps the storage as
   * it was at the time. A bucket that holds archives of several clusters may have plain ones beside encrypted ones.
   */
  expectation(folder: WalgFolder, backup?: KnownBackup): boolean | undefined {
    return backup?.isEncrypted ?? this.#ofCluster(folder).find((it) => it.isEncrypted !== undefined)?.isEncrypted;
  }

  /** The backup's own storage tells of its tars; the cluster's present one tells of its WAL. */
  adviceFor(folder: WalgFolder, backup?: KnownBackup): KeyAdvice {
    const ofCluster = this.#ofCluster(folder).find((it) => it.keyAdvice !== undefined)?.keyAdvice;
    return { backup: backup?.keyAdvice ?? ofCluster, wal: ofCluster ?? backup?.keyAdvice };
  }

  #ofCluster(folder: WalgFolder): KnownArchive[] {
    return this.#known.filter((it) => !it.backup && isAt(folder, it.path));
  }

  /** A copy may begin below the path that the manifest names: then the cluster's own identifier has to agree. */
  #isIn(folder: WalgFolder, { path, backup }: KnownBackup, { record }: ListedBackup): boolean {
    if (path === undefined || isAt(folder, path)) return true;
    if (this.#folders.some((it) => isAt(it, path))) return false;
    return backup.systemId !== undefined && backup.systemId === String(record?.systemId);
  }
}

export interface KeyAdvice {
  backup: KnownArchive['keyAdvice'];
  wal: KnownArchive['keyAdvice'];
}

/** Where the key is that does not open something, or cannot be used; how to get it, where the manifests only name it. */
export function advised(failure: Failure, { backup, wal }: KeyAdvice): Failure {
  const { code, stage, hint } = failure;
  if (code !== 'wrong-key' && !(code === 'usage' && stage === 'key')) return failure;
  const advice = /^wal_/.test(failure.path ?? '') ? wal : backup;
  if (!advice) return failure;
  return { ...failure, hint: advice.isHere && hint !== undefined ? `${hint} ${advice.said}` : advice.said };
}

/** `SGBackup db/nightly` is meant by `nightly` and by `db/nightly` as well. */
export function isTitle(title: string | undefined, wanted: string): boolean {
  return title !== undefined && (title === wanted || title.endsWith(` ${wanted}`) || title.endsWith(`/${wanted}`));
}

/**
 * The folders of a cluster, by `NAMESPACE/NAME`, its name alone, or a folder's path.
 *
 * @throws RestoreError `usage` when there is none
 */
export function foldersOf(folders: readonly WalgFolder[], cluster: string): WalgFolder[] {
  const found = folders.filter(
    ({ clusters, prefix }) =>
      clusters.some((it) => it === cluster || it.endsWith(`/${cluster}`)) || prefix === cluster.replace(/\/$/, ''),
  );
  if (found.length > 0) return found;
  const list = [...new Set(folders.map(titleOf))].sort().join(', ');
  fail('usage', 'open', `the bucket has no cluster ${cluster}`, { hint: `It has: ${list}.` });
}

function isOfBackup(known: KnownArchive): known is KnownBackup {
  return known.backup !== undefined;
}

/** A path in a manifest counts from the bucket's own prefix, which a local copy may or may not have. `*` is any folder. */
function isAt({ root }: WalgFolder, path: string | undefined): boolean {
  if (path === undefined) return false;
  const wanted = path.split('/').filter((it) => it !== '');
  const there = root.split(/[\\/]/).slice(-wanted.length);
  return wanted.length > 0 && wanted.every((it, index) => it === '*' || it === there[index]);
}
