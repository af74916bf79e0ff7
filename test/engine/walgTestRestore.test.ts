import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Inspection } from '../../engine/src/job.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import {
  buildBucket,
  deltaBackup,
  full,
  fullBackup,
  objectsOf,
  pages,
  refusal,
  segmentName,
  segmentOf,
  segments,
  sodiumOffer,
  systemId,
  temporaryFolder,
  testOne,
  testRestore,
} from './walgBucket.ts';

const proven = { decrypted: true, authentic: null, complete: true, restorable: true };
const tars = `basebackups_005/${full}/tar_partitions`;

describe('a backup of WAL-G', () => {
  test('restores as a data directory, the control file and the labels from their own tars', async () => {
    const to = path.join(temporaryFolder(), 'restored');
    const report = await testOne(await buildBucket(), { to });
    expect(report.failure).toBeNull();
    expect(report.verdict).toEqual(proven);
    expect(report.backup).toMatchObject({
      label: full,
      type: 'full',
      systemId: String(systemId),
      postgresql: '15',
      startLsn: '0/400028',
      wal: { start: segmentName(4), stop: segmentName(5), segments: 2 },
    });
    expect(objectsOf(to)).toEqual([
      'PG_VERSION',
      'backup_label',
      'base/1/1259',
      'base/1/2619',
      'empty',
      'global/pg_control',
      'tablespace_map',
    ]);
    expect(readFileSync(path.join(to, 'base/1/1259'))).toEqual(Buffer.from(pages(4, 'a')));
    expect(lstatSync(to).mode & 0o777).toBe(0o700);
  });

  test('is found below any prefix, and from any folder inside it', async () => {
    const bucket = await buildBucket({ prefix: 'a/b/c' });
    for (const inside of ['', 'a', 'a/b/c', `a/b/c/basebackups_005/${full}/tar_partitions`, 'a/b/c/wal_005']) {
      expect((await testOne(path.join(bucket, inside))).failure).toBeNull();
    }
  });

  test('of libsodium is authentic, and says which key opened it', async () => {
    const report = await testOne(await buildBucket({ isEncrypted: true }), { keys: [sodiumOffer()] });
    expect(report.verdict).toEqual({ ...proven, authentic: true });
    expect(report.keys).toMatchObject([{ source: 'the test’s key', opens: 'sodium' }]);
  });

  test('that has neither encryption nor checksums proves nothing about its bytes', async () => {
    const report = await testOne(await buildBucket({ codec: 'none' }));
    expect(report.verdict).toEqual({ ...proven, restorable: null });
    expect(report.failure).toBeNull();
  });

  test('keeps LSNs and identifiers beyond 2^53 exact', async () => {
    const name = 'base_0000000100FFFFFF00000004';
    const lsn = (0xffffffn << 32n) + BigInt(4 * 1024 * 1024) + 40n;
    const backup = fullBackup({
      name,
      sentinel: { LSN: lsn, FinishLSN: lsn + 4097n, SystemIdentifier: 18446744073709551615n },
    });
    const report = await testOne(await buildBucket({ backups: [backup] }));
    expect(report.backup).toMatchObject({
      startLsn: 'FFFFFF/400028',
      finishLsn: 'FFFFFF/401029',
      systemId: '18446744073709551615',
    });
    expect(report.failure?.message).toContain('pg_control is of another cluster');
  });

  test('of WAL-G up to 1.1 has its list of files in the sentinel', async () => {
    const files = ['/', '/base', '/base/1', '/global', '/PG_VERSION', '/base/1/1259', '/base/1/2619', '/empty'];
    const Files = Object.fromEntries(
      files.map((it) => [it, { IsIncremented: false, IsSkipped: false, MTime: '2020-01-01T00:00:00Z' }]),
    );
    const old = fullBackup({
      sentinel: { Version: undefined, Files, TarFileSets: {} },
      metadata: null,
      list: () => undefined,
    });
    expect((await testOne(await buildBucket({ backups: [old] }))).verdict).toEqual(proven);
    const lost = fullBackup({
      sentinel: { Version: undefined, Files: { ...Files, '/base/1/9': Files['/'] }, TarFileSets: {} },
      metadata: null,
      list: () => undefined,
    });
    expect((await testOne(await buildBucket({ backups: [lost] }))).failure).toMatchObject({
      code: 'incomplete',
      message: 'base/1/9 is listed in the backup, but in none of its tars',
    });
  });

  test('of the copy composer has tars of an earlier backup under names of their own', async () => {
    const { part_004: copied = [], ...tars } = fullBackup().tars;
    const backup = fullBackup({ tars: { ...tars, copy_0: copied } });
    const to = path.join(temporaryFolder(), 'restored');
    expect((await testOne(await buildBucket({ backups: [backup] }), { to })).verdict).toEqual(proven);
    expect(existsSync(path.join(to, 'base/1/2619'))).toBe(true);
  });

  test('made over the network has its labels in a part, and tars that PostgreSQL did not close', async () => {
    const { part_001 = [], part_004 = [], backup_label = [], pg_control = [] } = fullBackup().tars;
    const remote = { part_001: part_004, part_002: [...backup_label, ...part_001, ...pg_control], pg_control };
    const bucket = await buildBucket({ backups: [fullBackup({ tars: remote, isOpen: true })] });
    const to = path.join(temporaryFolder(), 'restored');
    const report = await testOne(bucket, { to });
    expect(report.failure).toBeNull();
    expect(report.verdict).toEqual(proven);
    expect(readFileSync(path.join(to, 'backup_label'), 'utf8')).toMatch(/^START WAL LOCATION/);
    const local = await buildBucket({ backups: [fullBackup({ isOpen: true })] });
    expect((await testOne(local)).failure).toMatchObject({ code: 'truncated' });
  });

  test('without a list of files restores whole, and is not called complete', async () => {
    const backup = fullBackup({ sentinel: { FilesMetadataDisabled: true }, list: () => undefined });
    const to = path.join(temporaryFolder(), 'restored');
    const report = await testOne(await buildBucket({ backups: [backup] }), { to });
    expect(report.failure).toBeNull();
    expect(report.verdict).toEqual({ ...proven, complete: null, restorable: null });
    expect(existsSync(path.join(to, 'base/1/2619'))).toBe(true);
  });

  test('takes the label of the backup, not one that lay in the data directory', async () => {
    const backup = fullBackup();
    backup.tars.part_001?.push({ name: '/backup_label', contents: 'of an earlier restore\n' });
    const to = path.join(temporaryFolder(), 'restored');
    expect((await testOne(await buildBucket({ backups: [backup] }), { to })).failure).toBeNull();
    expect(readFileSync(path.join(to, 'backup_label'), 'utf8')).toMatch(/^START WAL LOCATION/);
  });

  test('maps tablespaces below the target, with links, and leaves out the map that would lead elsewhere', async () => {
    const backup = fullBackup({
      sentinel: {
        Spec: { base_prefix: '/pg', tablespaces: ['16400'], 16400: { loc: '/mnt/fast', link: 'pg_tblspc/16400' } },
      },
    });
    backup.tars.part_004?.push({ name: '/pg_tblspc/16400/PG_15/1/2', contents: 'x' });
    const to = path.join(temporaryFolder(), 'restored');
    const report = await testOne(await buildBucket({ backups: [backup] }), { to });
    expect(report.failure).toBeNull();
    expect(readlinkSync(path.join(to, 'pg_tblspc/16400'))).toBe('../tablespaces/16400');
    expect(readFileSync(path.join(to, 'pg_tblspc/16400/PG_15/1/2'), 'utf8')).toBe('x');
    expect(existsSync(path.join(to, 'tablespace_map'))).toBe(false);
  });

  test('in a volume snapshot is not in the bucket', async () => {
    const backup = fullBackup({
      tars: {},
      metadata: { user_data: 'volume-snapshot' },
      list: () => ({ Files: {}, TarFileSets: {} }),
    });
    expect((await testOne(await buildBucket({ backups: [backup] }))).failure).toMatchObject({
      code: 'incomplete',
      message: 'the data is in a volume snapshot, which is not in the bucket: only the WAL is archived here',
    });
  });
});

