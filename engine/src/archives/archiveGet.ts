/** Gives PostgreSQL one WAL file out of an archive, whatever kind of archive it is: what `restore_command` runs. */

import { fail } from '../failure.ts';
import type { ArchiveGetJob, JobResult } from '../job.ts';
import type { RunContext } from '../run-context.ts';
import { getFromRepository } from './pgbackrest/archiveGet.ts';
import { isRepository } from './pgbackrest/repository.ts';
import { getFromWalg } from './walg/archiveGet.ts';
import { isWalg } from './walg/walg.ts';

/** Segments, partial segments, timeline histories and backup marks, as PostgreSQL names them. */
const walFile = /^(?:[0-9A-F]{24}(?:\.partial|\.[0-9A-F]{8}\.backup)?|[0-9A-F]{8}\.history)$/;

/**
 * Writes the file to `job.target`, which is replaced, under its final name only when it is whole and proven.
 *
 * @returns `isServed: false` when the archive has no such file, which ends a recovery
 * @throws RestoreError for everything else that keeps the file from being served
 */
export async function archiveGet(job: ArchiveGetJob, context: RunContext): Promise<JobResult['archive-get']> {
  if (!walFile.test(job.file)) {
    fail('usage', 'open', `${job.file} is no name of a WAL file`, {
      hint: 'Give %f as the file and %p as the target, as in restore_command.',
    });
  }
  if (await isRepository(job.archive)) return getFromRepository(job, context);
  if (await isWalg(job.archive)) return getFromWalg(job, context);
  fail('usage', 'open', 'this is no archive of WAL that is known', {
    path: job.archive,
    hint: 'Name the folder that holds archive/ and backup/ of a pgBackRest repository, or basebackups_005/ and wal_005/ of WAL-G.',
  });
}
