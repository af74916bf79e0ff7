/** Builds small archives by the grammar of the format, so that tests can make them lie. Not how WAL-G does it. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { crc32c } from '../../engine/src/archives/pgbackrest/pgControl.ts';
import { once } from '../../engine/src/bytes.ts';
import { encryptSodium } from '../../engine/src/crypto/sodium.ts';
import type { Failure } from '../../engine/src/failure.ts';
import type { KeyOffer, TestRestoreJob } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { all } from './pieces.ts';
import { wholeSegment } from './walSegments.ts';

export const systemId = 7710732156905849906n;
export const segmentBytes = 1024 * 1024;
export const full = 'base_000000010000000000000004';
export const delta = 'base_000000010000000000000007_D_000000010000000000000004';
export const key = Uint8Array.from({ length: 32 }, (_, index) => index);

export interface Member {
  name: string;
  contents?: Uint8Array | string;
  /** Of a tar header: `0` file, `5` directory, `1` `2` links, `3` `4` devices, `6` pipe, `S` sparse. */
  type?: string;
  link?: string;
  mode?: number;
  /** What the header says where it lies. */
  size?: number;
  pax?: Record<string, string>;
}

export interface BackupSpec {
  name: string;
  /** By the name of the tar without its codec's extension. */
  tars: Record<string, Member[]>;
  /** Changes `files_metadata.json`; undefined as result: there is none. */
  list?: (list: FileListJson) => FileListJson | undefined;
  /** Added to the sentinel; undefined values take a key away. */
  sentinel?: Record<string, unknown>;
  metadata?: Record<string, unknown> | null;
  /** The tars lack the two zero blocks at their end, as those that PostgreSQL sends. */
  isOpen?: boolean;
  incremented?: string[];
  skipped?: string[];
}

export interface FileListJson {
  Files: Record<string, Record<string, unknown>>;
  TarFileSets: Record<string, string[]>;
}

export type Codec = 'none' | 'gz' | 'br';

export interface BucketSpec {
  backups?: BackupSpec[];
  codec?: Codec;
  isEncrypted?: boolean;
  /** By file name; undefined: the segments from 4 to 8. */
  wal?: Record<string, Uint8Array | string>;
  /** Below the folder that is returned. */
  prefix?: string;
  root?: string;
}

/** A folder that is removed when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'restorable-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Returns the path of the bucket. */
export async function buildBucket(spec: BucketSpec = {}): Promise<string> {
  const root = spec.root ?? temporaryFolder();
  const here = path.join(root, spec.prefix ?? '');
  const codec = spec.codec ?? 'gz';
  const store = async (name: string, bytes: Uint8Array) => {
    const place = path.join(here, name);
    mkdirSync(path.dirname(place), { recursive: true });
    const compressed = codec === 'gz' ? gzipSync(bytes) : codec === 'br' ? brotliCompressSync(bytes) : bytes;
    writeFileSync(place, spec.isEncrypted ? await all(encryptSodium(once(compressed), key)) : compressed);
  };
  const extension = codec === 'none' ? '' : `.${codec}`;
  for (const backup of spec.backups ?? [fullBackup()]) {
    const folder = `basebackups_005/${backup.name}`;
    const list: FileListJson = { Files: {}, TarFileSets: {} };
    for (const [tar, members] of Object.entries(backup.tars)) {
      await store(`${folder}/tar_partitions/${tar}.tar${extension}`, tarOf(members, backup.isOpen));
      if (tar === 'pg_control') continue;
      list.TarFileSets[`${tar}.tar${extension}`] = members.map((it) => it.name);
      for (const { name } of members) {
        if (!name.startsWith('/')) continue;
        const isIncremented = backup.incremented?.includes(name) ?? false;
        list.Files[name] = { IsIncremented: isIncremented, IsSkipped: false, MTime: '2026-01-31T10:00:00Z' };
      }
    }
    for (const it of backup.skipped ?? []) {
      list.Files[it] = { IsIncremented: false, IsSkipped: true, MTime: '2026-01-31T10:00:00Z' };
    }
    const shown = backup.list ? backup.list(list) : list;
    mkdirSync(path.join(here, folder), { recursive: true });
    if (shown) writeFileSync(path.join(here, folder, 'files_metadata.json'), JSON.stringify(shown));
    if (backup.metadata !== null) {
      writeFileSync(path.join(here, folder, 'metadata.json'), exact({ is_permanent: false, ...backup.metadata }));
    }
    writeFileSync(path.join(here, `${folder}_backup_stop_sentinel.json`), exact(sentinelOf(backup)));
  }
  const wal = spec.wal ?? { ...segments(4, 8) };
  for (const [name, contents] of Object.entries(wal)) await store(`wal_005/${name}${extension}`, bytesOf(contents));
  return root;
}