describe('which backup', () => {
  const backups = [
    fullBackup({ sentinel: { FinishTime: '2026-03-01T00:00:00Z' } }),
    fullBackup({ name: 'base_000000010000000000000005', sentinel: { FinishTime: '2026-02-01T00:00:00Z' } }),
  ];

  test('latest goes by time, not by name; a beginning of the name is enough', async () => {
    const bucket = await buildBucket({ backups });
    expect((await testOne(bucket)).backup?.label).toBe(full);
    expect((await testOne(bucket, { backup: 'LATEST' })).backup?.label).toBe(full);
    expect((await testOne(bucket, { backup: 'base_000000010000000000000005' })).backup?.label).toMatch(/5$/);
    expect(await refusal(bucket, { backup: 'base_0000' })).toMatchObject({ code: 'usage' });
    expect(await refusal(bucket, { backup: 'nightly' })).toMatchObject({
      code: 'usage',
      hint: expect.stringContaining(full),
    });
    expect(await refusal(bucket, { backup: 'all', to: '/nowhere' })).toMatchObject({ code: 'usage' });
  });

  test('all tests every backup, and then everything in the WAL folder', async () => {
    const reports = await testRestore(await buildBucket({ backups }), { backup: 'all' });
    expect(reports.map((it) => it.backup?.label)).toEqual(['base_000000010000000000000005', full, undefined]);
    expect(reports.at(-1)).toMatchObject({
      format: 'wal-g > WAL archive',
      failure: null,
      files: { total: 5, verified: 5 },
    });
  });

  test('a folder without sentinel did not come to its end', async () => {
    const bucket = await buildBucket();
    rmSync(path.join(bucket, `basebackups_005/${full}_backup_stop_sentinel.json`));
    expect((await testOne(bucket)).failure).toMatchObject({
      code: 'incomplete',
      message: expect.stringContaining(full),
    });
  });
});

