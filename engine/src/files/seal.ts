/**
 * What is written before it is proven lies on the disk encrypted: with a key that exists in memory only, so that nothing
 * but noise is left when the proof fails, the program is killed, or the power goes.
 */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ioFailure } from './source.ts';

const algorithm = 'aes-256-ctr';
const pieceBytes = 256 * 1024;

/** One key for one file. AES in counter mode: every byte keeps its place. */
export class Seal {
  readonly #key = randomBytes(32);
  readonly #start = randomBytes(16);
  readonly #cipher = createCipheriv(algorithm, this.#key, this.#start);

  /** What goes to the disk for the next bytes of the plaintext; a fresh array. */
  close(plain: Uint8Array): Uint8Array {
    return this.#cipher.update(plain);
  }

  /** The plaintext of what `close` gave, from its beginning on. */
  opener(): (sealed: Uint8Array) => Uint8Array {
    const decipher = createDecipheriv(algorithm, this.#key, this.#start);
    return (sealed) => decipher.update(sealed);
  }

  wipe(): void {
    this.#key.fill(0);
  }
}

/** Puts the plaintext into the file in place of what was sealed. */
export async function unsealInPlace(handle: FileHandle, seal: Seal): Promise<void> {
  const open = seal.opener();
  let writing: Promise<void> = Promise.resolve();
  for await (const { place, piece } of pieces(handle)) {
    const plain = open(piece);
    // The disk works on one piece while the next one is read.
    await writing;
    writing = writeAll(handle, plain, place);
    writing.catch(() => undefined);
  }
  await writing;
}

/** Holds bytes outside of memory until somebody wants to have them, or nobody does. */
export interface SealedSpool {
  write(bytes: Uint8Array): Promise<void>;
  /** All that was written, from the beginning. */
  read(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Nothing is left. */
  discard(): Promise<void>;
}

/**
 * In the system's folder for temporary files, without a name there where the system permits that.
 *
 * @throws RestoreError `io`
 */
export async function openSpool(): Promise<SealedSpool> {
  const path = join(tmpdir(), `restorable-${randomBytes(8).toString('hex')}`);
  const seal = new Seal();
  let handle: FileHandle;
  try {
    handle = await open(path, 'wx+', 0o600);
  } catch (error) {
    throw ioFailure(error, path, 'write');
  }
  // An open file has no need of a name; on Windows it keeps it to its end.
  await rm(path, { force: true }).catch(() => undefined);
  let length = 0;
  return {
    async write(bytes) {
      try {
        await writeAll(handle, seal.close(bytes), length);
        length += bytes.length;
      } catch (error) {
        throw ioFailure(error, `${tmpdir()} (the folder for temporary files)`, 'write');
      }
    },
    async *read() {
      const open = seal.opener();
      for await (const { piece } of pieces(handle)) yield open(piece);
    },
    async discard() {
      seal.wipe();
      await handle.close();
      await rm(path, { force: true });
    },
  };
}

/** Each piece is a view that the next one overwrites. */
async function* pieces(handle: FileHandle): AsyncGenerator<{ place: number; piece: Uint8Array }, void, undefined> {
  const piece = Buffer.allocUnsafeSlow(pieceBytes);
  for (let place = 0; ; ) {
    const { bytesRead } = await handle.read(piece, 0, pieceBytes, place);
    if (bytesRead === 0) return;
    yield { place, piece: piece.subarray(0, bytesRead) };
    place += bytesRead;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, place: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, place + done)).bytesWritten;
  }
}
