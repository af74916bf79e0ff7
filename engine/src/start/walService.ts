/**
 * How a recovering server gets its WAL from us: the shell of its restore_command says the name on a pipe that the server
 * inherited, we put the file into the workplace and say how it went. So no key ever leaves this process, the
 * server's user needs no right to read the archive, and no program is started for every segment.
 */

import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { bug, EXIT_CODE, RestoreError } from '../failure.ts';
import { showTo } from './serverUser.ts';
import type { Workplace } from './workplace.ts';

/**
 * Writes the WAL file of this name (a segment or a timeline history) to `target`.
 *
 * @returns false when the archive has no such file
 * @throws RestoreError when it has one that cannot be given: recovery then stops instead of ending there
 */
export type GetWal = (name: string, target: string) => Promise<boolean>;

/** To PostgreSQL, a status above 125 of restore_command is an error, and every other one the end of the archive. */
export const SEVERE = 200;
const notFound = 1;

export function restoreCommand({ wal }: Workplace): string {
  // PostgreSQL puts names in where there is a percent sign.
  const file = quoted(path.join(wal, 'file')).replaceAll('%', '%%');
  return [
    // A shell that cannot talk to us must not look like the end of the archive.
    `echo %f >&3 && read -r answer <&3 || exit ${SEVERE + EXIT_CODE.io}`,
    `[ "$answer" = 0 ] || exit "$answer"`,
    `cp -- ${file} "%p" || exit ${SEVERE + EXIT_CODE.io}`,
  ].join('; ');
}

/** Answers until the pipe is closed. The first failure is told to `onFailure`; the server then ends by itself. */
export function serveWal(
  channel: Duplex,
  place: Workplace,
  get: GetWal,
  onFailure: (failure: RestoreError) => void,
): void {
  const file = path.join(place.wal, 'file');
  const answer = async (name: string): Promise<number> => {
    try {
      await rm(file, { force: true });
      if (!/^[0-9A-F]{8}(?:\.history|[0-9A-F]{16}(?:\.[0-9A-F]{8}\.backup)?)$/.test(name)) return notFound;
      if (!(await get(name, file))) return notFound;
      showTo(place.user, file);
      return 0;
    } catch (error) {
      const failure = error instanceof RestoreError ? error : new RestoreError(bug(error));
      onFailure(failure);
      return SEVERE + (failure.failure.code === 'cancelled' ? EXIT_CODE.io : EXIT_CODE[failure.failure.code]);
    }
  };
  let asked = '';
  let work = Promise.resolve();
  channel.setEncoding('utf8');
  channel.on('data', (text: string) => {
    const names = (asked + text).split('\n');
    asked = names.pop() ?? '';
    for (const name of names) {
      work = work.then(async () => {
        const code = await answer(name);
        if (!channel.destroyed) channel.write(`${code}\n`);
      });
    }
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
