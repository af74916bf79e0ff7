/** The program of a thread that decrypts batches of one stream; `laneThreads.ts` starts it and talks to it. */

import { parentPort } from 'node:worker_threads';
import { type BatchWork, prepareWork } from './batchWork.ts';
import type { FromLane, ToLane } from './laneThreads.ts';

const port = parentPort;
if (!port) throw new Error('this file is a thread of the engine: laneThreads.ts starts it');

const say = (message: FromLane, handedOver: ArrayBuffer[] = []) => port.postMessage(message, handedOver);

void prepareWork().then((workFor) => {
  let work: BatchWork | undefined;
  port.on('message', (message: ToLane) => {
    switch (message.type) {
      case 'begin':
        work = workFor(message.work);
        break;
      case 'batch': {
        if (!work) throw new Error('a thread was given a batch before it was told what to do with it');
        const result = work.run(message.batch);
        say({ type: 'worked', result }, [result.memory]);
        break;
      }
      case 'end':
        work?.wipe();
        port.close();
    }
  });
  say({ type: 'ready' });
});
