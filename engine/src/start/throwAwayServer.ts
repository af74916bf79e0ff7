/**
 * A PostgreSQL server for one test: on a data directory of its own, behind a unix socket that nobody else can open, with
 * low settings, without network, archiving, jobs or replication. It never outlives the test.
 *
 * Whoever starts one does it in this order, and removes the workplace in `finally`:
 *
 *     const place = Workplace.open();
 *     try {
 *       const server = await ThrowAwayServer.create(place, await findPostgres('15'), signal);
 *       await server.feed('psql', ['-X', '-q', '-d', 'postgres'], dump);
 *     } finally {
 *       await ThrowAwayServer.end(place);
 *     }
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { type Failure, fail, RestoreError } from '../failure.ts';
import { cancelled, throwIfCancelled } from '../run-context.ts';
import { namesOfCatalog } from './catalogFiles.ts';
import { type PostgresInstallation, programOf, versionNumber } from './installation.ts';
import { type Ended, type ProgramOptions, programEnvironment, runProgram } from './program.ts';
import { giveTo, showTo } from './serverUser.ts';
import { type GetWal, restoreCommand, serveWal } from './walService.ts';
import type { Workplace } from './workplace.ts';

export interface Recovery {
  /** Gives PostgreSQL the WAL that it asks for. */
  get: GetWal;
  /** Where to stop replaying: as soon as the data is consistent, or with the last WAL there is. */
  until: 'consistent' | 'end';
  /** The timeline to follow; that of the backup when absent. */
  timeline?: number;
}

export interface StartOptions {
  signal: AbortSignal;
  /** Values that recovery must not fall below, from the control file (`max_prepared_transactions` and the like). */
  atLeast?: ReadonlyMap<string, number>;
  recovery?: Recovery;
}

const serversOf = new WeakMap<Workplace, ThrowAwayServer>();
const pollMs = 50;
/** Divides columns where a name may hold anything that is printed. */
const columnDivider = '\u001f';
const rowDivider = '\u001e';

export class ThrowAwayServer {
  readonly place: Workplace;
  readonly installation: PostgresInstallation;
  readonly #signal: AbortSignal;
  readonly #process: ChildProcess;
  #hasEnded = false;
  #exit: Promise<void>;
  #role = 'postgres';
  #walFailure: RestoreError | undefined;

