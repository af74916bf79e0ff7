/** `restorable check --fix`: makes the safe fixes of all files, as often as they bring new ones, and writes what changed. */

import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Finding } from '../core/finding.ts';
import { type Edit, inFile } from '../core/part.ts';
import { safeFixes } from '../core/queries/fixAll.ts';
import type { Workspace } from '../core/workspace.ts';
import { examinePending } from '../keyExaminer.ts';
import { toPath } from '../uris.ts';
import { describeChange } from './changeText.ts';
import type { Sources } from './sources.ts';
import { harmless, type Paint, type Terminal } from './terminal.ts';

/** A file whose text is another one now. */
export interface FixedFile {
  uri: string;
  before: string;
  after: string;
  /** What was cured, once per finding. */
  fixes: { rule: string; title: string }[];
}

/** A fix that brings a mistake which another fix takes back would go on for ever. */
const mostRounds = 10;

/**
 * Changes the texts of the workspace, not the disk. Fixes that touch the same text are made one after the other, each on what
 * the one before has left.
 */
export async function fixTexts(workspace: Workspace): Promise<FixedFile[]> {
  const files = new Map<string, FixedFile>();
  const fileOf = (uri: string) => {
    const text = workspace.text(uri) ?? '';
    const file = files.get(uri) ?? { uri, before: text, after: text, fixes: [] };
    files.set(uri, file);
    return file;
  };
  for (let round = 0; round < mostRounds; round++) {
    const chosen = safeFixes(await findingsOf(workspace));
    if (chosen.length === 0) break;
    const edits: Edit[] = [];
    for (const { finding, fix } of chosen) {
      for (const uri of new Set(fix.edits.map((it) => it.at.part.uri))) {
        fileOf(uri).fixes.push({ rule: finding.rule, title: fix.title });
      }
      edits.push(...fix.edits);
    }
    for (const [uri, text] of appliedEdits(workspace, edits)) {
      fileOf(uri).after = text;
      workspace.setFile(uri, text);
    }
  }
  return [...files.values()].filter((it) => it.after !== it.before);
}

/** The findings when all keys have been looked at. */
export async function findingsOf(workspace: Workspace): Promise<Finding[]> {
  let byUri = workspace.findings();
  while (await examinePending(workspace)) byUri = workspace.findings();
  return [...byUri.values()].flat();
}

function appliedEdits(workspace: Workspace, edits: readonly Edit[]): Map<string, string> {
  const byUri = new Map<string, { start: number; end: number; newText: string }[]>();
  for (const edit of edits) {
    const { uri, start, end } = inFile(edit.at);
    byUri.set(uri, [...(byUri.get(uri) ?? []), { start, end, newText: edit.newText }]);
  }
  const texts = new Map<string, string>();
  for (const [uri, list] of byUri) {
    let text = workspace.text(uri) ?? '';
    // New lines end as those of the file do.
    const isCrLf = /^[^\n]*\r\n/.test(text);
    for (const { start, end, newText } of list.toSorted((a, b) => b.start - a.start)) {
      text = text.slice(0, start) + (isCrLf ? newText.replace(/\r?\n/g, '\r\n') : newText) + text.slice(end);
    }
    texts.set(uri, text);
  }
  return texts;
}

/** A file that could not be written; the sentence says why and what has become of it. */
export interface WriteProblem {
  uri: string;
  message: string;
}

/**
 * Writes each file whole or not at all: beside it, with its permissions, then in its place. A file that is not as it was read
 * any more stays as it is.
 */
export async function writeFixed(files: readonly FixedFile[]): Promise<WriteProblem[]> {
  const problems: WriteProblem[] = [];
  for (const { uri, before, after } of files) {
    const path = toPath(uri);
    if (path === undefined) {
      problems.push({ uri, message: 'is no file of this machine' });
      continue;
    }
    try {
      // A link goes on pointing to the file that it pointed to.
      const real = await fs.realpath(path);
      const stat = await fs.stat(real);
      const present = new TextDecoder('utf-8', { ignoreBOM: true }).decode(await fs.readFile(real));
      if (present !== before) {
        problems.push({ uri, message: 'has been changed by somebody else in the meantime, and was left as it is' });
        continue;
      }
      await replaceFile(real, after, stat);
    } catch (error) {
      problems.push({
        uri,
        message: `cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      });
    }
  }
  return problems;
}

async function replaceFile(
  path: string,
  text: string,
  stat: { mode: number; uid: number; gid: number },
): Promise<void> {
  const beside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  // Nobody but us may look into it before it has the permissions of the old one.
  const handle = await fs.open(beside, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(text);
      if (process.platform !== 'win32') {
        // Only root may give a file away; for others it is theirs already, or stays so.
        await handle.chown(stat.uid, stat.gid).catch(() => undefined);
        await handle.chmod(stat.mode & 0o7777);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(beside, path);
  } catch (error) {
    await fs.rm(beside, { force: true });
    throw error;
  }
}

/** What was fixed, file by file. */
export function fixedText(files: readonly FixedFile[], sources: Sources, paint: Paint): string {
  return files
    .map(({ uri, fixes }) => {
      const lines = fixes.map((it) => `  ${paint('green', 'fixed')} ${harmless(it.title)} ${paint('dim', it.rule)}`);
      return `${paint('bold', harmless(sources.name(uri)))}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

/** The changes as one reads a diff, with every secret taken out: to be looked at, not to be applied. */
export function diffText(
  files: readonly FixedFile[],
  before: Workspace,
  after: Workspace,
  sources: Sources,
  terminal: Terminal,
): string {
  return files
    .map(
      (it) =>
        `${terminal.paint('bold', harmless(sources.name(it.uri)))}\n${describeChange(it, before, after, terminal.paint)}`,
    )
    .join('\n');
}
