/** One tar of a backup: every member read, and written where there is a target. On any thread. */

import { ByteReader } from '../../bytes.ts';
import { readTar, shown, type TarMember } from '../../contents/tar.ts';
import { fail, RestoreError } from '../../failure.ts';
import type { DirectorySink } from '../../sinks/directory.ts';
import { Capture, countSink, type FileWriter } from '../../sinks/sink.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { incrementHeadBytes, isIncrement, readIncrement } from './increment.ts';
import { splitExtension } from './names.ts';
import { memberPath, refuseMember, sinkPath } from './place.ts';
import { type Opening, type ReadOptions, readObject, type Storage } from './storedObject.ts';

/** What is expected of a tar. */
export interface TarTask {
  kind: 'tar';
  /** Relative to the archive's root. */
  object: string;
  /** Members to restore, by path without the first slash; undefined: all of them. */
  wanted: string[] | undefined;
  /** Those of them that hold only changed pages. */
  increments: string[];
  /** The tar came from PostgreSQL itself, which leaves out the blocks that close it. */
  mayBeOpen: boolean;
  /** More contents than this is no backup but a bomb. */
  limit: number;
  /** No other tar waits: a second thread may take a part of the work. */
  isShared?: boolean;
}

export interface FoundMember {
  path: string;
  kind: 'file' | 'folder' | 'increment';
  /** Of the file once restored. */
  bytes: number;
  /** Permission bits. */
  mode: number;
  /** Only of an increment: what the base must reach. */
  coveredFrom?: number;
}

export interface TarResult {
  kind: 'tar';
  storage: Storage;
  members: FoundMember[];
  /** Small files that are needed after all others: written last, or read to know the cluster. */
  kept: { path: string; mode: number; contents: Uint8Array }[];
  /** Bytes of members, as they lie in the tar. */
  bytes: number;
  /** Members that the list of files does not know: WAL-G passes over them, and so do we. */
  unlisted: string[];
  /** What WAL-G stored as a link without its destination. */
  links: string[];
}

export const controlFile = 'global/pg_control';
export const labelFile = 'backup_label';
export const mapFile = 'tablespace_map';
export const versionFile = 'PG_VERSION';

/** Restored after everything else, from whichever tar has them: PostgreSQL must not find them in half a directory. */
export const LAST_FILES: ReadonlySet<string> = new Set([labelFile, mapFile, controlFile]);

/** pg_control has 8 KiB, the others a few lines; a tablespace map one for every tablespace. */
const largestKept = 4 * 1024 * 1024;
const mostNamed = 20;

/** @throws RestoreError with the object's path, and at the member where it is in one */
export async function checkTar(
  files: BucketFiles,
  task: TarTask,
  opening: Opening,
  sink: DirectorySink | undefined,
  feed?: ReadOptions['feed'],
): Promise<TarResult> {
  const { compression } = splitExtension(task.object.slice(task.object.lastIndexOf('/') + 1));
  const check = new TarCheck(task, sink);
  const object = { name: task.object, compression };
  const { storage } = await readObject(files, object, opening, (plain) => check.run(plain), { isLent: true, feed });
  return { kind: 'tar', storage, ...check.result };
}

class TarCheck {
  readonly result: Omit<TarResult, 'kind' | 'storage'> = { members: [], kept: [], bytes: 0, unlisted: [], links: [] };
  readonly #wanted: ReadonlySet<string> | undefined;
  readonly #increments: ReadonlySet<string>;
  readonly #limit: number;
  readonly #mayBeOpen: boolean;
  readonly #sink: DirectorySink | undefined;

  constructor({ wanted, increments, mayBeOpen, limit }: TarTask, sink: DirectorySink | undefined) {
    this.#wanted = wanted && new Set(wanted);
    this.#increments = new Set(increments);
    this.#limit = limit;
    this.#mayBeOpen = mayBeOpen;
    this.#sink = sink;
  }

