/** Commands that open archives: with the engine, on the machine that the server runs on. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  type CancellationToken,
  type Connection,
  ErrorCodes,
  LSPErrorCodes,
  type ProgressToken,
  ProgressType,
  ResponseError,
} from 'vscode-languageserver';
import type { Failure } from '../../../engine/src/failure.ts';
import type {
  DecryptJob,
  Inspection,
  Job,
  JobResult,
  KeyOffer,
  Method,
  TestRestoreJob,
} from '../../../engine/src/job.ts';
import { run } from '../../../engine/src/pool.ts';
import type { Report } from '../../../engine/src/report.ts';
import {
  type ConfiguredKey as CoreKey,
  configuredArchives,
  configuredKeys,
  wipeKeys,
} from '../core/queries/keySources.ts';
import { walgArchives } from '../core/queries/walgArchives.ts';
import { Workspace } from '../core/workspace.ts';
import { load } from '../loader.ts';
import type { DecryptAnswer, TestRestoreProgress, TestRestoreRequest } from '../protocol.ts';
import { canonicalUri, toPath } from '../uris.ts';
import { record, text } from './arguments.ts';
import type { CommandContext } from './commands.ts';
import type { ArchiveCommands, Running } from './machine.ts';

export const archiveCommands: ArchiveCommands = {
  exists: existsSync,
  testRestore,
  inspect,
  decrypt,
};

async function testRestore(
  context: CommandContext,
  argument: Record<string, unknown> | undefined,
  { progressToken, token, stops }: Running,
): Promise<Report[]> {
  const request = readRequest(argument);
  const job: TestRestoreJob = { kind: 'test-restore', archive: request.archive, keys: [] };
  if (request.stanza !== undefined) job.stanza = request.stanza;
  if (request.backup !== undefined) job.backup = request.backup;
  if (request.to !== undefined) job.to = request.to;
  if (request.start) job.start = {};
  if (request.wal) job.wal = request.wal;
  const known = walgArchives(context.workspace);
  if (known.length > 0) job.known = known;
  const configured = configuredArchives(context.workspace);
  for (const it of configured) wipeKeys(it.keys);
  const meant = configured.filter((it) => it.path === request.archive);
  const repos = new Set(meant.map((it) => it.repo));
  if (meant.length > 0 && meant.every((it) => it.isEncrypted)) job.expectEncrypted = true;
  if (repos.size === 1 && meant[0]!.repo !== undefined) job.repo = meant[0]!.repo;
  try {
    job.keys = request.keyFile ? [await keyOfFile(request.keyFile)] : await keysOf(context, request.configuration);
    return await runJob<'test-restore'>(job, token, { context, progressToken, stops });
  } finally {
    wipe(job.keys);
  }
}

async function inspect(
  context: CommandContext,
  argument: Record<string, unknown> | undefined,
  token: CancellationToken,
): Promise<Inspection> {
  const archive = text(argument, 'archive');
  const configuration = configurationOf(argument);
  if (!configuration) return runJob<'inspect'>({ kind: 'inspect', archive }, token);
  const keys = await keysOf(context, configuration.length > 0 ? configuration : undefined);
  try {
    const known = walgArchives(context.workspace);
    const job = { archive, ...(keys.length > 0 && { keys }), ...(known.length > 0 && { known }) };
    return await runJob<'inspect'>({ kind: 'inspect', ...job }, token);
  } finally {
    wipe(keys);
  }
}

/** How each kind of key in a configuration encrypts: which decides how the file is read. */
const METHOD_OF_KEY: Record<KeyOffer['kind'], Method> = {
  'pgbackrest-pass': 'pgbackrest',
  sodium: 'sodium',
  openpgp: 'openpgp',
  password: 'openssl',
  pem: 'cms',
};

