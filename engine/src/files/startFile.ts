/**
 * `--start` for a file or a folder that is one backup: a dump is loaded into a throw-away server or PGlite, a backup of pg_basebackup
 * is unpacked once more and PostgreSQL started on it. Everything was test-restored before.
 */

import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { checkContents } from '../contents/checkContents.ts';
import { counted } from '../counted.ts';
import { type Failure, fail, RestoreError } from '../failure.ts';
import type { TestRestoreJob } from '../job.ts';
import type { Report } from '../report.ts';
import { quietContext, type RunContext } from '../run-context.ts';
import { DumpLoader, screenScript } from '../start/dumpLoader.ts';
import type { DumpServer } from '../start/dumpServer.ts';
import { findInstallations, findPostgres, type PostgresInstallation, programOf } from '../start/installation.ts';
import { demandVersion, findPglite, type PglitePackage, PgliteServer } from '../start/pglite.ts';
import { RealDumpServer } from '../start/realDumpServer.ts';
import { startAndCheck } from '../start/startCheck.ts';
import { ThrowAwayServer } from '../start/throwAwayServer.ts';
import { Workplace } from '../start/workplace.ts';
import type { Unwrapped } from './layers.ts';
import { layersFor, wrapped } from './restoredOutput.ts';
import { openStored } from './storedFile.ts';
import { testRestoreFolder } from './testRestoreFolder.ts';

/** The server writes a little itself. */
const ownBytes = 256 * 1024 * 1024;
/** Of the dump as text: PGlite works on one thread, and four times as slowly as a server. */
const largestForPglite = 1024 * 1024 * 1024;

/**
 * The report of the test-restore, with what PostgreSQL said.
 *
 * @param unpack restores the archive into a folder, and reports
 * @throws RestoreError stage `start` when no server can be started here at all, `usage` for standard input, `cancelled`
 */
export async function startFile(
  report: Report,
  job: TestRestoreJob,
  context: RunContext,
  unpack: (job: TestRestoreJob) => Promise<Report>,
): Promise<Report> {
  if (job.archive === '-')
    fail('usage', 'start', 'what comes from standard input cannot be read a second time', {
      hint: 'Store it in a file first.',
    });
  const kind = report.format.split(' > ').at(-1) ?? '';
  const startedAt = performance.now();
  const work = kind.startsWith('pg_dump')
    ? loadDump(report, job, context)
    : startBasebackup(report, job, context, unpack);
  const result = await work.catch((error: unknown) => {
    if (!(error instanceof RestoreError) || ['cancelled', 'usage'].includes(error.failure.code)) throw error;
    return withFailures(report, [error.failure]);
  });
  return { ...result, seconds: report.seconds + (performance.now() - startedAt) / 1_000 };
}

async function loadDump(report: Report, job: TestRestoreJob, context: RunContext): Promise<Report> {
  const isScript = report.format.endsWith('plain');
  // What is hostile is refused before there is a server.
  const extensions = isScript ? await readAgain(job, context, ({ reader }) => screenScript(reader)) : undefined;
  return withServer({ report, job, context }, async (server) => {
    const loader = new DumpLoader(server);
    try {
      context.progress(`${server.name} loads the dump`, 0);
      if (isScript) await loader.open(extensions);
      await feed(report, job, context, loader, isScript);
    } finally {
      loader.close();
    }
    const { loaded, failures, notes } = await loader.result();
    return loadedReport(
      { ...report, loaded, notes: [...report.notes, ...notes] },
      { failures, isLacking: notes.length > 0, name: server.name },
    );
  });
}

interface LoadTask {
  report: Report;
  job: TestRestoreJob;
  context: RunContext;
}

