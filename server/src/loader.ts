/**
 * From the file system to the workspace: finds the files that may be ours, reads them, and names them by URI.
 * Shared by the language server and the command line. Decides nothing about what stands in them.
 */

import { type Dirent, promises as fs } from 'node:fs';
import { dirname, join, posix, resolve, win32 } from 'node:path';
import { mayHoldManifest } from './core/kinds.ts';
import { languageOf, withoutRenderer } from './core/workspace.ts';

/** Manifests and confs are small; what is larger is data. */
export const largestFileBytes = 12_000_000;

/** A workspace with more candidates than this is somebody's home directory. */
export const mostFiles = 20_000;

export interface LoadedFile {
  uri: string;
  text: string;
}

export interface LoadProblem {
  code: 'missing' | 'unreadable' | 'too-large' | 'binary' | 'too-many';
  path: string;
  /** One sentence for people, with the path. */
  message: string;
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
    candidates = isNamed ? [path] : await candidatesBelow(path, options, problems);
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

/** true when the workspace can say something about the text. */
export function isOurs(uri: string, text: string): boolean {
  const language = languageOf(uri, text);
  return language === 'yaml' ? mayHoldManifest(text) : language !== 'other';
}

/** By its name, a file that is worth a look. */
export function isCandidate(path: string): boolean {
  const name = withoutRenderer(path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1));
  return (
    /\.(?:ya?ml|json|conf(?:\.(?:example|sample|dist))?|(?:ba|k|z)?sh)$/i.test(name) ||
    name === 'Kustomization' ||
    name === '.restorablerc' ||
    /^crontab$/.test(name) ||
    // Programs and cron tables have no ending; what stands in them decides.
    (!name.includes('.') && /backup|restore|pgbackrest|wal-?g|pg_?dump/i.test(name)) ||
    /[\\/]cron\.(?:d|hourly|daily|weekly|monthly)[\\/][^\\/]+$/.test(path) ||
    /[\\/]conf\.d[\\/][^\\/]+\.(?:cnf|ini|cfg|config|txt)$/.test(path)
  );
}

/** Text of a file, or why there is none. A byte-order mark stays: pgBackRest trips over it. */
export async function readText(path: string): Promise<{ path: string; text: string } | LoadProblem> {
  try {
    const stat = await fs.stat(path);
    // A pipe or a device would keep us waiting for ever.
    if (!stat.isFile()) return { code: 'unreadable', path, message: `${path} is not a regular file` };
    if (stat.size > largestFileBytes) {
      return { code: 'too-large', path, message: `${path} is too large to be a manifest or a configuration` };
    }
    const bytes = await fs.readFile(path);
    if (bytes.subarray(0, 8_000).includes(0)) {
      return { code: 'binary', path, message: `${path} is binary, not a manifest or a configuration` };
    }
    return { path, text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) };
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

const SETTINGS_NAMES = ['.restorablerc', '.restorablerc.yaml', '.restorablerc.yml', '.restorablerc.json'];

function exists(path: string): Promise<boolean> {
  return fs.stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * The one URI by which the workspace knows a path. Every step is percent-encoded, and a drive letter is small, as in the
 * URIs that most editors send; `canonicalUri` brings the others to this form.
 */
export function toUri(path: string, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return `file://${encodeSteps(posix.resolve(path))}`;
  const absolute = win32.resolve(path).replaceAll('\\', '/');
  if (absolute.startsWith('//')) return `file:${encodeSteps(absolute)}`;
  return `file:///${encodeSteps(absolute.replace(/^[A-Z]:/, (it) => it.toLowerCase()))}`;
}

/** The path of a `file:` URI; undefined for every other scheme, and for what is no URI. */
export function toPath(uri: string, platform: NodeJS.Platform = process.platform): string | undefined {
  const match = /^file:\/\/([^/?#]*)(\/[^?#]*)/i.exec(uri);
  if (!match) return undefined;
  const host = match[1] === 'localhost' ? '' : match[1]!;
  let path: string;
  try {
    path = decodeURIComponent(match[2]!);
  } catch {
    return undefined;
  }
  if (path.includes('\u0000')) return undefined;
  if (platform !== 'win32') return host === '' ? path : undefined;
  if (host) return `\\\\${decodeURIComponent(host)}${path.replaceAll('/', '\\')}`;
  return path.replace(/^\/(?=[A-Za-z]:)/, '').replaceAll('/', '\\');
}

/** The workspace's form of any URI that an editor may send for a file; other schemes stay as they are. */
export function canonicalUri(uri: string, platform: NodeJS.Platform = process.platform): string {
  const path = toPath(uri, platform);
  return path === undefined ? uri : toUri(path, platform);
}

async function candidatesBelow(root: string, options: LoadOptions, problems: LoadProblem[]): Promise<string[]> {
  const limit = options.maxFiles ?? mostFiles;
  const found: string[] = [];
  const folders = [root];
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    if (options.signal?.aborted) break;
    let entries: Dirent[];
    try {
      entries = await fs.readdir(folder, { withFileTypes: true });
    } catch (error) {
      problems.push(unreadable(folder, error));
      continue;
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = posixJoin(folder, entry.name);
      // Links are not followed: what they point to inside the folder is found by itself, and outside is not ours to read.
      if (entry.isDirectory()) {
        if (!PASSED_OVER.has(entry.name)) folders.push(path);
      } else if (entry.isFile() && isCandidate(entry.name)) {
        if (found.length >= limit) {
          const message = `${root} has more than ${limit} files that may be manifests; the others are not looked at`;
          problems.push({ code: 'too-many', path: root, message });
          return found;
        }
        found.push(path);
      }
    }
  }
  return found;
}

const PASSED_OVER = new Set(['node_modules', '.git', '.hg', '.svn', '.jj', '.terraform', '.venv', '__pycache__']);

function posixJoin(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

function encodeSteps(path: string): string {
  return path.split('/').map(encodeStep).join('/');
}

function encodeStep(step: string): string {
  try {
    return encodeURIComponent(step);
  } catch {
    // Half a surrogate pair has no UTF-8 form.
    return encodeURIComponent(step.replace(/[\ud800-\udfff]/g, '\ufffd'));
  }
}

function unreadable(path: string, error: unknown): LoadProblem {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return { code: 'missing', path, message: `${path} does not exist` };
  return { code: 'unreadable', path, message: `${path} cannot be read (${code ?? 'unknown error'})` };
}
