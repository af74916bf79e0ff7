/**
 * Writes everything that is generated: `npm run generate` writes, `npm run generate -- --check` only compares,
 * lists what is stale and exits with 1. What is generated, and from what, is registered in generate/all.ts.
 */

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generators } from './generate/all.ts';
import type { GeneratedFile } from './generate/generator.ts';

export interface Difference {
  path: string;
  reason: 'missing' | 'stale' | 'left over';
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** Every difference between what the sources say and what lies in the checkout; writes the first unless told not to. */
export async function generate(mode: 'write' | 'check'): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const generator of generators) {
    const files = await generator.files();
    differences.push(...(await compare(files)));
    for (const folder of generator.ownedFolders ?? []) differences.push(...(await leftOver(folder, files)));
    if (mode === 'write') await write(files, differences);
  }
  return differences;
}

async function compare(files: GeneratedFile[]): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const { path, text } of files) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (present !== text) differences.push({ path, reason: present === undefined ? 'missing' : 'stale' });
  }
  return differences;
}

/** Files of a folder that a generator owns entirely and does not make any more, e.g. the page of a deleted rule. */
async function leftOver(folder: string, files: GeneratedFile[]): Promise<Difference[]> {
  const made = new Set(files.map((file) => file.path));
  const names = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
  return names
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !made.has(path))
    .map((path) => ({ path, reason: 'left over' as const }));
}

async function write(files: GeneratedFile[], differences: Difference[]): Promise<void> {
  const changed = new Set(differences.map((difference) => difference.path));
  for (const { path, text } of files) {
    if (!changed.has(path)) continue;
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  for (const { path, reason } of differences) if (reason === 'left over') await rm(join(root, path), { force: true });
}

async function main(mode: 'write' | 'check'): Promise<void> {
  const differences = await generate(mode);
  for (const { path, reason } of differences) console.log(`${mode === 'check' ? reason : 'written'}: ${path}`);
  if (mode === 'check' && differences.length > 0) {
    console.error('Generated files are not current: run `npm run generate` and commit the result.');
    process.exitCode = 1;
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  void main(process.argv.includes('--check') ? 'check' : 'write');
}
