/** Checks files of a backup one after the other, on whatever thread. */

import { type Failure, RestoreError } from '../../failure.ts';
import { Capture, countSink, type FileWriter, type Sink } from '../../sinks/sink.ts';
import { isKept, largestKeptBytes, restoredWriter } from './dataDirectory.ts';
import type { FileEntry, Manifest } from './manifest.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';
import { StoredFiles } from './storedFile.ts';

/** What was found; plain data, since it may come from another thread. */
export interface FileResults {
  verified: number;
  /** Bytes of verified contents. */
  bytes: number;
  withPageErrors: number;
  failures: Failure[];
  /** Files that say which cluster this is, or that a restore changes: their entries, and their contents once verified. */
  kept: { entry: FileEntry; contents: Uint8Array | undefined }[];
}

/** A damaged repository can have as many failures as files; a report stays readable. */
export const mostFailures = 1000;
/** How long files may keep a thread from hearing that it shall stop. */
const turnMs = 20;

export function noResults(): FileResults {
  return { verified: 0, bytes: 0, withPageErrors: 0, failures: [], kept: [] };
}

export class FileCheck {
  readonly #files: RepositoryFiles;
  readonly #manifest: Manifest;
  readonly #stored: StoredFiles;
  readonly #sink: Sink | undefined;
  #results = noResults();
  #hasFailed = false;
  #waited = performance.now();

  private constructor(files: RepositoryFiles, manifest: Manifest, stored: StoredFiles, sink: Sink | undefined) {
    this.#files = files;
    this.#manifest = manifest;
    this.#stored = stored;
    this.#sink = sink;
  }

  /** @param sink where the files go; nothing is written when absent */
  static async open(files: RepositoryFiles, manifest: Manifest, sink: Sink | undefined): Promise<FileCheck> {
    return new FileCheck(files, manifest, await StoredFiles.open(files, manifest), sink);
  }

  /**
   * Returns when all are checked.
   *
   * @throws RestoreError `cancelled`, and failures of stage `write`; all others are results
   */
  async check(entries: FileEntry[]): Promise<void> {
    for (const entry of entries) {
      const writer = this.#writerFor(entry);
      try {
        for (const _ of this.#stored.restore(entry, writer)) if (this.#isTimeForATurn()) await this.#turn();
        this.#accept(entry, writer);
      } catch (error) {
        this.#refuse(entry, writer, error);
      }
      if (this.#isTimeForATurn()) await this.#turn();
    }
  }

  /** Gives memory back. */
  close(): void {
    this.#stored.close();
  }

  /** What was found since the last call. */
  takeResults(): FileResults {
    const results = this.#results;
    this.#results = noResults();
    return results;
  }

  #isTimeForATurn(): boolean {
    return performance.now() - this.#waited > turnMs;
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#files.throwIfCancelled();
    this.#waited = performance.now();
  }

  #writerFor(entry: FileEntry): FileWriter {
    if (entry.hasPageErrors) this.#results.withPageErrors++;
    // After the first failure nothing will be published: the rest is only read and compared.
    const sink = this.#sink && !this.#hasFailed ? this.#sink : countSink;
    const writer = restoredWriter(sink, this.#manifest, entry);
    if (!isKept(entry)) return writer;
    if (entry.size <= largestKeptBytes) return new Capture(writer);
    this.#fail({ code: 'hostile', stage: 'contents', path: entry.name, message: `${entry.name} is far too large` });
    return writer;
  }

  #accept(entry: FileEntry, writer: FileWriter): void {
    writer.finish();
    this.#results.verified++;
    this.#results.bytes += entry.size;
    if (isKept(entry)) {
      this.#results.kept.push({ entry, contents: writer instanceof Capture ? writer.bytes : undefined });
    }
  }

  #refuse(entry: FileEntry, writer: FileWriter, error: unknown): void {
    writer.abandon();
    if (!(error instanceof RestoreError)) throw error;
    if (error.failure.code === 'cancelled' || error.failure.stage === 'write') throw error;
    if (isKept(entry)) this.#results.kept.push({ entry, contents: undefined });
    this.#fail(error.failure);
  }

  #fail(failure: Failure): void {
    this.#hasFailed = true;
    if (this.#results.failures.length < mostFailures) this.#results.failures.push(failure);
  }
}
