/** pgBackRest of the next Debian, with block incremental as it is written today. */

import path from 'node:path';
import { type FoundPackages, findPackages, unpackPackages, writeLauncher } from './debianPackages.ts';

export const newerPackages: FoundPackages = findPackages({
  suite: 'trixie',
  folder: 'debian-trixie',
  programs: ['pgbackrest'],
  isLibrary: (name) =>
    name === 'zlib1g' || (name.startsWith('lib') && !/perl|systemd|pam|sem|sepol|audit|gdbm|db5/.test(name)),
});

/** Unpacks into a folder that may be handed to another user; returns the program. */
export function unpackNewer(files: string[], into: string): string {
  const root = path.join(into, 'debian');
  unpackPackages(files, root);
  const program = path.join(into, 'pgbackrest');
  // pgBackRest starts itself again by its name for its workers: that has to be this script.
  writeLauncher(program, root, path.join(root, 'usr/bin/pgbackrest'));
  return program;
}