/** What a backup of a small cluster holds; it starts in segment 4 and ends in segment 5. */
export function fullBackup(changes: Partial<BackupSpec> = {}): BackupSpec {
  return {
    name: full,
    tars: {
      part_001: [
        { name: '/', type: '5', mode: 0o700 },
        { name: '/base', type: '5', mode: 0o700 },
        { name: '/base/1', type: '5', mode: 0o700 },
        { name: '/PG_VERSION', contents: '15\n' },
        { name: '/base/1/1259', contents: pages(4, 'a') },
      ],
      // Gaps between the numbers are normal.
      part_004: [
        { name: '/global', type: '5', mode: 0o700 },
        { name: '/base/1/2619', contents: pages(3, 'b') },
        { name: '/empty', contents: '' },
      ],
      backup_label: [
        { name: 'tablespace_map', contents: '' },
        { name: 'backup_label', contents: labelOf(4) },
      ],
      pg_control: [{ name: '/global/pg_control', contents: controlFile() }],
    },
    ...changes,
  };
}

/** A delta on `fullBackup`: one file changed in pages, one replaced, one new, one left as it was. */
export function deltaBackup(changes: Partial<BackupSpec> = {}): BackupSpec {
  return {
    name: delta,
    tars: {
      part_001: [
        { name: '/', type: '5', mode: 0o700 },
        { name: '/base', type: '5', mode: 0o700 },
        { name: '/base/1', type: '5', mode: 0o700 },
        { name: '/global', type: '5', mode: 0o700 },
        { name: '/base/1/1259', contents: incrementOf(5, [1, 4], 'c') },
        { name: '/base/1/3000', contents: pages(1, 'd') },
        { name: '/empty', contents: 'no longer' },
      ],
      backup_label: [
        { name: 'tablespace_map', contents: '' },
        { name: 'backup_label', contents: labelOf(7) },
      ],
      pg_control: [{ name: '/global/pg_control', contents: controlFile(systemId, 7) }],
    },
    incremented: ['/base/1/1259'],
    skipped: ['/PG_VERSION', '/base/1/2619'],
    sentinel: {
      LSN: BigInt(7 * segmentBytes + 40),
      FinishLSN: BigInt(7 * segmentBytes + 256),
      DeltaLSN: BigInt(4 * segmentBytes + 40),
      DeltaFrom: full,
      DeltaFullName: full,
      DeltaCount: 1,
      StartTime: '2026-02-01T10:00:00Z',
      FinishTime: '2026-02-01T10:01:00Z',
    },
    ...changes,
  };
}

/** `wi1`: these pages of a file that has so many. */
export function incrementOf(filePages: number, numbers: number[], letter: string): Uint8Array {
  const header = Buffer.alloc(16 + numbers.length * 4);
  header.write('wi1U', 0, 'latin1');
  header.writeBigUInt64LE(BigInt(filePages * 8192), 4);
  header.writeUInt32LE(numbers.length, 12);
  for (const [index, it] of numbers.entries()) header.writeUInt32LE(it, 16 + index * 4);
  return Buffer.concat([header, pages(numbers.length, letter)]);
}

export function pages(count: number, letter: string): Uint8Array {
  return Buffer.alloc(count * 8192, letter);
}

export function labelOf(segment: number, timeline = 1): string {
  const lsn = `0/${(segment * segmentBytes + 40).toString(16).toUpperCase()}`;
  return `START WAL LOCATION: ${lsn} (file ${segmentName(segment, timeline)})\nCHECKPOINT LOCATION: ${lsn}\nSTART TIMELINE: ${timeline}\n`;
}

/** @param segment where the checkpoint of the backup's label lies */
export function controlFile(id = systemId, segment = 4): Uint8Array {
  const bytes = Buffer.alloc(8192);
  bytes.writeBigUInt64LE(id, 0);
  bytes.writeBigUInt64LE(BigInt(segment * segmentBytes + 40), 32);
  bytes.writeUInt32LE(1300, 8);
  bytes.writeUInt32LE(202209061, 12);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 288)), 288);
  return bytes;
}

