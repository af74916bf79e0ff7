/**
 * `backup.manifest`: everything a backup consists of. Read twice and never held: once for what stands around the file
 * list and to prove the checksum, once more for the files themselves, so that 300,000 files need no memory.
 */

import { type Compression, isPgbackrestCompression } from '../../compress/compression.ts';
import { type Failure, fail } from '../../failure.ts';
import type { Secret } from '../../secret.ts';
import type { OwnerNames } from '../../sinks/owners.ts';
import { type DatabaseVersion, readPass } from './archiveInfo.ts';
import { isLabel, setOf } from './backupInfo.ts';
import { type ByteText, readable } from './byteText.ts';
import type { InfoEnd, InfoLine } from './infoFile.ts';
import { eachLine, type Info, readInfoObject, Section, withCopy } from './infoSource.ts';
import { isObject, type JsonObject, type JsonValue } from './json.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';
import { readPosition } from './walTimelines.ts';

export interface Manifest {
  /** The object that was read: `backup.manifest` or its copy. */
  object: ByteText;
  /** Of its contents; equal when it is read again. */
  checksum: string;
  stanza: ByteText;
  label: string;
  /** full, diff or incr. */
  type: string;
  prior: string | undefined;
  /** Labels that hold data of this backup, its own last; block maps count in this list. */
  references: string[];
  /** pgBackRest that wrote it. */
  version: string;
  database: DatabaseVersion & { catalogVersion: number; controlVersion: number };
  compression: Compression;
  isOnline: boolean;
  isBundled: boolean;
  isBundleRaw: boolean;
  /** WAL segments that make an online backup consistent. */
  wal: { start: string; stop: string } | undefined;
  /** Where in the WAL the backup began and ended; undefined where it is not recorded. */
  startPosition: bigint | undefined;
  stopPosition: bigint | undefined;
  /** Opens the files of the whole set; undefined when the repository is not encrypted. */
  pass: Secret | undefined;
  targets: Target[];
  /** Every folder with its mode; `pg_data` is the data directory itself. */
  folders: { name: ByteText; mode: number; owner: OwnerNames }[];
  links: { name: ByteText; destination: ByteText; owner: OwnerNames }[];
  /** Of files that say nothing else. */
  fileMode: number;
  fileOwner: OwnerNames;
  /** Databases by name, of an online backup; one that was made while the backup ran is missing. */
  databases: { name: ByteText; oid: number }[];
  /** Of the restored files, and of what is stored for them in this and other backups. */
  files: { count: number; bytes: number; storedBytes: number };
  hasBlockFiles: boolean;
  /** OIDs of the databases that have files here. */
  databaseFolders: number[];
  /** Whose the files, folders and links were on the source. */
  owners: { users: ByteText[]; groups: ByteText[] };
  /** What lies at the top of the data directory and starts like a folder of ours. */
  topNames: ByteText[];
  /** The names ascend, so that none can stand twice. */
  isSorted: boolean;
}

export interface Target {
  /** `pg_data`, `pg_data/REL` of a link, or `pg_tblspc/OID`. */
  name: ByteText;
  path: ByteText;
  isLink: boolean;
  /** The last part of a link to a file. */
  file: ByteText | undefined;
  tablespace: { oid: string; name: ByteText } | undefined;
}

export interface FileEntry {
  /** `pg_data/base/1/1247`. */
  name: ByteText;
  size: number;
  /** Permission bits; undefined means the manifest's `fileMode`. */
  mode: number | undefined;
  /** Where it differs from the manifest's `fileOwner`. */
  owner: Partial<OwnerNames> | undefined;
  /** Epoch seconds. */
  modifiedAt: number;
  /** SHA-1 of the contents, 40 hexadecimal digits. */
  checksum: string;
  /** SHA-1 of the bytes as they are stored; older versions did not record it. */
  storedChecksum: string | undefined;
  /** Label of the backup that holds it; undefined means this one. */
  reference: string | undefined;
  /** Where in which bundle; undefined for an object of its own. */
  bundle: { id: number; offset: number } | undefined;
  storedSize: number;
  /** The file is stored in blocks, with a map of `mapSize` bytes at the end of its object. */
  blocks: { blockSize: number; checksumSize: number; mapSize: number } | undefined;
  /** PostgreSQL pages of this file had wrong checksums when the backup was made. */
  hasPageErrors: boolean;
}

