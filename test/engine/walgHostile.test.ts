import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { isObject, parseExactJson } from '../../engine/src/archives/walg/exactJson.ts';
import { readFileList } from '../../engine/src/archives/walg/fileList.ts';
import {
  buildBucket,
  deltaBackup,
  full,
  fullBackup,
  type Member,
  objectsOf,
  temporaryFolder,
  testOne,
} from './walgBucket.ts';

const hostile: [string, Member[], string][] = [
  ['dot-dot', [{ name: '/base/../../out', contents: 'x' }], 'leads out of the data directory'],
  ['dot-dot with backslashes', [{ name: '/base\\..\\..\\out', contents: 'x' }], 'leads out of the data directory'],
  [
    'a PAX path that leads out',
    [{ name: 'fine', pax: { path: '../out' }, contents: 'x' }],
    'leads out of the data directory',
  ],
  ['a symbolic link', [{ name: '/link', type: '2', link: '/etc' }], 'is a symbolic link to /etc'],
  ['a hard link', [{ name: '/link', type: '1', link: '/etc/passwd' }], 'is a hard link to /etc/passwd'],
  ['a device', [{ name: '/disk', type: '4' }], 'is a device'],
  ['a pipe', [{ name: '/pipe', type: '6' }], 'is a pipe'],
  ['a sparse file', [{ name: '/sparse', type: 'S', contents: 'x' }], 'of a kind that no backup holds'],
  ['a file in place of the data directory', [{ name: '/', contents: 'x' }], 'of a kind that no backup holds'],
  ['a file twice', [{ name: '/PG_VERSION', contents: '15\n' }], 'PG_VERSION'],
  ['a file below a file', [{ name: '/PG_VERSION/x', contents: 'x' }], 'PG_VERSION'],
  ['a huge label', [{ name: 'backup_label', contents: Buffer.alloc(5 * 1024 * 1024) }], 'far too large'],
];

test.each(hostile)('%s creates nothing, in or outside the target', async (_, members, message) => {
  const backup = fullBackup({ list: () => undefined, sentinel: { FilesMetadataDisabled: true } });
  backup.tars.part_004?.push(...members);
  const bucket = await buildBucket({ backups: [backup] });
  const around = temporaryFolder();
  const to = path.join(around, 'restored');
  for (const target of [to, undefined]) {
    const report = await testOne(bucket, { ...(target && { to: target }) });
    // Without a target nothing lies below a file, and only the name can be judged.
    if (target === undefined && members[0]?.name === '/PG_VERSION/x') continue;
    expect(report.failure).toMatchObject({ code: 'hostile', message: expect.stringContaining(message) });
    expect(report.verdict.restorable).toBe(false);
  }
  expect(readdirSync(around)).toEqual([]);
});

test('absolute names are taken as relative ones, and odd modes lose what is more than permissions', async () => {
  const backup = fullBackup();
  backup.tars.part_001?.push({ name: '//etc///passwd', contents: 'ours', mode: 0o4755 });
  const to = path.join(temporaryFolder(), 'restored');
  const bucket = await buildBucket({
    backups: [{ ...backup, list: () => undefined, sentinel: { FilesMetadataDisabled: true } }],
  });
  expect((await testOne(bucket, { to })).failure).toBeNull();
  expect(readFileSync(path.join(to, 'etc/passwd'), 'utf8')).toBe('ours');
});

test('what WAL-G stores of a link is passed over with a note: it does not say where it led', async () => {
  const backup = fullBackup({ list: () => undefined, sentinel: { FilesMetadataDisabled: true } });
  backup.tars.part_001?.push({ name: '/pg_hba.conf', type: '2', link: 'pg_hba.conf' });
  const to = path.join(temporaryFolder(), 'restored');
  const report = await testOne(await buildBucket({ backups: [backup] }), { to });
  expect(report.failure).toBeNull();
  expect(report.notes.join()).toContain('pg_hba.conf was a symbolic link');
  expect(objectsOf(to)).not.toContain('pg_hba.conf');
});

