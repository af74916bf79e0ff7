/** What PostgreSQL 17 and 18 write is read, proven and loaded, and what they call damaged is called so. */

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KeyOffer, TestRestoreJob } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { newerPostgres, unpackPostgres } from './newerPostgres.ts';
import { PostgresServer } from './postgresServer.ts';
import { missing, tool } from './realTools.ts';

const whole = { decrypted: true, authentic: null, complete: true, restorable: true };

describe.each(['17', '18'] as const)('PostgreSQL %s', (major) => {
  const newer = newerPostgres(major);
  const why = 'missing' in newer.packages ? newer.packages.missing : undefined;

  describe.skipIf(why)(why ?? 'of Debian', () => {
    let server: PostgresServer;
    beforeAll(() => {
      const { files } = newer.packages as { files: string[] };
      // One of both with segments of WAL of another size than usual.
      server = new PostgresServer(
        (folder) => unpackPostgres(newer, files, path.join(folder, 'debian')),
        ['summarize_wal=on'],
        major === '18' ? ['--wal-segsize=1'] : [],
      );
    });
    afterAll(() => server?.remove());

    describe('pg_dump', () => {
      test.each([
        [['-Fp', '--compress=gzip']],
        [['-Fp', '--compress=lz4']],
        [['-Fp', '--compress=zstd:5']],
        [['-Fc', '--compress=none']],
        [['-Fc', '--compress=gzip']],
        [['-Fc', '--compress=lz4']],
        [['-Fc', '--compress=zstd']],
        [['-Fd', '--compress=none']],
        [['-Fd', '--compress=gzip', '-j2']],
        [['-Fd', '--compress=lz4']],
        [['-Fd', '--compress=zstd']],
        [['-Ft']],
      ])('%s is read to its last row, and one byte less is not taken for whole', async (options) => {
        const dump = server.at('dump');
        server.client('pg_dump', '-f', dump, ...options, 'shop');
        const report = await testRestore(dump);
        // A large object that lies there as it is has no end mark.
        const isBare = options.includes('-Fd') && options.includes('--compress=none');
        expect(report).toMatchObject({ failure: null, verdict: { complete: isBare ? null : true } });
        if (!options.includes('-Fp')) {
          expect(report.notes.join()).toContain('3 tables with 504 rows');
          expect(report.notes.join()).toMatch(/pg_dump archive 1\.16 .*\(server 1[78]/);
        }
        const files = lstatSync(dump).isDirectory() ? readdirSync(dump).map((it) => path.join(dump, it)) : [dump];
        for (const file of files) {
          if (isBare && /blob_\d+\.dat$/.test(file)) continue;
          const bytes = readFileSync(file);
          // A tar ends with blocks of zeros, of which pg_dump writes more than it needs.
          writeFileSync(file, bytes.subarray(0, bytes.length - (options.includes('-Ft') ? 1_024 : 1)));
          const { verdict, failure } = await testRestore(dump);
          expect([verdict.complete, verdict.restorable, failure?.code], path.basename(file)).toEqual([
            false,
            false,
            expect.stringMatching(/truncated|damaged|incomplete/),
          ]);
          writeFileSync(file, bytes);
        }
        rmSync(dump, { recursive: true });
      });

      test.each([
        [['-Fp']],
        [['-Fp', '--inserts', '--create']],
        [['-Fc', '--compress=zstd']],
        [['-Fc', '--inserts']],
        [['-Fd', '--compress=lz4', '-j2']],
        [['-Ft']],
        ...(major === '18' ? [[['-Fc', '--statistics']], [['-Fp', '--statistics']]] : []),
      ])('%s is really loaded', async (options) => {
        const dump = server.at('load');
        server.client('pg_dump', '-f', dump, ...options, 'shop');
        const report = await testRestore(dump, { start: { postgres: server.programs } });
        expect(report).toMatchObject({
          failure: null,
          verdict: { complete: true, restorable: true },
          loaded: { engine: 'PostgreSQL', schemas: 2, tables: 3, rows: 504, errors: 0 },
        });
        expect(report.loaded?.version.split('.')[0]).toBe(major);
        expect(report.because.restorable).toContain(`PostgreSQL ${major}`);
        rmSync(dump, { recursive: true });
      });

      test('a statement that is refused is named by its line, and not what stands in it', async () => {
        const dump = server.at('broken.sql');
        server.client('pg_dump', '-f', dump, 'shop');
        const lines = readFileSync(dump, 'utf8').split('\n');
        const at = lines.indexOf('250\tcustomer 250');
        lines[at] = 'secret of somebody\tcustomer 250';
        writeFileSync(dump, lines.join('\n'));
        const { failure } = await testRestore(dump, { start: { postgres: server.programs } });
        expect(failure).toMatchObject({ code: 'damaged', stage: 'start' });
        expect(failure?.message).toContain(`does not load line ${at + 1} of the dump: invalid input syntax`);
        expect(failure?.message).not.toContain('secret');
      });

      test.skipIf(missing('gpg'))('inside of gpg it is proven, and loaded', async () => {
        const dump = server.at('shop.dump');
        server.client('pg_dump', '-f', dump, '-Fc', '--compress=zstd', 'shop');
        const gpg = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', 'correct horse'];
        tool('gpg', [...gpg, '-o', `${dump}.gpg`, '-c', dump]);
        const report = await testRestore(`${dump}.gpg`, { keys: [password()], start: { postgres: server.programs } });
        expect(report).toMatchObject({
          format: 'openpgp > pg_dump custom',
          failure: null,
          verdict: { ...whole, authentic: true },
          loaded: { tables: 3, rows: 504 },
        });
      });

      test.skipIf(missing('openssl', 'version'))('of a whole cluster, inside of openssl, it is loaded', async () => {
        const dump = server.at('all.sql');
        server.client('pg_dumpall', '-f', dump);
        const options = ['enc', '-aes-256-cbc', '-pbkdf2', '-pass', 'pass:correct horse'];
        tool('openssl', [...options, '-in', dump, '-out', `${dump}.enc`]);
        const report = await testRestore(`${dump}.enc`, { keys: [password()], start: { postgres: server.programs } });
        expect(report).toMatchObject({
          format: 'openssl > pg_dumpall plain',
          failure: null,
          verdict: { decrypted: true, authentic: null, complete: true },
          loaded: { tables: 3, rows: 504, errors: 0 },
        });
        const lines = readFileSync(dump, 'utf8').trimEnd().split('\n');
        writeFileSync(dump, lines.slice(0, -3).join('\n'));
        expect((await testRestore(dump)).failure).toMatchObject({ code: 'truncated' });
      });
    });

    describe('pg_basebackup', () => {
      test.each([
        [['-Fp']],
        [['-Ft']],
        [['-Ft', '-z', '--manifest-checksums=SHA256']],
        [['-Ft', '--compress=server-lz4']],
        [['-Ft', '--compress=client-zstd']],
      ])('%s with a manifest that names its cluster is verified file by file', async (options) => {
        const backup = server.basebackup('backup', ...options);
        expect(readFileSync(path.join(backup, 'backup_manifest'), 'utf8')).toMatch(
          /Version": 2,\s*"System-Identifier"/,
        );
        const report = await testRestore(backup);
        expect(report).toMatchObject({ format: 'pg_basebackup', failure: null, verdict: whole });
        expect(report.notes.join()).toContain(`PostgreSQL ${major}`);
        rmSync(backup, { recursive: true });
      });

      test('what pg_verifybackup refuses is refused, and what it accepts is accepted', async () => {
        const backup = server.basebackup('plain', '-Fp');
        const at = (name: string) => path.join(backup, name);
        for (const [file, spoil, code] of [
          ['global/1262', (it: string) => rmSync(it), 'incomplete'],
          ['PG_VERSION', (it: string) => appendFileSync(it, '\n'), 'damaged'],
          ['global/pg_control', flip, 'damaged'],
          ['global/1260', flip, 'damaged'],
          ['base/extra', (it: string) => writeFileSync(it, 'x'), 'damaged'],
          ['backup_manifest', flip, 'damaged'],
          ['backup_manifest', ofAnotherCluster, 'damaged'],
        ] as const) {
          const before = existsSync(at(file)) ? readFileSync(at(file)) : undefined;
          spoil(at(file));
          expect((await testRestore(backup)).failure?.code, file).toBe(code);
          expect(() => server.run('pg_verifybackup', backup), file).toThrow();
          if (before) writeFileSync(at(file), before);
          else rmSync(at(file));
          if (process.getuid?.() === 0) execFileSync('chown', ['postgres:', at(before ? file : 'base')]);
        }
        expect((await testRestore(backup)).verdict).toEqual(whole);
        server.run('pg_verifybackup', backup);
        // Without its WAL, pg_verifybackup has to be told not to look for it; here that it is not there is no damage.
        rmSync(at('pg_wal'), { recursive: true });
        expect(await testRestore(backup)).toMatchObject({
          failure: null,
          verdict: { complete: null, restorable: null },
        });
        server.run('pg_verifybackup', '-n', backup);
        rmSync(backup, { recursive: true });
      });

      test('packed, it is what pg_verifybackup accepts when it is unpacked, and PostgreSQL starts from it', async () => {
        const backup = server.basebackup('packed', '-Ft', '--compress=client-zstd');
        const to = server.at('unpacked');
        expect(await testRestore(backup, { to })).toMatchObject({ restoredTo: to, failure: null });
        server.run('pg_verifybackup', server.copied(to));
        const report = await testRestore(backup, { start: { postgres: server.programs } });
        expect(report).toMatchObject({ failure: null, verdict: whole, started: { tables: 3 } });
        expect(report.started?.version.split('.')[0]).toBe(major);
        for (const it of [backup, to]) rmSync(it, { recursive: true });
      });

      test.runIf(major === '18')('packed, damage is found where the pg_verifybackup of 18 finds it', async () => {
        const backup = server.basebackup('tars', '-Ft');
        server.run('pg_verifybackup', '-n', backup);
        expect((await testRestore(backup)).verdict).toEqual(whole);
        const tar = path.join(backup, 'base.tar');
        flip(tar, readFileSync(tar).indexOf('PostgreSQL database directory'));
        const bytes = readFileSync(tar);
        const at = bytes.indexOf('global/1262\0');
        bytes[at + 512 + 40] = (bytes[at + 512 + 40] ?? 0) ^ 1;
        writeFileSync(tar, bytes);
        expect(() => server.run('pg_verifybackup', '-n', backup)).toThrow();
        expect((await testRestore(backup)).failure).toMatchObject({ code: 'damaged', path: 'global/1262' });
        rmSync(backup, { recursive: true });
      });

      test('an incremental one is verified, said to need its chain, and whole once it is combined', async () => {
        const full = server.basebackup('full', '-Fp');
        server.sql("insert into orders select i, 'later ' || i from generate_series(501, 600) i");
        const since = `--incremental=${path.join(full, 'backup_manifest')}`;
        for (const [name, options] of [
          ['incremental', ['-Fp']],
          ['packed-incremental', ['-Ft', '-z']],
        ] as const) {
          const backup = server.basebackup(name, since, ...options);
          const report = await testRestore(backup);
          expect(report).toMatchObject({
            failure: null,
            verdict: { decrypted: true, complete: null, restorable: null },
            files: { failed: [] },
          });
          expect(report.because.complete).toContain('pg_combinebackup');
          expect(report.notes.join()).toContain('an incremental backup of PostgreSQL');
          const { failure } = await testRestore(backup, { start: { postgres: server.programs } });
          expect(failure).toMatchObject({ code: 'unsupported', stage: 'start' });
          expect(failure?.hint).toContain('pg_combinebackup');
        }
        const incremental = server.at('incremental');
        const piece = readdirSync(incremental, { recursive: true, encoding: 'utf8' }).find((it) =>
          /(?:^|\/)INCREMENTAL\.\d/.test(it),
        );
        const copy = server.copied(incremental);
        flip(path.join(copy, piece ?? ''));
        expect((await testRestore(copy)).failure).toMatchObject({ code: 'damaged', path: piece });
        expect(() => server.run('pg_verifybackup', '-n', copy)).toThrow();
        // Where the label was lost, or put in place of another, its files still say what they are.
        const lost = server.copied(incremental);
        cpSync(path.join(full, 'backup_label'), path.join(lost, 'backup_label'));
        expect((await testRestore(lost)).verdict.complete).not.toBe(true);

        server.run('pg_combinebackup', full, incremental, '-o', server.at('combined'));
        const report = await testRestore(server.at('combined'), { start: { postgres: server.programs } });
        expect(report).toMatchObject({ failure: null, verdict: whole, started: { tables: 3 } });
      });
    });
  });
});

async function testRestore(archive: string, more: Partial<TestRestoreJob> = {}): Promise<Report> {
  const outcome = await runJob({ kind: 'test-restore', archive, keys: [], ...more }, quietContext());
  if (!outcome.ok)
    return { failure: outcome.failure, verdict: { complete: false, restorable: false } } as unknown as Report;
  return outcome.value[0] as Report;
}

function password(): KeyOffer {
  return { kind: 'password', source: 'passphrase file', bytes: new Uint8Array(Buffer.from('correct horse')) };
}

function flip(file: string, at = Math.floor(lstatSync(file).size / 3)): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** The manifest's own checksum is right again afterwards. */
function ofAnotherCluster(file: string): void {
  const text = readFileSync(file, 'utf8').replace(/("System-Identifier":\s*)\d+/, '$17000000000000000001');
  const body = text.slice(0, text.indexOf('"Manifest-Checksum"'));
  const sum = execFileSync('sha256sum', { input: body, encoding: 'utf8' }).slice(0, 64);
  writeFileSync(file, `${body}"Manifest-Checksum": "${sum}"}\n`);
}
