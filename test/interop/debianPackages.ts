/**
 * Programs of another Debian than this machine's: their packages are fetched with apt from wherever this machine gets its
 * own, kept in a cache, and unpacked beside the system. They run with their own loader and libraries; nothing is installed.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The packages' files, or why there are none here; in CI as well, since a mirror may be out of reach. */
export type FoundPackages = { files: string[] } | { missing: string };

export interface WantedPackages {
  /** `trixie`. */
  suite: string;
  /** The folder in the cache. */
  folder: string;
  /** What apt would install; whatever else that brings is left out, but for libraries. */
  programs: readonly string[];
  isLibrary: (name: string) => boolean;
}

export function findPackages(wanted: WantedPackages): FoundPackages {
  const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'restorable', wanted.folder);
  try {
    if (!existsSync(cache)) fetchPackages(wanted, cache);
    const files = readdirSync(cache).filter((it) => it.endsWith('.deb'));
    return { files: files.map((it) => path.join(cache, it)) };
  } catch (error) {
    const said = String(error instanceof Error ? error.message : error);
    // A mirror that answers and has them no more is a reason to look elsewhere; what sid has changes from day to day.
    if (process.env.CI && wanted.suite !== 'sid' && /Unable to locate package|no installation candidate/.test(said))
      throw error;
    const [reason] = said.split('\n');
    return { missing: `packages of Debian ${wanted.suite} cannot be had here: ${reason}` };
  }
}

/** Unpacks all of them into one tree. */
export function unpackPackages(files: readonly string[], root: string): void {
  for (const it of files) execFileSync('dpkg-deb', ['-x', it, root]);
}

/**
 * A script that runs a program of the tree with the tree's own loader and libraries. The program takes the script's name for
 * its own, so that it finds itself and what lies beside it again.
 */
export function writeLauncher(script: string, root: string, program: string): void {
  const libraries = readdirSync(path.join(root, 'usr/lib')).find((it) => it.endsWith('-linux-gnu')) ?? '';
  const folder = path.join(root, 'usr/lib', libraries);
  const loader = readdirSync(folder).find((it) => /^ld-linux.*\.so\.\d+$/.test(it));
  writeFileSync(
    script,
    `#!/bin/sh\nexec '${path.join(folder, loader ?? '')}' --argv0 "$0" --library-path '${folder}' '${program}' "$@"\n`,
  );
  chmodSync(script, 0o755);
}

function fetchPackages({ suite, programs, isLibrary }: WantedPackages, cache: string): void {
  const work = mkdtempSync(path.join(tmpdir(), 'restorable-apt-'));
  try {
    const mirror = ownMirror();
    const key = existsSync(keyring) ? ` [signed-by=${keyring}]` : '';
    for (const it of ['lists/partial', 'cache/archives/partial', 'debs'])
      mkdirSync(path.join(work, it), { recursive: true });
    writeFileSync(path.join(work, 'status'), '');
    writeFileSync(path.join(work, 'sources.list'), `deb${key} ${mirror} ${suite} main\n`);
    const options = Object.entries({
      'Dir::Etc::SourceList': `${work}/sources.list`,
      'Dir::Etc::SourceParts': '-',
      'Dir::State::Lists': `${work}/lists`,
      'Dir::State::status': `${work}/status`,
      'Dir::Cache': `${work}/cache`,
      'APT::Sandbox::User': 'root',
      'Acquire::Retries': '1',
      'Acquire::http::Timeout': '20',
    }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    const apt = (...args: string[]) =>
      execFileSync('apt-get', [...options, ...args], {
        encoding: 'utf8',
        cwd: path.join(work, 'debs'),
        timeout: 180_000,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    apt('-qq', '--error-on=any', 'update');
    // Everything that it would be installed with; of that only the libraries.
    const names = [
      ...apt('install', '-y', '--no-install-recommends', '--print-uris', ...programs).matchAll(/^'\S+' ([^_\s]+)_/gm),
    ].map((it) => it[1] ?? '');
    apt('-qq', 'download', ...names.filter((it) => programs.includes(it) || isLibrary(it)));
    mkdirSync(path.dirname(cache), { recursive: true });
    const staged = `${cache}.${process.pid}`;
    mkdirSync(staged);
    for (const it of readdirSync(path.join(work, 'debs')))
      copyFileSync(path.join(work, 'debs', it), path.join(staged, it));
    renameSync(staged, cache);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Where Debian itself comes from on this machine. */
function ownMirror(): string {
  const { stdout } = spawnSync(
    'apt-get',
    ['indextargets', '--format', '$(REPO_URI) $(CODENAME)', 'Created-By: Packages', 'Origin: Debian'],
    { encoding: 'utf8' },
  );
  const [mirror] =
    stdout
      .split('\n')
      .map((it) => it.trim().split(' '))
      .find(([, codename = '']) => /^[a-z]+$/.test(codename)) ?? [];
  if (!mirror) throw new Error('apt has no lists of Debian here');
  return mirror;
}
