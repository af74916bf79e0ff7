import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  inspectRepository,
  isRepository,
  testRestoreRepository,
} from '../../engine/src/archives/pgbackrest/repository.ts';
import { variants } from '../../engine/src/archives/pgbackrest/repositoryPass.ts';
import type { TestRestoreJob } from '../../engine/src/job.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import {
  buildRepository,
  full,
  incr,
  objectsOf,
  passOffer,
  repositoryPass,
  sha1,
  systemId,
  temporaryFolder,
  testOne,
  testRestore,
} from './pgbackrestRepository.ts';
import { expectFailure } from './pieces.ts';
import { wholeSegment } from './walSegments.ts';

/** Places tried in every object; in CI more, for it has the time. */
const places = process.env.CI ? 60 : 8;
const restored = { decrypted: true, authentic: null, complete: true, restorable: true };

describe('a sound repository', () => {
  test.each([
    { isEncrypted: true, compression: 'gz' },
    { isEncrypted: true, compression: 'none' },
    { isEncrypted: false, compression: 'gz' },
    { isEncrypted: false, compression: 'none' },
  ] as const)('is restorable and never authentic: encrypted $isEncrypted, $compression', async (options) => {
    const root = await buildRepository({ ...options, withIncremental: true });
    const reports = await testRestore(root, { backup: 'all', keys: options.isEncrypted ? [passOffer()] : [] });
    expect(reports.map((it) => it.backup?.label)).toEqual([full, incr, undefined]);
    expect(reports.at(-1)).toMatchObject({ backup: null, verdict: restored, files: { total: 3, verified: 3 } });
    for (const report of reports.slice(0, 2)) {
      expect(report.failure).toBeNull();
      expect(report.verdict).toEqual(restored);
      expect(report.files).toEqual({ total: 7, verified: 7, failed: [] });
      expect(report.backup?.wal).toMatchObject({ segments: 3 });
      expect(report.notes).toEqual([]);
      expect(report.because.authentic).toMatch(
        options.isEncrypted ? /AES-256-CBC authenticates nothing/ : /nothing is encrypted/,
      );
    }
  });

  test('shows the chain of passes and not one of them', async () => {
    const root = await buildRepository();
    const report = await testOne(root);
    expect(report.keys.map((it) => `${it.source} -> ${it.opens}`)).toEqual([
      'repo1-cipher-pass in pgbackrest.conf -> archive.info and backup.info',
      'archive.info, [cipher] -> the WAL archive',
      'backup.info, [cipher] -> the manifests',
      `${full}/backup.manifest, [cipher] -> the files of the set ${full}`,
    ]);
    expect(JSON.stringify(report)).not.toContain(repositoryPass);
  });

  test('latest is the newest, a label is that one, and a path into a backup means that backup', async () => {
    const root = await buildRepository({ withIncremental: true });
    expect((await testOne(root)).backup?.label).toBe(incr);
    expect((await testOne(root, { backup: full })).backup?.label).toBe(full);
    const inside = await testOne(path.join(root, 'backup/demo', full));
    expect(inside.backup?.label).toBe(full);
    expect(inside.notes.join()).toContain(`inside the repository ${root}`);
    expect((await testOne(path.join(root, 'backup/demo', full, 'pg_data'))).backup?.label).toBe(full);
    expect((await testOne(path.join(root, 'archive/demo/15-1'))).verdict).toEqual(restored);
  });

  test('writes nothing without a target', async () => {
    const root = await buildRepository();
    const before = objectsOf(root);
    await testRestore(root);
    expect(objectsOf(root)).toEqual(before);
  });

  test('reports what it reads and stops when asked', async () => {
    const root = await buildRepository({ withIncremental: true });
    const steps = new Map<string, number>();
    const stop = new AbortController();
    const context = {
      ...quietContext(stop.signal),
      progress: (step: string, bytes: number) => void steps.set(step, bytes),
    };
    await testRestoreRepository({ kind: 'test-restore', archive: root, keys: [passOffer()] }, context);
    expect([...steps.keys()]).toContain(`backup/demo/${incr}/pg_data/base/1/a=b.gz`);
    stop.abort();
    await expectFailure(
      'cancelled',
      testRestoreRepository({ kind: 'test-restore', archive: root, keys: [passOffer()] }, context),
    );
  });
});

