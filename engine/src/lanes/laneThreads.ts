/** Lanes that are threads of Node. Only programs that have cores to spare import this file. */

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { copyOf } from '../bytes.ts';
import type { Batch, LaneSource, Lanes, LaneWork, WorkedBatch } from './lanes.ts';

export type ToLane = { type: 'begin'; work: LaneWork } | { type: 'batch'; batch: Batch } | { type: 'end' };
export type FromLane = { type: 'ready' } | { type: 'worked'; result: WorkedBatch };

/** A thread starts in the time that a stream needs for this much. */
const worthFrom = 16 * 1024 * 1024;
/** The thread that reads and looks at what comes out does not keep up with more. */
const mostThreads = 4;
/** A lane makes no garbage but views of its batches. */
const resourceLimits = { maxYoungGenerationSizeMb: 2 };

/**
 * Threads of `program` (`cipherLane.ts`, bundled), for one stream at a time; undefined on a machine with one core, and where
 * the program is missing.
 */
export function laneThreads(program: string): LaneSource | undefined {
  const cores = availableParallelism();
  if (cores < 2 || !existsSync(program)) return undefined;
  return laneThreadsOf({ program, most: Math.min(cores, mostThreads), worthFrom });
}

/** Whatever the machine; exported for the tests. */
export function laneThreadsOf({
  program,
  most,
  ...rest
}: { program: string; most: number } & Omit<LaneSource, 'open'>): LaneSource {
  let isTaken = false;
  return {
    ...rest,
    open(wanted) {
      if (isTaken) return undefined;
      isTaken = true;
      return new LaneThreads(program, Math.min(most, wanted), () => {
        isTaken = false;
      });
    },
  };
}

class LaneThreads implements Lanes {
  readonly #threads: LaneThread[];
  readonly #onClosed: () => void;
  readonly started: Promise<void>;
  #turn = 0;
  #closing: Promise<void> | undefined;

  constructor(program: string, count: number, onClosed: () => void) {
    this.#threads = Array.from({ length: count }, () => new LaneThread(program));
    this.#onClosed = onClosed;
    this.started = Promise.all(this.#threads.map((it) => it.started)).then(() => undefined);
  }

  get count(): number {
    return this.#threads.length;
  }

  get isReady(): boolean {
    return this.#threads.every((it) => it.isReady);
  }

  begin(work: LaneWork): void {
    for (const it of this.#threads) it.begin(work);
  }

  run(batch: Batch): Promise<WorkedBatch> {
    const thread = this.#threads[this.#turn++ % this.#threads.length] as LaneThread;
    return thread.run(batch);
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(this.#threads.map((it) => it.close())).then(this.#onClosed);
    return this.#closing;
  }
}

interface Waiting {
  resolve(result: WorkedBatch): void;
  reject(error: unknown): void;
}

class LaneThread {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly started: Promise<void>;
  /** Batches that it was given, in order. */
  readonly #waiting: Waiting[] = [];
  #hasEnded = false;
  isReady = false;

  constructor(program: string) {
    // Without what the program itself was started with: a lane loads nothing but its own.
    this.#worker = new Worker(program, { name: 'restorable lane', resourceLimits, execArgv: [] });
    let onStarted: () => void = () => undefined;
    this.started = new Promise((resolve) => {
      onStarted = resolve;
    });
    this.#worker.on('message', (message: FromLane) => {
      if (message.type === 'worked') return this.#waiting.shift()?.resolve(message.result);
      this.isReady = true;
      onStarted();
    });
    // Its error may quote what it worked on; that it ended is enough to know.
    this.#worker.on('error', () => undefined);
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.isReady = false;
        this.#hasEnded = true;
        for (const it of this.#waiting.splice(0)) it.reject(hasEnded());
        onStarted();
        resolve();
      });
    });
  }

  begin(work: LaneWork): void {
    const key = copyOf(work.key);
    // Handed over, not copied once more: what the lane overwrites is all there is of it.
    this.#tell({ type: 'begin', work: { ...work, key } }, [key.buffer as ArrayBuffer]);
  }

  run(batch: Batch): Promise<WorkedBatch> {
    if (this.#hasEnded) return Promise.reject(hasEnded());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#tell({ type: 'batch', batch }, [batch.memory]);
    });
  }

  async close(): Promise<void> {
    // One that has not started has got no secret yet, and may take its time to start.
    if (this.isReady) this.#tell({ type: 'end' });
    else void this.#worker.terminate();
    await this.#exited;
  }

  #tell(message: ToLane, handedOver: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, handedOver);
  }
}

function hasEnded(): Error {
  return new Error('a thread of the engine has ended');
}
