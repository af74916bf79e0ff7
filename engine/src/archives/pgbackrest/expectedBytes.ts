/** How many stored bytes a test will read, for a progress that ends at 100 %. */

import type { Manifest } from './manifest.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';

/**
 * Bytes of the WAL objects from the backup's start to its stop, or to the newest one; 0 where there is no archive. What
 * cannot be read says so when it is tested.
 */
export async function walObjectBytes(
  files: RepositoryFiles,
  { stanza, wal }: Pick<Manifest, 'stanza' | 'wal'>,
  until: 'stop' | 'latest' = 'stop',
): Promise<number> {
  if (!wal) return 0;
  const isWanted = (segment: string) => segment >= wal.start && (until === 'latest' || segment <= wal.stop);
  let bytes = 0;
  for (const id of await namesIn(files, `archive/${stanza}`)) {
    if (!/^\d+(\.\d+)?-\d+$/.test(id)) continue;
    for (const part of await namesIn(files, `archive/${stanza}/${id}`)) {
      const isPart = /^[0-9A-F]{16}$/.test(part) && part >= wal.start.slice(0, 16);
      if (!isPart || (until === 'stop' && part > wal.stop.slice(0, 16))) continue;
      const folder = `archive/${stanza}/${id}/${part}`;
      for (const name of await namesIn(files, folder)) {
        if (!/^[0-9A-F]{24}-[0-9a-f]{40}/.test(name) || !isWanted(name.slice(0, 24))) continue;
        bytes += (await files.size(`${folder}/${name}`).catch(() => undefined)) ?? 0;
      }
    }
  }
  return bytes;
}

/** Bytes of everything in the archive of a stanza. */
export async function archiveBytes(files: RepositoryFiles, stanza: string): Promise<number> {
  let bytes = 0;
  const add = async (folder: string, depth: number): Promise<void> => {
    for (const name of await namesIn(files, folder)) {
      if (depth > 0) await add(`${folder}/${name}`, depth - 1);
      else bytes += (await files.size(`${folder}/${name}`).catch(() => undefined)) ?? 0;
    }
  };
  await add(`archive/${stanza}`, 2);
  return bytes;
}

async function namesIn(files: RepositoryFiles, folder: string): Promise<string[]> {
  return (await files.list(folder).catch(() => undefined)) ?? [];
}
