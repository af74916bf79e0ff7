/** What a dump can be loaded into: a throw-away PostgreSQL, or PGlite. The loader knows no difference but the one named here. */

import type { LoadedDump } from '../report.ts';
import type { StatementError } from './protocol.ts';

/** Without superuser: COPY … PROGRAM, files of the server and languages that reach them are refused to it. */
export const loadingRole = 'restorable_load';

/** As `loadingRole`, in one database. */
export interface DumpConnection {
  /** @throws StatementError */
  execute(statement: string | Uint8Array): Promise<string[][]>;
  /** Reads the data to their end whatever becomes of them. @throws StatementError, and what `data` throws */
  copy(statement: string | Uint8Array, data: AsyncIterable<Uint8Array>): Promise<void>;
  close(): void;
}

export interface DumpServer {
  readonly engine: LoadedDump['engine'];
  /** Of PostgreSQL, as `15.14`. */
  readonly version: string;
  /** For sentences: `PostgreSQL 15.14`. */
  readonly name: string;
  /** The database for a dump that names none. */
  readonly database: string;
  /** Makes the role and the database. `extensions` are those that the dump will ask for, as far as it says so at its start. */
  open(extensions: ReadonlySet<string>): Promise<void>;
  /** @throws StatementError when there is no such database, RestoreError */
  connect(database: string): Promise<DumpConnection>;
  /** Names as SQL has them, quoted where they need it. Each returns the words of a refusal. */
  createRole(name: string): Promise<string | undefined>;
  createDatabase(name: string): Promise<string | undefined>;
  /** In the database that was connected to last. */
  createExtension(name: string, schema: string | undefined): Promise<string | undefined>;
  /** Whether PostgreSQL lets everybody make it: it then reaches neither files nor networks. */
  isTrusted(extension: string): Promise<boolean>;
  /** Whether a refusal may come from what this server cannot do, so that it says nothing about the dump. */
  isOwnLimit(error: StatementError): boolean;
  /** Of every database. Everything has been loaded. */
  contents(): Promise<DatabaseContents[]>;
}

export interface DatabaseContents {
  name: string;
  schemas: number;
  tables: number;
  rows: number;
}

/** Counts by reading: what the catalog says of rows is an estimate. */
export async function countContents(
  name: string,
  query: (statement: string) => Promise<string[][]>,
): Promise<DatabaseContents> {
  const own = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'";
  const list = await query(
    `select n.nspname, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) from pg_catalog.pg_namespace n left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relkind = 'r' where ${own}`,
  );
  let rows = 0;
  const tables = list.filter(([, table]) => table);
  for (const [, table] of tables) {
    const [[count = '0'] = []] = await query(`select pg_catalog.count(*) from only ${table}`);
    rows += Number(count);
  }
  return { name, schemas: new Set(list.map(([schema]) => schema)).size, tables: tables.length, rows };
}
