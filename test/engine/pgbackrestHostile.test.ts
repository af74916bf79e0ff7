import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DirectorySink } from '../../engine/src/sinks/directory.ts';
import {
  type BuildOptions,
  buildRepository,
  full,
  incr,
  objectsOf,
  type Sections,
  sha1,
  temporaryFolder,
  testOne,
  testRestore,
} from './pgbackrestRepository.ts';
import { expectFailure } from './pieces.ts';

type Entry = Record<string, unknown>;

/** A repository whose manifest is true to its checksum and lies. */
function lying(
  change: (files: Record<string, Entry>, sections: Sections) => unknown,
  more: BuildOptions = {},
): Promise<string> {
  return buildRepository({
    isEncrypted: false,
    ...more,
    manifest: (sections) => {
      change(sections['target:file'] as Record<string, Entry>, sections);
    },
  });
}

function set(section: Record<string, unknown> | undefined, key: string, value: unknown): void {
  if (!section) throw new Error('there is no such section');
  section[key] = value;
}

/** Tests it with and without a target, which must stay empty; returns the failure. */
async function expectRefused(root: string, code: string) {
  const folder = temporaryFolder();
  const report = await testOne(root, { keys: [], to: path.join(folder, 'inner/pg') });
  expect(report.failure, report.because.restorable).toMatchObject({ code });
  expect(report.verdict.restorable).toBe(code === 'unsupported' ? null : false);
  expect(report.restoredTo).toBeNull();
  expect(objectsOf(folder)).toEqual([]);
  expect((await testOne(root, { keys: [] })).failure).toMatchObject({ code });
  return report;
}

const honest: Entry = { checksum: sha1('x'), size: 1, timestamp: 1, 'repo-size': 21 };

