/** A backup and those it is built on: which files are taken from which of them, and from which of their tars. */

import { shown } from '../../contents/tar.ts';
import { type Failure, fail, RestoreError } from '../../failure.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { type FileList, type ListedFile, readFileList } from './fileList.ts';
import { splitExtension } from './names.ts';
import { type BackupRecord, readRecord } from './sentinel.ts';
import { LAST_FILES } from './tarCheck.ts';

/** What is to be read of one backup of a chain. */
export interface ChainLink {
  record: BackupRecord;
  /** Its tars in the order of their names, with those that are restored last at the end. */
  tars: PlannedTar[];
  /** Members that its tars must hold between them; undefined: nobody recorded it, all of them are taken. */
  members: Map<string, Pick<ListedFile, 'isIncremented'>> | undefined;
  /** Made over the network, from the tars that PostgreSQL sends: the labels lie in one of them. */
  isRemote: boolean;
  /** Pages that were wrong already when the backup was made. */
  corruptFiles: string[];
  storedBytes: number;
}

export interface PlannedTar {
  object: string;
  /** Only what is listed for this very tar; undefined: any member of the backup may be in it. */
  listed: string[] | undefined;
  /** pg_control and backup_label: after all others. */
  isLast: boolean;
  storedBytes: number;
}

const longestChain = 1000;

/**
 * The records from the backup itself down to its full backup.
 *
 * @throws RestoreError `incomplete`, `damaged`, stage `chain`
 */
export async function readChain(files: BucketFiles, folder: string, newest: BackupRecord): Promise<BackupRecord[]> {
  const chain = [newest];
  for (let record = newest; record.delta; ) {
    const { from, fullName, fromLsn } = record.delta;
    if (chain.some((it) => it.name === from) || chain.length > longestChain) {
      fail('damaged', 'chain', `the deltas of ${newest.name} go round in a circle`, {
        path: record.object,
        hint: 'Its sentinel was changed, or is of another backup: copy it again.',
      });
    }
    const base = await readRecord(files, folder, from).catch((error: unknown) => {
      if (!(error instanceof RestoreError) || error.failure.code !== 'incomplete') throw error;
      return fail('incomplete', 'chain', `${record.name} is a delta to ${from}, which is not there`, {
        path: error.failure.path,
        hint: `Copy ${from} and all it is built on, down to ${fullName}; if it was deleted, the delta cannot be restored.`,
      });
    });
    if (fromLsn !== undefined && base.startLsn !== undefined && fromLsn !== base.startLsn) {
      fail('damaged', 'chain', `${record.name} is a delta to another backup than the ${from} that is there`, {
        path: base.object,
        hint: 'Its start LSN is another one: copies of two archives were mixed.',
      });
    }
    if (base.systemId !== undefined && record.systemId !== undefined && base.systemId !== record.systemId) {
      fail('damaged', 'chain', `${from} is of another cluster than ${record.name}`, {
        path: base.object,
        hint: 'Copies of two archives were mixed: copy both backups again.',
      });
    }
    chain.push(base);
    record = base;
  }
  return chain;
}

/**
 * What is read of each backup, the full one first.
 *
 * @param chain the newest first
 * @param onFailure what does not stop the test: a tar that is missing
 * @throws RestoreError when a list of files cannot be read, or the lists do not fit each other
 */
export async function planChain(
  files: BucketFiles,
  folder: string,
  chain: readonly BackupRecord[],
  onFailure: (failure: Failure) => void,
): Promise<ChainLink[]> {
  const links: ChainLink[] = [];
  /** Files that the next newer backup needs from its base; undefined: all. */
  let wanted: Set<string> | undefined;
  for (const record of chain) {
    const list = await listOf(files, folder, record);
    const isBase = record.delta === undefined;
    if (list === undefined && !isBase) {
      fail('damaged', 'chain', `${record.name} is a delta, but has no list of the files that it changes`, {
        path: record.object,
        hint: 'WAL-G cannot restore it either: use its base, or another backup.',
      });
    }
    const { members, needed, corruptFiles } = selectMembers(record, list, wanted);
    const tars = await tarsOf(files, `${folder}/${record.name}/tar_partitions`, list, onFailure);
    links.unshift({
      record,
      members,
      corruptFiles,
      tars,
      isRemote: ![...tars.map((it) => it.object), ...(list?.tars.keys() ?? [])].some((it) =>
        /backup_label\.tar/.test(it),
      ),
      storedBytes: tars.reduce((sum, it) => sum + it.storedBytes, 0),
    });
    wanted = needed;
  }
  return links;
}

/** A path as lists write it, without the slashes around it: folders of remote backups end with one. */
export function listedPath(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}

async function listOf(files: BucketFiles, folder: string, record: BackupRecord): Promise<FileList | undefined> {
  let list: FileList | undefined;
  const object = `${folder}/${record.name}/files_metadata.json`;
  if (record.hasOwnFileList) list = await readFileList(files.read(record.object), record.object);
  else if (record.hasFilesMetadata && ((await files.has(object)) || record.version >= 2)) {
    list = await readFileList(files.read(object), object);
  }
  // An empty list is what a backup without one has: everything is taken.
  return list && list.files.size > 0 ? list : undefined;
}

