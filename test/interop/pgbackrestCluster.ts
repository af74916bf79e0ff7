/** A small real PostgreSQL cluster that archives with the real pgbackrest, in a folder of its own, on a unix socket. */

import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const binaries = [process.env.PGBIN, '/usr/lib/postgresql/15/bin'].find(
  (it) => it && existsSync(path.join(it, 'initdb')),
);

/** Why these tests cannot run here; undefined when they can. CI must have everything. */
export const missingTools: string | undefined = findMissing();

export interface RepositorySpec {
  isEncrypted: boolean;
  isBundled: boolean;
  /** More options of the repository, without their `repoN-`. */
  more?: string[];
}

export class Cluster {
  readonly folder: string;
  /** The pgbackrest that is used. */
  readonly program: string;
  readonly #repositories: { path: string; pass: string | undefined }[] = [];

  /** @param unpack puts another pgbackrest into the folder and returns its path */
  constructor(unpack: (folder: string) => string = () => 'pgbackrest') {
    this.folder = mkdtempSync(path.join(tmpdir(), 'restorable-pg-'));
    chmodSync(this.folder, 0o755);
    this.program = unpack(this.folder);
    for (const name of ['log', 'lock', 'spool', 'space', 'conf']) mkdirSync(path.join(this.folder, name));
    if (process.getuid?.() === 0) execFileSync('chown', ['-R', 'postgres:', this.folder]);
  }

  get data(): string {
    return path.join(this.folder, 'pg');
  }

  get conf(): string {
    return path.join(this.folder, 'pgbackrest.conf');
  }

  /** One database and few catalogs, WAL on another disk by a link, a linked configuration file, a tablespace. */
  start({ hasChecksums = true } = {}): void {
    const { folder, data } = this;
    this.run(`${binaries}/initdb`, [
      '-D',
      data,
      '-X',
      path.join(folder, 'wal'),
      '--wal-segsize=1',
      ...(hasChecksums ? ['--data-checksums'] : []),
      '-E',
      'UTF8',
      '--locale=C',
      '-A',
      'trust',
      '-U',
      'postgres',
      '--no-sync',
    ]);
    appendFileSync(
      path.join(data, 'postgresql.conf'),
      [
        "listen_addresses = ''",
        `unix_socket_directories = '${folder}'`,
        'fsync = off',
        'autovacuum = off',
        'archive_mode = on',
        `archive_command = 'test ! -e ${this.conf} || ${this.program} --config=${this.conf} --stanza=demo archive-push %p'`,
        'min_wal_size = 2MB',
        'max_wal_size = 16MB',
        '',
      ].join('\n'),
    );
    writeFileSync(path.join(data, 'a file = with "quotes", blanks and ünïcode'), 'not of PostgreSQL\n');
    renameSync(path.join(data, 'pg_hba.conf'), path.join(folder, 'conf/pg_hba.conf'));
    symlinkSync('../conf/pg_hba.conf', path.join(data, 'pg_hba.conf'));
    if (process.getuid?.() === 0) execFileSync('chown', ['-R', '-h', 'postgres:', folder]);
    this.startServer(data);
    this.sql('postgres', 'create database shop');
    this.sql('shop', "update pg_database set datistemplate = false where datname like 'template%'");
    for (const name of ['template0', 'template1', 'postgres']) this.sql('shop', `drop database ${name}`);
    this.sql('shop', 'drop schema information_schema cascade');
    this.sql('shop', 'delete from pg_description');
    this.sql('shop', `create tablespace fast location '${folder}/space'`);
    this.sql('shop', 'create table items tablespace fast as select i, md5(i::text) v from generate_series(1, 500) i');
    this.sql('shop', 'create table facts as select i, repeat(md5(i::text), 30) v from generate_series(1, 3000) i');
    this.sql('shop', 'vacuum full');
  }

  startServer(data: string): void {
    this.run(`${binaries}/pg_ctl`, [
      '-D',
      data,
      '-l',
      path.join(this.folder, 'log/server.log'),
      '-w',
      '-t',
      '60',
      'start',
    ]);
  }

