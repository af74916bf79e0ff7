/**
 * The tidy form of a pgbackrest.conf: no blanks around keys, values and sections, one blank line between sections, a line
 * break at the end. pgBackRest reads the same options from it as before: only what its reader skips is touched
 * (blanks at both ends of a line and around the first `=`), and lines that it would refuse stay as they are.
 */

import type { Edit } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';

/** The edits line by line, so that marks and the cursor stay where they are. */
export function formatConf(conf: Conf): Edit[] {
  const { part } = conf;
  const { text } = part;
  // A renderer's directives may span lines, and blanks may mean something to it.
  if (conf.entry || conf.tree.hasOpaqueLines) return [];
  const edits: Edit[] = [];
  const replace = (start: number, end: number, newText: string) => {
    if (text.slice(start, end) !== newText) edits.push({ at: part.place(start, end), newText });
  };
  const lineBreak = /\r\n/.test(text) ? '\r\n' : '\n';
  const known = new Map<number, string>();
  for (const section of conf.tree.sections) {
    if (section.headerEnd > section.start)
      known.set(lineStart(text, section.start), text.slice(section.start, section.headerEnd));
    for (const it of section.options) known.set(it.lineStart, `${it.key}=${it.value}`);
  }
  for (const it of conf.tree.comments) known.set(lineStart(text, it.start), text.slice(it.start, it.end));
  const headers = new Set(
    conf.tree.sections.filter((it) => it.headerEnd > it.start).map((it) => lineStart(text, it.start)),
  );

  const lines = linesOf(text);
  for (const [i, line] of lines.entries()) {
    const wanted = known.get(line.start);
    if (wanted !== undefined && !(i === 0 && text.charCodeAt(0) === 0xfeff)) replace(line.start, line.end, wanted);
    else if (text.slice(line.start, line.end).trim() === '') replace(line.start, line.end, '');
  }
  spaceOut(text, lines, headers, lineBreak, (start, end, newText) => {
    edits.push({ at: part.place(start, end), newText });
  });
  if (text.trim() !== '' && !/\n$/.test(text))
    edits.push({ at: part.place(text.length, text.length), newText: lineBreak });
  return merged(edits);
}

/** One blank line above a section and its comments, at most one elsewhere, none at the top or the end. */
function spaceOut(
  text: string,
  lines: readonly { start: number; end: number }[],
  headers: ReadonlySet<number>,
  lineBreak: string,
  replace: (start: number, end: number, newText: string) => void,
): void {
  const isBlank = (i: number) => text.slice(lines[i]!.start, lines[i]!.end).trim() === '';
  const isComment = (i: number) => text.slice(lines[i]!.start, lines[i]!.end).trimStart().startsWith('#');
  const tops = new Set<number>();
  for (const [i, line] of lines.entries()) {
    if (!headers.has(line.start)) continue;
    let top = i;
    while (top > 0 && isComment(top - 1)) top--;
    tops.add(top);
  }
  for (let i = 0; i < lines.length; ) {
    if (!isBlank(i)) {
      if (i > 0 && tops.has(i) && !isBlank(i - 1)) replace(lines[i]!.start, lines[i]!.start, lineBreak);
      i++;
      continue;
    }
    let next = i;
    while (next < lines.length && isBlank(next)) next++;
    const isEdge = i === 0 || next === lines.length;
    const keep = isEdge ? 0 : 1;
    const from = i + keep;
    if (next > from) {
      const start = lines[from]!.start;
      const end = next < lines.length ? lines[next]!.start : text.length;
      if (end > start) replace(start, end, '');
    }
    i = next;
  }
}

/** An edit that lies inside another one's removed stretch goes with it. */
function merged(edits: readonly Edit[]): Edit[] {
  const kept: Edit[] = [];
  for (const it of edits.toSorted((a, b) => a.at.start - b.at.start || b.at.end - a.at.end)) {
    const last = kept.at(-1);
    if (last && it.at.start < last.at.end && it.at.end <= last.at.end) continue;
    kept.push(it);
  }
  return kept;
}

function linesOf(text: string): { start: number; end: number }[] {
  const lines: { start: number; end: number }[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    let end = newline < 0 ? text.length : newline;
    const next = end + 1;
    if (text[end - 1] === '\r' && end > start) end--;
    lines.push({ start, end });
    start = next;
  }
  return lines;
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}
