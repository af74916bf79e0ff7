/** Builds small repositories by the grammar of the format, so that tests can make them lie. Not how pgBackRest does it. */

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { crc32c } from '../../engine/src/archives/pgbackrest/pgControl.ts';
import { testRestoreRepository } from '../../engine/src/archives/pgbackrest/repository.ts';
import { once } from '../../engine/src/bytes.ts';
import { lsnText, segmentName } from '../../engine/src/contents/walRecords.ts';
import { encryptPgbackrest } from '../../engine/src/crypto/pgbackrest.ts';
import type { KeyOffer, TestRestoreJob } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { Secret } from '../../engine/src/secret.ts';
import { all } from './pieces.ts';
import { wholeSegment } from './walSegments.ts';

export const systemId = 7710732156905849906n;
export const full = '20260101-120000F';
export const incr = '20260101-120000F_20260102-120000I';
export const repositoryPass = 'the pass of a repository that exists only in this test';

type Json = unknown;
export type Sections = Record<string, Record<string, Json>>;

export interface BuildOptions {
  isEncrypted?: boolean;
  /** Changes what the manifest of a backup says before its checksum is computed. */
  manifest?: (sections: Sections, label: string, root: string) => void | Promise<void>;
  backupInfo?: (sections: Sections) => void;
  archiveInfo?: (sections: Sections) => void;
  format?: number;
  version?: string;
  withIncremental?: boolean;
  compression?: 'gz' | 'none';
  /** Of the backup, and what follows it; else three small segments. */
  wal?: {
    segments: Record<string, Uint8Array>;
    start: bigint;
    stop: bigint;
    /** Behind the first line of backup_label. */
    label?: string;
    histories?: Record<string, Uint8Array>;
  };
}

/** A folder that is removed when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'restorable-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The text of an info file with its checksum. */
export function infoText(sections: Sections, format = 5, version = '2.45'): string {
  const all: Sections = { backrest: { 'backrest-format': format, 'backrest-version': version }, ...sections };
  const names = Object.keys(all).filter((it) => Object.keys(all[it] ?? {}).length > 0);
  const hashed = names
    .map(
      (name) =>
        `${JSON.stringify(name)}:{${lines(all[name] ?? {}).map(([key, value]) => `${JSON.stringify(key)}:${value}`)}}`,
    )
    .join(',');
  const text = names.map(
    (name) =>
      `[${name}]\n${lines(all[name] ?? {})
        .map(([key, value]) => `${key}=${value}\n`)
        .join('')}`,
  );
  return `${text.join('\n')}\n[backrest]\nbackrest-checksum="${sha1(`{${hashed}}`)}"\n`;
}

