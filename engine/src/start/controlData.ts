/** What `pg_controldata` says of a data directory: it knows every version's control file. */

import path from 'node:path';
import { fail } from '../failure.ts';
import type { PostgresInstallation } from './installation.ts';
import { runProgram } from './program.ts';
import type { Workplace } from './workplace.ts';

export interface ControlData {
  /** Settings of the source below which recovery refuses to work. */
  settings: ReadonlyMap<string, number>;
  hasChecksums: boolean;
  timeline: number | undefined;
}

/** @throws RestoreError `damaged` when the control file cannot be read by this version, `cancelled`, `io` */
export async function readControlData(
  place: Workplace,
  installation: PostgresInstallation,
  signal: AbortSignal,
): Promise<ControlData> {
  const program = path.join(installation.folder, 'pg_controldata');
  const { code, stdout, stderr } = await runProgram(program, [place.data], {
    user: place.user,
    signal,
    cwd: place.folder,
  });
  const values = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [, name, value] = /^([^:]+):\s+(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) values.set(name, value);
  }
  if (code !== 0 || /WARNING: .*(?:checksum|CRC)/i.test(stdout)) {
    fail(
      'damaged',
      'start',
      `PostgreSQL ${installation.version} cannot read global/pg_control: ${words(stderr, stdout)}`,
      {
        path: 'global/pg_control',
      },
    );
  }
  const settings = new Map<string, number>();
  for (const name of ['max_connections', 'max_worker_processes', 'max_wal_senders']) add(`${name} setting`, name);
  for (const name of ['max_prepared_xacts', 'max_locks_per_xact']) {
    add(`${name} setting`, name === 'max_prepared_xacts' ? 'max_prepared_transactions' : 'max_locks_per_transaction');
  }
  return {
    settings,
    hasChecksums: Number(values.get('Data page checksum version') ?? 0) > 0,
    timeline: numberOf(values.get("Latest checkpoint's TimeLineID")),
  };

  function add(label: string, name: string): void {
    const value = numberOf(values.get(label));
    if (value !== undefined) settings.set(name, value);
  }
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || !Number.isSafeInteger(value) ? undefined : value;
}

function words(stderr: string, stdout: string): string {
  return (stderr.trim() || stdout.trim()).split('\n')[0]?.slice(0, 300) ?? '';
}
