/** The file that a job is about: looked at before anything is done, read with progress, `-` for standard input. */

import { read, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fail } from '../failure.ts';
import { type RunContext, throwIfCancelled } from '../run-context.ts';
import { refuseFolder } from './folder.ts';
import { ioFailure, type ReadOptions, readFile } from './source.ts';

export interface StoredFile {
  path: string;
  /** As it is named in messages and progress. */
  name: string;
  /** undefined for a pipe. */
  size: number | undefined;
  /** Can be read a second time. */
  isRepeatable: boolean;
  /** As `readFile`; what comes from standard input is the caller's in any case. */
  read(options?: Pick<ReadOptions, 'isLent'>): AsyncGenerator<Uint8Array, void, undefined>;
  /** The last bytes, for who needs them before the rest; undefined for a pipe. */
  tail(length: number): Promise<Uint8Array | undefined>;
  bytesRead(): number;
}

/**
 * @throws RestoreError `io` when it is not there or may not be read, `usage` for a folder (saying what kind it is),
 *   `truncated` when it is empty
 */
export async function openStored(path: string, context: RunContext, { mayBeEmpty = false } = {}): Promise<StoredFile> {
  let bytesRead = 0;
  const name = path === '-' ? 'standard input' : basename(path);
  const onBytes = (delta: number) => {
    bytesRead += delta;
    context.progress(name, delta);
  };
  if (path === '-') {
    return {
      path,
      name,
      size: undefined,
      isRepeatable: false,
      read: () => readStandardInput(context, onBytes),
      tail: async () => undefined,
      bytesRead: () => bytesRead,
    };
  }
  const found = await statOf(path);
  if (found.isDirectory()) await refuseFolder(path);
  const size = found.isFile() ? found.size : undefined;
  if (size === 0 && !mayBeEmpty) {
    fail('truncated', 'open', `${path} is empty`, {
      path,
      offset: 0,
      hint: 'An empty file is no backup: the program that should have written it failed, or a redirection made it before. Look at its log.',
    });
  }
  if (size !== undefined) context.expectBytes(size);
  return {
    path,
    name,
    size,
    isRepeatable: found.isFile(),
    read: (options) => readFile(path, { ...options, signal: context.signal, onBytes }),
    tail: (length) => tailOf(path, size, length),
    bytesRead: () => bytesRead,
  };
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    throw ioFailure(error, path, 'open');
  }
}

async function tailOf(path: string, size: number | undefined, length: number): Promise<Uint8Array | undefined> {
  if (size === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  const start = Math.max(0, size - length);
  for await (const piece of readFile(path, { start, length })) pieces.push(piece);
  return Buffer.concat(pieces);
}

const pieceBytes = 256 * 1024;

/** By its number, not as a stream: a worker thread has no stream for it that keeps the pace. */
async function* readStandardInput(
  context: RunContext,
  onBytes: (delta: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    throwIfCancelled(context.signal);
    const piece = Buffer.allocUnsafeSlow(pieceBytes);
    const bytesRead = await readSome(piece);
    if (bytesRead === 0) return;
    if (bytesRead < 0) {
      // A pipe that is set not to wait, and has nothing yet.
      await wait(10);
      continue;
    }
    onBytes(bytesRead);
    yield piece.subarray(0, bytesRead);
  }
}

function readSome(piece: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    read(0, piece, 0, piece.length, null, (error, bytesRead) => {
      if (!error) resolve(bytesRead);
      else if (error.code === 'EAGAIN') resolve(-1);
      else if (error.code === 'EOF') resolve(0);
      else reject(ioFailure(error, 'standard input', 'open'));
    });
  });
}
