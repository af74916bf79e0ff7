import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { DirectorySink } from '../../engine/src/sinks/directory.ts';
import { Owners } from '../../engine/src/sinks/owners.ts';
import {
  buildRepository,
  full,
  objectsOf,
  type Sections,
  sha1,
  temporaryFolder,
  testOne,
  testRestore,
} from './pgbackrestRepository.ts';
import { expectFailure } from './pieces.ts';

const space = 'pg_tblspc/16500/PG_15_202209061';
const modifiedAt = 1_767_268_800;

/** A cluster with two databases of users, a tablespace, a link to a folder and one to a file. */
function cluster(change: (sections: Sections) => void = () => undefined): Promise<string> {
  const files: Record<string, string> = {
    'pg_data/base/16384/PG_VERSION': '15\n',
    'pg_data/base/16384/1259': 'shop',
    'pg_data/base/16385/PG_VERSION': '15\n',
    'pg_data/base/16385/1259': 'other',
    [`${space}/16384/2000`]: 'shop in a tablespace',
    [`${space}/16385/PG_VERSION`]: '15\n',
    [`${space}/16385/2000`]: 'other in a tablespace',
    'pg_data/linked dir/a.txt': 'in a linked folder',
    'pg_data/linked dir/sub/b.txt': 'deeper',
    'pg_data/linked.conf': 'a linked file',
    'pg_data/tablespace_map': '16500 /mnt/fast\n',
    'pg_data/base/1/PG_VERSION': '15\n',
  };
  return buildRepository({
    isEncrypted: false,
    compression: 'none',
    manifest: (sections, label, root) => {
      for (const [name, contents] of Object.entries(files)) {
        const object = path.join(root, 'backup/demo', label, name);
        mkdirSync(path.dirname(object), { recursive: true });
        writeFileSync(object, contents);
        Object.assign(sections['target:file'] ?? {}, {
          [name]: { checksum: sha1(contents), size: contents.length, timestamp: modifiedAt },
        });
      }
      Object.assign(sections['backup:target'] ?? {}, {
        'pg_data/linked dir': { path: '/mnt/elsewhere', type: 'link' },
        'pg_data/linked.conf': { file: 'real.conf', path: '../etc', type: 'link' },
        'pg_tblspc/16500': {
          path: '/mnt/fast',
          'tablespace-id': '16500',
          'tablespace-name': 'fast and "odd"',
          type: 'link',
        },
      });
      sections['target:link'] = {
        'pg_data/linked dir': { destination: '/mnt/elsewhere' },
        'pg_data/linked.conf': { destination: '../etc/real.conf' },
        'pg_data/pg_tblspc/16500': { destination: '/mnt/fast' },
      };
      Object.assign(sections['target:path'] ?? {}, {
        'pg_data/base/16384': {},
        'pg_data/base/16385': {},
        'pg_data/linked dir': { mode: '0750' },
        'pg_data/linked dir/sub': {},
        'pg_data/pg_tblspc': {},
        pg_tblspc: {},
        'pg_tblspc/16500': {},
        [space]: {},
        [`${space}/16384`]: {},
        [`${space}/16385`]: {},
      });
      sections.db = {
        postgres: { 'db-id': 5, 'db-last-system-id': 16383 },
        shop: { 'db-id': 16384, 'db-last-system-id': 16383 },
        'öther "db"': { 'db-id': 16385, 'db-last-system-id': 16383 },
      };
      change(sections);
    },
  });
}

function read(folder: string, name: string): string {
  return readFileSync(path.join(folder, name), 'utf8');
}