describe('several clusters in one bucket', () => {
  const at = (cluster: string, time = '2026-01-31-10-00-00') => `sgbackups.stackgres.io/db/${cluster}/${time}/15`;

  async function bucketOfTwo(): Promise<string> {
    const root = await buildBucket({ prefix: at('shop') });
    return buildBucket({ prefix: at('crm'), root });
  }

  test('are listed, and chosen by path, by name, or by what the manifests configure', async () => {
    const bucket = await bucketOfTwo();
    expect(await refusal(bucket)).toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/holds 2 archives of WAL-G: db\/crm .*db\/shop /),
    });
    const cluster = async (job: Parameters<typeof testOne>[1], folder = '') =>
      (await testOne(path.join(bucket, folder), job)).backup?.cluster;
    expect(await cluster({ cluster: 'db/shop' })).toBe('shop');
    expect(await cluster({ cluster: 'crm' })).toBe('crm');
    expect(await cluster({}, at('crm'))).toBe('crm');
    expect(await cluster({ known: [{ path: at('shop') }] })).toBe('shop');
    expect(await cluster({ known: [{ path: 'sgbackups.stackgres.io/*/shop/*/*' }] })).toBe('shop');
    expect(await refusal(bucket, { cluster: 'other' })).toMatchObject({
      code: 'usage',
      hint: 'It has: db/crm, db/shop.',
    });
    expect((await testRestore(bucket, { backup: 'all' })).map((it) => it.failure)).toEqual([null, null, null, null]);
  });

  test('an SGBackup is known by its name, and keeps whether it is encrypted', async () => {
    const bucket = await bucketOfTwo();
    const known = [
      { path: at('shop'), backup: { label: full, title: 'SGBackup db/nightly' }, isEncrypted: false },
      { path: at('crm'), isEncrypted: true },
    ];
    const report = await testOne(bucket, { backup: 'nightly', known, keys: [sodiumOffer()] });
    expect(report.backup).toMatchObject({ cluster: 'shop', title: 'SGBackup db/nightly' });
    expect(report.failure).toBeNull();
    expect((await testOne(bucket, { cluster: 'crm', known, keys: [sodiumOffer()] })).failure?.code).toBe(
      'not-encrypted',
    );
  });

  test('of a cluster that was made anew, the folder with the newest backup counts', async () => {
    const root = await buildBucket({ prefix: at('shop') });
    const later = fullBackup({ sentinel: { FinishTime: '2026-05-01T00:00:00Z' } });
    await buildBucket({ prefix: at('shop', '2026-04-30-10-00-00'), root, backups: [later] });
    expect((await testOne(root)).backup?.path).toContain('2026-04-30');
  });

  test('inspect lists archives, backups and WAL without any key', async () => {
    const bucket = await buildBucket({ prefix: at('shop'), isEncrypted: true });
    const outcome = await runJob({ kind: 'inspect', archive: bucket }, quietContext());
    const inspection = (outcome as { value: Inspection }).value;
    expect(inspection).toMatchObject({ format: 'wal-g', isEncrypted: true, problems: [] });
    expect(inspection.opensWith).toEqual(['the libsodium key (WALG_LIBSODIUM_KEY), with its key transform']);
    const facts = new Map(inspection.facts);
    expect(facts.get('StackGres')).toContain('cluster shop in namespace db');
    expect(facts.get('Backup')).toMatch(
      /^base_000000010000000000000004; ended 2026-01-31 10:01:00 UTC; full; .*; LSN 0\/400028 to 0\/500100; WAL from 000000010000000000000004 to 000000010000000000000005; not permanent; libsodium, gz$/,
    );
    expect(facts.get('WAL, timeline 1')).toBe('5 segments, 000000010000000000000004 to 000000010000000000000008');
  });
});

