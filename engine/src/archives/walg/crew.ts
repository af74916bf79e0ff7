/** Who reads the objects of an archive: this thread for a small backup, one thread per core for a large one. */

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Compression } from '../../compress/compression.ts';
import { type Failure, RestoreError } from '../../failure.ts';
import type { KeyOffer } from '../../job.ts';
import { useLanes } from '../../lanes/lanes.ts';
import { cancelled } from '../../run-context.ts';
import type { DirectorySink, Staging } from '../../sinks/directory.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { splitExtension } from './names.ts';
import { FeedReader, type FeedStage, feedStage } from './objectFeed.ts';
import { feedObject, type Opening } from './storedObject.ts';
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
/** What is smaller is read before a second thread has found its place. */
const worthSharing = 32 * 1024 * 1024;
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

/** Several threads whatever the size; exported for the tests. `sharedFrom`: bytes of a tar that two threads share. */
export function openThreads(
  files: BucketFiles,
  opening: Opening,
  sink: DirectorySink | undefined,
  start: ThreadsStart,
): Crew {
  return new Threads(files, opening, sink, start);
}

export interface ThreadsStart {
  program: string;
  threads: number;
  sharedFrom?: number;
}

/** One message's work, on whichever thread; the result of a task, nothing of a feed. */
export async function work(
  files: BucketFiles,
  opening: Opening,
  sink: DirectorySink | undefined,
  message: ToLane,
): Promise<TaskResult | undefined> {
  if (message.type === 'feed') {
    const { object, port, stage } = message;
    await feedObject(port, files, { name: object, compression: compressionOf(object) }, opening, stage);
    return undefined;
  }
  const { task, feed } = message;
  if (task.kind === 'wal') return checkWalObject(files, task, opening);
  const reading = feed && { reader: new FeedReader(feed.port), stage: feed.stage };
  return checkTar(files, task, opening, task.isDry ? undefined : sink, reading);
}

class OwnThread implements Crew {
  /** Decompression may run on the threads of zlib: a second object keeps them busy. */
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
    const result = await work(this.#files, this.#opening, this.#sink, { type: 'task', task });
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

/** `feed`: another lane does the first part of the task and sends what comes of it to this port. */
export type ToLane =
  | { type: 'task'; task: Task; feed?: { port: MessagePort; stage: FeedStage } }
  | { type: 'feed'; object: string; port: MessagePort; stage: FeedStage };
export type FromLane =
  | { type: 'progress'; step: string; bytes: number }
  | { type: 'done'; result: TaskResult | undefined }
  | { type: 'failed'; failure: Failure };

/** Pieces of files live shortly: a small nursery keeps a thread small, and is collected without being noticed. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 };

/** A thread that does one thing at a time. */
interface Lane {
  /** Promised to a task, from before it was sent until its result has come. */
  isTaken: boolean;
  give(message: ToLane, ports: MessagePort[]): Promise<TaskResult | undefined>;
  /** Whoever waits for it gets this error; the work itself goes on until `close`. */
  giveUp(error: unknown): void;
  close(): Promise<void>;
}

/** The thread that all of this runs on: it is there already, and would only wait for the others. */
class OwnLane implements Lane {
  isTaken = false;
  readonly #work: (message: ToLane) => Promise<TaskResult | undefined>;
  #underWay: Promise<unknown> = Promise.resolve();
  #refuse: ((error: unknown) => void) | undefined;

  constructor(work: (message: ToLane) => Promise<TaskResult | undefined>) {
    this.#work = work;
  }

  give(message: ToLane): Promise<TaskResult | undefined> {
    const running = this.#work(message);
    this.#underWay = running.catch(() => undefined);
    return new Promise((resolve, reject) => {
      this.#refuse = reject;
      running.then(resolve, reject);
    });
  }

  giveUp(error: unknown): void {
    this.#refuse?.(error);
  }

  async close(): Promise<void> {
    await this.#underWay;
  }
}

class WorkerLane implements Lane {
  isTaken = false;
  readonly #worker: Worker;
  #underWay: { resolve(result: TaskResult | undefined): void; reject(error: unknown): void } | undefined;

  constructor(
    program: string,
    data: LaneData,
    on: { progress: (step: string, bytes: number) => void; died: (error: unknown) => void },
  ) {
    this.#worker = new Worker(program, { name: 'restorable tars', workerData: data, resourceLimits });
    this.#worker.on('message', (message: FromLane) => {
      if (message.type === 'progress') return on.progress(message.step, message.bytes);
      const underWay = this.#underWay;
      this.#underWay = undefined;
      if (message.type === 'done') underWay?.resolve(message.result);
      else underWay?.reject(new RestoreError(message.failure));
    });
    this.#worker.on('error', on.died);
    this.#worker.on('exit', () => this.#underWay && on.died(new Error('a thread of the engine has ended')));
  }

