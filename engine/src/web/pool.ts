import type { Failure } from '../failure.ts';
import type { Job, Outcome, Progress } from '../job.ts';
import { cancelled } from '../run-context.ts';

/**
 * The engine's front door in a browser: each job in a Web Worker of its own, which is ended with it. There are no files:
 * the bytes of the job's input go in, those of its output come out, and only when the job has succeeded.
 */
export interface WebRunOptions {
  /** The address of the worker's bundle. */
  worker: string;
  /** What the job's `input` or `archive` holds; handed over, and gone for the caller. */
  input?: Uint8Array;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export type ToWebWorker = { type: 'run'; job: Job; input: Uint8Array | undefined } | { type: 'cancel' };
export type FromWebWorker =
  | { type: 'progress'; progress: Progress }
  | { type: 'done'; outcome: Outcome<Job['kind']>; output?: Uint8Array };

/** The part of a browser's Worker that is used here. */
interface WebWorker {
  onmessage: ((event: { data: FromWebWorker }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  postMessage(message: ToWebWorker, transfer?: ArrayBufferLike[]): void;
  terminate(): void;
}

/** Never rejects. The worker gets a copy of the keys and wipes it; the caller wipes its own. */
export function runInWebWorker<J extends Job>(
  job: J,
  { worker: address, input, signal, onProgress }: WebRunOptions,
): Promise<{ outcome: Outcome<J['kind']>; output: Uint8Array | undefined }> {
  return new Promise((resolve) => {
    const { Worker } = globalThis as unknown as { Worker: new (address: string) => WebWorker };
    const worker = new Worker(address);
    const settle = (outcome: Outcome<Job['kind']>, output?: Uint8Array) => {
      worker.terminate();
      signal?.removeEventListener('abort', cancel);
      resolve({ outcome: outcome as Outcome<J['kind']>, output });
    };
    // Nothing was written anywhere that would have to be cleaned up.
    const cancel = () => settle({ ok: false, failure: cancelled().failure });
    if (signal?.aborted) return cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    worker.onmessage = ({ data }) => {
      if (data.type === 'progress') onProgress?.(data.progress);
      else settle(data.outcome, data.output);
    };
    worker.onerror = () => settle({ ok: false, failure: DIED });
    worker.postMessage({ type: 'run', job, input }, input ? [input.buffer] : []);
  });
}

const DIED: Failure = {
  code: 'io',
  stage: 'open',
  message: 'the engine stopped in the middle of the work',
  hint: 'The file may be too large for this browser; open the folder in VS Code on a desktop. It says nothing about the file.',
};
