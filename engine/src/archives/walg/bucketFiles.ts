/** Reads the objects of a local copy of a bucket: never writes, never waits for a pipe, counts what was read. */

import { type Stats, statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { collect } from '../../bytes.ts';
import { at, fail, RestoreError } from '../../failure.ts';
import { ioFailure, type ReadOptions, readFile } from '../../files/source.ts';
import type { RunContext } from '../../run-context.ts';

export class BucketFiles {
  /** The folder that holds `basebackups_005` and `wal_005`. */
  readonly root: string;
  readonly context: RunContext;
  /** Stored bytes read so far. */
  bytesRead = 0;

  constructor(root: string, context: RunContext) {
    this.root = root;
    this.context = context;
  }

  /** @param name relative to the root, with `/` */
  pathOf(name: string): string {
    return path.join(this.root, ...name.split('/'));
  }

  /**
   * The bytes of an object. Every piece is a fresh array, unless `isLent`: it then holds until the next is asked for.
   *
   * @throws RestoreError with the object's path: `incomplete` when there is no such object, `hostile` when it is a pipe or
   *   a device, `io` when it cannot be read, `cancelled`
   */
  async *read(
    name: string,
    { start, length, isLent }: Pick<ReadOptions, 'start' | 'length' | 'isLent'> = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      this.size(name);
      const onBytes = (bytes: number) => this.count(name, bytes);
      yield* readFile(this.pathOf(name), { start, length, isLent, signal: this.context.signal, onBytes, name });
    } catch (error) {
      throw at(name, error);
    }
  }

  /** An object that is small: JSON, a timeline history. */
  async readSmall(name: string, limit: number): Promise<Uint8Array> {
    return collect(this.read(name), limit, () =>
      fail('hostile', 'open', `${name} is far larger than such an object is`, { path: name }),
    );
  }

  count(name: string, bytes: number): void {
    this.bytesRead += bytes;
    this.context.progress(name, bytes);
  }

  /** Bytes of an object. Throws as `read`. */
  size(name: string): number {
    let found: Stats;
    try {
      found = statSync(this.pathOf(name));
    } catch (error) {
      throw at(name, isMissing(error) ? missing(name) : ioFailure(error, name, 'open'));
    }
    if (found.isFile()) return found.size;
    const code = found.isDirectory() ? 'damaged' : 'hostile';
    return fail(code, 'open', `${name} is ${found.isDirectory() ? 'a folder' : 'a pipe or device'}, not an object`, {
      path: name,
      hint: 'Copy it again from the bucket; take away what is in its place.',
    });
  }

  /** Whether there is such an object. Throws `io`. */
  async has(name: string): Promise<boolean> {
    try {
      return (await stat(this.pathOf(name))).isFile();
    } catch (error) {
      if (isMissing(error)) return false;
      throw at(name, ioFailure(error, name, 'open'));
    }
  }

  /** Names in a folder, sorted; undefined when there is no such folder. */
  async list(name: string): Promise<string[] | undefined> {
    try {
      return (await readdir(this.pathOf(name))).sort();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw at(name, ioFailure(error, name, 'open'));
    }
  }
}

function missing(name: string): RestoreError {
  return new RestoreError({
    code: 'incomplete',
    stage: 'open',
    path: name,
    message: `${name} is missing`,
    hint: 'Copy the whole folder of the backups again: both basebackups_005/ and wal_005/.',
  });
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
