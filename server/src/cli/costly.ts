/** What a file may ask for and is not done unasked: to go without proof of integrity, and passwords that cost gigabytes or minutes. */

import { type Failure, RestoreError } from '../../../engine/src/failure.ts';
import type { Job, JobResult } from '../../../engine/src/job.ts';
import type { OptionTable } from './arguments.ts';
import { sentence } from './failureMessage.ts';
import { askYesOrNo } from './prompt.ts';
import { runJob } from './running.ts';
import { harmless, paragraph, type Terminal } from './terminal.ts';

export const ALLOW_COSTLY = {
  'allow-costly': {
    kind: 'flag',
    help: 'also try passwords that would cost gigabytes of memory, or minutes; asked for at a terminal',
  },
} as const satisfies OptionTable;

export const ALLOW_OPTIONS = {
  'allow-unauthenticated': {
    kind: 'flag',
    help: 'also decrypt what has no integrity protection (openpgp), or where nothing shows that the password is right (openssl)',
  },
  ...ALLOW_COSTLY,
} as const satisfies OptionTable;

type CostlyJob = Extract<Job, { allowCostly?: boolean }>;

/**
 * Runs a job; where trying the password is refused because of what it costs, the person at the terminal is asked, and on yes
 * it runs again without that limit.
 *
 * @param mayAsk false where stdin is not for answers
 * @param failureIn looks for the refusal in a result, where it does not come as an error
 */
export async function runAsking<J extends CostlyJob>(
  job: J,
  terminal: Terminal,
  { mayAsk = true, failureIn = () => undefined }: AskingOptions<J> = {},
): Promise<JobResult[J['kind']]> {
  let refusal: Failure | undefined;
  let result: JobResult[J['kind']] | undefined;
  let thrown: unknown;
  try {
    result = await runJob(job, terminal);
    refusal = failureIn(result);
  } catch (error) {
    thrown = error;
    refusal = error instanceof RestoreError ? error.failure : undefined;
  }
  if (refusal?.reason === 'costly' && !job.allowCostly && mayAsk && terminal.stdinIsTty) {
    terminal.say(paragraph(harmless(sentence(refusal.message)), { width: terminal.width, first: '! ' }));
    const isMeant = await askYesOrNo('No usual program asks for that. Try it all the same?', terminal);
    if (isMeant) return runJob({ ...job, allowCostly: true }, terminal);
  }
  if (thrown !== undefined) throw thrown;
  return result as JobResult[J['kind']];
}

export interface AskingOptions<J extends CostlyJob> {
  mayAsk?: boolean;
  failureIn?: (result: JobResult[J['kind']]) => Failure | undefined;
}
