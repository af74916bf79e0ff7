/** Compares every page of a stopped cluster with its checksum, by PostgreSQL's own program. */

import type { Failure } from '../failure.ts';
import { type PostgresInstallation, programOf, versionNumber } from './installation.ts';
import { runProgram } from './program.ts';
import type { Workplace } from './workplace.ts';

const mostFailures = 100;

/**
 * @returns what is wrong; undefined when the program is not installed
 * @throws RestoreError `cancelled`
 */
export async function checkPages(
  place: Workplace,
  installation: PostgresInstallation,
  { signal, say }: { signal: AbortSignal; say: (step: string) => void },
): Promise<Failure[] | undefined> {
  const isOld = versionNumber(installation.major) < 120_000;
  const program = programOf(installation, isOld ? 'pg_verify_checksums' : 'pg_checksums');
  if (program === undefined) return undefined;
  say('pg_checksums: every page');
  const options = isOld ? ['-D', place.data] : ['--check', '-D', place.data];
  const { code, stderr } = await runProgram(program, options, { user: place.user, signal, cwd: place.folder });
  if (code === 0) return [];
  const failures: Failure[] = [];
  for (const line of stderr.split('\n')) {
    const [, file, block, what] = /in file "(.*)", block (\d+): (.*)$/.exec(line) ?? [];
    if (file === undefined || failures.length >= mostFailures) continue;
    const name = file.startsWith(`${place.data}/`) ? file.slice(place.data.length + 1) : file;
    failures.push({
      code: 'damaged',
      stage: 'start',
      path: name,
      offset: Number(block) * 8192,
      message: `block ${block} of ${name} does not match its checksum (${what})`,
      hint: 'The page was damaged before it was backed up, or its cluster writes pages that PostgreSQL does not know: see what the source has there.',
    });
  }
  if (failures.length > 0) return failures;
  const words = stderr.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  return [{ code: 'damaged', stage: 'start', message: `pg_checksums ended with ${code}: ${words}` }];
}
