import { bug } from '../failure.ts';
import type { Job } from '../job.ts';
import { throttledContext } from '../throttledProgress.ts';
import { putFile, takeFile, wipeFiles } from './files.ts';
import type { FromWebWorker, ToWebWorker } from './pool.ts';
import { runJob } from './run.ts';

/** The Web Worker that does one job: what it reads comes with the job, what it writes goes with the outcome. */
declare const self: {
  onmessage: ((event: { data: ToWebWorker }) => void) | null;
  onunhandledrejection: ((event: { reason: unknown }) => void) | null;
  postMessage(message: FromWebWorker, transfer?: ArrayBufferLike[]): void;
};

const stop = new AbortController();

self.onmessage = ({ data }) => {
  if (data.type === 'cancel') stop.abort();
  else void work(data.job, data.input);
};

// What a library lets fall, nobody would wait for any more.
self.onunhandledrejection = ({ reason }) => {
  self.postMessage({ type: 'done', outcome: { ok: false, failure: bug(reason) } });
};

async function work(job: Job, input: Uint8Array | undefined): Promise<void> {
  const context = throttledContext(stop.signal, (progress) => self.postMessage({ type: 'progress', progress }));
  const inputPath = 'input' in job ? job.input : 'archive' in job ? job.archive : undefined;
  if (input && inputPath !== undefined) putFile(inputPath, input);
  const outcome = await runJob(job, context);
  context.flush();
  const output = outcome.ok && 'output' in job ? takeFile(job.output)?.slice() : undefined;
  wipeFiles();
  self.postMessage({ type: 'done', outcome, ...(output && { output }) }, output ? [output.buffer] : []);
}