/** A throw-away server where one is installed and may run, else PGlite where that is. Nothing of either is left afterwards. */
async function withServer<T>(task: LoadTask, use: (server: DumpServer) => Promise<T>): Promise<T> {
  const { report, job, context } = task;
  const folder = job.start?.postgres;
  const major = await majorOf(job, context, report);
  const named = folder === undefined ? undefined : findPglite(folder);
  if (named) return withPglite(named, major, task, use);
  const installation = await installationFor(major, folder);
  const pglite = folder === undefined ? findPglite() : undefined;
  if (!installation && pglite) return withPglite(pglite, major, task, use);
  const found = installation ?? (await noServer(major, folder));
  let place: Workplace;
  try {
    place = Workplace.open({ within: job.start?.workFolder, bytes: report.bytes.restored * 2 + ownBytes });
  } catch (error) {
    const isForbidden = error instanceof RestoreError && error.failure.code === 'unsupported';
    if (!isForbidden || !pglite) throw error;
    return withPglite(pglite, major, task, use);
  }
  try {
    context.progress(`PostgreSQL ${found.version} starts`, 0);
    const server = await ThrowAwayServer.create(place, found, context.signal);
    return await use(new RealDumpServer(server, context.signal));
  } finally {
    await ThrowAwayServer.end(place);
  }
}

async function withPglite<T>(
  found: PglitePackage,
  major: string | undefined,
  { report, job, context }: LoadTask,
  use: (server: DumpServer) => Promise<T>,
): Promise<T> {
  if (report.bytes.restored > largestForPglite) {
    fail('unsupported', 'start', `the dump has ${report.bytes.restored} bytes, more than PGlite is given here`, {
      hint: `PGlite is slow: up to ${largestForPglite} bytes are loaded into it. Install the server of PostgreSQL${major === undefined ? '' : ` ${major}`}, which is taken first.`,
    });
  }
  context.progress(`PGlite ${found.version} starts`, 0);
  const room = { workFolder: job.start?.workFolder, bytes: report.bytes.restored * 4 + ownBytes };
  const server = new PgliteServer(found, context.signal, room);
  try {
    demandVersion(server, major);
    return await use(server);
  } finally {
    await server.end();
  }
}

async function feed(
  report: Report,
  job: TestRestoreJob,
  context: RunContext,
  loader: DumpLoader,
  isScript: boolean,
): Promise<void> {
  if (isScript) {
    await readAgain(job, context, ({ reader }) => loader.script(reader));
    return;
  }
  if (report.format.endsWith('pg_dump directory')) {
    const { to: _, ...readOnly } = job;
    const again = await testRestoreFolder(readOnly, 'pg_dump directory', quietContext(context.signal), loader);
    if (again.failure) throw new RestoreError(again.failure);
  } else {
    await readAgain(job, context, async ({ reader, kind }) => {
      await checkContents(reader, kind, { consumer: loader });
    });
  }
  await loader.finish();
}

function loadedReport(
  report: Report,
  { failures, isLacking, name }: { failures: Failure[]; isLacking: boolean; name: string },
): Report {
  const { loaded, verdict, because } = report;
  if (!loaded) return report;
  if (failures.length > 0) return withFailures(report, failures);
  const filled = `${counted(loaded.tables, 'table')} with ${counted(loaded.rows, 'row')} in ${counted(loaded.schemas, 'schema')}`;
  if (isLacking && loaded.errors > 0) {
    return {
      ...report,
      because: {
        ...because,
        restorable: `${because.restorable}; ${name} loaded ${filled}, but not what needs something that is not here`,
      },
    };
  }
  return {
    ...report,
    verdict: { ...verdict, restorable: true },
    because: { ...because, restorable: `${name} loaded it without an error: ${filled}` },
  };
}

async function startBasebackup(
  report: Report,
  job: TestRestoreJob,
  context: RunContext,
  unpack: (job: TestRestoreJob) => Promise<Report>,
): Promise<Report> {
  if (report.verdict.complete !== true) {
    const isIncremental = report.notes.some((it) => it.startsWith('an incremental backup '));
    fail('unsupported', 'start', 'PostgreSQL cannot be started from this alone', {
      hint: isIncremental
        ? 'It is incremental: put it together with the backups before it (pg_combinebackup FULL … THIS -o FOLDER), and test that folder.'
        : 'It needs a whole backup with its WAL (pg_basebackup -X stream or fetch), or a dump.',
    });
  }
  const place = Workplace.open({ within: job.start?.workFolder, bytes: report.bytes.restored * 2 + ownBytes });
  try {
    const { start: _, ...again } = job;
    const unpacked = await unpack({ ...again, to: place.data });
    if (unpacked.failure) throw new RestoreError(unpacked.failure);
    const version = majorIn(place.data);
    if (version === undefined) {
      fail('unsupported', 'start', 'there is no data directory of PostgreSQL in it', {
        hint: 'PostgreSQL is started from a backup of pg_basebackup; a dump is loaded.',
      });
    }
    const installation = await findPostgres(version, job.start?.postgres);
    place.handOver();
    const { started, failures, notes } = await startAndCheck({ place, installation, recovery: undefined, context });
    const all = { ...report, notes: [...report.notes, ...notes] };
    if (failures.length > 0) return { ...withFailures(all, failures), started };
    return {
      ...all,
      started,
      verdict: { ...report.verdict, restorable: true },
      because: {
        ...report.because,
        restorable: `${report.because.restorable}; PostgreSQL ${started.version} started from it and read all of its tables`,
      },
    };
  } finally {
    await ThrowAwayServer.end(place);
  }
}

