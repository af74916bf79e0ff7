import { fail } from '../failure.ts';
import { decryptFile } from '../files/decryptFile.ts';
import { encryptFile } from '../files/encryptFile.ts';
import { inspectFile } from '../files/inspectFile.ts';
import type { Job, JobResult, Outcome } from '../job.ts';
import { generateKey } from '../keys/generate.ts';
import { outcomeOf } from '../outcome.ts';
import type { RunContext } from '../run-context.ts';

/**
 * As `runJob`, for what a browser can do: keys, and single files in memory (`files.ts`). Everything else is `unsupported`.
 */
export function runJob<J extends Job>(job: J, context: RunContext): Promise<Outcome<J['kind']>> {
  return outcomeOf(job, context, result);
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
