import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testRestoreRepository } from '../../engine/src/archives/pgbackrest/repository.ts';
import { commitTimes } from '../../engine/src/archives/pgbackrest/walRecords.ts';
import type { KeyOffer, TestRestoreJob } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { program } from '../cli/program.ts';
import { passOffer } from '../engine/pgbackrestRepository.ts';
import { expectFailure } from '../engine/pieces.ts';
import { Cluster, missingTools } from './pgbackrestCluster.ts';

const isRoot = process.getuid?.() === 0;

/** Where the throw-away copies go: empty after every test. */
let work: string;

beforeAll(() => {
  work = mkdtempSync(path.join(tmpdir(), 'restorable-work-'));
  chmodSync(work, 0o777);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

async function start(archive: string, job: Partial<TestRestoreJob> = {}): Promise<Report> {
  const [report] = await testRestoreRepository(
    { kind: 'test-restore', archive, keys: [], start: { workFolder: work }, ...job },
    quietContext(),
  );
  if (!report) throw new Error('there is no report');
  expect(readdirSync(work)).toEqual([]);
  return report;
}

describe.skipIf(missingTools)(`PostgreSQL starts${missingTools ? ` (${missingTools})` : ''}`, () => {
  let cluster: Cluster;
  beforeAll(() => {
    cluster = new Cluster();
    cluster.start();
  });
  afterAll(() => cluster?.remove());

  const keysOf = (made: { pass: string | undefined } | undefined): KeyOffer[] =>
    made?.pass ? [passOffer(made.pass)] : [];

  describe('on an encrypted repository with bundles, a chain of backups and a tablespace', () => {
    let archive: string;
    let pass: string | undefined;
    const keys = () => keysOf({ pass });

    beforeAll(() => {
      const [made] = cluster.configure('chain', 'lz4', [{ isEncrypted: true, isBundled: true }]);
      archive = made?.path ?? '';
      pass = made?.pass;
      cluster.backrest(['backup', '--type=full']);
      cluster.sql('shop', 'create table in_incremental as select 1 i');
      cluster.backrest(['backup', '--type=incr']);
      cluster.sql('shop', 'create table after_backup tablespace fast as select 2 i');
      cluster.sql('shop', 'select pg_switch_wal()');
      cluster.backrest(['check']);
    });

    test('recovers until it is consistent, and every table and page of it is sound', async () => {
      const report = await start(archive, { keys: keys() });
      expect(report.failure).toBeNull();
      expect(report.verdict).toEqual({ decrypted: true, authentic: null, complete: true, restorable: true });
      expect(report.started).toMatchObject({
        version: expect.stringMatching(/^15\./),
        databases: 1,
        tables: 3,
        checkedBy: 'pg_amcheck',
        checksums: true,
        unread: [],
        recoveredTo: { lsn: expect.stringMatching(/^0\/[0-9A-F]+$/) },
      });
      expect(report.started?.walFiles).toBeGreaterThan(0);
      expect(report.restoredTo).toBeNull();
      expect(report.notes.join()).not.toMatch(/below the target|pgbackrest archive-get/);
      expect(JSON.stringify(report)).not.toContain(pass);
    });

    test('recovers to the end of the archive with the newest WAL', async () => {
      const report = await start(archive, { keys: keys(), wal: 'latest' });
      expect(report.failure).toBeNull();
      expect(report.started?.tables).toBe(4);
      expect(report.started?.recoveredTo?.time).toMatch(/^20\d\d-/);
      expect(report.backup?.wal).toMatchObject({ timeline: 1, gaps: [], newest: expect.any(String) });
    });

    test('every backup of the chain starts', async () => {
      const reports = await testRestoreRepository(
        { kind: 'test-restore', archive, keys: keys(), backup: 'all', start: { workFolder: work } },
        quietContext(),
      );
      expect(reports.map((it) => [it.backup?.type, it.failure, it.started?.tables])).toEqual([
        ['full', null, 2],
        ['incr', null, 3],
        [undefined, null, undefined],
      ]);
    });

    test('a target is written as without --start, and the server works elsewhere', async () => {
      const plain = path.join(cluster.folder, 'plain');
      const started = path.join(cluster.folder, 'with-start');
      await testRestoreRepository({ kind: 'test-restore', archive, keys: keys(), to: plain }, quietContext());
      const report = await start(archive, { keys: keys(), to: started });
      expect(report.failure).toBeNull();
      expect(report.restoredTo).toBe(started);
      const names = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
      expect(names(started)).toEqual(names(plain));
      const [one, other] = [plain, started].map((it) => readFileSync(path.join(it, 'global/pg_control')));
      expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
    });

    test('a part of a backup is refused', async () => {
      await expectFailure('usage', start(archive, { keys: keys(), parts: { databases: ['shop'] } }));
    });

    test('without the right version of PostgreSQL, that is said before anything is read', async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'restorable-pg99-'));
      writeFileSync(path.join(folder, 'postgres'), '#!/bin/sh\necho "postgres (PostgreSQL) 99.1"\n', { mode: 0o755 });
      const report = await start(archive, { keys: keys(), start: { workFolder: work, postgres: folder } });
      expect(report.failure).toMatchObject({
        code: 'unsupported',
        stage: 'start',
        message: expect.stringMatching(/PostgreSQL 15 is needed .* found 99\.1 in/),
      });
      expect(report.files.total).toBe(0);
      rmSync(path.join(folder, 'postgres'));
      await expectFailure('usage', start(archive, { keys: keys(), start: { postgres: folder } }));
      rmSync(folder, { recursive: true });
    });

    test('a server that dies while it starts shows the end of its log', async () => {
      // It does everything as the real one, until it is to start.
      const folder = mkdtempSync(path.join(tmpdir(), 'restorable-pgbad-'));
      chmodSync(folder, 0o755);
      const real = realFolder();
      const script = `#!/bin/sh\ncase $1 in --version) exec ${real}/postgres "$@";; esac\necho 'LOG:  going up' >&2\necho 'FATAL:  no space left on device' >&2\nexit 1\n`;
      writeFileSync(path.join(folder, 'postgres'), script, { mode: 0o755 });
      for (const it of ['pg_controldata', 'psql']) execFileSync('ln', ['-s', path.join(real, it), folder]);
      const report = await start(archive, { keys: keys(), start: { workFolder: work, postgres: folder } });
      expect(report.failure).toMatchObject({
        code: 'io',
        stage: 'start',
        message: expect.stringMatching(/did not start.*\n.*LOG: {2}going up\n.*FATAL: {2}no space left/),
        hint: expect.stringContaining('--work-dir'),
      });
      expect(report.started).toBeNull();
      // A full disk says nothing of the backup.
      expect(report.verdict.restorable).toBe(true);
      rmSync(folder, { recursive: true });
    });

    test('stops when asked, wherever it is, and leaves nothing', async () => {
      for (const step of [/starts$/, /recovers: /, /^pg_amcheck/, /^pg_checksums/]) {
        const stop = new AbortController();
        const context = {
          ...quietContext(stop.signal),
          progress: (it: string) => void (step.test(it) && stop.abort()),
        };
        const job: TestRestoreJob = { kind: 'test-restore', archive, keys: keys(), start: { workFolder: work } };
        await expectFailure('cancelled', testRestoreRepository(job, context));
        expect(stop.signal.aborted).toBe(true);
        expect(readdirSync(work)).toEqual([]);
      }
    });

    test('a killed process leaves neither a server nor a folder', async () => {
      const passFile = path.join(cluster.folder, 'pass');
      writeFileSync(passFile, pass ?? '');
      const options = ['test-restore', archive, '--key-file', passFile, '--start', '--work-dir', work];
      const child = spawn(process.execPath, [await program(), ...options], { stdio: 'ignore' });
      const pidFile = () =>
        readdirSync(work)
          .map((it) => path.join(work, it, 'data/postmaster.pid'))
          .find((it) => existsSync(it));
      await vi.waitUntil(pidFile, { timeout: 60_000, interval: 5 });
      const pid = Number(readFileSync(pidFile() ?? '', 'latin1').split('\n')[0]);
      child.kill('SIGKILL');
      await vi.waitUntil(() => readdirSync(work).length === 0 && !existsSync(`/proc/${pid}`), { timeout: 60_000 });
    });

    test.runIf(isRoot)('runs as whoever calls it: an ordinary user needs no other', async () => {
      const dist = path.dirname(await program());
      chmodSync(dist, 0o755);
      const passFile = path.join(cluster.folder, 'pass');
      writeFileSync(passFile, pass ?? '');
      const command = ['-u', 'postgres', '--', process.execPath, path.join(dist, 'cli.js'), 'test-restore', archive];
      const options = ['--key-file', passFile, '--start', '--work-dir', work, '--json'];
      const { status, stdout } = spawnSync('runuser', [...command, ...options], { encoding: 'utf8', cwd: '/' });
      expect(JSON.parse(stdout)).toMatchObject({ failure: null, started: { tables: 3, checksums: true } });
      expect(status).toBe(0);
      expect(readdirSync(work)).toEqual([]);
    });

    test.runIf(isRoot)('root is told where its unprivileged server cannot go', async () => {
      const closed = mkdtempSync(path.join(tmpdir(), 'restorable-closed-'));
      const report = start(archive, { keys: keys(), start: { workFolder: closed } });
      await expectFailure('usage', report);
      await report.catch((error) => expect(error.failure.message).toContain('may not enter'));
      rmSync(closed, { recursive: true });
    });

    test('archive-get is a restore_command, and a wrong key stops the recovery instead of ending it', async () => {
      const cli = await program();
      chmodSync(path.dirname(cli), 0o755);
      const passFile = path.join(cluster.folder, 'pass');
      const wrongFile = path.join(cluster.folder, 'wrong');
      writeFileSync(passFile, pass ?? '');
      writeFileSync(wrongFile, 'another');
      const recover = async (keyFile: string, to: string) => {
        await testRestoreRepository({ kind: 'test-restore', archive, keys: keys(), to }, quietContext());
        const command = `"${process.execPath}" "${cli}" archive-get %f "%p" --archive "${archive}" --key-file "${keyFile}"`;
        writeFileSync(
          path.join(to, 'postgresql.auto.conf'),
          `restore_command = '${command}'\narchive_mode = off\nlog_directory = '${cluster.folder}/log'\n`,
        );
        if (isRoot) execFileSync('chown', ['-R', '-h', 'postgres:', to]);
        cluster.startServer(to);
      };
      const good = path.join(cluster.folder, 'got');
      const bad = path.join(cluster.folder, 'not-got');
      cluster.stopServer(cluster.data, 'fast');
      try {
        await recover(passFile, good);
        await vi.waitUntil(() => cluster.sql('shop', 'select pg_is_in_recovery()').trim() === 'f', { timeout: 60_000 });
        expect(cluster.sql('shop', 'select i from after_backup').trim()).toBe('2');
        cluster.stopServer(good);
        await expect(recover(wrongFile, bad)).rejects.toThrow(/could not start/);
        const log = readFileSync(path.join(cluster.folder, 'log/server.log'), 'utf8');
        expect(log).toMatch(/child process exited with exit code 212/);
        expect(existsSync(path.join(bad, 'recovery.signal'))).toBe(true);
      } finally {
        cluster.stopServer(good);
        cluster.startServer(cluster.data);
      }
    });
  });

  test('from a plain repository without compression, and from one made while the server was stopped', async () => {
    const [made] = cluster.configure('plain', 'none', [{ isEncrypted: false, isBundled: false }]);
    cluster.backrest(['backup', '--type=full']);
    expect((await start(made?.path ?? '')).started).toMatchObject({ checksums: true });
    cluster.stopServer(cluster.data, 'fast');
    try {
      cluster.backrest(['backup', '--type=full', '--no-online']);
      const report = await start(made?.path ?? '');
      expect(report.failure).toBeNull();
      expect(report.started).toMatchObject({ recoveredTo: null, walFiles: 0, checksums: true });
    } finally {
      cluster.startServer(cluster.data);
    }
  });

  test('where the WAL that follows has a gap, that is named with its times, and the backup alone still starts', async () => {
    const [made] = cluster.configure('gap', 'gz', [{ isEncrypted: true, isBundled: false }]);
    cluster.backrest(['backup', '--type=full']);
    for (const i of [1, 2, 3, 4]) {
      cluster.sql('shop', `create table gap_${i} as select ${i} i`);
      cluster.sql('shop', 'select pg_switch_wal()');
    }
    cluster.backrest(['check']);
    const keys = keysOf(made);
    const whole = await start(made?.path ?? '', { keys, wal: 'latest' });
    expect(whole.failure).toBeNull();
    const stop = (whole.backup?.wal as { stop: string } | undefined)?.stop ?? '';
    const folder = path.join(made?.path ?? '', 'archive/demo/15-1', stop.slice(0, 16));
    const after = readdirSync(folder)
      .filter((it) => /^[0-9A-F]{24}-/.test(it) && it.slice(0, 24) > stop)
      .sort();
    rmSync(path.join(folder, after[1] ?? ''));
    const report = await start(made?.path ?? '', { keys, wal: 'latest' });
    expect(report.failure).toMatchObject({
      code: 'incomplete',
      stage: 'wal',
      message: expect.stringMatching(/is missing \(between 20\S+Z and 20\S+Z\): recovery ends there/),
    });
    expect(report.backup?.wal).toMatchObject({
      gaps: [
        {
          first: after[1]?.slice(0, 24),
          last: after[1]?.slice(0, 24),
          count: 1,
          from: expect.any(String),
          to: expect.any(String),
        },
      ],
    });
    expect(report.verdict).toMatchObject({ complete: false, restorable: false });
    expect(report.started ?? null).toBeNull();
    expect((await start(made?.path ?? '', { keys })).failure).toBeNull();
  });

  test('a database whose locale is not installed here is not checked, and the others are', async () => {
    const [made] = cluster.configure('locale', 'gz', [{ isEncrypted: false, isBundled: false }]);
    cluster.sql('shop', 'create database elsewhere template shop');
    cluster.sql(
      'shop',
      "update pg_database set datcollate = 'xx_XX.UTF-8', datctype = 'xx_XX.UTF-8' where datname = 'elsewhere'",
    );
    cluster.backrest(['backup', '--type=full']);
    const report = await start(made?.path ?? '');
    cluster.sql('shop', 'drop database elsewhere');
    expect(report.failure).toMatchObject({
      code: 'unsupported',
      stage: 'start',
      path: 'elsewhere',
      message: expect.stringMatching(/locale is incompatible/),
      hint: expect.stringContaining('locale-gen'),
    });
    expect(report.verdict.restorable).toBe(true);
    expect(report.started).toMatchObject({ databases: 2, tables: expect.any(Number) });
  });

  test('WAL that creates a tablespace ends the recovery, and nothing is written to where that lies', async () => {
    const [made] = cluster.configure('tablespace', 'gz', [{ isEncrypted: false, isBundled: false }]);
    cluster.backrest(['backup', '--type=full']);
    const place = path.join(cluster.folder, 'later');
    mkdirSync(place);
    if (isRoot) execFileSync('chown', ['postgres:', place]);
    cluster.sql('shop', `create tablespace later location '${place}'`);
    cluster.sql('shop', 'create table in_later tablespace later as select 1 i');
    cluster.sql('shop', 'select pg_switch_wal()');
    cluster.backrest(['check']);
    const state = () =>
      readdirSync(place, { recursive: true, encoding: 'utf8' }).map((it) => [
        it,
        statSync(path.join(place, it)).mtimeMs,
      ]);
    const before = state();
    const report = await start(made?.path ?? '', { wal: 'latest' });
    expect(report.failure).toMatchObject({
      code: 'unsupported',
      stage: 'start',
      message: expect.stringMatching(/could not create symbolic link/),
      hint: expect.stringContaining('creates or moves a tablespace'),
    });
    expect(state()).toEqual(before);
    expect((await start(made?.path ?? '')).failure).toBeNull();
    cluster.sql('shop', 'drop table in_later');
    cluster.sql('shop', 'drop tablespace later');
  });

  test('the times of transactions are those that pg_waldump tells', async () => {
    const waldump = path.join(realFolder(), 'pg_waldump');
    for (let index = 0; index < 30; index++) {
      cluster.sql(
        'shop',
        `insert into facts select i, (select string_agg(md5(random()::text), '') from generate_series(1, 90 + i % 2)) from generate_series(1, ${index * 7}) i`,
      );
    }
    const folder = path.join(cluster.data, 'pg_wal');
    // What is written to now has old records behind its end, where it was recycled.
    const current = cluster.sql('shop', 'select pg_walfile_name(pg_current_wal_lsn())').trim();
    let compared = 0;
    for (const name of readdirSync(folder)
      .filter((it) => /^[0-9A-F]{24}$/.test(it) && it < current)
      .sort()) {
      const lines = spawnSync(waldump, ['--rmgr=Transaction', path.join(folder, name)], {
        encoding: 'utf8',
        env: { ...process.env, TZ: 'UTC' },
      }).stdout;
      const times = [...lines.matchAll(/(?:COMMIT|ABORT)(?:_PREPARED)? (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})/g)].map(
        (it) => it[1],
      );
      const found = commitTimes(readFileSync(path.join(folder, name)));
      const text = (time: Date | undefined) => time?.toISOString().replace('T', ' ').replace('Z', '');
      if (times.length === 0) continue;
      expect([name, text(found?.first), text(found?.last)]).toEqual([name, times[0], times.at(-1)]);
      compared++;
    }
    expect(compared).toBeGreaterThan(1);
  });

  test('WAL is followed onto the timeline of a promoted server', async () => {
    const [made] = cluster.configure('timelines', 'gz', [{ isEncrypted: true, isBundled: false }]);
    cluster.backrest(['backup', '--type=full']);
    cluster.sql('shop', 'create table on_first as select 1 i');
    cluster.stopServer(cluster.data, 'fast');
    writeFileSync(path.join(cluster.data, 'standby.signal'), '');
    if (isRoot) execFileSync('chown', ['postgres:', path.join(cluster.data, 'standby.signal')]);
    cluster.startServer(cluster.data);
    cluster.sql('shop', 'select pg_promote()');
    cluster.sql('shop', 'create table on_second as select 2 i');
    cluster.sql('shop', 'select pg_switch_wal()');
    cluster.backrest(['check']);
    const keys = keysOf(made);
    const before = await start(made?.path ?? '', { keys });
    const report = await start(made?.path ?? '', { keys, wal: 'latest' });
    expect(report.failure).toBeNull();
    expect(report.backup?.wal).toMatchObject({
      timeline: 2,
      switches: [{ timeline: 1, to: expect.stringMatching(/^0\//) }],
      newest: expect.stringMatching(/^00000002/),
    });
    expect(report.started?.tables).toBe((before.started?.tables ?? 0) + 2);
  });

  test('a page that was damaged before the backup is found by PostgreSQL, not by any checksum of the repository', async () => {
    const [made] = cluster.configure('damaged', 'gz', [{ isEncrypted: false, isBundled: true }]);
    damage(cluster, 'facts', 5000);
    cluster.backrest(['backup', '--type=full']);
    const report = await start(made?.path ?? '');
    expect(report.failure).toMatchObject({ code: 'damaged', stage: 'start' });
    expect(report.verdict.restorable).toBe(false);
    expect(report.verdict.decrypted).toBe(true);
    expect(report.files.failed.map((it) => it.message).join('\n')).toMatch(/facts[\s\S]*does not match its checksum/);
  });
});

describe.skipIf(missingTools)('a cluster without data checksums', () => {
  let cluster: Cluster;
  beforeAll(() => {
    cluster = new Cluster();
    cluster.start({ hasChecksums: false });
  });
  afterAll(() => cluster?.remove());

  test('starts, and the report says what that cannot prove', async () => {
    const [made] = cluster.configure('sound', 'zst', [{ isEncrypted: false, isBundled: false }]);
    cluster.backrest(['backup', '--type=full']);
    const report = await start(made?.path ?? '');
    expect(report.failure).toBeNull();
    expect(report.started?.checksums).toBeNull();
    expect(report.notes.join()).toContain('no data checksums');
  });

  test('where pg_amcheck is missing, every table is read', async () => {
    const [made] = cluster.configure('reading', 'gz', [{ isEncrypted: false, isBundled: true }]);
    cluster.sql('shop', 'create schema "odd ""name"""; create table "odd ""name"""."a\nb" as select 1 i');
    // The code of its type is not on this machine, as that of an extension may not be.
    const type = [
      'create type alien',
      "create function alien_in(cstring) returns alien language internal immutable strict as 'int4in'",
      "create function alien_out(alien) returns cstring language internal immutable strict as 'int4out'",
      'create type alien (input = alien_in, output = alien_out, internallength = 4, passedbyvalue, alignment = int4)',
      'create cast (int4 as alien) without function',
      'create table aliens as select i::alien from generate_series(1, 9) i',
      "update pg_proc set prolang = (select oid from pg_language where lanname = 'c'), probin = 'not_there' where proname = 'alien_out'",
    ];
    cluster.sql('shop', type.join(';\n'));
    cluster.backrest(['backup', '--type=full']);
    const folder = path.join(cluster.folder, 'bin');
    mkdirSync(folder);
    for (const it of ['pg_controldata', 'psql']) cpSync(path.join(realFolder(), it), path.join(folder, it));
    // The server finds its own files by where it lies.
    writeFileSync(path.join(folder, 'postgres'), `#!/bin/sh\nexec ${realFolder()}/postgres "$@"\n`, { mode: 0o755 });
    const place = { workFolder: work, postgres: folder };
    const previous = process.env.PATH;
    process.env.PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
    try {
      const hasOther = spawnSync('which', ['pg_amcheck']).status === 0;
      const report = await start(made?.path ?? '', { start: place });
      expect(report.failure).toBeNull();
      if (!hasOther) {
        expect(report.started).toMatchObject({
          checkedBy: 'reading every table',
          unread: [{ table: 'shop.public.aliens', reason: expect.stringContaining('could not access file') }],
        });
      }
      damage(cluster, 'facts', 0);
      cluster.backrest(['backup', '--type=full']);
      const damaged = await start(made?.path ?? '', { start: place });
      expect(damaged.failure).toMatchObject({
        code: 'damaged',
        stage: 'start',
        path: 'shop.public.facts',
        message: expect.stringContaining('invalid page in block'),
      });
      expect(damaged.files.failed).toHaveLength(1);
    } finally {
      process.env.PATH = previous;
    }
  });
});

/** Overwrites bytes of a table on disk, behind the server's back. */
function damage(cluster: Cluster, table: string, offset: number): void {
  cluster.sql('shop', 'checkpoint');
  const file = path.join(cluster.data, cluster.sql('shop', `select pg_relation_filepath('${table}')`).trim());
  cluster.stopServer(cluster.data, 'fast');
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(24, 0x5a), 0, 24, 3 * 8192 + offset);
  closeSync(descriptor);
  expect(statSync(file).size).toBeGreaterThan(4 * 8192);
  cluster.startServer(cluster.data);
}

function realFolder(): string {
  return process.env.PGBIN ?? '/usr/lib/postgresql/15/bin';
}
