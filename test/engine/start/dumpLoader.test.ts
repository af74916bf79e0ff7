import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ByteReader, once } from '../../../engine/src/bytes.ts';
import { checkContents } from '../../../engine/src/contents/checkContents.ts';
import { DumpLoader, screenScript } from '../../../engine/src/start/dumpLoader.ts';
import type { DatabaseContents, DumpConnection, DumpServer } from '../../../engine/src/start/dumpServer.ts';
import { StatementError } from '../../../engine/src/start/protocol.ts';
import { expectFailure } from '../pieces.ts';

/** Remembers what it was told; refuses what the test says. */
class FakeServer implements DumpServer {
  readonly engine = 'PostgreSQL';
  readonly version = '17.5';
  readonly name = 'PostgreSQL 17.5';
  readonly database = 'load';
  readonly told: string[] = [];
  readonly roles = new Set<string>();
  extensions: ReadonlySet<string> = new Set();
  readonly #refuse: (statement: string, server: FakeServer) => StatementError | undefined;

  constructor(refuse: (statement: string, server: FakeServer) => StatementError | undefined = () => undefined) {
    this.#refuse = refuse;
  }

  async open(extensions: ReadonlySet<string>): Promise<void> {
    this.extensions = extensions;
  }

  async connect(database: string): Promise<DumpConnection> {
    this.told.push(`connect ${database}`);
    const execute = async (statement: string | Uint8Array) => {
      const text = Buffer.from(statement as Uint8Array)
        .toString()
        .trim();
      const refused = this.#refuse(text, this);
      if (refused) throw refused;
      this.told.push(text);
      return [];
    };
    const copy = async (statement: string | Uint8Array, data: AsyncIterable<Uint8Array>) => {
      for await (const _ of data);
      await execute(statement);
    };
    return { execute, copy, close: () => undefined };
  }

  async createRole(name: string): Promise<string | undefined> {
    if (this.roles.has(name)) return `role ${name} already exists`;
    this.roles.add(name);
    return undefined;
  }

  async createDatabase(name: string): Promise<string | undefined> {
    this.told.push(`database ${name}`);
    return undefined;
  }

  async createExtension(name: string, schema: string | undefined): Promise<string | undefined> {
    this.told.push(`extension ${name} in ${schema}`);
    return undefined;
  }

  async isTrusted(): Promise<boolean> {
    return false;
  }

  isOwnLimit(): boolean {
    return false;
  }

  async contents(): Promise<DatabaseContents[]> {
    return [{ name: this.database, schemas: 1, tables: 2, rows: 3 }];
  }
}

const readerOf = (text: string) => new ByteReader(once(Buffer.from(text)));

async function load(script: string, server: FakeServer) {
  const loader = new DumpLoader(server);
  await loader.open(await screenScript(readerOf(script)));
  await loader.script(readerOf(script));
  return loader.result();
}

