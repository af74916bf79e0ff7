/** One backup from sentinel to verdict: its tars, those of the backups it is built on, and its WAL. */

import { shown } from '../../contents/tar.ts';
import { counted } from '../../counted.ts';
import { type Failure, RestoreError } from '../../failure.ts';
import type { TestRestoreJob } from '../../job.ts';
import type { Report } from '../../report.ts';
import { DirectorySink } from '../../sinks/directory.ts';
import { blankReport, fileFailure } from '../backupReport.ts';
import { Lanes } from '../pgbackrest/lanes.ts';
import { readControlFile } from '../pgbackrest/pgControl.ts';
import { describeRecords, type WalJudgement } from '../walProof.ts';
import type { WalgFolder } from './bucket.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { type ChainLink, type PlannedTar, planChain, readChain } from './chain.ts';
import { type Crew, openCrew } from './crew.ts';
import { DataDirectory, type KeptFile } from './dataDirectory.ts';
import { advised, type KeyAdvice, type KnownBackup } from './manifests.ts';
import { firstSegmentOf, lsnText, majorOf, parseLsn, segmentBytesOf, timelineOf } from './names.ts';
import { type BackupRecord, readRecord } from './sentinel.ts';
import { StorageTally } from './storageTally.ts';
import type { Opening } from './storedObject.ts';
import { controlFile, type FoundMember, labelFile, mapFile, type TarResult, versionFile } from './tarCheck.ts';
import type { WalArchive } from './walArchive.ts';
import { judge } from './walgReport.ts';
import { testWal, type WalResult } from './walTest.ts';

/** What the tests of all backups of an archive share. */
export interface OpenArchive {
  files: BucketFiles;
  folder: WalgFolder;
  opening: Opening;
  wal: WalArchive | undefined;
  /** What the manifests say of the backups, by WAL-G's names. */
  known: ReadonlyMap<string, KnownBackup>;
  /** What to do when no key opens something. */
  keyAdvice: KeyAdvice;
  notes: string[];
}

const mostFailures = 1000;
const smallTar = 4 * 1024 * 1024;
/** Recorded sizes count files; headers, padding and what a file grew meanwhile come on top. */
const spareBytes = 256 * 1024 * 1024;

/**
 * @throws RestoreError `cancelled`, and failures of stage `write`; whatever is wrong with the backup is in the report
 */
export async function testBackup(
  open: OpenArchive,
  name: string,
  job: TestRestoreJob,
  { isThrowAway = false }: { isThrowAway?: boolean } = {},
): Promise<Report> {
  const started = performance.now();
  const readBefore = open.files.bytesRead;
  const test = new BackupTest(open, name);
  let sink: DirectorySink | undefined;
  let restoredTo: string | null = null;
  try {
    const links = await test.plan();
    if (links && test.failures.length === 0 && job.to !== undefined) sink = await DirectorySink.create(job.to);
    if (links) await test.run(links, sink, job.wal === 'latest');
    if (sink && test.failures.length === 0) restoredTo = await sink.publish();
  } finally {
    if (restoredTo === null) await sink?.discard();
  }
  return {
    ...blankReport(job.archive, 'wal-g'),
    ...test.report(isThrowAway ? [] : test.directoryNotes),
    bytes: { read: open.files.bytesRead - readBefore, restored: test.bytes },
    seconds: (performance.now() - started) / 1000,
    restoredTo,
  };
}

class BackupTest {
  readonly #open: OpenArchive;
  readonly #name: string;
  readonly failures: Failure[] = [];
  readonly #notes: string[];
  readonly #storage = new StorageTally();
  #record: BackupRecord | undefined;
  #links: ChainLink[] = [];
  #tars = 0;
  #files = 0;
  #verified = 0;
  #isListed = false;
  #kept = new Map<string, KeptFile>();
  #wal: WalResult | undefined;
  #records: WalJudgement | undefined;
  /** Of the backup that is read: size of every file, for the increments on top of it. */
  #sizes = new Map<string, number>();
  bytes = 0;
  /** What a user must know of the files that were written. */
  directoryNotes: readonly string[] = [];

  constructor(open: OpenArchive, name: string) {
    this.#open = open;
    this.#name = name;
    this.#notes = [...open.notes];
  }