describe('the pass', () => {
  test('of another repository is a wrong key, by the hundred, and never a crash', async () => {
    const root = await buildRepository();
    for (let index = 0; index < 300; index++) {
      const [report] = await testRestore(root, { keys: [passOffer(`${repositoryPass} ${index}`)] });
      expect(report?.failure).toMatchObject({ code: 'wrong-key', stage: 'key', path: 'archive/demo/archive.info' });
      expect(report?.verdict).toEqual({ decrypted: false, authentic: null, complete: null, restorable: false });
      expect(JSON.stringify(report)).not.toContain(repositoryPass);
    }
  });

  test.each([
    ['with a line end', `${repositoryPass}\n`, 'without the line end behind it'],
    ['with CRLF', `${repositoryPass}\r\n`, 'without the line end behind it'],
    ['with blanks', `  ${repositoryPass} `, 'without the blanks around it'],
    ['in double quotes', `"${repositoryPass}"`, 'without the quotes around it'],
    ['in single quotes, with a line end', `'${repositoryPass}'\n`, 'without the quotes around it'],
    ['with a comment', `${repositoryPass} # the production one`, 'without the comment behind it'],
    ['as the line of a conf', `repo1-cipher-pass=${repositoryPass}\n`, 'without the name of the option'],
    ['still in base64', Buffer.from(repositoryPass).toString('base64'), 'decoded from base64 once more'],
    [
      'still in base64 with a line end',
      Buffer.from(`${repositoryPass}\n`).toString('base64'),
      'decoded from base64 once more',
    ],
  ])('%s is refused, naming the form that works', async (_, pass, form) => {
    const report = await testOne(await buildRepository(), { keys: [passOffer(pass)] });
    expect(report.failure).toMatchObject({ code: 'wrong-key' });
    expect(report.failure?.message).toContain(form);
    expect(JSON.stringify(report)).not.toContain(repositoryPass);
  });

  test('variants go the other way as well: what pgBackRest took as part of the pass', () => {
    const forms = variants(Buffer.from('abc')).map((it) => Buffer.from(it.bytes).toString());
    expect(forms).toContain('"abc"');
    expect(forms).toContain('abc\n');
    expect(forms).toContain(Buffer.from('abc').toString('base64'));
    expect(forms).not.toContain('abc');
  });

  test('missing is said so; another one among several is found', async () => {
    const root = await buildRepository();
    const [without] = await testRestore(root, { keys: [] });
    expect(without?.failure).toMatchObject({
      code: 'wrong-key',
      message: 'the repository is encrypted and no cipher pass was given',
    });
    const report = await testOne(root, {
      keys: [passOffer('wrong', { source: 'first' }), passOffer(undefined, { source: 'second' })],
    });
    expect(report.verdict).toEqual(restored);
    expect(report.keys[0]?.source).toBe('second');
  });

  test('for another stanza or repository is not tried', async () => {
    const root = await buildRepository();
    const keys = [passOffer(undefined, { stanza: 'other' }), passOffer(undefined, { repo: 2 })];
    expect((await testOne(root, { keys, repo: 1 })).failure?.code).toBe('wrong-key');
    expect((await testOne(root, { keys, repo: 2 })).verdict).toEqual(restored);
  });

  test('configured for a repository that is not encrypted: that is the news', async () => {
    const root = await buildRepository({ isEncrypted: false });
    const report = await testOne(root);
    expect(report.failure).toMatchObject({ code: 'not-encrypted', path: 'backup/demo/backup.info' });
    expect(report.failure?.hint).toContain('cipher-type=aes-256-cbc');
    expect(report.verdict).toEqual({ decrypted: null, authentic: null, complete: null, restorable: null });
    expect((await testOne(root, { keys: [], expectEncrypted: true })).failure?.code).toBe('not-encrypted');
    expect((await testOne(root, { expectEncrypted: false })).verdict).toEqual(restored);
  });
});

