import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { bundles } from './bundles.ts';

/** A message as it goes over the wire. */
export interface Message {
  jsonrpc: '2.0';
  id?: number | string | null;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

export interface PublishedDiagnostics {
  uri: string;
  version?: number;
  diagnostics: {
    range: { start: { line: number; character: number }; end: { line: number; character: number } };
    code: string;
    message: string;
    severity: number;
    [more: string]: unknown;
  }[];
}

/** The language server as it is shipped. */
export async function serverBundle(): Promise<string> {
  return join(await bundles('all'), 'server.js');
}

/** A client that speaks raw JSON-RPC over the standard streams of a real process, as any editor could. */
export class LspClient {
  readonly received: Message[] = [];
  readonly published = new Map<string, PublishedDiagnostics>();
  /** Everything that came out of standard output, for looking for what must not be there. */
  output = '';
  stderr = '';
  #buffer = Buffer.alloc(0);
  #next = 1;
  readonly #waiting = new Map<number | string, (message: Message) => void>();
  readonly #watchers = new Set<() => void>();
  /** Answers to the server's own requests, by method; null where there is none. */
  readonly answers = new Map<string, (params: never) => unknown>();
  exitCode: number | null | undefined;

  private constructor(readonly process: ChildProcess) {
    process.stdout!.on('data', (chunk: Buffer) => this.#receive(chunk));
    process.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    process.on('exit', (code) => {
      this.exitCode = code;
      for (const it of this.#watchers) it();
    });
  }

  static async start(args: string[] = ['--stdio']): Promise<LspClient> {
    const path = await serverBundle();
    return new LspClient(spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }));
  }

  /** Starts and initialises; without arguments as the poorest client that there can be. */
  static async initialised(params: Record<string, unknown> = {}): Promise<LspClient> {
    const client = await LspClient.start();
    await client.request('initialize', { processId: null, rootUri: null, capabilities: {}, ...params });
    client.notify('initialized', {});
    return client;
  }

  async stop(): Promise<void> {
    if (this.exitCode !== undefined) return;
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    await this.request('shutdown', undefined);
    this.notify('exit', undefined);
    await gone;
  }

  async request<T = unknown>(method: string, params: unknown): Promise<T> {
    const message = await this.exchange(method, params);
    if (message.error) throw Object.assign(new Error(message.error.message), message.error);
    return message.result as T;
  }

  /** The whole answer, also an error. */
  exchange(method: string, params: unknown, id: number = this.#next++): Promise<Message> {
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    this.send({ jsonrpc: '2.0', id, method, params });
    return answer;
  }

  /** The id that the next request gets. */
  get nextId(): number {
    return this.#next;
  }

  notify(method: string, params: unknown): void {
    this.send({ jsonrpc: '2.0', method, params });
  }

  send(message: unknown): void {
    const body = Buffer.from(JSON.stringify(message));
    this.process.stdin!.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
  }

  open(uri: string, text: string, languageId = 'yaml', version = 1): void {
    this.notify('textDocument/didOpen', { textDocument: { uri, languageId, version, text } });
  }

  change(uri: string, version: number, ...contentChanges: unknown[]): void {
    this.notify('textDocument/didChange', { textDocument: { uri, version }, contentChanges });
  }

  /** Waits until what was received fulfils the condition. */
  async until<T>(what: string, found: () => T | undefined | false, limitMs = 120_000): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        settle();
      };
      const look = () => {
        const it = found();
        if (it) finish(() => resolve(it));
        else if (this.exitCode !== undefined) finish(() => reject(new Error(`the server has gone: ${this.stderr}`)));
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`waited in vain for ${what}; got ${JSON.stringify([...this.published])}`))),
        limitMs,
      );
      this.#watchers.add(look);
      look();
    });
  }

  /** What was published for a file, once the rule finds something in it; only that rule's diagnostics. */
  async finding(uri: string, rule: string): Promise<PublishedDiagnostics> {
    return this.until(`${rule} in ${uri}`, () => {
      const it = this.published.get(uri);
      const diagnostics = it?.diagnostics.filter((diagnostic) => diagnostic.code === rule) ?? [];
      return it && diagnostics.length > 0 ? { ...it, diagnostics } : undefined;
    });
  }

  /** What was published for a file, once the rule finds nothing in it. */
  async without(uri: string, rule: string): Promise<PublishedDiagnostics> {
    return this.until(`${uri} without ${rule}`, () => {
      const it = this.published.get(uri);
      return it?.diagnostics.every((diagnostic) => diagnostic.code !== rule) ? it : undefined;
    });
  }

  #receive(chunk: Buffer): void {
    this.output += chunk.toString('utf8');
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const head = this.#buffer.indexOf('\r\n\r\n');
      if (head < 0) break;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#buffer.toString('latin1', 0, head))?.[1]);
      if (Number.isNaN(length)) throw new Error(`not the protocol: ${this.#buffer.toString('utf8', 0, 200)}`);
      if (this.#buffer.length < head + 4 + length) break;
      const message: Message = JSON.parse(this.#buffer.toString('utf8', head + 4, head + 4 + length));
      this.#buffer = this.#buffer.subarray(head + 4 + length);
      this.#take(message);
    }
    for (const it of [...this.#watchers]) it();
  }

  #take(message: Message): void {
    this.received.push(message);
    if (message.method === undefined && message.id !== undefined && message.id !== null) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
      return;
    }
    if (message.method === 'textDocument/publishDiagnostics') {
      const params = message.params as PublishedDiagnostics;
      this.published.set(params.uri, params);
    }
    if (message.id !== undefined) {
      const result = this.answers.get(message.method!)?.(message.params as never) ?? null;
      this.send({ jsonrpc: '2.0', id: message.id, result });
    }
  }
}