/** Only what opens it, or might, is tried: a wrong key would read the whole file for nothing. */
async function decrypt(
  context: CommandContext,
  argument: Record<string, unknown> | undefined,
  { progressToken, token, stops }: Running,
): Promise<DecryptAnswer> {
  const input = text(argument, 'input');
  const output = text(argument, 'output');
  const keys = await keysOf(context, configurationOf(argument));
  try {
    if (keys.length === 0) {
      throw new ResponseError(LSPErrorCodes.RequestFailed, 'the configuration holds no key that could decrypt a file');
    }
    const { keys: looks = [] } = await runJob<'inspect'>({ kind: 'inspect', archive: input, keys }, token);
    const tried = (['yes', 'perhaps'] as const).flatMap((wanted) =>
      keys.filter((_, index) => (looks[index]?.opens ?? null) === (wanted === 'yes' ? true : null)),
    );
    let refused: unknown;
    for (const key of tried) {
      const method = METHOD_OF_KEY[key.kind];
      const job: DecryptJob = { kind: 'decrypt', method, input, output, overwrite: true, key };
      try {
        const done = await runJob<'decrypt'>(job, token, { context, progressToken, stops });
        const { bytesWritten, isAuthentic, notes } = done;
        return { bytesWritten, isAuthentic, notes, source: key.source };
      } catch (error) {
        if (failureOf(error)?.code !== 'wrong-key') throw error;
        refused = error;
      }
    }
    if (refused && tried.length === 1) throw refused;
    throw new ResponseError(
      LSPErrorCodes.RequestFailed,
      keys.length === 1 ? `${keys[0]!.source} does not open it` : `none of the ${keys.length} keys opens it`,
    );
  } finally {
    wipe(keys);
  }
}

function failureOf(error: unknown): Failure | undefined {
  return error instanceof ResponseError ? (error.data as Failure | undefined) : undefined;
}

function wipe(keys: readonly KeyOffer[]): void {
  for (const { bytes, passphrase } of keys) {
    bytes.fill(0);
    passphrase?.fill(0);
  }
}

function configurationOf(argument: Record<string, unknown> | undefined): string[] | undefined {
  const configuration = argument?.configuration;
  return Array.isArray(configuration) ? configuration.filter((it) => typeof it === 'string') : undefined;
}

/** Configuration that is not in the workspace is read from the disk for this once. */
async function keysOf({ workspace }: CommandContext, configuration: string[] | undefined): Promise<KeyOffer[]> {
  if (!configuration) return configuredKeys(workspace).map(offer);
  const uris = new Set(configuration.map((it) => canonicalUri(it)));
  const known = new Set(workspace.uris);
  const keys = configuredKeys(workspace, uris);
  const paths = [...uris].filter((it) => !known.has(it)).map((it) => toPath(it));
  const { files } = await load(paths.filter((it) => it !== undefined));
  if (files.length > 0) {
    const more = new Workspace([]);
    for (const it of files) more.setFile(it.uri, it.text);
    keys.push(...configuredKeys(more));
  }
  return keys.map(offer);
}

function offer({ kind, source, bytes, keyTransform, passphrase, repo, stanza }: CoreKey): KeyOffer {
  const key: KeyOffer = { kind, source, bytes };
  if (keyTransform !== undefined) key.keyTransform = keyTransform;
  if (passphrase !== undefined) key.passphrase = passphrase;
  if (repo !== undefined) key.repo = repo;
  if (stanza !== undefined) key.stanza = stanza;
  return key;
}

async function keyOfFile(keyFile: NonNullable<TestRestoreRequest['keyFile']>): Promise<KeyOffer> {
  const { path, kind, keyTransform, passphrasePath } = keyFile;
  const bytes = await readKey(path);
  const key: KeyOffer = { kind, source: `key file ${path}`, bytes: kind === 'openpgp' ? bytes : firstLine(bytes) };
  if (keyTransform) key.keyTransform = keyTransform;
  if (passphrasePath) key.passphrase = firstLine(await readKey(passphrasePath));
  return key;
}

async function readKey(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ResponseError(LSPErrorCodes.RequestFailed, `${path} cannot be read (${code})`);
  }
}

/** Without the line break that editors and `echo` put behind a key. */
function firstLine(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 10 || bytes[end - 1] === 13)) end--;
  return bytes.subarray(0, end);
}