describe('a part of a repository', () => {
  test('without archive/ is checked, but not complete', async () => {
    const root = await buildRepository();
    rmSync(path.join(root, 'archive'), { recursive: true });
    const report = await testOne(root);
    expect(report.verdict).toEqual({ decrypted: true, authentic: null, complete: false, restorable: false });
    expect(report.files).toMatchObject({ total: 7, verified: 7 });
    expect(report.failure).toMatchObject({ code: 'incomplete', stage: 'wal', path: 'archive/demo/archive.info' });
  });

  test('without backup/ has nothing to restore', async () => {
    const root = await buildRepository();
    rmSync(path.join(root, 'backup'), { recursive: true });
    expect((await testOne(root)).failure).toMatchObject({
      code: 'incomplete',
      message: expect.stringContaining('only archive/'),
    });
  });

  test('without backup.info says that the keys of the manifests are lost', async () => {
    const root = await buildRepository();
    for (const name of ['backup.info', 'backup.info.copy']) unlinkSync(path.join(root, 'backup/demo', name));
    const report = await testOne(root);
    expect(report.failure).toMatchObject({ code: 'incomplete', stage: 'chain', path: 'backup/demo/backup.info' });
    expect(report.failure?.hint).toContain('pass');
  });

  test('that is one stanza folder alone is recognised', async () => {
    const root = await buildRepository();
    const part = path.join(temporaryFolder(), 'copied');
    cpSync(path.join(root, 'backup/demo'), part, { recursive: true });
    expect(await isRepository(part)).toBe(true);
    expect((await testOne(part)).failure).toMatchObject({
      code: 'incomplete',
      hint: expect.stringContaining('archive/ and backup/'),
    });
    expect((await inspectRepository(part, quietContext())).problems).toHaveLength(1);
  });

  test('without the full backup of its chain is incomplete, whether deleted or expired', async () => {
    const deleted = await buildRepository({ withIncremental: true });
    rmSync(path.join(deleted, 'backup/demo', full), { recursive: true });
    expect((await testOne(deleted)).failure).toMatchObject({
      code: 'incomplete',
      stage: 'chain',
      path: `backup/demo/${full}`,
    });
    const expired = await buildRepository({
      withIncremental: true,
      backupInfo: (sections) => delete sections['backup:current']?.[full],
    });
    const report = await testOne(expired, { backup: incr });
    expect(report.failure).toMatchObject({
      code: 'incomplete',
      stage: 'chain',
      message: expect.stringContaining('expired'),
    });
    expect(report.verdict.restorable).toBe(false);
  });

  test('with a file missing names it and goes on with the others', async () => {
    const root = await buildRepository();
    unlinkSync(path.join(root, 'backup/demo', full, 'pg_data/base/1/1255.gz'));
    const report = await testOne(root);
    expect(report.files).toMatchObject({ total: 7, verified: 6 });
    expect(report.failure).toMatchObject({ code: 'incomplete', path: `backup/demo/${full}/pg_data/base/1/1255.gz` });
    expect(report.verdict).toMatchObject({ complete: false, restorable: false });
  });

  test('with a WAL segment missing is incomplete: first, middle, last', async () => {
    for (const number of [2, 3, 4]) {
      const root = await buildRepository();
      const folder = path.join(root, 'archive/demo/15-1/0000000100000000');
      const segment = `00000001000000000000000${number}`;
      for (const name of readdirSync(folder)) if (name.startsWith(segment)) unlinkSync(path.join(folder, name));
      const report = await testOne(root);
      expect(report.failure).toMatchObject({
        code: 'incomplete',
        stage: 'wal',
        message: expect.stringContaining(segment),
      });
      expect(report.verdict).toEqual({ decrypted: true, authentic: null, complete: false, restorable: false });
    }
  });

  test('whose newest backup was not finished offers the older one', async () => {
    const root = await buildRepository({
      withIncremental: true,
      backupInfo: (sections) => delete sections['backup:current']?.[incr],
    });
    unlinkSync(path.join(root, 'backup/demo', incr, 'backup.manifest'));
    expect((await testOne(root)).backup?.label).toBe(full);
    expect((await testOne(root, { backup: incr })).failure).toMatchObject({
      code: 'incomplete',
      stage: 'chain',
      message: expect.stringContaining('not finished'),
    });
    expect((await testOne(root, { backup: '20250101-000000F' })).failure).toMatchObject({ code: 'incomplete' });
    await expectFailure('usage', testRestore(root, { backup: 'yesterday' }));
  });
});