describe('what WAL-G would not notice', () => {
  const objects: [string, (bucket: string) => void | Promise<void>, string, string][] = [
    [
      'a tar that is missing',
      (it) => rmSync(path.join(it, tars, 'part_004.tar.gz')),
      'incomplete',
      'part_004.tar.gz is missing',
    ],
    [
      'a lost pg_control.tar',
      (it) => rmSync(path.join(it, tars, 'pg_control.tar.gz')),
      'incomplete',
      'no global/pg_control',
    ],
    [
      'a lost backup_label.tar',
      (it) => rmSync(path.join(it, tars, 'backup_label.tar.gz')),
      'incomplete',
      'backup_label.tar.gz is missing',
    ],
    ['an empty object', (it) => truncateSync(path.join(it, tars, 'part_001.tar.gz')), 'truncated', 'is empty'],
    [
      'a missing list of files',
      (it) => rmSync(path.join(it, `basebackups_005/${full}/files_metadata.json`)),
      'incomplete',
      'files_metadata.json is missing',
    ],
    [
      'a list that is cut off',
      (it) => truncateSync(path.join(it, `basebackups_005/${full}/files_metadata.json`), 300),
      'truncated',
      'files_metadata.json is cut off',
    ],
    [
      'a sentinel that is cut off',
      (it) => truncateSync(path.join(it, `basebackups_005/${full}_backup_stop_sentinel.json`), 60),
      'truncated',
      'is cut off',
    ],
    [
      'a WAL segment that is missing',
      (it) => rmSync(path.join(it, `wal_005/${segmentName(5)}.gz`)),
      'incomplete',
      `WAL segment ${segmentName(5)} is missing`,
    ],
    [
      'no WAL at all',
      (it) => rmSync(path.join(it, 'wal_005'), { recursive: true }),
      'incomplete',
      'the WAL archive is missing',
    ],
  ];
  test.each(objects)('%s', async (_, damage, code, message) => {
    const bucket = await buildBucket();
    await damage(bucket);
    const to = path.join(temporaryFolder(), 'restored');
    const report = await testOne(bucket, { to });
    expect(report.failure).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(report.verdict.restorable).toBe(false);
    expect(report.verdict.complete).toBe(false);
    expect(report.restoredTo).toBeNull();
    expect(existsSync(to)).toBe(false);
  });

  test('a file that is listed and in no tar', async () => {
    const backup = fullBackup({
      list: (list) => ({ ...list, Files: { ...list.Files, '/base/1/77': { IsSkipped: false, IsIncremented: false } } }),
    });
    expect((await testOne(await buildBucket({ backups: [backup] }))).failure).toMatchObject({
      code: 'incomplete',
      message: 'base/1/77 is listed in the backup, but in none of its tars',
    });
  });

  test('a libsodium stream without its final chunk, a truncated brotli stream', async () => {
    const sodium = await buildBucket({ isEncrypted: true, codec: 'none' });
    truncateSync(path.join(sodium, tars, 'part_001.tar'), 24 + 2 * 8209);
    const cut = await testOne(sodium, { keys: [sodiumOffer()] });
    expect(cut.failure).toMatchObject({ code: 'truncated', stage: 'decrypt', path: `${tars}/part_001.tar` });
    expect(cut.verdict).toMatchObject({ authentic: null, complete: false, restorable: false });
    const brotli = await buildBucket({ codec: 'br' });
    const part = path.join(brotli, tars, 'part_004.tar.br');
    truncateSync(part, lstatSync(part).size - 1);
    expect((await testOne(brotli)).failure).toMatchObject({ code: 'truncated', path: `${tars}/part_004.tar.br` });
  });

  test('an object that is plain although encryption is configured, alone or among encrypted ones', async () => {
    const plain = await buildBucket();
    expect((await testOne(plain, { keys: [sodiumOffer()] })).failure?.code).toBe('not-encrypted');
    expect((await testOne(plain, { expectEncrypted: true })).failure?.code).toBe('not-encrypted');
    const encrypted = await buildBucket({ isEncrypted: true });
    writeFileSync(
      path.join(encrypted, tars, 'part_004.tar.gz'),
      readFileSync(path.join(plain, tars, 'part_004.tar.gz')),
    );
    const report = await testOne(encrypted, { keys: [sodiumOffer()] });
    expect(report.failure).toMatchObject({ code: 'not-encrypted', path: `${tars}/part_004.tar.gz` });
    expect(report.files.failed).toHaveLength(1);
    expect(report.verdict).toMatchObject({ authentic: null, restorable: false });
  });

  test('a wrong key, and none', async () => {
    const bucket = await buildBucket({ isEncrypted: true });
    const other = await testOne(bucket, { keys: [sodiumOffer(new Uint8Array(32).fill(7))] });
    expect(other.failure).toMatchObject({ code: 'wrong-key', path: expect.stringContaining(tars) });
    expect(other.verdict).toMatchObject({ decrypted: false, authentic: null, restorable: false });
    expect((await testOne(bucket)).failure).toMatchObject({
      code: 'wrong-key',
      message: expect.stringContaining('no key was offered'),
    });
  });

  test('a byte changed in an encrypted object', async () => {
    const bucket = await buildBucket({ isEncrypted: true, codec: 'none' });
    const part = path.join(bucket, tars, 'part_001.tar');
    const bytes = readFileSync(part);
    bytes[24 + 8209 + 100] = (bytes[24 + 8209 + 100] ?? 0) ^ 1;
    writeFileSync(part, bytes);
    const report = await testOne(bucket, { keys: [sodiumOffer()] });
    expect(report.failure).toMatchObject({ code: 'damaged', stage: 'decrypt', offset: 24 + 8209 });
    expect(report.verdict.authentic).toBe(false);
  });

  test('objects of another cluster', async () => {
    const wal = { ...segments(4, 4), ...segments(5, 5, 1, 42n) };
    expect((await testOne(await buildBucket({ wal }))).failure).toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('another cluster'),
    });
    const label = fullBackup({ sentinel: { LSN: BigInt(6 * 1024 * 1024 + 40) } });
    expect((await testOne(await buildBucket({ backups: [label] }))).failure?.message).toContain(
      'backup_label starts at 0/400028',
    );
    const version = fullBackup({ sentinel: { PgVersion: 160001 } });
    expect((await testOne(await buildBucket({ backups: [version] }))).failure?.message).toContain(
      'PG_VERSION is not 16',
    );
    const metadata = fullBackup({ metadata: { start_lsn: 1 } });
    expect((await testOne(await buildBucket({ backups: [metadata] }))).failure?.message).toContain(
      'name another start LSN',
    );
  });
});

