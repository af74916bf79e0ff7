/** One WAL file out of an archive of WAL-G, for PostgreSQL. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { stageFile } from '../../files/stagedFile.ts';
import type { ArchiveGetJob, JobResult } from '../../job.ts';
import type { RunContext } from '../../run-context.ts';
import { readControlFile } from '../pgbackrest/pgControl.ts';
import { BucketFiles } from './bucketFiles.ts';
import type { Opening } from './storedObject.ts';
import { WalArchive } from './walArchive.ts';
import { fetchStored } from './walFetch.ts';
import { onlyFolder } from './walg.ts';

/** As `archiveGet` in ../archiveGet.ts. */
export async function getFromWalg(job: ArchiveGetJob, context: RunContext): Promise<JobResult['archive-get']> {
  const folder = await onlyFolder(job.archive, job.cluster);
  const files = new BucketFiles(folder.root, context);
  const archive = await WalArchive.open(files, folder.wal);
  const [stored] = archive?.find(job.file) ?? [];
  if (!stored) return { isServed: false, bytes: 0 };
  const opening: Opening = { offers: job.keys, expectEncrypted: job.expectEncrypted ?? job.keys.length > 0 };
  const file = await stageFile(job.target, true);
  try {
    const systemId = await clusterOf(job.target);
    const bytes = await fetchStored(files, stored, { opening, systemId }, (piece) => file.write(piece));
    await file.publish();
    return { isServed: true, bytes };
  } finally {
    await file.discard();
  }
}

/** The cluster whose data directory the target lies in (`pg_wal/RECOVERYXLOG`), from its control file. */
async function clusterOf(target: string): Promise<bigint | undefined> {
  const place = path.join(path.dirname(path.resolve(target)), '..', 'global/pg_control');
  return readControlFile(await readFile(place).catch(() => Buffer.alloc(0)))?.systemId;
}
