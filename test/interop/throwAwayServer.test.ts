import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkDatabase } from '../../engine/src/start/databaseCheck.ts';
import { findPostgres } from '../../engine/src/start/installation.ts';
import { ThrowAwayServer } from '../../engine/src/start/throwAwayServer.ts';
import { Workplace } from '../../engine/src/start/workplace.ts';
import { expectFailure } from '../engine/pieces.ts';
import { missingTools } from './pgbackrestCluster.ts';

const { signal } = new AbortController();
let places: Workplace[] = [];
let work: string;

beforeEach(() => {
  work = mkdtempSync(path.join(tmpdir(), 'restorable-work-'));
  spawnSync('chmod', ['755', work]);
});
afterEach(async () => {
  for (const it of places) await ThrowAwayServer.end(it);
  places = [];
  expect(readdirSync(work)).toEqual([]);
  rmSync(work, { recursive: true });
});

function open(within = work): Workplace {
  const place = Workplace.open({ within });
  places.push(place);
  return place;
}

describe.skipIf(missingTools)(`a throw-away server${missingTools ? ` (${missingTools})` : ''}`, () => {
  const create = async (place = open()) => ThrowAwayServer.create(place, await findPostgres('15'), signal);

  test('is empty, takes scripts and dumps, and gives rows whatever stands in them', async () => {
    const server = await create();
    expect(await server.databases()).toEqual(['postgres', 'template1']);
    const script = 'create table words (i int, word text);\ncopy words from stdin;\n1\ta\\nb\n2\t|\n3\t\\N\n\\.\n';
    async function* pieces() {
      for (const it of script.match(/[\s\S]{1,7}/g) ?? []) yield Buffer.from(it);
    }
    const { code, stderr } = await server.feed(
      'psql',
      ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres'],
      pieces(),
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(await server.query('postgres', 'select * from public.words order by i')).toEqual([
      ['1', 'a\nb'],
      ['2', '|'],
      ['3', ''],
    ]);
    expect(await server.query('postgres', 'select 1 where false')).toEqual([]);
    expect(await server.attempt('postgres', 'select 1 / 0')).toMatchObject({ error: 'ERROR:  division by zero' });
    await expectFailure('damaged', server.query('postgres', 'select * from nowhere'));
    expect(await checkDatabase(server, 'postgres', () => undefined)).toMatchObject({
      tables: 1,
      isVerified: true,
      failures: [],
    });
  });

  test('can be reached by nobody else: no port, a closed folder, no right for others', async () => {
    const { place, installation } = await create();
    const pid = readFileSync(path.join(place.data, 'postmaster.pid'), 'latin1').split('\n')[0];
    // Every socket of the process that is bound to the network.
    const inodes = new Set(
      readdirSync(`/proc/${pid}/fd`).flatMap((it) => {
        const link = spawnSync('readlink', [`/proc/${pid}/fd/${it}`], { encoding: 'utf8' }).stdout;
        return /^socket:\[(\d+)\]/.exec(link)?.[1] ?? [];
      }),
    );
    const bound = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((it) =>
      readFileSync(`/proc/${pid}/net/${it}`, 'latin1')
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/)[9] ?? ''),
    );
    expect(bound.filter((it) => inodes.has(it) && it !== '0')).toEqual([]);
    for (const it of [place.folder, place.data, place.socket, place.settings, place.wal]) {
      expect(statSync(it).mode & 0o007).toBe(0);
    }
    expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).not.toMatch(/PGPASS|PASSWORD/);
    if (process.getuid?.() === 0) expect(statSync(`/proc/${pid}`).uid).not.toBe(0);
    expect(installation.major).toBe('15');
  });

  test('is found its way into when neither the role nor the database postgres exists', async () => {
    const place = open();
    const server = await create(place);
    const steps = [
      ['postgres', 'create role "the ""boss""" superuser login'],
      ['postgres', 'create role weak login'],
      ['postgres', `create database "my 'shop"`],
      ["my 'shop", 'update pg_catalog.pg_database set datistemplate = false where true'],
      ["my 'shop", 'drop database postgres'],
      ["my 'shop", 'drop database template1'],
    ] as const;
    for (const [database, statement] of steps) await server.query(database, statement);
    // Nobody can rename the role of his own session.
    const renaming = 'alter role postgres rename to first';
    await server.feed('psql', ['-X', '-q', '-U', 'the "boss"', '-d', "dbname='my \\'shop'", '-c', renaming]);
    await server.stop('fast');
    const again = await ThrowAwayServer.start(place, server.installation, { signal });
    expect(await again.databases()).toEqual(["my 'shop"]);
    expect(again.role).toBe('first');
  });

  test('does not do what the cluster was told to do: settings, event triggers, functions in front of the catalog', async () => {
    const place = open();
    const server = await create(place);
    const script = `
      create schema evil;
      create table evil.ran (what text);
      create function evil.count(bigint) returns bigint language plpgsql as $$ begin insert into evil.ran values ('count'); return 0; end $$;
      create view evil.pg_class as select * from pg_catalog.pg_class where false;
      alter database postgres set search_path = evil, pg_catalog;
      alter database postgres set session_preload_libraries = 'not_there';
      alter database postgres set default_transaction_read_only = on;
      alter role postgres set statement_timeout = '1ms';
      alter system set shared_preload_libraries = 'not_there_either';
      alter system set archive_mode = on;
      alter system set archive_command = 'touch ${work}/pushed';
      create function evil.spy() returns event_trigger language plpgsql as $$ begin insert into evil.ran values (tg_tag); end $$;
      create event trigger spy on ddl_command_start execute function evil.spy();
    `;
    expect((await server.feed('psql', ['-X', '-q', '-d', 'postgres', '-f', '-'], script)).stderr).toBe('');
    await server.stop('fast');
    const again = await ThrowAwayServer.start(place, server.installation, { signal });
    expect(await checkDatabase(again, 'postgres', () => undefined)).toMatchObject({
      tables: 1,
      isVerified: true,
      failures: [],
    });
    expect(await again.query('postgres', 'select * from evil.ran')).toEqual([]);
    expect(await again.query('postgres', 'show archive_mode')).toEqual([['off']]);
    await again.query('postgres', 'select pg_switch_wal()');
    expect(existsSync(path.join(work, 'pushed'))).toBe(false);
  });

  test('makes no tablespace outside of its folder', async () => {
    const server = await create();
    const elsewhere = path.join(server.place.folder, 's');
    const { error } = await server.attempt('postgres', `create tablespace away location '${elsewhere}'`);
    expect(error).toMatch(/could not create symbolic link/);
  });

  test('works in a folder of any name, however long its path is', async () => {
    const name = path.join(work, "a b'c\\d $HOME ü %f", 'long'.repeat(30));
    mkdirSync(name, { recursive: true });
    const place = open(name);
    const server = await create(place);
    expect(await server.query('postgres', 'select 1')).toEqual([['1']]);
    await ThrowAwayServer.end(place);
    expect(existsSync(place.socket)).toBe(false);
    rmSync(path.join(work, "a b'c\\d $HOME ü %f"), { recursive: true });
  });

  test('is several at once', async () => {
    const servers = await Promise.all([create(), create()]);
    const answers = await Promise.all(servers.map((it) => it.query('postgres', 'show data_directory')));
    expect(new Set(answers.flat(2)).size).toBe(2);
  });

  test('that gets no room is refused before anything is written', async () => {
    expect(() => Workplace.open({ within: work, bytes: 2 ** 60 })).toThrow(/throw-away copy needs/);
    expect(() => Workplace.open({ within: path.join(work, 'nowhere') })).toThrow(/no such file/);
  });
});
