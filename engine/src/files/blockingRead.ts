/**
 * Reading regular files in the thread that works on them. What is in the page cache, or read ahead by the system, is there
 * in the time of a copy, and still in the processor's cache when it is worked on; handing the read to another thread and
 * being told of it takes longer than that, and longer than AES takes for the bytes.
 */

import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** Fills the piece from this offset of the file on. @returns bytes read; 0 at the end */
export function readBlocking(handle: FileHandle, piece: Uint8Array, position: number): number | Promise<number> {
  return readSync(handle.fd, piece, 0, piece.length, position);
}

/** Lets the thread hear what it was told meanwhile: that a job is cancelled, above all. */
export function takeMessages(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
