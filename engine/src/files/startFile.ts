/**
 * `--start` for a file or a folder that is one backup: a dump is loaded into a throw-away server, a backup of pg_basebackup
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
import { findInstallations, findPostgres, type PostgresInstallation } from '../start/installation.ts';
import { startAndCheck } from '../start/startCheck.ts';
import { ThrowAwayServer } from '../start/throwAwayServer.ts';
import { Workplace } from '../start/workplace.ts';
import type { Unwrapped } from './layers.ts';
import { layersFor, wrapped } from './restoredOutput.ts';
import { openStored } from './storedFile.ts';
import { testRestoreFolder } from './testRestoreFolder.ts';

/** The server writes a little itself. */
const ownBytes = 256 * 1024 * 1024;

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
  if (isScript) await readAgain(job, context, ({ reader }) => screenScript(reader));
  const installation = await installationFor(await majorOf(job, context, report), job.start?.postgres);
  const place = Workplace.open({ within: job.start?.workFolder, bytes: report.bytes.restored * 2 + ownBytes });
  try {
    context.progress(`PostgreSQL ${installation.version} starts`, 0);
    const server = await ThrowAwayServer.create(place, installation, context.signal);
    const loader = new DumpLoader(server, context.signal);
    try {
      await loader.open();
      context.progress(`PostgreSQL ${installation.version} loads the dump`, 0);
      await feed(report, job, context, loader, isScript);
    } finally {
      loader.close();
    }
    const { loaded, failures, notes } = await loader.result(installation.version);
    return loadedReport({ ...report, loaded, notes: [...report.notes, ...notes] }, failures, notes.length > 0);
  } finally {
    await ThrowAwayServer.end(place);
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

function loadedReport(report: Report, failures: Failure[], isLacking: boolean): Report {
  const { loaded, verdict, because } = report;
  if (!loaded) return report;
  if (failures.length > 0) return withFailures(report, failures);
  const filled = `${counted(loaded.tables, 'table')} with ${counted(loaded.rows, 'row')} in ${counted(loaded.schemas, 'schema')}`;
  if (isLacking && loaded.errors > 0) {
    return {
      ...report,
      because: {
        ...because,
        restorable: `${because.restorable}; PostgreSQL ${loaded.version} loaded ${filled}, but not what needs something that is not here`,
      },
    };
  }
  return {
    ...report,
    verdict: { ...verdict, restorable: true },
    because: { ...because, restorable: `PostgreSQL ${loaded.version} loaded it without an error: ${filled}` },
  };
}

async function startBasebackup(
  report: Report,
  job: TestRestoreJob,
  context: RunContext,
  unpack: (job: TestRestoreJob) => Promise<Report>,
): Promise<Report> {
  if (report.verdict.complete !== true) {
    fail('unsupported', 'start', 'PostgreSQL cannot be started from this alone', {
      hint: 'It needs a whole backup with its WAL (pg_basebackup -X stream or fetch), or a dump.',
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
async function installationFor(major: string | undefined, folder: string | undefined): Promise<PostgresInstallation> {
  const newestFirst = await findInstallations(folder);
  const wanted = Number(major ?? 0);
  const fitting = [...newestFirst].reverse().filter((it) => Number(it.major) >= wanted);
  const found = major === undefined ? newestFirst[0] : fitting[0];
  return found ?? findPostgres(major ?? '18', folder);
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
