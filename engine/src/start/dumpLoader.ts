/**
 * Loads a dump into a throw-away server or PGlite, statement by statement, as a role that may do nothing outside of its databases:
 * the SQL of a dump is a program that somebody else wrote. What belongs to the server it came from (owners, privileges,
 * tablespaces, settings of databases) is left out.
 */

import { ByteReader, once } from '../bytes.ts';
import { type DumpConsumer, named } from '../contents/pgDump.ts';
import type { DumpToc, TocEntry } from '../contents/pgDumpToc.ts';
import { readScript, type ScriptPart } from '../contents/sqlScript.ts';
import { counted } from '../counted.ts';
import { type Failure, fail } from '../failure.ts';
import type { LoadedDump } from '../report.ts';
import type { DatabaseContents, DumpConnection, DumpServer } from './dumpServer.ts';
import { StatementError } from './protocol.ts';

const mostErrors = 200;
const largeObjectBytes = 256 * 1024;

/** Errors that say that the throw-away server lacks something which is not part of the dump. */
const OF_SURROUNDINGS = new Set(['42501', '58P01', '0A000', '42710', '42P06', '42P04', '22023', '0LP01', '55006']);
/** What an operating system or a build of PostgreSQL has or has not. */
const SURROUNDING_OBJECT = /^(?:collation|conversion|access method|language) "/;
/** Objects that are missing: a consequence, once something else could not be made. */
const OF_ABSENCE = new Set(['42704', '42883', '42P01', '3F000', '42703', '3D000']);

/** Extensions that need a superuser to make, reach neither files nor networks, and come with many dumps. */
const HARMLESS = new Set([
  'amcheck',
  'bloom',
  'citext',
  'cube',
  'earthdistance',
  'hstore',
  'intarray',
  'isn',
  'ltree',
  'pageinspect',
  'pg_buffercache',
  'pg_freespacemap',
  'pg_stat_statements',
  'pg_trgm',
  'pgcrypto',
  'pgrowlocks',
  'pgstattuple',
  'plpgsql',
  'postgis',
  'postgis_topology',
  'seg',
  'tablefunc',
  'tsm_system_rows',
  'tsm_system_time',
  'unaccent',
  'uuid-ossp',
  'vector',
]);

/** Belongs to the server that was dumped, or names roles of it. */
const LEFT_OUT =
  /^(?:GRANT|REVOKE|SECURITY\s+LABEL|SET\s+(?:SESSION\s+AUTHORIZATION|ROLE|default_tablespace)|(?:CREATE|ALTER|DROP)\s+TABLESPACE|ALTER\s+(?:DATABASE|ROLE|USER|SYSTEM)|ALTER\s+DEFAULT\s+PRIVILEGES|COMMENT\s+ON\s+(?:EXTENSION|DATABASE|TABLESPACE|ROLE)|CREATE\s+(?:USER\s+MAPPING|SUBSCRIPTION)|ALTER\s+SUBSCRIPTION|DROP\s+(?:DATABASE|ROLE))\b/i;
const OWNER = /^ALTER\s[\s\S]*\sOWNER\s+TO\s+[^;]+;?\s*$/i;
const EXTENSION = /^CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?("(?:[^"]|"")+"|[\w-]+)/i;
const PROGRAM = /\bCOPY\b[^;]*\b(?:FROM|TO)\s+PROGRAM\s/i;

export class DumpLoader implements DumpConsumer {
  readonly #server: DumpServer;
  #connection: DumpConnection | undefined;
  readonly #databases = new Set<string>();
  #left: TocEntry[] = [];
  readonly #failures: Failure[] = [];
  readonly #lacking = new Map<string, number>();
  #leftOut = 0;
  #errors = 0;
  /** Where in the dump the statement stands that is run: `line 12 of the dump`, `TABLE DATA public.orders`. */
  #place = '';
  /** What the line of a COPY's data is called, counted from 1. */
  #row: (line: number) => string = () => this.#place;

  constructor(server: DumpServer) {
    this.#server = server;
  }

  /** Before anything else; `extensions` as `screenScript` found them. An archive names its own. */
  async open(extensions: ReadonlySet<string> = new Set()): Promise<void> {
    await this.#server.open(extensions);
    await this.#connect(this.#server.database);
  }

  close(): void {
    this.#connection?.close();
  }

