/**
 * PGlite, for a machine on which no PostgreSQL is installed: PostgreSQL in WebAssembly, from the npm package
 * `@electric-sql/pglite` that the person has installed. It is not part of Restorable. Its files are in memory and its programs
 * are none: what a dump does in it reaches neither this machine's files nor a network, and is gone when it is closed.
 *
 * One instance is one database and one session. A dump of several databases fills one after the other, each in an instance of
 * its own, which is counted and closed when the dump goes on to the next.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type Failure, fail, RestoreError } from '../failure.ts';
import { throwIfCancelled } from '../run-context.ts';
import {
  countContents,
  type DatabaseContents,
  type DumpConnection,
  type DumpServer,
  loadingRole,
} from './dumpServer.ts';
import { errorOf, fieldOf, messageOf, queryOf, rowOf, StatementError } from './protocol.ts';

export interface PglitePackage {
  folder: string;
  /** Of the package, as `0.5.16`. */
  version: string;
}

const packageName = '@electric-sql/pglite';

/**
 * Beside Restorable, where npm keeps what is installed for all, or exactly in `folder`. Never in the folder that is worked
 * in: what lies there may be somebody else's code.
 */
export function findPglite(folder?: string): PglitePackage | undefined {
  for (const it of folder === undefined ? candidates() : [path.resolve(folder)]) {
    try {
      const manifest = JSON.parse(readFileSync(path.join(it, 'package.json'), 'utf8')) as Record<string, unknown>;
      const { name, version } = manifest;
      if (name === packageName && typeof version === 'string') return { folder: it, version };
    } catch {
      // It is not there.
    }
  }
  return undefined;
}