/** A repository with one stanza, a full backup, and (when asked) an incremental one that refers to it. */
export async function buildRepository(options: BuildOptions = {}): Promise<string> {
  const root = temporaryFolder();
  const isEncrypted = options.isEncrypted ?? true;
  const compression = options.compression ?? 'gz';
  const passes = isEncrypted ? { archive: randomPass(), backup: randomPass(), files: randomPass() } : undefined;
  const store = (contents: Uint8Array, pass: string | undefined) =>
    pass === undefined ? Promise.resolve(contents) : all(encryptPgbackrest(once(contents), Secret.fromText(pass)));
  const write = (name: string, bytes: Uint8Array) => {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), bytes);
  };
  const writeInfo = async (name: string, sections: Sections, pass: string | undefined) => {
    const text = infoText(sections, options.format, options.version);
    const stored = await store(Buffer.from(text), pass);
    write(name, stored);
    write(`${name}.copy`, stored);
  };
  const repoPass = isEncrypted ? repositoryPass : undefined;
  const cipher = (pass: string | undefined): Sections =>
    pass === undefined ? {} : { cipher: { 'cipher-pass': pass } };
  const pack = (contents: Uint8Array) => (compression === 'gz' ? gzipSync(contents) : contents);

  const archiveInfo: Sections = {
    ...cipher(passes?.archive),
    db: { 'db-id': 1, 'db-system-id': systemId, 'db-version': '15' },
    'db:history': { 1: { 'db-id': systemId, 'db-version': '15' } },
  };
  options.archiveInfo?.(archiveInfo);
  await writeInfo('archive/demo/archive.info', archiveInfo, repoPass);
  const wal = options.wal ?? usualWal();
  const place = { timeline: 1, segmentBytes: 2 ** 20 };
  const [firstSegment, lastSegment] = [segmentName(wal.start, place), segmentName(wal.stop - 1n, place)];
  for (const [segment, contents] of Object.entries(wal.segments)) {
    const name = `archive/demo/15-1/${segment.slice(0, 16)}/${segment}-${sha1(contents)}${compression === 'gz' ? '.gz' : ''}`;
    write(name, await store(pack(contents), passes?.archive));
  }

  for (const [name, contents] of Object.entries(wal.histories ?? {}))
    write(`archive/demo/15-1/${name}`, await store(contents, passes?.archive));

  const current: Record<string, Json> = {};
  const labels = options.withIncremental ? [full, incr] : [full];
  for (const label of labels) {
    const isFull = label === full;
    const files: Record<string, { contents: Buffer; mode?: string; reference?: string }> = {
      'pg_data/PG_VERSION': { contents: Buffer.from('15\n'), ...(isFull ? {} : { reference: full }) },
      'pg_data/backup_label': {
        contents: Buffer.from(`START WAL LOCATION: ${lsnText(wal.start)} (file ${firstSegment})\n${wal.label ?? ''}`),
      },
      'pg_data/base/1/1255': { contents: Buffer.alloc(8192, 'page'), ...(isFull ? {} : { reference: full }) },
      'pg_data/base/1/a=b': { contents: Buffer.from(`changed in ${label}`) },
      'pg_data/base/1/empty': { contents: Buffer.alloc(0) },
      'pg_data/global/pg_control': { contents: controlFile() },
      'pg_data/postgresql.auto.conf': { contents: Buffer.from("work_mem = '4MB'\n"), mode: '0640' },
    };
    const entries: Record<string, Json> = {};
    for (const [name, { contents, mode, reference }] of Object.entries(files)) {
      const stored = await store(pack(contents), passes?.files);
      if (!reference) write(`backup/demo/${label}/${name}${compression === 'gz' ? '.gz' : ''}`, stored);
      entries[name] = {
        ...(contents.length > 0 ? { checksum: sha1(contents) } : {}),
        ...(mode ? { mode } : {}),
        ...(reference || compression === 'none' ? {} : { rck: sha1(stored) }),
        ...(reference ? { reference } : {}),
        ...(stored.length === contents.length ? {} : { 'repo-size': stored.length }),
        size: contents.length,
        timestamp: 1_767_268_800,
      };
      if (reference)
        (entries[name] as Record<string, Json>)['repo-size'] = sizeOf(root, `backup/demo/${reference}/${name}`);
    }
    const manifest: Sections = {
      backup: {
        'backup-archive-start': firstSegment,
        'backup-archive-stop': lastSegment,
        'backup-label': label,
        'backup-lsn-start': lsnText(wal.start),
        'backup-lsn-stop': lsnText(wal.stop),
        ...(isFull ? {} : { 'backup-prior': full }),
        'backup-reference': isFull ? full : `${full},${incr}`,
        'backup-timestamp-start': 1_767_268_800,
        'backup-timestamp-stop': 1_767_268_801,
        'backup-type': isFull ? 'full' : 'incr',
      },
      'backup:db': {
        'db-catalog-version': 202209061,
        'db-control-version': 1300,
        'db-id': 1,
        'db-system-id': systemId,
        'db-version': '15',
      },
      'backup:option': { 'option-compress-type': compression, 'option-online': true },
      'backup:target': { pg_data: { path: '/var/lib/postgresql/15/main', type: 'path' } },
      ...cipher(passes?.files),
      'target:file': entries,
      'target:file:default': { group: 'postgres', mode: '0600', user: 'postgres' },
      'target:path': {
        pg_data: {},
        'pg_data/base': {},
        'pg_data/base/1': {},
        'pg_data/global': {},
        'pg_data/pg_wal': {},
      },
      'target:path:default': { group: 'postgres', mode: '0700', user: 'postgres' },
    };
    await options.manifest?.(manifest, label, root);
    await writeInfo(`backup/demo/${label}/backup.manifest`, manifest, passes?.backup);
    current[label] = {
      'backrest-format': 5,
      'backrest-version': '2.45',
      'backup-archive-start': firstSegment,
      'backup-info-size': 10_000,
      ...(isFull ? {} : { 'backup-prior': full, 'backup-reference': [full] }),
      'backup-timestamp-start': 1_767_268_800,
      'backup-timestamp-stop': 1_767_268_801,
      'backup-type': isFull ? 'full' : 'incr',
      'db-id': 1,
    };
  }
  const backupInfo: Sections = {
    'backup:current': current,
    ...cipher(passes?.backup),
    db: {
      'db-catalog-version': 202209061,
      'db-control-version': 1300,
      'db-id': 1,
      'db-system-id': systemId,
      'db-version': '15',
    },
    'db:history': {
      1: { 'db-catalog-version': 202209061, 'db-control-version': 1300, 'db-system-id': systemId, 'db-version': '15' },
    },
  };
  options.backupInfo?.(backupInfo);
  await writeInfo('backup/demo/backup.info', backupInfo, repoPass);
  return root;
}

