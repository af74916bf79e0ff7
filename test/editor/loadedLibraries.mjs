// Encrypts and decrypts a file in the worker of an unpacked extension, and prints the add-ons that it loads.
//
//   node loadedLibraries.mjs WORKER FOLDER
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

const [workerFile, folder] = process.argv.slice(2);
/** Tells of every add-on before it is loaded: when the thread is done, it is unloaded with it. */
const TELLING = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { dlopen } = process;
  process.dlopen = (module, file, ...rest) => {
    parentPort.postMessage({ type: 'loaded', file });
    return dlopen.call(process, module, file, ...rest);
  };
  require(workerData);
`;

const [plain, stored, again] = ['plain', 'stored', 'again'].map((it) => join(folder, it));
const text = 'The quick brown fox\n'.repeat(100_000);
writeFileSync(plain, text);

await run({ kind: 'encrypt', method: 'sodium', input: plain, output: stored, key: key() });
await run({ kind: 'decrypt', method: 'sodium', input: stored, output: again, key: key() });
if (readFileSync(again, 'utf8') === text) console.log('decrypted');

function key() {
  const bytes = new TextEncoder().encode('0123456789abcdef'.repeat(4));
  return { kind: 'sodium', source: 'test', bytes, keyTransform: 'hex' };
}

function run(job) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(TELLING, { eval: true, workerData: workerFile });
    worker.on('error', reject);
    worker.on('message', ({ type, file, outcome }) => {
      if (type === 'loaded') console.log(file);
      if (type !== 'done') return;
      if (outcome.ok) resolve();
      else reject(new Error(outcome.failure.message));
    });
    worker.postMessage({ type: 'run', job });
  });
}
