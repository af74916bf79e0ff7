/** Where no PostgreSQL is installed, PGlite takes the dumps of the real pg_dump. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestRestoreJob } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { findInstallations } from '../../engine/src/start/installation.ts';
import { findPglite } from '../../engine/src/start/pglite.ts';
import { PostgresServer } from './postgresServer.ts';

const pglite = findPglite();
if (!pglite) throw new Error('PGlite is a development package and is not there');
const start = { postgres: pglite.folder };
const installed = await findInstallations();
const major = Number.parseInt(installed[0]?.major ?? '0', 10);
const programs = [process.env.PGBIN, '/usr/lib/postgresql/15/bin'].find(
  (it) => it && existsSync(path.join(it, 'initdb')),
);
if (!programs && process.env.CI) throw new Error('PostgreSQL is needed in CI and is not there');

const head = `--
-- PostgreSQL database dump
--

-- Dumped from database version 14.9
-- Dumped by pg_dump version 14.9

SET statement_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

`;
const end = '\n--\n-- PostgreSQL database dump complete\n--\n\n';

describe.skipIf(!programs)('PGlite takes what pg_dump wrote', () => {
  let server: PostgresServer;
  beforeAll(() => {
    server = new PostgresServer(() => programs ?? '');
    server.sql('create extension hstore; create extension citext schema other;');
    server.sql("create table words (word other.citext, more public.hstore); insert into words values ('a', 'a=>1');");
  });
  afterAll(() => server?.remove());

  test.each([[['--inserts', '--create', '--clean', '--if-exists']], [['-Fc']], [['-Fd', '-j2']]])(
    'with %s, owners, roles, policies, extensions and large objects, and counts what came',
    async (options) => {
      const dump = server.at('dump');
      server.client('pg_dump', '-f', dump, ...options, 'shop');
      const work = mkdtempSync(server.at('work-'));
      const report = await testRestore(dump, { start: { ...start, workFolder: work } });
      expect(report).toMatchObject({
        failure: null,
        verdict: { complete: true, restorable: true },
        loaded: { engine: 'PGlite', databases: 1, schemas: 2, tables: 4, rows: 505, errors: 0 },
      });
      expect(report.because.restorable).toMatch(/^PGlite 0\.5\.\d+ \(PostgreSQL 18\.\d+\) loaded it without an error/);
      expect(report.started).toBeUndefined();
      expect(readdirSync(work)).toEqual([]);
      rmSync(dump, { recursive: true });
    },
  );

  test('a whole cluster with several databases is loaded one after the other', async () => {
    server.client('createdb', 'second "shop"');
    server.client('psql', '-X', '-q', '-d', 'second "shop"', '-c', 'create table t as select generate_series(1, 10) i');
    const dump = server.at('all.sql');
    server.client('pg_dumpall', '-f', dump);
    const report = await testRestore(dump, { start });
    expect(report).toMatchObject({
      failure: null,
      verdict: { complete: true, restorable: true },
      loaded: { engine: 'PGlite', databases: 2, tables: 5, rows: 515, errors: 0 },
    });
  });
});

describe('PGlite', () => {
  let folder: string;
  const at = (name: string) => path.join(folder, name);
  const script = (name: string, body: string) => {
    writeFileSync(at(name), `${head}${body}${end}`);
    return at(name);
  };
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'restorable-pglite-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('many rows go in several pieces; a row that does not fit is named by its line, without what stands in it', async () => {
    const rows = Array.from({ length: 90_000 }, (_, row) => `${row}\tcustomer ${row} ${'x'.repeat(50)}`);
    const table = (data: string[]) =>
      `CREATE TABLE public.t (i integer, customer text);\n\nCOPY public.t (i, customer) FROM stdin;\n${data.join('\n')}\n\\.\n\nCREATE UNIQUE INDEX one ON public.t (i);\n`;
    const whole = await testRestore(script('many.sql', table(rows)), { start });
    expect(whole).toMatchObject({ failure: null, loaded: { tables: 1, rows: 90_000, errors: 0 } });

    const broken = [...rows];
    broken[85_000] = 'somebody’s secret\tx';
    const file = script('broken.sql', table(broken));
    const line =
      readFileSync(file, 'utf8')
        .split('\n')
        .indexOf(broken[85_000] ?? '') + 1;
    const { failure, loaded, verdict } = await testRestore(file, { start });
    expect(failure).toMatchObject({ code: 'damaged', stage: 'start' });
    expect(failure?.message).toContain(`does not load line ${line} of the dump: invalid input syntax for type integer`);
    expect(failure?.message).not.toContain('secret');
    // All of a COPY, or nothing of it, as in a server.
    expect(loaded).toMatchObject({ rows: 0, errors: 1 });
    expect(verdict.restorable).toBe(false);
  });

  test('a row that is there twice is found by the index that the dump makes', async () => {
    const file = script(
      'twice.sql',
      'CREATE TABLE public.t (i integer);\nINSERT INTO public.t VALUES (7);\nINSERT INTO public.t VALUES (7);\n\nALTER TABLE ONLY public.t ADD CONSTRAINT one PRIMARY KEY (i);\n',
    );
    const { failure } = await testRestore(file, { start });
    expect(failure?.message).toMatch(
      /does not load line 18 of the dump: could not create unique index "one" \(23505\)/,
    );
  });

  test('an extension that it lacks leaves the tick open and is told', async () => {
    const file = script(
      'lacking.sql',
      "CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;\nCREATE TABLE public.places (i int, place public.geometry);\nCREATE TABLE public.t (i int);\nCREATE COLLATION public.german (locale = 'de_DE.utf8');\n",
    );
    const report = await testRestore(file, { start });
    expect(report).toMatchObject({ failure: null, verdict: { restorable: null }, loaded: { tables: 1 } });
    expect(report.notes.join('\n')).toMatch(/Not loaded here: .*extension "postgis" is not available/);
    expect(report.because.restorable).toContain('but not what needs something that is not here');
  });

  test('what tries to get out of it reaches nothing', async () => {
    const proof = at('ran');
    const asOwner = (statement: string) =>
      `DO $$ BEGIN EXECUTE 'SET SESSION AUTHORIZATION postgres'; EXECUTE '${statement}'; END $$;\n`;
    const canary = script('canary.sql', '');
    const programs = `CO' || 'PY (select 1) TO PRO' || 'GRAM ''touch ${proof}''`;
    for (const statements of [
      [
        `DO $$ BEGIN EXECUTE '${programs}'; END $$;\n`,
        asOwner(`COPY (select 1) TO ''${proof}''`),
        asOwner(`CREATE TABLE public.read AS SELECT pg_catalog.pg_read_file(''${canary}'')`),
        asOwner(`CREATE SUBSCRIPTION s CONNECTION ''host=localhost'' PUBLICATION p WITH (create_slot = false)`),
      ],
      [asOwner(programs)],
    ]) {
      const file = script('hostile.sql', `${statements.join('')}CREATE TABLE public.t (i int);\n`);
      const report = await testRestore(file, { start });
      expect(existsSync(proof)).toBe(false);
      expect(report.verdict.restorable).not.toBe(true);
      expect(readdirSync(folder).every((it) => it.endsWith('.sql'))).toBe(true);
      expect(JSON.stringify(report)).not.toContain('Dumped from');
      if (statements.length > 1) expect(report.notes.join()).toContain('could not access file "libpqwalreceiver"');
    }
    const report = await testRestore(script('open.sql', `\\! touch ${proof}\n`), { start });
    expect(report.failure).toMatchObject({ code: 'hostile', stage: 'start' });
    expect(existsSync(proof)).toBe(false);
  });

  test('a library that the dump brings is not loaded: it could bring JavaScript, which would run as ours', async () => {
    const work = mkdtempSync(at('work-'));
    const file = script(
      'library.sql',
      [
        "DO $$ BEGIN EXECUTE 'SET SESSION AUTHORIZATION postgres'; END $$;",
        // As one of PostgreSQL's own, with an empty section at its end.
        "SELECT pg_catalog.lo_from_bytea(7777, pg_catalog.pg_read_binary_file('/pglite/lib/postgresql/dict_snowball.so') || '\\x00020161');",
        "SELECT pg_catalog.lo_export(7777, '/pglite/data/own');",
        "LOAD '/pglite/data/own';",
        '',
      ].join('\n'),
    );
    const { failure, verdict } = await testRestore(file, { start: { ...start, workFolder: work } });
    expect(failure).toMatchObject({ code: 'hostile', stage: 'start' });
    expect(failure?.message).toContain('a program of its own to load into PostgreSQL');
    expect(verdict.restorable).toBe(false);
    expect(readdirSync(work)).toEqual([]);
    rmSync(work, { recursive: true });
  });

  test('a dump of a newer PostgreSQL is refused, with the reason', async () => {
    const file = script('newer.sql', 'CREATE TABLE public.t (i int);\n');
    writeFileSync(file, readFileSync(file, 'utf8').replace('version 14.9', 'version 99.1'));
    const { failure, verdict, loaded } = await testRestore(file, { start });
    expect(failure).toMatchObject({ code: 'unsupported', stage: 'start' });
    expect(failure?.message).toMatch(/the dump is of PostgreSQL 99, PGlite .* is older/);
    expect([verdict.restorable, loaded]).toEqual([null, undefined]);
  });

  test.skipIf(major >= 16)('is taken by itself where no server is installed that is new enough', async () => {
    const report = await testRestore(new URL('../vectors/pg_dump/16.dump', import.meta.url).pathname, { start: {} });
    expect(report).toMatchObject({ failure: null, loaded: { engine: 'PGlite', tables: 2, rows: 200, errors: 0 } });
  });

  test('a large object of PostgreSQL 18, whose metadata stand behind its data, is loaded', async () => {
    const report = await testRestore(new URL('../vectors/pg_dump/18.dump', import.meta.url).pathname, { start });
    expect(report).toMatchObject({ failure: null, loaded: { engine: 'PGlite', tables: 2, rows: 200, errors: 0 } });
  });

  test('stops when it is told to', async () => {
    const file = script('long.sql', `${'SELECT pg_catalog.pg_sleep(0.01);\n'.repeat(10_000)}`);
    const stop = new AbortController();
    const context = { ...quietContext(stop.signal) };
    const job: TestRestoreJob = { kind: 'test-restore', archive: file, keys: [], start };
    const progress = (step: string) => {
      if (/loads the dump/.test(step)) setTimeout(() => stop.abort(), 0);
    };
    const outcome = await runJob(job, { ...context, progress });
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
  });
});

async function testRestore(archive: string, more: Partial<TestRestoreJob> = {}): Promise<Report> {
  const outcome = await runJob({ kind: 'test-restore', archive, keys: [], ...more }, quietContext());
  if (!outcome.ok) return { failure: outcome.failure, verdict: { restorable: false } } as Report;
  return outcome.value[0] as Report;
}
