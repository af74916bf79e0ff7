/** The test-restore of a single file: every layer of encryption and compression is undone, and the contents are read to their end. */

import { stat } from 'node:fs/promises';
import { ByteReader, count } from '../bytes.ts';
import type { ManifestAlgorithm } from '../contents/backupManifest.ts';
import { type CheckedContents, checkContents } from '../contents/checkContents.ts';
import { type Failure, fail, RestoreError } from '../failure.ts';
import type { TestRestoreJob } from '../job.ts';
import type { Report } from '../report.ts';
import { quietContext, type RunContext, throwIfCancelled } from '../run-context.ts';
import { checkTarget } from '../sinks/directory.ts';
import { judgeFile } from './fileVerdict.ts';
import { recogniseFolder } from './folder.ts';
import type { Layers } from './layers.ts';
import { layersFor, outputFor, PlainFile, type RestoredOutput, UnpackedTar, wrapped } from './restoredOutput.ts';
import { startFile } from './startFile.ts';
import { openStored, type StoredFile } from './storedFile.ts';
import { testRestoreFolder } from './testRestoreFolder.ts';

/**
 * What is wrong with the archive is in the report; only what is wrong with the question, the target or the disk is thrown.
 * With `to` the decrypted file is written there under its name without `.gpg`, `.enc` and the like, when all is proven;
 * a tar is unpacked. A folder that holds one backup is tested as one.
 *
 * @throws RestoreError `usage`, `io` (before anything was read, or while writing), `unsupported` for other folders, `cancelled`
 */
export async function testRestoreFile(job: TestRestoreJob, context: RunContext): Promise<Report> {
  const report = await restoreOnce(job, context);
  if (!job.start || report.failure) return report;
  return startFile(report, job, context, (again) => restoreOnce(again, quietContext(context.signal)));
}

async function restoreOnce(job: TestRestoreJob, context: RunContext): Promise<Report> {
  if (job.to !== undefined) await checkTarget(job.to);
  const found = await stat(job.archive).catch(() => undefined);
  if (found?.isDirectory()) {
    const folder = await recogniseFolder(job.archive);
    if (folder.format === 'pg_dump directory' || folder.format === 'pg_basebackup')
      return testRestoreFolder(job, folder.format, context);
  }
  const started = performance.now();
  const stored = await openStored(job.archive, context).catch((error: unknown) => {
    if (error instanceof RestoreError && error.failure.code === 'truncated') return error;
    throw error;
  });
  const work = new FileTest(job, context);
  if (stored instanceof RestoreError) work.failure = stored.failure;
  else await work.run(stored);
  return work.report((performance.now() - started) / 1_000);
}

class FileTest {
  readonly job: TestRestoreJob;
  readonly #context: RunContext;
  readonly #layers: Layers;
  readonly #sums: readonly ManifestAlgorithm[] | undefined;
  #contents: CheckedContents | undefined;
  #notes: string[] = [];
  #restored = 0;
  #restoredTo: string | null = null;
  #stored: StoredFile | undefined;
  failure: Failure | undefined;

  constructor(job: TestRestoreJob, context: RunContext, sums?: readonly ManifestAlgorithm[]) {
    this.job = job;
    this.#context = context;
    this.#sums = sums;
    this.#layers = layersFor(job, context);
  }

