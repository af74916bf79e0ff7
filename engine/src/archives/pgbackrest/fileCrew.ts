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

export async function openCrew(
  files: RepositoryFiles,
  manifest: Manifest,
  sink: DirectorySink | undefined,
): Promise<FileCrew> {
  const threads = Math.min(availableParallelism(), mostThreads);
  const program = path.join(__dirname, 'restoreLane.js');
  if (threads < 2 || manifest.files.bytes < largeBackupBytes || !existsSync(program)) {
    return new OwnThread(files, await FileCheck.open(files, manifest, sink));
  }
  return openThreads(files, manifest, sink, { program, threads });
}

/** Several threads whatever the size; exported for the tests. */
export function openThreads(
  files: RepositoryFiles,
  manifest: Manifest,
  sink: DirectorySink | undefined,
  start: { program: string; threads: number },
): FileCrew {
  return new Threads(files, manifest, sink, start);
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
    await this.#work.end();
    return this.#work.takeResults();
  }

  async close(): Promise<void> {
    await this.#work.end().catch(() => undefined);
    this.#files.close();
  }
}

/** Pieces of files live shortly: a small nursery keeps a thread small, and is collected without being noticed. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 };

/** What a thread is started with. */
export interface LaneData {
  root: string;
  manifest: Manifest;
  pass: Uint8Array | undefined;
  /** The unfinished restore that it writes into. */
  staging: Staging | undefined;
}

export type ToLane = { type: 'check'; entries: FileEntry[] } | { type: 'end' };
export type FromLane =
  | { type: 'progress'; step: string; bytes: number }
  | { type: 'checked' }
  | { type: 'ended'; results: FileResults }
  | { type: 'failed'; failure: Failure };

/** A batch is small enough to share out evenly, and large enough that talking about it costs nothing. */
const batchFiles = 64;
const batchBytes = 8 * 1024 * 1024;
const batchesUnderWay = 2;

class Threads implements FileCrew {
  readonly #files: RepositoryFiles;
  readonly #lanes: Lane[];
  #batch: FileEntry[] = [];
  #batchBytes = 0;
  #failure: unknown;
  #wake: () => void = () => undefined;
  readonly #onAbort = () => this.#fail(cancelled());

  constructor(
    files: RepositoryFiles,
    manifest: Manifest,
    sink: DirectorySink | undefined,
    { program, threads }: { program: string; threads: number },
  ) {
    this.#files = files;
    const { pass, ...plain } = manifest;
    const data: LaneData = {
      root: files.root,
      // Folders and links are made here; a thread only needs to know its files.
      manifest: { ...plain, pass: undefined, folders: [], links: [], targets: [] },
      pass: pass && Uint8Array.from(pass.reveal()),
      staging: sink?.staging,
    };
    this.#lanes = Array.from({ length: threads }, () => this.#startLane(program, data));
    data.pass?.fill(0);
    files.context.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async check(entries: FileEntry[]): Promise<void> {
    for (const entry of entries) {
      this.#batch.push(entry);
      this.#batchBytes += entry.size;
      if (this.#batch.length >= batchFiles || this.#batchBytes >= batchBytes) await this.#send();
    }
  }

  async end(): Promise<FileResults> {
    await this.#send();
    for (const lane of this.#lanes) lane.worker.postMessage({ type: 'end' } satisfies ToLane);
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

  async #send(): Promise<void> {
    if (this.#batch.length === 0) return;
    const entries = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    for (;;) {
      if (this.#failure) throw this.#failure;
      const [lane] = [...this.#lanes].sort((a, b) => a.underWay - b.underWay);
      if (lane && lane.underWay < batchesUnderWay) {
        lane.underWay++;
        lane.worker.postMessage({ type: 'check', entries } satisfies ToLane);
        return;
      }
      await this.#wait();
    }
  }

  async #wait(): Promise<void> {
    if (this.#failure) throw this.#failure;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#failure) throw this.#failure;
  }

  #startLane(program: string, data: LaneData): Lane {
    const lane: Lane = {
      worker: new Worker(program, { name: 'restorable files', workerData: data, resourceLimits }),
      underWay: 0,
      results: undefined,
    };
    lane.worker.on('message', (message: FromLane) => {
      if (message.type === 'progress') this.#files.count(message.step, message.bytes);
      else if (message.type === 'failed') this.#fail(new RestoreError(message.failure));
      else if (message.type === 'checked') lane.underWay--;
      else lane.results = message.results;
      if (message.type !== 'progress') this.#wake();
    });
    lane.worker.on('error', (error) => this.#fail(error));
    lane.worker.on('exit', () => lane.results || this.#fail(new Error('a thread of the engine has ended')));
    return lane;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }
}

interface Lane {
  worker: Worker;
  /** Batches that it was given and has not reported. */
  underWay: number;
  results: FileResults | undefined;
}
