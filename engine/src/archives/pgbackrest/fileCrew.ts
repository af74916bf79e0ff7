/** Who checks the files of a backup: this thread for a small backup, one thread per core for a large one. */

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Failure, RestoreError } from '../../failure.ts';
import { cancelled } from '../../run-context.ts';
import type { DirectorySink, Staging } from '../../sinks/directory.ts';
import { FileCheck, type FileResults, mostFailures, noResults } from './fileCheck.ts';
import type { FileEntry, Manifest } from './manifest.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';

export interface FileCrew {
  /** Returns when there is room for more. Throws as `FileCheck.check`. */
  check(entries: FileEntry[]): Promise<void>;
  /** Waits for all files; what was found in them. Throws as `check`. */
  end(): Promise<FileResults>;
  /** Stops whatever still works; harmless after `end`. */
  close(): Promise<void>;
}

/** Below this a thread costs more than it saves. */
const largeBackupBytes = 64 * 1024 * 1024;
/** Memory grows with every thread, and disks do not read faster for more than these. */
const mostThreads = 3;

/** Pieces of files live shortly: a small nursery keeps a thread small, and is collected without being noticed. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 };

/** Threads that start while others still read what there is to do. */
export class ReadyThreads {
  #workers: Worker[];

  private constructor(program: string, count: number) {
    this.#workers = Array.from({ length: count }, () => {
      const worker = new Worker(program, { name: 'restorable files', resourceLimits });
      // One that dies before it is taken is told of when it is.
      worker.on('error', () => undefined);
      return worker;
    });
  }

  /** undefined when the backup is too small, or the machine. @param bytes of the files of the backup */
  static for(bytes: number): ReadyThreads | undefined {
    const count = Math.min(availableParallelism(), mostThreads);
    const program = path.join(__dirname, 'restoreLane.js');
    const isWorthIt = count > 1 && bytes >= largeBackupBytes && existsSync(program);
    return isWorthIt ? new ReadyThreads(program, count) : undefined;
  }

  /** Exported for the tests. */
  static start(program: string, count: number): ReadyThreads {
    return new ReadyThreads(program, count);
  }

  /** They are the caller's from now on. */
  take(): Worker[] {
    return this.#workers.splice(0);
  }

  /** Ends those that nobody has taken. */
  async close(): Promise<void> {
    await Promise.all(this.take().map((it) => it.terminate()));
  }
}

export async function openCrew(
  files: RepositoryFiles,
  manifest: Manifest,
  sink: DirectorySink | undefined,
  ready: ReadyThreads | undefined,
): Promise<FileCrew> {
  const workers = ready?.take() ?? [];
  if (workers.length === 0) return new OwnThread(files, await FileCheck.open(files, manifest, sink));
  return new Threads(files, manifest, sink, workers);
}

/** Several threads whatever the size; exported for the tests. */
export function openThreads(
  files: RepositoryFiles,
  manifest: Manifest,
  sink: DirectorySink | undefined,
  start: { program: string; threads: number },
): FileCrew {
  return new Threads(files, manifest, sink, ReadyThreads.start(start.program, start.threads).take());
}

class OwnThread implements FileCrew {
  readonly #files: RepositoryFiles;
  readonly #work: FileCheck;

  constructor(files: RepositoryFiles, work: FileCheck) {
    this.#files = files;
    this.#work = work;
  }

  async check(entries: FileEntry[]): Promise<void> {
    await this.#work.check(entries);
  }

  async end(): Promise<FileResults> {
    return this.#work.takeResults();
  }

  async close(): Promise<void> {
    this.#work.close();
    this.#files.close();
  }
}

/** What a thread is told first. */
export interface LaneData {
  root: string;
  manifest: Manifest;
  pass: Uint8Array | undefined;
  /** The unfinished restore that it writes into. */
  staging: Staging | undefined;
}

export type ToLane = { type: 'start'; data: LaneData } | { type: 'check'; entries: FileEntry[] } | { type: 'end' };
export type FromLane =
  | { type: 'progress'; step: string; bytes: number }
  | { type: 'checked' }
  | { type: 'ended'; results: FileResults }
  | { type: 'failed'; failure: Failure };

/** A batch is small enough to share out evenly, and large enough that talking about it costs nothing. */
const batchFiles = 64;
const batchBytes = 4 * 1024 * 1024;
/** A thread has its next batch at hand, but nothing waits behind what takes long. */
const batchesUnderWay = 2;
const bytesUnderWay = 2 * batchBytes;
/** Large files go first, so that in the end no thread works alone. Of small ones a few are enough: each takes memory. */
const mostLargeWaiting = 20_000;
const mostBatchesWaiting = 64;

class Threads implements FileCrew {
  readonly #files: RepositoryFiles;
  readonly #lanes: Lane[];
  readonly #waiting = new WaitingFiles();
  /** No more will be added. */
  #hasAll = false;
  #failure: unknown;
  #wake: () => void = () => undefined;
  readonly #onAbort = () => this.#fail(cancelled());