/** A folder of a database in the data directory or in a tablespace. */
const databaseFolder = /^pg_data\/base\/(\d{1,10})\/PG_VERSION$|^pg_tblspc\/\d+\/PG_[^/]+\/(\d{1,10})\/PG_VERSION$/;
const ownFolder = /^pg_data\/((?:tablespaces|links)[^/]*)/;
const mostTopNames = 1000;

export const emptyChecksum = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';

export function manifestName(stanza: ByteText, label: string): ByteText {
  return `backup/${stanza}/${label}/backup.manifest`;
}

/**
 * Reads everything but the file list, which is checked line by line: names that leave the data directory, sizes that
 * cannot be, references that are no labels.
 *
 * @throws RestoreError `incomplete` when it is missing, `damaged`, `truncated`, `unsupported` (another format, or the
 *   block format of 2.44 and 2.45), `hostile` for names and numbers that pgBackRest cannot have written
 */
export async function loadManifest(
  files: RepositoryFiles,
  { stanza, label, pass }: { stanza: ByteText; label: string; pass: Secret | undefined },
  onProblem: (failure: Failure) => void,
): Promise<Manifest> {
  return withCopy(files, manifestName(stanza, label), onProblem, async (object) => {
    const around: Info = { name: object, sections: new Map() };
    const totals = { count: 0, bytes: 0, storedBytes: 0 };
    const references = new Set<string>();
    const databaseFolders = new Set<number>();
    const topNames = new Set<ByteText>();
    const owners = new OwnerList();
    let previous: ByteText | undefined;
    let isSorted = true;
    let hasBlockFiles = false;
    const { checksum } = await eachLine(readInfoObject(files, object, pass), (line) => {
      if (line.section !== 'target:file') {
        keep(around, line);
        return;
      }
      const entry = readEntry(line);
      totals.count++;
      totals.bytes += entry.size;
      totals.storedBytes += entry.storedSize;
      if (entry.reference !== undefined) references.add(entry.reference);
      if (previous !== undefined && previous >= entry.name) isSorted = false;
      previous = entry.name;
      hasBlockFiles ||= entry.blocks !== undefined;
      if (entry.owner) owners.add(entry.owner);
      const database = databaseFolder.exec(entry.name);
      if (database) databaseFolders.add(Number(database[1] ?? database[2]));
      const top = ownFolder.exec(entry.name)?.[1];
      if (top !== undefined && topNames.size < mostTopNames) topNames.add(top);
    });
    const surroundings = readAround(around, [...references]);
    owners.add(surroundings.fileOwner);
    for (const { name, owner } of [...surroundings.folders, ...surroundings.links]) {
      owners.add(owner);
      const top = ownFolder.exec(name)?.[1];
      if (top !== undefined) topNames.add(top);
    }
    const value: Manifest = {
      ...surroundings,
      checksum,
      stanza,
      files: totals,
      isSorted,
      hasBlockFiles,
      databaseFolders: [...databaseFolders],
      owners: owners.names,
      topNames: [...topNames],
    };
    if (value.label !== label) {
      fail('damaged', 'contents', `it is the manifest of ${readable(value.label)}, not of ${label}`, {
        path: readable(object),
      });
    }
    if (totals.count === 0) fail('damaged', 'contents', 'it lists no file', { path: readable(object) });
    return { value, checksum };
  });
}

/**
 * The files of a manifest that `loadManifest` has proven, in the manifest's order, in batches.
 *
 * @throws RestoreError `hostile` when a name stands twice, `damaged` when the manifest is not the same as before
 */
