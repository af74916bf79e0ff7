import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { engineThread } from './engineThread.ts';
import type { Failure } from './failure.ts';
import type { Job, Outcome, Progress } from './job.ts';
import type { RunContext } from './run-context.ts';
import { cancelled } from './run-context.ts';
import { throttledContext } from './throttledProgress.ts';

/**
 * The engine's front door for `lsp`, `cli` and `client`: runs each job in a worker thread of its own, so that an editor
 * never waits, and so that what a job leaves in memory (keys, plaintext) goes with its thread.
 */
export interface RunOptions {
  signal?: AbortSignal;
  /** Called at most ten times a second, and once at the end. */
  onProgress?: (progress: Progress) => void;
}

export type ToWorker = { type: 'run'; job: Job } | { type: 'cancel' };
export type FromWorker = { type: 'progress'; progress: Progress } | { type: 'done'; outcome: Outcome<Job['kind']> };

/** A stopped job cleans up after itself; one that does not get there is ended. */
const graceMs = 10_000;

/**
 * Never rejects: what goes wrong is in the outcome, a worker that dies included. The caller keeps its key bytes and wipes
 * them; the worker gets a copy and wipes that.
 */
export async function run<J extends Job>(job: J, options: RunOptions = {}): Promise<Outcome<J['kind']>> {
  if (options.signal?.aborted) return { ok: false, failure: cancelled().failure };
  const file = join(__dirname, 'worker.js');
  if (existsSync(file)) return runInWorker(file, job, options) as Promise<Outcome<J['kind']>>;
  if (runHere) return runOnThisThread(runHere, job, options);
  return {
    ok: false,
    failure: {
      code: 'io',
      stage: 'open',
      message: 'the engine’s worker is missing',
      hint: 'Install Restorable again.',
    },
  };
}

type Runner = <J extends Job>(job: J, context: RunContext) => Promise<Outcome<J['kind']>>;
let runHere: Runner | undefined;

/** For tests that run from the sources, where there is no bundled worker beside this file. */
export function useRunner(runner: Runner): void {
  runHere = runner;
}

async function runOnThisThread<J extends Job>(
  runner: Runner,
  job: J,
  options: RunOptions,
): Promise<Outcome<J['kind']>> {
  const context = throttledContext(options.signal ?? new AbortController().signal, options.onProgress);
  const outcome = await runner(structuredClone(job), context);
  context.flush();
  return outcome;
}

function runInWorker(file: string, job: Job, { signal, onProgress }: RunOptions): Promise<Outcome<Job['kind']>> {
  return new Promise((resolve) => {
    const worker = engineThread(file);
    let timer: NodeJS.Timeout | undefined;
    let isSettled = false;
    const settle = (outcome: Outcome<Job['kind']>) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      resolve(outcome);
    };
    const cancel = () => {
      worker.postMessage({ type: 'cancel' } satisfies ToWorker);
      timer = setTimeout(
        () => void worker.terminate().then(() => settle({ ok: false, failure: cancelled().failure })),
        graceMs,
      );
    };
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'progress') onProgress?.(message.progress);
      else settle(message.outcome);
    });
    worker.on('error', (error) => settle({ ok: false, failure: died(error) }));
    worker.on('exit', () => settle({ ok: false, failure: signal?.aborted ? cancelled().failure : died(undefined) }));
    signal?.addEventListener('abort', cancel, { once: true });
    worker.postMessage({ type: 'run', job } satisfies ToWorker);
  });
}

/** A worker dies of a bug or of too little memory. Its error may quote what it worked on, so only its kind is told. */
function died(error: Error | undefined): Failure {
  const isMemory = error !== undefined && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return {
    code: 'io',
    stage: 'open',
    message: isMemory
      ? 'the engine ran out of memory'
      : `the engine stopped in the middle of the work${error ? ` (${error.name})` : ''}`,
    hint: 'This is a bug of Restorable: please report it with the kind and size of the archive. It says nothing about the archive.',
  };
}
