/** What a job comes to, wherever it runs. */

import { bug, RestoreError } from './failure.ts';
import type { Job, JobResult, Outcome } from './job.ts';
import { wipeKeys } from './jobKeys.ts';
import { cancelled, type RunContext } from './run-context.ts';

/** Every failure comes out as an outcome; the job's keys are wiped whatever happens. */
export async function outcomeOf<J extends Job>(
  job: J,
  context: RunContext,
  work: (job: Job, context: RunContext) => Promise<JobResult[Job['kind']]>,
): Promise<Outcome<J['kind']>> {
  try {
    return { ok: true, value: (await work(job, context)) as JobResult[J['kind']] };
  } catch (error) {
    const failure = context.signal.aborted ? cancelled() : error;
    if (failure instanceof RestoreError) return { ok: false, failure: failure.failure };
    return { ok: false, failure: bug(error) };
  } finally {
    wipeKeys(job);
  }
}
