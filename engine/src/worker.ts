import path from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { Job } from './job.ts';
import { useLanes } from './lanes/lanes.ts';
import { laneThreads } from './lanes/laneThreads.ts';
import type { FromWorker, ToWorker } from './pool.ts';
import { runJob } from './run.ts';
import { throttledContext } from './throttledProgress.ts';

/** The thread that does one job. The pool starts it, sends the job, and may ask it to stop. */
const port = parentPort;
if (!port) throw new Error('this file is the engine’s worker: start it through the pool');

useLanes(laneThreads(path.join(__dirname, 'cipherLane.js')));
const stop = new AbortController();
const say = (message: FromWorker) => port.postMessage(message);

port.on('message', (message: ToWorker) => {
  if (message.type === 'cancel') stop.abort();
  else void work(message.job);
});

async function work(job: Job): Promise<void> {
  const context = throttledContext(stop.signal, (progress) => say({ type: 'progress', progress }));
  const outcome = await runJob(job, context);
  context.flush();
  say({ type: 'done', outcome });
  port?.close();
}
