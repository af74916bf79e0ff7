/** The product as it is shipped, bundled from the sources once per run: no test must see a stale build. */

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import './runFolder.ts';

/** `web` is a part of `all`. */
type Part = 'all' | 'web';

const made = new Map<Part, Promise<string>>();

/**
 * The folder of the bundles, as `dist` is. The first file of a run that asks makes them, the others wait for it.
 *
 * @throws Error when they cannot be built
 */
export function bundles(part: Part): Promise<string> {
  const folder = made.get(part) ?? (inject('runFolder') === undefined ? ownBundles(part) : sharedBundles(part));
  made.set(part, folder);
  return folder;
}

async function sharedBundles(part: Part): Promise<string> {
  const shared = inject('runFolder') as string;
  if (part === 'web' && existsSync(join(shared, 'all'))) return join(shared, 'all');
  const done = join(shared, part);
  const failed = `${done}.failed`;
  if (isFirst(`${done}.begun`)) {
    try {
      await build(part, `${done}.unfinished`);
      renameSync(`${done}.unfinished`, done);
    } catch (error) {
      writeFileSync(failed, String(error));
      throw error;
    }
  }
  while (!existsSync(done)) {
    if (existsSync(failed)) throw new Error(readFileSync(failed, 'utf8'));
    await wait(50);
  }
  return done;
}

/** Of several processes, one makes a folder. */
function isFirst(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function ownBundles(part: Part): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'restorable-dist-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  await build(part, folder);
  return folder;
}

async function build(part: Part, folder: string): Promise<void> {
  const only = part === 'web' ? ['--only', 'web'] : [];
  await promisify(execFile)(process.execPath, ['tools/build.mjs', ...only, '--out', folder]);
}
