/** Two texts of one file as a diff for people: changed lines with a little around them, every secret replaced. */

import type { Workspace } from '../core/workspace.ts';
import { excerptOf } from './excerpt.ts';
import { harmless, type Paint } from './terminal.ts';

const contextLines = 2;

interface Line {
  sign: ' ' | '-' | '+';
  text: string;
}

export function describeChange(
  { uri, before, after }: { uri: string; before: string; after: string },
  workspaceBefore: Workspace,
  workspaceAfter: Workspace,
  paint: Paint,
): string {
  const old = shownLines(workspaceBefore, uri, before);
  const now = shownLines(workspaceAfter, uri, after);
  const lines = difference(before.split('\n'), after.split('\n')).map(({ sign, index }): Line => {
    const text = (sign === '+' ? now : old)(index);
    return { sign, text };
  });
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - contextLines), i + contextLines + 1).some((it) => it.sign !== ' '),
  );
  const out: string[] = [];
  for (const [i, { sign, text }] of lines.entries()) {
    if (!near[i]) {
      if (i > 0 && near[i - 1]) out.push(paint('dim', '  …'));
      continue;
    }
    const line = `  ${sign} ${harmless(text.replaceAll('\t', ' '))}`;
    out.push(sign === '+' ? paint('green', line) : sign === '-' ? paint('red', line) : paint('dim', line));
  }
  return `${out.join('\n')}\n`;
}

/** A line as it may be shown: an excerpt of its first character that says something. */
function shownLines(workspace: Workspace, uri: string, text: string): (index: number) => string {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (index) => {
    const start = starts[index] ?? text.length;
    const line = /[^\r\n]*/.exec(text.slice(start))![0];
    const first = line.search(/\S/);
    const unit = workspace.unitAt(uri, start + Math.max(0, first));
    if (first < 0 || !unit) return line;
    const at = unit.offset;
    return excerptOf(workspace, unit.part.place(at, at + line.trim().length)).text;
  };
}

/** Lines that stay, go and come, by their index in the old text (`+`: in the new one). */
function difference(old: readonly string[], now: readonly string[]): { sign: Line['sign']; index: number }[] {
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const a = old.slice(head, old.length - tail);
  const b = now.slice(head, now.length - tail);
  return [
    ...old.slice(0, head).map((_, index) => ({ sign: ' ' as const, index })),
    ...middle(a, b).map(({ sign, index }) => ({ sign, index: index + head })),
    ...old.slice(old.length - tail).map((_, index) => ({ sign: ' ' as const, index: old.length - tail + index })),
  ];
}

/** By the longest common subsequence; beyond a few million pairs everything goes and comes. */
function middle(a: readonly string[], b: readonly string[]): { sign: Line['sign']; index: number }[] {
  const removed = a.map((_, index) => ({ sign: '-' as const, index }));
  const added = b.map((_, index) => ({ sign: '+' as const, index }));
  if (a.length * b.length > 4_000_000) return [...removed, ...added];
  const width = b.length + 1;
  const length = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i * width + j] =
        a[i] === b[j]
          ? length[(i + 1) * width + j + 1]! + 1
          : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!);
    }
  }
  const out: { sign: Line['sign']; index: number }[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      out.push({ sign: ' ', index: i++ });
      j++;
    } else if (length[(i + 1) * width + j]! >= length[i * width + j + 1]!) out.push({ sign: '-', index: i++ });
    else out.push({ sign: '+', index: j++ });
  }
  return [...out, ...removed.slice(i), ...added.slice(j)];
}
