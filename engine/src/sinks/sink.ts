/** Where restored files go. */

import type { OwnerNames } from './owners.ts';

/** A place inside the target: bytes as the file system wants them, parts divided by `/`, relative, without `..`. */
export type SinkPath = Buffer;

export interface Sink {
  /** Makes a folder; its parents too, where nobody asked for them. */
  folder(path: SinkPath, mode: number, owner?: OwnerNames): void;
  file(path: SinkPath, attributes: FileAttributes): FileWriter;
  /** Makes a symbolic link. Nothing is ever written through one. */
  link(path: SinkPath, destination: Buffer, owner?: OwnerNames): void;
}

export interface FileAttributes {
  /** Permission bits. */
  mode: number;
  /** Epoch seconds; undefined leaves the time of writing. */
  modifiedAt?: number;
  /** Set only where this process may give files away. */
  owner?: OwnerNames;
}

/** Synchronous on purpose: writing goes to the page cache, and a worker has nothing better to do. */
export interface FileWriter {
  write(bytes: Uint8Array): void;
  /** Makes the file so many bytes long: what was not written are zeros that take no room. */
  extend(size: number): void;
  /** Sets mode and time; without it nothing of the file stays. */
  finish(): void;
  /** Harmless after `finish`. */
  abandon(): void;
}

/** Changes parts of a file that was restored before; what is half done stays, so the whole restore must then be given up. */
export interface FilePatch {
  /** Cuts the file to this size, or fills it up with zeros. */
  truncate(bytes: number): void;
  writeAt(bytes: Uint8Array, position: number): void;
  /** Harmless when closed already. */
  close(): void;
}

const nothing: FileWriter = {
  write: () => undefined,
  extend: () => undefined,
  finish: () => undefined,
  abandon: () => undefined,
};

/** For a test that writes nothing: what comes through was counted and compared on the way. */
export const countSink: Sink = { folder: () => undefined, file: () => nothing, link: () => undefined };

/** Keeps a small file in memory beside what the sink does with it. */
export class Capture implements FileWriter {
  readonly #inner: FileWriter;
  readonly #pieces: Uint8Array[] = [];

  constructor(inner: FileWriter = nothing) {
    this.#inner = inner;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  write(bytes: Uint8Array): void {
    this.#pieces.push(Uint8Array.from(bytes));
    this.#inner.write(bytes);
  }

  extend(size: number): void {
    this.#inner.extend(size);
  }

  finish(): void {
    this.#inner.finish();
  }

  abandon(): void {
    this.#inner.abandon();
  }
}
