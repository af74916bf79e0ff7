/** What a growing selection takes in, step by step: from a word to the value, the entry, the object and the file. */

import { isMap, isPair, isScalar, isSeq, type Node } from 'yaml';
import { contains, type Part, type Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import type { Workspace } from '../workspace.ts';

/** From the smallest to the largest; each lies within the next. */
export function selections(workspace: Workspace, uri: string, offset: number): { start: number; end: number }[] {
  const unit = workspace.unitAt(uri, offset);
  const text = workspace.text(uri) ?? '';
  const steps: Place[] = [];
  if (unit) {
    const { part } = unit;
    const at = unit.offset;
    steps.push(wordAt(part, at));
    for (const conf of unit.confs) if (contains(conf.text.whole, at)) steps.push(...confSteps(conf, at));
    const root = unit.document?.parsed.root.node;
    if (root) steps.push(...yamlSteps(part, root, at));
    else steps.push(lineAt(part, at));
    steps.push(part.whole);
  }
  const found = steps
    .filter((it) => contains(it, unit!.offset))
    .map((it) => ({ start: it.part.start + it.start, end: it.part.start + it.end }));
  return nested([...found, { start: 0, end: text.length }]);
}

/** By size, without what sticks out of the next larger one. */
function nested(steps: { start: number; end: number }[]): { start: number; end: number }[] {
  const bySize = steps.toSorted((a, b) => a.end - a.start - (b.end - b.start));
  const kept: { start: number; end: number }[] = [];
  for (const it of bySize) {
    const last = kept.at(-1);
    if (last && (it.start > last.start || it.end < last.end)) continue;
    if (last && it.start === last.start && it.end === last.end) continue;
    kept.push(it);
  }
  return kept;
}

function confSteps(conf: Conf, at: number): Place[] {
  const { whole } = conf.text;
  const steps: Place[] = [trimmed(whole.part, whole.start, whole.end)];
  for (const section of conf.tree.sections) {
    const end = section.options.at(-1)?.lineEnd ?? section.headerEnd;
    steps.push(conf.place(section.nameStart, section.nameEnd), conf.place(section.start, section.headerEnd));
    steps.push(conf.place(section.start, Math.max(end, section.headerEnd)));
    for (const it of section.options) {
      if (!contains(conf.place(it.lineStart, it.lineEnd), at)) continue;
      steps.push(conf.place(it.keyStart, it.keyEnd), conf.place(it.valueStart, it.valueEnd));
      steps.push(conf.place(it.keyStart, it.valueEnd), conf.place(it.lineStart, it.lineEnd));
    }
  }
  return steps;
}

function yamlSteps(part: Part, root: Node, at: number): Place[] {
  const steps: Place[] = [];
  const go = (node: unknown, depth: number): void => {
    if (depth > 200) return;
    if (isPair(node)) {
      const start = rangeOf(node.key)?.[0];
      const end = rangeOf(node.value)?.[1] ?? rangeOf(node.key)?.[1];
      if (start === undefined || end === undefined || at < start || at > end) return;
      steps.push(trimmed(part, start, end));
      go(node.key, depth + 1);
      go(node.value, depth + 1);
      return;
    }
    const range = rangeOf(node);
    if (!range || at < range[0] || at > range[1]) return;
    if (isScalar(node)) {
      const isQuoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE';
      if (isQuoted) steps.push(part.place(range[0] + 1, range[1] - 1));
      steps.push(trimmed(part, range[0], range[1]));
      return;
    }
    if (!isMap(node) && !isSeq(node)) return;
    steps.push(trimmed(part, range[0], range[1]));
    for (const it of node.items) go(it, depth + 1);
  };
  go(root, 0);
  return steps;
}

function rangeOf(node: unknown): readonly [number, number] | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range ? [range[0], range[1]] : undefined;
}

/** A block ends with the line break before the next entry. */
function trimmed(part: Part, start: number, end: number): Place {
  const text = part.text.slice(start, end);
  return part.place(start, start + text.trimEnd().length);
}

function wordAt(part: Part, at: number): Place {
  let start = at;
  let end = at;
  while (start > 0 && isWord(part.text[start - 1]!)) start--;
  while (end < part.text.length && isWord(part.text[end]!)) end++;
  return part.place(start, end);
}

function lineAt(part: Part, at: number): Place {
  const start = part.text.lastIndexOf('\n', at - 1) + 1;
  const newline = part.text.indexOf('\n', at);
  const line = part.text.slice(start, newline < 0 ? part.text.length : newline);
  const from = start + line.length - line.trimStart().length;
  return part.place(from, Math.max(from, start + line.trimEnd().length));
}

function isWord(char: string): boolean {
  return /[\p{L}\p{N}_]/u.test(char);
}
