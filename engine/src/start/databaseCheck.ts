/** Everything that one database of a running server holds: verified by pg_amcheck where there is one, else read once. */

import type { Failure } from '../failure.ts';
import type { StartedServer } from '../report.ts';
import { programOf, versionNumber } from './installation.ts';
import { conninfo, type ThrowAwayServer } from './throwAwayServer.ts';

export interface DatabaseResult {
  /** Nobody could connect to it: then the rest is empty, but for the failure. */
  isClosed: boolean;
  /** Tables and materialized views of the user. */
  tables: number;
  /** By pg_amcheck; otherwise every table was read. */
  isVerified: boolean;
  failures: Failure[];
  unread: StartedServer['unread'];
  notes: string[];
}

const mostFailures = 100;

/** @throws RestoreError when the server ends meanwhile, `cancelled` */
export async function checkDatabase(
  server: ThrowAwayServer,
  database: string,
  say: (step: string) => void,
): Promise<DatabaseResult> {
  const result: DatabaseResult = { isClosed: false, tables: 0, isVerified: false, failures: [], unread: [], notes: [] };
  const { failure } = await server.attempt(database, 'select 1');
  if (failure) {
    return { ...result, isClosed: true, failures: [{ ...failure, path: database }] };
  }
  const tables = await tablesOf(server, database);
  result.tables = tables.filter((it) => !/^(?:pg_catalog|information_schema|pg_toast)$/.test(it.schema)).length;
  if (await hasAmcheck(server, database)) {
    say(`pg_amcheck: ${database}`);
    result.isVerified = await verify(server, database, result);
  }
  if (!result.isVerified) await readAll(server, database, tables, { result, say });
  return result;
}

interface Table {
  schema: string;
  name: string;
}

async function tablesOf(server: ThrowAwayServer, database: string): Promise<Table[]> {
  const rows = await server.query(
    database,
    `select n.nspname, c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where (c.relkind = 'r' or c.relkind = 'm' and c.relispopulated) and c.relpersistence <> 't' order by 1, 2`,
  );
  return rows.map(([schema = '', name = '']) => ({ schema, name }));
}

/** Its extension is made here where the database has none: pg_amcheck came with version 14. */
async function hasAmcheck(server: ThrowAwayServer, database: string): Promise<boolean> {
  if (versionNumber(server.installation.major) < 140_000) return false;
  if (programOf(server.installation, 'pg_amcheck') === undefined) return false;
  const { error } = await server.attempt(
    database,
    // Event triggers of the database are not to run.
    'set session_replication_role = replica; create extension if not exists amcheck; alter extension amcheck update',
  );
  return error === undefined;
}

/** false when it could not do its work. */
async function verify(server: ThrowAwayServer, database: string, result: DatabaseResult): Promise<boolean> {
  const isSorted = await sortsAsBefore(server, database);
  const { code, stdout, stderr } = await server.feed('pg_amcheck', [conninfo(database)]);
  if (code === 0) return true;
  let index: Failure[] = result.failures;
  const doubtful: Failure[] = [];
  for (const { head, detail } of problems(stdout)) {
    if (cannotRead.test(detail)) {
      result.unread.push({ table: /"(.*)"/.exec(head)?.[1] ?? database, reason: detail.slice(0, 300) });
      continue;
    }
    const order = /^btree index/.test(head) && /invariant/.test(detail);
    index = order && !isSorted ? doubtful : result.failures;
    if (index.length >= mostFailures) continue;
    index.push({
      code: 'damaged',
      stage: 'start',
      path: /"(.*)"/.exec(head)?.[1] ?? database,
      message: `${head}: ${detail}`,
      hint: 'The source had this when the backup was made, or its WAL was not applied: run pg_amcheck there.',
    });
  }
  if (doubtful.length > 0) {
    result.notes.push(
      `${doubtful.length} indexes of ${database} are in another order than this machine's locales have (${doubtful[0]?.path}): its C library sorts text in another way than the source's. They need a REINDEX here.`,
    );
  }
  if (result.failures.length + doubtful.length + result.unread.length === 0) {
    result.notes.push(`pg_amcheck could not check ${database}: ${stderr.trim().split('\n').at(-1)?.slice(0, 300)}`);
    return false;
  }
  return true;
}

/** The output of pg_amcheck: a line that names the relation, and indented lines that say what is wrong. */
function problems(stdout: string): { head: string; detail: string }[] {
  const found: { head: string; detail: string }[] = [];
  for (const line of stdout.split('\n')) {
    if (line.trim() === '') continue;
    const last = found.at(-1);
    if (/^\s/.test(line) && last) last.detail = `${last.detail} ${line.trim()}`.trim().slice(0, 500);
    else found.push({ head: line.replace(/:$/, ''), detail: '' });
  }
  return found;
}

/** Whether text is sorted here as where the indexes were made; a doubt is a no. */
async function sortsAsBefore(server: ThrowAwayServer, database: string): Promise<boolean> {
  const isRecorded = versionNumber(server.installation.major) >= 150_000;
  const version = isRecorded
    ? 'coalesce(datcollversion = pg_catalog.pg_database_collation_actual_version(oid), false)'
    : 'false';
  const [row = []] = await server.query(
    database,
    `select datcollate in ('C', 'POSIX') or ${version} from pg_catalog.pg_database where datname = pg_catalog.current_database()`,
  );
  return row[0] === 't';
}

/** One session, one statement a line: the number of the line tells which table an error is about. */
async function readAll(
  server: ThrowAwayServer,
  database: string,
  tables: Table[],
  { result, say }: { result: DatabaseResult; say: (step: string) => void },
): Promise<void> {
  const lines: string[] = [];
  const tableAt = new Map<number, Table>();
  for (const table of tables) {
    const statement = `copy (select * from only ${quoted(table.schema)}.${quoted(table.name)}) to '/dev/null';`;
    lines.push(`\\echo ${tableAt.size}`, ...statement.split('\n'));
    tableAt.set(lines.length, table);
  }
  const order = [...tableAt.values()];
  const { code, stderr } = await server.feed(
    'psql',
    ['-X', '-q', '-d', conninfo(database), '-f', '-'],
    lines.join('\n'),
    (line) => {
      const table = order[Number(line)];
      if (table) say(`${database}.${table.schema}.${table.name}`);
    },
  );
  for (const line of stderr.split('\n')) {
    const [, number, level, words = ''] = /^psql:<stdin>:(\d+): (ERROR|FATAL|PANIC): +(.*)$/.exec(line) ?? [];
    if (number === undefined) continue;
    const table = tableAt.get(Number(number));
    const name = table ? `${database}.${table.schema}.${table.name}` : database;
    if (level === 'ERROR' && cannotRead.test(words)) result.unread.push({ table: name, reason: words.slice(0, 300) });
    else if (result.failures.length < mostFailures) {
      result.failures.push({
        code: 'damaged',
        stage: 'start',
        path: name,
        message: `PostgreSQL cannot read ${name}: ${words.slice(0, 300)}`,
        hint: 'The source had this when the backup was made, or its WAL was not applied: read the table there.',
      });
    }
  }
  // 3 is for a script that stopped, 2 for a connection that broke.
  if (code === 2) await server.query(database, 'select 1');
}

/** An extension's own code is missing here, or a prepared transaction holds the table; the data may be sound. */
const cannotRead =
  /could not (?:access|load|find) (?:file|library|function)|must be (?:pre)?loaded|shared_preload_libraries|due to lock timeout/i;

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
