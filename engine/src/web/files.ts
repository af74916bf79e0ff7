/**
 * Stands in for `node:fs` and `node:fs/promises` where there is no Node: a few files in memory, for one job. The engine's
 * worker puts the input in, and takes out what the job has given a name; nothing else is ever there.
 */

import { Buffer } from 'buffer';

const files = new Map<string, Uint8Array>();

/** Takes the bytes over. */
export function putFile(path: string, bytes: Uint8Array): void {
  files.set(path, bytes);
}

/** Takes a file out; undefined when nothing got that name. */
export function takeFile(path: string): Uint8Array | undefined {
  const bytes = files.get(path);
  files.delete(path);
  return bytes;
}

/** Overwrites whatever is left. */
export function wipeFiles(): void {
  for (const it of files.values()) it.fill(0);
  files.clear();
}

export interface Stats {
  size: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

export interface FileHandle {
  stat(): Promise<Stats>;
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number; buffer: Uint8Array }>;
  write(bytes: Uint8Array, start: number): Promise<{ bytesWritten: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** @param flags `r`, or `wx` for a new file */
export async function open(path: string, flags: string): Promise<FileHandle> {
  if (flags === 'wx') {
    if (files.has(path)) throw systemError('EEXIST');
    files.set(path, new Uint8Array(0));
  } else existing(path);
  let at = 0;
  /** Longer than the file, so that it does not move with every piece. */
  let memory = new Uint8Array(0);
  return {
    stat: () => stat(path),
    async read(buffer, offset, length, position) {
      const start = position ?? at;
      const piece = existing(path).subarray(start, start + length);
      buffer.set(piece, offset);
      at = start + piece.length;
      return { bytesRead: piece.length, buffer };
    },
    async write(bytes, start) {
      const piece = bytes.subarray(start);
      if (at + piece.length > memory.length) {
        const larger = new Uint8Array(Math.max(at + piece.length, memory.length * 2));
        larger.set(memory.subarray(0, at));
        memory.fill(0);
        memory = larger;
      }
      memory.set(piece, at);
      at += piece.length;
      files.set(path, memory.subarray(0, at));
      return { bytesWritten: piece.length };
    },
    async sync() {},
    async close() {},
  };
}

export async function stat(path: string): Promise<Stats> {
  const { length } = existing(path);
  return { size: length, isFile: () => true, isDirectory: () => false };
}

export const lstat = stat;

export async function readFile(path: string): Promise<Buffer> {
  return Buffer.from(existing(path));
}

export async function readdir(): Promise<string[]> {
  throw systemError('ENOTDIR');
}

export async function link(from: string, to: string): Promise<void> {
  if (files.has(to)) throw systemError('EEXIST');
  files.set(to, existing(from));
}

export async function rename(from: string, to: string): Promise<void> {
  files.set(to, existing(from));
  files.delete(from);
}

/** What has another name by now stays. */
export async function rm(path: string): Promise<void> {
  const bytes = files.get(path);
  files.delete(path);
  if (bytes && ![...files.values()].includes(bytes)) bytes.fill(0);
}

/** By number there is only standard input, which a browser has not. */
export function read(..._arguments: unknown[]): void {
  throw systemError('EBADF');
}

export const write = read;

function existing(path: string): Uint8Array {
  const bytes = files.get(path);
  if (!bytes) throw systemError('ENOENT');
  return bytes;
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