describe('copies', () => {
  test.each(['archive/demo/archive.info', 'backup/demo/backup.info', `backup/demo/${full}/backup.manifest`])(
    '%s: the copy is used when the file is damaged, cut, empty or missing, and the report says so',
    async (name) => {
      const spoil: Record<string, (file: string) => void> = {
        damaged: (file) => flip(file, 40),
        'damaged in the salt': (file) => flip(file, 10),
        'damaged in the magic': (file) => flip(file, 0),
        cut: (file) => writeFileSync(file, readFileSync(file).subarray(0, 100)),
        empty: (file) => writeFileSync(file, ''),
        missing: (file) => unlinkSync(file),
      };
      for (const [what, harm] of Object.entries(spoil)) {
        for (const object of [name, `${name}.copy`]) {
          const root = await buildRepository();
          harm(path.join(root, object));
          const report = await testOne(root);
          expect(report.verdict, `${object} ${what}`).toEqual(restored);
          expect(
            report.files.failed.map((it) => it.path),
            `${object} ${what}`,
          ).toEqual([object]);
          expect(report.notes.join()).toContain(object);
        }
      }
    },
  );

  test('that are both damaged are a failure with the place', async () => {
    const root = await buildRepository();
    for (const name of ['backup.info', 'backup.info.copy']) flip(path.join(root, 'backup/demo', name), 200);
    const report = await testOne(root);
    expect(report.failure).toMatchObject({ code: 'damaged', path: 'backup/demo/backup.info' });
    expect(report.verdict.restorable).toBe(false);
  });
});

describe('several stanzas', () => {
  test('need a choice, unless the path or the question makes it', async () => {
    const root = await buildRepository();
    for (const half of ['archive', 'backup'])
      cpSync(path.join(root, half, 'demo'), path.join(root, half, 'second'), { recursive: true });
    const failure = await expectFailure('usage', testRestore(root));
    expect(failure.message).toContain('demo, second');
    expect((await testOne(root, { stanza: 'second' })).verdict).toEqual(restored);
    expect((await testOne(path.join(root, 'backup/second'))).backup?.stanza).toBe('second');
    await expectFailure('usage', testRestore(root, { stanza: 'third' }));
  });
});

