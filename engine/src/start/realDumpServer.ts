/** A throw-away PostgreSQL, for a dump: a role that may do nothing outside of its databases, and a database for it. */

import { Connection } from './connection.ts';
import { countContents, type DatabaseContents, type DumpServer, loadingRole } from './dumpServer.ts';
import type { ThrowAwayServer } from './throwAwayServer.ts';

export class RealDumpServer implements DumpServer {
  readonly engine = 'PostgreSQL';
  readonly version: string;
  readonly name: string;
  readonly database = 'restorable_load';
  readonly #server: ThrowAwayServer;
  readonly #signal: AbortSignal;
  #connectedTo = this.database;

  constructor(server: ThrowAwayServer, signal: AbortSignal) {
    this.#server = server;
    this.#signal = signal;
    this.version = server.installation.version;
    this.name = `PostgreSQL ${this.version}`;
  }

  async open(): Promise<void> {
    const query = (statement: string) => this.#server.query('postgres', statement);
    // Not createrole: before version 16, that may give itself the right to run programs.
    await query(`create role ${loadingRole} login nosuperuser createdb nocreaterole`);
    await query(`create database ${this.database} owner ${loadingRole} template template0 encoding 'UTF8'`);
    for (const it of ['postgres', 'template1']) {
      await query(`alter database ${it} owner to ${loadingRole}`);
      await this.#server.query(it, `grant all on schema public to ${loadingRole}`);
    }
    await this.#server.query(this.database, `grant all on schema public to ${loadingRole}`);
  }

  async connect(database: string): Promise<Connection> {
    const socket = this.#server.place.socket;
    const connection = await Connection.open({ socket, user: loadingRole, database, signal: this.#signal });
    this.#connectedTo = database;
    return connection;
  }

  async createRole(name: string): Promise<string | undefined> {
    return (await this.#server.attempt('postgres', `create role ${name} nologin`)).error;
  }

  async createDatabase(name: string): Promise<string | undefined> {
    // Its locale may not be installed here.
    const statement = `create database ${name} owner ${loadingRole} template template0 encoding 'UTF8'`;
    return (await this.#server.attempt('postgres', statement)).error;
  }

  async createExtension(name: string, schema: string | undefined): Promise<string | undefined> {
    const inSchema = schema === undefined ? '' : ` with schema ${schema}`;
    const statement = `create extension if not exists "${name.replaceAll('"', '""')}"${inSchema} cascade`;
    return (await this.#server.attempt(this.#connectedTo, statement)).error;
  }

  async isTrusted(extension: string): Promise<boolean> {
    if (Number.parseInt(this.#server.installation.major, 10) < 13) return false;
    const [row] = await this.#server.query(
      'postgres',
      `select 1 from pg_catalog.pg_available_extension_versions where trusted and name = '${extension.replaceAll("'", "''")}'`,
    );
    return row !== undefined;
  }

  isOwnLimit(): boolean {
    return false;
  }

  async contents(): Promise<DatabaseContents[]> {
    const found: DatabaseContents[] = [];
    for (const it of await this.#server.databases())
      found.push(await countContents(it, (statement) => this.#server.query(it, statement)));
    return found;
  }
}
