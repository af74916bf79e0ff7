/**
 * Users and groups of this machine by name, as pgBackRest looks them up when root restores. Only the local databases
 * are read: what a directory service alone knows stays unset, and is reported.
 */

import { readFileSync } from 'node:fs';

/** Whose a file was on the source; `false` where the source did not know a name. Bytes as latin1. */
export interface OwnerNames {
  user: string | false;
  group: string | false;
}

export interface OwnerIds {
  uid: number;
  gid: number;
}

export class Owners {
  readonly #users: ReadonlyMap<string, number>;
  readonly #groups: ReadonlyMap<string, number>;
  readonly #fallback: OwnerIds;

  /** @param fallback for names that the source did not know */
  constructor(users: ReadonlyMap<string, number>, groups: ReadonlyMap<string, number>, fallback: OwnerIds) {
    this.#users = users;
    this.#groups = groups;
    this.#fallback = fallback;
  }

  /** undefined unless this process may give files away: pgBackRest leaves them with whoever runs it. */
  static ofThisMachine(fallback: OwnerIds = { uid: 0, gid: 0 }): Owners | undefined {
    if (process.getuid?.() !== 0) return undefined;
    return new Owners(readIds('/etc/passwd'), readIds('/etc/group'), fallback);
  }

  /** -1 for a name that this machine does not know, as `chown` takes it: it leaves what is there. */
  idsOf({ user, group }: OwnerNames): OwnerIds {
    return {
      uid: user === false ? this.#fallback.uid : (this.#users.get(user) ?? unchanged),
      gid: group === false ? this.#fallback.gid : (this.#groups.get(group) ?? unchanged),
    };
  }
}

/** `chown` leaves an id as it is that has this value. */
const unchanged = -1;

/** `name:x:id:…` lines of passwd(5) and group(5); the first line of a name counts. */
function readIds(file: string): Map<string, number> {
  const ids = new Map<string, number>();
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch {
    return ids;
  }
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (name && id !== undefined && /^\d+$/.test(id) && !ids.has(name)) ids.set(name, Number(id));
  }
  return ids;
}
