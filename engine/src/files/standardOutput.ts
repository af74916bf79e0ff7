import { write } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { throwIfCancelled } from '../run-context.ts';
import { ioFailure } from './source.ts';

/**
 * Writes to standard output by its number: in a worker thread `process.stdout` hands everything to the main thread and
 * does not wait for it.
 *
 * @throws RestoreError `io` when the reader has gone, `cancelled`
 */
export async function writeStandardOutput(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  let start = 0;
  while (start < bytes.length) {
    throwIfCancelled(signal);
    const written = await writeSome(bytes.subarray(start));
    // A pipe that is set not to wait, and is full.
    if (written < 0) await wait(5);
    else start += written;
  }
}

function writeSome(bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(1, bytes, 0, bytes.length, null, (error, written) => {
      if (!error) resolve(written);
      else if (error.code === 'EAGAIN') resolve(-1);
      else reject(ioFailure(error, 'standard output', 'write'));
    });
  });
}