  async run(stored: StoredFile): Promise<void> {
    this.#stored = stored;
    const output =
      this.job.to === undefined ? undefined : await outputFor(this.job.to, stored, this.job, this.#context);
    try {
      try {
        await this.#read(stored, output);
        await this.#readAgain();
      } catch (error) {
        await this.#settle(error);
      }
      throwIfCancelled(this.#context.signal);
      if (output && this.failure === undefined) this.#restoredTo = await output.publish();
    } finally {
      await this.#layers.close();
      await output?.discard();
    }
  }

  async #read(stored: StoredFile, output: RestoredOutput | undefined): Promise<void> {
    const { reader, kind } = await this.#layers.open(await wrapped(stored), {
      onPlain: async (plain, name) => {
        if (this.#layers.encryption.length === 0) this.#refusePlain();
        const input = plain.take(Number.POSITIVE_INFINITY);
        const written =
          output instanceof PlainFile ? await output.through(input, name, this.#layers.encryption) : input;
        return new ByteReader(
          count(written, (delta) => {
            this.#restored += delta;
          }),
        );
      },
    });
    this.#contents = await checkContents(reader, kind, {
      unpacker: output instanceof UnpackedTar ? output.unpacker : undefined,
      sums: this.#sums,
    });
    this.failure = this.#contents.failure;
    await this.#layers.readToProof();
  }

  /**
   * A backup in one stream says at its end which checksums its files have: unusual ones are made in a second reading. What
   * comes through a pipe is gone by then.
   */
  async #readAgain(): Promise<void> {
    const { unmadeSums } = this.#contents ?? {};
    const { archive } = this.job;
    if (unmadeSums === undefined || this.failure || archive === '-' || !(await stat(archive)).isFile()) return;
    const { to: _, ...job } = this.job;
    const again = new FileTest(job, quietContext(this.#context.signal), [unmadeSums]);
    await again.run(await openStored(archive, quietContext(this.#context.signal)));
    this.failure = again.failure;
    this.#contents = again.#contents;
    this.#notes.push(`It was read twice: the manifest with ${unmadeSums} checksums comes at its end.`);
  }

  #refusePlain(): void {
    if (!(this.job.expectEncrypted ?? this.job.keys.length > 0)) return;
    fail(
      'not-encrypted',
      'open',
      'the file is NOT encrypted, although a key was offered for it: everyone who gets it can read it',
      {
        offset: 0,
        hint: 'Find out why the backup was not encrypted (a key without a method, a misspelt variable), and take the plain copies away. Without a key the contents alone are tested.',
      },
    );
  }

  /**
   * Something went wrong. If it was in the contents, the encryption is read to its end all the same: it may tell that the
   * file was changed, or that it was written like this.
   */
  async #settle(error: unknown): Promise<void> {
    if (!(error instanceof RestoreError) || this.#context.signal.aborted) throw error;
    if (['usage', 'cancelled'].includes(error.failure.code) || error.failure.stage === 'write') throw error;
    this.failure = error.failure;
    if (!isOfContents(error.failure) || !this.#layers.hasProof) return;
    try {
      await this.#layers.readToProof();
    } catch (later) {
      if (!(later instanceof RestoreError) || later.failure.code === 'cancelled') throw later;
      this.failure = later.failure;
      return;
    }
    const isAuthentic = this.#layers.encryption.some((it) => it.isAuthenticated);
    if (isAuthentic && error.failure.code !== 'unsupported') {
      this.#notes.push(
        'The encryption is intact to its end: the contents were already like this when they were encrypted.',
      );
    }
  }

  report(seconds: number): Report {
    const { verdict, because, failure } = judgeFile({
      encryption: this.#layers.encryption,
      isPartOfBackup: /(?:^|[\\/])(?:part_\d+|pg_control)\.tar(?:\.\w+)?$/.test(this.job.archive),
      format: this.#layers.format,
      isProven: this.#layers.isProven,
      contents: this.#contents,
      failure: this.failure,
    });
    const read = this.#stored?.bytesRead() ?? 0;
    const contents = this.#contents;
    const files = contents?.files ?? { total: 1, verified: 0, failed: [] };
    return {
      archive: this.job.archive,
      format: this.#layers.format.join(' > ') || 'unknown',
      backup: null,
      keys: this.#layers.encryption.map((it) => it.key),
      verdict,
      because,
      files:
        failure && files.failed.length === 0
          ? {
              ...files,
              verified: 0,
              failed: [
                {
                  path: this.#stored?.name ?? this.job.archive,
                  code: failure.code,
                  offset: failure.offset ?? null,
                  message: failure.message,
                },
              ],
            }
          : files,
      bytes: { read, restored: this.#restored },
      seconds,
      failure: failure ?? null,
      notes: [...this.#layers.encryption.flatMap((it) => it.notes), ...this.#notes, ...(contents?.notes ?? [])],
      restoredTo: this.#restoredTo,
    };
  }
}

function isOfContents({ stage }: Failure): boolean {
  return stage === 'contents' || stage === 'decompress';
}