function selectMembers(
  record: BackupRecord,
  list: FileList | undefined,
  wanted: Set<string> | undefined,
): { members: ChainLink['members']; needed: Set<string>; corruptFiles: string[] } {
  const needed = new Set<string>();
  const corruptFiles: string[] = [];
  if (!list) {
    const members = wanted && new Map([...wanted].map((it) => [it, { isIncremented: false }]));
    return { members, needed, corruptFiles };
  }
  const members = new Map<string, Pick<ListedFile, 'isIncremented'>>();
  for (const path of wanted ?? []) {
    if (list.files.has(`/${path}`) || list.files.has(path)) continue;
    fail('incomplete', 'chain', `${shown(path)} is to be taken from ${record.name}, which does not have it`, {
      path: record.object,
      hint: 'The list of files of the delta, or of its base, is of another backup: copy both again. If they are whole, the file was never stored: WAL-G up to 2.0 does that to a second delta with WALG_DELTA_ORIGIN=LATEST_FULL, and restores without the file.',
    });
  }
  for (const file of list.files.values()) {
    const path = listedPath(file.path);
    if (LAST_FILES.has(path) || (wanted && !wanted.has(path))) continue;
    if (file.corruptBlocks > 0) corruptFiles.push(shown(path));
    if ((file.isSkipped || file.isIncremented) && !record.delta) {
      fail('damaged', 'chain', `the full backup ${record.name} leaves ${shown(path)} to a base that it does not have`, {
        path: record.object,
        hint: 'Its sentinel or its list of files was changed, or is of another backup: copy both again.',
      });
    }
    if (file.isSkipped || file.isIncremented) needed.add(path);
    if (!file.isSkipped) members.set(path, file);
  }
  return { members, needed, corruptFiles };
}

async function tarsOf(
  files: BucketFiles,
  folder: string,
  list: FileList | undefined,
  onFailure: (failure: Failure) => void,
): Promise<PlannedTar[]> {
  const names = (await files.list(folder)) ?? [];
  if (names.length === 0) {
    fail('incomplete', 'chain', `there are no tars in ${folder}`, {
      path: folder,
      hint: 'Copy the whole folder of the backup: the sentinel alone holds no data.',
    });
  }
  const tars: PlannedTar[] = [];
  for (const name of names) {
    const { base } = splitExtension(name);
    if (!base.endsWith('.tar')) {
      fail('unsupported', 'open', `${name} is no tar that WAL-G writes`, {
        path: `${folder}/${name}`,
        hint: 'WAL-G reads everything in this folder, and fails on what it does not know: take it away.',
      });
    }
    const isLast = /^(?:pg_control|backup_label)\.tar$/.test(base);
    const object = `${folder}/${name}`;
    tars.push({ object, listed: list?.tars.get(name)?.map(listedPath), isLast, storedBytes: files.size(object) });
  }
  if (list) checkLists(list, names, folder, onFailure);
  for (const name of list?.tars.keys() ?? []) {
    if (names.includes(name)) continue;
    onFailure({
      code: 'incomplete',
      stage: 'open',
      path: `${folder}/${name}`,
      message: `${name} is missing: ${list?.tars.get(name)?.length ?? 0} files of the backup are in it`,
      hint: 'Copy it again from the bucket. WAL-G would restore without it and say nothing.',
    });
  }
  return tars.sort((a, b) => Number(a.isLast) - Number(b.isLast));
}

/** WAL-G writes both lists at once: what one has and the other does not, somebody has taken away. */
function checkLists(
  list: FileList,
  names: readonly string[],
  folder: string,
  onFailure: (failure: Failure) => void,
): void {
  const refuse = (tar: string, message: string, hint: string) =>
    onFailure({ code: 'damaged', stage: 'contents', path: `${folder}/${tar}`, message, hint });
  for (const [tar, paths] of list.tars) {
    const odd = paths.find((it) => {
      const file = list.files.get(it);
      return file ? file.isSkipped : !LAST_FILES.has(listedPath(it));
    });
    if (odd === undefined) continue;
    const what = list.files.has(odd) ? 'leaves it to the base of the delta' : 'does not have it';
    refuse(
      tar,
      `${shown(listedPath(odd))} is in the list of ${tar}, but the backup's list of files ${what}`,
      'files_metadata.json was changed: copy it again. WAL-G would restore without the file and say nothing.',
    );
  }
  const strange =
    list.tars.size === 0 ? undefined : names.find((it) => !list.tars.has(it) && !/^pg_control\./.test(it));
  if (strange === undefined) return;
  refuse(
    strange,
    `${strange} is in none of the backup's lists`,
    'It is of another backup, and WAL-G would unpack it over this one: take it away, or copy the whole folder again.',
  );
}