async function runJob<K extends Job['kind']>(
  job: Extract<Job, { kind: K }>,
  token: CancellationToken,
  report?: {
    context: CommandContext;
    progressToken: ProgressToken | undefined;
    stops: Map<ProgressToken, AbortController>;
  },
): Promise<JobResult[K]> {
  const stop = new AbortController();
  if (token.isCancellationRequested) stop.abort();
  const listening = token.onCancellationRequested(() => stop.abort());
  const progress = report && new JobProgress(report.context.connection, report.progressToken);
  if (report?.progressToken !== undefined) report.stops.set(report.progressToken, stop);
  try {
    progress?.begin(job);
    const outcome = await run(job as Job, {
      signal: stop.signal,
      ...(progress && { onProgress: (it) => progress.report(it) }),
    });
    if (outcome.ok) return outcome.value as JobResult[K];
    if (outcome.failure.code === 'cancelled') throw new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled');
    throw new ResponseError(LSPErrorCodes.RequestFailed, sentence(outcome.failure), outcome.failure);
  } finally {
    progress?.end();
    listening.dispose();
    if (report?.progressToken !== undefined) report.stops.delete(report.progressToken);
  }
}

/** `$/progress` under the client's token; nothing where it gave none. */
class JobProgress {
  constructor(
    private readonly connection: Connection,
    private readonly token: ProgressToken | undefined,
  ) {}

  begin(job: Job): void {
    const title = job.kind === 'decrypt' ? `Decrypting ${job.input}` : `Test restore of ${archiveOf(job)}`;
    this.#send({ kind: 'begin', title, cancellable: true, percentage: 0 });
  }

  report({ step, bytes, total }: { step: string; bytes: number; total?: number }): void {
    const value: TestRestoreProgress = { kind: 'report', step, bytes, message: messageOf(step, bytes, total) };
    if (total !== undefined && total > 0) {
      value.total = total;
      value.percentage = Math.min(100, Math.floor((bytes / total) * 100));
    }
    this.#send(value);
  }

  end(): void {
    this.#send({ kind: 'end' });
  }

  #send(value: object): void {
    if (this.token !== undefined) void this.connection.sendProgress(new ProgressType<object>(), this.token, value);
  }
}

function archiveOf(job: Job): string {
  return 'archive' in job ? job.archive : '';
}

function messageOf(step: string, bytes: number, total: number | undefined): string {
  const megabytes = (it: number) => `${(it / 1_000_000).toFixed(1)} MB`;
  return `${step} (${megabytes(bytes)}${total === undefined ? '' : ` of ${megabytes(total)}`})`;
}

function sentence({ message, path, offset, hint }: Failure): string {
  const place = [path, offset === undefined ? undefined : `byte ${offset}`].filter((it) => it !== undefined).join(', ');
  return `${message}${place ? ` (${place})` : ''}${hint ? `. ${hint}` : ''}`;
}

function readRequest(argument: Record<string, unknown> | undefined): TestRestoreRequest {
  const request: TestRestoreRequest = { archive: text(argument, 'archive') };
  for (const name of ['stanza', 'backup', 'to'] as const) {
    const value = argument?.[name];
    if (typeof value === 'string' && value !== '') request[name] = value;
  }
  if (argument?.start === true) request.start = true;
  if (argument?.wal === 'latest') request.wal = 'latest';
  const configuration = configurationOf(argument);
  if (configuration) request.configuration = configuration;
  const keyFile = record(argument?.keyFile);
  if (keyFile) {
    const kind = keyFile.kind;
    if (kind !== 'pgbackrest-pass' && kind !== 'sodium' && kind !== 'openpgp' && kind !== 'password') {
      throw new ResponseError(
        ErrorCodes.InvalidParams,
        'keyFile.kind must be pgbackrest-pass, sodium, openpgp or password',
      );
    }
    request.keyFile = { path: text(keyFile, 'path'), kind };
    const { keyTransform, passphrasePath } = keyFile;
    if (keyTransform === 'hex' || keyTransform === 'base64' || keyTransform === 'none') {
      request.keyFile.keyTransform = keyTransform;
    }
    if (typeof passphrasePath === 'string') request.keyFile.passphrasePath = passphrasePath;
  }
  return request;
}