test('a tar far larger than the backup recorded is given up', async () => {
  const backup = fullBackup({ sentinel: { UncompressedSize: 1 } });
  backup.tars.part_004?.push({ name: '/bomb', contents: Buffer.alloc(300 * 1024 * 1024) });
  const report = await testOne(await buildBucket({ backups: [backup] }));
  expect(report.failure).toMatchObject({
    code: 'hostile',
    message: expect.stringContaining('far more than the backup recorded'),
  });
});

test('links inside the bucket do not lead round in circles', async () => {
  const bucket = await buildBucket({ prefix: 'deep/er' });
  symlinkSync(bucket, path.join(bucket, 'deep/loop'));
  expect((await testOne(bucket)).failure).toBeNull();
});

test('names that lists give to tars and bases do not lead anywhere else', async () => {
  const base = deltaBackup({ sentinel: { DeltaFrom: '../../etc', DeltaFullName: full } });
  expect(
    (await testOne(await buildBucket({ backups: [fullBackup(), base] }), { backup: base.name })).failure,
  ).toMatchObject({
    code: 'damaged',
    message: expect.stringContaining('names a base that is none'),
  });
  const spec = fullBackup({ sentinel: { Spec: { tablespaces: ['../../x'], '../../x': { loc: '/', link: 'x' } } } });
  expect((await testOne(await buildBucket({ backups: [spec] }))).failure?.code).toBe('damaged');
});

test('an object that is a folder or a pipe is not waited for', async () => {
  const bucket = await buildBucket();
  mkdirSync(path.join(bucket, `basebackups_005/${full}/tar_partitions/part_009.tar.gz`));
  expect((await testOne(bucket)).failure).toMatchObject({
    code: 'damaged',
    message: expect.stringContaining('is a folder'),
  });
});

test('JSON that is none, or nests as no WAL-G would, is refused', async () => {
  for (const text of ['', '[]', '{"LSN":', '{"LSN":"4"}', '{"LSN":-4}', `${'['.repeat(100_000)}`]) {
    const bucket = await buildBucket();
    writeFileSync(path.join(bucket, `basebackups_005/${full}_backup_stop_sentinel.json`), text);
    const report = await testOne(bucket);
    expect(['damaged', 'truncated']).toContain(report.failure?.code);
  }
});

test('numbers of 64 bits stay exact, and digits in strings stay strings', () => {
  const value = parseExactJson(
    '{"a":18446744073709551615,"b":"18446744073709551615","c":9007199254740991,"d":[-9223372036854775808,1.5]}',
  );
  expect(isObject(value) && value).toEqual({
    a: 18446744073709551615n,
    b: '18446744073709551615',
    c: 9007199254740991,
    d: [-9223372036854775808n, 1.5],
  });
});

test('a list of files is read alike however it is cut into pieces', async () => {
  const list = {
    Hostname: 'a "quoted" \\ {host}',
    Files: {
      '/': { IsIncremented: false, IsSkipped: false, MTime: 'x' },
      '/base/1/2 "{,}"': {
        IsIncremented: true,
        IsSkipped: false,
        CorruptBlocks: { CorruptBlocksCount: 3, SomeCorruptBlocks: [1] },
      },
      '/ünïcode': { IsIncremented: false, IsSkipped: true },
    },
    Other: { nested: { deep: ['}', { x: '"' }] } },
    TarFileSets: { 'part_001.tar.lz4': ['/', '/base/1/2 "{,}"'], 'empty.tar.lz4': [] },
    DatabasesByNames: null,
  };
  const bytes = Buffer.from(JSON.stringify(list, undefined, 1));
  async function* cut(size: number) {
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  }
  const whole = await readFileList(cut(bytes.length), 'x');
  expect([...whole.files.keys()]).toEqual(Object.keys(list.Files));
  expect(whole.files.get('/base/1/2 "{,}"')).toMatchObject({ isIncremented: true, corruptBlocks: 3 });
  expect([...whole.tars]).toEqual(Object.entries(list.TarFileSets));
  for (const size of [1, 2, 3, 7, 64]) expect(await readFileList(cut(size), 'x')).toEqual(whole);
  for (let end = 0; end < bytes.length - 1; end++) {
    await expect(
      readFileList(cut(bytes.length), 'x').then(() =>
        readFileList(
          (async function* () {
            yield bytes.subarray(0, end);
          })(),
          'x',
        ),
      ),
    ).rejects.toThrow();
  }
});
