import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { bundles } from './bundles.ts';

/** The text of a bundle for the browser. */
export async function webBundle(name: 'client' | 'server' | 'engine'): Promise<string> {
  return readFileSync(join(await bundles('web'), 'web', `${name}.js`), 'utf8');
}

/**
 * A thread in which everything of Node is gone, and what a Web Worker has is all there is: a bundle that reaches for more
 * fails in it as it would in a browser.
 */
export class WebWorker {
  readonly #worker: Worker;
  /** What went wrong in the thread outside of any message. */
  error: Error | undefined;
  onmessage: (data: unknown) => void = () => undefined;
  onerror: (error: Error) => void = () => undefined;

  constructor(bundle: string) {
    this.#worker = new Worker(BOOTSTRAP, { eval: true, workerData: bundle });
    this.#worker.on('message', (data: unknown) => this.onmessage(data));
    this.#worker.on('error', (error: Error) => {
      this.error = error;
      this.onerror(error);
    });
  }

  postMessage(data: unknown): void {
    this.#worker.postMessage(data);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Globals of Node, some of them the libraries look for to tell where they run. */
const NODE_GLOBALS = [
  ...['process', 'Buffer', 'require', 'module', 'exports', 'global', '__filename', '__dirname'],
  ...['setImmediate', 'clearImmediate'],
];

const BOOTSTRAP = `{
  const { parentPort, workerData } = require('node:worker_threads');
  const run = (0, eval);
  const self = globalThis;
  for (const name of ${JSON.stringify(NODE_GLOBALS)}) delete self[name];
  Object.assign(self, {
    self,
    WorkerGlobalScope: class WorkerGlobalScope {},
    navigator: { hardwareConcurrency: 2 },
    location: { href: 'https://extension.example/dist/web/worker.js' },
    postMessage: (data, transfer) => parentPort.postMessage(data, transfer),
    importScripts() { throw new Error('nothing is loaded later'); },
  });
  const listeners = [];
  self.addEventListener = (type, listener) => type === 'message' && listeners.push(listener);
  parentPort.on('message', (data) => {
    self.onmessage?.({ data });
    for (const it of listeners) it({ data });
  });
  run(workerData);
}`;
