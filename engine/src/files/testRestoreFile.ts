/** The test-restore of a single file: every layer of encryption and compression is undone, and the contents are read to their end. */

import { ByteReader, count, drain, remembering } from '../bytes.ts';
import { type CheckedContents, checkContents, decompressStage } from '../contents/checkContents.ts';
import { sniff, sniffBytes } from '../contents/sniff.ts';
import { type Failure, fail, RestoreError } from '../failure.ts';
import type { TestRestoreJob } from '../job.ts';
import type { Report } from '../report.ts';
import { type RunContext, throwIfCancelled } from '../run-context.ts';
import { checkTarget, DirectorySink } from '../sinks/directory.ts';
import type { FileWriter } from '../sinks/sink.ts';
import { type EncryptionLayer, openEncryption } from './encryptionLayer.ts';
import { judgeFile } from './fileVerdict.ts';
import { plainName } from './plainName.ts';
import { openStored, type StoredFile } from './storedFile.ts';

/**
 * What is wrong with the archive is in the report; only what is wrong with the question, the target or the disk is thrown.
 * With `to` the decrypted file is written there under its name without `.gpg`, `.enc` and the like, when all is proven.
 *
 * @throws RestoreError `usage`, `io` (before anything was read, or while writing), `unsupported` for folders, `cancelled`
 */
