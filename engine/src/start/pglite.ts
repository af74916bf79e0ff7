/**
 * PGlite, for a machine on which no PostgreSQL is installed: PostgreSQL in WebAssembly, from the npm package
 * `@electric-sql/pglite` that the person has installed. It is not part of Restorable. It knows one folder of this machine, its
 * data directory (`pgliteFolders.ts`), and its programs are none: what a dump does in it reaches neither other files nor a network,
 * and is gone when it is closed. That holds for a superuser, too: there is one session, which a superuser opened, so a dump that
 * asks for it becomes one.
 *
 * One instance is one database and one session. A dump of several databases fills one after the other, each in an instance of
 * its own, which is counted and closed when the dump goes on to the next.
 */

import { createHash } from 'node:crypto';
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
import { PgliteFolders } from './pgliteFolders.ts';
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
  /** Of Emscripten: in memory, but for the data directory. */
  readonly Module: { FS: InstanceFiles };
}

interface InstanceFiles {
  unlink(file: string): void;
  readdir(folder: string): string[];
  readFile(file: string, options?: { encoding: 'binary' }): Uint8Array;
}

interface InstanceOptions {
  dataDir: string;
  extensions?: Record<string, URL>;
  startParams?: string[];
}

interface Library {
  PGlite: {
    create(options: InstanceOptions): Promise<Instance>;
    readonly defaultStartParams?: readonly string[];
  };
}

/** Where to keep what is loaded, and how much room that will take. */
export interface PgliteRoom {
  /** The folder to work in; the system's folder for temporary files when absent. */
  workFolder?: string | undefined;
  bytes?: number;
}

