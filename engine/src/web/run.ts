import { bug, fail, RestoreError } from '../failure.ts';
import { decryptFile } from '../files/decryptFile.ts';
import { encryptFile } from '../files/encryptFile.ts';
import { inspectFile } from '../files/inspectFile.ts';
import type { Job, JobResult, Outcome } from '../job.ts';
import { wipeKeys } from '../jobKeys.ts';
import { generateKey } from '../keys/generate.ts';
import { cancelled, type RunContext } from '../run-context.ts';

/**
 * As `runJob`, for what a browser can do: keys, and single files in memory (`files.ts`). Everything else is `unsupported`.
 */
export async function runJob<J extends Job>(job: J, context: RunContext): Promise<Outcome<J['kind']>> {
  try {
    return { ok: true, value: (await result(job, context)) as JobResult[J['kind']] };
  } catch (error) {
    const failure = context.signal.aborted ? cancelled() : error;
    if (failure instanceof RestoreError) return { ok: false, failure: failure.failure };
    return { ok: false, failure: bug(error) };
  } finally {
    wipeKeys(job);
  }
}

async function result(job: Job, context: RunContext): Promise<JobResult[Job['kind']]> {
  switch (job.kind) {
    case 'inspect':
      return inspectFile(job.archive, context, job.keys);
    case 'encrypt':
      return encryptFile(job, context);
    case 'decrypt':
      return decryptFile(job, context);
    case 'keygen':
      return generateKey(job.key);
    default:
      return fail('unsupported', 'open', 'archives are not restored in a browser', {
        hint: 'Open the folder in VS Code on a desktop, or use the command `restorable`.',
      });
  }
}
