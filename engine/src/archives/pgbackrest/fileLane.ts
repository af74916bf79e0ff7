/** The program of a thread that checks files of a large backup; `fileCrew.ts` starts it and talks to it. */

import { parentPort } from 'node:worker_threads';
import { RestoreError } from '../../failure.ts';
import { quietContext } from '../../run-context.ts';
import { Secret } from '../../secret.ts';
import { DirectorySink } from '../../sinks/directory.ts';
import { FileCheck } from './fileCheck.ts';
import type { FromLane, LaneData, ToLane } from './fileCrew.ts';
import { RepositoryFiles } from './repositoryFiles.ts';

const port = parentPort;
if (!port) throw new Error('this file is a thread of the engine: fileCrew.ts starts it');

const tellEveryMs = 50;
const say = (message: FromLane) => port.postMessage(message);

let untold = 0;
let told = performance.now();
const progress = (step: string, bytes: number) => {
  untold += bytes;
  if (performance.now() - told < tellEveryMs) return;
  say({ type: 'progress', step, bytes: untold });
  untold = 0;
  told = performance.now();
};

/** All that one backup needs, from the first message on. */
let work: { check: FileCheck; files: RepositoryFiles; secret: Secret | undefined } | undefined;

// One message after the other: what is checked later must not end before what was asked for earlier.
let last: Promise<void> = Promise.resolve();
port.on('message', (message: ToLane) => {
  last = last.then(() => answer(message)).catch(refuse);
});

async function answer(message: ToLane): Promise<void> {
  if (message.type === 'start') {
    work = await begin(message.data);
    return;
  }
  if (!work) throw new Error('a thread was given files before it was told of which backup');
  const { check, files, secret } = work;
  if (message.type === 'check') {
    await check.check(message.entries);
    say({ type: 'checked' });
    return;
  }
  check.close();
  files.close();
  secret?.wipe();
  if (untold > 0) say({ type: 'progress', step: '', bytes: untold });
  say({ type: 'ended', results: check.takeResults() });
}

async function begin({ root, manifest, pass, staging }: LaneData): Promise<typeof work> {
  const files = new RepositoryFiles(root, { ...quietContext(), progress });
  const secret = pass && new Secret(pass);
  const sink = staging && DirectorySink.attach(staging);
  return { files, secret, check: await FileCheck.open(files, { ...manifest, pass: secret }, sink) };
}

function refuse(error: unknown): void {
  if (!(error instanceof RestoreError)) throw error;
  say({ type: 'failed', failure: error.failure });
}