  give(message: ToLane, ports: MessagePort[]): Promise<TaskResult | undefined> {
    return new Promise((resolve, reject) => {
      this.#underWay = { resolve, reject };
      this.#worker.postMessage(message, ports);
    });
  }

  giveUp(error: unknown): void {
    this.#underWay?.reject(error);
    this.#underWay = undefined;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

class Threads implements Crew {
  readonly size: number;
  readonly #files: BucketFiles;
  /** The own one first: it has no way to go. */
  readonly #lanes: Lane[];
  readonly #waiting: ((lane: Lane) => void)[] = [];
  readonly #sharedFrom: number;
  readonly #isEncrypted: boolean;
  readonly #isWriting: boolean;
  #failure: unknown;
  readonly #onAbort = () => this.#giveUp(cancelled());

  constructor(
    files: BucketFiles,
    opening: Opening,
    sink: DirectorySink | undefined,
    { program, threads, sharedFrom = worthSharing }: ThreadsStart,
  ) {
    // Every core has a tar to read: streams that took threads of their own would only be in each other's way.
    useLanes(undefined);
    this.size = threads;
    this.#files = files;
    this.#sharedFrom = sharedFrom;
    this.#isEncrypted = opening.offers.length > 0;
    this.#isWriting = sink !== undefined;
    const { offers, expectEncrypted } = opening;
    const data: LaneData = { root: files.root, offers: [...offers], expectEncrypted, staging: sink?.staging };
    const on = {
      progress: (step: string, bytes: number) => files.count(step, bytes),
      died: (error: unknown) => this.#giveUp(error),
    };
    this.#lanes = [new OwnLane((message) => work(files, opening, sink, message))];
    while (this.#lanes.length < threads) this.#lanes.push(new WorkerLane(program, data, on));
    files.context.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async run<T extends Task>(task: T): Promise<T extends TarTask ? TarResult : WalCheckResult> {
    const lane = await this.#freeLane();
    if (this.#failure) throw this.#failure;
    const feed = this.#startFeed(task);
    const message: ToLane = { type: 'task', task, feed: feed?.to };
    const [result] = await Promise.all([this.#give(lane, message, feed ? [feed.to.port] : []), feed?.isDone]);
    return result as T extends TarTask ? TarResult : WalCheckResult;
  }

  async close(): Promise<void> {
    this.#files.context.signal.removeEventListener('abort', this.#onAbort);
    // The others first: what they feed to the own one then ends.
    for (const lane of this.#lanes.toReversed()) await lane.close();
  }

  /** Where a large tar is the only one left, a lane that has nothing to do takes a part of it. */
  #startFeed(task: Task): { to: { port: MessagePort; stage: FeedStage }; isDone: Promise<unknown> } | undefined {
    if (task.kind !== 'tar' || !task.isShared || this.#files.size(task.object) < this.#sharedFrom) return undefined;
    const stage = feedStage(compressionOf(task.object), {
      isEncrypted: this.#isEncrypted,
      isWritten: this.#isWriting && !task.isDry,
    });
    const helper = stage && this.#lanes.find((it) => !it.isTaken);
    if (!stage || !helper) return undefined;
    helper.isTaken = true;
    const { port1, port2 } = new MessageChannel();
    const isDone = this.#give(helper, { type: 'feed', object: task.object, port: port1, stage }, [port1]);
    return { to: { port: port2, stage }, isDone };
  }

  async #give(lane: Lane, message: ToLane, ports: MessagePort[]): Promise<TaskResult | undefined> {
    try {
      return await lane.give(message, ports);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(lane);
      else lane.isTaken = false;
    }
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

  #giveUp(error: unknown): void {
    this.#failure ??= error;
    for (const lane of this.#lanes) lane.giveUp(this.#failure);
    for (const wake of this.#waiting.splice(0)) wake(this.#lanes[0] as Lane);
  }
}

function compressionOf(object: string): Compression {
  return splitExtension(object.slice(object.lastIndexOf('/') + 1)).compression;
}
