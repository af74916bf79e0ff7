// What a person at the keyboard waits for, over the protocol, in real processes: Restorable beside yaml-language-server with
// the schema of StackGres' custom resource, in one run, taking turns. `npx tsx tools/bench/languageServer.ts` prints a table.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { median } from './measured.ts';

const rounds = 15;
const repeats = 3;
const counterpart = 'yaml-language-server@2.0.0';
const longestWaitMs = 120_000;

export interface ServerMeasure {
  scenario: string;
  server: string;
  /** From the start of the process to findings of everything that is open, in milliseconds. */
  firstFindingsMs: number;
  /** What the process used of the cores until then: on a busy machine it says more. */
  firstFindingsCpuMs: number | undefined;
  /** Median, from a keystroke to its findings. */
  keystrokeMs: number;
  residentMb: number | undefined;
}

interface Server {
  name: string;
  args: string[];
  settings: object;
}

interface Scenario {
  name: string;
  /** The workspace's folder, with files that nobody has open. */
  root?: string;
  documents: { uri: string; text: string }[];
}

/** Every scenario with every server, the best of some turns; a counterpart that cannot be installed is left out. */
export async function measureServers(): Promise<ServerMeasure[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'restorable-bench-lsp-'));
  try {
    const servers = [
      { name: 'restorable', args: [resolve('dist/cli.js'), 'lsp', '--stdio'], settings: {} },
      ...yamlLanguageServer(scratch),
    ];
    const measures: ServerMeasure[] = [];
    for (const scenario of scenarios(scratch)) {
      const best = new Map<string, ServerMeasure>();
      for (let turn = 0; turn < repeats; turn++) {
        for (const server of servers) {
          const it = await measure(server, scenario);
          const known = best.get(server.name);
          best.set(server.name, known ? better(known, it) : it);
        }
      }
      measures.push(...best.values());
    }
    return measures;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Other work on the machine only ever makes a turn slower. */
function better(a: ServerMeasure, b: ServerMeasure): ServerMeasure {
  return {
    ...a,
    firstFindingsMs: Math.min(a.firstFindingsMs, b.firstFindingsMs),
    firstFindingsCpuMs: least(a.firstFindingsCpuMs, b.firstFindingsCpuMs),
    keystrokeMs: Math.min(a.keystrokeMs, b.keystrokeMs),
    residentMb: least(a.residentMb, b.residentMb),
  };
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function scenarios(scratch: string): Scenario[] {
  const one = (count: number): Scenario => ({
    name: count === 1 ? '1 document' : `${count.toLocaleString('en')} documents in one file`,
    documents: [
      {
        uri: pathToFileURL(join(scratch, `storages-${count}.yaml`)).href,
        text: Array.from({ length: count }, (_, i) => storage(i)).join('---\n'),
      },
    ],
  });
  const many: Scenario = {
    name: '1,000 files',
    documents: Array.from({ length: 1_000 }, (_, i) => ({
      uri: pathToFileURL(join(scratch, `storage-${i}.yaml`)).href,
      text: storage(i),
    })),
  };
  return [one(1), one(100), one(1_000), many, oneOfMany(scratch)];
}

/** A workspace is opened at one of its files: what a person waits for is that file. */
function oneOfMany(scratch: string): Scenario {
  const root = join(scratch, 'workspace');
  const path = (i: number) => join(root, `namespace-${i % 20}`, `storage-${i}.yaml`);
  for (let i = 0; i < 1_000; i++) {
    mkdirSync(dirname(path(i)), { recursive: true });
    writeFileSync(path(i), storage(i));
  }
  return {
    name: '1 of 1,000 files in a folder',
    root: pathToFileURL(root).href,
    documents: [{ uri: pathToFileURL(path(500)).href, text: storage(500) }],
  };
}

function storage(i: number): string {
  return `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata:
  name: s${i}
  namespace: db
spec:
  type: gcs
  gcs:
    bucket: b${i}
    gcpCredentials:
      fetchCredentialsFromMetadataService: true
`;
}

/** What is typed: behind `type: gcs`, one letter too many, which both servers must tell. */
const typed = 'x';

async function measure(server: Server, { name, root, documents }: Scenario): Promise<ServerMeasure> {
  const start = performance.now();
  const client = new Client(server);
  try {
    await client.initialise(root);
    // Findings are told for what is wrong: each file has one letter too many at first.
    const wrong = documents.map(({ uri, text }) => ({ uri, text: text.replace('type: gcs', 'type: gcsx') }));
    for (const it of wrong) client.open(it.uri, it.text);
    for (const it of wrong) await client.findings(it.uri, (count) => count > 0);
    const firstFindingsMs = performance.now() - start;
    const firstFindingsCpuMs = client.processorMs();

    const { uri, text } = documents[Math.floor(documents.length / 2)]!;
    const line = text.split('\n').indexOf('  type: gcs');
    const end = '  type: gcs'.length;
    client.change(uri, { line, character: end }, { line, character: end + 1 }, '');
    await client.findings(uri, (count) => count === 0);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = performance.now();
      client.change(uri, { line, character: end }, { line, character: end }, typed);
      await client.findings(uri, (count) => count > 0);
      times.push(performance.now() - before);
      client.change(uri, { line, character: end }, { line, character: end + 1 }, '');
      await client.findings(uri, (count) => count === 0);
    }
    const keystrokeMs = median(times);
    const residentMb = client.residentMb();
    return { scenario: name, server: server.name, firstFindingsMs, firstFindingsCpuMs, keystrokeMs, residentMb };
  } finally {
    await client.stop();
  }
}

interface Position {
  line: number;
  character: number;
}

/** Just enough of a client. */
class Client {
  readonly #process: ChildProcess;
  readonly #counts = new Map<string, number>();
  #buffer = Buffer.alloc(0);
  #look: (() => void) | undefined;
  #answers = new Map<number, (result: unknown) => void>();
  #id = 0;
  #version = 1;

  constructor(private readonly server: Server) {
    this.#process = spawn(process.execPath, server.args, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#process.stdout!.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  async initialise(root?: string): Promise<void> {
    await this.#request('initialize', {
      processId: process.pid,
      rootUri: root ?? null,
      workspaceFolders: root ? [{ uri: root, name: 'workspace' }] : null,
      capabilities: {
        workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
        textDocument: { publishDiagnostics: {}, synchronization: {} },
      },
    });
    this.#send({ method: 'initialized', params: {} });
    this.#send({ method: 'workspace/didChangeConfiguration', params: { settings: this.server.settings } });
  }

  open(uri: string, text: string): void {
    this.#send({
      method: 'textDocument/didOpen',
      params: { textDocument: { uri, languageId: 'yaml', version: 1, text } },
    });
  }

  change(uri: string, start: Position, end: Position, text: string): void {
    this.#version++;
    // Only an answer to this change counts.
    this.#counts.delete(uri);
    this.#send({
      method: 'textDocument/didChange',
      params: { textDocument: { uri, version: this.#version }, contentChanges: [{ range: { start, end }, text }] },
    });
  }

  async findings(uri: string, fits: (count: number) => boolean): Promise<void> {
    await new Promise<void>((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`${this.server.name} did not answer for ${uri}`)), longestWaitMs);
      this.#look = () => {
        const count = this.#counts.get(uri);
        if (count === undefined || !fits(count)) return;
        clearTimeout(timer);
        this.#look = undefined;
        done();
      };
      this.#look();
    });
  }

  /** User and system time so far; undefined where the system does not tell. */
  processorMs(): number | undefined {
    try {
      const stat = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8');
      // Behind the name in parentheses; in ticks, of which Linux has a hundred in a second.
      const [user, system] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13);
      return (Number(user) + Number(system)) * 10;
    } catch {
      return undefined;
    }
  }

  residentMb(): number | undefined {
    try {
      return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.#process.pid}/status`, 'utf8'))?.[1]) / 1_000;
    } catch {
      return undefined;
    }
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.#process.once('exit', done));
    this.#process.kill();
    await gone;
  }

  #request(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#id;
    return new Promise((done) => {
      this.#answers.set(id, done);
      this.#send({ id, method, params });
    });
  }

  #send(message: object): void {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
    this.#process.stdin!.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.#process.stdin!.write(body);
  }

  #receive(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const head = this.#buffer.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#buffer.toString('latin1', 0, head))![1]);
      if (this.#buffer.length < head + 4 + length) return;
      const message = JSON.parse(this.#buffer.toString('utf8', head + 4, head + 4 + length));
      this.#buffer = this.#buffer.subarray(head + 4 + length);
      this.#take(message);
    }
  }

  #take(message: { id?: number; method?: string; params?: never; result?: unknown }): void {
    if (message.method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = message.params as unknown as { uri: string; diagnostics: { severity: number }[] };
      // Errors only: what else a server has to say of these files is not what is measured.
      this.#counts.set(uri, diagnostics.filter((it) => it.severity === 1).length);
      this.#look?.();
    } else if (message.method === 'workspace/configuration') {
      const { items } = message.params as unknown as { items: { section?: string }[] };
      const sections = this.server.settings as Record<string, unknown>;
      this.#send({ id: message.id, result: items.map((it) => sections[it.section ?? ''] ?? null) });
    } else if (message.method !== undefined && message.id !== undefined) this.#send({ id: message.id, result: null });
    else if (message.id !== undefined) this.#answers.get(message.id)?.(message.result);
  }
}

