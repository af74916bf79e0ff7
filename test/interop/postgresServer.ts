/** A running PostgreSQL with a small shop in it, from programs in whatever folder. */

import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const isRoot = process.getuid?.() === 0;

/** Three tables with 504 rows, two large objects, and what needs roles. */
const shop = `
  create role app;
  create role auditor;
  create table orders(id int primary key, customer text);
  insert into orders select i, 'customer ' || i from generate_series(1, 500) i;
  create table empty_one(a int);
  create schema other; create table other."We ird" (a text);
  insert into other."We ird" values (E'back\\\\slash\\nline'), (null), ('\\.'), ('');
  alter table orders owner to app;
  grant select on orders to auditor;
  create policy seen on orders for select to auditor using (true);
  create view big as select * from orders;
  create sequence numbers start 17;
  create function add(a int, b int) returns int language sql begin atomic; select a + b; end;
  select lo_from_bytea(0, convert_to(repeat('large object ', 300), 'UTF8'));
  select lo_from_bytea(0, decode('1f8b08000000', 'hex'));
  analyze;
`;

export class PostgresServer {
  readonly folder: string;
  readonly programs: string;

  /** `programs` is called with the folder of the server, where it may unpack them; `options` are those of initdb. */
  constructor(programs: (folder: string) => string, settings: readonly string[] = [], options: readonly string[] = []) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'restorable-postgres-'));
    chmodSync(this.folder, 0o755);
    this.programs = programs(this.folder);
    if (isRoot) execFileSync('chown', ['postgres:', this.folder]);
    const usual = ['-A', 'trust', '-U', 'postgres', '--no-sync', '-E', 'UTF8', '--locale=C'];
    this.run('initdb', '-D', this.at('data'), ...usual, ...options);
    const all = ["listen_addresses=''", `unix_socket_directories='${this.folder}'`, 'fsync=off', 'max_wal_senders=4'];
    appendFileSync(this.at('data/postgresql.conf'), [...all, ...settings, ''].join('\n'));
    this.run('pg_ctl', '-D', this.at('data'), '-w', '-s', '-l', this.at('log'), 'start');
    this.client('createdb', 'shop');
    this.sql(shop);
  }

  at(...parts: string[]): string {
    return path.resolve(this.folder, ...parts);
  }

  /** As the user that the server runs as. Throws when it exits with anything but 0. */
  run(program: string, ...args: string[]): Buffer {
    const command = path.join(this.programs, program);
    const options = { maxBuffer: 256 * 1024 * 1024, cwd: this.folder };
    return isRoot
      ? execFileSync('runuser', ['-u', 'postgres', '--', command, ...args], { ...options, stdio: 'pipe' })
      : execFileSync(command, args, { ...options, stdio: 'pipe' });
  }

  /** With where the server is. */
  client(program: string, ...args: readonly string[]): Buffer {
    return this.run(program, '-h', this.folder, '-U', 'postgres', ...args);
  }

  sql(text: string): void {
    const file = this.at('in.sql');
    writeFileSync(file, text);
    this.client('psql', '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-f', file, 'shop');
  }

  basebackup(target: string, ...options: readonly string[]): string {
    this.client('pg_basebackup', '-c', 'fast', '-D', this.at(target), ...options);
    return this.at(target);
  }

  /** A copy that belongs to the server's user. */
  copied(from: string): string {
    const to = mkdtempSync(this.at('copy-'));
    cpSync(from, to, { recursive: true });
    if (isRoot) execFileSync('chown', ['-R', 'postgres:', to]);
    return to;
  }

  remove(): void {
    try {
      if (existsSync(this.at('data/postmaster.pid')))
        this.run('pg_ctl', '-D', this.at('data'), '-s', '-m', 'immediate', 'stop');
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
