/** Recognises a pgBackRest repository from any folder inside it, by the names that pgBackRest gives. */

import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { RestoreError } from '../../failure.ts';
import { ioFailure } from '../../files/source.ts';
import { isLabel } from './backupInfo.ts';
import { isMissing } from './repositoryFiles.ts';

export interface Location {
  /** The folder that holds `archive` and `backup`. */
  root: string;
  /** Set where the path leads into one stanza, one backup. */
  stanza?: string;
  label?: string;
  /** The folder is a part that was copied alone: `archive` or `backup` of a stanza without what belongs above it. */
  isPart?: boolean;
}

/**
 * undefined when the path is no folder of a repository.
 *
 * @throws RestoreError `io` when it may be one but cannot be looked into
 */
export async function locate(start: string): Promise<Location | undefined> {
  const absolute = path.resolve(start);
  if (!(await stat(absolute).catch(() => undefined))?.isDirectory()) return undefined;
  let folder = absolute;
  for (let levels = 0; levels < 8; levels++) {
    const stanzas = await (folder === absolute ? stanzasOf(folder) : stanzasAbove(folder));
    if (stanzas.length > 0) {
      const [, stanza, third] = path.relative(folder, absolute).split(path.sep);
      return { root: folder, stanza, label: third !== undefined && isLabel(third) ? third : undefined };
    }
    const parent = path.dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  return (await isStanzaFolder(absolute)) ? { root: absolute, isPart: true } : undefined;
}

/**
 * The stanzas of a repository, sorted; empty when the folder is none.
 *
 * @throws RestoreError `io` when it cannot be looked into
 */
export async function stanzasOf(root: string): Promise<string[]> {
  const found = new Set<string>();
  for (const half of ['archive', 'backup']) {
    for (const name of await names(path.join(root, half))) {
      if (await isStanzaFolder(path.join(root, half, name))) found.add(name);
    }
  }
  return [...found].sort();
}

/** A folder above the one that was named may be closed to us: then nothing is above. */
async function stanzasAbove(folder: string): Promise<string[]> {
  try {
    return await stanzasOf(folder);
  } catch (error) {
    if (error instanceof RestoreError) return [];
    throw error;
  }
}

async function isStanzaFolder(folder: string): Promise<boolean> {
  return (await names(folder)).some((it) => /^(archive|backup)\.info(\.copy)?$/.test(it) || isLabel(it));
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw ioFailure(error, folder, 'open');
  }
}
