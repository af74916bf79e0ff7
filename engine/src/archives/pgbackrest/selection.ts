/** Which files of a backup are restored when not all are wanted: single databases, as pgBackRest does it, or single files. */

import { fail } from '../../failure.ts';
import type { PartsToRestore } from '../../job.ts';
import { type ByteText, readable, toByteText } from './byteText.ts';
import type { Manifest } from './manifest.ts';

/** `hole`: the file is made as long as it was, with nothing in it. */
export type Choice = 'restore' | 'hole' | 'leave';

export interface Selection {
  /** What is restored, for a sentence: `the files that match base/*`. */
  description: string;
  /** Files stand for themselves: no data directory that PostgreSQL could start from. */
  isSingleFiles: boolean;
  choose(name: ByteText): Choice;
}

/** PostgreSQL gives smaller numbers to databases that it makes itself. */
const firstUserOid = 16384;
const systemNames = ['postgres', 'template0', 'template1'];

/**
 * undefined when everything is restored.
 *
 * @throws RestoreError `usage` for a database that the backup does not have, or that is asked for and left out
 */
export function selectionOf(manifest: Manifest, parts: PartsToRestore | undefined): Selection | undefined {
  const { databases = [], databasesExcluded = [], only = [] } = parts ?? {};
  const selectsDatabases = databases.length > 0 || databasesExcluded.length > 0;
  if (only.length > 0) {
    if (selectsDatabases) {
      fail('usage', 'open', 'databases and single files cannot be chosen together', { hint: 'Choose one of them.' });
    }
    return selectFiles(only);
  }
  return selectsDatabases ? selectDatabases(manifest, databases, databasesExcluded) : undefined;
}

function selectFiles(globs: string[]): Selection {
  const patterns = globs.map(patternOf);
  return {
    description: `the files that match ${globs.join(', ')}`,
    isSingleFiles: true,
    choose(name) {
      const inside = name.startsWith('pg_data/') ? name.slice('pg_data/'.length) : name;
      return patterns.some((it) => it.test(inside)) ? 'restore' : 'leave';
    },
  };
}

/**
 * A glob over the bytes of a name: `*` and `?` stay within a part of the path, `**` does not. What matches a folder
 * matches everything in it.
 */
function patternOf(glob: string): RegExp {
  const bytes = toByteText(Buffer.from(glob.replace(/^\.?\/+|\/+$/g, '')));
  if (bytes === '')
    fail('usage', 'open', `${JSON.stringify(glob)} names no file`, { hint: 'Name base/1, for example.' });
  const source = bytes.replace(/\*{2,}\/?|[*?]|[\\^$.+()[\]{}|]/g, (it) => {
    if (it === '*') return '[^/]*';
    if (it === '?') return '(?:[\\x00-\\x2e\\x30-\\x7f]|[\\xc0-\\xff][\\x80-\\xbf]*)';
    if (it.startsWith('**')) return it.endsWith('/') ? '(?:.*/)?' : '.*';
    return `\\${it}`;
  });
  return new RegExp(`^${source}(?:/|$)`, 's');
}

/** With databases to include, all others are left out but the system's own; else the excluded ones are. */
function selectDatabases(manifest: Manifest, include: string[], exclude: string[]): Selection {
  const { databases, databaseFolders } = manifest;
  const system = new Set([
    ...databases.filter((it) => systemNames.includes(it.name) || it.oid < firstUserOid).map((it) => it.oid),
    ...databaseFolders.filter((it) => it < firstUserOid),
  ]);
  const all = new Set([...databaseFolders, ...system]);
  const nameOf = (oid: number) => readable(databases.find((it) => it.oid === oid)?.name ?? String(oid));
  const find = (wanted: string): number => {
    if (/^\d+$/.test(wanted) && all.has(Number(wanted))) return Number(wanted);
    const name = toByteText(Buffer.from(wanted));
    const found = databases.find((it) => it.name === name);
    if (found && all.has(found.oid)) return found.oid;
    const known = [...all].filter((it) => !system.has(it)).map(nameOf);
    fail('usage', 'open', `the backup has no database ${wanted}`, {
      hint: known.length === 0 ? 'It has only the databases of the system.' : `It has ${known.sort().join(', ')}.`,
    });
  };
  const excluded = new Set(exclude.map(find));
  const included = new Set(include.map(find));
  for (const oid of included) {
    if (system.has(oid)) {
      fail('usage', 'open', `${nameOf(oid)} is a database of the system, which is always restored`, {
        hint: 'Name only databases of your own.',
      });
    }
    if (!excluded.has(oid)) continue;
    fail('usage', 'open', `database ${nameOf(oid)} is asked for and left out`, { hint: 'Name it once.' });
  }
  const leftOut = include.length === 0 ? excluded : new Set(all);
  if (include.length > 0) {
    for (const oid of [...included, ...system]) if (!excluded.has(oid)) leftOut.delete(oid);
  }
  const restored = [...all].filter((it) => !leftOut.has(it));
  return {
    description: `the databases ${restored.map(nameOf).sort().join(', ')}`,
    isSingleFiles: false,
    choose(name) {
      const [, base, tablespace, file] = databaseFile.exec(name) ?? [];
      const oid = base ?? tablespace;
      return oid !== undefined && file !== 'PG_VERSION' && leftOut.has(Number(oid)) ? 'hole' : 'restore';
    },
  };
}

const databaseFile = /^(?:pg_data\/base\/(\d+)|pg_tblspc\/\d+\/PG_[^/]+\/(\d+))\/(.*)$/s;