describe('a manifest that lies', () => {
  test.each([
    'pg_data/../../outside',
    'pg_data/..',
    'pg_data/./x',
    'pg_data//x',
    'pg_data/x/',
    'pg_data',
    '/etc/passwd',
    '../x',
    'etc/passwd',
    'pg_tblspc/../x',
    'pg_tblspc/x/PG_15_1/1',
    `pg_data/${'x'.repeat(300)}`,
  ])('the file name %s is hostile', async (name) => {
    await expectRefused(await lying((files) => Object.assign(files, { [name]: honest })), 'hostile');
  });

  test.each(['pg_data/../x', '/etc', 'pg_data/a/../../b'])('the folder name %s is hostile', async (name) => {
    await expectRefused(await lying((_, sections) => set(sections['target:path'], name, {})), 'hostile');
  });

  test('link names and tablespaces that lead out are hostile', async () => {
    await expectRefused(
      await lying((_, sections) =>
        Object.assign(sections, { 'target:link': { 'pg_data/../x': { destination: '/' } } }),
      ),
      'hostile',
    );
    const target = { path: '/mnt', 'tablespace-id': '../../x', 'tablespace-name': 's', type: 'link' };
    await expectRefused(
      await lying((_, sections) => set(sections['backup:target'], 'pg_tblspc/../x', target)),
      'hostile',
    );
    const oid = await lying((_, sections) => set(sections['backup:target'], 'pg_tblspc/1', target));
    await expectRefused(oid, 'hostile');
  });

  test.each([
    ['size', 2n ** 63n],
    ['size', -1],
    ['size', 1.5],
    ['size', '8192'],
    ['repo-size', 2n ** 64n],
    ['bni', -1],
    ['timestamp', -5n],
    ['reference', '../../etc'],
    ['reference', 7],
    ['mode', '999'],
  ])('%s of %s is hostile', async (key, value) => {
    const root = await lying((files) => Object.assign(files['pg_data/base/1/1255'] ?? {}, { bno: 0, [key]: value }));
    await expectRefused(root, 'hostile');
  });

  test('a size larger than what is stored is truncated; smaller is damaged; a file in itself is hostile', async () => {
    await expectRefused(
      await lying((files) => Object.assign(files['pg_data/base/1/1255'] ?? {}, { 'repo-size': 2 ** 50 })),
      'truncated',
    );
    await expectRefused(
      await lying((files) => Object.assign(files['pg_data/base/1/1255'] ?? {}, { size: 2 ** 50 })),
      'damaged',
    );
    await expectRefused(
      await lying((files) => Object.assign(files['pg_data/base/1/1255'] ?? {}, { size: 3 })),
      'damaged',
    );
    await expectRefused(
      await lying((files) => Object.assign(files['pg_data/base/1/1255'] ?? {}, { bni: 9, bno: 2 ** 52 })),
      'incomplete',
    );
  });

  test('a file below another file is hostile', async () => {
    const folder = temporaryFolder();
    const root = await lying((files) => {
      files['pg_data/PG_VERSION/x'] = { ...(files['pg_data/base/1/a=b'] as Entry) };
    });
    mkdirSync(path.join(root, 'backup/demo', full, 'pg_data/PG_VERSION'));
    writeFileSync(
      path.join(root, 'backup/demo', full, 'pg_data/PG_VERSION/x.gz'),
      readFileSync(path.join(root, 'backup/demo', full, 'pg_data/base/1/a=b.gz')),
    );
    await expectFailure('hostile', testRestore(root, { keys: [], to: path.join(folder, 'pg') }));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a decompression bomb stops at the recorded size', async () => {
    const root = await lying((files) => delete files['pg_data/base/1/1255']?.rck);
    const object = path.join(root, 'backup/demo', full, 'pg_data/base/1/1255.gz');
    const bomb = gzipSync(Buffer.alloc(300_000_000));
    writeFileSync(object, bomb);
    const report = await testOne(root, { keys: [] });
    expect(report.failure).toMatchObject({ code: 'damaged' });
  });

  test('references outside of the set, unlisted references, and missing labels are refused', async () => {
    const reference = (label: string) => lying((_, sections) => set(sections.backup, 'backup-reference', label));
    await expectRefused(await reference(`20200101-000000F,${full}`), 'hostile');
    await expectRefused(await reference(`../x,${full}`), 'hostile');
    await expectRefused(await reference(`${incr},${full}`), 'hostile');
    const unlisted = await lying((files) => set(files['pg_data/base/1/1255'], 'reference', '20200101-000000F'));
    await expectRefused(unlisted, 'damaged');
  });

  test('of another label, or without files, is damaged', async () => {
    await expectRefused(
      await lying((_, sections) => set(sections.backup, 'backup-label', '20250101-000000F')),
      'hostile',
    );
    await expectRefused(await lying((_, sections) => Object.assign(sections, { 'target:file': {} })), 'damaged');
  });

  test('of the beta of block incremental is named', async () => {
    const root = await lying((_, sections) => set(sections.backup, 'backup-block-incr', true), {
      version: '2.45',
    });
    const report = await expectRefused(root, 'unsupported');
    expect(report.failure?.message).toContain('beta');
    const older = await lying((files) => Object.assign(files['pg_data/base/1/1255'] ?? {}, { bis: 1, bims: 100 }), {
      version: '2.44',
    });
    await expectRefused(older, 'unsupported');
  });

  test('with WAL that runs backwards, for ever, or by no name is refused', async () => {
    const range = (start: string, stop: string) =>
      lying((_, sections) =>
        Object.assign(sections.backup ?? {}, { 'backup-archive-start': start, 'backup-archive-stop': stop }),
      );
    expect(
      (await testOne(await range('000000010000000000000003', '000000010000000000000002'), { keys: [] })).failure?.code,
    ).toMatch(/hostile|damaged/);
    await expectRefused(await range('../../../../etc/passwd12', '000000010000000000000002'), 'hostile');
  });

  test('a newer repository format is unsupported, by number or by header', async () => {
    const root = await buildRepository({ isEncrypted: false, format: 6 });
    expect((await testOne(root, { keys: [] })).failure).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('format 6'),
    });
    const header = await buildRepository({ isEncrypted: false });
    for (const name of ['backup.info', 'backup.info.copy'])
      writeFileSync(path.join(header, 'backup/demo', name), 'PGBR\x06 and more');
    expect((await testOne(header, { keys: [] })).failure).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('PGBR'),
    });
  });

  test('labels in backup.info that are paths are hostile', async () => {
    const root = await buildRepository({
      isEncrypted: false,
      backupInfo: (sections) => {
        const current = sections['backup:current'] ?? {};
        current['../../../etc'] = current[full];
      },
    });
    expect((await testOne(root, { keys: [] })).failure).toMatchObject({ code: 'hostile' });
  });
});