function candidates(): string[] {
  const besideUs = createRequire(import.meta.url).resolve.paths(packageName) ?? [];
  const ofPrograms = (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((it) => path.isAbsolute(it))
    .flatMap((it) => [path.join(it, '../lib/node_modules'), path.join(it, 'node_modules')]);
  return [...new Set([...besideUs, ...ofPrograms])].map((it) => path.join(it, packageName));
}

/** What is used of the package's interface. */
interface Instance {
  execProtocolRawStream(
    message: Uint8Array,
    options: { syncToFs: boolean; onRawData: (bytes: Uint8Array) => void },
  ): Promise<void>;
  close(): Promise<void>;
  /** Of Emscripten: the files are in memory. */
  readonly Module: { FS: { unlink(file: string): void } };
}

interface Library {
  PGlite: {
    create(options: { extensions: Record<string, URL>; startParams?: string[] }): Promise<Instance>;
    readonly defaultStartParams?: readonly string[];
  };
}

const batchBytes = 4 * 1024 * 1024;
const turnEveryMs = 50;
/** Bundles of the package that are named otherwise than what they hold. */
const BUNDLES: Record<string, string> = {
  autoinc: 'spi',
  insert_username: 'spi',
  moddatetime: 'spi',
  refint: 'spi',
};
/** What an extension is built on; a dump has both, but not every person writes both. */
const NEEDS: Record<string, string> = { earthdistance: 'cube' };

export class PgliteServer implements DumpServer {
  readonly engine = 'PGlite';
  readonly version: string;
  readonly database = 'postgres';
  readonly #package: PglitePackage;
  readonly #signal: AbortSignal;
  readonly #known = new Set(['postgres', 'template1']);
  readonly #roles: string[] = [];
  readonly #counted = new Map<string, DatabaseContents>();
  #extensions: ReadonlySet<string> = new Set();
  #session: PgliteSession | undefined;
  #connectedTo = this.database;

  /** @throws RestoreError `unsupported` when the package is not as it is known */
  constructor(found: PglitePackage, signal: AbortSignal) {
    this.#package = found;
    this.#signal = signal;
    this.version = versionIn(found);
  }

  get name(): string {
    return `PGlite ${this.#package.version} (PostgreSQL ${this.version})`;
  }

  async open(extensions: ReadonlySet<string>): Promise<void> {
    this.#extensions = extensions;
  }

  async connect(database: string): Promise<DumpConnection> {
    if (!this.#known.has(database)) throw new StatementError('3D000', `database "${database}" does not exist`);
    await this.#leave();
    this.#connectedTo = database;
    return new LazyConnection(() => this.#open());
  }

  async createRole(name: string): Promise<string | undefined> {
    this.#roles.push(name);
    return this.#session?.asOwner(`create role ${name} nologin`);
  }

  async createDatabase(name: string): Promise<string | undefined> {
    const unquoted = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
    if (this.#known.has(unquoted)) return `database "${unquoted}" already exists`;
    this.#known.add(unquoted);
    return undefined;
  }

  async createExtension(name: string, schema: string | undefined): Promise<string | undefined> {
    const session = await this.#open();
    const inSchema = schema === undefined ? '' : ` with schema ${schema}`;
    return session.asOwner(`create extension if not exists "${name.replaceAll('"', '""')}"${inSchema} cascade`);
  }

  async isTrusted(extension: string): Promise<boolean> {
    const session = await this.#open();
    const [row] = await session.execute(
      `select 1 from pg_catalog.pg_available_extension_versions where trusted and name = '${extension.replaceAll("'", "''")}'`,
    );
    return row !== undefined;
  }

  /** It is built for 32 bits, with few locales, without the languages and libraries that others have. */
  isOwnLimit({ code }: StatementError): boolean {
    return /^(?:0A|53|54|57|58|XX)/.test(code) || code === '42704' || code === '42883';
  }

  async contents(): Promise<DatabaseContents[]> {
    await this.#leave();
    return [...this.#counted.values()];
  }

  /** Whatever state it is in. */
  async end(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.end();
  }

  async #open(): Promise<PgliteSession> {
    if (this.#session) return this.#session;
    const session = await PgliteSession.open(this.#package, this.#extensions, this.#signal);
    this.#session = session;
    await session.execute(`create role ${loadingRole} nosuperuser createdb nocreaterole`);
    await session.execute(`alter database ${this.database} owner to ${loadingRole}`);
    await session.execute(`grant all on schema public to ${loadingRole}`);
    for (const it of this.#roles) await session.execute(`create role ${it} nologin`).catch(forgiven);
    await session.execute(`set session authorization ${loadingRole}`);
    return session;
  }

  /** Counts what the dump left in its database, and throws that away. */
  async #leave(): Promise<void> {
    const session = this.#session;
    if (!session) return;
    try {
      for (const it of ['rollback', 'set session authorization postgres', 'set statement_timeout = 0'])
        await session.execute(it);
      const found = await countContents(this.#connectedTo, (statement) => session.execute(statement));
      const before = this.#counted.get(this.#connectedTo);
      this.#counted.set(this.#connectedTo, {
        ...found,
        tables: found.tables + (before?.tables ?? 0),
        rows: found.rows + (before?.rows ?? 0),
      });
    } finally {
      await this.end();
    }
  }
}

/** Opens a database with the first statement that does more than a setting: a whole cluster has several with nothing in them. */
class LazyConnection implements DumpConnection {
  readonly #open: () => Promise<PgliteSession>;
  readonly #settings: (string | Uint8Array)[] = [];
  #session: PgliteSession | undefined;

  constructor(open: () => Promise<PgliteSession>) {
    this.#open = open;
  }

  async execute(statement: string | Uint8Array): Promise<string[][]> {
    if (!this.#session && isSetting(statement)) {
      this.#settings.push(statement);
      return [];
    }
    return (await this.#opened()).execute(statement);
  }

  async copy(statement: string | Uint8Array, data: AsyncIterable<Uint8Array>): Promise<void> {
    await (await this.#opened()).copy(statement, data);
  }

  /** The server closes what it has opened. */
  close(): void {}

  async #opened(): Promise<PgliteSession> {
    if (this.#session) return this.#session;
    this.#session = await this.#open();
    // A setting that this version does not know is no fault of the dump.
    for (const it of this.#settings.splice(0)) await this.#session.execute(it).catch(forgiven);
    return this.#session;
  }
}

/** One instance, and the only session it has. */
class PgliteSession {
  readonly #instance: Instance;
  readonly #name: string;
  readonly #signal: AbortSignal;
  /** As PostgreSQL says it: idle, in a transaction, in one that failed. */
  #status = 'I';
  #hasEnded = false;
  #turnedAt = performance.now();

  private constructor(instance: Instance, name: string, signal: AbortSignal) {
    this.#instance = instance;
    this.#name = name;
    this.#signal = signal;
  }

  static async open(
    found: PglitePackage,
    extensions: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<PgliteSession> {
    throwIfCancelled(signal);
    const bundles: Record<string, URL> = {};
    for (const it of [...extensions].flatMap((name) => [NEEDS[name] ?? name, name])) {
      const bundle = path.join(found.folder, 'dist', `${BUNDLES[it] ?? it}.tar.gz`);
      if (/^[\w-]+$/.test(it) && existsSync(bundle)) bundles[BUNDLES[it] ?? it] = pathToFileURL(bundle);
    }
    const name = `PGlite ${found.version}`;
    const exitCode = process.exitCode;
    try {
      const { PGlite } = createRequire(import.meta.url)(found.folder) as Library;
      const own = PGlite.defaultStartParams;
      const instance = await PGlite.create({
        extensions: bundles,
        // Its WAL is in memory, too. System tables are not to be changed.
        ...(own && { startParams: [...own.filter((it) => it !== '-O'), '-c', 'max_wal_size=64MB', '-c', 'jit=off'] }),
      });
      if (typeof instance.execProtocolRawStream !== 'function')
        fail('unsupported', 'start', `${name} is too old`, { path: found.folder, hint: knownHint });
      withoutNetwork(instance);
      return new PgliteSession(instance, name, signal);
    } catch (error) {
      throw new RestoreError(ended(name, 'cannot be started here', error));
    } finally {
      process.exitCode = exitCode;
    }
  }

  async execute(statement: string | Uint8Array): Promise<string[][]> {
    return this.#ask(queryOf(statement));
  }

  /** As the superuser; returns the words of a refusal. */
  async asOwner(statement: string): Promise<string | undefined> {
    await this.execute('set session authorization postgres');
    try {
      await this.execute(statement);
      return undefined;
    } catch (error) {
      return forgiven(error).message;
    } finally {
      await this.execute(`set session authorization ${loadingRole}`).catch(forgiven);
    }
  }

  /** In several COPY of whole lines: PGlite takes the data of one with its statement. All of them, or none. */
  async copy(statement: string | Uint8Array, data: AsyncIterable<Uint8Array>): Promise<void> {
    const isAlone = this.#status === 'I';
    let refused: StatementError | undefined;
    let lines = 0;
    const load = async (batch: Buffer): Promise<void> => {
      if (refused) return;
      try {
        await this.#ask(Buffer.concat([queryOf(statement), messageOf('d', batch), messageOf('c', Buffer.alloc(0))]));
      } catch (error) {
        refused = forgiven(error);
        if (refused.copyLine !== undefined)
          refused = new StatementError(refused.code, refused.message, refused.copyLine + lines);
      }
      for (let at = batch.indexOf(0x0a); at >= 0; at = batch.indexOf(0x0a, at + 1)) lines++;
    };
    if (isAlone) await this.execute('begin');
    try {
      for await (const batch of wholeLines(data)) await load(batch);
      if (lines === 0) await load(Buffer.alloc(0));
    } catch (error) {
      if (isAlone && !this.#hasEnded) await this.execute('rollback').catch(forgiven);
      throw error;
    }
    if (isAlone) await this.execute(refused ? 'rollback' : 'commit');
    if (refused) throw refused;
  }

  async end(): Promise<void> {
    const exitCode = process.exitCode;
    await this.#instance.close().catch(() => undefined);
    process.exitCode = exitCode;
  }

  async #ask(message: Buffer): Promise<string[][]> {
    // Its work is done on this thread: only between two statements can a wish to stop be heard.
    if (performance.now() - this.#turnedAt > turnEveryMs) {
      await turn();
      this.#turnedAt = performance.now();
    }
    throwIfCancelled(this.#signal);
    const pieces: Uint8Array[] = [];
    const onRawData = (bytes: Uint8Array) => void pieces.push(Uint8Array.from(bytes));
    const exitCode = process.exitCode;
    try {
      await this.#instance.execProtocolRawStream(message, { syncToFs: false, onRawData });
    } catch (error) {
      this.#hasEnded = true;
      throw new RestoreError(ended(this.#name, 'ended while it loaded the dump', error));
    } finally {
      process.exitCode = exitCode;
    }
    return this.#read(Buffer.concat(pieces));
  }

  #read(answer: Buffer): string[][] {
    let rows: string[][] = [];
    let error: StatementError | undefined;
    let isReady = false;
    for (let at = 0; at + 5 <= answer.length; ) {
      const type = String.fromCharCode(answer[at] as number);
      const length = answer.readUInt32BE(at + 1);
      const body = answer.subarray(at + 5, at + 1 + length);
      at += 1 + length;
      if (type === 'T') rows = [];
      else if (type === 'D') rows.push(rowOf(body));
      else if (type === 'Z') {
        isReady = true;
        this.#status = body.toString('latin1');
      } else if (type === 'E') {
        error ??= errorOf(body);
        if (/^(?:FATAL|PANIC)$/.test(fieldOf(body, 'V') ?? '')) isReady = false;
      }
    }
    if (!isReady) {
      this.#hasEnded = true;
      throw new RestoreError(ended(this.#name, 'ended while it loaded the dump', error));
    }
    if (error) throw error;
    return rows;
  }
}

/** Pieces of some megabytes that end with a line. */
async function* wholeLines(data: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of data) {
    const end = bytes + piece.length < batchBytes ? 0 : piece.lastIndexOf(0x0a) + 1;
    if (end > 0) {
      yield Buffer.concat([...held, piece.subarray(0, end)]);
      held = [];
      bytes = 0;
    }
    if (end < piece.length) held.push(Uint8Array.from(piece.subarray(end)));
    bytes += piece.length - end;
  }
  if (bytes > 0) yield Buffer.concat(held);
}

/** Subscriptions are what is left that could ask for a connection; without this library they cannot. */
function withoutNetwork({ Module: { FS } }: Instance): void {
  try {
    FS.unlink('/pglite/lib/postgresql/libpqwalreceiver.so');
  } catch {
    // It was built without.
  }
}

/** What `select version()` would answer is in its program, so that nothing has to be started to know it. */
function versionIn({ folder, version }: PglitePackage): string {
  let program: Buffer = Buffer.alloc(0);
  try {
    program = readFileSync(path.join(folder, 'dist/pglite.wasm'));
  } catch {
    // Said below.
  }
  for (let at = program.indexOf('PostgreSQL '); at >= 0; at = program.indexOf('PostgreSQL ', at + 1)) {
    const [, found] = /^PostgreSQL (\d+[\w.]*) [^\0]* on wasm/.exec(program.toString('latin1', at, at + 200)) ?? [];
    if (found !== undefined) return found;
  }
  return fail('unsupported', 'start', `PGlite ${version} is not of a kind that is known`, {
    path: folder,
    hint: knownHint,
  });
}

const knownHint = 'Restorable works with PGlite 0.5: npm install --global @electric-sql/pglite@0.5';

function isSetting(statement: string | Uint8Array): boolean {
  const text = typeof statement === 'string' ? statement : Buffer.from(statement).toString('latin1');
  return /^(?:\s+|--[^\n]*\n)*(?:SET\s|SELECT\s+pg_catalog\.set_config\()/i.test(text);
}

/** What PostgreSQL refuses is an answer; everything else is thrown on. */
function forgiven(error: unknown): StatementError {
  if (error instanceof StatementError) return error;
  throw error;
}

/** It says nothing about the dump. An error of WebAssembly may quote what was worked on, so only its kind is told. */
function ended(name: string, what: string, error: unknown): Failure {
  if (error instanceof RestoreError) return error.failure;
  const kind = error instanceof StatementError ? error.code : error instanceof Error ? error.name : 'unknown';
  return {
    code: 'unsupported',
    stage: 'start',
    message: `${name} ${what} (${kind})`,
    hint: 'It has little memory and not all of PostgreSQL: install the server of PostgreSQL, which is taken first.',
  };
}

/** @throws RestoreError `unsupported` for a dump of a server that is newer than PGlite's PostgreSQL */
export function demandVersion(server: PgliteServer, major: string | undefined): void {
  if (major === undefined || Number.parseInt(major, 10) <= Number.parseInt(server.version, 10)) return;
  fail('unsupported', 'start', `the dump is of PostgreSQL ${major}, ${server.name} is older`, {
    hint: `PostgreSQL does not promise to take dumps of newer servers. Install the server of PostgreSQL ${major}, or a newer PGlite.`,
  });
}
