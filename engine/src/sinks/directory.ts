/**
 * Restores into a folder that nobody sees before it is whole: everything is written to `.NAME.restorable-XXXXXX` beside
 * the target, and renamed when the verdict is in. Nothing is written through a link or outside of that folder, except
 * to the places that the user has named (`route`), which are treated in the same way.
 */

import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { chown, lstat, mkdir, mkdtemp, readdir, realpath, rename, rm, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../failure.ts';
import { ioFailure } from '../files/source.ts';
import { type OwnerIds, type OwnerNames, Owners } from './owners.ts';
import type { FileAttributes, FilePatch, FileWriter, Sink, SinkPath } from './sink.ts';

const slash = 0x2f;

/**
 * Refuses a target that cannot be used, before any work.
 *
 * @throws RestoreError `usage` when it exists and is not an empty folder, or is a mount point; `io` when it cannot be looked at
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
    // What is written beside it would lie on another disk, and could not get its name in the end.
    if ((await lstat(path.join(await realpath(target), '..'))).dev !== stat.dev)
      refuse(target, 'is a mount point', 'Name a folder in it, which need not exist yet.');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw ioFailure(error, target, 'write');
  }
}

/** A folder of the target that lies elsewhere: the target has a symbolic link in its place. */
interface Route {
  /** Its place in the target, as latin1. */
  name: string;
  /** Where its contents are written now. */
  folder: string;
  /** Set for a single file: the last part of its path, in `folder`. */
  file?: string;
  /** Its name in the end, and the folder beside it that is renamed or removed; absent below the target itself. */
  outside?: { target: string; staging: string };
}

/** An unfinished restore as plain data: what another thread needs to write into it. */
export interface Staging {
  target: string;
  folder: string;
  routes: Route[];
  fallback: OwnerIds;
}

interface FolderAttributes {
  mode: number;
  owner: OwnerNames | undefined;
}

export class DirectorySink implements Sink {
  readonly target: string;
  readonly #staging: string;
  readonly #routes: Route[];
  readonly #stagingOutside: string[] = [];
  readonly #fallback: OwnerIds;
  /** Of the staging folder; who may write beside the target could swap it. */
  readonly #identity: Identity | undefined;
  readonly #owners: Owners | undefined;
  /** Folders that exist, with what they get in the end; `''` is the target itself. */
  readonly #folders = new Map<string, FolderAttributes>([['', { mode: 0o700, owner: undefined }]]);

  private constructor({ target, folder, routes, fallback }: Staging) {
    this.target = target;
    this.#staging = folder;
    this.#routes = routes;
    this.#fallback = fallback;
    this.#identity = lstatSync(folder, { throwIfNoEntry: false });
    this.#owners = Owners.ofThisMachine(fallback);
  }

  /** @throws RestoreError as `checkTarget`, and `io` when there is no room or permission beside the target */
  static async create(target: string): Promise<DirectorySink> {
    await checkTarget(target);
    try {
      const before = await lstat(target).catch(() => undefined);
      const place = await stageBeside(target);
      const fallback = { uid: before?.uid ?? 0, gid: before?.gid ?? 0 };
      return new DirectorySink({ target: place.target, folder: place.staging, routes: [], fallback });
    } catch (error) {
      throw ioFailure(error, target, 'write');
    }
  }

  /** The same unfinished restore on another thread: it only writes files, into folders that are there or that it makes. */
  static attach(staging: Staging): DirectorySink {
    return new DirectorySink(staging);
  }

  /** What `attach` needs. */
  get staging(): Staging {
    return { folder: this.#staging, target: this.target, routes: this.#routes, fallback: this.#fallback };
  }

  /** Whose files are this process may decide. */
  get givesAway(): Owners | undefined {
    return this.#owners;
  }

  folder(folder: SinkPath, mode: number, owner?: OwnerNames): void {
    if (folder.length > 0) this.#makeFolders(folder);
    this.#folders.set(folder.toString('latin1'), { mode, owner });
  }

  /**
   * Lets what is below `name` be written to another place below the target; `name` becomes a link to it, so that the
   * target can be moved as a whole. Before anything is written there.
   */
  routeInside(name: SinkPath, place: SinkPath, { isFile = false, owner }: RouteOptions = {}): void {
    const folder = isFile ? place.subarray(0, Math.max(place.lastIndexOf(slash), 0)) : place;
    this.#makeFolders(folder);
    const up = '../'.repeat(name.toString('latin1').split('/').length - 1);
    this.link(name, Buffer.concat([Buffer.from(up), place]), owner);
    this.#addRoute({
      name: name.toString('latin1'),
      folder: this.#join(folder).toString('latin1'),
      ...(isFile && { file: place.subarray(place.lastIndexOf(slash) + 1).toString('latin1') }),
    });
  }

  /**
   * As `routeInside`, to a new or empty folder (or a new file) anywhere on this machine, which the user has named.
   *
   * @throws RestoreError `usage` when it is taken, relative, or overlaps with another place; `io`
   */
  async routeOutside(name: SinkPath, place: string, { isFile = false, owner }: RouteOptions = {}): Promise<void> {
    if (!path.isAbsolute(place)) {
      refuse(place, 'is no absolute path', 'Name the folder from the root of the file system on.');
    }
    if (isFile) {
      if (await lstat(place).catch(() => undefined)) refuse(place, 'exists', 'Name a file that does not exist yet.');
    } else await checkTarget(place);
    try {
      const { target, staging } = await stageBeside(place);
      const route: Route = {
        name: name.toString('latin1'),
        folder: Buffer.from(staging).toString('latin1'),
        outside: { target, staging },
        ...(isFile && { file: Buffer.from(path.basename(target)).toString('latin1') }),
      };
      this.#stagingOutside.push(staging);
      const others = [this.target, ...this.#routes.flatMap((it) => it.outside?.target ?? [])];
      if (others.some((it) => isWithin(it, target) || isWithin(target, it))) {
        refuse(place, 'lies in another folder of this restore, or around it', 'Choose folders beside each other.');
      }
      this.link(name, Buffer.from(target), owner);
      this.#addRoute(route);
    } catch (error) {
      throw ioFailure(error, place, 'write');
    }
  }

  file(file: SinkPath, attributes: FileAttributes): FileWriter {
    const place = this.#placeFor(file);
    try {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
      return new StagedFile(place, this.#readable(file), openSync(place, flags, 0o600), this.#settled(attributes));
    } catch (error) {
      throw this.#refused(error, file);
    }
  }

  /**
   * Opens a file of this restore again, to change parts of it.
   *
   * @throws RestoreError `incomplete` when there is no such file, `hostile` when its place is no file
   */
  patch(file: SinkPath): FilePatch {
    const place = this.#placeFor(file);
    try {
      const descriptor = openSync(place, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
      return new StagedPatch(descriptor, this.#readable(file));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        fail(
          'incomplete',
          'chain',
          `${this.#readable(file)} is to be changed by an increment, but was not restored before`,
        );
      }
      throw this.#refused(error, file);
    }
  }

  link(link: SinkPath, destination: Buffer, owner?: OwnerNames): void {
    const place = this.#placeFor(link);
    try {
      symlinkSync(destination, place);
      const ids = owner && this.#owners?.idsOf(owner);
      if (ids) lchownSync(place, ids.uid, ids.gid);
    } catch (error) {
      throw this.#refused(error, link);
    }
  }

  /**
   * Gives the folder its final name, after the folders outside of it.
   *
   * @throws RestoreError `io` when something has taken the name meanwhile, `usage` when it is no longer empty
   */
  async publish(): Promise<string> {
    const published: string[] = [];
    try {
      // The deepest first: a folder may get a mode that forbids changing what is in it.
      const byDepth = [...this.#folders].sort(([a], [b]) => (a < b ? 1 : -1));
      for (const [folder, { mode, owner }] of byDepth) {
        const place = this.#join(Buffer.from(folder, 'latin1'));
        const ids = owner && this.#owners?.idsOf(owner);
        if (ids) await chown(place, ids.uid, ids.gid);
        chmodSync(place, mode);
      }
      for (const { file, outside } of this.#routes) {
        if (!outside) continue;
        if (file !== undefined) {
          // A link, not a rename: it does not replace what has taken the name meanwhile.
          const staged = Buffer.concat([Buffer.from(`${outside.staging}${path.sep}`), Buffer.from(file, 'latin1')]);
          linkSync(staged, outside.target);
          published.push(outside.target);
          await unlink(staged);
          await rmdir(outside.staging);
        } else {
          await takeName(outside.staging, outside.target);
          published.push(outside.target);
        }
      }
      if (!isSame(this.#identity, lstatSync(this.#staging, { throwIfNoEntry: false }))) {
        fail('hostile', 'write', 'the unfinished restore was replaced by something else while it was written', {
          path: this.target,
          hint: 'Restore into a folder that only you can write to.',
        });
      }
      await takeName(this.#staging, this.target);
      return this.target;
    } catch (error) {
      for (const it of published) await rm(it, { recursive: true, force: true });
      throw ioFailure(error, this.target, 'write');
    }
  }

  /** Removes everything that was written; harmless after `publish`. */
  async discard(): Promise<void> {
    for (const folder of [this.#staging, ...this.#stagingOutside]) {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  #addRoute(route: Route): void {
    this.#routes.push(route);
    // The longest name first: a link may lie in a folder that is a link.
    this.#routes.sort((a, b) => b.name.length - a.name.length);
    if (route.file === undefined) this.#folders.set(route.name, { mode: 0o700, owner: undefined });
  }

  #settled(attributes: FileAttributes): SettledAttributes {
    return { ...attributes, ids: attributes.owner && this.#owners?.idsOf(attributes.owner) };
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
    this.#folders.set(folder.toString('latin1'), { mode: 0o700, owner: undefined });
  }

  #join(inside: SinkPath): Buffer {
    const parts = inside.toString('latin1').split('/');
    if (inside.length > 0 && parts.some((it) => it === '' || it === '.' || it === '..' || it.includes('\0'))) {
      fail('hostile', 'write', `${this.#readable(inside)} leads out of the target`);
    }
    const name = inside.toString('latin1');
    for (const route of this.#routes) {
      const folder = Buffer.from(route.folder, 'latin1');
      if (route.file !== undefined && name === route.name) return joined(folder, Buffer.from(route.file, 'latin1'));
      if (route.file !== undefined) continue;
      if (name === route.name) return folder;
      if (name.startsWith(`${route.name}/`)) return joined(folder, inside.subarray(route.name.length + 1));
    }
    return joined(Buffer.from(this.#staging), inside);
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
  readonly #attributes: SettledAttributes;
  #descriptor: number | undefined;

  constructor(place: Buffer, name: string, descriptor: number, attributes: SettledAttributes) {
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

  extend(size: number): void {
    if (this.#descriptor === undefined) return;
    try {
      ftruncateSync(this.#descriptor, size);
    } catch (error) {
      throw ioFailure(error, this.#name, 'write');
    }
  }

  finish(): void {
    if (this.#descriptor === undefined) return;
    try {
      const { mode, modifiedAt, ids } = this.#attributes;
      if (ids) fchownSync(this.#descriptor, ids.uid, ids.gid);
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

class StagedPatch implements FilePatch {
  readonly #name: string;
  #descriptor: number | undefined;

  constructor(descriptor: number, name: string) {
    this.#descriptor = descriptor;
    this.#name = name;
  }

  truncate(bytes: number): void {
    this.#change((descriptor) => ftruncateSync(descriptor, bytes));
  }

  writeAt(bytes: Uint8Array, position: number): void {
    this.#change((descriptor) => {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(descriptor, bytes, written, bytes.length - written, position + written);
      }
    });
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #change(work: (descriptor: number) => void): void {
    if (this.#descriptor === undefined) return;
    try {
      work(this.#descriptor);
    } catch (error) {
      throw ioFailure(error, this.#name, 'write');
    }
  }
}

export interface RouteOptions {
  isFile?: boolean;
  /** Of the link. */
  owner?: OwnerNames;
}

interface SettledAttributes extends FileAttributes {
  ids: OwnerIds | undefined;
}

/** A new folder beside a place that does not exist yet, whose parents are made where they are missing. */
async function stageBeside(place: string): Promise<{ target: string; staging: string }> {
  const absolute = path.resolve(place);
  await mkdir(path.dirname(absolute), { recursive: true });
  const parent = await realpath(path.dirname(absolute));
  const name = path.basename(absolute);
  return { target: path.join(parent, name), staging: await mkdtemp(path.join(parent, `.${name}.restorable-`)) };
}

/** Throws as `checkTarget` when something has taken the name meanwhile. */
async function takeName(staging: string, target: string): Promise<void> {
  await checkTarget(target);
  await rmdir(target).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(staging, target);
}

interface Identity {
  dev: number;
  ino: number;
}

function isSame(one: Identity | undefined, other: Identity | undefined): boolean {
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}

function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(path.sep) ? outer : `${outer}${path.sep}`);
}

function joined(folder: Buffer, inside: Buffer): Buffer {
  return inside.length === 0 ? folder : Buffer.concat([folder, Buffer.from(path.sep), inside]);
}

function refuse(target: string, what: string, hint: string): never {
  fail('usage', 'write', `the target ${target} ${what}`, { path: target, hint });
}