describe('places of tablespaces and links', () => {
  test('without a wish, tablespaces lie below the target and links are what they led to', async () => {
    const to = path.join(temporaryFolder(), 'pg');
    const report = await testOne(await cluster(), { keys: [], to });
    expect(report.failure).toBeNull();
    expect(readlinkSync(path.join(to, 'pg_tblspc/16500'))).toBe('../tablespaces/16500');
    expect(read(to, `${space}/16384/2000`)).toBe('shop in a tablespace');
    expect(lstatSync(path.join(to, 'linked dir')).isDirectory()).toBe(true);
    expect(lstatSync(path.join(to, 'linked.conf')).isFile()).toBe(true);
    expect(existsSync(path.join(to, 'tablespace_map'))).toBe(false);
    expect(report.notes.join('\n')).toMatch(/Tablespace fast and "odd" lies in tablespaces\/16500 below the target/);
  });

  test('the target can be moved with all that links lead to', async () => {
    const to = path.join(temporaryFolder(), 'pg');
    const report = await testOne(await cluster(), { keys: [], to, places: { keepLinks: true } });
    expect(report.failure).toBeNull();
    expect(readlinkSync(path.join(to, 'linked dir'))).toBe('links/linked dir');
    expect(readlinkSync(path.join(to, 'linked.conf'))).toBe('links/linked.conf');
    expect(read(to, 'linked dir/sub/b.txt')).toBe('deeper');
    expect(read(to, 'linked.conf')).toBe('a linked file');
    expect(statSync(path.join(to, 'linked dir')).mode & 0o777).toBe(0o750);
    expect(statSync(path.join(to, 'linked.conf')).mtimeMs / 1000).toBe(modifiedAt);
  });

  test('named places outside the target get what belongs there', async () => {
    const folder = realpathSync(temporaryFolder());
    const at = (name: string) => path.join(folder, name);
    const report = await testOne(await cluster(), {
      keys: [],
      to: at('pg'),
      places: {
        tablespaces: { 'fast and "odd"': at('disk/fast') },
        links: { 'linked dir': at('disk/dir'), 'linked.conf': at('etc/my.conf'), pg_wal: at('wal') },
      },
    });
    expect(report.failure).toBeNull();
    expect(readlinkSync(at('pg/pg_tblspc/16500'))).toBe(at('disk/fast'));
    expect(read(folder, 'disk/fast/PG_15_202209061/16385/2000')).toBe('other in a tablespace');
    expect(readlinkSync(at('pg/linked dir'))).toBe(at('disk/dir'));
    expect(read(folder, 'disk/dir/sub/b.txt')).toBe('deeper');
    expect(readlinkSync(at('pg/linked.conf'))).toBe(at('etc/my.conf'));
    expect(read(folder, 'etc/my.conf')).toBe('a linked file');
    expect(readlinkSync(at('pg/pg_wal'))).toBe(at('wal'));
    expect(readdirSync(folder).sort()).toEqual(['disk', 'etc', 'pg', 'wal']);
    expect(readdirSync(at('disk')).sort()).toEqual(['dir', 'fast']);
    expect(readdirSync(at('etc'))).toEqual(['my.conf']);
  });

  test('all tablespaces can go to one folder, by their names', async () => {
    const folder = realpathSync(temporaryFolder());
    const places = { allTablespaces: path.join(folder, 'spaces') };
    const report = await testOne(await cluster(), { keys: [], to: path.join(folder, 'pg'), places });
    expect(report.failure).toBeNull();
    expect(readdirSync(path.join(folder, 'spaces'))).toEqual(['fast and "odd"']);
  });

  test.each([
    ['a tablespace that is not there', { tablespaces: { slow: '/x' } }, /no tablespace slow/],
    ['a link that is not there', { links: { nothing: '/x' } }, /no link or folder nothing/],
    ['a tablespace as a link', { links: { 'pg_tblspc/16500': '/x' } }, /no link or folder/],
    ['a place inside the target', { tablespaces: { 16500: 'pg/inside' } }, /lies in another folder/],
    ['a place around the target', { tablespaces: { 16500: '.' } }, /is not empty|lies in another folder/],
    ['two places in each other', { tablespaces: { 16500: 'a' }, links: { 'linked dir': 'a/b' } }, /lies in another/],
    ['a place that is not empty', { tablespaces: { 16500: 'taken' } }, /is not empty/],
    ['a file that is there', { links: { 'linked.conf': 'taken/file' } }, /exists/],
  ])('%s is refused and leaves nothing', async (_, places, message) => {
    const folder = realpathSync(temporaryFolder());
    mkdirSync(path.join(folder, 'taken'));
    writeFileSync(path.join(folder, 'taken/file'), 'precious');
    const resolved = Object.fromEntries(
      Object.entries(places).map(([kind, map]) => [
        kind,
        Object.fromEntries(Object.entries(map as Record<string, string>).map(([k, v]) => [k, path.resolve(folder, v)])),
      ]),
    );
    const failure = await expectFailure(
      'usage',
      testRestore(await cluster(), { keys: [], to: path.join(folder, 'pg'), places: resolved }),
    );
    expect(failure.message).toMatch(message);
    expect(objectsOf(folder)).toEqual(['taken/file']);
    expect(readdirSync(folder).filter((it) => it.includes('restorable'))).toEqual([]);
  });

  test('a damaged file leaves nothing at any of the places', async () => {
    const folder = realpathSync(temporaryFolder());
    const root = await cluster();
    writeFileSync(path.join(root, 'backup/demo', full, 'pg_data/base/16385/1259'), 'OTHER');
    const places = { tablespaces: { 16500: path.join(folder, 'a') }, links: { 'linked.conf': path.join(folder, 'b') } };
    const report = await testOne(root, { keys: [], to: path.join(folder, 'pg'), places });
    expect(report.failure).toMatchObject({ code: 'damaged' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('what takes one of the names meanwhile is kept, and nothing is published', async () => {
    const folder = realpathSync(temporaryFolder());
    const sink = await DirectorySink.create(path.join(folder, 'pg'));
    await sink.routeOutside(Buffer.from('a'), path.join(folder, 'a'));
    await sink.routeOutside(Buffer.from('conf'), path.join(folder, 'my.conf'), { isFile: true });
    sink.file(Buffer.from('a/x'), { mode: 0o600 }).finish();
    sink.file(Buffer.from('conf'), { mode: 0o600 }).finish();
    mkdirSync(path.join(folder, 'pg'));
    writeFileSync(path.join(folder, 'pg/precious'), '');
    await expectFailure('usage', sink.publish());
    await sink.discard();
    expect(objectsOf(folder)).toEqual(['pg/precious']);
    expect(readdirSync(folder)).toEqual(['pg']);
  });

  test('a folder of the data directory with the name of ours stays its own', async () => {
    const to = path.join(temporaryFolder(), 'pg');
    const root = await cluster((sections) =>
      Object.assign(sections['target:path'] ?? {}, { 'pg_data/tablespaces': {}, 'pg_data/tablespaces/16500': {} }),
    );
    const report = await testOne(root, { keys: [], to });
    expect(report.failure).toBeNull();
    expect(readlinkSync(path.join(to, 'pg_tblspc/16500'))).toBe('../tablespaces-2/16500');
    expect(readdirSync(path.join(to, 'tablespaces/16500'))).toEqual([]);
  });

  test('a file that would be written through a link of the backup is hostile', async () => {
    const to = path.join(temporaryFolder(), 'pg');
    const root = await cluster((sections) => {
      Object.assign(sections['target:file'] ?? {}, {
        'pg_data/linked.conf/x': { checksum: sha1('15\n'), size: 3, timestamp: 1 },
      });
    });
    mkdirSync(path.join(root, 'backup/demo', full, 'pg_data/linked.conf.d'));
    const job = { keys: [], to, places: { keepLinks: true } };
    const reports = await testRestore(root, job).catch((error) => [{ failure: error.failure }]);
    expect(reports[0]?.failure?.code).toMatch(/hostile|incomplete/);
    expect(existsSync(to)).toBe(false);
  });
});

describe('a part of a backup', () => {
  test('one database: files of the others are holes, the system is whole', async () => {
    const to = path.join(temporaryFolder(), 'pg');
    const report = await testOne(await cluster(), { keys: [], to, parts: { databases: ['shop'] } });
    expect(report.failure).toBeNull();
    expect(report.verdict).toMatchObject({ decrypted: true, complete: null, restorable: null });
    expect(report.because.restorable).toBe(
      'only the databases 1, postgres, shop were asked for; nothing else was read',
    );
    expect(read(to, 'base/16384/1259')).toBe('shop');
    expect(read(to, `${space}/16384/2000`)).toBe('shop in a tablespace');
    for (const [name, size] of [
      ['base/16385/1259', 5],
      [`${space}/16385/2000`, 21],
    ] as const) {
      expect(readFileSync(path.join(to, name))).toEqual(Buffer.alloc(size));
      expect(statSync(path.join(to, name))).toMatchObject({ mtimeMs: modifiedAt * 1000, blocks: 0 });
    }
    expect(read(to, 'base/16385/PG_VERSION')).toBe('15\n');
    expect(read(to, `${space}/16385/PG_VERSION`)).toBe('15\n');
  });

  test('a database that is left out is not read: its damage does not matter', async () => {
    const root = await cluster();
    writeFileSync(path.join(root, 'backup/demo', full, 'pg_data/base/16385/1259'), 'OTHER');
    const to = path.join(temporaryFolder(), 'pg');
    const report = await testOne(root, { keys: [], to, parts: { databasesExcluded: ['öther "db"'] } });
    expect(report.failure).toBeNull();
    expect(read(to, 'base/16385/1259')).toBe('\0\0\0\0\0');
    expect((await testOne(root, { keys: [], parts: { databasesExcluded: ['16384'] } })).failure?.code).toBe('damaged');
  });

  test.each([
    [{ databases: ['nothing'] }, /no database nothing/],
    [{ databases: ['99999'] }, /no database 99999/],
    [{ databases: ['postgres'] }, /no database postgres|database of the system/],
    [{ databases: ['1'] }, /database of the system/],
    [{ databases: ['shop'], databasesExcluded: ['16384'] }, /asked for and left out/],
    [{ databases: ['shop'], only: ['base'] }, /cannot be chosen together/],
    [{ only: ['nothing/**'] }, /no file of the backup matches/],
    [{ only: ['/'] }, /names no file/],
  ])('%j is refused', async (parts, message) => {
    const folder = temporaryFolder();
    const failure = await expectFailure(
      'usage',
      testRestore(await cluster(), { keys: [], to: path.join(folder, 'pg'), parts }),
    );
    expect(failure.message).toMatch(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    [['base/16384'], ['base/16384/1259', 'base/16384/PG_VERSION']],
    [
      ['base/*/PG_VERSION', 'PG_VERSION'],
      ['PG_VERSION', 'base/1/PG_VERSION', 'base/16384/PG_VERSION', 'base/16385/PG_VERSION'],
    ],
    [['**/2000'], [`${space}/16384/2000`, `${space}/16385/2000`]],
    [['pg_tblspc/16500/*/16384/**'], [`${space}/16384/2000`]],
    [['linked ?ir'], ['linked dir/a.txt', 'linked dir/sub/b.txt']],
    [['base/1/a=?', 'a+b'], ['base/1/a=b']],
    [['*.conf'], ['linked.conf', 'postgresql.auto.conf']],
    [
      ['tablespace_map', 'backup_label', 'global'],
      ['backup_label', 'global/pg_control', 'tablespace_map'],
    ],
  ])('only %j', async (only, expected) => {
    const root = await cluster();
    const to = path.join(temporaryFolder(), 'pg');
    const report = await testOne(root, { keys: [], to, parts: { only } });
    expect(report.failure).toBeNull();
    expect(report.files).toMatchObject({ total: expected.length, verified: expected.length });
    expect(report.verdict).toMatchObject({ decrypted: true, complete: null, restorable: null });
    expect(objectsOf(to)).toEqual(expected);
    for (const name of expected) {
      const stored = name.startsWith('pg_tblspc') ? name : `pg_data/${name}`;
      const object = path.join(root, 'backup/demo', full, stored);
      expect(readFileSync(path.join(to, name)), name).toEqual(readFileSync(object));
      expect(statSync(path.join(to, name)).mtimeMs).toBe(modifiedAt * 1000);
    }
  });
});

describe('owners', () => {
  const owners = new Owners(new Map([['postgres', 112]]), new Map([['postgres', 120]]), { uid: 7, gid: 8 });

  test('are found by name; what this machine does not know stays, what the source did not know goes to the target', () => {
    expect(owners.idsOf({ user: 'postgres', group: 'postgres' })).toEqual({ uid: 112, gid: 120 });
    expect(owners.idsOf({ user: 'nobody-here', group: 'postgres' })).toEqual({ uid: -1, gid: 120 });
    expect(owners.idsOf({ user: false, group: false })).toEqual({ uid: 7, gid: 8 });
  });

  test.skipIf(process.getuid?.() !== 0)('of files, folders and links are set by root, as in the manifest', async () => {
    const to = path.join(temporaryFolder(), 'pg');
    const root = await cluster((sections) => {
      sections['target:file:default'] = { group: 'daemon', mode: '0600', user: 'daemon' };
      sections['target:path:default'] = { group: 'daemon', mode: '0700', user: 'bin' };
      sections['target:link:default'] = { group: 'sys', user: 'sys' };
      Object.assign(sections['target:file']?.['pg_data/base/16384/1259'] ?? {}, { user: 'bin', group: false });
      Object.assign(sections['target:file']?.['pg_data/base/16385/1259'] ?? {}, { user: 'no-such-user' });
    });
    const report = await testOne(root, { keys: [], to });
    expect(report.failure).toBeNull();
    const owner = (name: string) => {
      const { uid, gid } = lstatSync(path.join(to, name));
      return [uid, gid];
    };
    expect(owner('')).toEqual([2, 1]);
    expect(owner('PG_VERSION')).toEqual([1, 1]);
    expect(owner('base/16384/1259')).toEqual([2, 0]);
    expect(owner('base/16385/1259')).toEqual([0, 1]);
    expect(owner('pg_tblspc/16500')).toEqual([3, 3]);
    expect(owner('postgresql.auto.conf')).toEqual([2, 1]);
    expect(owner('recovery.signal')).toEqual([2, 1]);
    expect(report.notes.join('\n')).toMatch(/Not known on this machine.*no-such-user/);
  });

  test.skipIf(process.getuid?.() !== 0)('that were not known on the source are those of the empty target', async () => {
    const { chownSync } = await import('node:fs');
    const to = path.join(temporaryFolder(), 'pg');
    mkdirSync(to);
    chownSync(to, 9, 10);
    chmodSync(to, 0o755);
    const root = await cluster((sections) => {
      sections['target:file:default'] = { group: false, mode: '0600', user: false };
    });
    const report = await testOne(root, { keys: [], to });
    expect(report.failure).toBeNull();
    expect(lstatSync(path.join(to, 'PG_VERSION'))).toMatchObject({ uid: 9, gid: 10 });
  });
});
