/**
 * Lays a backup out as a data directory, as `pgbackrest restore` does, with one difference: tablespaces and links go to
 * folders inside the target, unless other places are named, so that nothing is written outside of it.
 */

import path from 'node:path';
import { fail } from '../../failure.ts';
import type { PlacesToRestore } from '../../job.ts';
import type { DirectorySink } from '../../sinks/directory.ts';
import type { OwnerNames } from '../../sinks/owners.ts';
import { countSink, type FileAttributes, type FileWriter, type Sink, type SinkPath } from '../../sinks/sink.ts';
import { type ByteText, readable, toBytes, toByteText } from './byteText.ts';
import type { FileResults } from './fileCheck.ts';
import { type FileEntry, type Manifest, safeParts, type Target } from './manifest.ts';
import { withInvalidCheckpoint } from './pgControl.ts';
import { autoConf, recoveryConf, usesSignalFile } from './recovery.ts';

export const controlFile = 'pg_data/global/pg_control';
export const versionFile = 'pg_data/PG_VERSION';
export const labelFile = 'pg_data/backup_label';
const autoConfFile = 'pg_data/postgresql.auto.conf';
const tablespaceMap = 'pg_data/tablespace_map';
/** pg_control, PG_VERSION, backup_label have a page or less, postgresql.auto.conf a few. */
export const largestKeptBytes = 1024 * 1024;

/** Whether a file's contents are needed after it was verified: to know the cluster, or to change them. */
export function isKept({ name }: FileEntry): boolean {
  return [controlFile, versionFile, labelFile, autoConfFile, tablespaceMap].includes(name);
}

/** Where a file goes; nowhere when it is not restored, or only written by `DataDirectory.finish`. On any thread. */
export function restoredWriter(sink: Sink, manifest: Manifest, entry: FileEntry): FileWriter {
  const { name } = entry;
  const isChanged = name === controlFile || (name === autoConfFile && usesSignalFile(manifest.database.version));
  return (name === tablespaceMap || isChanged ? countSink : sink).file(place(name), attributesOf(manifest, entry));
}

