/** The program of a thread that reads objects of a large backup; `crew.ts` starts it and talks to it. */

import { parentPort, workerData } from 'node:worker_threads';
import { RestoreError } from '../../failure.ts';
import { quietContext } from '../../run-context.ts';
import { DirectorySink } from '../../sinks/directory.ts';
import { BucketFiles } from './bucketFiles.ts';
import { type FromLane, type LaneData, type ToLane, work } from './crew.ts';

const port = parentPort;
if (!port) throw new Error('this file is a thread of the engine: crew.ts starts it');

const tellEveryMs = 50;
const { root, offers, expectEncrypted, staging } = workerData as LaneData;
const say = (message: FromLane) => port.postMessage(message);

let untold = 0;
let told = performance.now();
const progress = (step: string, bytes: number) => {
  untold += bytes;
  if (performance.now() - told < tellEveryMs) return;
  tell(step);
};
const tell = (step: string) => {
  say({ type: 'progress', step, bytes: untold });
  untold = 0;
  told = performance.now();
};

const files = new BucketFiles(root, { ...quietContext(), progress });
const sink = staging && DirectorySink.attach(staging);

const opening = { offers, expectEncrypted };

port.on('message', (message: ToLane) => void answer(message));

async function answer(message: ToLane): Promise<void> {
  const object = message.type === 'feed' ? message.object : message.task.object;
  try {
    const result = await work(files, opening, sink, message);
    if (untold > 0) tell(object);
    say({ type: 'done', result });
  } catch (error) {
    if (untold > 0) tell(object);
    if (!(error instanceof RestoreError)) throw error;
    say({ type: 'failed', failure: error.failure });
  }
}