const batchBytes = 4 * 1024 * 1024;
/** In a single session nobody but us sees to it that WAL which nobody needs is removed. */
const checkpointEveryBytes = 16 * batchBytes;
/** What it grows to it keeps, so it gets little: the operating system caches its files, and sorts go to the disk. */
const frugal = [
  ['shared_buffers', '16MB'],
  ['maintenance_work_mem', '16MB'],
  ['wal_level', 'minimal'],
  ['max_wal_senders', '0'],
  ['min_wal_size', '32MB'],
  ['max_wal_size', '64MB'],
  ['wal_recycle', 'off'],
  ['jit', 'off'],
].flatMap(([name, value]) => ['-c', `${name}=${value}`]);
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
  readonly #room: PgliteRoom;
  #folders: PgliteFolders | undefined;
  readonly #known = new Set(['postgres', 'template1']);
  readonly #roles: string[] = [];
  readonly #counted = new Map<string, DatabaseContents>();
  #extensions: ReadonlySet<string> = new Set();
  #session: PgliteSession | undefined;
  #connectedTo = this.database;

  /** @throws RestoreError `unsupported` when the package is not as it is known */
  constructor(found: PglitePackage, signal: AbortSignal, room: PgliteRoom = {}) {
    this.#package = found;
    this.#signal = signal;
    this.#room = room;
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

  /** Whatever state it is in. Nothing of it is left. */
  async end(): Promise<void> {
    try {
      await this.#close();
    } finally {
      await this.#folders?.remove();
      this.#folders = undefined;
    }
  }

  async #open(): Promise<PgliteSession> {
    if (this.#session) return this.#session;
    const { workFolder, bytes } = this.#room;
    this.#folders ??= PgliteFolders.open({ within: workFolder, ...(bytes !== undefined && { bytes }) });
    const folder = await this.#folders.next((it) => PgliteSession.initialise(this.#package, it, this.#signal));
    const session = await PgliteSession.open(this.#package, { folder, extensions: this.#extensions }, this.#signal);
    this.#session = session;
    await session.execute(`create role ${loadingRole} nosuperuser createdb nocreaterole`);
    await session.execute(`grant pg_checkpoint to ${loadingRole}`);
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
      await this.#close();
    }
  }

  async #close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.end();
    if (session) await this.#folders?.discard(session.folder);
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

interface Database {
  /** Its data directory. */
  folder: string;
  /** Those it may make. */
  extensions: ReadonlySet<string>;
}

/** One instance, and the only session it has. */
class PgliteSession {
  readonly folder: string;
  readonly #instance: Instance;
  readonly #name: string;
  readonly #signal: AbortSignal;
  /** As PostgreSQL says it: idle, in a transaction, in one that failed. */
  #status = 'I';
  #hasEnded = false;
  #turnedAt = performance.now();
  #copiedSinceCheckpoint = 0;
  readonly #libraries: OwnLibraries;

  private constructor(
    instance: Instance,
    { folder, name, signal }: { folder: string; name: string; signal: AbortSignal },
  ) {
    this.#instance = instance;
    this.#libraries = new OwnLibraries(instance);
    this.folder = folder;
    this.#name = name;
    this.#signal = signal;
  }

  /** Runs initdb, whose instances of WebAssembly take the most memory of all: they are gone before the first row comes. */
  static async initialise(found: PglitePackage, folder: string, signal: AbortSignal): Promise<void> {
    await close(await start(found, { folder, extensions: new Set() }, signal));
  }

  static async open(found: PglitePackage, database: Database, signal: AbortSignal): Promise<PgliteSession> {
    const instance = await start(found, database, signal);
    return new PgliteSession(instance, { folder: database.folder, name: nameOf(found), signal });
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
      await this.#checkpoint(batch.length);
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
    await close(this.#instance).catch(() => undefined);
  }

  /** Not where a transaction has failed, in which every statement fails. */
  async #checkpoint(copied: number): Promise<void> {
    this.#copiedSinceCheckpoint += copied;
    if (this.#copiedSinceCheckpoint < checkpointEveryBytes || this.#status === 'E') return;
    this.#copiedSinceCheckpoint = 0;
    await this.execute('checkpoint');
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
      await this.#libraries.guard(() => this.#instance.execProtocolRawStream(message, { syncToFs: false, onRawData }));
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

/** @throws RestoreError `unsupported`, `cancelled` */
async function start(found: PglitePackage, { folder, extensions }: Database, signal: AbortSignal): Promise<Instance> {
  throwIfCancelled(signal);
  const bundles: Record<string, URL> = {};
  for (const it of [...extensions].flatMap((name) => [NEEDS[name] ?? name, name])) {
    const bundle = path.join(found.folder, 'dist', `${BUNDLES[it] ?? it}.tar.gz`);
    if (/^[\w-]+$/.test(it) && existsSync(bundle)) bundles[BUNDLES[it] ?? it] = pathToFileURL(bundle);
  }
  const name = nameOf(found);
  const exitCode = process.exitCode;
  try {
    const { PGlite } = createRequire(import.meta.url)(found.folder) as Library;
    const own = PGlite.defaultStartParams;
    const instance = await PGlite.create({
      dataDir: `file://${folder}`,
      extensions: bundles,
      // System tables are not to be changed.
      ...(own && { startParams: [...own.filter((it) => it !== '-O'), ...frugal] }),
    });
    if (typeof instance.execProtocolRawStream !== 'function')
      fail('unsupported', 'start', `${name} is too old`, { path: found.folder, hint: knownHint });
    withoutNetwork(instance);
    return instance;
  } catch (error) {
    throw new RestoreError(ended(name, 'cannot be started here', error));
  } finally {
    process.exitCode = exitCode;
  }
}

/** It says how it ended in the exit code of this process. */
async function close(instance: Instance): Promise<void> {
  const exitCode = process.exitCode;
  try {
    await instance.close();
  } finally {
    process.exitCode = exitCode;
  }
}

function nameOf({ version }: PglitePackage): string {
  return `PGlite ${version}`;
}

const libraries = '/pglite/lib/postgresql';

/** Subscriptions are what is left that could ask for a connection; without this library they cannot. */
function withoutNetwork({ Module: { FS } }: Instance): void {
  try {
    FS.unlink(`${libraries}/libpqwalreceiver.so`);
  } catch {
    // It was built without.
  }
}

/**
 * The libraries that PostgreSQL may load. One may bring JavaScript, which would run as ours: what did not come with the package
 * is not loaded, wherever it lies.
 */
class OwnLibraries {
  readonly #own: ReadonlySet<string>;

  constructor({ Module: { FS } }: Instance) {
    const names = FS.readdir(libraries).filter((it) => it.endsWith('.so'));
    this.#own = new Set(names.map((it) => digest(FS.readFile(`${libraries}/${it}`, { encoding: 'binary' }))));
  }

  /**
   * Does work that ends before it returns a promise. PostgreSQL cannot wait, so a library is compiled in one call.
   *
   * @throws RestoreError `hostile` when another library was to be loaded; the work was told that it cannot be
   */
  async guard(work: () => Promise<void>): Promise<void> {
    const own = this.#own;
    const scope = (globalThis as unknown as { WebAssembly: WebAssemblyScope }).WebAssembly;
    const { Module } = scope;
    let isForeign = false;
    scope.Module = class extends Module {
      constructor(bytes: Uint8Array) {
        if (isLibrary(bytes) && !own.has(digest(bytes))) {
          isForeign = true;
          throw new Error('it is no library of the package');
        }
        super(bytes);
      }
    };
    let done: Promise<void>;
    try {
      done = work();
    } finally {
      scope.Module = Module;
    }
    await done;
    if (!isForeign) return;
    fail('hostile', 'start', 'the dump brings a program of its own to load into PostgreSQL, which no pg_dump writes', {
      hint: 'Do not give it to psql or pg_restore: find out who changed it.',
    });
  }
}

interface WebAssemblyScope {
  Module: new (bytes: Uint8Array) => object;
}

/** Of Emscripten: it says in a section of its own, which comes first, what it is linked with. Glue has none. */
function isLibrary(bytes: Uint8Array): boolean {
  return bytes[8] === 0;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
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