  /** undefined when the backup cannot be read at all; the failure is kept. */
  async plan(): Promise<ChainLink[] | undefined> {
    const { files, folder } = this.#open;
    const backups = folder.backups ?? '';
    const links = await this.#collect(async () => {
      const record = await readRecord(files, backups, this.#name);
      this.#record = record;
      for (const problem of record.problems) this.#fail(problem);
      if (record.isVolumeSnapshot) {
        this.#fail({
          code: 'incomplete',
          stage: 'contents',
          path: record.object,
          message: 'the data is in a volume snapshot, which is not in the bucket: only the WAL is archived here',
          hint: 'Restore it in the cluster, where StackGres finds the snapshot; or make a backup without useVolumeSnapshot.',
        });
        return undefined;
      }
      const chain = await readChain(files, backups, record);
      return planChain(files, backups, chain, (failure) => this.#fail(failure));
    });
    this.#links = links ?? [];
    return links;
  }

  async run(links: readonly ChainLink[], sink: DirectorySink | undefined, toNewest: boolean): Promise<void> {
    const { files, opening } = this.#open;
    const storedBytes = links.reduce((sum, it) => sum + it.storedBytes, 0);
    files.context.expectBytes(files.bytesRead + storedBytes + this.#walBytes(links));
    const crew = openCrew(files, opening, sink, storedBytes);
    const directory = sink && new DataDirectory(sink, links.at(-1)?.record.tablespaces ?? []);
    try {
      for (const link of links) await this.#checkBackup(link, crew, directory, link === links.at(-1));
      this.#checkWitnesses();
      await this.#checkWal(crew, toNewest);
    } finally {
      await crew.close();
    }
    if (directory && this.failures.length === 0) {
      directory.finish(this.#kept);
      this.directoryNotes = directory.notes;
    }
  }

  report(directoryNotes: readonly string[]): Partial<Report> {
    this.#notes.push(...directoryNotes);
    const [first = null] = this.failures;
    const wal = this.#wal;
    if (wal) for (const it of wal.storage.notes) this.#storage.notes.add(it);
    this.#noteWhatIsWorthKnowing();
    const keys = new Map([...this.#storage.keys, ...(wal?.storage.keys ?? [])].map((it) => [JSON.stringify(it), it]));
    const storage = this.#allStorage();
    return {
      backup: this.#description(),
      keys: [...keys.values()],
      ...judge({
        failures: this.failures,
        storage,
        files: this.#files,
        verified: this.#verified,
        tars: this.#tars,
        isListed: this.#isListed,
        wal: wal && { first: wal.first, last: wal.last, segments: wal.segments },
        hasEnd: this.#record?.finishLsn !== undefined,
        records: this.#records,
      }),
      files: {
        total: this.#files,
        verified: this.#verified,
        failed: this.failures.slice(0, mostFailures).map(fileFailure),
      },
      failure: first,
      notes: this.#notes,
    };
  }

  #allStorage(): StorageTally {
    const all = new StorageTally();
    for (const it of [this.#storage, this.#wal?.storage]) {
      if (!it) continue;
      all.objects += it.objects;
      all.encrypted += it.encrypted;
      all.unproven += it.unproven;
      for (const encryption of it.encryptions) all.encryptions.add(encryption);
      for (const compression of it.compressions) all.compressions.add(compression);
    }
    return all;
  }

  /** Reads all tars of one backup of the chain; those after the full one change what is there already. */
  async #checkBackup(
    link: ChainLink,
    crew: Crew,
    directory: DataDirectory | undefined,
    isNewest: boolean,
  ): Promise<void> {
    const { record, members } = link;
    const seen = new Map<string, FoundMember>();
    const broken = new Set<PlannedTar>();
    const recorded = record.uncompressedBytes;
    let allowance =
      recorded === undefined || recorded === 0n ? Number.MAX_SAFE_INTEGER : Number(recorded) * 1.25 + spareBytes;
    const wanted = members && [...members.keys()];
    const increments = members ? [...members].filter(([, it]) => it.isIncremented).map(([path]) => path) : [];
    const isDry = directory === undefined || this.failures.length > 0;
    const readTar = async (tar: PlannedTar, isShared: boolean): Promise<void> => {
      const listed = members && tar.listed?.filter((it) => members.has(it));
      const result = await this.#collect(() =>
        crew.run({
          kind: 'tar',
          object: tar.object,
          wanted: listed ?? wanted,
          increments: listed ? listed.filter((it) => members?.get(it)?.isIncremented) : increments,
          mayBeOpen: link.isRemote,
          limit: allowance,
          isShared,
          isDry: isDry || this.failures.length > 0,
        }),
      );
      this.#tars++;
      if (!result) {
        broken.add(tar);
        return;
      }
      allowance -= result.bytes;
      this.#storage.add(result.storage);
      this.#takeMembers(tar, result, { seen, members, isNewest, directory });
    };
    for (const tars of inGroups(link.tars)) {
      const storedBytes = tars.reduce((sum, it) => sum + it.storedBytes, 0);
      const lanes = new Lanes(storedBytes < smallTar ? 1 : crew.size);
      for (const tar of tars) await lanes.add(() => readTar(tar, tar === tars.at(-1)));
      await lanes.end();
    }
    this.#checkMembers(link, { seen, broken, isNewest });
    for (const { path, kind, bytes } of seen.values()) if (kind !== 'folder') this.#sizes.set(path, bytes);
  }

  #takeMembers(
    tar: PlannedTar,
    { members: found, kept, unlisted, links }: TarResult,
    context: {
      seen: Map<string, FoundMember>;
      members: ChainLink['members'];
      isNewest: boolean;
      directory: DataDirectory | undefined;
    },
  ): void {
    const { seen, members, isNewest, directory } = context;
    for (const it of kept) {
      // A label that lay in the data directory must not win over the one that the backup made.
      const isOwn = isNewest && (tar.isLast || !this.#kept.has(it.path));
      if (isOwn || it.path === versionFile) this.#kept.set(it.path, it);
    }
    for (const member of found) {
      const { path, kind } = member;
      if (path === controlFile || path === labelFile || path === mapFile) continue;
      const before = seen.get(path);
      if (before && !(kind === 'folder' && before.kind === 'folder')) {
        this.#fail({
          code: 'hostile',
          stage: 'contents',
          path: tar.object,
          message: `${shown(path)} is in the tars twice: which of them counts would be chance`,
          hint: 'WAL-G did not write this. Do not unpack it with other tools: find out who did.',
        });
        continue;
      }
      if (kind === 'increment') this.#checkIncrement(tar, member);
      seen.set(path, member);
      if (kind === 'folder') directory?.folder(path, member.mode);
      else {
        directory?.file(path);
        this.bytes += kind === 'file' ? member.bytes : 0;
      }
    }
    for (const it of links) {
      seen.set(it, { path: it, kind: 'file', bytes: 0, mode: 0 });
      this.#notes.push(`${shown(it)} was a symbolic link; WAL-G does not record where it led, and it is not restored.`);
    }
    if (unlisted.length > 0 && members && isNewest) {
      this.#refuseUnlisted(tar, unlisted, members);
    }
  }

  #refuseUnlisted({ object }: PlannedTar, unlisted: readonly string[], members: ReadonlyMap<string, unknown>): void {
    const names = `${unlisted.slice(0, 3).join(', ')}${unlisted.length > 3 ? ' and more' : ''}`;
    const isExchanged = unlisted.some((it) => members.has(it));
    this.#fail({
      code: isExchanged ? 'damaged' : 'incomplete',
      stage: 'contents',
      path: object,
      message: isExchanged
        ? `the tar holds ${names}, which belong into another one`
        : `the tar holds ${names}, which the backup's list of files does not have, or leaves to its base`,
      hint: isExchanged
        ? 'Tars were exchanged: copy the whole folder of the backup again.'
        : 'The list was changed, or is of another backup: copy files_metadata.json and the tars again. WAL-G would restore without these files and say nothing.',
    });
  }

  #checkIncrement(tar: PlannedTar, { path, bytes, coveredFrom }: FoundMember): void {
    const base = this.#sizes.get(path);
    const refuse = (code: 'incomplete' | 'damaged', message: string) =>
      this.#fail({ code, stage: 'chain', path: tar.object, message, hint: 'Copy the base of the delta again.' });
    if (base === undefined) {
      if (this.failures.length === 0)
        refuse('incomplete', `${shown(path)} holds only changed pages, and its base has no such file`);
    } else if (coveredFrom !== undefined && base < coveredFrom && base < bytes) {
      refuse(
        'damaged',
        `${shown(path)}: between byte ${base}, where the file of the base ends, and ${coveredFrom} pages are in neither`,
      );
    }
  }

  /** Every file that was listed must have come, from one of the tars. */
  #checkMembers(
    { record, members, tars }: ChainLink,
    { seen, broken, isNewest }: { seen: Map<string, FoundMember>; broken: Set<PlannedTar>; isNewest: boolean },
  ): void {
    if (isNewest) this.#isListed = members !== undefined;
    if (!members) {
      for (const it of seen.values()) if (it.kind !== 'folder') this.#files++;
      this.#verified = this.#files;
      return;
    }
    // A tar that could not be read has been reported; what is in it is not missing.
    const excused = new Set([...broken].flatMap((it) => it.listed ?? []));
    const isAnywhere = [...broken].some((it) => it.listed === undefined) || tars.length === 0;
    for (const path of members.keys()) {
      const found = seen.get(path);
      if (found?.kind === 'folder') continue;
      if (found) {
        if (found.kind === 'increment') continue;
        this.#files++;
        this.#verified++;
        continue;
      }
      this.#files++;
      if (excused.has(path) || isAnywhere || this.#isOfMissingTar(record, path)) continue;
      this.#fail({
        code: 'incomplete',
        stage: 'contents',
        path: `${record.name}/tar_partitions`,
        message: `${shown(path)} is listed in the backup, but in none of its tars`,
        hint: 'A tar was exchanged or cut: copy the whole backup again. WAL-G would restore without the file and say nothing.',
      });
    }
  }

  #isOfMissingTar(record: BackupRecord, _path: string): boolean {
    return this.failures.some((it) => it.stage === 'open' && it.path?.includes(`/${record.name}/tar_partitions/`));
  }

  /** The cluster's own files must be of the cluster that the sentinel names. */
  #checkWitnesses(): void {
    const record = this.#record;
    if (!record || this.failures.some((it) => it.stage !== 'wal')) return;
    const mixed = 'Objects of several backups were mixed: copy the folder of the backup and its sentinel again.';
    const refuse = (path: string, message: string, code: 'damaged' | 'incomplete' = 'damaged', hint = mixed) =>
      this.#fail({ code, stage: 'contents', path, message, hint });
    const control = this.#kept.get(controlFile);
    if (!control) {
      const hint = 'Copy pg_control.tar again. WAL-G only asks that one of pg_control and backup_label is there.';
      refuse(controlFile, 'the backup has no global/pg_control; PostgreSQL cannot start from it', 'incomplete', hint);
    } else {
      const found = readControlFile(Buffer.from(control.contents));
      const checkpoint = this.#labelLsn('CHECKPOINT LOCATION');
      const again = 'It is of another backup of this cluster: copy pg_control.tar again.';
      if (!found) refuse(controlFile, 'global/pg_control is no control file of PostgreSQL');
      else if (record.systemId !== undefined && found.systemId !== record.systemId) {
        refuse(controlFile, 'global/pg_control is of another cluster than the sentinel says');
      } else if (found.hasValidCrc === false) refuse(controlFile, 'global/pg_control does not match its own CRC');
      else if (checkpoint !== undefined && found.checkpoint < checkpoint) {
        const message = `the last checkpoint in global/pg_control, ${lsnText(found.checkpoint)}, is older than that of backup_label, ${lsnText(checkpoint)}`;
        refuse(controlFile, message, 'damaged', again);
      } else if (record.finishLsn !== undefined && found.checkpoint > record.finishLsn) {
        const message = `the last checkpoint in global/pg_control, ${lsnText(found.checkpoint)}, is later than the end of the backup, ${lsnText(record.finishLsn)}`;
        refuse(controlFile, message, 'damaged', again);
      }
    }
    const version = this.#kept.get(versionFile);
    const major = record.pgVersion === undefined ? undefined : majorOf(record.pgVersion);
    if (!version) refuse(versionFile, 'the backup has no PG_VERSION', 'incomplete');
    else if (major !== undefined && text(version).trim() !== major) {
      refuse(versionFile, `PG_VERSION is not ${major}, which the sentinel says`);
    }
    const label = this.#kept.get(labelFile);
    if (!label) {
      const hint = 'Copy backup_label.tar again: without it PostgreSQL would start from the wrong place of the WAL.';
      refuse(labelFile, 'the backup was made online but has no backup_label', 'incomplete', hint);
      return;
    }
    const [, start] = /^START WAL LOCATION: ([0-9A-F]+\/[0-9A-F]+) /m.exec(text(label)) ?? [];
    if (start === undefined) refuse(labelFile, 'backup_label does not say where the WAL starts');
    else if (record.startLsn !== undefined && start !== lsnText(record.startLsn)) {
      refuse(labelFile, `backup_label starts at ${start}, the sentinel at ${lsnText(record.startLsn)}`);
    }
    // On a standby, the name may be of another timeline than the label.
    const first = this.#firstSegment(record);
    if (first.slice(8) !== firstSegmentOf(record.name).slice(8)) {
      refuse(labelFile, `backup_label starts in WAL segment ${first}, the name ${record.name} says another one`);
    }
  }

  async #checkWal(crew: Crew, toNewest: boolean): Promise<void> {
    const record = this.#record;
    const { files, opening, wal, folder } = this.#open;
    if (!record) return;
    const start = this.#firstSegment(record);
    if (!wal) {
      this.#fail({
        code: 'incomplete',
        stage: 'wal',
        path: folder.wal ?? 'wal_005',
        message: `the WAL archive is missing; the backup needs its segments from ${start} on`,
        hint: 'Copy wal_005/ together with basebackups_005/.',
      });
      return;
    }
    const { finishLsn } = record;
    const control = this.#kept.get(controlFile);
    const systemId = record.isVolumeSnapshot
      ? undefined
      : (record.systemId ?? (control && readControlFile(Buffer.from(control.contents))?.systemId));
    const version = record.pgVersion === undefined ? undefined : majorOf(record.pgVersion);
    const segmentBytes = segmentBytesOf(record.name, record.startLsn);
    const range = {
      start,
      startLsn: record.startLsn ?? this.#labelLsn('START WAL LOCATION'),
      finishLsn,
      systemId,
      version,
      segmentBytes,
    };
    this.#wal = await testWal({ files, crew, opening, archive: wal }, range, toNewest);
    for (const failure of this.#wal.failures) this.#fail(failure);
    const label = this.#kept.get(labelFile);
    this.#records = this.#wal.proof.judge({ toNewest, label: label && text(label) });
    if (this.#records.failure) this.#fail(this.#records.failure);
    this.#notes.push(...this.#wal.notes, ...this.#records.notes);
  }

  #labelLsn(line: 'START WAL LOCATION' | 'CHECKPOINT LOCATION'): bigint | undefined {
    const label = this.#kept.get(labelFile);
    const [, lsn] = (label && new RegExp(`^${line}: ([0-9A-F]+/[0-9A-F]+)`, 'm').exec(text(label))) ?? [];
    return lsn === undefined ? undefined : parseLsn(lsn);
  }

  #firstSegment(record: BackupRecord): string {
    const label = this.#kept.get(labelFile);
    const [, inLabel] = (label && /^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)/m.exec(text(label))) ?? [];
    return inLabel ?? firstSegmentOf(record.name);
  }

  #walBytes(links: readonly ChainLink[]): number {
    const { wal, files } = this.#open;
    const record = links.at(-1)?.record;
    if (!wal || !record) return 0;
    const first = firstSegmentOf(record.name);
    const [stored] = wal.find(first);
    return stored ? files.size(stored.object) : 0;
  }

  #description(): Report['backup'] {
    const record = this.#record;
    if (!record) return { label: this.#name };
    const { folder, known } = this.#open;
    const { startLsn, finishLsn, uncompressedBytes, compressedBytes, systemId, pgVersion } = record;
    const storage = this.#allStorage();
    const { backup, cluster } = known.get(record.name) ?? {};
    return {
      label: record.name,
      type: record.delta ? 'delta' : 'full',
      ...(backup && { title: backup.title }),
      ...ownerOf(folder.clusters[0] ?? cluster),
      path: folder.prefix,
      startedAt: record.startedAt ?? null,
      stoppedAt: record.finishedAt ?? null,
      bytes: toJson(uncompressedBytes),
      storedBytes: toJson(compressedBytes),
      prior: record.delta?.from ?? null,
      references: this.#links.slice(0, -1).map((it) => it.record.name),
      isPermanent: record.isPermanent ?? null,
      postgresql: pgVersion === undefined ? null : majorOf(pgVersion),
      systemId: systemId === undefined ? null : String(systemId),
      timeline: timelineOf(record.name),
      startLsn: startLsn === undefined ? null : lsnText(startLsn),
      finishLsn: finishLsn === undefined ? null : lsnText(finishLsn),
      wal: this.#wal
        ? {
            start: this.#wal.first,
            stop: this.#wal.last,
            segments: this.#wal.segments,
            timeline: this.#wal.timeline,
            ...describeRecords(this.#records),
          }
        : { start: firstSegmentOf(record.name), stop: null, segments: null, timeline: timelineOf(record.name) },
      encryption: [...storage.encryptions],
      compression: [...storage.compressions],
    };
  }

  #noteWhatIsWorthKnowing(): void {
    const known = this.#open.known.get(this.#name);
    if (known) this.#notes.push(`The manifests call this backup ${known.backup.title}.`);
    if (known?.backup.flaw !== undefined)
      this.#notes.push(
        `They also say of it: ${known.backup.flaw}; StackGres restores from a backup that is Completed alone.`,
      );
    const { cluster, namespace } = ownerOf(this.#open.folder.clusters[0] ?? known?.cluster) ?? {};
    if (cluster !== undefined)
      this.#notes.push(
        `It is of the cluster ${cluster}${namespace === undefined ? '' : ` in the namespace ${namespace}`}.`,
      );
    this.#notes.push(...this.#storage.notes);
    const corrupt = this.#links.at(-1)?.corruptFiles ?? [];
    if (corrupt.length > 0) {
      this.#notes.push(
        `${counted(corrupt.length, 'file')} had pages with wrong checksums when the backup was made (${corrupt.slice(0, 3).join(', ')}${corrupt.length > 3 ? ', …' : ''}); they are restored as they were.`,
      );
    }
    if (this.#links.length > 1) {
      const chain = this.#links.map((it) => it.record.name).join(', ');
      this.#notes.push(`It is a delta; restored from ${chain}, in this order.`);
    }
  }

  async #collect<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RestoreError)) throw error;
      const { code, stage } = error.failure;
      // Only the disk stops the run; names that lead through what was restored before are the archive's fault.
      if (code === 'cancelled' || (stage === 'write' && code !== 'hostile')) throw error;
      this.#fail(error.failure);
      return undefined;
    }
  }

  #fail(failure: Failure): void {
    if (this.failures.length <= mostFailures) this.failures.push(advised(failure, this.#open.keyAdvice));
  }
}

/**
 * What is read together, in turn: small tars; large ones from the largest to the smallest, so that no thread is left alone
 * with a large one when the others have nothing to do; and what must come last.
 */
function inGroups(tars: readonly PlannedTar[]): PlannedTar[][] {
  const early = tars.filter((it) => !it.isLast).sort((a, b) => b.storedBytes - a.storedBytes);
  const isSmall = ({ storedBytes }: PlannedTar) => storedBytes < smallTar;
  return [early.filter(isSmall), early.filter((it) => !isSmall(it)), tars.filter((it) => it.isLast)];
}

/** `db/shop`, or `shop` where nobody says the namespace. */
function ownerOf(title: string | undefined): { namespace?: string; cluster: string } | undefined {
  if (title === undefined) return undefined;
  const [namespace = '', cluster] = title.split('/');
  return cluster === undefined ? { cluster: namespace } : { namespace, cluster };
}

function text({ contents }: KeptFile): string {
  return Buffer.from(contents).toString('latin1');
}

/** Sizes are numbers in reports; what a number cannot hold stays exact as text. */
function toJson(value: bigint | undefined): number | string | null {
  if (value === undefined) return null;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
}
