import { archiveGet } from './archives/archiveGet.ts';
import { inspectRepository, isRepository, testRestoreRepository } from './archives/pgbackrest/repository.ts';
import { inspectWalg, isWalg, testRestoreWalg } from './archives/walg/walg.ts';
import { fail } from './failure.ts';
import { decryptFile } from './files/decryptFile.ts';
import { encryptFile } from './files/encryptFile.ts';
import { inspectFile } from './files/inspectFile.ts';
import { testRestoreFile } from './files/testRestoreFile.ts';
import { onePerSource } from './files/triedKey.ts';
import type { Inspection, InspectJob, Job, JobResult, Outcome, TestRestoreJob } from './job.ts';
import { generateKey } from './keys/generate.ts';
import { outcomeOf } from './outcome.ts';
import type { RunContext } from './run-context.ts';

/**
 * Does one job on this thread. Every failure comes out as an outcome; keys are wiped whatever happens.
 * The pool calls it inside a worker; only tests call it directly.
 */
export function runJob<J extends Job>(job: J, context: RunContext): Promise<Outcome<J['kind']>> {
  return outcomeOf(job, context, result);
}

async function result(job: Job, context: RunContext): Promise<JobResult[Job['kind']]> {
  switch (job.kind) {
    case 'test-restore':
      if (await isRepository(job.archive)) return testRestoreRepository(job, context);
      return (await isWalg(job.archive))
        ? testRestoreWalg(job, context)
        : [await testRestoreFile(withoutRepositoryOptions(job), context)];
    case 'archive-get':
      return archiveGet(job, context);
    case 'inspect': {
      const inspection = await inspect(job, context);
      return inspection.keys ? { ...inspection, keys: onePerSource(inspection.keys) } : inspection;
    }
    case 'encrypt':
      return encryptFile(job, context);
    case 'decrypt':
      return decryptFile(job, context);
    case 'keygen':
      return generateKey(job.key);
  }
}

async function inspect(job: InspectJob, context: RunContext): Promise<Inspection> {
  const { archive, keys, allowCostly } = job;
  if (await isRepository(archive)) return inspectRepository(archive, context, keys);
  return (await isWalg(archive)) ? inspectWalg(job, context) : inspectFile(archive, context, keys, allowCostly);
}

/** @throws RestoreError `usage` for what only a pgBackRest repository can be asked */
function withoutRepositoryOptions(job: TestRestoreJob): TestRestoreJob {
  if (job.parts || job.places) {
    fail('usage', 'open', 'only a pgBackRest repository restores in parts or to several places', {
      path: job.archive,
      hint: 'Name the folder that holds archive/ and backup/, or leave these options out.',
    });
  }
  return job;
}
