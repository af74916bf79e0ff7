import { open, rm } from 'node:fs/promises';
import { ioFailure } from '../../../engine/src/files/source.ts';
import { UsageError } from './arguments.ts';

/**
 * Writes files that only their owner can read, and that did not exist: all of them, or none.
 *
 * @throws UsageError when one is there already, RestoreError `io`
 */
export async function writeNewFiles(files: readonly { path: string; bytes: Uint8Array | string }[]): Promise<void> {
  const written: string[] = [];
  try {
    for (const { path, bytes } of files) {
      const handle = await open(path, 'wx', 0o600);
      written.push(path);
      try {
        await handle.writeFile(bytes);
      } finally {
        await handle.close();
      }
    }
  } catch (error) {
    for (const it of written) await rm(it, { force: true });
    const path = files[written.length - 1]?.path ?? files[0]!.path;
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      const existing = files[written.length]!.path;
      throw new UsageError(
        `${existing} exists already, and what it holds may be the only key to a backup`,
        'Choose another name, or move the old file away.',
      );
    }
    throw ioFailure(error, files[written.length]?.path ?? path, 'write');
  }
}