export function segmentName(number: number, timeline = 1): string {
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
  return hex(timeline) + hex(Math.floor(number / 4096)) + hex(number % 4096);
}

/** Whole segments by name. */
export function segments(first: number, last: number, timeline = 1, id = systemId): Record<string, Uint8Array> {
  const found: Record<string, Uint8Array> = {};
  for (let it = first; it <= last; it++) found[segmentName(it, timeline)] = segmentOf(it, timeline, id);
  return found;
}

export function segmentOf(number: number, timeline = 1, id = systemId): Uint8Array {
  return wholeSegment(segmentName(number, timeline), { systemId: id, segmentBytes });
}

export function tarOf(members: Member[], isOpen = false): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const member of members) {
    if (member.pax) {
      const records = Object.entries(member.pax).map(([name, value]) => paxRecord(name, value));
      blocks.push(...entryOf({ name: 'PaxHeaders/x', type: 'x', contents: records.join('') }));
    }
    blocks.push(...entryOf(member));
  }
  return Buffer.concat([...blocks, Buffer.alloc(isOpen ? 0 : 1024)]);
}

export const sodiumOffer = (bytes: Uint8Array = key): KeyOffer => ({
  kind: 'sodium',
  source: 'the test’s key',
  bytes: Uint8Array.from(Buffer.from(Buffer.from(bytes).toString('hex'))),
  keyTransform: 'hex',
});

export async function testRestore(archive: string, job: Partial<TestRestoreJob> = {}): Promise<Report[]> {
  // A job wipes the keys it was given.
  const keys = (job.keys ?? []).map((it) => ({
    ...it,
    bytes: Uint8Array.from(it.bytes),
    ...(it.passphrase && { passphrase: Uint8Array.from(it.passphrase) }),
  }));
  const outcome = await runJob({ kind: 'test-restore', archive, ...job, keys }, quietContext());
  if (outcome.ok) return outcome.value as Report[];
  throw Object.assign(new Error(outcome.failure.message), { failure: outcome.failure });
}

export async function testOne(archive: string, job: Partial<TestRestoreJob> = {}): Promise<Report> {
  const [report] = await testRestore(archive, job);
  if (!report) throw new Error('there is no report');
  return report;
}

/** What is thrown instead of reported. */
export async function refusal(archive: string, job: Partial<TestRestoreJob> = {}): Promise<Failure> {
  try {
    await testRestore(archive, job);
  } catch (error) {
    if (error instanceof Error && 'failure' in error) return error.failure as Failure;
    throw error;
  }
  throw new Error('it was not refused');
}

/** Every file below a folder, relative to it, sorted. */
export function objectsOf(root: string, folder = ''): string[] {
  return readdirSync(path.join(root, folder))
    .flatMap((name) => {
      const inside = path.join(folder, name);
      return statSync(path.join(root, inside)).isDirectory() ? objectsOf(root, inside) : [inside];
    })
    .sort();
}

function sentinelOf({ sentinel }: BackupSpec): Record<string, unknown> {
  return {
    LSN: BigInt(4 * segmentBytes + 40),
    FinishLSN: BigInt(5 * segmentBytes + 256),
    PgVersion: 150004,
    SystemIdentifier: systemId,
    UncompressedSize: 100_000,
    CompressedSize: 10_000,
    Spec: null,
    Version: 2,
    StartTime: '2026-01-31T10:00:00Z',
    FinishTime: '2026-01-31T10:01:00Z',
    IsPermanent: true,
    ...sentinel,
  };
}

/** JSON with 64-bit integers as they are. */
function exact(value: unknown): string {
  return JSON.stringify(value, (_, it) => (typeof it === 'bigint' ? `bigint:${it}` : it)).replace(
    /"bigint:(\d+)"/g,
    '$1',
  );
}

function bytesOf(contents: Uint8Array | string): Uint8Array {
  return typeof contents === 'string' ? Buffer.from(contents) : contents;
}

function entryOf({ name, contents = '', type = '0', link = '', mode = 0o600, size }: Member): Uint8Array[] {
  const bytes = bytesOf(contents);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100, 'utf8');
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${(size ?? bytes.length).toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(link, 157, 100, 'utf8');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, it) => total + it, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
}

function paxRecord(name: string, value: string): string {
  const body = ` ${name}=${value}\n`;
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return `${length}${body}`;
}