export async function testRestoreFile(job: TestRestoreJob, context: RunContext): Promise<Report> {
  if (job.to !== undefined) await checkTarget(job.to);
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

/** More layers than any backup has: each is undone lazily, but a file made of layers only must end somewhere. */
const mostLayers = 8;

class FileTest {
  readonly job: TestRestoreJob;
  readonly #context: RunContext;
  readonly #format: string[] = [];
  readonly #encryption: EncryptionLayer[] = [];
  readonly #decrypted: { failure: () => unknown }[] = [];
  /** The end of all decryption, kept open so that it can be read to its proof. */
  #proof: ByteReader | undefined;
  #isProven = false;
  #plain: ByteReader | undefined;
  #contents: CheckedContents | undefined;
  #notes: string[] = [];
  #restored = 0;
  #restoredTo: string | null = null;
  #stored: StoredFile | undefined;
  failure: Failure | undefined;

  constructor(job: TestRestoreJob, context: RunContext) {
    this.job = job;
    this.#context = context;
  }

  async run(stored: StoredFile): Promise<void> {
    this.#stored = stored;
    const output = this.job.to === undefined ? undefined : new PlainFile(this.job.to, stored.name);
    const reader = new ByteReader(stored.read());
    try {
      try {
        await this.#read(reader, stored, output);
      } catch (error) {
        await this.#settle(error);
      }
      throwIfCancelled(this.#context.signal);
      if (output && this.failure === undefined) this.#restoredTo = await output.publish();
    } finally {
      await this.#proof?.close();
      await reader.close();
      for (const it of this.#encryption) it.wipe();
      await output?.discard();
    }
  }

  async #read(first: ByteReader, stored: StoredFile, output: PlainFile | undefined): Promise<void> {
    let reader = first;
    let name = stored.name;
    for (let depth = 0; ; depth++) {
      if (depth > mostLayers) {
        fail(
          'hostile',
          'contents',
          `more than ${mostLayers} layers of compression and encryption lie inside each other`,
          {
            hint: 'No backup is like that: do not unpack it.',
          },
        );
      }
      const isFile = depth === 0;
      const layer = await openEncryption(reader, {
        offers: this.job.keys,
        openssl: this.job.openssl,
        signal: this.#context.signal,
        isInner: this.#encryption.length > 0,
        ...(isFile && { size: stored.size, tail: await stored.tail(32) }),
      });
      if (layer) {
        this.#encryption.push(layer);
        this.#format.push(layer.name);
        const decrypted = remembering(layer.plain);
        this.#decrypted.push(decrypted);
        reader = new ByteReader(decrypted.stream);
        this.#proof = reader;
        name = plainName(name);
        continue;
      }
      if (isFile) this.#refusePlain();
      if (this.#plain === undefined) reader = await this.#plaintext(reader, name, output);
      const kind = sniff(await reader.peek(sniffBytes));
      const stage = await decompressStage(reader, kind, name);
      if (stage === undefined) {
        this.#format.push(kind ?? 'unknown');
        this.#contents = await checkContents(reader, kind);
        break;
      }
      this.#format.push(stage.name);
      reader = new ByteReader(stage.contents);
      name = name.replace(/\.(gz|lz4|zst|zstd|bz2|br)$/i, '');
    }
    await this.#readToProof();
  }

  /** What comes out of the decryption is counted, and goes to the file while the contents are checked. */
  async #plaintext(reader: ByteReader, name: string, output: PlainFile | undefined): Promise<ByteReader> {
    await output?.open(name);
    const input = reader.take(Number.POSITIVE_INFINITY);
    this.#plain = new ByteReader(
      count(output?.through(input) ?? input, (delta) => {
        this.#restored += delta;
      }),
    );
    if (this.#proof) this.#proof = this.#plain;
    return this.#plain;
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

  /** Formats whose contents end before the last byte leave the encryption's own end unread. */
  async #readToProof(): Promise<void> {
    if (this.#proof) await drain(this.#proof.take(Number.POSITIVE_INFINITY));
    const failed = this.#decrypted.map((it) => it.failure()).find((it) => it !== undefined);
    if (failed !== undefined) throw failed;
    this.#isProven = true;
  }

  /**
   * Something went wrong. If it was in the contents, the encryption is read to its end all the same: it may tell that the
   * file was changed, or that it was written like this.
   */
  async #settle(error: unknown): Promise<void> {
    if (!(error instanceof RestoreError) || this.#context.signal.aborted) throw error;
    if (['usage', 'cancelled'].includes(error.failure.code) || error.failure.stage === 'write') throw error;
    this.failure = error.failure;
    if (!isOfContents(error.failure) || this.#proof === undefined) return;
    try {
      await this.#readToProof();
    } catch (later) {
      if (!(later instanceof RestoreError) || later.failure.code === 'cancelled') throw later;
      this.failure = later.failure;
      return;
    }
    const isAuthentic = this.#encryption.some((it) => it.isAuthenticated);
    if (isAuthentic && error.failure.code !== 'unsupported') {
      this.#notes.push(
        'The encryption is intact to its end: the contents were already like this when they were encrypted.',
      );
    }
  }

  report(seconds: number): Report {
    const { verdict, because, failure } = judgeFile({
      encryption: this.#encryption,
      isPartOfBackup: /(?:^|[\\/])(?:part_\d+|pg_control)\.tar(?:\.\w+)?$/.test(this.job.archive),
      format: this.#format,
      isProven: this.#isProven,
      contents: this.#contents,
      failure: this.failure,
    });
    const read = this.#stored?.bytesRead() ?? 0;
    const contents = this.#contents;
    const files = contents?.files ?? { total: 1, verified: 0, failed: [] };
    return {
      archive: this.job.archive,
      format: this.#format.join(' > ') || 'unknown',
      backup: null,
      keys: this.#encryption.map((it) => it.key),
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
      notes: [...this.#encryption.flatMap((it) => it.notes), ...this.#notes, ...(contents?.notes ?? [])],
      restoredTo: this.#restoredTo,
    };
  }
}

function isOfContents({ stage }: Failure): boolean {
  return stage === 'contents' || stage === 'decompress';
}

/** The plaintext in the target folder. */
class PlainFile {
  #sink: DirectorySink | undefined;
  #writer: FileWriter | undefined;

  constructor(
    readonly target: string,
    readonly storedName: string,
  ) {}

  async open(name: string): Promise<void> {
    this.#sink = await DirectorySink.create(this.target);
    this.#writer = this.#sink.file(Buffer.from(name), { mode: 0o600 });
  }

  async *through(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of input) {
      this.#writer?.write(piece);
      yield piece;
    }
  }

  async publish(): Promise<string | null> {
    this.#writer?.finish();
    return (await this.#sink?.publish()) ?? null;
  }

  async discard(): Promise<void> {
    this.#writer?.abandon();
    await this.#sink?.discard();
  }
}
