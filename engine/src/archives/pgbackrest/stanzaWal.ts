/** All the WAL of a stanza, file by file, whichever version of the database archived it. */

import { decryptPgbackrest } from '../../crypto/pgbackrest.ts';
import { at, fail } from '../../failure.ts';
import { stageFile } from '../../files/stagedFile.ts';
import type { Secret } from '../../secret.ts';
import { type ArchiveInfo, archiveId, type DatabaseVersion } from './archiveInfo.ts';
import { type ByteText, readable } from './byteText.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';
import { segmentProblem, WalArchive } from './wal.ts';

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
