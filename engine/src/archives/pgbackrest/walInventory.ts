/** What lies in a WAL archive, by name alone: segments in order, gaps between them, and the small files beside them. */

import { type ByteText, readable } from './byteText.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';
import { nextSegment } from './wal.ts';

export interface WalInventory {
  /** `15-1`. */
  id: string;
  /** Names of segments, ascending, each once. */
  segments: string[];
  /** Objects that are not whole segments, relative to the repository. */
  histories: ByteText[];
  backupMarks: ByteText[];
  partials: ByteText[];
  /** What pgBackRest does not write, or has not finished. */
  others: ByteText[];
}

/** One for every database version that archived here, oldest first. */
export async function walInventories(files: RepositoryFiles, stanza: ByteText): Promise<WalInventory[]> {
  const inventories: WalInventory[] = [];
  for (const id of (await files.list(`archive/${stanza}`)) ?? []) {
    if (/^\d+(\.\d+)?-\d+$/.test(id)) inventories.push(await inventoryOf(files, `archive/${stanza}/${id}`, id));
  }
  return inventories.sort((a, b) => historyId(a) - historyId(b));
}

/** Where segments are missing between the first and the last of a timeline. */
export function gapsIn({ segments }: WalInventory, segmentBytes: number): { after: string; before: string }[] {
  const gaps: { after: string; before: string }[] = [];
  for (const [index, before] of segments.entries()) {
    const after = segments[index - 1];
    if (after === undefined || after.slice(0, 8) !== before.slice(0, 8)) continue;
    if (nextSegment(after, segmentBytes) !== before) gaps.push({ after, before });
  }
  return gaps;
}

async function inventoryOf(files: RepositoryFiles, folder: ByteText, id: string): Promise<WalInventory> {
  const inventory: WalInventory = {
    id: readable(id),
    segments: [],
    histories: [],
    backupMarks: [],
    partials: [],
    others: [],
  };
  for (const name of (await files.list(folder)) ?? []) {
    const object = `${folder}/${name}`;
    if (/^[0-9A-F]{8}\.history$/.test(name)) inventory.histories.push(object);
    else if (/^[0-9A-F]{16}$/.test(name)) await sortFolder(files, object, inventory);
    else inventory.others.push(object);
  }
  return inventory;
}

async function sortFolder(files: RepositoryFiles, folder: ByteText, inventory: WalInventory): Promise<void> {
  const prefix = folder.slice(-16);
  for (const name of (await files.list(folder)) ?? []) {
    const [, segment, kind] = /^([0-9A-F]{24})(-|\.partial-|\.[0-9A-F]{8}\.backup$)/.exec(name) ?? [];
    const object = `${folder}/${name}`;
    if (segment === undefined || !segment.startsWith(prefix) || name.endsWith('.pgbackrest.tmp'))
      inventory.others.push(object);
    else if (kind === '-') {
      if (inventory.segments.at(-1) !== segment) inventory.segments.push(segment);
    } else if (kind === '.partial-') inventory.partials.push(object);
    else inventory.backupMarks.push(object);
  }
}

function historyId({ id }: WalInventory): number {
  return Number(id.slice(id.indexOf('-') + 1));
}
