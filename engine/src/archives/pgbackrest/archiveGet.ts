/** One WAL file out of a repository, for PostgreSQL. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../../failure.ts';
import type { ArchiveGetJob, JobResult } from '../../job.ts';
import type { RunContext } from '../../run-context.ts';
import { type ArchiveInfo, readArchiveInfo } from './archiveInfo.ts';
import { readable } from './byteText.ts';
import { loadInfo } from './infoSource.ts';
import { readControlFile } from './pgControl.ts';
import { chooseStanza, fitting, located } from './repository.ts';
import { RepositoryFiles } from './repositoryFiles.ts';
import { findPass } from './repositoryPass.ts';
import { type Cluster, StanzaWal } from './stanzaWal.ts';

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
