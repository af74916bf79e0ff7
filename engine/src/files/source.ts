/** Where stored bytes come from: files of this machine, and what their errors mean to a person. */

import { type FileHandle, open } from 'node:fs/promises';
import { RestoreError, type Stage } from '../failure.ts';
import { throwIfCancelled } from '../run-context.ts';
import { readBlocking, takeMessages } from './blockingRead.ts';

/** A call costs little beside it, and it is still in the processor's cache when it is worked on. */
const pieceBytes = 256 * 1024;
/** How long a file may be read before the thread hears what it was told, in milliseconds. */
const mostDeafMs = 20;

export interface ReadOptions {
  /** First byte to read, from 0. */
  start?: number;
  /** How many bytes to read at most; the file's end ends the stream anyway. */
  length?: number;
  signal?: AbortSignal;
  /** Called with the length of every piece that was read. */
  onBytes?: (delta: number) => void;
  /**
   * The consumer is done with a piece when it asks for the next one, and the memory is used again: what is read by the
   * gigabyte is not worth a collection of garbage every few megabytes.
   */
  isLent?: boolean;
  /** The name to use in failures, relative to the archive; the path itself when absent. */
  name?: string;
}

/**
 * The bytes of a file (a pipe or device works too). Every piece is a fresh array that the consumer may keep, unless `isLent`.
 * The file is closed when the stream ends, throws, or is closed by its consumer.
 *
 * @throws RestoreError `io` when it cannot be opened or read, `usage` for a directory, `cancelled` when the signal was given
 */
export async function* readFile(
  path: string,
  { start = 0, length = Number.POSITIVE_INFINITY, signal, onBytes, isLent = false, name }: ReadOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (signal) throwIfCancelled(signal);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const stat = await handle.stat();
    if (stat.isDirectory()) throw isDirectory(name ?? path);
    const isFile = stat.isFile();
    let position = start;
    let left = length;
    let lastHeard = performance.now();
    /** The last piece, and the one before it, which nobody looks at any more. */
    let lent: Buffer | undefined;
    let free: Buffer | undefined;
    while (left > 0) {
      if (signal) throwIfCancelled(signal);
      // A small file needs no large piece; one byte more shows that it has grown meanwhile.
      const expected = isFile ? Math.max(stat.size - position, 0) + 1 : pieceBytes;
      const wanted = Math.min(pieceBytes, expected, left);
      const piece = free?.length === wanted ? free : Buffer.allocUnsafeSlow(wanted);
      if (isLent) [free, lent] = [lent, piece];
      let bytesRead: number;
      if (isFile) {
        const read = readBlocking(handle, piece, position);
        bytesRead = typeof read === 'number' ? read : await read;
      } else {
        // A pipe may have nothing for hours.
        ({ bytesRead } = await handle.read(piece, 0, piece.length, null));
      }
      if (bytesRead === 0) return;
      position += bytesRead;
      left -= bytesRead;
      onBytes?.(bytesRead);
      yield bytesRead === piece.length ? piece : piece.subarray(0, bytesRead);
      if (performance.now() - lastHeard > mostDeafMs) {
        await takeMessages();
        lastHeard = performance.now();
      }
    }
  } catch (error) {
    throw ioFailure(error, name ?? path, 'open');
  } finally {
    await handle?.close();
  }
}

/**
 * The first `length` bytes of a file, fewer when it is shorter.
 *
 * @throws RestoreError as `readFile`
 */
export async function readStart(path: string, length: number, options: ReadOptions = {}): Promise<Uint8Array> {
  const start = Buffer.alloc(length);
  let filled = 0;
  for await (const piece of readFile(path, { ...options, length })) {
    start.set(piece, filled);
    filled += piece.length;
  }
  return start.subarray(0, filled);
}

/** Turns an error of the operating system into a failure with a sentence and a cure; passes everything else through. */
export function ioFailure(error: unknown, path: string, stage: Stage): unknown {
  if (error instanceof RestoreError || !isSystemError(error)) return error;
  const known = SYSTEM_ERRORS[error.code];
  if (error.code === 'EISDIR') return isDirectory(path);
  return new RestoreError({
    code: 'io',
    stage,
    path,
    message: known ? `${path}: ${known.message}` : `${path}: the operating system reports ${error.code}`,
    hint: known?.hint,
  });
}

const SYSTEM_ERRORS: Record<string, { message: string; hint: string }> = {
  ENOENT: { message: 'there is no such file', hint: 'Check the path; relative paths start at the current folder.' },
  ENOTDIR: { message: 'a part of the path is a file, not a folder', hint: 'Check the path.' },
  EACCES: {
    message: 'permission denied',
    hint: 'Run as a user who may read (or write) it, or change its permissions.',
  },
  EPERM: {
    message: 'the operating system does not permit it',
    hint: 'Run as a user who may, or choose another place.',
  },
  ENOSPC: { message: 'the disk is full', hint: 'Make room or choose a target on another disk; nothing was kept.' },
  EDQUOT: {
    message: 'the disk quota is used up',
    hint: 'Make room or choose a target on another disk; nothing was kept.',
  },
  EROFS: { message: 'the file system is read-only', hint: 'Choose a target on another disk.' },
  EIO: {
    message: 'the disk reports a read or write error',
    hint: 'The medium may be failing: copy the archive from another replica.',
  },
  ENAMETOOLONG: { message: 'the name is too long for this file system', hint: 'Choose a shorter path.' },
  ELOOP: { message: 'the links in the path go round in a circle', hint: 'Check the symbolic links of the path.' },
  EMFILE: {
    message: 'too many files are open',
    hint: 'Raise the limit of open files (ulimit -n) or close other programs.',
  },
  EBUSY: { message: 'it is in use by another program', hint: 'Close the program that uses it and try again.' },
  EXDEV: {
    message: 'the target lies on another disk than its folder',
    hint: 'Choose a target that is not a mount point.',
  },
};

function isDirectory(path: string): RestoreError {
  return new RestoreError({
    code: 'usage',
    stage: 'open',
    path,
    message: `${path} is a folder, not a file`,
    hint: 'Name one file, or the root of a pgBackRest repository for test-restore and inspect.',
  });
}

function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code);
}