describe('a target', () => {
  test('gets the data directory as pgBackRest gives it, under its final name at once', async () => {
    const root = await buildRepository({ withIncremental: true });
    const to = path.join(temporaryFolder(), 'pg');
    const report = await testOne(root, { to });
    expect(report.restoredTo).toBe(to);
    expect(objectsOf(to)).toEqual([
      'PG_VERSION',
      'backup_label',
      'base/1/1255',
      'base/1/a=b',
      'base/1/empty',
      'global/pg_control',
      'postgresql.auto.conf',
      'recovery.signal',
    ]);
    expect(readFileSync(path.join(to, 'base/1/a=b'), 'utf8')).toBe(`changed in ${incr}`);
    expect(statSync(to).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(to, 'base/1/1255')).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(to, 'base/1/1255')).mtimeMs).toBe(1_767_268_800_000);
    expect(statSync(path.join(to, 'pg_wal')).isDirectory()).toBe(true);
    const conf = readFileSync(path.join(to, 'postgresql.auto.conf'), 'utf8');
    expect(conf).toMatch(
      /^work_mem = '4MB'\n\n# Recovery settings generated by pgBackRest restore on .*\nrestore_command = 'pgbackrest --stanza=demo archive-get %f "%p"'\n$/,
    );
    expect(readFileSync(path.join(to, 'global/pg_control')).readBigUInt64LE(32)).toBe(0xdeadn);
    expect(readdirSync(path.dirname(to))).toEqual(['pg']);
  });

  test('that is empty is used; one that is not, or is a link or a file, is refused before any work', async () => {
    const root = await buildRepository();
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'empty'));
    expect((await testOne(root, { to: path.join(folder, 'empty') })).restoredTo).toBe(path.join(folder, 'empty'));
    const failure = await expectFailure('usage', testRestore(root, { to: path.join(folder, 'empty') }));
    expect(failure.message).toContain('not empty');
    writeFileSync(path.join(folder, 'file'), '');
    await expectFailure('usage', testRestore(root, { to: path.join(folder, 'file') }));
    mkdirSync(path.join(folder, 'elsewhere'));
    symlinkSync('elsewhere', path.join(folder, 'link'));
    await expectFailure('usage', testRestore(root, { to: path.join(folder, 'link') }));
    await expectFailure('usage', testRestore(root, { to: path.join(folder, 'new'), backup: 'all' }));
    expect(readdirSync(folder).sort()).toEqual(['elsewhere', 'empty', 'file', 'link']);
    expect(readdirSync(path.join(folder, 'elsewhere'))).toEqual([]);
  });

  test('is not there after a failure or a stop, and nothing lies beside it', async () => {
    const root = await buildRepository();
    const folder = temporaryFolder();
    const to = path.join(folder, 'pg');
    const job: TestRestoreJob = { kind: 'test-restore', archive: root, keys: [passOffer()], to };
    const stop = new AbortController();
    const context = {
      ...quietContext(stop.signal),
      progress: (step: string) => void (step.includes('a=b') && stop.abort()),
    };
    await expectFailure('cancelled', testRestoreRepository(job, context));
    expect(readdirSync(folder)).toEqual([]);
    flip(path.join(root, 'backup/demo', full, 'pg_data/postgresql.auto.conf.gz'), 30);
    const report = await testOne(root, { to });
    expect(report.restoredTo).toBeNull();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('has tablespaces below it and links restored as what they led to', async () => {
    const root = await buildRepository({
      manifest: (sections) => {
        Object.assign(sections['backup:target'] ?? {}, {
          'pg_data/base/1': { path: '/mnt/fast', type: 'link' },
          'pg_tblspc/16400': { path: '/mnt/space', 'tablespace-id': '16400', 'tablespace-name': 'space', type: 'link' },
        });
        sections['target:link'] = {
          'pg_data/base/1': { destination: '/mnt/fast' },
          'pg_data/pg_tblspc/16400': { destination: '/mnt/space' },
        };
        Object.assign(sections['target:path'] ?? {}, {
          'pg_data/pg_tblspc': {},
          pg_tblspc: {},
          'pg_tblspc/16400': { mode: '0750' },
          'pg_tblspc/16400/PG_15_202209061': {},
        });
      },
    });
    const to = path.join(temporaryFolder(), 'pg');
    const report = await testOne(root, { to });
    expect(report.failure).toBeNull();
    expect(report.notes.join('\n')).toContain('Tablespace space lies in tablespaces/16400');
    expect(report.notes.join('\n')).toContain('pg_data/base/1 was a link');
    expect(lstatSync(path.join(to, 'base/1')).isDirectory()).toBe(true);
    expect(lstatSync(path.join(to, 'pg_tblspc/16400')).isSymbolicLink()).toBe(true);
    expect(readdirSync(path.join(to, 'pg_tblspc/16400'))).toEqual(['PG_15_202209061']);
    expect(statSync(path.join(to, 'tablespaces/16400')).mode & 0o777).toBe(0o750);
  });

  test('of PostgreSQL 11 gets recovery.conf; an offline backup gets neither', async () => {
    const root = await buildRepository({
      manifest: (sections) => {
        const db = sections['backup:db'] ?? {};
        db['db-version'] = '11';
        db['db-control-version'] = 1300;
        sections['backup:option'] = { 'option-compress-type': 'gz', 'option-online': false };
      },
    });
    const offline = await testOne(root);
    expect(offline.failure).toMatchObject({ path: 'pg_data/PG_VERSION' });
    expect(offline.notes.join()).toContain('needs no WAL');
  });
});