/** Offers a pass as a configuration file would. */
export function passOffer(pass: string | Uint8Array = repositoryPass, more: Partial<KeyOffer> = {}): KeyOffer {
  const bytes = typeof pass === 'string' ? Buffer.from(pass) : Buffer.from(pass);
  return { kind: 'pgbackrest-pass', source: 'repo1-cipher-pass in pgbackrest.conf', bytes, ...more };
}

export function testRestore(archive: string, job: Partial<TestRestoreJob> = {}): Promise<Report[]> {
  return testRestoreRepository({ kind: 'test-restore', archive, keys: [passOffer()], ...job }, quietContext());
}

/** For one backup: its report. */
export async function testOne(archive: string, job: Partial<TestRestoreJob> = {}): Promise<Report> {
  const [report] = await testRestore(archive, job);
  if (!report) throw new Error('there is no report');
  return report;
}

/** All objects of a repository, relative to its root. */
export function objectsOf(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((it) => statSync(path.join(root, it)).isFile())
    .sort();
}

export function sha1(contents: string | Uint8Array): string {
  return createHash('sha1').update(contents).digest('hex');
}

export function controlFile(): Buffer {
  const bytes = Buffer.alloc(8192);
  bytes.writeBigUInt64LE(systemId, 0);
  bytes.writeUInt32LE(1300, 8);
  bytes.writeUInt32LE(202209061, 12);
  bytes.writeBigUInt64LE(0x2000060n, 32);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 288)), 288);
  return bytes;
}

function usualWal(): NonNullable<BuildOptions['wal']> {
  const names = ['000000010000000000000002', '000000010000000000000003', '000000010000000000000004'];
  const segments = Object.fromEntries(names.map((it) => [it, wholeSegment(it, { systemId })]));
  return { segments, start: 0x200028n, stop: 0x400100n };
}

function lines(section: Record<string, Json>): [string, string][] {
  return Object.entries(section)
    .map(([key, value]): [string, string] => [key, json(value)])
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** As `JSON.stringify`, with exact big integers. */
function json(value: Json): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(json)}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${lines(value as Record<string, Json>).map(([key, text]) => `${JSON.stringify(key)}:${text}`)}}`;
}

function sizeOf(root: string, start: string): number {
  for (const extension of ['', '.gz']) {
    const stat = statSync(path.join(root, start + extension), { throwIfNoEntry: false });
    if (stat) return stat.size;
  }
  throw new Error(`${start} was not written`);
}

function randomPass(): string {
  return randomBytes(48).toString('base64');
}
