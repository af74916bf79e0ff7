/** The options that say which part of a pgBackRest backup is restored, and where it goes. */

import path from 'node:path';
import type { PartsToRestore, PlacesToRestore, TestRestoreJob } from '../../../engine/src/job.ts';
import { type OptionTable, type OptionValues, UsageError } from './arguments.ts';

export const RESTORE_OPTIONS = {
  db: {
    kind: 'text',
    isList: true,
    value: 'NAME',
    help: "only this database (name or OID) and the system's own; files of others become holes of their size",
  },
  'db-exclude': { kind: 'text', isList: true, value: 'NAME', help: 'every database but this one' },
  only: {
    kind: 'text',
    isList: true,
    value: 'GLOB',
    help: 'only files that match, from the data directory on: base/1/**, global/pg_control, pg_tblspc/16385',
  },
  'tablespace-map': {
    kind: 'text',
    isList: true,
    value: 'NAME=DIR',
    help: 'with --to: this tablespace (name or OID) goes to a new or empty folder (default: below the target)',
  },
  'tablespace-map-all': {
    kind: 'text',
    value: 'DIR',
    help: 'with --to: tablespaces that are not named go to folders with their names in here',
  },
  'link-map': {
    kind: 'text',
    isList: true,
    value: 'NAME=PLACE',
    help: 'with --to: this link or folder of the data directory becomes a link to a new place',
  },
  'link-all': {
    kind: 'flag',
    help: 'with --to: links stay links, to folders below the target (default: files and folders take their place)',
  },
} as const satisfies OptionTable;

/** @throws UsageError for a map without `=`, or a place without a target */
export function restoreParts(
  options: OptionValues<typeof RESTORE_OPTIONS>,
  target: string | undefined,
): Pick<TestRestoreJob, 'parts' | 'places'> {
  const parts: PartsToRestore = {
    ...(options.db.length > 0 && { databases: options.db }),
    ...(options['db-exclude'].length > 0 && { databasesExcluded: options['db-exclude'] }),
    ...(options.only.length > 0 && { only: options.only }),
  };
  const all = options['tablespace-map-all'];
  const places: PlacesToRestore = {
    ...readMap('tablespace-map', 'tablespaces', options['tablespace-map']),
    ...(all !== undefined && { allTablespaces: path.resolve(all) }),
    ...readMap('link-map', 'links', options['link-map']),
    ...(options['link-all'] && { keepLinks: true }),
  };
  if (target === undefined && Object.keys(places).length > 0) {
    throw new UsageError('tablespaces and links get places only with --to DIR: without it nothing is written');
  }
  return {
    ...(Object.keys(parts).length > 0 && { parts }),
    ...(Object.keys(places).length > 0 && { places }),
  };
}

/** `NAME=DIR`: the first `=` divides. */
function readMap<K extends 'tablespaces' | 'links'>(
  option: string,
  key: K,
  values: readonly string[],
): { [name in K]?: Record<string, string> } {
  if (values.length === 0) return {};
  const map: [string, string][] = values.map((value) => {
    const at = value.indexOf('=');
    if (at > 0 && at < value.length - 1) return [value.slice(0, at), path.resolve(value.slice(at + 1))];
    throw new UsageError(`--${option} takes NAME=DIR, not ${value}`);
  });
  const twice = map.find(([name], index) => map.findIndex(([other]) => other === name) !== index);
  if (twice) throw new UsageError(`--${option} names ${twice[0]} twice`);
  return { [key]: Object.fromEntries(map) } as { [name in K]: Record<string, string> };
}