function attributesOf(manifest: Manifest, { mode, modifiedAt, owner }: FileEntry): FileAttributes {
  return { mode: mode ?? manifest.fileMode, modifiedAt, owner: { ...manifest.fileOwner, ...owner } };
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

  /**
   * Makes links and folders; links to elsewhere become ordinary files and folders where nothing else was asked for, as
   * in pgBackRest.
   *
   * @throws RestoreError `usage` for places that cannot be used, or of what the backup does not have; failures of stage
   *   `write`
   */
  async prepare(places: PlacesToRestore = {}): Promise<void> {
    const { targets, folders } = this.#manifest;
    refuseUnknown(places, targets, folders);
    // The shortest first: a link may lie in a folder that is a link.
    const links = [...targets, ...madeLinks(places, targets, folders)].filter((it) => it.isLink);
    for (const it of links.sort((a, b) => a.name.length - b.name.length)) {
      if (it.tablespace) await this.#placeTablespace(it, places);
      else await this.#placeLink(it, places);
    }
    for (const { name, mode, owner } of folders) {
      if (name !== 'pg_tblspc') this.#sink.folder(place(name), mode, owner);
    }
    this.#noteOwners();
  }

  async #placeTablespace({ name, tablespace }: Target, places: PlacesToRestore): Promise<void> {
    if (!tablespace) return;
    const owner = this.#ownerOfLink(`pg_data/${name}`);
    const { tablespaces = {}, allTablespaces } = places;
    const title = readable(tablespace.name);
    const outside =
      named(tablespaces, tablespace.name) ??
      named(tablespaces, tablespace.oid) ??
      (allTablespaces === undefined ? undefined : path.join(allTablespaces, fileName(tablespace.name)));
    if (outside !== undefined) {
      await this.#sink.routeOutside(place(name), outside, { owner });
      this.notes.push(`Tablespace ${title} lies in ${outside}.`);
    } else {
      const inside = `${this.#freeName('tablespaces')}/${tablespace.oid}`;
      this.#sink.routeInside(place(name), Buffer.from(inside), { owner });
      this.notes.push(`Tablespace ${title} lies in ${inside} below the target.`);
    }
  }

  async #placeLink({ name, file }: Target, { links = {}, keepLinks }: PlacesToRestore): Promise<void> {
    const relative = safeParts(name).slice(1).join('/');
    const route = { isFile: file !== undefined, owner: this.#ownerOfLink(name) };
    const outside = named(links, relative);
    if (outside !== undefined) {
      await this.#sink.routeOutside(place(name), outside, route);
      this.notes.push(`${readable(name)} is a link to ${outside}.`);
    } else if (keepLinks) {
      const inside = `${this.#freeName('links')}/${relative}`;
      this.#sink.routeInside(place(name), toBytes(inside), route);
      this.notes.push(`${readable(name)} is a link to ${readable(inside)} below the target.`);
    } else {
      this.notes.push(`${readable(name)} was a link on the source; its contents are restored in its place.`);
    }
  }

  /** A folder of ours must not fall together with one of the data directory. */
  #freeName(wanted: 'tablespaces' | 'links'): string {
    const { topNames } = this.#manifest;
    for (let number = 1; ; number++) {
      const name = number === 1 ? wanted : `${wanted}-${number}`;
      if (!topNames.includes(name)) return name;
    }
  }

  #ownerOfLink(name: string): OwnerNames | undefined {
    const { links, folders } = this.#manifest;
    // A link that the source did not have belongs to the owner of the data directory.
    return (links.find((it) => it.name === name) ?? folders.find((it) => it.name === 'pg_data'))?.owner;
  }

  #noteOwners(): void {
    const { users, groups } = this.#manifest.owners;
    const owners = this.#sink.givesAway;
    const unknown = (names: string[], kind: 'user' | 'group') =>
      names.filter((it) => {
        const ids = owners?.idsOf({ user: false, group: false, [kind]: it });
        return (kind === 'user' ? ids?.uid : ids?.gid) === -1;
      });
    const list = (names: string[]) => names.map((it) => readable(it)).join(', ');
    if (!owners) {
      if (users.length === 0) return;
      this.notes.push(
        `The files belonged to ${list(users)} (group ${list(groups)}); only root can give files away, so they belong to the user who runs this.`,
      );
      return;
    }
    const missing = [...unknown(users, 'user'), ...unknown(groups, 'group').map((it) => `group ${it}`)];
    if (missing.length === 0) return;
    this.notes.push(`Not known on this machine, so that files of theirs were not given to them: ${list(missing)}.`);
  }

  /** Writes what pgBackRest writes at the end of a restore: recovery settings, and then the control file. */
  finish(kept: FileResults['kept'], now: Date): void {
    const { isOnline, stanza } = this.#manifest;
    const { mode: folderMode = 0o700, owner } = this.#manifest.folders.find((it) => it.name === 'pg_data') ?? {};
    const mode = folderMode & 0o644;
    const settings: [string, string][] | undefined = isOnline
      ? [['restore_command', `pgbackrest --stanza=${stanza} archive-get %f "%p"`]]
      : undefined;
    if (usesSignalFile(this.#manifest.database.version)) {
      const before = kept.find((it) => it.entry.name === autoConfFile)?.contents;
      this.#write(autoConfFile, toBytes(autoConf(before && toByteText(before), settings, now)), { mode, owner });
      if (settings) this.#write('pg_data/recovery.signal', Buffer.alloc(0), { mode, owner });
    } else if (settings) {
      this.#write('pg_data/recovery.conf', toBytes(recoveryConf(settings, now)), { mode, owner });
    }
    if (settings) {
      this.notes.push(
        'PostgreSQL will fetch WAL with pgbackrest archive-get; restorable archive-get does it without pgBackRest.',
      );
    }
    const control = kept.find((it) => it.entry.name === controlFile);
    if (control?.contents) this.#writeControl(control.entry, Buffer.from(control.contents));
  }

  /** Instead of `finish` for single files: those that a restore changes, as they are in the backup. */
  finishSingleFiles(kept: FileResults['kept']): void {
    for (const { entry, contents } of kept) {
      const { name } = entry;
      const isWritten = name === labelFile || name === versionFile || (name === autoConfFile && !this.#usesSignalFile);
      if (contents && !isWritten) this.#write(name, contents, attributesOf(this.#manifest, entry));
    }
  }

  /** A file of a database that is left out: so long as PostgreSQL expects it, and nothing in it. */
  writeHole(entry: FileEntry): void {
    const writer = this.#sink.file(place(entry.name), attributesOf(this.#manifest, entry));
    writer.extend(entry.size);
    writer.finish();
  }

  get #usesSignalFile(): boolean {
    return usesSignalFile(this.#manifest.database.version);
  }

  #writeControl(entry: FileEntry, stored: Buffer): void {
    const changed = this.#manifest.isOnline ? withInvalidCheckpoint(stored) : stored;
    if (!changed) this.notes.push('global/pg_control is of a version that is not known and was left as it is.');
    this.#write(controlFile, changed ?? stored, attributesOf(this.#manifest, entry));
  }

  #write(name: string, bytes: Uint8Array, attributes: FileAttributes): void {
    const writer = this.#sink.file(place(name), attributes);
    writer.write(bytes);
    writer.finish();
  }
}