  /**
   * Runs a script of pg_dump or pg_dumpall.
   *
   * @throws RestoreError as `readScript`
   */
  async script(reader: ByteReader): Promise<void> {
    for await (const part of readScript(reader)) {
      this.#place = `line ${part.line} of the dump`;
      await this.#part(part);
    }
  }

  async toc(toc: DumpToc): Promise<void> {
    for (const { statements } of toc.entries) demandHarmless(statements?.definition ?? '');
    await this.open(new Set(toc.entries.filter((it) => it.description === 'EXTENSION').map((it) => it.name)));
    for (const it of [
      'set statement_timeout = 0',
      "set client_encoding = 'UTF8'",
      'set standard_conforming_strings = on',
      'set check_function_bodies = false',
      'set xmloption = content',
      'set client_min_messages = warning',
      'set row_security = off',
      "select pg_catalog.set_config('search_path', '', false)",
    ])
      await this.#run(it);
    const firstData = toc.entries.findIndex(isData);
    const before = firstData < 0 ? toc.entries : toc.entries.slice(0, firstData);
    this.#left = firstData < 0 ? [] : toc.entries.slice(firstData);
    for (const it of before) await this.#define(it);
  }

  async data(entry: TocEntry, contents: AsyncIterable<Uint8Array>): Promise<void> {
    const place = named(entry);
    if (entry.isCopied) {
      this.#place = place;
      this.#row = (line) => `row ${line} of ${place}`;
      await this.#copy(entry.statements?.copy ?? '', withoutEndMark(contents));
      return;
    }
    for await (const part of readScript(new ByteReader(contents))) {
      this.#place = `line ${part.line} of ${place}`;
      await this.#part(part);
    }
  }

  async largeObject(oid: number, contents: AsyncIterable<Uint8Array>): Promise<void> {
    if (!Number.isInteger(oid) || oid <= 0) return;
    this.#place = `large object ${oid}`;
    await this.#run(createLargeObject(oid));
    let at = 0;
    for await (const piece of contents) {
      for (let from = 0; from < piece.length; from += largeObjectBytes) {
        const bytes = piece.subarray(from, from + largeObjectBytes);
        const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
        await this.#run(`select pg_catalog.lo_put(${oid}, ${at}, pg_catalog.decode('${hex}', 'hex'))`);
        at += bytes.length;
      }
    }
  }

