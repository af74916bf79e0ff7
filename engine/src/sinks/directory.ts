/**
 * Restores into a folder that nobody sees before it is whole: everything is written to `.NAME.restorable-XXXXXX` beside
 * the target, and renamed when the verdict is in. Nothing is written through a link or outside of that folder.
 */

import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../failure.ts';
import { ioFailure } from '../files/source.ts';
import type { FileAttributes, FileWriter, Sink, SinkPath } from './sink.ts';

const slash = 0x2f;

/**
 * Refuses a target that cannot be used, before any work.
 *
 * @throws RestoreError `usage` when it exists and is not an empty folder, `io` when it cannot be looked at
 */
export async function checkTarget(target: string): Promise<void> {
  try {
    const stat = await lstat(target);
    if (stat.isSymbolicLink()) refuse(target, 'is a symbolic link', 'Name the folder itself.');
    if (!stat.isDirectory()) refuse(target, 'exists and is not a folder', 'Choose a folder that does not exist yet.');
    if ((await readdir(target)).length > 0) {
      refuse(
        target,
        'exists and is not empty',
        'Choose an empty folder or one that does not exist yet; nothing is overwritten.',
      );
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw ioFailure(error, target, 'write');
  }
}

export class DirectorySink implements Sink {
  readonly target: string;
  readonly #staging: string;
  /** Folders that exist, with the mode they get in the end; `''` is the target itself. */
  readonly #folders = new Map<string, number>([['', 0o700]]);

  private constructor(target: string, staging: string) {
    this.target = target;
    this.#staging = staging;
  }

  /** @throws RestoreError as `checkTarget`, and `io` when there is no room or permission beside the target */
  static async create(target: string): Promise<DirectorySink> {
    await checkTarget(target);
    try {
      const absolute = path.resolve(target);
      await mkdir(path.dirname(absolute), { recursive: true });
      const parent = await realpath(path.dirname(absolute));
      const name = path.basename(absolute);
      const staging = await mkdtemp(path.join(parent, `.${name}.restorable-`));
      return new DirectorySink(path.join(parent, name), staging);
    } catch (error) {
      throw ioFailure(error, target, 'write');
    }
  }

  /** The same unfinished restore on another thread: it only writes files, into folders that are there or that it makes. */
  static attach(folder: string, target: string): DirectorySink {
    return new DirectorySink(target, folder);
  }

  /** What `attach` needs. */
  get staging(): { folder: string; target: string } {
    return { folder: this.#staging, target: this.target };
  }

  folder(folder: SinkPath, mode: number): void {
    if (folder.length > 0) this.#makeFolders(folder);
    this.#folders.set(folder.toString('latin1'), mode);
  }

  file(file: SinkPath, attributes: FileAttributes): FileWriter {
    const place = this.#placeFor(file);
    try {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
      return new StagedFile(place, this.#readable(file), openSync(place, flags, 0o600), attributes);
    } catch (error) {
      throw this.#refused(error, file);
    }
  }

  link(link: SinkPath, destination: Buffer): void {
    const place = this.#placeFor(link);
    try {
      symlinkSync(destination, place);
    } catch (error) {
      throw this.#refused(error, link);
    }
  }

  /**
   * Gives the folder its final name.
   *
   * @throws RestoreError `io` when something has taken the name meanwhile, `usage` when it is no longer empty
   */
  async publish(): Promise<string> {
    try {
      // The deepest first: a folder may get a mode that forbids changing what is in it.
      const byDepth = [...this.#folders].sort(([a], [b]) => (a < b ? 1 : -1));
      for (const [folder, mode] of byDepth) chmodSync(this.#join(Buffer.from(folder, 'latin1')), mode);
      await checkTarget(this.target);
      await rmdir(this.target).catch((error) => {
        if (error.code !== 'ENOENT') throw error;
      });
      await rename(this.#staging, this.target);
      return this.target;
    } catch (error) {
      throw ioFailure(error, this.target, 'write');
    }
  }

  /** Removes everything that was written; harmless after `publish`. */
  async discard(): Promise<void> {
    await rm(this.#staging, { recursive: true, force: true, maxRetries: 3 });
  }

  #placeFor(inside: SinkPath): Buffer {
    const parent = inside.lastIndexOf(slash);
    if (parent > 0) this.#makeFolders(inside.subarray(0, parent));
    return this.#join(inside);
  }

  #makeFolders(folder: SinkPath): void {
    if (this.#folders.has(folder.toString('latin1'))) return;
    const parent = folder.lastIndexOf(slash);
    if (parent > 0) this.#makeFolders(folder.subarray(0, parent));
    const place = this.#join(folder);
    try {
      mkdirSync(place, 0o700);
    } catch (error) {
      // Another thread may have made it; a link or a file in its place is something else.
      if (!lstatSync(place, { throwIfNoEntry: false })?.isDirectory()) throw this.#refused(error, folder);
    }
    this.#folders.set(folder.toString('latin1'), 0o700);
  }

  #join(inside: SinkPath): Buffer {
    const parts = inside.toString('latin1').split('/');
    if (inside.length > 0 && parts.some((it) => it === '' || it === '.' || it === '..' || it.includes('\0'))) {
      fail('hostile', 'write', `${this.#readable(inside)} leads out of the target`);
    }
    return Buffer.concat([Buffer.from(`${this.#staging}${path.sep}`), inside]);
  }

  #refused(error: unknown, inside: SinkPath): unknown {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ELOOP') {
      fail(
        'hostile',
        'write',
        `${this.#readable(inside)} would be written over or through something that was restored before`,
      );
    }
    return ioFailure(error, this.#readable(inside), 'write');
  }

  #readable(inside: SinkPath): string {
    return path.join(this.target, inside.toString('utf8'));
  }
}

class StagedFile implements FileWriter {
  readonly #place: Buffer;
  readonly #name: string;
  readonly #attributes: FileAttributes;
  #descriptor: number | undefined;

  constructor(place: Buffer, name: string, descriptor: number, attributes: FileAttributes) {
    this.#place = place;
    this.#name = name;
    this.#descriptor = descriptor;
    this.#attributes = attributes;
  }

  write(bytes: Uint8Array): void {
    if (this.#descriptor === undefined) return;
    try {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(this.#descriptor, bytes, written, bytes.length - written);
      }
    } catch (error) {
      throw ioFailure(error, this.#name, 'write');
    }
  }

  finish(): void {
    if (this.#descriptor === undefined) return;
    try {
      const { mode, modifiedAt } = this.#attributes;
      fchmodSync(this.#descriptor, mode);
      if (modifiedAt !== undefined) futimesSync(this.#descriptor, modifiedAt, modifiedAt);
    } catch (error) {
      throw ioFailure(error, this.#name, 'write');
    } finally {
      closeSync(this.#descriptor);
      this.#descriptor = undefined;
    }
  }

  abandon(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (lstatSync(this.#place, { throwIfNoEntry: false })?.isFile()) unlinkSync(this.#place);
  }
}

function refuse(target: string, what: string, hint: string): never {
  fail('usage', 'write', `the target ${target} ${what}`, { path: target, hint });
}