  async run(plain: ByteReader): Promise<void> {
    for await (const { member, contents } of readTar(plain, { mayBeOpen: this.#mayBeOpen })) {
      const path = memberPath(member);
      this.result.bytes += member.size;
      if (this.result.bytes > this.#limit) {
        fail('hostile', 'contents', `the tar holds more than ${this.#limit} bytes, far more than the backup recorded`, {
          offset: member.offset,
          hint: 'It is made to fill the disk, or the sentinel is of another backup.',
        });
      }
      await this.#take(member, path, contents);
    }
  }

  async #take(member: TarMember, path: string, contents: AsyncIterable<Uint8Array>): Promise<void> {
    const { type, mode } = member;
    const isWanted = this.#wanted === undefined || this.#wanted.has(path);
    if (type === 'directory') {
      // WAL-G makes folders whether or not they are listed.
      this.result.members.push({ path, kind: 'folder', bytes: 0, mode: mode & 0o777 });
      return;
    }
    // WAL-G stores a link with its own name as destination: nobody knows where it led.
    if (type === 'symlink' && member.linkTarget === path.slice(path.lastIndexOf('/') + 1)) {
      this.result.links.push(path);
      return;
    }
    if (type !== 'file' || member.isSparse || path === '') refuseMember(member);
    if (LAST_FILES.has(path)) {
      const capture = new Capture();
      await this.#write(member, contents, capture);
      this.result.kept.push({ path, mode: mode & 0o777, contents: Uint8Array.from(capture.bytes) });
      this.result.members.push({ path, kind: 'file', bytes: member.size, mode: mode & 0o777 });
      return;
    }
    if (!isWanted) {
      if (this.result.unlisted.length < mostNamed) this.result.unlisted.push(shown(path));
      return;
    }
    if (this.#increments.has(path)) return this.#patch(member, path, contents);
    const writer = (this.#sink ?? countSink).file(sinkPath(path), { mode: mode & 0o777 });
    try {
      if (path === versionFile) {
        const capture = new Capture(writer);
        await this.#write(member, contents, capture);
        this.result.kept.push({ path, mode: mode & 0o777, contents: Uint8Array.from(capture.bytes) });
      } else {
        let head = Buffer.alloc(0);
        for await (const piece of contents) {
          if (head.length < incrementHeadBytes)
            head = Buffer.concat([head, piece.subarray(0, incrementHeadBytes - head.length)]);
          writer.write(piece);
        }
        if (isIncrement(head, member.size)) refuseIncrement(path, member);
      }
      writer.finish();
    } finally {
      writer.abandon();
    }
    this.result.members.push({ path, kind: 'file', bytes: member.size, mode: mode & 0o777 });
  }

  async #write(
    { size, path, offset }: TarMember,
    contents: AsyncIterable<Uint8Array>,
    writer: FileWriter,
  ): Promise<void> {
    if (size > largestKept) fail('hostile', 'contents', `the member ${shown(path)} is far too large`, { offset });
    for await (const piece of contents) writer.write(piece);
  }

  async #patch({ size, mode, offset }: TarMember, path: string, contents: AsyncIterable<Uint8Array>): Promise<void> {
    const target = this.#sink?.patch(sinkPath(path));
    const reader = new ByteReader(contents, { isLent: true });
    try {
      const isOriole = path.includes('orioledb_data');
      const { fileBytes, coveredFrom } = await readIncrement(reader, { size, isOriole, target }).catch((error) => {
        throw named(error, path, offset);
      });
      this.result.members.push({ path, kind: 'increment', bytes: fileBytes, mode: mode & 0o777, coveredFrom });
    } finally {
      target?.close();
    }
  }
}

function refuseIncrement(path: string, { offset }: TarMember): never {
  fail('damaged', 'contents', `${shown(path)} holds only changed pages, and the list takes it for the whole file`, {
    offset,
    hint: 'files_metadata.json was changed: copy it again. WAL-G would restore the pages as if they were the file.',
  });
}

function named(error: unknown, path: string, offset: number): unknown {
  if (!(error instanceof RestoreError) || error.failure.stage !== 'contents') return error;
  return new RestoreError({ ...error.failure, offset, message: `${shown(path)}: ${error.failure.message}` });
}
