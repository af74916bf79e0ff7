/** Changes of a conf's lines, to be handed to MappedText.edits together: a conf in base64 is rewritten whole, once. */

import type { ConfOption, ConfSection } from './confFile.ts';

export interface Change {
  start: number;
  end: number;
  newText: string;
}

/** A stretch of whole lines without the last line's break. */
interface Lines {
  lineStart: number;
  lineEnd: number;
}

/** What ends the lines of this text. */
export function lineBreakOf(text: string): '\r\n' | '\n' {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** Takes a line out with the break in front of it: in a YAML block its indentation goes as well. */
export function lineRemoval(text: string, { lineStart, lineEnd }: Lines): Change {
  if (lineStart > 0) {
    const breakLength = text.startsWith('\r\n', lineStart - 2) ? 2 : 1;
    return { start: lineStart - breakLength, end: lineEnd, newText: '' };
  }
  if (lineEnd >= text.length) return { start: 0, end: lineEnd, newText: '' };
  // The first line: the second takes its place.
  const nextStart = lineEnd + (text.startsWith('\r\n', lineEnd) ? 2 : 1);
  const next = linesAround(text, nextStart, nextStart);
  return { start: 0, end: next.lineEnd, newText: text.slice(nextStart, next.lineEnd) };
}

export function lineBehind(text: string, { lineEnd }: Pick<Lines, 'lineEnd'>, line: string): Change {
  return { start: lineEnd, end: lineEnd, newText: lineBreakOf(text) + line };
}

export function lineBefore(text: string, { lineStart }: Pick<Lines, 'lineStart'>, line: string): Change {
  return { start: lineStart, end: lineStart, newText: line + lineBreakOf(text) };
}

/** The whole lines around a stretch of text. */
export function linesAround(text: string, start: number, end: number): Lines {
  const newline = text.indexOf('\n', end);
  const lineEnd = newline < 0 ? text.length : newline;
  return {
    lineStart: text.lastIndexOf('\n', start - 1) + 1,
    lineEnd: text[lineEnd - 1] === '\r' && lineEnd > end ? lineEnd - 1 : lineEnd,
  };
}

/** Behind the last option of a section, or behind its header. */
export function endOfSection(text: string, section: ConfSection): Pick<Lines, 'lineEnd'> {
  const last: ConfOption | undefined = section.options.at(-1);
  return last ?? linesAround(text, section.start, section.headerEnd);
}
