/** As whom PostgreSQL runs: it refuses root, so for root it is an unprivileged user, who then owns the throw-away copy. */

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  openSync,
  readdirSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { fail } from '../failure.ts';

export interface ServerUser {
  name: string;
  /** What a process is started with; empty when it runs as ourselves. */
  identity: { uid: number; gid: number } | Record<string, never>;
}

/** Who is taken for root, in this order. */
const CANDIDATES = ['postgres', 'pgsql', 'nobody'];

/** @throws RestoreError `unsupported` on Windows, and for root where no user can be found */
export function findServerUser(): ServerUser {
  if (!process.getuid) {
    fail('unsupported', 'start', 'PostgreSQL is started on Linux and macOS only', {
      hint: 'Restore with --to FOLDER and start PostgreSQL there yourself.',
    });
  }
  if (process.getuid() !== 0) return { name: 'the current user', identity: {} };
  for (const name of CANDIDATES) {
    const uid = idOf('-u', name);
    const gid = idOf('-g', name);
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, identity: { uid, gid } };
  }
  fail('unsupported', 'start', 'PostgreSQL refuses to run as root, and there is no user postgres to run it as', {
    hint: 'Run the test as an ordinary user, or create the user postgres.',
  });
}

/** Gives a folder with everything in it to the user, links not followed. */
export function giveTo(user: ServerUser, folder: string): void {
  const { uid, gid } = user.identity;
  if (uid === undefined || gid === undefined) return;
  const give = (place: Buffer) => {
    if (lstatSync(place).isDirectory()) {
      for (const name of readdirSync(place, { encoding: 'buffer' }))
        give(Buffer.concat([place, Buffer.from('/'), name]));
    }
    lchownSync(place, uid, gid);
  };
  give(Buffer.from(folder));
}

/** Lets the user read a file or look into a folder of ours; nobody else. A link is refused, not followed. */
export function showTo(user: ServerUser, place: string, { isWritable = true } = {}): void {
  const { uid, gid } = user.identity;
  const descriptor = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const isFolder = fstatSync(descriptor).isDirectory();
    const mode = (isFolder ? 0o700 : 0o600) & (isWritable ? 0o777 : 0o577);
    if (uid === undefined || gid === undefined) {
      fchmodSync(descriptor, mode);
      return;
    }
    fchownSync(descriptor, process.getuid?.() ?? 0, gid);
    fchmodSync(descriptor, mode | (isFolder ? 0o050 : 0o040));
  } finally {
    closeSync(descriptor);
  }
}

/** The first folder above (or at) the place that the user cannot enter; undefined when all is open. */
export function closedTo(user: ServerUser, place: string): string | undefined {
  const { uid, gid } = user.identity;
  if (uid === undefined || gid === undefined) return undefined;
  const folders = [path.resolve(place)];
  for (let folder = path.dirname(folders[0] as string); folder !== folders[0]; folder = path.dirname(folder)) {
    folders.unshift(folder);
  }
  return folders.find((folder) => {
    const stat = statSync(folder, { throwIfNoEntry: false });
    if (!stat) return false;
    const bit = stat.uid === uid ? 0o100 : stat.gid === gid ? 0o010 : 0o001;
    return (stat.mode & bit) === 0;
  });
}

function idOf(option: '-u' | '-g', name: string): number | undefined {
  try {
    const text = execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const id = Number.parseInt(text, 10);
    return Number.isSafeInteger(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
