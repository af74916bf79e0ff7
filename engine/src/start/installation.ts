/** Which PostgreSQL servers are installed here, and where. */

import { execFile } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { fail } from '../failure.ts';
import { programEnvironment } from './program.ts';

export interface PostgresInstallation {
  /** The folder with `postgres`, `initdb` and the rest. */
  folder: string;
  /** `15`, `9.6`. */
  major: string;
  /** `15.14`, as the server says. */
  version: string;
}

/** Folders that hold one folder per version, and where the programs lie in it. */
const VERSIONED: readonly [parent: string, name: RegExp, inside: string][] = [
  ['/usr/lib/postgresql', /^\d+(\.\d+)?$/, 'bin'],
  ['/usr', /^pgsql-\d+(\.\d+)?$/, 'bin'],
  ['/usr/libexec', /^postgresql\d+$/, ''],
  ['/opt/homebrew/opt', /^postgresql@\d+$/, 'bin'],
  ['/usr/local/opt', /^postgresql@\d+$/, 'bin'],
  ['/home/linuxbrew/.linuxbrew/opt', /^postgresql@\d+$/, 'bin'],
  ['/Applications/Postgres.app/Contents/Versions', /^\d+(\.\d+)?$/, 'bin'],
  ['/opt/local/lib', /^postgresql\d+$/, 'bin'],
];
/** What a server is asked with. */
const NEEDED = ['psql'];
const FIXED = ['/usr/local/pgsql/bin', '/opt/bitnami/postgresql/bin', '/usr/local/bin', '/usr/bin'];

/**
 * The newest installation of a major version.
 *
 * @param folder where to look and nowhere else, when the person has said so
 * @throws RestoreError `unsupported` when there is none, naming what is there; `usage` when the named folder is none
 */
export async function findPostgres(major: string, folder?: string): Promise<PostgresInstallation> {
  const found = await findInstallations(folder);
  const fitting = found.find((it) => it.major === major);
  if (fitting) {
    const missing = NEEDED.filter((it) => programOf(fitting, it) === undefined);
    if (missing.length === 0) return fitting;
    fail('unsupported', 'start', `PostgreSQL ${fitting.version} is installed without ${missing.join(' and ')}`, {
      path: fitting.folder,
      hint: `Install its client programs as well (Debian: postgresql-client-${major}).`,
    });
  }
  const list = found.map((it) => `${it.version} in ${it.folder}`).join(', ');
  if (folder !== undefined && found.length === 0) {
    fail('usage', 'start', `there is no PostgreSQL server in ${folder}`, {
      path: folder,
      hint: 'Name the folder that holds the program postgres.',
    });
  }
  fail(
    'unsupported',
    'start',
    `PostgreSQL ${major} is needed to start this backup and is not installed here${list ? `; found ${list}` : ''}`,
    {
      hint: `Install the server of PostgreSQL ${major} (Debian: postgresql-${major}), or name the folder of its programs.`,
    },
  );
}

/** Every server found, the newest first; those in their own versioned folder before others of the same version. */
export async function findInstallations(folder?: string): Promise<PostgresInstallation[]> {
  const folders = folder === undefined ? await candidates() : [path.resolve(folder)];
  const found: PostgresInstallation[] = [];
  for (const it of folders) {
    const installation = await installationIn(it);
    if (installation && !found.some((other) => other.folder === installation.folder)) found.push(installation);
  }
  return found.sort((a, b) => compareVersions(b.version, a.version));
}

/** A program of the installation, or of the same name elsewhere: clients are sometimes packaged apart. */
export function programOf({ folder }: PostgresInstallation, name: string): string | undefined {
  const own = path.join(folder, name);
  return isProgram(own)
    ? own
    : pathFolders()
        .map((it) => path.join(it, name))
        .find(isProgram);
}

/** As the catalog counts: 9.6 is 90600, 15 is 150000. */
export function versionNumber(major: string): number {
  const [first = 0, second = 0] = major.split('.').map(Number);
  return first * 10_000 + (first < 10 ? second * 100 : 0);
}

async function candidates(): Promise<string[]> {
  const versioned = VERSIONED.flatMap(([parent, name, inside]) =>
    names(parent)
      .filter((it) => name.test(it))
      .map((it) => path.join(parent, it, inside)),
  );
  const ofPath = pathFolders().filter((it) => isProgram(path.join(it, 'postgres')));
  const configured = await output('pg_config', ['--bindir']);
  return [...versioned, ...(configured ? [configured.trim()] : []), ...ofPath, ...FIXED];
}

async function installationIn(folder: string): Promise<PostgresInstallation | undefined> {
  const program = path.join(folder, 'postgres');
  if (!isProgram(program)) return undefined;
  const [, version = ''] = /\(PostgreSQL\) (\d+[\w.]*)/.exec((await output(program, ['--version'])) ?? '') ?? [];
  const [, first, second] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  if (first === undefined) return undefined;
  return { folder, version, major: Number(first) >= 10 ? first : `${first}.${second ?? '0'}` };
}

async function output(program: string, options: string[]): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, options, { env: programEnvironment(), timeout: 20_000 });
    return stdout;
  } catch {
    return undefined;
  }
}

function pathFolders(): string[] {
  return (process.env.PATH ?? '').split(path.delimiter).filter((it) => path.isAbsolute(it));
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
