/** Files of a browser are in memory. */

import type { FileHandle } from 'node:fs/promises';

export async function readBlocking(handle: FileHandle, piece: Uint8Array, position: number): Promise<number> {
  return (await handle.read(piece, 0, piece.length, position)).bytesRead;
}

export function takeMessages(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve);
  });
}
