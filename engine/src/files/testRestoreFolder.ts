/**
 * The test-restore of a folder whose files are one backup: a dump in the directory format, or what pg_basebackup wrote,
 * each of its files encrypted and compressed or not.
 */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteReader, collect, drain } from '../bytes.ts';
import { largestManifest, readBackupManifest } from '../contents/backupManifest.ts';
import { BasebackupCheck } from '../contents/basebackup.ts';
import { type CheckedContents, mapNote, written } from '../contents/checkContents.ts';
import type { DumpConsumer } from '../contents/pgDump.ts';
import { openDumpFiles } from '../contents/pgDumpFiles.ts';
import { readTar } from '../contents/tar.ts';
import { TarUnpacker, targetPath } from '../contents/unpackTar.ts';
import { counted } from '../counted.ts';
import { at, type Failure, fail, RestoreError } from '../failure.ts';
import type { TestRestoreJob } from '../job.ts';
import type { Report } from '../report.ts';
import { type RunContext, throwIfCancelled } from '../run-context.ts';
import { DirectorySink } from '../sinks/directory.ts';
import type { EncryptionLayer } from './encryptionLayer.ts';
import { judgeFile } from './fileVerdict.ts';
import { type Layers, type Unwrapped, withoutCompression } from './layers.ts';
import { plainName } from './plainName.ts';
import { layersFor, wrapped } from './restoredOutput.ts';
import { openStored } from './storedFile.ts';

export type BackupFolder = 'pg_dump directory' | 'pg_basebackup';

/** As `testRestoreFile`, for a folder that was recognised. */
export async function testRestoreFolder(
  job: TestRestoreJob,
  format: BackupFolder,
  context: RunContext,
  consumer?: DumpConsumer,
): Promise<Report> {
  const started = performance.now();
  const work = new FolderTest(job, { format, consumer }, context);
  await work.run();
  return work.report((performance.now() - started) / 1_000);
}

/** A file of the folder. */
interface Member {
  /** Below the folder, as it is stored. */
  stored: string;
  /** Below the folder, without the endings of encryption. */
  decrypted: string;
  /** Without the ending of its compression as well, where files are compressed one by one. */
  name: string;
  /** How many compressions its name tells of; contents may look compressed and be a relation or a large object. */
  compressions: number;
}

/** Below the target; `pg_tblspc/OID` are links to its folders, as in a restore from pgBackRest. */
const tablespaces = 'tablespaces';

class FolderTest {
  readonly #job: TestRestoreJob;
  readonly #format: BackupFolder;
  readonly #context: RunContext;
  readonly #consumer: DumpConsumer | undefined;
  #sink: DirectorySink | undefined;
  #contents: CheckedContents | undefined;
  #failure: Failure | undefined;
  #notes: string[] = [];
  #bytesRead = 0;
  #restored = 0;
  #restoredTo: string | null = null;
  readonly #encrypted: string[] = [];
  readonly #plain: string[] = [];
  /** One of each kind of layer: what it can prove holds for all of its kind only when every one of them does. */
  readonly #layers = new Map<string, EncryptionLayer>();
  readonly #keys = new Map<string, Report['keys'][number]>();
  readonly #tablespaces = new Set<string>();
  /** PostgreSQL's major version, for who wants to start it. */
  version: string | undefined;

  constructor(
    job: TestRestoreJob,
    { format, consumer }: { format: BackupFolder; consumer: DumpConsumer | undefined },
    context: RunContext,
  ) {
    this.#job = job;
    this.#format = format;
    this.#consumer = consumer;
    this.#context = context;
  }

