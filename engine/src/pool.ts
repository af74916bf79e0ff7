import type { Job, JobResult, Outcome, Progress } from './job.ts';

/**
 * The engine's front door for `lsp`, `cli` and `client`: runs a job in a worker thread, so that an editor never waits.
 * Placeholder signature; see the implementation below.
 */
export interface RunOptions {
  signal?: AbortSignal;
  /** Called at most ten times a second, and once at the end. */
  onProgress?: (progress: Progress) => void;
}

export declare function run<J extends Job>(job: J, options?: RunOptions): Promise<Outcome<J['kind']>>;
export type { JobResult };
