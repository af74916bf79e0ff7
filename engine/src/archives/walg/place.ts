/** Where the members of WAL-G's tars go, so that nothing leaves the target. */

import { shown, type TarMember } from '../../contents/tar.ts';
import { fail } from '../../failure.ts';
import type { SinkPath } from '../../sinks/sink.ts';

/** Below the target; `pg_tblspc/OID` are links to its folders. */
export const tablespacesFolder = 'tablespaces';

/**
 * A member's path below the data directory, as `files_metadata.json` writes it without its first slash; empty for the data
 * directory itself. WAL-G takes absolute names for relative ones.
 *
 * @throws RestoreError `hostile` for a name that leads out of the target or that a file system takes for another one
 */
export function memberPath({ path, offset }: Pick<TarMember, 'path' | 'offset'>): string {
  const parts = path.split('/').filter((it) => it !== '' && it !== '.');
  if (parts.some((it) => it.split('\\').includes('..') || it.includes('\0'))) {
    refuse(offset, `the member ${shown(path)} leads out of the data directory`);
  }
  if (process.platform === 'win32' && parts.some((it) => /[\\:]|[. ]$/.test(it))) {
    refuse(offset, `the member ${shown(path)} has a name that Windows takes for another one`);
  }
  return parts.join('/');
}

/** `pg_tblspc/16400/X` lies in the folder of its tablespace, everything else where it is named. */
export function sinkPath(path: string): SinkPath {
  const { tablespace } = splitTablespace(path);
  return Buffer.from(tablespace === undefined ? path : path.replace('pg_tblspc', tablespacesFolder));
}

/** The tablespace that a path below the data directory belongs to. */
export function splitTablespace(path: string): { tablespace: string | undefined } {
  return { tablespace: /^pg_tblspc\/([0-9]+)(?:\/|$)/.exec(path)?.[1] };
}

/** @throws RestoreError `hostile`, always: what no backup of PostgreSQL needs */
export function refuseMember({ path, type, offset, linkTarget }: TarMember): never {
  const what = { symlink: 'a symbolic link', hardlink: 'a hard link', device: 'a device', fifo: 'a pipe' }[
    type as string
  ];
  const where = linkTarget === undefined ? '' : ` to ${shown(linkTarget)}`;
  return refuse(offset, `the member ${shown(path)} is ${what ?? 'of a kind that no backup holds'}${where}`);
}

function refuse(offset: number, message: string): never {
  fail('hostile', 'contents', message, {
    offset,
    hint: 'WAL-G did not write this. Do not unpack it with other tools: find out who did.',
  });
}
