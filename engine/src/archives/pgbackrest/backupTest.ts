/** One backup from manifest to verdict: every file, every backup it refers to, and its WAL. */

import { type Failure, fail, RestoreError } from '../../failure.ts';
import type { TestRestoreJob } from '../../job.ts';
import type { Report } from '../../report.ts';
import { DirectorySink } from '../../sinks/directory.ts';
import { blankReport, fileFailure } from '../backupReport.ts';
import { describeRecords, type WalJudgement } from '../walProof.ts';
import type { BackupEntry } from './backupInfo.ts';
import { readable, toByteText } from './byteText.ts';
import { controlFile, DataDirectory, labelFile, versionFile } from './dataDirectory.ts';
import { walObjectBytes } from './expectedBytes.ts';
import { mostFailures, noResults } from './fileCheck.ts';
import { openCrew, ReadyThreads } from './fileCrew.ts';
import { type FileEntry, loadManifest, type Manifest, manifestFiles, manifestName } from './manifest.ts';
import type { OpenStanza } from './openStanza.ts';
import { readControlFile } from './pgControl.ts';
import { judge } from './repositoryReport.ts';
import { type Selection, selectionOf } from './selection.ts';
import { checkWal, type WalResult } from './walCheck.ts';

/**
 * @throws RestoreError `cancelled`, and failures of stage `write`; whatever is wrong with the backup is in the report
 */
export async function testBackup(
  open: OpenStanza,
  entry: BackupEntry,
  job: TestRestoreJob,
  { isThrowAway = false } = {},
): Promise<Report> {
  const started = performance.now();
  const readBefore = open.files.bytesRead;
  const test = new BackupTest(open, entry, job);
  let sink: DirectorySink | undefined;
  let restoredTo: string | null = null;
  try {
    const manifest = await test.openManifest();
    if (manifest && test.failures.length === 0 && job.to !== undefined) sink = await DirectorySink.create(job.to);
    if (manifest) await test.run(manifest, sink, { isThrowAway });
    if (sink && test.failures.length === 0) restoredTo = await sink.publish();
  } finally {
    await test.close();
    if (restoredTo === null) await sink?.discard();
  }
  return {
    ...blankReport(job.archive, 'pgbackrest'),
    ...test.report(),
    bytes: { read: open.files.bytesRead - readBefore, restored: test.bytesRestored },
    seconds: (performance.now() - started) / 1000,
    restoredTo,
  };
}

class BackupTest {
  readonly #open: OpenStanza;
  readonly #entry: BackupEntry;
  readonly #job: TestRestoreJob;
  readonly failures: Failure[] = [];
  #notes: string[];
  #problems: Failure[];
  #manifest: Manifest | undefined;
  #results = noResults();
  #wal: WalResult | undefined;
  #records: WalJudgement | undefined;
  #walWork: Promise<WalResult> | undefined;
  #threads: ReadyThreads | undefined;

  #selection: Selection | undefined;
  /** Files that were chosen to be restored. */
  #chosen = 0;

  constructor(open: OpenStanza, entry: BackupEntry, job: TestRestoreJob) {
    this.#open = open;
    this.#entry = entry;
    this.#job = job;
    this.#notes = [...open.notes];
    this.#problems = [...open.problems];
  }

