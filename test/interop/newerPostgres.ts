/** PostgreSQL 17 and 18 beside the one that this machine's Debian has. */

import { chmodSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { type FoundPackages, findPackages, unpackPackages, writeLauncher } from './debianPackages.ts';

export interface NewerPostgres {
  major: string;
  packages: FoundPackages;
}

/** Of Debian 13, and of what will be Debian 14. */
export const newerPostgres = (major: '17' | '18'): NewerPostgres => {
  const suite = major === '17' ? 'trixie' : 'sid';
  return {
    major,
    packages: findPackages({
      suite,
      folder: `debian-${suite}-postgresql-${major}`,
      programs: [`postgresql-${major}`, `postgresql-client-${major}`],
      // What compiles queries is the largest of all, and nothing here needs it.
      isLibrary: (name) => name === 'zlib1g' || (name.startsWith('lib') && !/llvm|perl|json-xs|^libz3/.test(name)),
    }),
  };
};

/** Unpacks into a folder that may be handed to another user; returns the folder of the programs. */
export function unpackPostgres({ major }: NewerPostgres, files: string[], into: string): string {
  mkdirSync(into, { recursive: true });
  unpackPackages(files, into);
  const own = path.join(into, 'usr/lib/postgresql', major);
  const bin = path.join(own, 'bin');
  const programs = path.join(own, 'programs');
  renameSync(bin, programs);
  mkdirSync(bin);
  chmodSync(bin, 0o755);
  for (const it of readdirSync(programs))
    if (statSync(path.join(programs, it)).isFile()) writeLauncher(path.join(bin, it), into, path.join(programs, it));
  return bin;
}