export async function* manifestFiles(
  files: RepositoryFiles,
  manifest: Manifest,
  pass: Secret | undefined,
): AsyncGenerator<FileEntry[], void, undefined> {
  const lines = readInfoObject(files, manifest.object, pass);
  const seen = manifest.isSorted ? undefined : new Set<ByteText>();
  let end: InfoEnd;
  try {
    for (;;) {
      const { done, value } = await lines.next();
      if (done) {
        end = value;
        break;
      }
      const batch: FileEntry[] = [];
      for (const line of value) {
        if (line.section !== 'target:file') continue;
        const entry = readEntry(line);
        if (seen?.has(entry.name)) {
          fail('hostile', 'contents', `${readable(entry.name)} is listed twice`, { path: readable(manifest.object) });
        }
        seen?.add(entry.name);
        batch.push(entry);
      }
      if (batch.length > 0) yield batch;
    }
  } finally {
    await lines.return({ checksum: '' });
  }
  if (end.checksum !== manifest.checksum) {
    fail('damaged', 'contents', 'it was changed while it was read', { path: readable(manifest.object) });
  }
}

/**
 * The parts of a name below the data directory or the tablespaces, after proving that they stay there.
 *
 * @throws RestoreError `hostile` for a name that pgBackRest cannot have written
 */
export function safeParts(name: ByteText, offset?: number): ByteText[] {
  const parts = name.split('/');
  const isInside =
    (parts[0] === 'pg_data' || parts[0] === 'pg_tblspc') &&
    parts.every((it) => it !== '' && it !== '.' && it !== '..' && !it.includes('\0') && it.length <= 255) &&
    (process.platform !== 'win32' || !/[\\:]/.test(name));
  if (!isInside) {
    fail('hostile', 'contents', `the name ${readable(name).slice(0, 200)} leads out of the data directory`, {
      offset,
      hint: 'Restore nothing from this repository: pgBackRest does not write such names.',
    });
  }
  if (parts[0] === 'pg_tblspc' && parts[1] !== undefined && !/^\d{1,10}$/.test(parts[1])) {
    fail('hostile', 'contents', `the name ${readable(name).slice(0, 200)} is in no tablespace`, { offset });
  }
  return parts;
}

function keep(around: Info, line: InfoLine): void {
  const section = around.sections.get(line.section) ?? new Map<ByteText, JsonValue>();
  around.sections.set(line.section, section);
  if (section.has(line.key)) {
    fail('hostile', 'contents', `${readable(line.key)} stands twice in one section`, { offset: line.offset });
  }
  section.set(line.key, line.value);
}

function readAround(
  info: Info,
  found: string[],
): Omit<
  Manifest,
  'checksum' | 'stanza' | 'files' | 'isSorted' | 'hasBlockFiles' | 'databaseFolders' | 'owners' | 'topNames'