describe('a delta backup', () => {
  test('restores on top of its base: changed pages, replaced, new and untouched files', async () => {
    const to = path.join(temporaryFolder(), 'restored');
    const bucket = await buildBucket({ backups: [fullBackup(), deltaBackup()] });
    const report = await testOne(bucket, { to });
    expect(report.failure).toBeNull();
    expect(report.backup).toMatchObject({ type: 'delta', prior: full, references: [full] });
    const page = (letter: string) => Buffer.from(pages(1, letter));
    expect(readFileSync(path.join(to, 'base/1/1259'))).toEqual(
      Buffer.concat([page('a'), page('c'), page('a'), page('a'), page('c')]),
    );
    expect(readFileSync(path.join(to, 'empty'), 'utf8')).toBe('no longer');
    expect(readFileSync(path.join(to, 'base/1/2619'))).toEqual(Buffer.from(pages(3, 'b')));
    expect(readFileSync(path.join(to, 'backup_label'), 'utf8')).toContain(segmentName(7));
    expect((await testOne(bucket)).verdict).toEqual(proven);
  });

  test('needs its base, whole, and the very one', async () => {
    const lost = await buildBucket({ backups: [deltaBackup()] });
    expect((await testOne(lost)).failure).toMatchObject({
      code: 'incomplete',
      stage: 'chain',
      message: expect.stringContaining(`is a delta to ${full}`),
    });
    const other = await buildBucket({ backups: [fullBackup({ sentinel: { LSN: 77 } }), deltaBackup()] });
    expect((await testOne(other)).failure).toMatchObject({ code: 'damaged', stage: 'chain' });
    const unknown = deltaBackup({ skipped: ['/PG_VERSION', '/base/1/2619', '/base/1/555'] });
    expect((await testOne(await buildBucket({ backups: [fullBackup(), unknown] }))).failure).toMatchObject({
      code: 'incomplete',
      message: expect.stringContaining('base/1/555 is to be taken from'),
    });
    const circle = deltaBackup({ sentinel: { DeltaFrom: deltaBackup().name, DeltaFullName: full } });
    expect((await testOne(await buildBucket({ backups: [circle] }))).failure?.message).toContain('in a circle');
    const broken = await buildBucket({ backups: [fullBackup(), deltaBackup()] });
    truncateSync(path.join(broken, tars, 'part_001.tar.gz'), 100);
    expect((await testOne(broken)).failure).toMatchObject({ code: 'truncated', path: `${tars}/part_001.tar.gz` });
  });

  const increments: [string, (bytes: Buffer) => Buffer, string][] = [
    ['no increment', (it) => Buffer.from(it.fill(0, 0, 4)), 'does not begin as an increment'],
    ['a map out of order', (it) => withNumbers(it, [4, 1]), 'not in order'],
    ['a page beyond the end', (it) => withNumbers(it, [1, 5]), 'beyond the end of the file'],
    ['too few pages', (it) => it.subarray(0, it.length - 8192), 'says that 2 pages follow'],
    ['a hole between the base and itself', (it) => withFileSize(it, 8 * 8192), 'pages are in neither'],
  ];
  test.each(increments)('is refused with %s', async (_, change, message) => {
    const backup = deltaBackup();
    const member = backup.tars.part_001?.find((it) => it.name === '/base/1/1259');
    if (member) member.contents = change(Buffer.from(member.contents as Uint8Array));
    const report = await testOne(await buildBucket({ backups: [fullBackup(), backup] }));
    expect(report.failure).toMatchObject({ code: 'damaged', message: expect.stringContaining(message) });
  });
});