  stopServer(data: string, mode: 'immediate' | 'fast' = 'immediate'): void {
    if (existsSync(path.join(data, 'postmaster.pid')))
      this.run(`${binaries}/pg_ctl`, ['-D', data, '-m', mode, '-w', 'stop']);
  }

  remove(): void {
    for (const data of [this.data, path.join(this.folder, 'started')]) this.stopServer(data);
    rmSync(this.folder, { recursive: true, force: true });
  }

  sql(database: string, statement: string): string {
    return this.run(`${binaries}/psql`, [
      '-X',
      '-q',
      '-A',
      '-t',
      '-v',
      'ON_ERROR_STOP=1',
      '-h',
      this.folder,
      '-U',
      'postgres',
      '-d',
      database,
      '-c',
      statement,
    ]);
  }

  /** From now on WAL goes to these repositories, and nowhere else. Returns their paths and passes. */
  configure(
    name: string,
    compression: string,
    repositories: RepositorySpec[],
  ): { path: string; pass: string | undefined }[] {
    const made = repositories.map((spec, index) => ({
      path: path.join(this.folder, `repo-${name}-${index + 1}`),
      pass: spec.isEncrypted ? `a test's pass, #${index + 1} of ${name}` : undefined,
      spec,
    }));
    const lines = made.flatMap(({ path: repository, pass, spec }, index) => {
      const option = (key: string, value: string) => `repo${index + 1}-${key}=${value}`;
      return [
        option('path', repository),
        option('retention-full', '9'),
        ...(pass ? [option('cipher-type', 'aes-256-cbc'), option('cipher-pass', pass)] : []),
        ...(spec.isBundled ? [option('bundle', 'y')] : []),
        ...(spec.more ?? []).map((it) => `repo${index + 1}-${it}`),
      ];
    });
    writeFileSync(
      this.conf,
      [
        '[global]',
        ...lines,
        `compress-type=${compression}`,
        `log-path=${this.folder}/log`,
        `lock-path=${this.folder}/lock`,
        `spool-path=${this.folder}/spool`,
        'log-level-console=error',
        'log-level-file=off',
        'start-fast=y',
        '[demo]',
        `pg1-path=${this.data}`,
        `pg1-socket-path=${this.folder}`,
        'pg1-database=shop',
        '',
      ].join('\n'),
    );
    chmodSync(this.conf, 0o644);
    this.#repositories.push(...made);
    this.backrest(['stanza-create']);
    return made;
  }

  backrest(command: string[]): string {
    return this.run(this.program, [`--config=${this.conf}`, '--stanza=demo', ...command]);
  }

  /** Labels of a repository, oldest first. */
  labels(repository: number): string[] {
    const info = JSON.parse(this.backrest([`--repo=${repository}`, 'info', '--output=json']));
    return info[0].backup.map((it: { label: string }) => it.label);
  }

  /** Runs as an unprivileged user: PostgreSQL refuses root. */
  run(tool: string, options: string[]): string {
    const isRoot = process.getuid?.() === 0;
    const [command = '', ...rest] = isRoot ? ['runuser', '-u', 'postgres', '--', tool, ...options] : [tool, ...options];
    const outcome = spawnSync(command, rest, {
      encoding: 'utf8',
      cwd: this.folder,
      env: { ...process.env, TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (outcome.status === 0) return outcome.stdout;
    throw new Error(`${tool} ${options.join(' ')} ended with ${outcome.status}: ${outcome.stderr}${outcome.stdout}`);
  }
}

function findMissing(): string | undefined {
  const missing: string[] = [];
  if (!binaries) missing.push('PostgreSQL 15 (initdb; PGBIN may name its folder)');
  if (spawnSync('pgbackrest', ['version']).status !== 0) missing.push('pgbackrest');
  if (process.getuid?.() === 0 && spawnSync('id', ['postgres']).status !== 0)
    missing.push('a user postgres (PostgreSQL refuses root)');
  if (missing.length === 0) return undefined;
  const reason = `missing here: ${missing.join(', ')}`;
  if (process.env.CI) throw new Error(`CI must have the real tools; ${reason}`);
  return reason;
}
