/**
 * A connection to a throw-away server over its socket, for SQL that nobody vouches for: one statement is one message, and
 * data are data, so that nothing in them is ever taken for a command of a client program.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { ByteReader } from '../bytes.ts';
import { fail } from '../failure.ts';
import { cancelled } from '../run-context.ts';
import type { DumpConnection } from './dumpServer.ts';
import { errorOf, fieldOf, messageOf, queryOf, rowOf, type StatementError } from './protocol.ts';

export interface ConnectionOptions {
  /** The folder of the server's socket. */
  socket: string;
  user: string;
  database: string;
  signal: AbortSignal;
}

const protocolVersion = 196_608;
const pieceBytes = 256 * 1024;
const largestMessage = 1024 * 1024 * 1024;

export class Connection implements DumpConnection {
  readonly #socket: Socket;
  readonly #reader: ByteReader;
  readonly #stop: () => void;
  readonly #signal: AbortSignal;

  private constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#reader = new ByteReader(socket);
    this.#signal = signal;
    this.#stop = () => socket.destroy();
    signal.addEventListener('abort', this.#stop, { once: true });
    socket.on('error', () => undefined);
  }

  /** @throws StatementError when the server refuses, RestoreError `io` when there is none, `cancelled` */
  static async open({ socket: folder, user, database, signal }: ConnectionOptions): Promise<Connection> {
    const socket = connect(path.join(folder, '.s.PGSQL.5432'));
    const connection = new Connection(socket, signal);
    const fields = ['user', user, 'database', database, 'client_encoding', 'UTF8', ''].map((it) => `${it}\0`).join('');
    const startup = Buffer.alloc(8 + Buffer.byteLength(fields));
    startup.writeUInt32BE(startup.length, 0);
    startup.writeUInt32BE(protocolVersion, 4);
    startup.write(fields, 8);
    try {
      await connection.#write(startup);
      await connection.#untilReady();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Carries out one statement, or several, and returns the rows of the last as text; NULL is ''.
   *
   * @throws StatementError
   */
  async execute(statement: string | Uint8Array): Promise<string[][]> {
    await this.#query(statement);
    return this.#untilReady();
  }

  /**
   * Carries out `COPY … FROM stdin`. The data are read to their end whatever the server says of them.
   *
   * @throws StatementError, and what `data` throws
   */
  async copy(statement: string | Uint8Array, data: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#query(statement);
    const refused = await this.#untilCopy();
    try {
      for await (const piece of data) {
        if (refused) continue;
        for (let at = 0; at < piece.length; at += pieceBytes)
          await this.#send('d', piece.subarray(at, at + pieceBytes));
      }
    } catch (error) {
      if (!refused) {
        await this.#send('f', Buffer.from('the data ended\0'));
        await this.#untilReady().catch(() => undefined);
      }
      throw error;
    }
    if (refused) throw refused;
    await this.#send('c', new Uint8Array(0));
    await this.#untilReady();
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#stop);
    this.#socket.destroy();
  }

  async #query(statement: string | Uint8Array): Promise<void> {
    await this.#write(queryOf(statement));
  }

  /** Until the server takes data; or what it says instead. */
  async #untilCopy(): Promise<StatementError | undefined> {
    for (;;) {
      const { type, body } = await this.#message();
      if (type === 'G') return undefined;
      if (type !== 'E') continue;
      await this.#untilReady();
      return errorOf(body);
    }
  }

  async #untilReady(): Promise<string[][]> {
    let rows: string[][] = [];
    let error: StatementError | undefined;
    for (;;) {
      const { type, body } = await this.#message();
      if (type === 'Z') {
        if (error) throw error;
        return rows;
      }
      if (type === 'E') {
        error ??= errorOf(body);
        // A refusal to connect is not followed by anything.
        if (/^(?:FATAL|PANIC)$/.test(fieldOf(body, 'V') ?? '')) throw error;
      } else if (type === 'T') rows = [];
      else if (type === 'D') rows.push(rowOf(body));
      else if (type === 'G') await this.#send('f', Buffer.from('no data\0'));
      else if (type === 'R' && body.readUInt32BE(0) !== 0)
        fail('io', 'start', 'the throw-away server asks for a password');
    }
  }

  async #message(): Promise<{ type: string; body: Buffer }> {
    const head = Buffer.from(await this.#read(5));
    const length = head.readUInt32BE(1) - 4;
    if (length > largestMessage) fail('io', 'start', 'the throw-away server sent a message that is too large');
    return { type: String.fromCharCode(head[0] as number), body: Buffer.from(await this.#read(length)) };
  }

  async #read(length: number): Promise<Uint8Array> {
    const bytes = await this.#reader.read(length).catch(() => new Uint8Array(0));
    if (bytes.length === length) return bytes;
    if (this.#signal.aborted) throw cancelled();
    return fail('damaged', 'start', 'the server ended while it loaded the dump', {
      hint: 'Its log may say why. A dump that makes PostgreSQL crash is not restorable as it is.',
    });
  }

  async #send(type: string, body: Uint8Array): Promise<void> {
    await this.#write(messageOf(type, body));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#signal.aborted) throw cancelled();
    if (this.#socket.write(bytes) || this.#socket.destroyed) return;
    await Promise.race([once(this.#socket, 'drain'), once(this.#socket, 'close')]).catch(() => undefined);
  }
}
