/**
 * Stands in for `node:fs` and `node:fs/promises` where there is no Node: a few files in memory, for one job. The engine's
 * worker puts the input in, and takes out what the job has published; nothing else is ever there.
 */

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
  /** @param position `null`: behind what was read last */
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number; buffer: Uint8Array }>;
  close(): Promise<void>;
}

/** For reading. */
export async function open(path: string): Promise<FileHandle> {
  const bytes = existing(path);
  let at = 0;
  return {
    stat: () => stat(path),
    async read(buffer, offset, length, position) {
      const start = position ?? at;
      const piece = bytes.subarray(start, start + length);
      buffer.set(piece, offset);
      at = start + piece.length;
      return { bytesRead: piece.length, buffer };
    },
    async close() {},
  };
}

export async function stat(path: string): Promise<Stats> {
  const { length } = existing(path);
  return { size: length, isFile: () => true, isDirectory: () => false };
}

export async function readdir(): Promise<string[]> {
  throw systemError('ENOTDIR');
}

export function existsSync(path: string): boolean {
  return files.has(path);
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