test.skipIf(process.platform === 'win32')('a pipe in the place of a file is refused, not waited for', async () => {
  const root = await buildRepository({ isEncrypted: false });
  const object = path.join(root, 'backup/demo', full, 'pg_data/base/1/1255.gz');
  unlinkSync(object);
  expect(spawnSync('mkfifo', [object]).status).toBe(0);
  expect((await testOne(root, { keys: [] })).failure).toMatchObject({ code: 'hostile' });
});

test('a folder in the place of a file is damage', async () => {
  const root = await buildRepository({ isEncrypted: false });
  const object = path.join(root, 'backup/demo', full, 'pg_data/base/1/1255.gz');
  unlinkSync(object);
  mkdirSync(object);
  expect((await testOne(root, { keys: [] })).failure).toMatchObject({ code: 'damaged' });
});

describe('the directory sink', () => {
  test('never leaves the target, never writes twice, never through a link', async () => {
    const folder = temporaryFolder();
    const sink = await DirectorySink.create(path.join(folder, 'target'));
    const write = (name: string) => {
      const writer = sink.file(Buffer.from(name), { mode: 0o600 });
      writer.write(Buffer.from('x'));
      writer.finish();
    };
    for (const name of ['../x', '/x', 'a/../../x', 'a//b', '.', 'a/.', 'a\0b'])
      expect(() => write(name), name).toThrow(/leads out/);
    write('a/b');
    expect(() => write('a/b')).toThrow(/over or through/);
    expect(() => write('a/b/c')).toThrow(/over or through/);
    sink.link(Buffer.from('out'), Buffer.from(folder));
    expect(() => write('out/stolen')).toThrow(/over or through/);
    expect(() => write('out')).toThrow(/over or through/);
    await sink.discard();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('does not replace what has taken the name meanwhile', async () => {
    const folder = temporaryFolder();
    const sink = await DirectorySink.create(path.join(folder, 'target'));
    mkdirSync(path.join(folder, 'target'));
    writeFileSync(path.join(folder, 'target/precious'), '');
    await expectFailure('usage', sink.publish());
    rmSync(path.join(folder, 'target'), { recursive: true });
    symlinkSync(temporaryFolder(), path.join(folder, 'target'));
    await expectFailure('usage', sink.publish());
    await sink.discard();
    expect(readdirSync(folder)).toEqual(['target']);
  });

  test('gives folders their modes at the end, also those that forbid writing', async () => {
    const folder = temporaryFolder();
    const sink = await DirectorySink.create(path.join(folder, 'deep/target'));
    sink.folder(Buffer.alloc(0), 0o750);
    sink.folder(Buffer.from('closed'), 0o500);
    sink.file(Buffer.from('closed/file'), { mode: 0o400, modifiedAt: 1 }).finish();
    const target = await sink.publish();
    expect(objectsOf(target)).toEqual(['closed/file']);
  });

  test('keeps nothing of a file that was abandoned', async () => {
    const folder = temporaryFolder();
    const sink = await DirectorySink.create(path.join(folder, 'target'));
    const writer = sink.file(Buffer.from('half'), { mode: 0o600 });
    writer.write(Buffer.from('x'));
    writer.abandon();
    expect(objectsOf(await sink.publish())).toEqual([]);
  });
});