/** Opens all layers anew, for a second reading that counts no bytes. */
async function readAgain<T>(
  job: TestRestoreJob,
  { signal }: RunContext,
  use: (found: Unwrapped) => Promise<T>,
): Promise<T> {
  const context = quietContext(signal);
  const layers = layersFor(job, context);
  try {
    const found = await layers.open(await wrapped(await openStored(job.archive, context)));
    const result = await use(found);
    await found.reader.skip(Number.POSITIVE_INFINITY);
    await layers.readToProof();
    return result;
  } finally {
    await layers.close();
  }
}

/** Of the server that was dumped, as the dump says; undefined where it does not. */
async function majorOf(job: TestRestoreJob, context: RunContext, report: Report): Promise<string | undefined> {
  const said = report.notes.map((it) => /\(server (\d+(?:\.\d+)?)/.exec(it)?.[1]).find((it) => it !== undefined);
  const isFolder = await stat(job.archive).then((it) => it.isDirectory());
  const version =
    said ??
    (isFolder
      ? undefined
      : await readAgain(job, context, async ({ reader }) => {
          const head = Buffer.from(await reader.peek(16_384)).toString('latin1');
          return /^-- Dumped from database version (\d+(?:\.\d+)?)/m.exec(head)?.[1];
        }));
  if (version === undefined) return undefined;
  return Number.parseInt(version, 10) >= 10 ? String(Number.parseInt(version, 10)) : version;
}

/** The same major version, or else the next newer one: PostgreSQL takes dumps of older servers. */
async function installationFor(
  major: string | undefined,
  folder: string | undefined,
): Promise<PostgresInstallation | undefined> {
  const newestFirst = (await findInstallations(folder)).filter((it) => programOf(it, 'psql') !== undefined);
  if (major === undefined) return newestFirst[0];
  return newestFirst.reverse().find((it) => Number(it.major) >= Number(major));
}

/** @throws RestoreError `unsupported`, `usage` */
async function noServer(major: string | undefined, folder: string | undefined): Promise<PostgresInstallation> {
  try {
    return await findPostgres(major ?? '18', folder);
  } catch (error) {
    if (!(error instanceof RestoreError) || error.failure.code !== 'unsupported') throw error;
    const { hint = '' } = error.failure;
    throw new RestoreError({
      ...error.failure,
      message: error.failure.message.replace('to start this backup', 'to load this dump'),
      hint: `${hint} Without a server, PGlite takes dumps of up to a gigabyte: npm install --global @electric-sql/pglite`.trim(),
    });
  }
}

function majorIn(data: string): string | undefined {
  try {
    return /^\d+(?:\.\d+)?/.exec(readFileSync(path.join(data, 'PG_VERSION'), 'latin1'))?.[0];
  } catch {
    return undefined;
  }
}

/** The checksums agreed and PostgreSQL does not: then the backup is not restorable, whatever they say. */
function withFailures(report: Report, failures: Failure[]): Report {
  const [first] = failures;
  if (!first) return report;
  const isDisproven = first.code !== 'unsupported' && first.code !== 'io';
  return {
    ...report,
    verdict: { ...report.verdict, ...(isDisproven && { restorable: false }) },
    because: { ...report.because, ...(isDisproven && { restorable: first.message }) },
    files: {
      ...report.files,
      failed: failures
        .slice(0, 1_000)
        .map(({ path: place = '', code, offset, message }) => ({ path: place, code, offset: offset ?? null, message })),
    },
    failure: first,
  };
}