function yamlLanguageServer(scratch: string): Server[] {
  const cache = join(
    process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
    'restorable',
    counterpart.replace('@', '-'),
  );
  const module = join(cache, 'node_modules', 'yaml-language-server', 'bin', 'yaml-language-server');
  if (!existsSync(module)) {
    mkdirSync(cache, { recursive: true });
    try {
      execFileSync('npm', ['install', '--prefix', cache, '--no-audit', '--no-fund', '--ignore-scripts', counterpart], {
        stdio: 'ignore',
      });
    } catch {
      console.error(`${counterpart} cannot be installed: it is left out`);
      return [];
    }
  }
  const yaml = {
    schemas: { [pathToFileURL(storageSchema(scratch)).href]: ['*.yaml'] },
    schemaStore: { enable: false },
    validate: true,
  };
  return [{ name: 'yaml-language-server', args: [module, '--stdio'], settings: { yaml } }];
}

/** StackGres' own, where its custom resource definitions are at hand; else ours, which says the same about `type`. */
function storageSchema(scratch: string): string {
  const crd = '../shared/crds/stackgres/SGObjectStorage.yaml';
  if (!existsSync(crd)) return resolve('schemas/sgobjectstorage.schema.json');
  interface Crd {
    spec: { versions: { schema: { openAPIV3Schema: object } }[] };
  }
  const { spec } = parse(readFileSync(crd, 'utf8')) as Crd;
  const file = join(scratch, 'schema.json');
  writeFileSync(file, JSON.stringify(spec.versions.at(-1)!.schema.openAPIV3Schema));
  return file;
}

/** A Markdown table, as docs/performance.md has it. */
export function table(measures: readonly ServerMeasure[]): string {
  const rows = measures.map(
    (it) =>
      `| ${it.scenario} | ${it.server} | ${it.firstFindingsMs.toFixed(0)} ms | ${it.firstFindingsCpuMs?.toFixed(0) ?? '?'} ms | ${it.keystrokeMs.toFixed(0)} ms | ${it.residentMb?.toFixed(0) ?? '?'} MB |`,
  );
  return [
    '| | server | start to first findings | of the processor | keystroke to findings | resident memory |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  void measureServers().then((it) => console.log(table(it)));
}