  /** What an archive defines behind its data. A script has done that itself. */
  async finish(): Promise<void> {
    for (const it of this.#left) if (!isData(it)) await this.#define(it);
  }

  /** Counts what is there now; everything has been loaded. */
  async result(): Promise<{ loaded: LoadedDump; failures: Failure[]; notes: string[] }> {
    const { engine, version } = this.#server;
    const found = await this.#server.contents();
    const filled = found.filter((it) => it.tables > 0 || it.schemas > 1 || this.#databases.has(it.name));
    // A dump with nothing in it fills what was made for it.
    const counts = filled.length > 0 ? filled : found.filter((it) => it.name === this.#server.database);
    const sum = (read: (it: DatabaseContents) => number) => counts.reduce((total, it) => total + read(it), 0);
    const notes = [...this.#lacking].map(
      ([message, count]) => `Not loaded here${count > 1 ? ` (${count} times)` : ''}: ${message}`,
    );
    if (this.#leftOut > 0)
      notes.push(`Left out: ${counted(this.#leftOut, 'statement')} about owners, privileges, tablespaces and roles.`);
    return {
      loaded: {
        engine,
        version,
        databases: counts.length,
        schemas: sum((it) => it.schemas),
        tables: sum((it) => it.tables),
        rows: sum((it) => it.rows),
        errors: this.#errors,
        leftOut: this.#leftOut,
      },
      failures: this.#failures,
      notes: notes.slice(0, mostErrors),
    };
  }

  async #part(part: ScriptPart): Promise<void> {
    switch (part.kind) {
      case 'copy':
        demandHarmless(textOf(part.bytes));
        this.#row = (line) => `line ${part.dataLine + line - 1} of the dump`;
        await this.#copy(part.bytes, part.data);
        return;
      case 'command':
        await this.#command(part.text);
        return;
      case 'statement':
        await this.#statement(part.bytes);
    }
  }

  async #command(text: string): Promise<void> {
    const name = databaseOf(text);
    if (name !== undefined) await this.#connect(name);
  }

  async #define(entry: TocEntry): Promise<void> {
    const { description, statements } = entry;
    this.#place = named(entry);
    const definition = statements?.definition.trim() ?? '';
    if (NOT_DEFINED.test(description)) {
      this.#leftOut++;
      return;
    }
    if (description === 'BLOB METADATA') {
      for (const oid of definition.split(/\s+/)) if (/^\d+$/.test(oid)) await this.#run(createLargeObject(Number(oid)));
      return;
    }
    if (definition === '') return;
    // A definition may be several statements.
    for await (const part of readScript(new ByteReader(once(Buffer.from(`${definition}\n`)))))
      if (part.kind === 'statement') await this.#statement(part.bytes);
  }

  async #statement(bytes: Uint8Array): Promise<void> {
    const text = withoutComments(textOf(bytes));
    demandHarmless(text);
    if (LEFT_OUT.test(text) || OWNER.test(text)) {
      this.#leftOut++;
      return;
    }
    const extension = extensionIn(text);
    if (extension !== undefined) return this.#extension(extension, text);
    const [, role] = /^CREATE\s+(?:ROLE|USER|GROUP)\s+("(?:[^"]|"")+"|[\w$]+)/i.exec(text) ?? [];
    if (role !== undefined) {
      // The name is needed, by policies; what it may do is not.
      const error = await this.#server.createRole(utf8(role));
      if (error !== undefined && !error.includes('already exists')) this.#lack(error);
      return;
    }
    const [, created] = /^CREATE\s+DATABASE\s+("(?:[^"]|"")+"|\w+)/i.exec(text) ?? [];
    if (created !== undefined) {
      this.#databases.add(unquoted(created));
      const error = await this.#server.createDatabase(utf8(created));
      if (error !== undefined) this.#lack(error);
      return;
    }
    await this.#run(bytes);
  }

  /** By the superuser, as most need one: only those that are known to be harmless, and those that PostgreSQL calls trusted. */
  async #extension(name: string, text: string): Promise<void> {
    const [, schema] = /\sWITH\s+(?:SCHEMA\s+)?("(?:[^"]|"")+"|\w+)/i.exec(text) ?? [];
    const isHarmless = HARMLESS.has(name) || (await this.#server.isTrusted(name));
    const error = isHarmless
      ? await this.#server.createExtension(name, schema && utf8(schema))
      : `the extension ${name} is not made: it could reach files or networks`;
    if (error !== undefined) this.#lack(error);
  }

  async #connect(name: string): Promise<void> {
    try {
      const next = await this.#server.connect(name);
      this.#connection?.close();
      this.#connection = next;
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      fail('damaged', 'start', `the dump goes on in the database ${name}, which it did not make: ${error.message}`);
    }
  }

  async #copy(statement: string | Uint8Array, data: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#attempt(() => (this.#connection as DumpConnection).copy(statement, data));
  }

  async #run(statement: string | Uint8Array): Promise<void> {
    const work = () => (this.#connection as DumpConnection).execute(statement);
    await this.#attempt(async () => {
      try {
        await work();
      } catch (error) {
        // pg_dump does not write the roles that it names.
        const [, role] =
          /^role "(.*)" does not exist$/.exec(error instanceof StatementError ? error.message : '') ?? [];
        if (role === undefined || (await this.#server.createRole(`"${role.replaceAll('"', '""')}"`)) !== undefined)
          throw error;
        await work();
      }
    });
  }

  async #attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      const { code, message, copyLine } = error;
      // pg_dump sets what its own version knows, and leaves it to the server to complain.
      if (/^unrecognized configuration parameter/.test(message)) return;
      this.#errors++;
      const isOfSurroundings =
        OF_SURROUNDINGS.has(code) ||
        SURROUNDING_OBJECT.test(message) ||
        (OF_ABSENCE.has(code) && this.#lacking.size > 0) ||
        this.#server.isOwnLimit(error);
      if (isOfSurroundings) this.#lack(message);
      else if (this.#failures.length < mostErrors) {
        const place = copyLine === undefined ? this.#place : this.#row(copyLine);
        this.#failures.push({
          code: 'damaged',
          stage: 'start',
          message: `${this.#server.name} does not load ${place}: ${message} (${code})`,
          hint: 'Load it into a server like the one it came from; if the error is the same there, use another backup.',
        });
      }
    }
  }

  #lack(message: string): void {
    const told = message.slice(0, 300);
    if (this.#lacking.has(told) || this.#lacking.size < mostErrors)
      this.#lacking.set(told, (this.#lacking.get(told) ?? 0) + 1);
  }
}

