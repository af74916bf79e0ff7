/**
 * The folders of a throw-away server: for its data, its settings, the WAL it asks for, its log and its socket. Nobody but
 * us and the server's user can look into them, and they are removed whatever happens: by `remove`, and by a watchman
 * of the shell who notices when this process has died.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statfsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fail } from '../failure.ts';
import { ioFailure } from '../files/source.ts';
import { programEnvironment } from './program.ts';
import { closedTo, findServerUser, giveTo, type ServerUser, showTo } from './serverUser.ts';

export interface WorkplaceOptions {
  /** The folder to work in; the system's folder for temporary files when absent. */
  within?: string | undefined;
  /** Bytes that will be written: refused at once where there is no room for them. */
  bytes?: number;
}

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, the ending zero among them; the name of the socket has 14. */
const longestSocketFolder = 85;

export class Workplace {
  readonly user: ServerUser;
  readonly folder: string;
  /** The data directory; not there before someone makes it. */
  readonly data: string;
  readonly settings: string;
  readonly wal: string;
  readonly socket: string;
  readonly log: string;
  readonly #watchman: ChildProcess;

  private constructor(user: ServerUser, folder: string, socket: string) {
    this.user = user;
    this.folder = folder;
    this.data = path.join(folder, 'data');
    this.settings = path.join(folder, 'settings');
    this.wal = path.join(folder, 'wal');
    this.socket = socket;
    this.log = path.join(folder, 'server.log');
    this.#watchman = startWatchman(folder, socket);
  }

  /**
   * @throws RestoreError `unsupported` where no server may run (root without another user), `io` without room or
   *   permission, `usage` when the server's user cannot get there
   */
  static open({ within = tmpdir(), bytes = 0 }: WorkplaceOptions = {}): Workplace {
    const user = findServerUser();
    let folder: string;
    try {
      const parent = realpathSync(within);
      checkRoom(parent, bytes);
      const closed = closedTo(user, parent);
      if (closed !== undefined) {
        fail('usage', 'start', `PostgreSQL would run as ${user.name}, who may not enter ${closed}`, {
          path: parent,
          hint: 'PostgreSQL refuses root. Name a folder that everybody may enter, such as /var/tmp, or run as another user.',
        });
      }
      folder = mkdtempSync(path.join(parent, 'restorable-start-'));
    } catch (error) {
      throw ioFailure(error, within, 'start');
    }
    const own = path.join(folder, 's');
    const isShort = Buffer.byteLength(own) <= longestSocketFolder && /^[\w/.-]+$/.test(own);
    const place = new Workplace(user, folder, isShort ? own : mkdtempSync('/tmp/restorable-'));
    try {
      if (isShort) mkdirSync(own, { mode: 0o700 });
      giveTo(user, place.socket);
      for (const it of [place.settings, place.wal]) {
        mkdirSync(it, { mode: 0o700 });
        showTo(user, it);
      }
      return place;
    } catch (error) {
      for (const it of [folder, place.socket]) rmSync(it, { recursive: true, force: true });
      place.#watchman.stdin?.end('done\n');
      throw ioFailure(error, within, 'start');
    }
  }

  /** Gives the finished data directory to the server's user; before that, only we can get here. */
  handOver(): void {
    chmodSync(this.data, 0o700);
    giveTo(this.user, this.data);
    showTo(this.user, this.folder);
  }

  /** An empty folder of the server's user, such as `initdb` wants it. */
  makeDataFolder(): void {
    mkdirSync(this.data, { mode: 0o700 });
    const { uid, gid } = this.user.identity;
    if (uid !== undefined && gid !== undefined) chownSync(this.data, uid, gid);
    showTo(this.user, this.folder);
  }

  /** Tells the watchman which process has to end with us; undefined when it has ended. */
  watch(pid: number | undefined): void {
    this.#watchman.stdin?.write(`server ${pid ?? ''}\n`);
  }

  /** Removes every trace. The server must have ended. */
  async remove(): Promise<void> {
    chmodSync(this.folder, 0o700);
    const tablespaces = path.join(this.data, 'pg_tblspc');
    // Nobody but root may remove what is in a folder that was locked.
    if (process.getuid?.() !== 0 && existsSync(tablespaces)) showTo(this.user, tablespaces);
    for (const it of [this.folder, this.socket]) await rm(it, { recursive: true, force: true, maxRetries: 5 });
    this.#watchman.stdin?.end('done\n');
  }
}

/**
 * When this process ends without a word, however it does, the pipe closes: then the server is ended and the folders go.
 * It is out of reach of Ctrl-C. `done` through the pipe sends it home.
 */
export function startWatchman(...folders: string[]): ChildProcess {
  const script = [
    'server=',
    'while read -r word rest; do case $word in server) server=$rest;; done) exit 0;; esac; done',
    'if [ -n "$server" ]; then',
    '  kill -QUIT "$server" 2>/dev/null',
    '  count=0',
    '  while kill -0 "$server" 2>/dev/null && [ $count -lt 30 ]; do sleep 1; count=$((count + 1)); done',
    '  kill -KILL "$server" 2>/dev/null',
    'fi',
    'chmod -R u+rwX -- "$@" 2>/dev/null',
    'rm -rf -- "$@"',
  ].join('\n');
  const watchman = spawn('/bin/sh', ['-c', script, 'restorable-watchman', ...folders], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: programEnvironment(),
  });
  watchman.on('error', () => undefined);
  watchman.stdin?.on('error', () => undefined);
  watchman.unref();
  return watchman;
}

/** @throws RestoreError `io` where fewer bytes are free */
export function checkRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize > bytes) return;
  fail(
    'io',
    'start',
    `the throw-away copy needs ${megabytes(bytes)} MB, ${folder} has ${megabytes(bavail * bsize)} MB left`,
    {
      path: folder,
      hint: 'Name a folder on a larger disk with --work-dir.',
    },
  );
}

function megabytes(bytes: number): string {
  return Math.ceil(bytes / 1_000_000).toLocaleString('en');
}