describe('objects that changed', () => {
  test('every bit flip in any small object is reported', { timeout: 300_000 }, async () => {
    const root = await buildRepository();
    for (const name of objectsOf(root)) {
      const file = path.join(root, name);
      const before = readFileSync(file);
      const stride = Math.max(1, Math.floor((before.length * 8) / places));
      for (let bit = name.length % stride; bit < before.length * 8; bit += stride) {
        const flipped = Buffer.from(before);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        writeFileSync(file, flipped);
        await expectReported(root, name, `bit ${bit} of ${name}`);
      }
      writeFileSync(file, before);
    }
    expect((await testOne(root)).verdict).toEqual(restored);
  });

  test('every cut of any small object is reported', { timeout: 300_000 }, async () => {
    const root = await buildRepository();
    for (const name of objectsOf(root)) {
      const file = path.join(root, name);
      const before = readFileSync(file);
      const stride = Math.max(1, Math.floor(before.length / places));
      for (let length = 0; length < before.length; length += stride) {
        writeFileSync(file, before.subarray(0, length));
        await expectReported(root, name, `${name} cut to ${length} bytes`);
      }
      writeFileSync(file, before);
    }
  });

  test('a damaged file is named with its place, and the others are verified', async () => {
    const root = await buildRepository();
    const object = `backup/demo/${full}/pg_data/base/1/1255.gz`;
    flip(path.join(root, object), 40);
    const report = await testOne(root);
    expect(report.files).toMatchObject({ total: 7, verified: 6 });
    expect(report.failure).toMatchObject({
      code: 'damaged',
      path: object,
      message: expect.stringContaining('pg_data/base/1/1255'),
    });
    expect(report.verdict).toMatchObject({ restorable: false, complete: true });
  });

  test('files that swapped places are found by their checksums', async () => {
    const root = await buildRepository();
    const folder = path.join(root, 'backup/demo', full, 'pg_data');
    renameSync(path.join(folder, 'base/1/1255.gz'), path.join(folder, 'x'));
    renameSync(path.join(folder, 'base/1/a=b.gz'), path.join(folder, 'base/1/1255.gz'));
    renameSync(path.join(folder, 'x'), path.join(folder, 'base/1/a=b.gz'));
    const report = await testOne(root);
    expect(report.files.failed).toHaveLength(2);
    expect(report.verdict.restorable).toBe(false);
  });
});

