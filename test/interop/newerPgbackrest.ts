/**
 * pgBackRest of the next Debian, with block incremental as it is written today: its packages are fetched with apt from
 * wherever this machine gets its own, kept in a cache, and unpacked beside the system. The program runs with its own
 * loader and libraries; nothing is installed.
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

const suite = 'trixie';
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'restorable', `debian-${suite}`);

/** The packages' files, or why there are none here; in CI as well, since a mirror may be out of reach. */
export const newerPackages: { files: string[] } | { missing: string } = findPackages();

/** Unpacks into a folder that may be handed to another user; returns the program. */
export function unpackNewer(files: string[], into: string): string {
  const root = path.join(into, 'debian');
  for (const it of files) execFileSync('dpkg-deb', ['-x', it, root]);
  const libraries = readdirSync(path.join(root, 'usr/lib')).find((it) => it.endsWith('-linux-gnu')) ?? '';
  const loader = readdirSync(path.join(root, 'usr/lib', libraries)).find((it) => /^ld-linux.*\.so\.\d+$/.test(it));
  const program = path.join(into, 'pgbackrest');
  const at = (name: string) => path.join(root, 'usr', name);
  // pgBackRest starts itself again by its name for its workers: that has to be this script.
  writeFileSync(
    program,
    `#!/bin/sh\nexec '${at(`lib/${libraries}/${loader}`)}' --argv0 "$0" --library-path '${at(`lib/${libraries}`)}' '${at('bin/pgbackrest')}' "$@"\n`,
  );
  chmodSync(program, 0o755);
  return program;
}

function findPackages(): typeof newerPackages {
  try {
    if (!existsSync(cache)) fetchPackages();
    const files = readdirSync(cache).filter((it) => it.endsWith('.deb'));
    return { files: files.map((it) => path.join(cache, it)) };
  } catch (error) {
    const [reason] = String(error instanceof Error ? error.message : error).split('\n');
    return { missing: `packages of Debian ${suite} cannot be had here: ${reason}` };
  }
}

function fetchPackages(): void {
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
      ...apt('install', '-y', '--no-install-recommends', '--print-uris', 'pgbackrest').matchAll(/^'\S+' ([^_\s]+)_/gm),
    ].map((it) => it[1] ?? '');
    apt('-qq', 'download', ...names.filter((it) => it === 'pgbackrest' || isLibrary(it)));
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

function isLibrary(name: string): boolean {
  return name === 'zlib1g' || (name.startsWith('lib') && !/perl|systemd|pam|sem|sepol|audit|gdbm|db5/.test(name));
}