describe('the WAL', () => {
  test('to the newest: a gap, a segment that cannot be read, and the end of a timeline', async () => {
    const gap = await buildBucket({ wal: { ...segments(4, 6), ...segments(9, 10) } });
    expect((await testOne(gap)).failure).toBeNull();
    expect((await testOne(gap, { wal: 'latest' })).failure).toMatchObject({
      code: 'incomplete',
      message: `2 WAL segments, ${segmentName(7)} to ${segmentName(8)}, are missing: recovery ends there`,
    });
    const unreadable = await buildBucket({ isEncrypted: true, wal: segments(4, 8) });
    const stray = await buildBucket({ wal: segments(7, 7) });
    writeFileSync(
      path.join(unreadable, `wal_005/${segmentName(7)}.gz`),
      readFileSync(path.join(stray, `wal_005/${segmentName(7)}.gz`)),
    );
    expect((await testOne(unreadable, { wal: 'latest', keys: [sodiumOffer()] })).failure).toMatchObject({
      code: 'not-encrypted',
      path: `wal_005/${segmentName(7)}.gz`,
      hint: expect.stringContaining('PostgreSQL takes for the end of the archive'),
    });
  });

  test('follows timelines through their histories', async () => {
    const history = `1\t0/${(6 * 1024 * 1024 + 512).toString(16).toUpperCase()}\tno recovery target specified\n`;
    const wal = {
      ...segments(4, 5),
      [`${segmentName(6)}.partial`]: Buffer.concat([
        segmentOf(6).subarray(0, 8192),
        segmentOf(2).subarray(0, 1024 * 1024 - 8192),
      ]),
      ...segments(6, 8, 2),
      '00000002.history': history,
    };
    const bucket = await buildBucket({ wal });
    const report = await testOne(bucket, { wal: 'latest' });
    expect(report.failure).toBeNull();
    expect(report.backup?.wal).toMatchObject({
      start: segmentName(4),
      stop: segmentName(8, 2),
      segments: 5,
      timeline: 2,
    });
    rmSync(path.join(bucket, `wal_005/${segmentName(7, 2)}.gz`));
    expect((await testOne(bucket, { wal: 'latest' })).failure).toMatchObject({ code: 'incomplete' });
    const early = await buildBucket({
      wal: { ...segments(4, 8), ...segments(5, 6, 2), '00000002.history': '1\t0/500000\tearly\n' },
    });
    expect((await testOne(early, { wal: 'latest' })).failure?.message).toContain(
      'branched off before the backup ended',
    );
  });

  test('is found under every extension, and a name is no proof of contents', async () => {
    const bucket = await buildBucket({ codec: 'none' });
    // As WAL-G 3.0.8 named what it did not compress.
    renameSync(path.join(bucket, 'wal_005', segmentName(4)), path.join(bucket, 'wal_005', `${segmentName(4)}.`));
    expect((await testOne(bucket)).failure).toBeNull();
    const swapped = await buildBucket({ wal: { [segmentName(4)]: segmentOf(4), [segmentName(5)]: segmentOf(6) } });
    expect((await testOne(swapped)).failure?.message).toContain('is not the one that belongs at 0/500000');
    const short = await buildBucket({
      wal: { [segmentName(4)]: segmentOf(4), [segmentName(5)]: segmentOf(5).subarray(0, 8192 * 9) },
    });
    expect((await testOne(short)).failure).toMatchObject({
      code: 'truncated',
      message: expect.stringContaining('73728 of its 1048576'),
    });
  });

  test('is served to PostgreSQL whole and proven, or not at all', async () => {
    const bucket = await buildBucket({ isEncrypted: true });
    const target = path.join(temporaryFolder(), 'RECOVERYXLOG');
    const get = (file: string, keys = [sodiumOffer()]) =>
      runJob({ kind: 'archive-get', archive: bucket, keys, file, target }, quietContext());
    expect(await get(segmentName(5))).toEqual({ ok: true, value: { isServed: true, bytes: 1024 * 1024 } });
    expect(readFileSync(target).equals(segmentOf(5))).toBe(true);
    expect(await get(segmentName(99))).toEqual({ ok: true, value: { isServed: false, bytes: 0 } });
    rmSync(target);
    expect(await get(segmentName(5), [])).toMatchObject({ ok: false, failure: { code: 'wrong-key' } });
    truncateSync(path.join(bucket, `wal_005/${segmentName(6)}.gz`), 300);
    expect(await get(segmentName(6))).toMatchObject({ ok: false, failure: { code: 'damaged' } });
    expect(existsSync(target)).toBe(false);
  });
});

function withNumbers(increment: Buffer, numbers: number[]): Buffer {
  for (const [index, it] of numbers.entries()) increment.writeUInt32LE(it, 16 + index * 4);
  return increment;
}

function withFileSize(increment: Buffer, bytes: number): Buffer {
  increment.writeBigUInt64LE(BigInt(bytes), 4);
  return increment;
}

test('a folder that only looks like one of a bucket is no archive', async () => {
  const folder = temporaryFolder();
  mkdirSync(path.join(folder, 'base'));
  await expect(testOne(folder)).rejects.toThrow();
});
