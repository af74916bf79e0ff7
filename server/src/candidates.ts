/**
 * Which files of a folder may be ours, and what is read of them, wherever they lie: on this machine (loader.ts), or where
 * only the editor can look (lsp/clientFiles.ts). Decides nothing about what stands in them.
 */

import { mayHoldManifest } from './core/kinds.ts';
import { languageOf, withoutRenderer } from './core/workspace.ts';

/** Manifests and confs are small; what is larger is data. */
export const largestFileBytes = 12_000_000;

/** A workspace with more candidates than this is somebody's home directory. */
export const mostFiles = 20_000;

export interface LoadProblem {
  code: 'missing' | 'unreadable' | 'too-large' | 'binary' | 'too-many';
  path: string;
  /** One sentence for people, with the path. */
  message: string;
}

/** What lies in a folder. Links are neither: what they point to inside the folder is found by itself, the rest is not ours. */
export interface FolderEntry {
  name: string;
  kind: 'file' | 'folder' | 'other';
}

/**
 * The files below a folder that are worth a look, level by level, each level by name.
 *
 * @param list what lies in a folder, or why it cannot be read; need not be in order
 * @param child the address of an entry, in the form that `root` has
 * @param problems gets what went wrong
 */
export async function candidatesBelow(
  root: string,
  list: (folder: string) => Promise<readonly FolderEntry[] | LoadProblem>,
  child: (folder: string, name: string) => string,
  problems: LoadProblem[],
  { maxFiles = mostFiles, signal }: { maxFiles?: number; signal?: AbortSignal } = {},
): Promise<string[]> {
  const found: string[] = [];
  const folders = [root];
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    if (signal?.aborted) break;
    const entries = await list(folder);
    if ('code' in entries) {
      problems.push(entries);
      continue;
    }
    for (const { name, kind } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (kind === 'folder') {
        if (!PASSED_OVER.has(name)) folders.push(child(folder, name));
      } else if (kind === 'file' && isCandidate(name)) {
        if (found.length >= maxFiles) {
          const message = `${root} has more than ${maxFiles} files that may be manifests; the others are not looked at`;
          problems.push({ code: 'too-many', path: root, message });
          return found;
        }
        found.push(child(folder, name));
      }
    }
  }
  return found;
}

/** The text of a file's bytes, or why it is none. A byte-order mark stays: pgBackRest trips over it. */
export function textOf(path: string, bytes: Uint8Array): { path: string; text: string } | LoadProblem {
  if (bytes.length > largestFileBytes) return tooLarge(path);
  if (bytes.subarray(0, 8_000).includes(0)) {
    return { code: 'binary', path, message: `${path} is binary, not a manifest or a configuration` };
  }
  return { path, text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) };
}

export function tooLarge(path: string): LoadProblem {
  return { code: 'too-large', path, message: `${path} is too large to be a manifest or a configuration` };
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

const PASSED_OVER = new Set(['node_modules', '.git', '.hg', '.svn', '.jj', '.terraform', '.venv', '__pycache__']);