  constructor(files: RepositoryFiles, manifest: Manifest, sink: DirectorySink | undefined, workers: Worker[]) {
    this.#files = files;
    const { pass, ...plain } = manifest;
    const data: LaneData = {
      root: files.root,
      // Folders and links are made here; a thread only needs to know its files.
      manifest: { ...plain, pass: undefined, folders: [], links: [], targets: [] },
      pass: pass && Uint8Array.from(pass.reveal()),
      staging: sink?.staging,
    };
    this.#lanes = workers.map((it) => this.#startLane(it, data));
    data.pass?.fill(0);
    files.context.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async check(entries: FileEntry[]): Promise<void> {
    for (const entry of entries) this.#waiting.add(entry);
    this.#handOut();
    while (this.#waiting.isFull) await this.#wait();
    if (this.#failure) throw this.#failure;
  }

  async end(): Promise<FileResults> {
    this.#hasAll = true;
    this.#handOut();
    while (this.#lanes.some((it) => it.results === undefined)) await this.#wait();
    const total = noResults();
    for (const { results } of this.#lanes) {
      if (!results) continue;
      total.verified += results.verified;
      total.bytes += results.bytes;
      total.withPageErrors += results.withPageErrors;
      total.failures.push(...results.failures.slice(0, mostFailures - total.failures.length));
      total.kept.push(...results.kept);
    }
    return total;
  }

  async close(): Promise<void> {
    this.#files.context.signal.removeEventListener('abort', this.#onAbort);
    await Promise.all(this.#lanes.map(({ worker }) => worker.terminate()));
  }

  /** Gives work to every thread that has room for it. */
  #handOut(): void {
    for (const lane of this.#lanes) {
      while (lane.underWay < batchesUnderWay && lane.bytes < bytesUnderWay) {
        // A first batch that is not full yet may become larger, unless a thread has nothing to do.
        const entries = this.#waiting.take(this.#hasAll || lane.underWay === 0);
        if (entries.length === 0) break;
        lane.underWay++;
        lane.bytes += bytesOf(entries);
        lane.batches.push(bytesOf(entries));
        lane.worker.postMessage({ type: 'check', entries } satisfies ToLane);
      }
    }
    if (!this.#hasAll || this.#waiting.count > 0) return;
    for (const lane of this.#lanes) {
      if (lane.isEnding) continue;
      lane.isEnding = true;
      lane.worker.postMessage({ type: 'end' } satisfies ToLane);
    }
  }

  async #wait(): Promise<void> {
    if (this.#failure) throw this.#failure;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#failure) throw this.#failure;
  }

  #startLane(worker: Worker, data: LaneData): Lane {
    const lane: Lane = {
      worker,
      underWay: 0,
      bytes: 0,
      batches: [],
      isEnding: false,
      results: undefined,
    };
    lane.worker.on('message', (message: FromLane) => {
      if (message.type === 'progress') this.#files.count(message.step, message.bytes);
      else if (message.type === 'failed') this.#fail(new RestoreError(message.failure));
      else if (message.type === 'checked') this.#checked(lane);
      else lane.results = message.results;
      if (message.type !== 'progress') this.#wake();
    });
    lane.worker.on('error', (error) => this.#fail(error));
    lane.worker.on('exit', () => lane.results || this.#fail(new Error('a thread of the engine has ended')));
    lane.worker.postMessage({ type: 'start', data } satisfies ToLane);
    return lane;
  }

  #checked(lane: Lane): void {
    lane.underWay--;
    lane.bytes -= lane.batches.shift() ?? 0;
    this.#handOut();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }
}

interface Lane {
  worker: Worker;
  /** Batches that it was given and has not reported, and their bytes. */
  underWay: number;
  bytes: number;
  batches: number[];
  isEnding: boolean;
  results: FileResults | undefined;
}

/** Files that no thread has yet: large ones by their size, small ones in batches. */
class WaitingFiles {
  /** Ascending. */
  readonly #large: FileEntry[] = [];
  readonly #batches: FileEntry[][] = [];
  #batch: FileEntry[] = [];
  #batchBytes = 0;
  count = 0;

  get isFull(): boolean {
    return this.#batches.length >= mostBatchesWaiting || this.#large.length >= mostLargeWaiting;
  }

  add(entry: FileEntry): void {
    this.count++;
    if (entry.size >= batchBytes) {
      this.#large.splice(placeOf(entry.size, this.#large), 0, entry);
      return;
    }
    this.#batch.push(entry);
    this.#batchBytes += entry.size;
    if (this.#batch.length >= batchFiles || this.#batchBytes >= batchBytes) this.#closeBatch();
  }

  /** What to do next; nothing when there is nothing, or only a batch that may become larger. */
  take(evenIfFew: boolean): FileEntry[] {
    const largest = this.#large.pop();
    if (!largest && this.#batches.length === 0 && evenIfFew) this.#closeBatch();
    const entries = largest ? [largest] : (this.#batches.shift() ?? []);
    this.count -= entries.length;
    return entries;
  }

  #closeBatch(): void {
    if (this.#batch.length > 0) this.#batches.push(this.#batch);
    this.#batch = [];
    this.#batchBytes = 0;
  }
}

/** Where a size belongs in an ascending list. */
function placeOf(size: number, ascending: FileEntry[]): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle]?.size ?? 0) < size) low = middle + 1;
    else high = middle;
  }
  return low;
}

function bytesOf(entries: FileEntry[]): number {
  return entries.reduce((sum, it) => sum + it.size, 0);
}