> {
  const backup = Section.of(info, 'backup');
  const db = Section.of(info, 'backup:db');
  const option = Section.of(info, 'backup:option');
  const version = Section.of(info, 'backrest').text('backrest-version');
  const label = backup.text('backup-label');
  if (backup.flag('backup-block-incr') && /^2\.4[45](\D|$)/.test(version)) {
    fail('unsupported', 'contents', `pgBackRest ${version} wrote it with the beta form of block incremental`, {
      path: readable(info.name),
      reason: 'beta-block-format',
      hint: 'Only pgBackRest 2.44 and 2.45 can read that form; restore it with one of these.',
    });
  }
  const listed = backup.optionalText('backup-reference')?.split(',');
  const references = listed ?? [...found.sort(), label];
  for (const it of [label, ...references]) {
    if (isLabel(it) && setOf(it) === setOf(label) && it <= label) continue;
    fail('hostile', 'contents', `${readable(it)} cannot be referred to by ${readable(label)}`, {
      path: readable(info.name),
    });
  }
  for (const it of found) {
    if (references.includes(it)) continue;
    fail('damaged', 'contents', `files refer to ${it}, which the manifest does not list`, {
      path: readable(info.name),
    });
  }

  const isOnline = option.flag('option-online');
  const start = backup.optionalText('backup-archive-start');
  const stop = backup.optionalText('backup-archive-stop');
  for (const it of [start, stop]) {
    if (it === undefined || /^[0-9A-F]{24}$/.test(it)) continue;
    fail('hostile', 'contents', `${readable(it)} is no name of a WAL segment`, { path: readable(info.name) });
  }
  return {
    object: info.name,
    label,
    type: backup.text('backup-type'),
    prior: backup.optionalText('backup-prior'),
    references,
    version,
    database: {
      id: db.count('db-id'),
      systemId: db.wide('db-system-id'),
      version: db.text('db-version'),
      catalogVersion: db.count('db-catalog-version'),
      controlVersion: db.count('db-control-version'),
    },
    compression: readCompression(option, info.name),
    isOnline,
    isBundled: backup.flag('backup-bundle'),
    isBundleRaw: backup.flag('backup-bundle-raw'),
    wal: isOnline && start !== undefined && stop !== undefined ? { start, stop } : undefined,
    startPosition: readPosition(backup.optionalText('backup-lsn-start') ?? ''),
    stopPosition: readPosition(backup.optionalText('backup-lsn-stop') ?? ''),
    pass: readPass(info),
    targets: readTargets(info),
    folders: readFolders(info),
    links: readLinks(info),
    fileMode: readMode(Section.of(info, 'target:file:default').optionalText('mode') ?? '0600'),
    fileOwner: readDefaultOwner(info, 'target:file:default'),
    databases: readDatabases(info),
  };
}

function readCompression(option: Section, where: ByteText): Compression {
  const name = option.optionalText('option-compress-type') ?? (option.flag('option-compress') ? 'gz' : 'none');
  if (isPgbackrestCompression(name)) return name;
  fail('unsupported', 'contents', `the compression ${readable(name)} is not known`, { path: readable(where) });
}

function readTargets(info: Info): Target[] {
  const targets = Section.of(info, 'backup:target');
  return targets.keys.map((name) => {
    const target = targets.object(name);
    safeParts(name);
    const oid = target.has('tablespace-id') ? readOid(target) : undefined;
    if (oid !== undefined && name !== `pg_tblspc/${oid}`) {
      fail('hostile', 'contents', `${readable(name)} is not the tablespace ${readable(oid)}`);
    }
    return {
      name,
      path: target.text('path'),
      isLink: target.text('type') === 'link',
      file: target.optionalText('file'),
      tablespace: oid === undefined ? undefined : { oid, name: target.optionalText('tablespace-name') ?? oid },
    };
  });
}

/** Text since the C implementation, a number before. */
function readOid(target: Section): string {
  try {
    return target.text('tablespace-id');
  } catch {
    return String(target.count('tablespace-id'));
  }
}

function readDatabases(info: Info): Manifest['databases'] {
  const databases = Section.of(info, 'db');
  return databases.keys.map((name) => ({ name, oid: databases.object(name).count('db-id') }));
}

function readFolders(info: Info): Manifest['folders'] {
  const fallback = Section.of(info, 'target:path:default').optionalText('mode') ?? '0700';
  const owner = readDefaultOwner(info, 'target:path:default');
  const folders = Section.of(info, 'target:path');
  return folders.keys.map((name) => {
    safeParts(name);
    const folder = folders.object(name);
    return { name, mode: readMode(folder.optionalText('mode') ?? fallback), owner: readOwner(folder, owner) };
  });
}

function readLinks(info: Info): Manifest['links'] {
  const links = Section.of(info, 'target:link');
  const owner = readDefaultOwner(info, 'target:link:default');
  return links.keys.map((name) => {
    safeParts(name);
    const link = links.object(name);
    return { name, destination: link.text('destination'), owner: readOwner(link, owner) };
  });
}

function readDefaultOwner(info: Info, section: string): OwnerNames {
  return readOwner(Section.of(info, section), { user: false, group: false });
}

