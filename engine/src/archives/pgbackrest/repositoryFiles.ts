/** Reads the objects of a local copy of a repository: never writes, never waits for a pipe, counts what was read. */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { at, fail, RestoreError } from '../../failure.ts';
import { ioFailure } from '../../files/source.ts';
import { type RunContext, throwIfCancelled } from '../../run-context.ts';
import { type ByteText, readable, toBytes } from './byteText.ts';

const pieceBytes = 256 * 1024;
const mostOpen = 16;

export class RepositoryFiles {
  /** The folder that holds `archive` and `backup`. */
  readonly root: string;
  readonly context: RunContext;
  /** Stored bytes read so far. */
  bytesRead = 0;
  /** Stored bytes that will be read after what `expect` is told of: of backups whose turn has not come. */
  expectedLater = 0;
  /** Open for `readAtOnce`, the one used last at the end: the files of a bundle follow each other. */
  readonly #open = new Map<ByteText, number>();
  /** What `pieces` reads into. */
  #piece: Buffer | undefined;

  constructor(root: string, context: RunContext) {
    this.root = root;
    this.context = context;
  }

  /** The path of an object for the operating system; `name` is relative to the root, with `/`. */
  pathOf(name: ByteText): Buffer {
    return Buffer.concat([Buffer.from(`${this.root}${path.sep}`), toBytes(name)]);
  }

  /**
   * The bytes of an object, or of a slice of it. Every piece is a fresh array.
   *
   * @throws RestoreError with the object's path: `incomplete` when there is no such object, `truncated` when it ends
   *   before the slice does, `hostile` when it is a pipe or a device, `io` when it cannot be read, `cancelled`
   */
  async *read(
    name: ByteText,
    { start = 0, length }: { start?: number; length?: number } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let handle: FileHandle | undefined;
    try {
      handle = await this.#openFile(name);
      let left = length ?? Number.POSITIVE_INFINITY;
      let position = start;
      while (left > 0) {
        throwIfCancelled(this.context.signal);
        const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, left));
        const { bytesRead } = await handle.read(piece, 0, piece.length, position);
        if (bytesRead === 0) {
          if (length === undefined) return;
          tooShort(position, start + length);
        }
        position += bytesRead;
        left -= bytesRead;
        this.count(name, bytesRead);
        yield piece.subarray(0, bytesRead);
      }
    } catch (error) {
      throw at(readable(name), ioFailure(error, readable(name), 'open'));
    } finally {
      await handle?.close();
    }
  }

  /**
   * A slice of an object that is small enough for memory, without waiting. Throws as `read`. `close` when done.
   */
  readAtOnce(name: ByteText, start: number, length: number): Buffer {
    try {
      const descriptor = this.#descriptor(name);
      const slice = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const bytesRead = readSync(descriptor, slice, filled, length - filled, start + filled);
        if (bytesRead === 0) tooShort(start + filled, start + length);
        filled += bytesRead;
      }
      this.count(name, length);
      return slice;
    } catch (error) {
      throw at(readable(name), ioFailure(isMissing(error) ? missing(name) : error, readable(name), 'open'));
    }
  }

  /**
   * A slice of an object of any size, without waiting. Every piece is a view that the next one overwrites. Throws as
   * `read`.
   */
  *pieces(name: ByteText, start: number, length: number): Generator<Uint8Array, void, undefined> {
    this.#piece ??= Buffer.allocUnsafeSlow(pieceBytes);
    for (let done = 0; done < length; ) {
      let bytesRead = 0;
      try {
        const wanted = Math.min(pieceBytes, length - done);
        bytesRead = readSync(this.#descriptor(name), this.#piece, 0, wanted, start + done);
        if (bytesRead === 0) tooShort(start + done, start + length);
      } catch (error) {
        throw at(readable(name), ioFailure(isMissing(error) ? missing(name) : error, readable(name), 'open'));
      }
      done += bytesRead;
      this.count(name, bytesRead);
      yield this.#piece.subarray(0, bytesRead);
    }
  }

  /** Bytes of an object as `readAtOnce` would see it. */
  sizeAtOnce(name: ByteText): number {
    try {
      return fstatSync(this.#descriptor(name)).size;
    } catch (error) {
      throw at(readable(name), ioFailure(isMissing(error) ? missing(name) : error, readable(name), 'open'));
    }
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }

  #descriptor(name: ByteText): number {
    let descriptor = this.#open.get(name);
    if (descriptor !== undefined) {
      this.#open.delete(name);
    } else {
      descriptor = openSync(this.pathOf(name), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      const found = fstatSync(descriptor);
      if (!found.isFile()) {
        closeSync(descriptor);
        notAFile(name, found);
      }
    }
    this.#open.set(name, descriptor);
    if (this.#open.size > mostOpen) {
      for (const [oldest, unused] of this.#open) {
        closeSync(unused);
        this.#open.delete(oldest);
        break;
      }
    }
    return descriptor;
  }

  /** @throws RestoreError `cancelled` */
  throwIfCancelled(): void {
    throwIfCancelled(this.context.signal);
  }

  /** So many stored bytes more will be read for what has begun. */
  expect(bytes: number): void {
    this.context.expectBytes(this.bytesRead + bytes + this.expectedLater);
  }

  count(name: ByteText, bytes: number): void {
    this.bytesRead += bytes;
    this.context.progress(readable(name), bytes);
  }

  /** Bytes of an object, or undefined when there is none. */
  async size(name: ByteText): Promise<number | undefined> {
    try {
      return (await stat(this.pathOf(name))).size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw at(readable(name), ioFailure(error, readable(name), 'open'));
    }
  }

  /** Names in a folder, sorted; undefined when there is no such folder. */
  async list(name: ByteText): Promise<ByteText[] | undefined> {
    try {
      const names = await readdir(this.pathOf(name), { encoding: 'buffer' });
      return names.map((it) => it.toString('latin1')).sort();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw at(readable(name), ioFailure(error, readable(name), 'open'));
    }
  }

  async #openFile(name: ByteText): Promise<FileHandle> {
    let handle: FileHandle;
    try {
      handle = await open(this.pathOf(name), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      if (isMissing(error)) throw missing(name);
      throw error;
    }
    const found = await handle.stat();
    if (found.isFile()) return handle;
    await handle.close();
    notAFile(name, found);
  }
}

function tooShort(end: number, recorded: number): never {
  fail('truncated', 'open', `it ends after ${end} bytes, ${recorded} are recorded`, {
    offset: end,
    hint: 'Copy it again from the repository.',
  });
}

function notAFile(name: ByteText, found: { isDirectory(): boolean }): never {
  if (found.isDirectory()) fail('damaged', 'open', `${readable(name)} is a folder where a file belongs`);
  fail('hostile', 'open', `${readable(name)} is neither a file nor a folder`);
}

export function missing(name: ByteText): RestoreError {
  return new RestoreError({
    code: 'incomplete',
    stage: 'open',
    path: readable(name),
    message: `${readable(name)} is missing`,
    hint: 'Copy the whole repository: both archive/ and backup/, with all backups of the set.',
  });
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