describe('what no backup needs, with --backup all', () => {
  const beyond = 'archive/demo/15-1/0000000100000000/000000010000000000000005';

  function addSegment(root: string, name: string): void {
    const contents = wholeSegment(name, { systemId });
    const object = `archive/demo/15-1/0000000100000000/${name}-${sha1(contents)}.gz`;
    writeFileSync(path.join(root, object), gzipSync(contents));
  }

  async function withMore(): Promise<string> {
    const root = await buildRepository({ isEncrypted: false });
    addSegment(root, '000000010000000000000005');
    writeFileSync(
      path.join(root, 'archive/demo/15-1/00000002.history'),
      '1\t0/5000000\tno recovery target specified\n',
    );
    writeFileSync(
      path.join(root, 'archive/demo/15-1/0000000100000000/000000010000000000000002.00000028.backup'),
      'START WAL LOCATION: 0/2000028 (file 2)\nSTOP WAL LOCATION: 0/4000100 (file 4)\nSTART TIMELINE: 1\n',
    );
    mkdirSync(path.join(root, 'backup/demo/backup.history/2026'), { recursive: true });
    const manifest = readFileSync(path.join(root, 'backup/demo', full, 'backup.manifest'));
    writeFileSync(path.join(root, `backup/demo/backup.history/2026/${full}.manifest.gz`), gzipSync(manifest));
    return root;
  }

  async function archiveReport(root: string) {
    const reports = await testRestore(root, { backup: 'all', keys: [] });
    expect(reports[0]?.verdict).toEqual(restored);
    return reports.at(-1);
  }

  test('is read and counted', async () => {
    expect(await archiveReport(await withMore())).toMatchObject({
      failure: null,
      files: { total: 7, verified: 7 },
      verdict: restored,
    });
  });

  test.each([
    [`${beyond}-`, 'damaged'],
    ['archive/demo/15-1/00000002.history', 'damaged'],
    ['archive/demo/15-1/0000000100000000/000000010000000000000002.00000028.backup', 'damaged'],
    ['backup/demo/backup.history/2026/', 'damaged'],
  ])('%s with a changed byte is reported', async (start, code) => {
    const root = await withMore();
    const [object = ''] = objectsOf(root).filter((it) => it.startsWith(start));
    flip(path.join(root, object), object.endsWith('.history') ? 1 : 12);
    expect((await archiveReport(root))?.failure).toMatchObject({ code, path: object });
  });

  test('a gap after the newest backup ends recovery; one before it is what retention leaves', async () => {
    const root = await withMore();
    const [segment = ''] = objectsOf(root).filter((it) => it.startsWith(`${beyond}-`));
    rmSync(path.join(root, segment));
    addSegment(root, '000000010000000000000009');
    const report = await archiveReport(root);
    expect(report?.failure).toMatchObject({
      code: 'incomplete',
      message: expect.stringContaining('between 000000010000000000000004 and 000000010000000000000009'),
    });
    expect(report?.verdict).toMatchObject({ complete: false, restorable: false });
    const [newest = ''] = objectsOf(root).filter((it) => it.includes('0000000000000009-'));
    // What begins as another segment is none, wherever it lies.
    renameSync(path.join(root, newest), path.join(root, newest.replace('0000000000000009-', '0000000000000000-')));
    const renamed = await archiveReport(root);
    expect(renamed?.failure).toMatchObject({ code: 'damaged', message: expect.stringContaining('was written for') });
    rmSync(path.join(root, newest.replace('0000000000000009-', '0000000000000000-')));
    addSegment(root, '000000010000000000000000');
    const before = await archiveReport(root);
    expect(before?.failure).toBeNull();
    expect(before?.notes.join()).toContain('as retention leaves it');
  });
});

describe('inspection', () => {
  test('says without any key what it is', async () => {
    const root = await buildRepository({ withIncremental: true });
    const inspection = await inspectRepository(root, quietContext());
    expect(inspection).toMatchObject({ format: 'pgbackrest', isEncrypted: true, problems: [] });
    expect(inspection.opensWith[0]).toContain('cipher pass');
    expect(Object.fromEntries(inspection.facts)).toMatchObject({
      Stanza: 'demo',
      Backups: `2, ${full} to ${incr}`,
      'WAL 15-1': '3 segments, 000000010000000000000002 to 000000010000000000000004',
    });
    const plain = await inspectRepository(await buildRepository({ isEncrypted: false }), quietContext());
    expect(plain.isEncrypted).toBe(false);
    expect(Object.fromEntries(plain.facts)).toMatchObject({
      PostgreSQL: '15',
      'Newest backup': expect.stringContaining(full),
    });
  });

  test('a folder that is no repository is none', async () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'backup/2026'), { recursive: true });
    expect(await isRepository(folder)).toBe(false);
    expect(await isRepository(path.join(folder, 'not-there'))).toBe(false);
    await expectFailure('usage', testRestore(folder));
  });
});

async function expectReported(root: string, name: string, what: string): Promise<void> {
  const report = await testOne(root);
  const paths = [report.failure?.path, ...report.files.failed.map((it) => it.path)];
  expect(paths.join(' '), what).toContain(name.replace(/\.copy$/, ''));
}

function flip(file: string, offset: number): void {
  expect(existsSync(file)).toBe(true);
  const bytes = readFileSync(file);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
  writeFileSync(file, bytes);
}
