/** What the real pg_dump and pg_basebackup write is proven as a whole, and found out when something of it is missing. */

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KeyOffer, TestRestoreJob } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { PostgresServer } from './postgresServer.ts';
import { missing, tool } from './realTools.ts';

const binaries = [process.env.PGBIN, '/usr/lib/postgresql/15/bin'].find(
  (it) => it && existsSync(path.join(it, 'initdb')),
);
if (!binaries && process.env.CI) throw new Error('PostgreSQL is needed in CI and is not there');
const noGpg = missing('gpg');

const whole = { decrypted: true, authentic: null, complete: true, restorable: true };

describe.skipIf(!binaries)('PostgreSQL', () => {
  let server: PostgresServer;
  const place = (...parts: string[]) => server.at(...parts);

  beforeAll(() => {
    server = new PostgresServer(() => binaries ?? '', ['logging_collector=off']);
  }, 120_000);
  afterAll(() => server?.remove());

  describe('pg_dump', () => {
    test.each([
      [[]],
      [['--inserts']],
      [['--no-comments']],
      [['--schema-only']],
      [['--data-only']],
      [['--clean', '--create', '--if-exists', '--verbose']],
    ])('plain with %s ends as it must, and not one line earlier', async (options) => {
      const file = place('plain.sql');
      server.client('pg_dump', '-f', file, ...options, 'shop');
      expect((await testRestore(file)).verdict).toMatchObject({ complete: true, restorable: null });
      const text = readFileSync(file, 'utf8').trimEnd();
      writeFileSync(file, text.slice(0, text.lastIndexOf('\n') + 1));
      expect((await testRestore(file)).failure).toMatchObject({ code: 'truncated', stage: 'contents' });
      rmSync(file);
    });

    test.each([[[]], [['--globals-only']], [['--roles-only']], [['--schema-only']]])(
      'pg_dumpall with %s ends as it must',
      async (options) => {
        const file = place('all.sql');
        server.client('pg_dumpall', '-f', file, ...options);
        expect((await testRestore(file)).verdict).toMatchObject({ complete: true, restorable: null });
        rmSync(file);
      },
    );

    test.each([[['-Fc']], [['-Fc', '-Z0']], [['-Ft']], [['-Fd']], [['-Fd', '-Z0']], [['-Fd', '-j2']]])(
      '%s is read to the last row, and compressed around it proves itself',
      async (options) => {
        const file = place('dump');
        server.client('pg_dump', '-f', file, ...options, 'shop');
        const report = await testRestore(file);
        // A large object that lies there as it is has no end mark.
        const isBare = options.includes('-Fd') && options.includes('-Z0');
        expect(report).toMatchObject({
          failure: null,
          verdict: { complete: isBare ? null : true, restorable: null },
        });
        expect(report.notes.join()).toContain('3 tables with 504 rows');
        if (!lstatSync(file).isDirectory()) {
          execFileSync('xz', ['-k', file]);
          expect((await testRestore(`${file}.xz`)).verdict).toEqual(whole);
          rmSync(`${file}.xz`);
        }
        rmSync(file, { recursive: true });
      },
    );

    test('in the directory format, each file counts: cut, missing, changed, encrypted one by one', async () => {
      const dump = place('folder');
      server.client('pg_dump', '-Fd', '-Z0', '-f', dump, 'shop');
      const data = readdirSync(dump).filter((it) => /^\d+\.dat$/.test(it));
      expect(data.length).toBe(3);
      for (const name of data) {
        const copy = server.copied(dump);
        truncateSync(path.join(copy, name), lstatSync(path.join(copy, name)).size - 1);
        expect((await testRestore(copy)).failure).toMatchObject({ code: 'truncated', path: name });
      }
      for (const name of readdirSync(dump)) {
        const copy = server.copied(dump);
        rmSync(path.join(copy, name));
        const { failure, verdict } = await testRestore(copy);
        expect(failure?.code, name).toMatch(name === 'toc.dat' ? /usage/ : /incomplete/);
        expect(verdict.restorable).toBe(false);
      }
    });

    test.skipIf(noGpg)(
      'a folder whose files are encrypted one by one is one dump; a plain file among them is told',
      async () => {
        const dump = place('secret');
        server.client('pg_dump', '-Fd', '-f', dump, 'shop');
        encryptAll(dump);
        const report = await testRestore(dump, { keys: [password()] });
        expect(report).toMatchObject({ format: 'openpgp > pg_dump directory', failure: null });
        expect(report.verdict).toEqual({ decrypted: true, authentic: true, complete: true, restorable: true });
        const to = place('decrypted');
        expect((await testRestore(dump, { keys: [password()], to })).restoredTo).toBe(to);
        execFileSync(path.join(binaries ?? '', 'pg_restore'), ['--list', to]);
        expect(readdirSync(to)).toContain('toc.dat');

        const mixed = server.copied(dump);
        const name = readdirSync(to).find((it) => it.endsWith('.dat.gz')) ?? '';
        rmSync(path.join(mixed, `${name}.gpg`));
        cpSync(path.join(to, name), path.join(mixed, name));
        expect((await testRestore(mixed, { keys: [password()] })).failure).toMatchObject({
          code: 'not-encrypted',
          path: name,
        });
        expect((await testRestore(dump, { keys: [password('wrong')] })).failure?.code).toBe('wrong-key');
      },
    );
  });

  describe('--start', () => {
    test.each([
      [[]],
      [['--inserts']],
      [['--clean', '--create', '--if-exists']],
      [['-Fc']],
      [['-Fc', '--inserts']],
      [['-Ft']],
      [['-Fd']],
    ])('really loads a dump made with %s, and counts what came', async (options) => {
      const file = place('load');
      server.client('pg_dump', '-f', file, ...options, 'shop');
      const report = await testRestore(file, { start: {} });
      expect(report).toMatchObject({
        failure: null,
        verdict: { complete: true, restorable: true },
        loaded: { schemas: expect.any(Number), tables: 3, rows: 504, errors: 0 },
      });
      expect(report.loaded?.version).toMatch(/^15/);
      rmSync(file, { recursive: true });
    });

    test('really loads a whole cluster, encrypted', async () => {
      const file = place('all.sql');
      server.client('pg_dumpall', '-f', file);
      tool('gpg', ['--batch', '--pinentry-mode', 'loopback', '--passphrase', 'correct horse', '-c', file]);
      const report = await testRestore(`${file}.gpg`, { keys: [password()], start: {} });
      expect(report).toMatchObject({
        failure: null,
        verdict: { decrypted: true, authentic: true, complete: true, restorable: true },
        loaded: { tables: 3, rows: 504, errors: 0 },
      });
    });

    test('finds what no checksum shows: a row that does not fit, a table that is missing', async () => {
      const file = place('broken.sql');
      server.client('pg_dump', '-f', file, 'shop');
      const text = readFileSync(file, 'utf8');
      for (const [broken, words] of [
        [text.replace('customer 250\n', 'customer 250\tmore\n'), /extra data/],
        [text.replace('\n250\tcustomer', '\n249\tcustomer'), /duplicate key|not create unique index/],
        [text.replace('CREATE TABLE public.orders', 'CREATE TABLE public.order'), /does not exist|syntax error/],
      ] as const) {
        expect(broken).not.toBe(text);
        writeFileSync(file, broken);
        const plain = await testRestore(file);
        expect(plain).toMatchObject({ failure: null, verdict: { restorable: null } });
        const { failure, verdict } = await testRestore(file, { start: {} });
        expect(failure).toMatchObject({ code: 'damaged', stage: 'start', message: expect.stringMatching(words) });
        expect(verdict.restorable).toBe(false);
      }
    });

    test('refuses a dump that would run programs, before anything of it runs', async () => {
      const file = place('hostile.sql');
      const proof = place('ran');
      server.client('pg_dump', '-f', file, 'shop');
      const text = readFileSync(file, 'utf8');
      for (const line of [
        `\\! touch ${proof}`,
        `  select 1 \\! touch ${proof}`,
        `\\copy orders from program 'touch ${proof}'`,
        '\\i /etc/passwd',
        `COPY public.orders FROM PROGRAM 'touch ${proof}';`,
        `copy (select 1) to program 'touch ${proof}';`,
      ]) {
        writeFileSync(
          file,
          text.replace('CREATE SCHEMA other;', () => `${line}\nCREATE SCHEMA other;`),
        );
        const { failure } = await testRestore(file, { start: {} });
        expect(failure, line).toMatchObject({ code: 'hostile', stage: 'start' });
      }
      // Hidden from whoever looks at it, it runs as a role that may not.
      for (const line of [
        `DO $$ BEGIN EXECUTE 'CO' || 'PY (select 1) TO PRO' || 'GRAM ''touch ${proof}'''; END $$;`,
        `DO $$ BEGIN EXECUTE 'ALTER ROLE restorable_load SUPERUSER'; END $$;`,
        `SELECT pg_catalog.lo_export(16384, '${proof}');`,
        `DO $$ BEGIN EXECUTE 'GRANT pg_execute_server_program TO restorable_load'; END $$;`,
      ]) {
        writeFileSync(
          file,
          text.replace('CREATE SCHEMA other;', () => `${line}\nCREATE SCHEMA other;`),
        );
        const report = await testRestore(file, { start: {} });
        expect(report.loaded?.errors, line).toBeGreaterThan(0);
        expect(report.verdict.restorable).not.toBe(true);
      }
      expect(existsSync(proof)).toBe(false);
    });

    test('starts PostgreSQL from a backup of pg_basebackup, packed and in a folder', async () => {
      for (const options of [['-Ft', '-z'], ['-Fp']]) {
        const backup = own('start-');
        server.basebackup(backup, ...options);
        const report = await testRestore(backup, { start: {} });
        expect(report).toMatchObject({ failure: null, verdict: whole, started: { tables: 3 } });
        expect(report.restoredTo).toBeNull();
      }
      const alone = own('start-');
      server.basebackup(alone, '-Ft', '-X', 'none');
      expect((await testRestore(alone, { start: {} })).failure).toMatchObject({ code: 'unsupported', stage: 'start' });
    });
  });

  describe('pg_basebackup', () => {
    test.each([
      [['-Ft']],
      [['-Ft', '-z']],
      [['-Ft', '--compress=server-lz4', '--manifest-checksums=SHA512']],
      [['-Ft', '--compress=server-zstd', '--manifest-checksums=SHA224']],
      [['-Ft', '-X', 'fetch']],
      [['-Fp']],
    ])('%s is verified file by file, and every file that is not right is named', async (options) => {
      const backup = own('backup-');
      server.basebackup(backup, ...options);
      const report = await testRestore(backup);
      expect(report).toMatchObject({ format: 'pg_basebackup', failure: null, verdict: whole });
      expect(report.files.verified).toBe(manifestFiles(path.join(backup, 'backup_manifest')));
      expect(report.notes.join()).toContain('PostgreSQL 15');

      if (options.includes('-Fp')) {
        for (const [spoil, code, named] of [
          [(it: string) => rmSync(path.join(it, 'global/1262')), 'incomplete', 'global/1262'],
          [(it: string) => appendFileSync(path.join(it, 'PG_VERSION'), '\n'), 'damaged', 'PG_VERSION'],
          [(it: string) => flip(path.join(it, 'global/pg_control')), 'damaged', 'global/pg_control'],
          [(it: string) => writeFileSync(path.join(it, 'base/extra'), 'x'), 'damaged', 'base/extra'],
          [(it: string) => flip(path.join(it, 'backup_manifest')), 'damaged', 'backup_manifest'],
          [(it: string) => removeWal(it), 'incomplete', 'pg_wal/'],
        ] as const) {
          const copy = server.copied(backup);
          spoil(copy);
          const { failure } = await testRestore(copy);
          expect(failure).toMatchObject({ code });
          expect(failure?.path).toContain(named);
          // pg_verifybackup says the same.
          expect(() => server.run('pg_verifybackup', copy)).toThrow();
        }
        server.run('pg_verifybackup', backup);
      }
      rmSync(backup, { recursive: true });
    });

    test('unpacked to a folder, it is what the real pg_verifybackup accepts', async () => {
      const backup = place('packed');
      server.basebackup(backup, '-Ft', '-z');
      const to = place('unpacked');
      const report = await testRestore(backup, { to });
      expect(report).toMatchObject({ restoredTo: to, failure: null });
      if (process.getuid?.() === 0) execFileSync('chown', ['-R', 'postgres:', to]);
      server.run('pg_verifybackup', to);
    });

    test('in one stream with its manifest at the end is verified, in a second reading where its checksums are unusual', async () => {
      for (const sums of ['CRC32C', 'SHA224', 'SHA256', 'SHA384', 'SHA512']) {
        const bytes = server.client(
          'pg_basebackup',
          '-c',
          'fast',
          '-Ft',
          '-X',
          'fetch',
          `--manifest-checksums=${sums}`,
          '-D',
          '-',
        );
        writeFileSync(place('base.tar'), bytes);
        const report = await testRestore(place('base.tar'));
        expect(report).toMatchObject({ format: 'tar', failure: null, verdict: whole });
        expect(report.because.restorable).not.toContain('could be compared');
        expect(report.notes.join().includes('read twice')).toBe(!['CRC32C', 'SHA256'].includes(sums));
        flip(place('base.tar'), bytes.indexOf('# PostgreSQL configuration file'));
        const to = place('spoilt');
        const spoilt = await testRestore(place('base.tar'), { to });
        expect(spoilt.failure).toMatchObject({ code: 'damaged', message: expect.stringContaining(sums) });
        expect(existsSync(to)).toBe(false);
      }
    });

    test('without WAL, or without a manifest, is called neither complete nor broken', async () => {
      for (const options of [['-X', 'none'], ['--no-manifest']]) {
        const backup = place('open');
        server.basebackup(backup, '-Ft', ...options);
        const report = await testRestore(backup);
        expect(report).toMatchObject({ failure: null, verdict: { complete: null, restorable: null } });
        rmSync(backup, { recursive: true });
      }
    });

    test.skipIf(noGpg)('with each of its files encrypted is one backup', async () => {
      const backup = place('encrypted');
      server.basebackup(backup, '-Ft', '-z');
      encryptAll(backup);
      const report = await testRestore(backup, { keys: [password()] });
      expect(report).toMatchObject({ format: 'openpgp > pg_basebackup', failure: null });
      expect(report.verdict).toEqual({ ...whole, authentic: true });
      rmSync(path.join(backup, 'pg_wal.tar.gz.gpg'));
      expect((await testRestore(backup, { keys: [password()] })).verdict).toMatchObject({ restorable: null });
    });
  });

  /** A new folder of the user that the server runs as. */
  function own(prefix: string): string {
    const made = mkdtempSync(place(prefix));
    if (process.getuid?.() === 0) execFileSync('chown', ['postgres:', made]);
    return made;
  }
});

