/** The thread of a job, which may be started before there is one: it loads its program while the caller loads its own. */

import { Worker } from 'node:worker_threads';

/** What is made for one piece or one line lives shortly: a small nursery keeps the process small. */
const resourceLimits = { maxYoungGenerationSizeMb: 16 };

/** The bundles of one process share nothing else. */
const ahead = Symbol.for('restorable: a thread that waits for a job');
const shared = globalThis as { [ahead]?: Worker | undefined };

/** For the first job; a process that has none is not kept alive. @param file `worker.js` */
export function startAhead(file: string): void {
  const thread = start(file);
  shared[ahead] = thread;
  thread.unref();
  // Whoever has a job starts another one, and hears from that one what is wrong.
  const forget = () => {
    if (shared[ahead] === thread) shared[ahead] = undefined;
  };
  thread.on('error', forget);
  thread.on('exit', forget);
}

/** For one job. @param file `worker.js` */
export function engineThread(file: string): Worker {
  const thread = shared[ahead];
  shared[ahead] = undefined;
  thread?.ref();
  return thread ?? start(file);
}

function start(file: string): Worker {
  return new Worker(file, { name: 'restorable engine', stdout: true, stderr: true, resourceLimits });
}