function readOwner(from: Section, { user, group }: OwnerNames): OwnerNames {
  return { user: from.textOrFalse('user') ?? user, group: from.textOrFalse('group') ?? group };
}

/** The different names, few even in a large manifest. */
class OwnerList {
  readonly #users = new Set<ByteText>();
  readonly #groups = new Set<ByteText>();

  add({ user, group }: Partial<OwnerNames>): void {
    if (typeof user === 'string' && this.#users.size < mostOwners) this.#users.add(user);
    if (typeof group === 'string' && this.#groups.size < mostOwners) this.#groups.add(group);
  }

  get names(): Manifest['owners'] {
    return { users: [...this.#users], groups: [...this.#groups] };
  }
}

const mostOwners = 100;

/** Only permission bits: what restores a backup must not make set-uid files. */
function readMode(octal: string): number {
  if (!/^[0-7]{3,4}$/.test(octal)) fail('hostile', 'contents', `${readable(octal)} is no file mode`);
  return Number.parseInt(octal, 8) & 0o777;
}

function readEntry({ key: name, value, offset }: InfoLine): FileEntry {
  if (!isObject(value)) return refuse(name, 'is not described by an object', offset);
  const parts = safeParts(name, offset);
  if (parts.length < 2) refuse(name, 'is no file', offset);
  if (value.bis !== undefined || value.bims !== undefined) {
    fail('unsupported', 'contents', 'it has the beta form of block incremental of pgBackRest 2.44', {
      offset,
      reason: 'beta-block-format',
      hint: 'Only pgBackRest 2.44 and 2.45 can read that form; restore it with one of these.',
    });
  }
  const size = count(value, 'size', name, offset);
  const storedSize = count(value, 'repo-size', name, offset, size);
  const mapSize = count(value, 'bim', name, offset, 0);
  const bundleId = count(value, 'bni', name, offset, 0);
  const reference = value.reference;
  if (reference !== undefined && (typeof reference !== 'string' || !isLabel(reference))) {
    refuse(name, 'refers to what is no backup label', offset);
  }
  const checksum = value.checksum;
  if (size > 0 && !isSha1(checksum)) refuse(name, 'has no checksum', offset, 'damaged');
  if (mapSize > storedSize) refuse(name, 'has a block map larger than what is stored', offset);
  const mode = value.mode;
  return {
    name,
    size,
    mode: typeof mode === 'string' ? readMode(mode) : undefined,
    owner: readFileOwner(value),
    modifiedAt: count(value, 'timestamp', name, offset),
    checksum: isSha1(checksum) ? checksum : emptyChecksum,
    storedChecksum: isSha1(value.rck) ? value.rck : undefined,
    reference,
    bundle: bundleId > 0 ? { id: bundleId, offset: count(value, 'bno', name, offset, 0) } : undefined,
    storedSize,
    blocks:
      mapSize > 0
        ? {
            blockSize: count(value, 'bi', name, offset) * 8192,
            checksumSize: count(value, 'bic', name, offset, 6),
            mapSize,
          }
        : undefined,
    hasPageErrors: value['checksum-page'] === false,
  };
}

function readFileOwner({ user, group }: JsonObject): Partial<OwnerNames> | undefined {
  const owner: Partial<OwnerNames> = {};
  if (typeof user === 'string' || user === false) owner.user = user;
  if (typeof group === 'string' || group === false) owner.group = group;
  return owner.user === undefined && owner.group === undefined ? undefined : owner;
}

function count(value: JsonObject, key: string, name: ByteText, offset: number, fallback?: number): number {
  const found = value[key] ?? fallback;
  if (typeof found === 'number' && Number.isSafeInteger(found) && found >= 0) return found;
  return refuse(name, `has a ${key} that cannot be`, offset);
}

function isSha1(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && /^[0-9a-f]{40}$/.test(value);
}

function refuse(name: ByteText, what: string, offset: number, code: 'hostile' | 'damaged' = 'hostile'): never {
  fail(code, 'contents', `${readable(name).slice(0, 200)} ${what}`, { offset });
}
