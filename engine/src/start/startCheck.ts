/**
 * The last proof: PostgreSQL starts on a throw-away copy, recovers, answers, and all it holds is read once. Knows nothing
 * of the archive that the copy came from.
 */

import type { Failure } from '../failure.ts';
import type { StartedServer } from '../report.ts';
import type { RunContext } from '../run-context.ts';
import { readControlData } from './controlData.ts';
import { checkDatabase, type DatabaseResult } from './databaseCheck.ts';
import { checkPages } from './dataChecksums.ts';
import { type PostgresInstallation, versionNumber } from './installation.ts';
import { type Recovery, ThrowAwayServer } from './throwAwayServer.ts';
import type { Workplace } from './workplace.ts';

export interface StartCheck {
  /** Its data directory is there and handed over. Whoever opened it ends it: `ThrowAwayServer.end`. */
  place: Workplace;
  installation: PostgresInstallation;
  /** undefined when the data directory is of a server that was stopped cleanly. */
  recovery: Recovery | undefined;
  context: RunContext;
}

export interface StartResult {
  started: StartedServer;
  /** What PostgreSQL found wrong with its data. */
  failures: Failure[];
  notes: string[];
}

const mostNoted = 10;

/**
 * @throws RestoreError stage `start` when PostgreSQL does not start or ends while it is asked (with the end of its log), what
 *   `recovery.get` threw, `cancelled`
 */
export async function startAndCheck({ place, installation, recovery, context }: StartCheck): Promise<StartResult> {
  const startedAt = performance.now();
  const say = (step: string) => context.progress(step, 0);
  const { signal } = context;
  say(`PostgreSQL ${installation.version} starts`);
  const control = await readControlData(place, installation, signal);
  let walFiles = 0;
  const server = await ThrowAwayServer.start(place, installation, {
    signal,
    atLeast: control.settings,
    ...(recovery && {
      recovery: {
        ...recovery,
        get: async (name, target) => {
          say(`PostgreSQL ${installation.version} recovers: ${name}`);
          const isServed = await recovery.get(name, target);
          if (isServed) walFiles++;
          return isServed;
        },
      },
    }),
  });
  const recoveredTo = recovery ? await recoveryEnd(server) : null;
  const databases = await server.databases();
  const results: DatabaseResult[] = [];
  for (const it of databases) results.push(await checkDatabase(server, it, say));
  await server.stop('fast');
  const pages = control.hasChecksums ? await checkPages(place, installation, { signal, say }) : undefined;
  const notes = results.flatMap((it) => it.notes);
  if (!control.hasChecksums)
    notes.push('The cluster has no data checksums: PostgreSQL cannot tell whether a page was changed.');
  else if (pages === undefined)
    notes.push('pg_checksums is not installed: pages that no table holds were not compared.');
  const unread = results.flatMap((it) => it.unread);
  for (const { table, reason } of unread.slice(0, mostNoted)) notes.push(`${table} could not be read here: ${reason}`);
  const open = results.filter((it) => !it.isClosed);
  const sum = (read: (it: DatabaseResult) => number) => results.reduce((total, it) => total + read(it), 0);
  return {
    started: {
      version: installation.version,
      recoveredTo,
      walFiles,
      databases: databases.length,
      tables: sum((it) => it.tables),
      checkedBy: open.every((it) => it.isVerified) && open.length > 0 ? 'pg_amcheck' : 'reading every table',
      unread,
      checksums: pages === undefined ? null : pages.length === 0,
      seconds: Math.round(performance.now() - startedAt) / 1000,
    },
    failures: [...results.flatMap((it) => it.failures), ...(pages ?? [])],
    notes,
  };
}

/** Where the WAL was left, after the promotion that ended the recovery. */
async function recoveryEnd(server: ThrowAwayServer): Promise<StartedServer['recoveredTo']> {
  const version = versionNumber(server.installation.major);
  const position = version >= 100_000 ? 'pg_last_wal_replay_lsn' : 'pg_last_xlog_replay_location';
  const [row = []] = await server.query(
    server.entrance,
    `select pg_catalog.${position}(), to_char(pg_catalog.pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`,
  );
  const [lsn = '', time = ''] = row;
  return { lsn: lsn || null, time: time || null };
}
