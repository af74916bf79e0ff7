/** What can be folded away. Of YAML by indentation, as people read it, whether or not the document is one of ours. */

import type { Part } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import type { Workspace } from '../workspace.ts';

export interface Fold {
  /** Offsets in the file: in the first line that stays visible, and in the last that goes. */
  start: number;
  end: number;
  kind?: 'comment';
}

export function folds(workspace: Workspace, uri: string): Fold[] {
  return workspace.units(uri).flatMap(({ part, confs }) => {
    const found = part.language === 'conf' ? confs.flatMap(confFolds) : yamlFolds(part);
    return found.map((it) => ({ ...it, start: it.start + part.start, end: it.end + part.start }));
  });
}

function confFolds(conf: Conf): Fold[] {
  const lines = linesOf(conf.part.text);
  const found = commentFolds(lines);
  // The comment above the next section belongs to that one.
  for (const section of conf.tree.sections) {
    const end = section.options.at(-1)?.lineEnd ?? section.headerEnd;
    if (end > section.headerEnd && section.headerEnd > section.start) found.push({ start: section.start, end });
  }
  return found;
}

interface Line {
  start: number;
  end: number;
  /** Characters before the text; undefined for a line that holds none. */
  indent: number | undefined;
  text: string;
}

function yamlFolds(part: Part): Fold[] {
  const lines = linesOf(part.text);
  const found = commentFolds(lines);
  const open: { line: Line; depth: number; last: Line }[] = [];
  const close = (depth: number) => {
    while (open.length > 0 && open.at(-1)!.depth >= depth) {
      const { line, last } = open.pop()!;
      if (last !== line) found.push({ start: line.start, end: last.end });
      const above = open.at(-1);
      if (above) above.last = last;
    }
  };
  for (const line of lines) {
    if (line.indent === undefined) continue;
    const depth = depthOf(line);
    close(depth);
    open.push({ line, depth, last: line });
  }
  close(Number.NEGATIVE_INFINITY);
  return found;
}

/** The items of a list may stand right below the first letter of their key, and still belong to it. */
function depthOf({ indent = 0, text }: Line): number {
  if (indent === 0 && /^---(?:\s|$)/.test(text)) return -1;
  return 2 * indent + (/^-(?:\s|$)/.test(text) ? 1 : 0);
}

/** Two and more lines of comment that follow each other. */
function commentFolds(lines: readonly Line[]): Fold[] {
  const found: Fold[] = [];
  let first: Line | undefined;
  let last: Line | undefined;
  const finish = () => {
    if (first && last && last !== first) found.push({ start: first.start, end: last.end, kind: 'comment' });
    first = undefined;
  };
  for (const it of lines) {
    if (!it.text.startsWith('#')) {
      finish();
      continue;
    }
    first ??= it;
    last = it;
  }
  finish();
  return found;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const whole = text.slice(start, end);
    const trimmed = whole.trim();
    const indent = trimmed === '' ? undefined : whole.length - whole.trimStart().length;
    lines.push({ start, end: start + whole.trimEnd().length, indent, text: trimmed });
    start = end + 1;
  }
  return lines;
}
