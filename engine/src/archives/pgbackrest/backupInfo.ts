/** `backup.info`: the backups that are complete, and the pass of their manifests. */

import { fail } from '../../failure.ts';
import type { Secret } from '../../secret.ts';
import { type DatabaseVersion, readPass } from './archiveInfo.ts';
import { readable } from './byteText.ts';
import { type Info, Section } from './infoSource.ts';

export interface BackupInfo {
  /** Opens every manifest; undefined when the repository is not encrypted. */
  pass: Secret | undefined;
  current: DatabaseVersion;
  history: DatabaseVersion[];
  /** Oldest first. */
  backups: BackupEntry[];
}

export interface BackupEntry {
  label: string;
  type: string;
  /** pgBackRest that made it, as `2.45`. */
  version: string;
  /** History id of the database. */
  databaseId: number;
  prior: string | undefined;
  /** Every other backup that holds data of this one. */
  references: string[];
  /** The first WAL segment of an online backup. */
  walStart: string | undefined;
  /** Epoch seconds. */
  startedAt: number;
  stoppedAt: number;
  /** Bytes of the restored files. */
  size: number;
  /** Of what is stored for them in this and other backups; some versions leave it out. */
  storedSize: number | undefined;
  /** PostgreSQL found pages with wrong checksums while it was made. */
  hasPageErrors: boolean;
  annotations: [string, string][];
}

const label = /^(\d{8}-\d{6}F)(?:_\d{8}-\d{6}[DI])?$/;

export function isLabel(text: string): boolean {
  return label.test(text);
}

/** The label of the full backup that a backup's set starts with. */
export function setOf(backupLabel: string): string {
  return label.exec(backupLabel)?.[1] ?? backupLabel;
}

export function readBackupInfo(info: Info): BackupInfo {
  const db = Section.of(info, 'db');
  const history = Section.of(info, 'db:history');
  const current = Section.of(info, 'backup:current');
  return {
    pass: readPass(info),
    current: { id: db.count('db-id'), systemId: db.wide('db-system-id'), version: db.text('db-version') },
    history: history.keys.map((id) => {
      const entry = history.object(id);
      return { id: Number(id), systemId: entry.wide('db-system-id'), version: entry.text('db-version') };
    }),
    backups: current.keys.sort().map((it) => readEntry(info, it, current.object(it))),
  };
}

function readEntry(info: Info, backupLabel: string, entry: Section): BackupEntry {
  for (const it of [backupLabel, ...entry.texts('backup-reference')]) {
    if (isLabel(it)) continue;
    fail('hostile', 'contents', `${readable(it)} is no backup label`, { path: readable(info.name) });
  }
  const annotations = entry.has('backup-annotation') ? entry.object('backup-annotation') : undefined;
  return {
    label: backupLabel,
    type: entry.text('backup-type'),
    version: entry.text('backrest-version'),
    databaseId: entry.count('db-id'),
    prior: entry.optionalText('backup-prior'),
    references: entry.texts('backup-reference'),
    walStart: entry.optionalText('backup-archive-start'),
    startedAt: entry.count('backup-timestamp-start'),
    stoppedAt: entry.count('backup-timestamp-stop'),
    size: entry.count('backup-info-size'),
    storedSize: entry.optionalCount('backup-info-repo-size'),
    hasPageErrors: entry.flag('backup-error'),
    annotations: annotations?.keys.map((key) => [readable(key), readable(annotations.text(key))]) ?? [],
  };
}
