/**
 * A file that gets its name only when it is whole: written beside it as `.NAME.restorable-…` with mode 0600, then renamed.
 * What is proven only at its end lies there sealed until it is.
 */

import { randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fail, RestoreError } from '../failure.ts';
import { Seal, unsealInPlace } from './seal.ts';
import { ioFailure } from './source.ts';

export interface StagedFile {
  /** Nothing was written yet: until `publish`, what is written lies on the disk encrypted, with a key in memory only. */
  seal(): void;
  /** The bytes must stay as they are until the next call has returned. What fails may come out with that. */
  write(bytes: Uint8Array): Promise<void>;
  /** @throws RestoreError `usage` when the name was taken meanwhile, `io` */
  publish(): Promise<void>;
  /** Removes what was written; harmless after `publish`. */
  discard(): Promise<void>;
}

const longestShown = 200;

/**
 * @param overwrite whether a file of that name is replaced, at the very end
 * @param shownAs its path in messages, where it lies below something that is not finished either
 * @throws RestoreError `usage` when the name is taken by a file that may not be replaced, or by a folder; `io`
 */
export async function stageFile(path: string, overwrite: boolean, shownAs = path): Promise<StagedFile> {
  await refuseTaken(path, overwrite, shownAs);
  const name = basename(path);
  // Where the name is as long as a name may be, there is no room for more.
  const shown = Buffer.byteLength(name) <= longestShown ? name : '';
  const staging = join(dirname(path), `.${shown}.restorable-${randomBytes(6).toString('hex')}`);
  let handle: FileHandle | undefined;
  let seal: Seal | undefined;
  try {
    handle = await open(staging, 'wx+', 0o600);
  } catch (error) {
    throw ioFailure(error, shownAs, 'write');
  }
  // The disk works on one piece while the next one is made; what goes wrong comes out with that.
  let writing: Promise<{ error: unknown } | undefined> = Promise.resolve(undefined);
  const written = async () => {
    const failed = await writing;
    if (failed) throw ioFailure(failed.error, shownAs, 'write');
  };
  const close = async () => {
    await writing;
    await handle?.close();
    handle = undefined;
    seal?.wipe();
  };
  return {
    seal() {
      seal ??= new Seal();
    },
    async write(bytes) {
      const stored = seal ? seal.close(bytes) : bytes;
      await written();
      if (handle)
        writing = writeAll(handle, stored).then(
          () => undefined,
          (error: unknown) => ({ error }),
        );
    },
    async publish() {
      await written();
      try {
        if (seal && handle) await unsealInPlace(handle, seal);
        // The name must never stand for a file that a power cut leaves empty.
        await handle?.sync();
        await close();
        if (overwrite) await rename(staging, path);
        else await renameWithoutReplacing(staging, path, shownAs);
      } catch (error) {
        throw ioFailure(error, shownAs, 'write');
      }
    },
    async discard() {
      await close().catch(() => undefined);
      await rm(staging, { force: true });
    },
  };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let start = 0; start < bytes.length; ) start += (await handle.write(bytes, start)).bytesWritten;
}

async function refuseTaken(path: string, overwrite: boolean, shownAs: string): Promise<void> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw ioFailure(error, shownAs, 'write');
  });
  if (stat === undefined) return;
  if (stat.isDirectory())
    fail('usage', 'write', `${shownAs} is a folder`, { path: shownAs, hint: 'Name the file that is to be written.' });
  if (!overwrite) refuse(shownAs);
}

/** A second name for the file fails where the name is taken, a rename does not; some file systems have no second names. */
async function renameWithoutReplacing(staging: string, path: string, shownAs: string): Promise<void> {
  try {
    await link(staging, path);
    await rm(staging, { force: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') refuse(shownAs);
    if (error instanceof RestoreError || code === 'ENOENT') throw error;
    await refuseTaken(path, false, shownAs);
    await rename(staging, path);
  }
}

function refuse(path: string): never {
  fail('usage', 'write', `${path} exists already`, {
    path,
    hint: 'Choose another name, or say --force to replace it.',
  });
}
