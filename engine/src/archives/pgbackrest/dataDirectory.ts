/**
 * Lays a backup out as a data directory, as `pgbackrest restore` does with its default options, with one difference:
 * tablespaces go to a folder inside the target, so that nothing is written outside of it.
 */

import type { DirectorySink } from '../../sinks/directory.ts';
import { countSink, type FileAttributes, type FileWriter, type Sink, type SinkPath } from '../../sinks/sink.ts';
import { readable, toBytes, toByteText } from './byteText.ts';
import type { FileResults } from './fileCheck.ts';
import { type FileEntry, type Manifest, safeParts } from './manifest.ts';
import { withInvalidCheckpoint } from './pgControl.ts';
import { autoConf, recoveryConf, usesSignalFile } from './recovery.ts';

export const controlFile = 'pg_data/global/pg_control';
export const versionFile = 'pg_data/PG_VERSION';
export const labelFile = 'pg_data/backup_label';
const autoConfFile = 'pg_data/postgresql.auto.conf';
const tablespaceMap = 'pg_data/tablespace_map';
/** Below the target; `pg_tblspc/OID` are links to its folders. */
const tablespaces = 'tablespaces';
/** pg_control, PG_VERSION, backup_label have a page or less, postgresql.auto.conf a few. */
export const largestKeptBytes = 1024 * 1024;

/** Whether a file's contents are needed after it was verified: to know the cluster, or to change them. */
export function isKept({ name }: FileEntry): boolean {
  return name === controlFile || name === versionFile || name === labelFile || name === autoConfFile;
}

/** Where a file goes; nowhere when it is not restored, or only written by `DataDirectory.finish`. On any thread. */
export function restoredWriter(sink: Sink, manifest: Manifest, entry: FileEntry): FileWriter {
  const { name, mode = manifest.fileMode, modifiedAt } = entry;
  const isChanged = name === controlFile || (name === autoConfFile && usesSignalFile(manifest.database.version));
  return (name === tablespaceMap || isChanged ? countSink : sink).file(place(name), { mode, modifiedAt });
}

export class DataDirectory {
  readonly #sink: DirectorySink;
  readonly #manifest: Manifest;
  /** What a user must know of the result. */
  readonly notes: string[] = [];

  constructor(sink: DirectorySink, manifest: Manifest) {
    this.#sink = sink;
    this.#manifest = manifest;
  }

  /** Makes folders and tablespace links; links to elsewhere become ordinary files and folders, as in pgBackRest. */
  prepare(): void {
    for (const { name, mode } of this.#manifest.folders) {
      if (name !== 'pg_tblspc') this.#sink.folder(place(name), mode);
    }
    for (const { name, tablespace } of this.#manifest.targets) {
      if (!tablespace) continue;
      const link = place(`pg_data/${name}`);
      this.#sink.folder(place(name), this.#modeOf(name));
      this.#sink.link(link, Buffer.from(`../${tablespaces}/${tablespace.oid}`));
      this.notes.push(
        `Tablespace ${readable(tablespace.name)} lies in ${tablespaces}/${tablespace.oid} below the target.`,
      );
    }
    for (const { name, isLink, tablespace } of this.#manifest.targets) {
      if (!isLink || tablespace) continue;
      this.notes.push(`${readable(name)} was a link on the source; its contents are restored in its place.`);
    }
  }

  /** Writes what pgBackRest writes at the end of a restore: recovery settings, and then the control file. */
  finish(kept: FileResults['kept'], now: Date): void {
    const { isOnline, stanza } = this.#manifest;
    const mode = this.#modeOf('pg_data') & 0o644;
    const settings: [string, string][] | undefined = isOnline
      ? [['restore_command', `pgbackrest --stanza=${stanza} archive-get %f "%p"`]]
      : undefined;
    if (usesSignalFile(this.#manifest.database.version)) {
      const before = kept.find((it) => it.entry.name === autoConfFile)?.contents;
      this.#write(autoConfFile, toBytes(autoConf(before && toByteText(before), settings, now)), { mode });
      if (settings) this.#write('pg_data/recovery.signal', Buffer.alloc(0), { mode });
    } else if (settings) {
      this.#write('pg_data/recovery.conf', toBytes(recoveryConf(settings, now)), { mode });
    }
    if (settings) {
      this.notes.push('PostgreSQL will fetch WAL with pgbackrest archive-get; change restore_command for another way.');
    }
    const control = kept.find((it) => it.entry.name === controlFile);
    if (control?.contents) this.#writeControl(control.entry, Buffer.from(control.contents));
  }

  #writeControl({ mode = this.#manifest.fileMode, modifiedAt }: FileEntry, stored: Buffer): void {
    const changed = this.#manifest.isOnline ? withInvalidCheckpoint(stored) : stored;
    if (!changed) this.notes.push('global/pg_control is of a version that is not known and was left as it is.');
    this.#write(controlFile, changed ?? stored, { mode, modifiedAt });
  }

  #write(name: string, bytes: Uint8Array, attributes: FileAttributes): void {
    const writer = this.#sink.file(place(name), attributes);
    writer.write(bytes);
    writer.finish();
  }

  #modeOf(folder: string): number {
    return this.#manifest.folders.find((it) => it.name === folder)?.mode ?? 0o700;
  }
}

/** `pg_data/X` is X in the target, `pg_tblspc/OID/X` is in the folder of its tablespace. */
function place(name: string): SinkPath {
  const [first, ...rest] = safeParts(name);
  return toBytes([...(first === 'pg_tblspc' ? [tablespaces] : []), ...rest].join('/'));
}
