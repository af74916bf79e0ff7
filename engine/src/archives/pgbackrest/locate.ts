/** Recognises a pgBackRest repository from any folder inside it, by the names that pgBackRest gives. */

import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { isLabel } from './backupInfo.ts';

export interface Location {
  /** The folder that holds `archive` and `backup`. */
  root: string;
  /** Set where the path leads into one stanza, one backup. */
  stanza?: string;
  label?: string;
  /** The folder is a part that was copied alone: `archive` or `backup` of a stanza without what belongs above it. */
  isPart?: boolean;
}

/** undefined when the path is no folder of a repository. */
export async function locate(start: string): Promise<Location | undefined> {
  const absolute = path.resolve(start);
  if (!(await stat(absolute).catch(() => undefined))?.isDirectory()) return undefined;
  let folder = absolute;
  for (let levels = 0; levels < 8; levels++) {
    if ((await stanzasOf(folder)).length > 0) {
      const [, stanza, third] = path.relative(folder, absolute).split(path.sep);
      return { root: folder, stanza, label: third !== undefined && isLabel(third) ? third : undefined };
    }
    const parent = path.dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  return (await isStanzaFolder(absolute)) ? { root: absolute, isPart: true } : undefined;
}

/** The stanzas of a repository, sorted; empty when the folder is none. */
export async function stanzasOf(root: string): Promise<string[]> {
  const found = new Set<string>();
  for (const half of ['archive', 'backup']) {
    for (const name of await names(path.join(root, half))) {
      if (await isStanzaFolder(path.join(root, half, name))) found.add(name);
    }
  }
  return [...found].sort();
}

async function isStanzaFolder(folder: string): Promise<boolean> {
  return (await names(folder)).some((it) => /^(archive|backup)\.info(\.copy)?$/.test(it) || isLabel(it));
}

async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
