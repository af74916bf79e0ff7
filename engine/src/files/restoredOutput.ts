/** What a test-restore of one file leaves in the target: the decrypted file, or for a tar what was packed in it. */

import { join } from 'node:path';
import { ByteReader } from '../bytes.ts';
import { TarUnpacker } from '../contents/unpackTar.ts';
import { RestoreError } from '../failure.ts';
import type { TestRestoreJob } from '../job.ts';
import { quietContext, type RunContext } from '../run-context.ts';
import { DirectorySink } from '../sinks/directory.ts';
import { type EncryptionLayer, tailBytes } from './encryptionLayer.ts';
import { Layers, type Wrapped } from './layers.ts';
import { type StagedFile, stageFile } from './stagedFile.ts';
import { openStored, type StoredFile } from './storedFile.ts';

export type RestoredOutput = PlainFile | UnpackedTar;

/** Looks inside first: a tar is unpacked, everything else is kept as the file that was encrypted. A pipe cannot be looked into. */
export async function outputFor(
  target: string,
  stored: StoredFile,
  job: TestRestoreJob,
  context: RunContext,
): Promise<RestoredOutput> {
  const isTar = stored.isRepeatable && (await kindOf(job, context)) === 'tar';
  return isTar ? UnpackedTar.create(target) : new PlainFile(target);
}

export function layersFor(job: TestRestoreJob, { signal }: RunContext): Layers {
  const { keys, openssl, mostExpansion, allowUnauthenticated, allowCostly } = job;
  return new Layers({ keys, openssl, mostExpansion, allowUnauthenticated, allowCostly, signal });
}

export async function wrapped(stored: StoredFile): Promise<Wrapped> {
  return {
    reader: new ByteReader(stored.read()),
    name: stored.name,
    size: stored.size,
    tail: await stored.tail(tailBytes),
    bytesRead: () => stored.bytesRead(),
  };
}

/** undefined as well for what cannot be opened: the test itself will say why. */
async function kindOf(job: TestRestoreJob, { signal }: RunContext): Promise<string | undefined> {
  const context = quietContext(signal);
  const layers = layersFor(job, context);
  try {
    const stored = await openStored(job.archive, context);
    return (await layers.open(await wrapped(stored))).kind;
  } catch (error) {
    if (error instanceof RestoreError && error.failure.code !== 'cancelled') return undefined;
    throw error;
  } finally {
    await layers.close();
  }
}

/**
 * The plaintext in the target folder, under its name without `.gpg`, `.enc` and the like. As with `decrypt`, what its
 * encryption proves only at the end lies on the disk sealed until everything is proven.
 */
export class PlainFile {
  readonly target: string;
  #sink: DirectorySink | undefined;
  #file: StagedFile | undefined;

  constructor(target: string) {
    this.target = target;
  }

  async through(
    input: AsyncIterable<Uint8Array>,
    name: string,
    encryption: readonly EncryptionLayer[],
  ): Promise<AsyncIterable<Uint8Array>> {
    this.#sink = await DirectorySink.create(this.target);
    const place = join(this.#sink.staging.folder, name);
    this.#file = await stageFile(place, false, join(this.target, name));
    if (!encryption.every((it) => it.isAuthenticAtOnce)) this.#file.seal();
    return writing(input, this.#file);
  }

  async publish(): Promise<string | null> {
    await this.#file?.publish();
    return (await this.#sink?.publish()) ?? null;
  }

  async discard(): Promise<void> {
    await this.#file?.discard();
    await this.#sink?.discard();
  }
}

/** Passes the bytes on and writes them. */
async function* writing(
  input: AsyncIterable<Uint8Array>,
  file: StagedFile,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of input) {
    await file.write(piece);
    yield piece;
  }
}

/**
 * What is in the tar, file by file. Nothing of this is sealed: an unfinished tree lies below a folder that only its owner may
 * enter and whose name begins with a dot, and gets its name when everything is proven.
 */
export class UnpackedTar {
  readonly unpacker: TarUnpacker;
  readonly #sink: DirectorySink;

  private constructor(sink: DirectorySink) {
    this.#sink = sink;
    this.unpacker = new TarUnpacker(sink);
  }

  static async create(target: string): Promise<UnpackedTar> {
    return new UnpackedTar(await DirectorySink.create(target));
  }

  publish(): Promise<string> {
    return this.#sink.publish();
  }

  discard(): Promise<void> {
    return this.#sink.discard();
  }
}