  /** undefined when it cannot be read; the failure is kept. */
  async openManifest(): Promise<Manifest | undefined> {
    const { files, stanza, backups } = this.#open;
    this.#threads = ReadyThreads.for(this.#entry.size);
    await this.#collect(async () => {
      this.#manifest = await loadManifest(files, { stanza, label: this.#entry.label, pass: backups.pass }, (failure) =>
        this.#problems.push(failure),
      );
    });
    const manifest = this.#manifest;
    if (!manifest) {
      await this.#explainMissingManifest();
      return undefined;
    }
    if (this.#open.isEncrypted && !manifest.pass) {
      this.#fail({
        code: 'damaged',
        stage: 'key',
        path: manifest.object,
        message: 'it is encrypted but holds no pass for the files',
      });
    }
    await this.#checkChain(manifest);
    return manifest;
  }

  /** @param how.isThrowAway nobody will see the data directory: where it has what is not worth a note */
  async run(
    manifest: Manifest,
    sink: DirectorySink | undefined,
    { isThrowAway }: { isThrowAway: boolean },
  ): Promise<void> {
    const { files } = this.#open;
    // The manifest is read once more, for its files.
    const manifestBytes = (await files.size(manifest.object)) ?? 0;
    this.#selection = selectionOf(manifest, this.#job.parts);
    const walBytes = this.#selection?.isSingleFiles ? 0 : await walObjectBytes(files, manifest, this.#job.wal);
    files.expect(manifestBytes + manifest.files.storedBytes + walBytes);
    const directory = sink && new DataDirectory(sink, manifest);
    if (this.#selection?.isSingleFiles) {
      await this.#checkFiles(manifest, sink, directory);
      if (this.#chosen === 0) fail('usage', 'open', 'no file of the backup matches', { hint: 'Ask for other files.' });
      if (this.failures.length === 0) directory?.finishSingleFiles(this.#results.kept);
      return;
    }
    await directory?.prepare(this.#job.places);
    await this.#checkFiles(manifest, sink, directory);
    this.#checkWitnesses(manifest);
    await this.#checkWal(manifest);
    if (directory && this.failures.length === 0) {
      directory.finish(this.#results.kept, new Date());
      if (!isThrowAway) this.#notes.push(...directory.notes);
    }
  }

  report(): Partial<Report> {
    const manifest = this.#manifest;
    const [first = null] = this.failures;
    const failed = [...this.failures, ...this.#problems];
    for (const problem of this.#problems) {
      this.#notes.push(`${problem.path}: ${problem.message}; its copy or original was used.`);
    }
    if (failed.length > mostFailures) {
      this.#notes.push(`More than ${mostFailures} things are wrong; the first ${mostFailures} are listed.`);
    }
    this.#noteWhatIsWorthKnowing();
    const files = this.#selection ? this.#chosen : (manifest?.files.count ?? 0);
    return {
      format: 'pgbackrest',
      backup: this.#description(),
      keys: this.#keys(),
      ...judge({
        isEncrypted: this.#open.isEncrypted,
        failures: this.failures,
        files,
        verified: this.#results.verified,
        wal: this.#wal,
        records: this.#records,
        chosen: this.#selection?.description,
      }),
      files: { total: files, verified: this.#results.verified, failed: failed.slice(0, mostFailures).map(fileFailure) },
      failure: first,
      notes: this.#notes,
    };
  }

  get bytesRestored(): number {
    return this.#results.bytes;
  }

  async close(): Promise<void> {
    await this.#threads?.close();
    this.#manifest?.pass?.wipe();
  }

  async #checkFiles(
    manifest: Manifest,
    sink: DirectorySink | undefined,
    directory: DataDirectory | undefined,
  ): Promise<void> {
    const { files, backups } = this.#open;
    const crew = await openCrew(files, manifest, sink, this.#threads);
    try {
      await this.#collect(async () => {
        for await (const batch of manifestFiles(files, manifest, backups.pass)) {
          await crew.check(this.#choose(batch, directory));
        }
      });
      // Threads are at work on the files: this one has time for the WAL.
      this.#walWork = this.#startOnWal(manifest);
      this.#results = await crew.end();
      for (const failure of this.#results.failures) this.#fail(failure);
    } finally {
      await crew.close();
      await this.#walWork?.catch(() => undefined);
    }
  }

  /** Those to restore; holes are made at once. */
  #choose(batch: FileEntry[], directory: DataDirectory | undefined): FileEntry[] {
    const selection = this.#selection;
    if (!selection) return batch;
    const chosen: FileEntry[] = [];
    for (const entry of batch) {
      const choice = selection.choose(entry.name);
      if (choice === 'restore') chosen.push(entry);
      else if (choice === 'hole') directory?.writeHole(entry);
    }
    this.#chosen += chosen.length;
    return chosen;
  }

  /** Every backup that holds data of this one must be listed and there. */
  async #checkChain(manifest: Manifest): Promise<void> {
    const { files, stanza, backups } = this.#open;
    for (const label of new Set([...manifest.references, ...this.#entry.references])) {
      if (label === manifest.label) continue;
      const isListed = backups.backups.some((it) => it.label === label);
      const folder = `backup/${stanza}/${label}`;
      if (isListed && (await files.list(folder)) !== undefined) continue;
      this.#fail({
        code: 'incomplete',
        stage: 'chain',
        reason: isListed ? 'missing-reference' : 'expired-reference',
        path: readable(folder),
        message: `backup ${manifest.label} needs data of ${label}, which ${isListed ? 'is missing' : 'was expired or deleted'}`,
        hint: 'Copy the whole set of backups, from its full backup on; a deleted one cannot be replaced, make a new full backup.',
      });
    }
  }

  async #explainMissingManifest(): Promise<void> {
    const [failure] = this.failures;
    if (failure?.code !== 'incomplete') return;
    const { files, stanza } = this.#open;
    const folder = `backup/${stanza}/${this.#entry.label}`;
    const isThere = (await files.list(folder)) !== undefined;
    this.failures[0] = {
      code: 'incomplete',
      stage: 'chain',
      reason: isThere ? 'unfinished-backup' : 'part-of-repository',
      path: readable(isThere ? manifestName(stanza, this.#entry.label) : folder),
      message: isThere
        ? `backup ${this.#entry.label} has no manifest: it was not finished, or not copied completely`
        : `the folder of backup ${this.#entry.label} is missing, although backup.info lists it`,
      hint: 'Copy the whole repository again, or test another backup.',
    };
  }

  /** The cluster's own files must be of the cluster that the manifest names. One that failed has said so already. */
  #checkWitnesses(manifest: Manifest): void {
    const { database, wal } = manifest;
    const refuse = (path: string, message: string, code: 'damaged' | 'incomplete' = 'damaged') =>
      this.#fail({ code, stage: 'contents', path, message });
    const find = (name: string) => this.#results.kept.find((it) => it.entry.name === name);
    const contents = (name: string) => find(name)?.contents;
    if (!find(controlFile)) {
      refuse(controlFile, 'the backup has no global/pg_control; PostgreSQL cannot start from it', 'incomplete');
    }
    const control = contents(controlFile);
    if (control) {
      const found = readControlFile(Buffer.from(control));
      if (!found) refuse(controlFile, 'global/pg_control is no control file of PostgreSQL');
      else if (found.systemId !== database.systemId) refuse(controlFile, 'global/pg_control is of another cluster');
      else if (found.catalogVersion !== database.catalogVersion || found.controlVersion !== database.controlVersion) {
        refuse(controlFile, 'global/pg_control is of another PostgreSQL version than the manifest says');
      } else if (found.hasValidCrc === false) refuse(controlFile, 'global/pg_control does not match its own CRC');
    }
    const version = contents(versionFile);
    if (version && toByteText(version).trim() !== database.version) {
      refuse(versionFile, 'PG_VERSION is not the version that the manifest says');
    }
    if (!wal) return;
    if (!find(labelFile)) refuse(labelFile, 'the backup was made online but has no backup_label', 'incomplete');
    const label = contents(labelFile);
    if (label && !toByteText(label).includes(`(file ${wal.start})`)) {
      refuse(labelFile, `backup_label does not start at WAL segment ${wal.start}`);
    }
  }

  async #checkWal(manifest: Manifest): Promise<void> {
    if (!manifest.isOnline) {
      this.#notes.push('The backup was made while PostgreSQL was stopped: it needs no WAL.');
      return;
    }
    const { archive, files } = this.#open;
    if (!manifest.wal) {
      this.#fail({
        code: 'incomplete',
        stage: 'wal',
        path: readable(manifest.object),
        message: 'the manifest does not say which WAL makes the backup consistent',
      });
    } else if ('code' in archive) {
      const isMissing = archive.code === 'incomplete';
      this.#fail({
        ...archive,
        stage: 'wal',
        ...(isMissing && { reason: 'part-of-repository' }),
        message: isMissing
          ? `the WAL archive is missing; the backup needs its segments ${manifest.wal.start} to ${manifest.wal.stop}`
          : archive.message,
        hint: isMissing ? 'Copy archive/ of the repository together with backup/.' : archive.hint,
      });
    } else {
      this.#wal = await (this.#walWork ?? checkWal(files, manifest, archive, this.#job.wal));
      this.#notes.push(...(this.#wal.followed?.notes ?? []));
      for (const failure of this.#wal.failures) this.#fail(failure);
      this.#judgeRecords(this.#wal);
    }
  }

  #judgeRecords({ proof }: WalResult): void {
    const label = this.#results.kept.find((it) => it.entry.name === labelFile)?.contents;
    this.#records = proof.judge({ toNewest: this.#job.wal === 'latest', label: label && toByteText(label) });
    this.#notes.push(...this.#records.notes);
    if (this.#records.failure) this.#fail(this.#records.failure);
  }

  /** undefined where there is none to read; what is wrong with that is for `#checkWal` to say. */
  #startOnWal(manifest: Manifest): Promise<WalResult> | undefined {
    const { archive, files } = this.#open;
    if (!manifest.wal || 'code' in archive || this.#selection?.isSingleFiles) return undefined;
    const work = checkWal(files, manifest, archive, this.#job.wal);
    // Whoever waits for it hears of it; until then it must not end the process.
    work.catch(() => undefined);
    return work;
  }

  #description(): Report['backup'] {
    const { label, type, version, prior, references, startedAt, stoppedAt, size, annotations } = this.#entry;
    const manifest = this.#manifest;
    return {
      label,
      type,
      stanza: readable(this.#open.stanza),
      startedAt: new Date(startedAt * 1000).toISOString(),
      stoppedAt: new Date(stoppedAt * 1000).toISOString(),
      bytes: size,
      prior: prior ?? null,
      references,
      pgbackrest: version,
      postgresql: manifest?.database.version ?? null,
      cipher: this.#open.isEncrypted ? 'aes-256-cbc' : 'none',
      compression: manifest?.compression ?? null,
      isBundled: manifest?.isBundled ?? null,
      isBlockIncremental: manifest?.hasBlockFiles ?? null,
      wal: manifest?.wal
        ? {
            ...manifest.wal,
            segments: this.#wal?.segments ?? null,
            ...describeRecords(this.#records),
            ...this.#describeFollowed(),
          }
        : null,
      annotations: Object.fromEntries(annotations),
    };
  }

  #describeFollowed(): Record<string, unknown> {
    const followed = this.#wal?.followed;
    if (!followed) return {};
    const { timeline, switches, newest, newestAt, gaps } = followed;
    return { newest: newest ?? null, newestAt: newestAt ?? null, timeline, switches, gaps };
  }

  #keys(): Report['keys'] {
    if (!this.#manifest?.pass) return this.#open.keys;
    const { label, references } = this.#manifest;
    const opens = `the files of the set ${references[0] ?? label}`;
    return [...this.#open.keys, { source: `${label}/backup.manifest, [cipher]`, fingerprint: null, opens }];
  }

  #noteWhatIsWorthKnowing(): void {
    if (this.#results.withPageErrors > 0) {
      this.#notes.push(
        `${this.#results.withPageErrors} files had pages with wrong checksums when the backup was made; they are restored as they were.`,
      );
    } else if (this.#entry.hasPageErrors) {
      this.#notes.push('pgBackRest found page checksum errors when the backup was made.');
    }
    const { current } = this.#open.backups;
    if (this.#entry.databaseId < current.id) {
      this.#notes.push(
        `The stanza was upgraded since (now PostgreSQL ${current.version}): pgbackrest restores this backup only by its label.`,
      );
    }
  }

  async #collect(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#keep(error);
    }
  }

  /** Keeps what is wrong with the archive; what stops the whole run goes on. */
  #keep(error: unknown): void {
    if (!(error instanceof RestoreError)) throw error;
    if (error.failure.code === 'cancelled' || error.failure.stage === 'write') throw error;
    this.#fail(error.failure);
  }

  #fail(failure: Failure): void {
    if (this.failures.length <= mostFailures) this.failures.push(failure);
  }
}