describe('a script', () => {
  test('that is refused names the line where the statement begins, behind comments, rows and statements', async () => {
    const script = [
      '-- one',
      'CREATE TABLE public.t (',
      '  a text',
      ');',
      '',
      'COPY public.t (a) FROM stdin;',
      'x',
      'y',
      '\\.',
      '',
      '-- what follows is wrong',
      "INSERT INTO public.t VALUES ('a;",
      "b');  SELECT wrong();",
      '',
    ].join('\n');
    const server = new FakeServer((it) =>
      /^INSERT|wrong\(/.test(it.replace(/^--.*\n/, '')) ? new StatementError('42601', 'syntax error') : undefined,
    );
    const { failures, loaded } = await load(script, server);
    expect(failures.map((it) => it.message)).toEqual([
      'PostgreSQL 17.5 does not load line 12 of the dump: syntax error (42601)',
      'PostgreSQL 17.5 does not load line 13 of the dump: syntax error (42601)',
    ]);
    expect(loaded).toEqual({
      engine: 'PostgreSQL',
      version: '17.5',
      databases: 1,
      schemas: 1,
      tables: 2,
      rows: 3,
      errors: 2,
      leftOut: 0,
    });
  });

  test('whose row is refused names the line of the row', async () => {
    const script = '--\nCOPY public.t (a)\n  FROM stdin;\n1\n2\nthree\n\\.\n\n';
    const server = new FakeServer(() => new StatementError('22P02', 'invalid input syntax for type integer', 3));
    const { failures } = await load(script, server);
    expect(failures[0]?.message).toContain('does not load line 6 of the dump: invalid input');
  });

  test('that names a role which pg_dump did not write gets one that can do nothing', async () => {
    const policy = 'CREATE POLICY seen ON public.t TO "the ""app""" USING (true);';
    const server = new FakeServer((it, { roles }) =>
      it.startsWith('CREATE POLICY') && !roles.has('"the ""app"""')
        ? new StatementError('42704', 'role "the "app"" does not exist')
        : undefined,
    );
    const { failures, loaded, notes } = await load(`${policy}\n`, server);
    expect([failures, loaded.errors, notes]).toEqual([[], 0, []]);
    expect(server.told).toContain(policy);
  });

  test('sets what an older server does not know, and nobody minds', async () => {
    const server = new FakeServer((it) =>
      it.includes('transaction_timeout')
        ? new StatementError('42704', 'unrecognized configuration parameter "transaction_timeout"')
        : undefined,
    );
    const { failures, loaded, notes } = await load('SET transaction_timeout = 0;\nSELECT 1;\n', server);
    expect([failures, loaded.errors, notes]).toEqual([[], 0, []]);
  });

  test('needs a locale that this machine has not: told, and no fault of the dump', async () => {
    const server = new FakeServer(
      () => new StatementError('42704', 'collation "de_DE.utf8" for encoding "UTF8" does not exist'),
    );
    const { failures, loaded, notes } = await load('CREATE TABLE t (a text COLLATE "de_DE.utf8");\n', server);
    expect([failures, loaded.errors]).toEqual([[], 1]);
    expect(notes[0]).toContain('Not loaded here: collation');
  });

  test('of a whole cluster: roles without rights, databases, and each of them in its own', async () => {
    const script = [
      '\\restrict abc',
      '\\connect postgres',
      "CREATE ROLE app LOGIN PASSWORD 'md5';",
      'ALTER ROLE app SUPERUSER;',
      "CREATE DATABASE shop WITH TEMPLATE = template0 LOCALE = 'xx';",
      '\\connect shop',
      'CREATE EXTENSION IF NOT EXISTS "hstore" WITH SCHEMA public;',
      'CREATE EXTENSION postgres_fdw;',
      'ALTER TABLE public.t OWNER TO app;',
      'GRANT ALL ON TABLE public.t TO app;',
      '\\unrestrict abc',
      '',
    ].join('\n');
    const server = new FakeServer();
    const { loaded, notes } = await load(script, server);
    expect(server.told).toEqual([
      'connect load',
      'connect postgres',
      'database shop',
      'connect shop',
      'extension hstore in public',
    ]);
    expect([...server.roles]).toEqual(['app']);
    expect([...server.extensions]).toEqual(['hstore', 'postgres_fdw']);
    expect(loaded.leftOut).toBe(3);
    expect(notes[0]).toContain('postgres_fdw is not made');
  });
});

test('a database whose name needs a connection string is gone on in; other commands of psql are hostile', async () => {
  const script = (command: string) => `CREATE DATABASE "second ""shop""";\n${command}\n`;
  const server = new FakeServer();
  await load(script(`\\encoding SQL_ASCII\n\\connect -reuse-previous=on "dbname='second ""shop""'"`), server);
  expect(server.told).toContain('connect second "shop"');
  for (const it of ['\\encoding `id`', '\\! id', '\\connect "host=elsewhere"', '\\i /etc/passwd', '\\restrict `id`'])
    await expectFailure('hostile', screenScript(readerOf(script(it))));
});

test.each(['15.dump', '15.tar', '18.dump'])('the archive %s names the entry and the row', async (name) => {
  const bytes = readFileSync(new URL(`../../vectors/pg_dump/${name}`, import.meta.url));
  const server = new FakeServer((it) => {
    if (it.startsWith('COPY')) return new StatementError('22P04', 'extra data after last expected column', 77);
    return /CREATE INDEX|ADD CONSTRAINT/.test(it)
      ? new StatementError('23505', 'could not create unique index')
      : undefined;
  });
  const loader = new DumpLoader(server);
  const kind = name.endsWith('tar') ? 'pg_dump tar' : 'pg_dump custom';
  await checkContents(new ByteReader(once(bytes)), kind, { consumer: loader });
  await loader.finish();
  const { failures } = await loader.result();
  const said = failures.map((it) => it.message).join('\n');
  expect(said).toMatch(/does not load row 77 of TABLE DATA public\.\w+: extra data/);
  expect(said).toMatch(/does not load (?:CONSTRAINT|INDEX) public\./);
});
