/** Who reads the objects of an archive: this thread for a small backup, one thread per core for a large one. */

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Failure, RestoreError } from '../../failure.ts';
import type { KeyOffer } from '../../job.ts';
import { cancelled } from '../../run-context.ts';
import type { DirectorySink, Staging } from '../../sinks/directory.ts';
import type { BucketFiles } from './bucketFiles.ts';
import type { Opening } from './storedObject.ts';
import { checkTar, type TarResult, type TarTask } from './tarCheck.ts';
import { checkWalObject, type WalCheckResult, type WalTask } from './walCheck.ts';

/** `isDry`: what is in the object is checked, and nothing of it written. */
export type Task = (TarTask | WalTask) & { isDry?: boolean };
export type TaskResult = TarResult | WalCheckResult;

export interface Crew {
  /** How many tasks are worth having under way at once. */
  readonly size: number;
  /** Throws what is wrong with the object, `cancelled`, and what keeps the target from being written. */
  run<T extends Task>(task: T): Promise<T extends TarTask ? TarResult : WalCheckResult>;
  /** Stops whatever still works. */
  close(): Promise<void>;
}

/** Below this a thread costs more than it saves. */
const largeBytes = 32 * 1024 * 1024;
/** Memory grows with every thread, and disks do not read faster for more than these. */
const mostThreads = 3;

/** @param storedBytes of all objects that will be read */
export function openCrew(
  files: BucketFiles,
  opening: Opening,
  sink: DirectorySink | undefined,
  storedBytes: number,
): Crew {
  const threads = Math.min(availableParallelism(), mostThreads);
  const program = path.join(__dirname, 'walgLane.js');
  if (threads < 2 || storedBytes < largeBytes || !existsSync(program)) return new OwnThread(files, opening, sink);
  return openThreads(files, opening, sink, { program, threads });
}

/** Several threads whatever the size; exported for the tests. */
export function openThreads(
  files: BucketFiles,
  opening: Opening,
  sink: DirectorySink | undefined,
  start: { program: string; threads: number },
): Crew {
  return new Threads(files, opening, sink, start);
}

export async function runTask(
  files: BucketFiles,
  opening: Opening,
  sink: DirectorySink | undefined,
  task: Task,
): Promise<TaskResult> {
  if (task.kind === 'wal') return checkWalObject(files, task, opening);
  return checkTar(files, task, opening, task.isDry ? undefined : sink);
}

class OwnThread implements Crew {
  /** Decompression runs on the threads of zlib: a second object keeps them busy. */
  readonly size = 2;
  readonly #files: BucketFiles;
  readonly #opening: Opening;
  readonly #sink: DirectorySink | undefined;

  constructor(files: BucketFiles, opening: Opening, sink: DirectorySink | undefined) {
    this.#files = files;
    this.#opening = opening;
    this.#sink = sink;
  }

  async run<T extends Task>(task: T): Promise<T extends TarTask ? TarResult : WalCheckResult> {
    const result = await runTask(this.#files, this.#opening, this.#sink, task);
    return result as T extends TarTask ? TarResult : WalCheckResult;
  }

  async close(): Promise<void> {}
}

export interface LaneData {
  root: string;
  offers: KeyOffer[];
  expectEncrypted: boolean;
  staging: Staging | undefined;
}

export type ToLane = { type: 'task'; task: Task };
export type FromLane =
  | { type: 'progress'; step: string; bytes: number }
  | { type: 'done'; result: TaskResult }
  | { type: 'failed'; failure: Failure };

/** Pieces of files live shortly: a small nursery keeps a thread small, and is collected without being noticed. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 };

interface Lane {
  worker: Worker;
  /** Promised to a task, from before it was sent until its result has come. */
  isTaken: boolean;
  underWay: { resolve(result: TaskResult): void; reject(error: unknown): void } | undefined;
}

class Threads implements Crew {
  readonly size: number;
  readonly #files: BucketFiles;
  readonly #lanes: Lane[];
  readonly #waiting: ((lane: Lane) => void)[] = [];
  #failure: unknown;
  readonly #onAbort = () => this.#giveUp(cancelled());

  constructor(
    files: BucketFiles,
    { offers, expectEncrypted }: Opening,
    sink: DirectorySink | undefined,
    { program, threads }: { program: string; threads: number },
  ) {
    this.size = threads;
    this.#files = files;
    const data: LaneData = { root: files.root, offers: [...offers], expectEncrypted, staging: sink?.staging };
    this.#lanes = Array.from({ length: threads }, () => this.#startLane(program, data));
    files.context.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async run<T extends Task>(task: T): Promise<T extends TarTask ? TarResult : WalCheckResult> {
    const lane = await this.#freeLane();
    if (this.#failure) throw this.#failure;
    const result = await new Promise<TaskResult>((resolve, reject) => {
      lane.underWay = { resolve, reject };
      lane.worker.postMessage({ type: 'task', task } satisfies ToLane);
    });
    return result as T extends TarTask ? TarResult : WalCheckResult;
  }

  async close(): Promise<void> {
    this.#files.context.signal.removeEventListener('abort', this.#onAbort);
    await Promise.all(this.#lanes.map(({ worker }) => worker.terminate()));
  }

  async #freeLane(): Promise<Lane> {
    if (this.#failure) throw this.#failure;
    const free = this.#lanes.find((it) => !it.isTaken);
    if (free) {
      free.isTaken = true;
      return free;
    }
    const lane = await new Promise<Lane>((resolve) => this.#waiting.push(resolve));
    if (this.#failure) throw this.#failure;
    return lane;
  }

  #startLane(program: string, data: LaneData): Lane {
    const worker = new Worker(program, { name: 'restorable tars', workerData: data, resourceLimits });
    const lane: Lane = { worker, isTaken: false, underWay: undefined };
    worker.on('message', (message: FromLane) => {
      if (message.type === 'progress') return this.#files.count(message.step, message.bytes);
      const underWay = lane.underWay;
      lane.underWay = undefined;
      if (message.type === 'done') underWay?.resolve(message.result);
      else underWay?.reject(new RestoreError(message.failure));
      const next = this.#waiting.shift();
      if (next) next(lane);
      else lane.isTaken = false;
    });
    worker.on('error', (error) => this.#giveUp(error));
    worker.on('exit', () => lane.underWay && this.#giveUp(new Error('a thread of the engine has ended')));
    return lane;
  }

  #giveUp(error: unknown): void {
    this.#failure ??= error;
    for (const lane of this.#lanes) {
      lane.underWay?.reject(this.#failure);
      lane.underWay = undefined;
    }
    for (const wake of this.#waiting.splice(0)) wake(this.#lanes[0] as Lane);
  }
}
