/** As `stagedFile.ts`, in memory: what is not published never leaves the worker. */

import { putFile } from '../web/files.ts';
import type { StagedFile } from './stagedFile.ts';

export type { StagedFile } from './stagedFile.ts';

/** Whether a file may be replaced was asked before: it is the editor that writes it. */
export async function stageFile(path: string): Promise<StagedFile> {
  let pieces: Uint8Array[] = [];
  const discard = async () => {
    for (const it of pieces) it.fill(0);
    pieces = [];
  };
  return {
    // Nothing of this is on a disk.
    seal() {},
    async write(bytes) {
      // Whoever gave them may fill the same memory again.
      pieces.push(new Uint8Array(bytes));
    },
    async publish() {
      const whole = new Uint8Array(pieces.reduce((length, it) => length + it.length, 0));
      let at = 0;
      for (const it of pieces) {
        whole.set(it, at);
        at += it.length;
      }
      putFile(path, whole);
      await discard();
    },
    discard,
  };
}
