import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { withInvalidCheckpoint } from '../../engine/src/archives/pgbackrest/pgControl.ts';
import type { TestRestoreJob } from '../../engine/src/job.ts';
import { type passOffer, testOne } from '../engine/pgbackrestRepository.ts';
import type { Cluster } from './pgbackrestCluster.ts';

export interface Restore {
  archive: string;
  keys: ReturnType<typeof passOffer>[];
  label: string;
  repository: number;
  /** What is asked of pgbackrest, and the same of us. `SPACES` stands for a folder of each side's own. */
  wish?: { theirs: string[]; ours: (spaces: string) => Partial<TestRestoreJob> };
}

/** Restores with both and compares every file: contents, mode, time, links, and the settings for recovery. */
export async function compareRestores(
  cluster: Cluster,
  { archive, keys, label, repository, wish }: Restore,
): Promise<void> {
  const theirs = path.join(cluster.folder, 'theirs');
  const spaces = path.join(cluster.folder, 'theirs-spaces');
  const ours = path.join(cluster.folder, 'ours');
  const ourSpaces = path.join(cluster.folder, 'ours-spaces');
  try {
    cluster.backrest([
      `--repo=${repository}`,
      `--pg1-path=${theirs}`,
      `--tablespace-map-all=${spaces}`,
      'restore',
      `--set=${label}`,
      ...(wish?.theirs ?? []).map((it) => it.replace('SPACES', spaces)),
    ]);
    const report = await testOne(archive, { backup: label, keys, to: ours, ...wish?.ours(ourSpaces) });
    expect(report.failure).toBeNull();
    const expected = tree(theirs);
    const found = tree(ours);
    for (const [name] of found) if (/^(?:tablespaces|links)(?:\/|$)/.test(name)) found.delete(name);
    expect([...found.keys()]).toEqual([...expected.keys()]);
    for (const [name, entry] of expected) {
      if (name === 'postgresql.auto.conf' || name === 'recovery.signal') {
        expect(found.get(name)?.mode, name).toBe(entry.mode);
      } else if (name === 'global/pg_control') {
        // 2.51 and later invalidate the checkpoint, 2.45 does not yet: we do as the newer ones.
        const control = readFileSync(path.join(theirs, name));
        const expectedControl = existsSync(path.join(theirs, 'recovery.signal'))
          ? withInvalidCheckpoint(control)
          : control;
        expect(readFileSync(path.join(ours, name)).equals(expectedControl ?? Buffer.alloc(0))).toBe(true);
        expect(found.get(name)).toMatchObject({ ...entry, digest: expect.any(String) });
      } else if (entry.kind === 'link') {
        expect(found.get(name)).toMatchObject({ kind: 'link', uid: entry.uid, gid: entry.gid });
        expect(contentsOf(path.join(ours, name))).toEqual(contentsOf(path.join(theirs, name)));
      } else {
        expect(found.get(name), name).toEqual(entry);
      }
    }
    expect(settings(ours)).toEqual(settings(theirs));
  } finally {
    for (const folder of [theirs, spaces, ours, ourSpaces]) rmSync(folder, { recursive: true, force: true });
  }
}

interface Entry {
  kind: 'file' | 'folder' | 'link';
  mode: number;
  uid: number;
  gid: number;
  modifiedAt?: number;
  digest?: string;
}

/** Everything below a folder, links not followed. */
function tree(root: string): Map<string, Entry> {
  const found = new Map<string, Entry>();
  for (const name of ['', ...readdirSync(root, { recursive: true, encoding: 'utf8' })].sort()) {
    const place = path.join(root, name);
    const stat = lstatSync(place);
    const common = { mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid };
    if (stat.isSymbolicLink()) found.set(name, { kind: 'link', ...common });
    else if (stat.isDirectory()) found.set(name, { kind: 'folder', ...common });
    else
      found.set(name, {
        kind: 'file',
        ...common,
        modifiedAt: stat.mtimeMs,
        digest: createHash('sha256').update(readFileSync(place)).digest('hex'),
      });
  }
  return found;
}

function contentsOf(link: string): [string, Entry][] {
  const target = path.resolve(path.dirname(link), readlinkSync(link));
  return lstatSync(target).isDirectory() ? [...tree(target)] : [...tree(path.dirname(target))].slice(1);
}

/** `postgresql.auto.conf` without what differs from run to run: the time, and how pgbackrest was called. */
function settings(data: string): string {
  return readFileSync(path.join(data, 'postgresql.auto.conf'), 'utf8')
    .replace(/ on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '')
    .replace(
      /restore_command = '.*pgbackrest .*archive-get %f "%p"'/,
      'restore_command = \'pgbackrest archive-get %f "%p"\'',
    );
}
