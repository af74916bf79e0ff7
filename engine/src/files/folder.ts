/** Folders that are no pgBackRest repository: named for what they are, so that people know what to do instead. */

import { readdir } from 'node:fs/promises';
import { fail } from '../failure.ts';
import { withoutCompression } from './layers.ts';
import { plainName } from './plainName.ts';
import { ioFailure } from './source.ts';

export interface RecognisedFolder {
  /** As in `Report.format`. */
  format: 'wal-g' | 'pg_dump directory' | 'pg_basebackup' | 'PostgreSQL data directory' | 'folder';
  /** What it is, as the end of a sentence. */
  description: string;
  /** What to do with it. */
  hint: string;
  entries: string[];
}

/** @throws RestoreError `io` when the folder cannot be read */
export async function recogniseFolder(path: string): Promise<RecognisedFolder> {
  const entries = await readdir(path).catch((error: unknown) => {
    throw ioFailure(error, path, 'open');
  });
  const has = (name: string) => entries.includes(name);
  const matches = (pattern: RegExp) => entries.some((it) => pattern.test(it));
  if (
    matches(/^basebackups_\d{3}$/) ||
    matches(/^wal_\d{3}$/) ||
    has('tar_partitions') ||
    matches(/_backup_stop_sentinel\.json$/) ||
    matches(/^part_\d+\.tar/)
  ) {
    return {
      format: 'wal-g',
      description: 'a folder of WAL-G',
      hint: 'Name the folder that holds basebackups_005/ and wal_005/, or one above it; or one file, such as tar_partitions/part_001.tar.lz4, to have that file alone proven.',
      entries,
    };
  }
  const names = entries.map(withoutLayers);
  if (names.includes('toc.dat')) {
    return {
      format: 'pg_dump directory',
      description: 'a dump of pg_dump in the directory format',
      hint: 'Test it as a whole: `restorable test-restore` with this folder.',
      entries,
    };
  }
  if (names.includes('base.tar') || names.includes('backup_manifest') || (has('PG_VERSION') && has('backup_label'))) {
    return {
      format: 'pg_basebackup',
      description: 'a backup of pg_basebackup',
      hint: 'Test it as a whole: `restorable test-restore` with this folder.',
      entries,
    };
  }
  if (has('PG_VERSION') && has('global')) {
    return {
      format: 'PostgreSQL data directory',
      description: 'a data directory of PostgreSQL, not a backup',
      hint: 'Name the repository or file that holds the backup.',
      entries,
    };
  }
  const isEmpty = entries.length === 0;
  return {
    format: 'folder',
    description: isEmpty ? 'an empty folder' : 'a folder that is no backup we know',
    hint: 'Name one file, the root of a pgBackRest repository (the folder with archive/ and backup/), or a file inside a folder of WAL-G.',
    entries,
  };
}

/** A file's name without the endings of encryption and compression. */
function withoutLayers(name: string): string {
  return withoutCompression(plainName(name));
}

/** @throws RestoreError `unsupported` for a backup that is known and not read as a folder, `usage` for everything else */
export async function refuseFolder(path: string): Promise<never> {
  const { format, description, hint } = await recogniseFolder(path);
  const isBackup = format === 'wal-g' || format === 'pg_dump directory' || format === 'pg_basebackup';
  fail(isBackup ? 'unsupported' : 'usage', 'open', `this is ${description}`, { path, hint });
}