/** `pg_data/X` is X in the target, `pg_tblspc/OID/X` is reached through the link of its tablespace. */
function place(name: ByteText): SinkPath {
  const parts = safeParts(name);
  return toBytes((parts[0] === 'pg_tblspc' ? parts : parts.slice(1)).join('/'));
}

/** Links that the source did not have, for folders that the user wants elsewhere. */
function madeLinks({ links = {} }: PlacesToRestore, targets: Target[], folders: Manifest['folders']): Target[] {
  return Object.keys(links).flatMap((relative) => {
    const name = `pg_data/${toByteText(Buffer.from(relative))}`;
    if (targets.some((it) => it.name === name) || !folders.some((it) => it.name === name)) return [];
    return [{ name, path: '', isLink: true, file: undefined, tablespace: undefined }];
  });
}

function refuseUnknown(
  { tablespaces = {}, links = {} }: PlacesToRestore,
  targets: Target[],
  folders: Manifest['folders'],
): void {
  for (const it of Object.keys(tablespaces)) {
    const name = toByteText(Buffer.from(it));
    if (targets.some(({ tablespace }) => tablespace?.name === name || tablespace?.oid === name)) continue;
    const known = targets.flatMap(({ tablespace }) => (tablespace ? readable(tablespace.name) : []));
    fail('usage', 'open', `the backup has no tablespace ${it}`, {
      hint: known.length === 0 ? 'It has no tablespaces at all.' : `It has ${known.join(', ')}.`,
    });
  }
  for (const it of Object.keys(links)) {
    const name = `pg_data/${toByteText(Buffer.from(it))}`;
    if (targets.some((target) => target.name === name && target.isLink)) continue;
    if (name !== 'pg_data/' && folders.some((folder) => folder.name === name)) continue;
    fail('usage', 'open', `the backup has no link or folder ${it} in the data directory`, {
      hint: 'Name it as it lies in the data directory; tablespaces have an option of their own.',
    });
  }
}

function named(places: Record<string, string>, name: ByteText): string | undefined {
  const key = toBytes(name).toString('utf8');
  return Object.hasOwn(places, key) ? places[key] : undefined;
}

/** A tablespace may have any name, also one that leads elsewhere. */
function fileName(name: ByteText): string {
  const text = toBytes(name).toString('utf8');
  if (/[/\\\0]/.test(text) || text === '.' || text === '..' || text === '') {
    fail('usage', 'open', `the name of the tablespace ${readable(name)} is no file name`, {
      hint: 'Name a place for it.',
    });
  }
  return text;
}