async function testRestore(archive: string, more: Partial<TestRestoreJob> = {}): Promise<Report> {
  const outcome = await runJob({ kind: 'test-restore', archive, keys: [], ...more }, quietContext());
  if (!outcome.ok) return { failure: outcome.failure, verdict: { restorable: false } } as Report;
  return outcome.value[0] as Report;
}

function password(text = 'correct horse'): KeyOffer {
  return { kind: 'password', source: 'passphrase file', bytes: new Uint8Array(Buffer.from(text)) };
}

function encryptAll(folder: string): void {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    const options = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', 'correct horse', '--s2k-count', '65536'];
    tool('gpg', [...options, '-o', `${file}.gpg`, '-c', file]);
    rmSync(file);
  }
}

/** But those that pg_verifybackup does not look at either. */
function manifestFiles(file: string): number {
  const { Files: files } = JSON.parse(readFileSync(file, 'utf8')) as { Files: { Path: string }[] };
  return files.filter((it) => it.Path !== 'postgresql.auto.conf' && !it.Path.startsWith('pg_wal/')).length;
}

function flip(file: string, at = Math.floor(lstatSync(file).size / 3)): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

function removeWal(folder: string): void {
  const wal = path.join(folder, 'pg_wal');
  mkdirSync(wal, { recursive: true });
  for (const name of readdirSync(wal)) if (/^[0-9A-F]{24}$/.test(name)) rmSync(path.join(wal, name));
  // As after a copy that left the folder out but for what was archived there before.
  writeFileSync(path.join(wal, '0000000100000000000000FF'), Buffer.alloc(16 * 1024 * 1024));
}