/**
 * Before anything runs: a script with commands of psql that pg_dump does not write was made to do something else.
 *
 * @returns the extensions that it makes
 * @throws RestoreError `hostile`, and as `readScript`
 */
export async function screenScript(reader: ByteReader): Promise<ReadonlySet<string>> {
  const extensions = new Set<string>();
  for await (const part of readScript(reader)) {
    if (part.kind === 'command') {
      if (isHarmlessCommand(part.text)) continue;
      const [name = '\\'] = /^\\\S*/.exec(part.text) ?? [];
      fail('hostile', 'start', `the dump holds the command ${name.slice(0, 20)} of psql, which no pg_dump writes`, {
        offset: reader.offset,
        hint: 'Such commands run programs and read files. Do not give it to psql: find out who changed it.',
      });
    }
    const text = textOf(part.bytes);
    demandHarmless(text);
    if (part.kind === 'copy') for await (const _ of part.data);
    const extension = extensionIn(withoutComments(text.slice(0, 4_096)));
    if (extension !== undefined) extensions.add(extension);
  }
  return extensions;
}

function extensionIn(statement: string): string | undefined {
  const [, name] = EXTENSION.exec(statement) ?? [];
  return name === undefined ? undefined : unquoted(name);
}

/** Its metadata may stand before or behind its data, and may have been left out. */
function createLargeObject(oid: number): string {
  return `select pg_catalog.lo_create(${oid}) where not exists (select from pg_catalog.pg_largeobject_metadata where oid = ${oid})`;
}

/** Entries without a statement to run, or about roles of another server. */
const NOT_DEFINED =
  /^(?:ACL|DEFAULT ACL|DATABASE|DATABASE PROPERTIES|TABLESPACE|SECURITY LABEL|SUBSCRIPTION|SUBSCRIPTION TABLE|USER MAPPING|STATISTICS DATA|BLOBS)$/;

function isData({ description, hasData }: TocEntry): boolean {
  return hasData && (description === 'TABLE DATA' || description === 'BLOBS');
}

/** What pg_dump and pg_dumpall write; the encoding stands before a \connect to a name with characters of all kinds. */
function isHarmlessCommand(text: string): boolean {
  const isKnown = /^\\(?:(?:restrict|unrestrict)\s+\w+|encoding\s+"?[\w-]+"?)$/.test(text);
  return isKnown || databaseOf(text) !== undefined;
}

/** psql's \connect as pg_dump writes it: a name, or a whole connection string with nothing but a name. */
function databaseOf(command: string): string | undefined {
  const [, rest] = /^\\connect\s+(?:-reuse-previous=on\s+)?(.+)$/.exec(command) ?? [];
  if (rest === undefined) return undefined;
  const [, inString] = /^"dbname='((?:[^'\\"]|\\.|"")*)'"$/.exec(rest) ?? [];
  if (inString !== undefined) return utf8(inString.replace(/\\(.)/g, '$1').replaceAll('""', '"'));
  // With either of these, psql takes it for a connection string.
  const [, quoted] = /=|:\/\//.test(rest) ? [] : (/^"((?:[^"]|"")*)"$/.exec(rest) ?? []);
  if (quoted !== undefined) return utf8(quoted.replaceAll('""', '"'));
  return /^[\w$\x80-\xff]+$/.test(rest) ? utf8(rest) : undefined;
}

function demandHarmless(statement: string): void {
  if (!PROGRAM.test(statement.slice(0, 100_000))) return;
  fail('hostile', 'start', 'the dump holds a COPY that runs a program, which no pg_dump writes', {
    hint: 'Do not give it to psql or pg_restore: find out who changed it.',
  });
}

function unquoted(name: string): string {
  return utf8(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase());
}

function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function withoutComments(text: string): string {
  return text.replace(/^(?:\s+|--[^\n]*(?:\n|$))+/, '');
}

/** The archive keeps the mark that psql would take for the end; here it would be a row. */
async function* withoutEndMark(contents: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of contents) {
    const all = Buffer.concat([held, piece]);
    const sure = Math.max(0, all.length - 5);
    if (sure > 0) yield all.subarray(0, sure);
    held = Buffer.from(all.subarray(sure));
  }
  const end = held.lastIndexOf('\\.\n\n\n');
  if (end > 0) yield held.subarray(0, end);
}