  private constructor(
    place: Workplace,
    installation: PostgresInstallation,
    signal: AbortSignal,
    process: ChildProcess,
  ) {
    this.place = place;
    this.installation = installation;
    this.#signal = signal;
    this.#process = process;
    this.#exit = new Promise((resolve) => {
      const ended = () => {
        this.#hasEnded = true;
        place.watch(undefined);
        resolve();
      };
      process.once('exit', ended).once('error', ended);
    });
  }

  /**
   * A new empty cluster, encoding UTF8, locale C, superuser `postgres`, and a server on it.
   *
   * @throws RestoreError `io` with the tool's own words, `cancelled`
   */
  static async create(
    place: Workplace,
    installation: PostgresInstallation,
    signal: AbortSignal,
  ): Promise<ThrowAwayServer> {
    place.makeDataFolder();
    const options = ['-D', place.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    const { code, stderr } = await runProgram(path.join(installation.folder, 'initdb'), options, {
      user: place.user,
      signal,
      cwd: place.data,
    });
    if (code !== 0) {
      fail('io', 'start', `initdb could not make an empty cluster: ${lastWords(stderr)}`, {
        path: installation.folder,
        hint: 'The installation of PostgreSQL may be incomplete, or the disk full.',
      });
    }
    return ThrowAwayServer.start(place, installation, { signal });
  }

  /**
   * Starts on `place.data`, which was handed over, and waits until it answers: with `recovery`, until it has recovered
   * and accepts changes. The data directory is changed by this: it must be a copy.
   *
   * @throws RestoreError stage `start` with the end of the server's log, what `recovery.get` threw, `cancelled`
   */
  static async start(
    place: Workplace,
    installation: PostgresInstallation,
    options: StartOptions,
  ): Promise<ThrowAwayServer> {
    throwIfCancelled(options.signal);
    const version = versionNumber(installation.major);
    prepareData(place, version, options.recovery);
    const conf = writeSettings(place, version, options);
    const log = openSync(place.log, 'a', 0o600);
    let child: ChildProcess;
    try {
      child = spawn(path.join(installation.folder, 'postgres'), ['-D', place.data, '-c', `config_file=${conf}`], {
        cwd: place.data,
        env: programEnvironment(),
        // The last one is where recovery asks for WAL: postgres hands it down to the shell of restore_command.
        stdio: ['ignore', log, log, 'pipe'],
        detached: true,
        ...place.user.identity,
      });
    } finally {
      closeSync(log);
    }
    const server = new ThrowAwayServer(place, installation, options.signal, child);
    serversOf.set(place, server);
    if (child.pid !== undefined) place.watch(child.pid);
    const channel = child.stdio[3] as Duplex | null | undefined;
    channel?.on('error', () => undefined);
    if (channel && options.recovery) {
      serveWal(channel, place, options.recovery.get, (failure) => {
        server.#walFailure ??= failure;
      });
    }
    try {
      await server.#ready();
      await server.#findRole();
    } catch (error) {
      await server.stop('immediate');
      throw options.signal.aborted ? cancelled() : error;
    }
    return server;
  }

  /** Ends the server of a workplace, whichever state it is in, and removes the workplace. Never throws. */
  static async end(place: Workplace): Promise<void> {
    await serversOf.get(place)?.stop('immediate');
    await place.remove().catch(() => undefined);
  }

  #entrance = 'postgres';

  /** A database that surely lets us in. */
  get entrance(): string {
    return this.#entrance;
  }

  /** The name of its superuser. */
  get role(): string {
    return this.#role;
  }

  /**
   * One statement as superuser; columns as text, NULL as ''. Settings of the database and the role that could
   * change what a statement does are overruled.
   *
   * @throws RestoreError `damaged` with what PostgreSQL says, `cancelled`
   */
  async query(database: string, statement: string): Promise<string[][]> {
    const ended = await this.#psql(database, statement);
    if (ended.code !== 0) {
      throw new RestoreError(this.#refusal(`${database}: ${lastWords(ended.stderr)}`));
    }
    const rows = ended.stdout.split(rowDivider);
    rows.pop();
    return rows.map((it) => it.split(columnDivider));
  }

  /** As `query`, but an error of PostgreSQL comes back: its words, and what they mean. */
  async attempt(database: string, statement: string): Promise<{ error?: string; failure?: Failure }> {
    const { code, stderr } = await this.#psql(database, statement);
    if (code !== 0 && this.#hasEnded) throw new RestoreError(this.#refusal('the server ended while it was asked'));
    if (code === 0) return {};
    return { error: lastWords(stderr), failure: this.#refusal(`${database}: ${lastWords(stderr)}`) };
  }

  /**
   * Runs a client program (`psql`, `pg_restore`, `pg_amcheck`) that is connected to this server by its environment.
   *
   * @throws RestoreError `unsupported` when it is not installed, `cancelled`; not for its exit code
   */
  async feed(
    program: string,
    options: string[],
    input?: ProgramOptions['input'],
    onLine?: (line: string) => void,
  ): Promise<Ended> {
    const file = programOf(this.installation, program);
    if (file === undefined) {
      fail('unsupported', 'start', `${program} is not installed beside PostgreSQL ${this.installation.version}`, {
        path: this.installation.folder,
        hint: `Install the client programs of PostgreSQL ${this.installation.major}.`,
      });
    }
    return runProgram(file, options, {
      user: this.place.user,
      signal: this.#signal,
      cwd: this.place.data,
      environment: this.#connection(),
      input,
      onLine,
    });
  }

  /** Databases that accept connections, by name. */
  async databases(): Promise<string[]> {
    // -2 marks one whose removal was interrupted: nobody can connect to it any more.
    const statement = 'select datname from pg_catalog.pg_database where datallowconn and datconnlimit <> -2 order by 1';
    return (await this.query(this.#entrance, statement)).map(([name = '']) => name);
  }

  /** `immediate` for a data directory that is thrown away, `fast` for one whose files are looked at afterwards. */
  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    if (this.#hasEnded) return;
    this.#process.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    const isPatient = mode === 'fast';
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), isPatient ? 600_000 : 5_000);
    const hurry = () => void this.#process.kill('SIGQUIT');
    this.#signal.addEventListener('abort', hurry, { once: true });
    await this.#exit;
    this.#signal.removeEventListener('abort', hurry);
    clearTimeout(timer);
  }

  /** The last lines of its log. */
  logEnd(lines = 12): string[] {
    return lastLines(this.place.log, lines);
  }

  async #ready(): Promise<void> {
    const status = path.join(this.place.data, 'postmaster.pid');
    while (!this.#hasEnded) {
      throwIfCancelled(this.#signal);
      const words = existsSync(status) ? readFileSync(status, 'latin1').split('\n') : [];
      // The eighth line says how far the server is, since version 10; before that only trying helps.
      if (words[7]?.startsWith('ready')) return;
      if (versionNumber(this.installation.major) < 100_000 && words.length > 5) {
        const { code, stderr } = await this.#psql(this.#entrance, 'select 1');
        if (code === 0 || !/starting up|could not connect|No such file/.test(stderr)) return;
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    throwIfCancelled(this.#signal);
    if (this.#walFailure) throw this.#walFailure;
    throw new RestoreError(this.#refusal('PostgreSQL did not start'));
  }

  /** A superuser and a database to begin with: usually both `postgres`, else they are looked up in the catalog's files. */
  async #findRole(): Promise<void> {
    const { roles, databases } = namesOfCatalog(this.place.data, versionNumber(this.installation.major));
    let words = '';
    for (const role of unique(['postgres', ...roles])) {
      this.#role = role;
      for (const database of unique(['postgres', 'template1', ...databases])) {
        this.#entrance = database;
        const { code, stdout, stderr } = await this.#psql(
          database,
          'select rolsuper from pg_catalog.pg_roles where rolname = current_user',
        );
        if (code === 0 && stdout.startsWith('t')) return;
        if (code === 0) break;
        words = lastWords(stderr);
        if (/role .* (does not exist|is not permitted)/.test(stderr)) break;
      }
    }
    throw new RestoreError(this.#refusal(`no superuser can log in${words ? `: ${words}` : ''}`));
  }

  #psql(database: string, statement: string): Promise<Ended> {
    const layout = [
      '-A',
      '-t',
      '-F',
      columnDivider,
      '-R',
      rowDivider,
      '-v',
      'ON_ERROR_STOP=1',
      '-v',
      'VERBOSITY=terse',
    ];
    // A line end ends the last row in psql; the divider does it here, so that a name may hold line ends.
    // A function of the database must not stand in for one of PostgreSQL.
    const script = `set search_path = pg_catalog;\n${statement};\n`;
    return this.feed('psql', ['-X', '-q', ...layout, '-d', conninfo(database), '-f', '-'], script).then((ended) => ({
      ...ended,
      stdout: ended.stdout.replace(/\n$/, ended.stdout === '\n' ? '' : rowDivider),
    }));
  }

  #connection(): Record<string, string> {
    const overruled = [
      'session_preload_libraries=',
      'local_preload_libraries=',
      'statement_timeout=0',
      // A transaction that was prepared before the backup keeps its locks for ever.
      'lock_timeout=5s',
      'row_security=on',
      'default_transaction_read_only=off',
      'default_tablespace=',
    ];
    return {
      PGHOST: this.place.socket,
      PGPORT: '5432',
      PGUSER: this.#role,
      PGOPTIONS: overruled.map((it) => `-c ${it}`).join(' '),
      PGCONNECT_TIMEOUT: '60',
      PGCLIENTENCODING: 'UTF8',
      HOME: this.place.settings,
      PGPASSFILE: path.join(this.place.settings, 'none'),
      PGSERVICEFILE: path.join(this.place.settings, 'none'),
    };
  }

  #refusal(what: string): Failure {
    const lines = this.#hasEnded ? this.logEnd() : [];
    const reason = [...lines].reverse().find((it) => /^(FATAL|PANIC|ERROR):/.test(it));
    const log = lines.length > 0 ? `. Its log ends:\n${lines.map((it) => `    ${it}`).join('\n')}` : '';
    return { code: 'damaged', stage: 'start', message: `${what}${log}`, ...hintFor(reason ?? what) };
  }
}

/** The words of the server's log that say why, and what to do about them. They are PostgreSQL's own messages. */
function hintFor(reason: string): { hint?: string; code?: 'unsupported' | 'io' } {
  for (const [pattern, hint, code] of KNOWN_REASONS) if (pattern.test(reason)) return { hint, ...(code && { code }) };
  return {};
}

const KNOWN_REASONS: readonly [RegExp, string, ('unsupported' | 'io')?][] = [
  [/No space left on device/i, 'Make room, or name a folder on a larger disk with --work-dir.', 'io'],
  [
    /locale is incompatible|not recognized by setlocale|could not find.*collation|ICU locale/i,
    'The locale of the cluster is not installed on this machine: install it (Debian: locales, then locale-gen) and try again.',
    'unsupported',
  ],
  [
    /resource manager with ID/i,
    'An extension of the cluster writes WAL of its own, which a server without that extension cannot replay.',
    'unsupported',
  ],
  [
    /incompatible with server|was initialized with/i,
    'The cluster was made by PostgreSQL built with other options than the one installed here.',
    'unsupported',
  ],
  [
    /could not (?:remove|create) symbolic link/i,
    'The WAL creates or moves a tablespace, which would lie outside of the throw-away copy: recover without --wal latest.',
    'unsupported',
  ],
  [
    /could not locate required checkpoint|invalid (?:primary )?checkpoint record/i,
    'The WAL where the backup began is not in the archive.',
  ],
  [
    /WAL ends before (?:end of online backup|consistent recovery point)/i,
    'The WAL up to the end of the backup is not all in the archive.',
  ],
  [
    /wal_level=minimal/i,
    'WAL was written with wal_level=minimal after the backup: PostgreSQL cannot recover past that.',
  ],
];

/** What a former server left, and what would lead the new one elsewhere. */
function prepareData(place: Workplace, version: number, recovery: Recovery | undefined): void {
  const file = (name: string) => path.join(place.data, name);
  for (const it of ['postmaster.pid', 'postmaster.opts', 'standby.signal', 'recovery.signal', 'recovery.conf']) {
    rmSync(file(it), { force: true });
  }
  const write = (name: string, text: string) => {
    rmSync(file(name), { force: true });
    writeFileSync(file(name), text, { mode: 0o600, flag: 'wx' });
    giveTo(place.user, file(name));
  };
  // Settings of ALTER SYSTEM would go before ours.
  write('postgresql.auto.conf', '');
  // Replaying the creation of a tablespace would lead the links to where it lay on the source, perhaps a living cluster's.
  if (existsSync(file('pg_tblspc'))) showTo(place.user, file('pg_tblspc'), { isWritable: false });
  if (!recovery) return;
  if (version >= 120_000) write('recovery.signal', '');
  else write('recovery.conf', recoverySettings(place, version, recovery).map(setting).join(''));
}

function writeSettings(place: Workplace, version: number, { atLeast, recovery }: StartOptions): string {
  const minimum = (name: string, value: number) => String(Math.max(value, atLeast?.get(name) ?? 0));
  const hba = path.join(place.settings, 'pg_hba.conf');
  const ident = path.join(place.settings, 'pg_ident.conf');
  const conf = path.join(place.settings, 'postgresql.conf');
  const settings: (readonly [string, string] | false)[] = [
    ['data_directory', place.data],
    ['hba_file', hba],
    ['ident_file', ident],
    ['listen_addresses', ''],
    ['port', '5432'],
    ['unix_socket_directories', place.socket],
    ['unix_socket_permissions', '0700'],
    ['ssl', 'off'],
    ['max_connections', '20'],
    ['superuser_reserved_connections', '3'],
    ['shared_buffers', '32MB'],
    ['maintenance_work_mem', '64MB'],
    ['max_worker_processes', '4'],
    ['max_prepared_transactions', minimum('max_prepared_transactions', 0)],
    ['max_locks_per_transaction', minimum('max_locks_per_transaction', 64)],
    ['max_wal_senders', '0'],
    ['max_replication_slots', '100'],
    ['wal_level', version >= 90_600 ? 'replica' : 'hot_standby'],
    ['hot_standby', 'off'],
    ['huge_pages', 'off'],
    ['fsync', 'off'],
    ['full_page_writes', 'off'],
    ['synchronous_commit', 'off'],
    ['autovacuum', 'off'],
    ['restart_after_crash', 'off'],
    ['archive_mode', 'off'],
    ['shared_preload_libraries', ''],
    ['session_preload_libraries', ''],
    ['local_preload_libraries', ''],
    ['zero_damaged_pages', 'off'],
    ['ignore_checksum_failure', 'off'],
    ['logging_collector', 'off'],
    ['log_destination', 'stderr'],
    ['log_line_prefix', ''],
    ['log_statement', 'none'],
    // A statement can hold what nobody wants to see in a report.
    ['log_min_error_statement', 'panic'],
    ['lc_messages', 'C'],
    ['log_timezone', 'UTC'],
    version >= 90_600 && ['max_parallel_workers_per_gather', '0'],
    version >= 100_000 && ['max_logical_replication_workers', '0'],
    version >= 110_000 && ['jit', 'off'],
    version >= 170_000 && ['event_triggers', 'off'],
    version >= 180_000 && ['io_method', 'sync'],
    version >= 180_000 && ['max_active_replication_origins', '100'],
    ...(recovery && version >= 120_000 ? recoverySettings(place, version, recovery) : []),
  ];
  const write = (file: string, text: string) => {
    rmSync(file, { force: true });
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
    showTo(place.user, file);
  };
  // Only who can open the socket gets here, and its folder is closed to everybody else.
  write(hba, 'local all all trust\n');
  write(ident, '');
  write(
    conf,
    settings
      .filter((it) => it !== false)
      .map(setting)
      .join(''),
  );
  return conf;
}

function recoverySettings(place: Workplace, version: number, recovery: Recovery): [string, string][] {
  const settings: [string, string][] = [['restore_command', restoreCommand(place)]];
  if (recovery.until === 'consistent') {
    settings.push(['recovery_target', 'immediate']);
    settings.push(version >= 90_500 ? ['recovery_target_action', 'promote'] : ['pause_at_recovery_target', 'off']);
  }
  if (recovery.timeline !== undefined) settings.push(['recovery_target_timeline', String(recovery.timeline)]);
  else if (version >= 120_000) settings.push(['recovery_target_timeline', 'current']);
  return settings;
}

function setting([name, value]: readonly [string, string]): string {
  return `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'\n`;
}

/** A database by name, whatever characters it has. */
export function conninfo(database: string): string {
  return `dbname='${database.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function lastLines(file: string, count: number): string[] {
  try {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    // Its farewell says nothing.
    while (/^LOG:\s+database system is shut down$/.test(lines.at(-1) ?? '')) lines.pop();
    return lines.slice(-count);
  } catch {
    return [];
  }
}

/** What a program said last, without where in its input it said it. */
function lastWords(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const said = lines.map((it) => /(?:ERROR|FATAL|PANIC): .*/.exec(it)?.[0]).find((it) => it !== undefined);
  return (said ?? lines.at(-1) ?? '').slice(0, 500);
}

function unique(names: string[]): string[] {
  return [...new Set(names)];
}
