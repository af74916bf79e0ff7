/** Folders that are no pgBackRest repository: named for what they are, so that people know what to do instead. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../failure.ts';
import { ioFailure, readStart } from './source.ts';

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
      hint: 'Whole backups of WAL-G are not restored yet. Name one file of it, such as tar_partitions/part_001.tar.lz4, to have that file proven.',
      entries,
    };
  }
  if (has('toc.dat') && Buffer.from(await readStart(join(path, 'toc.dat'), 5)).toString('latin1') === 'PGDMP') {
    return {
      format: 'pg_dump directory',
      description: 'a dump of pg_dump in the directory format',
      hint: 'This format is not read yet: `pg_restore --list` shows its contents. Name a dump in the custom or plain format.',
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
  if (has('backup_manifest') || matches(/^base\.tar/)) {
    return {
      format: 'pg_basebackup',
      description: 'a backup of pg_basebackup',
      hint: 'This format is not read yet: `pg_verifybackup` checks it. Name its base.tar to have that file proven.',
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

/** @throws RestoreError `unsupported` for a backup that is known and not read as a folder, `usage` for everything else */
export async function refuseFolder(path: string): Promise<never> {
  const { format, description, hint } = await recogniseFolder(path);
  const isBackup = format === 'wal-g' || format === 'pg_dump directory' || format === 'pg_basebackup';
  fail(isBackup ? 'unsupported' : 'usage', 'open', `this is ${description}`, { path, hint });
}
