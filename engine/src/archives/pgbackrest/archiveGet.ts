/** One WAL file out of a repository, for PostgreSQL. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { decryptPgbackrest } from '../../crypto/pgbackrest.ts';
import { at, fail } from '../../failure.ts';
import { stageFile } from '../../files/stagedFile.ts';
import type { ArchiveGetJob, JobResult } from '../../job.ts';
import type { RunContext } from '../../run-context.ts';
import type { Secret } from '../../secret.ts';
import { type ArchiveInfo, archiveId, type DatabaseVersion, readArchiveInfo } from './archiveInfo.ts';
import { type ByteText, readable } from './byteText.ts';
import { loadInfo } from './infoSource.ts';
import { readControlFile } from './pgControl.ts';
import { chooseStanza, fitting, located } from './repository.ts';
import { RepositoryFiles } from './repositoryFiles.ts';
import { findPass } from './repositoryPass.ts';
import { segmentProblem, WalArchive } from './wal.ts';

/** As `archiveGet` in ../archiveGet.ts. */
export async function getFromRepository(job: ArchiveGetJob, context: RunContext): Promise<JobResult['archive-get']> {
  const location = await located(job.archive);
  const files = new RepositoryFiles(location.root, context);
  const stanza = await chooseStanza(location, job.stanza);
  const pass = await findPass(files, stanza, fitting(job.keys, readable(stanza), undefined));
  try {
    const info = await loadInfo(files, `archive/${stanza}/archive.info`, pass?.archive.pass, () => undefined);
    const archive = readArchiveInfo(info);
    try {
      const cluster = await clusterOf(job.target, archive, readable(stanza));
      const wal = new StanzaWal(files, { stanza, archive, cluster });
      const bytes = await wal.get(job.file, job.target);
      return { isServed: bytes !== undefined, bytes: bytes ?? 0 };
    } finally {
      archive.pass?.wipe();
    }
  } finally {
    pass?.archive.pass.wipe();
    pass?.backup.pass.wipe();
    files.close();
  }
}

/** Which cluster's WAL is wanted. */
export type Cluster = Pick<DatabaseVersion, 'systemId'> & Partial<DatabaseVersion>;

/** The WAL of a stanza: one archive for every version of the database that archived here. */
export class StanzaWal {
  readonly #files: RepositoryFiles;
  readonly #pass: Secret | undefined;
  readonly #cluster: Cluster | undefined;
  readonly #archives: { folder: ByteText; wal: WalArchive }[];

  /** @param from.cluster when it is known: an upgraded stanza has segments of the same name from several clusters */
  constructor(files: RepositoryFiles, from: { stanza: ByteText; archive: ArchiveInfo; cluster: Cluster | undefined }) {
    const { stanza, archive, cluster } = from;
    this.#files = files;
    this.#pass = archive.pass;
    this.#cluster = cluster;
    this.#archives = archive.history
      .filter((it) => cluster === undefined || it.systemId === cluster.systemId)
      .filter((it) => cluster?.version === undefined || it.version === cluster.version)
      .sort((a, b) => Number(b.id === cluster?.id) - Number(a.id === cluster?.id) || b.id - a.id)
      .map((it) => {
        const folder = `archive/${stanza}/${archiveId(it)}`;
        return { folder, wal: new WalArchive(files, folder, archive.pass) };
      });
  }

  /**
   * Writes a WAL file to the target, which it replaces.
   *
   * @returns its size, or undefined when the archive has none of this name
   * @throws RestoreError `damaged`, `truncated`, `unsupported`, `io`; `usage` when it cannot be told which of two is meant
   */
  async get(name: string, target: string): Promise<number | undefined> {
    const isSegment = /^[0-9A-F]{24}(\.partial)?$/.test(name);
    return isSegment ? this.#getSegment(name, target) : this.#getSmallFile(name, target);
  }

  async #getSegment(name: string, target: string): Promise<number | undefined> {
    const found = [];
    for (const { wal } of this.#archives) {
      const stored = await wal.find(name);
      if (stored) found.push({ wal, stored });
    }
    const [first, ...others] = found;
    if (!first) return undefined;
    if (this.#cluster === undefined && others.some((it) => it.stored.checksum !== first.stored.checksum)) {
      fail('usage', 'wal', `several clusters have archived a ${name}: ${list(found.map((it) => it.stored.object))}`, {
        hint: 'Call it from the data directory, as restore_command is: its global/pg_control tells which one is meant.',
      });
    }
    const { wal, stored } = first;
    const segment = wal.checked(stored, (header, bytes) =>
      segmentProblem(name, { header, bytes, systemId: this.#cluster?.systemId }),
    );
    return writeFile(target, segment);
  }

  /** Histories and marks are stored as they are, only encrypted, and have no checksum. */
  async #getSmallFile(name: string, target: string): Promise<number | undefined> {
    for (const { folder } of this.#archives) {
      const object = name.endsWith('.history') ? `${folder}/${name}` : `${folder}/${name.slice(0, 16)}/${name}`;
      if ((await this.#files.size(object)) === undefined) continue;
      try {
        const stored = this.#files.read(object);
        return await writeFile(
          target,
          this.#pass ? decryptPgbackrest(stored, this.#pass, { isKeyProven: true }) : stored,
        );
      } catch (error) {
        throw at(readable(object), error);
      }
    }
    return undefined;
  }
}

/**
 * The cluster whose data directory the target lies in (`pg_wal/RECOVERYXLOG`), from its control file.
 *
 * @throws RestoreError `usage` when the stanza has never archived that cluster's WAL
 */
async function clusterOf(target: string, archive: ArchiveInfo, stanza: string): Promise<Cluster | undefined> {
  const place = path.join(path.dirname(path.resolve(target)), '..', 'global/pg_control');
  const control = readControlFile(await readFile(place).catch(() => Buffer.alloc(0)));
  if (!control) return undefined;
  if (archive.history.some((it) => it.systemId === control.systemId)) return { systemId: control.systemId };
  fail('usage', 'wal', `stanza ${stanza} holds no WAL of this cluster: its system identifier is ${control.systemId}`, {
    path: `archive/${stanza}/archive.info`,
    hint: 'Name the repository and the stanza that the cluster was restored from.',
  });
}

async function writeFile(target: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await stageFile(target, true);
  try {
    let written = 0;
    for await (const piece of bytes) {
      await file.write(piece);
      written += piece.length;
    }
    await file.publish();
    return written;
  } finally {
    await file.discard();
  }
}

function list(objects: ByteText[]): string {
  return objects.map(readable).join(', ');
}