  async run(): Promise<void> {
    try {
      if (this.#job.to !== undefined) this.#sink = await DirectorySink.create(this.#job.to);
      try {
        const members = await this.#list();
        this.#contents =
          this.#format === 'pg_dump directory' ? await this.#readDump(members) : await this.#readBasebackup(members);
        this.#failure = this.#contents.failure;
        this.#demandEncrypted();
      } catch (error) {
        if (!(error instanceof RestoreError) || ['usage', 'cancelled'].includes(error.failure.code)) throw error;
        if (error.failure.stage === 'write') throw error;
        this.#failure = error.failure;
      }
      throwIfCancelled(this.#context.signal);
      if (this.#sink && this.#failure === undefined) this.#restoredTo = await this.#sink.publish();
    } finally {
      await this.#sink?.discard();
    }
  }

  async #readDump(members: Member[]): Promise<CheckedContents> {
    const head = members.find((it) => it.name === 'toc.dat');
    if (!head)
      fail('incomplete', 'contents', 'the dump has no toc.dat', {
        hint: 'Without its table of contents the dump cannot be restored.',
      });
    const files = await this.#open(head, async ({ reader }) => openDumpFiles(reader, this.#consumer));
    // In its head, the directory format calls itself tar.
    if (files.toc.format === 'custom')
      fail('damaged', 'contents', `toc.dat is of a dump in the ${files.toc.format} format`, { path: head.stored });
    for (const member of members) {
      if (member === head) continue;
      await this.#open(member, ({ reader }) => files.file(member.name, reader.take(Number.POSITIVE_INFINITY)));
    }
    const checked = files.finish(`all ${members.length} files of its folder were read to their end`);
    // Rows end with a mark, a compression with its own; of these bytes nobody wrote down how many there are.
    const bare = members.filter((it) => it.compressions === 0 && /^blob_\d+\.dat$/.test(it.name));
    const [first] = bare;
    if (first === undefined) return checked;
    const because = `nothing shows whether ${counted(bare.length, 'large object')} stored without compression (${first.name}) came to the end`;
    return { ...checked, gap: { because, isClosedByEncryption: true } };
  }

  async #readBasebackup(members: Member[]): Promise<CheckedContents> {
    const check = new BasebackupCheck();
    const isPacked = members.some((it) => it.name === 'base.tar');
    const manifest = members.find((it) => it.name === 'backup_manifest');
    if (manifest) {
      await this.#open(manifest, async ({ reader }) => {
        const bytes = await collect(reader.take(Number.POSITIVE_INFINITY), largestManifest, () =>
          fail('hostile', 'contents', 'backup_manifest is larger than any manifest'),
        );
        check.useManifest(readBackupManifest(bytes));
      });
    }
    const unpacker = this.#sink && new TarUnpacker(this.#sink);
    for (const member of members) {
      if (member === manifest) continue;
      if (isPacked) await this.#readPacked(member, check, unpacker);
      else {
        await this.#open(member, ({ reader }) => check.file(member.name, reader.take(Number.POSITIVE_INFINITY)), {
          isKept: !this.#isMap(member.name),
        });
      }
    }
    this.#notes.push(...(unpacker?.finish() ?? []));
    this.version = check.version;
    return check.finish();
  }

  /** base.tar, pg_wal.tar and a tar for each tablespace, named by its OID. */
  async #readPacked(member: Member, check: BasebackupCheck, unpacker: TarUnpacker | undefined): Promise<void> {
    const [, tablespace] = /^(\d+)\.tar$/.exec(member.name) ?? [];
    const prefix = tablespace === undefined ? PARTS.get(member.name) : `pg_tblspc/${tablespace}/`;
    if (prefix === undefined) {
      this.#notes.push(`${member.stored} is no part of the backup and was not read.`);
      return;
    }
    const folder = (await this.#placeOf(prefix)).replace(/\/$/, '');
    const unpack = async ({ reader, kind }: Unwrapped) => {
      const isEmpty = (await reader.peek(512)).every((byte) => byte === 0);
      if (kind !== 'tar' && !isEmpty) fail('damaged', 'contents', `${member.stored} is no tar`, { offset: 0 });
      for await (const { member: packed, contents } of readTar(reader)) {
        const path = targetPath(packed);
        // A tablespace's link leads to where it lay; its own tar says where it lies now.
        const isLeftOut =
          this.#isMap(path, packed.size) || (packed.type === 'symlink' && path.startsWith('pg_tblspc/'));
        const writer = isLeftOut ? undefined : unpacker?.open(packed, folder);
        const read = writer ? written(contents, writer) : contents;
        if (packed.type === 'file') await check.file(`${prefix}${path}`, read);
      }
    };
    await this.#open(member, unpack, { isKept: false });
  }

  /** An empty one leads nowhere, and is in the manifest. */
  #isMap(path: string, size = Number.POSITIVE_INFINITY): boolean {
    if (path !== 'tablespace_map' || size === 0) return false;
    if (this.#sink) this.#notes.push(mapNote);
    return true;
  }

  /**
   * Opens all layers of a member and has its contents read; then the encryption is read to its proof.
   *
   * @param isKept the decrypted file goes to the target
   */
  async #open<T>(member: Member, use: (found: Unwrapped) => Promise<T>, { isKept = true } = {}): Promise<T> {
    const stored = await openStored(join(this.#job.archive, member.stored), this.#contextFor(member), {
      mayBeEmpty: true,
    });
    // What has no signature is no libsodium stream where the rest is plain: a relation, a large object.
    const isCertainlyPlain = this.#plain.length > 0 && member.stored === member.decrypted;
    const layers = layersFor({ ...this.#job, keys: isCertainlyPlain ? [] : this.#job.keys }, this.#context);
    try {
      const found = await layers.open(await wrapped(stored), {
        compressions: member.compressions,
        onPlain: async (plain) => {
          if (layers.encryption.length === 0) this.#plain.push(member.stored);
          const input = this.#counted(plain.take(Number.POSITIVE_INFINITY));
          return new ByteReader(isKept ? this.#writing(member, input) : input);
        },
      });
      const result = await use(found);
      await drain(found.reader.take(Number.POSITIVE_INFINITY));
      await layers.readToProof();
      return result;
    } catch (error) {
      throw at(member.stored, await this.#proven(error, layers));
    } finally {
      for (const it of layers.encryption) this.#remember(it);
      if (layers.encryption.length > 0) this.#encrypted.push(member.stored);
      this.#bytesRead += stored.bytesRead();
      await layers.close();
    }
  }

  /** Something is wrong in the contents: the encryption may know better, when it is read to its end. */
  async #proven(error: unknown, layers: Layers): Promise<unknown> {
    if (!(error instanceof RestoreError) || !['contents', 'decompress'].includes(error.failure.stage)) return error;
    if (!layers.hasProof || this.#context.signal.aborted) return error;
    return layers.readToProof().then(
      () => error,
      (later: unknown) => later,
    );
  }

  #remember(layer: EncryptionLayer): void {
    const known = this.#layers.get(layer.name);
    if (known) {
      known.isAuthenticated &&= layer.isAuthenticated;
      known.isKeyProven &&= layer.isKeyProven;
    } else {
      this.#layers.set(layer.name, { ...layer });
    }
    this.#keys.set(JSON.stringify(layer.key), layer.key);
    for (const note of layer.notes) if (!this.#notes.includes(note)) this.#notes.push(note);
  }

  /** Half a folder that is encrypted is a mistake of whoever made it, whether or not all of it should be. */
  #demandEncrypted(): void {
    const [first] = this.#plain;
    if (first === undefined) return;
    const expects = this.#job.expectEncrypted ?? (this.#job.keys.length > 0 || this.#encrypted.length > 0);
    if (!expects) return;
    const others = this.#encrypted.length > 0 ? ' while others are' : '';
    fail(
      'not-encrypted',
      'open',
      `${this.#plain.length} files of the backup are NOT encrypted${others}, the first is ${first}: everyone who gets them can read them`,
      {
        path: first,
        hint: 'Find out why they were not encrypted, and take the plain copies away. Without a key the contents alone are tested.',
      },
    );
  }

  async *#writing(
    { decrypted }: Member,
    input: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const writer = this.#sink?.file(Buffer.from(await this.#placeOf(decrypted)), { mode: 0o600 });
    yield* writer ? written(input, writer) : input;
  }

  /** Where a path of the data directory goes; makes a tablespace's folder and link at its first file. */
  async #placeOf(path: string): Promise<string> {
    const [, oid, rest] = /^pg_tblspc\/(\d+)\/(.*)$/.exec(path) ?? [];
    if (oid === undefined || this.#format !== 'pg_basebackup') return path;
    const folder = `${tablespaces}/${oid}`;
    if (this.#sink && !this.#tablespaces.has(oid)) {
      this.#tablespaces.add(oid);
      this.#sink.folder(Buffer.from(folder), 0o700);
      this.#sink.link(Buffer.from(`pg_tblspc/${oid}`), Buffer.from(`../${folder}`));
      this.#notes.push(`Tablespace ${oid} lies in ${folder} below the target.`);
    }
    return `${folder}/${rest}`;
  }

  async *#counted(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of input) {
      this.#restored += piece.length;
      yield piece;
    }
  }

  #contextFor({ stored }: Member): RunContext {
    // The whole was announced at once.
    return {
      ...this.#context,
      expectBytes: () => undefined,
      progress: (_, bytes) => this.#context.progress(stored, bytes),
    };
  }

  async #list(): Promise<Member[]> {
    const members: Member[] = [];
    let bytes = 0;
    const visit = async (folder: string): Promise<void> => {
      throwIfCancelled(this.#context.signal);
      const entries = await readdir(join(this.#job.archive, folder), { withFileTypes: true });
      for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const stored = folder === '' ? entry.name : `${folder}/${entry.name}`;
        // Links that PostgreSQL itself makes: a tablespace, and pg_wal on another disk. No other is followed.
        const isFollowed = entry.isSymbolicLink() && /^pg_tblspc\/\d+$|^pg_wal$/.test(stored);
        const found = isFollowed ? await stat(join(this.#job.archive, stored)) : entry;
        if (found.isDirectory()) {
          if (this.#format === 'pg_basebackup' && !/^pg_tblspc\/\d+$/.test(stored))
            this.#sink?.folder(Buffer.from((await this.#placeOf(`${stored}/`)).replace(/\/$/, '')), 0o700);
          await visit(stored);
        } else if (found.isFile()) {
          bytes += (await stat(join(this.#job.archive, stored))).size;
          members.push(memberOf(stored));
        } else {
          this.#notes.push(`${stored} is neither a file nor a folder and was not read.`);
        }
      }
    };
    await visit('');
    this.#context.expectBytes(bytes);
    // In a data directory, names mean what they say.
    const isData = this.#format === 'pg_basebackup' && !members.some((it) => it.name === 'base.tar');
    return isData ? members.map((it) => ({ ...it, name: it.decrypted, compressions: 0 })) : members;
  }

  report(seconds: number): Report {
    const layers = [...this.#layers.values()];
    const format = [...layers.map((it) => it.name), this.#format];
    const { verdict, because, failure } = judgeFile({
      encryption: layers,
      isPartOfBackup: false,
      format,
      isProven: this.#contents !== undefined,
      contents: this.#contents,
      failure: this.#failure,
    });
    const files = this.#contents?.files ?? {
      total: this.#plain.length + this.#encrypted.length,
      verified: 0,
      failed: [],
    };
    const failed = failure && files.failed.length === 0 ? [failedFile(failure)] : files.failed;
    return {
      archive: this.#job.archive,
      format: format.join(' > '),
      backup: null,
      keys: [...this.#keys.values()],
      verdict,
      because,
      files: { ...files, failed },
      bytes: { read: this.#bytesRead, restored: this.#restored },
      seconds,
      failure: failure ?? null,
      notes: [...this.#notes, ...(this.#contents?.notes ?? [])],
      restoredTo: this.#restoredTo,
    };
  }
}

/** Tars that pg_basebackup names itself, and where their members belong. */
const PARTS = new Map([
  ['base.tar', ''],
  ['pg_wal.tar', 'pg_wal/'],
]);

function memberOf(stored: string): Member {
  const decrypted = plainName(stored);
  let name = decrypted;
  let compressions = 0;
  for (let next = withoutCompression(name); next !== name; next = withoutCompression(name)) {
    name = next;
    compressions++;
  }
  return { stored, decrypted, name, compressions };
}

function failedFile({ path = '', code, offset, message }: Failure): Report['files']['failed'][number] {
  return { path, code, offset: offset ?? null, message };
}
