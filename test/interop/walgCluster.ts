/** A small real PostgreSQL cluster that is backed up by the real WAL-G into folders, without any object store. */

import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const binaries = [process.env.PGBIN, '/usr/lib/postgresql/15/bin'].find(
  (it) => it && existsSync(path.join(it, 'initdb')),
);
let hasNoSources = false;
const program = findWalg();

/** Why these tests cannot run here; undefined when they can. CI must have everything. */
export const missingWalg: string | undefined = findMissing();

export class WalgCluster {
  readonly folder: string;
  readonly #walg: string;

  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'restorable-walg-'));
    chmodSync(this.folder, 0o755);
    for (const name of ['space', 'buckets']) mkdirSync(path.join(this.folder, name));
    // A home of root is closed to the user that PostgreSQL runs as.
    this.#walg = path.join(this.folder, 'wal-g');
    copyFileSync(program ?? '', this.#walg);
    chmodSync(this.#walg, 0o755);
    if (process.getuid?.() === 0) execFileSync('chown', ['-R', 'postgres:', this.folder]);
  }

  get data(): string {
    return path.join(this.folder, 'pg');
  }

  /** One database and few catalogs; a tablespace where it is asked for. */
  start({ tablespace = true }: { tablespace?: boolean } = {}): void {
    const { folder, data } = this;
    const locale = ['-E', 'UTF8', '--locale=C', '-A', 'trust', '-U', 'postgres'];
    this.run(`${binaries}/initdb`, ['-D', data, '--wal-segsize=1', '--data-checksums', '--no-sync', ...locale]);
    appendFileSync(
      path.join(data, 'postgresql.conf'),
      [
        "listen_addresses = ''",
        `unix_socket_directories = '${folder}'`,
        'fsync = off',
        'autovacuum = off',
        'archive_mode = on',
        `archive_command = 'test ! -e ${folder}/archive.sh || sh ${folder}/archive.sh %p'`,
        'min_wal_size = 2MB',
        'max_wal_size = 32MB',
        '',
      ].join('\n'),
    );
    this.startServer(data);
    this.sql('postgres', 'create database shop');
    this.sql('shop', "update pg_database set datistemplate = false where datname like 'template%'");
    for (const name of ['template0', 'template1', 'postgres']) this.sql('shop', `drop database ${name}`);
    this.sql('shop', 'drop schema information_schema cascade');
    this.sql('shop', 'delete from pg_description');
    if (tablespace) {
      this.sql('shop', `create tablespace fast location '${folder}/space'`);
      this.sql('shop', 'create table items tablespace fast as select i, md5(i::text) v from generate_series(1, 500) i');
    }
    this.sql(
      'shop',
      'create table facts as select i, repeat(md5((i % 10)::text), 3) v from generate_series(1, 3000) i',
    );
    this.sql('shop', 'vacuum full');
  }

  /** A server that follows this one, with a socket of its own in a folder of its own; `remove` stops it. */
  startStandby(): { data: string; socket: string } {
    const { folder } = this;
    const data = path.join(folder, 'standby');
    const socket = path.join(folder, 'standby-socket');
    this.run('mkdir', [socket]);
    const tablespace = ['-T', `${folder}/space=${folder}/standby-space`];
    this.run(`${binaries}/pg_basebackup`, [
      '-h',
      folder,
      '-U',
      'postgres',
      '-D',
      data,
      '-R',
      '-X',
      'stream',
      ...tablespace,
    ]);
    appendFileSync(path.join(data, 'postgresql.auto.conf'), `unix_socket_directories = '${socket}'\n`);
    this.startServer(data);
    return { data, socket };
  }

  startServer(data: string): void {
    this.run(`${binaries}/pg_ctl`, [
      '-D',
      data,
      '-l',
      path.join(this.folder, 'server.log'),
      '-w',
      '-t',
      '120',
      'start',
    ]);
  }

  stopServer(data: string): void {
    if (existsSync(path.join(data, 'postmaster.pid')))
      this.run(`${binaries}/pg_ctl`, ['-D', data, '-m', 'immediate', '-w', 'stop']);
  }

  remove(): void {
    this.stopServer(this.data);
    for (const it of ['promoted', 'standby']) this.stopServer(path.join(this.folder, it));
    rmSync(this.folder, { recursive: true, force: true });
  }

  sql(database: string, statement: string): string {
    const options = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', this.folder, '-U', 'postgres'];
    return this.run(`${binaries}/psql`, [...options, '-d', database, '-c', statement]);
  }

  /** From now on WAL goes into this bucket. */
  bucket(name: string, settings: Record<string, string> = {}): Bucket {
    return new Bucket(this, this.#walg, path.join(this.folder, 'buckets', name), settings);
  }

  /** Runs as an unprivileged user: PostgreSQL refuses root. */
  run(tool: string, options: string[], variables: Record<string, string> = {}): string {
    const isRoot = process.getuid?.() === 0;
    const [command = '', ...rest] = isRoot ? ['runuser', '-u', 'postgres', '--', tool, ...options] : [tool, ...options];
    const outcome = spawnSync(command, rest, {
      encoding: 'utf8',
      cwd: this.folder,
      env: { ...process.env, HOME: this.folder, TZ: 'UTC', ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (outcome.status === 0) return outcome.stdout;
    throw new Error(`${tool} ${options.join(' ')} ended with ${outcome.status}: ${outcome.stderr}${outcome.stdout}`);
  }
}

export class Bucket {
  readonly path: string;
  readonly #cluster: WalgCluster;
  readonly #walg: string;
  readonly #variables: Record<string, string>;

  constructor(cluster: WalgCluster, walg: string, folder: string, settings: Record<string, string>) {
    this.#cluster = cluster;
    this.#walg = walg;
    this.path = folder;
    this.#variables = {
      WALG_FILE_PREFIX: folder,
      WALG_PG_WAL_SIZE: '1',
      WALG_DELTA_MAX_STEPS: '6',
      // A failure is told at once, not after an hour of patience.
      WALG_DOWNLOAD_FILE_RETRIES: '1',
      PGHOST: cluster.folder,
      PGUSER: 'postgres',
      PGDATABASE: 'shop',
      ...settings,
    };
    cluster.run('mkdir', ['-p', folder]);
    const lines = Object.entries(this.#variables).map(([key, value]) => `export ${key}='${value}'`);
    writeFileSync(
      path.join(cluster.folder, 'archive.sh'),
      `${lines.join('\n')}\nexec '${walg}' wal-push "$1" >>'${cluster.folder}/push.log' 2>&1\n`,
    );
  }

  push(...options: string[]): string {
    return this.walg(['backup-push', this.#cluster.data, ...options]);
  }

  /** As `backup-fetch` restores it, into a new folder; tablespaces are mapped below it. Throws when it takes longer. */
  fetch(label: string, to: string, options: string[] = [], seconds = 300): void {
    this.walg(['backup-fetch', to, label, ...options], seconds);
  }

  walg(command: string[], seconds = 600): string {
    // Ended with all that it started: whoever only ends `runuser` leaves WAL-G behind.
    const limited = ['--kill-after=10', String(seconds), this.#walg, ...command];
    return this.#cluster.run('timeout', limited, this.#variables);
  }

  /** Everything that was archived until now lies in the bucket. */
  flush(): void {
    const cluster = this.#cluster;
    const last = cluster.sql('shop', 'select pg_walfile_name(pg_switch_wal())').trim();
    const deadline = Date.now() + 60_000;
    for (;;) {
      const archived = cluster.sql('shop', 'select last_archived_wal from pg_stat_archiver').trim();
      if (archived.slice(0, 24) >= last) return;
      if (Date.now() > deadline) throw new Error(`WAL segment ${last} was not archived`);
      cluster.sql('shop', 'select pg_sleep(0.1)');
    }
  }
}

/** The built one; building takes minutes, and is for CI alone. */
function findWalg(): string | undefined {
  const given = process.env.WALG;
  if (given !== undefined && existsSync(given)) return given;
  const script = path.join(import.meta.dirname, 'buildWalg.sh');
  const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(process.env.HOME ?? '', '.cache'), 'restorable');
  const isBuilt = existsSync(path.join(cache, 'wal-g-3.0.9'));
  if (!isBuilt && !process.env.CI) return undefined;
  const outcome = spawnSync('bash', [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  hasNoSources = outcome.status === 3;
  return outcome.status === 0 ? outcome.stdout.trim() : undefined;
}

function findMissing(): string | undefined {
  const missing: string[] = [];
  if (!binaries) missing.push('PostgreSQL 15 (initdb; PGBIN may name its folder)');
  if (!program) missing.push('WAL-G (test/interop/buildWalg.sh builds it; WALG may name it)');
  if (process.getuid?.() === 0 && spawnSync('id', ['postgres']).status !== 0)
    missing.push('a user postgres (PostgreSQL refuses root)');
  if (missing.length === 0) return undefined;
  const reason = `missing here: ${missing.join(', ')}`;
  // What cannot be had is no failure of ours; what cannot be built is.
  if (process.env.CI && !hasNoSources) throw new Error(`CI must have the real tools; ${reason}`);
  return reason;
}
