/**
 * From the file system to the workspace: finds the files that may be ours, reads them, and names them by URI.
 * Shared by the language server and the command line. Decides nothing about what stands in them.
 */

import { promises as fs } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  candidatesBelow,
  type FolderEntry,
  isOurs,
  type LoadProblem,
  largestFileBytes,
  textOf,
  tooLarge,
} from './candidates.ts';
import { SETTINGS_NAMES } from './core/settings.ts';
import { toUri } from './uris.ts';

export interface LoadedFile {
  uri: string;
  text: string;
}

export interface Loaded {
  /** Only files with something of ours in them; the others are forgotten after a look. */
  files: LoadedFile[];
  /** How many files were read, ours or not. */
  examined: number;
  problems: LoadProblem[];
}

export interface LoadOptions {
  maxFiles?: number;
  signal?: AbortSignal;
}

/**
 * Reads files and whole folders. A file that is named is read whatever its name; in folders, names decide.
 * Never throws: what could not be read is in `problems`.
 */
export async function load(paths: readonly string[], options: LoadOptions = {}): Promise<Loaded> {
  const loaded: Loaded = { files: [], examined: 0, problems: [] };
  const seen = new Set<string>();
  for (const path of paths) {
    for await (const batch of loadBatches(path, options)) {
      for (const it of batch.files) if (!seen.has(it.uri)) loaded.files.push(it);
      for (const it of batch.files) seen.add(it.uri);
      loaded.examined += batch.examined;
      loaded.problems.push(...batch.problems);
    }
  }
  return loaded;
}

/** As `load` for one path, a few files at a time, so that a server can answer in between. */
export async function* loadBatches(path: string, options: LoadOptions = {}): AsyncGenerator<Loaded> {
  const problems: LoadProblem[] = [];
  let candidates: string[] = [];
  let isNamed = false;
  try {
    const stat = await fs.stat(path);
    isNamed = !stat.isDirectory();
    candidates = isNamed ? [path] : await candidatesBelow(path, list, childOf, problems, options);
  } catch (error) {
    problems.push(unreadable(path, error));
  }
  yield { files: [], examined: 0, problems };
  const batchSize = 32;
  for (let i = 0; i < candidates.length && !options.signal?.aborted; i += batchSize) {
    const batch: Loaded = { files: [], examined: 0, problems: [] };
    for (const it of await Promise.all(candidates.slice(i, i + batchSize).map(readText))) {
      if ('code' in it) {
        if (isNamed || it.code === 'unreadable') batch.problems.push(it);
        continue;
      }
      batch.examined++;
      const uri = toUri(it.path);
      if (isNamed || isOurs(uri, it.text)) batch.files.push({ uri, text: it.text });
    }
    yield batch;
  }
}

/** Text of a file, or why there is none. A byte-order mark stays: pgBackRest trips over it. */
export async function readText(path: string): Promise<{ path: string; text: string } | LoadProblem> {
  try {
    const stat = await fs.stat(path);
    // A pipe or a device would keep us waiting for ever.
    if (!stat.isFile()) return { code: 'unreadable', path, message: `${path} is not a regular file` };
    if (stat.size > largestFileBytes) return tooLarge(path);
    return textOf(path, await fs.readFile(path));
  } catch (error) {
    return unreadable(path, error);
  }
}

/**
 * The settings file that holds for a path and lies above it: up to the root of the checkout, or of the file system.
 * What lies below the path is found when the path is read.
 */
export async function settingsAbove(path: string): Promise<LoadedFile | undefined> {
  const absolute = resolve(path);
  for (let folder = absolute; ; folder = dirname(folder)) {
    for (const name of SETTINGS_NAMES) {
      const found = await readText(join(folder, name));
      if ('text' in found) return { uri: toUri(found.path), text: found.text };
    }
    if (dirname(folder) === folder || (await exists(join(folder, '.git')))) return undefined;
  }
}

function exists(path: string): Promise<boolean> {
  return fs.stat(path).then(
    () => true,
    () => false,
  );
}

async function list(folder: string): Promise<FolderEntry[] | LoadProblem> {
  try {
    const entries = await fs.readdir(folder, { withFileTypes: true });
    return entries.map((it) => ({
      name: it.name,
      kind: it.isDirectory() ? 'folder' : it.isFile() ? 'file' : 'other',
    }));
  } catch (error) {
    return unreadable(folder, error);
  }
}

function childOf(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

function unreadable(path: string, error: unknown): LoadProblem {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return { code: 'missing', path, message: `${path} does not exist` };
  return { code: 'unreadable', path, message: `${path} cannot be read (${code ?? 'unknown error'})` };
}
