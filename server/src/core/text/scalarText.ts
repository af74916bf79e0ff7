import type { Scalar } from 'yaml';
import type { Part } from '../part.ts';
import { MappedText } from './mappedText.ts';

/**
 * The value of a YAML string with the place of every character: plain, quoted, literal or folded, on one line or many.
 * `indent` is the column that a block scalar's lines get when the scalar has none of its own yet.
 */
export function scalarText(part: Part, scalar: Scalar, indent: number): MappedText {
  const [start, end] = scalar.range ?? [0, 0];
  const value = typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? '');
  const source = part.text.slice(start, end);
  switch (scalar.type) {
    case 'BLOCK_LITERAL':
    case 'BLOCK_FOLDED':
      return blockText(part, start, source, value, indent, scalar.type === 'BLOCK_LITERAL');
    case 'QUOTE_DOUBLE': {
      const map = alignDoubleQuoted(source, start, value);
      const whole = part.place(start, end);
      return map
        ? MappedText.of({ part, text: value, ...map, whole, encode: doubleQuoted })
        : MappedText.inexact(part, value, whole, doubleQuoted);
    }
    case 'QUOTE_SINGLE':
      return alignedText(part, start, end, value, true, singleQuoted);
    default:
      return alignedText(part, start, end, value, false, plainOrQuoted);
  }
}

/** A scalar that means exactly this string, whatever characters it holds. */
export function plainOrQuoted(text: string): string {
  return /^[A-Za-z0-9_/.$(][A-Za-z0-9_/.=+$()@%-]*$/.test(text) &&
    !/^(?:[0-9.+_-]|y$|n$|yes$|no$|on$|off$|true$|false$|null$|~$)/i.test(text)
    ? text
    : doubleQuoted(text);
}

function singleQuoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly the characters that single quotes cannot carry
  return /[\u0000-\u001f\u007f-\u009f\ufeff]/.test(text) ? doubleQuoted(text) : `'${text.replaceAll("'", "''")}'`;
}

function doubleQuoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\ufeff\u2028\u2029]/g,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function alignedText(
  part: Part,
  start: number,
  end: number,
  value: string,
  isSingleQuoted: boolean,
  encode: (text: string) => string,
): MappedText {
  const whole = part.place(start, end);
  const map = align(
    part.text,
    isSingleQuoted ? start + 1 : start,
    isSingleQuoted ? end - 1 : end,
    value,
    isSingleQuoted,
  );
  return map
    ? MappedText.of({ part, text: value, ...map, whole, encode })
    : MappedText.inexact(part, value, whole, encode);
}

interface Alignment {
  starts: Int32Array;
  ends: Int32Array;
}

/**
 * Walks value and source together. Characters that are no white space stand in both in the same order; white space between
 * them may have been folded, so a run of it is matched from its start.
 */
function align(
  source: string,
  from: number,
  to: number,
  value: string,
  isSingleQuoted: boolean,
): Alignment | undefined {
  const starts = new Int32Array(value.length + 1);
  const ends = new Int32Array(value.length);
  let at = from;
  let i = 0;
  while (i < value.length) {
    if (isSpace(value.charCodeAt(i))) {
      const runStart = i;
      while (i < value.length && isSpace(value.charCodeAt(i))) i++;
      let runEnd = at;
      while (runEnd < to && isSpace(source.charCodeAt(runEnd))) runEnd++;
      for (let k = runStart; k < i; k++) {
        const host = Math.min(at + (k - runStart), Math.max(at, runEnd - 1));
        starts[k] = host;
        ends[k] = k === i - 1 ? Math.max(runEnd, host) : Math.min(host + 1, runEnd);
      }
      at = runEnd;
      continue;
    }
    while (at < to && isSpace(source.charCodeAt(at))) at++;
    if (at >= to || source.charCodeAt(at) !== value.charCodeAt(i)) return undefined;
    starts[i] = at;
    at += isSingleQuoted && value[i] === "'" ? 2 : 1;
    ends[i] = at;
    i++;
  }
  starts[value.length] = value.length > 0 ? ends[value.length - 1]! : from;
  return { starts, ends };
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

const ESCAPES: Record<string, string> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
};

function alignDoubleQuoted(source: string, offset: number, value: string): Alignment | undefined {
  const starts = new Int32Array(value.length + 1);
  const ends = new Int32Array(value.length);
  let made = 0;
  const put = (text: string, from: number, to: number): boolean => {
    if (value.slice(made, made + text.length) !== text) return false;
    for (let k = 0; k < text.length; k++) {
      starts[made + k] = offset + from;
      ends[made + k] = offset + to;
    }
    made += text.length;
    return true;
  };
  const last = source.endsWith('"') && source.length > 1 ? source.length - 1 : source.length;
  let i = 1;
  while (i < last) {
    const char = source[i]!;
    if (char === '\\') {
      const next = source[i + 1] ?? '';
      if (next === '\n' || next === '\r') {
        // An escaped line break joins the lines without a blank; the next line's indentation is not content.
        i += 2;
        while (i < last && isSpace(source.charCodeAt(i))) i++;
        continue;
      }
      const digits = next === 'x' ? 2 : next === 'u' ? 4 : next === 'U' ? 8 : 0;
      if (digits > 0) {
        const code = Number.parseInt(source.slice(i + 2, i + 2 + digits), 16);
        if (Number.isNaN(code) || code > 0x10ffff || !put(String.fromCodePoint(code), i, i + 2 + digits))
          return undefined;
        i += 2 + digits;
        continue;
      }
      const escaped = ESCAPES[next];
      if (escaped === undefined || !put(escaped, i, i + 2)) return undefined;
      i += 2;
      continue;
    }
    // Blanks in front of a line break are no content; all others are, and a long run is looked at once.
    let blanksEnd = i;
    while (blanksEnd < last && (source[blanksEnd] === ' ' || source[blanksEnd] === '\t')) blanksEnd++;
    if (source[blanksEnd] === '\n' || source.startsWith('\r\n', blanksEnd)) {
      let end = blanksEnd;
      let breaks = 0;
      while (end < last && isSpace(source.charCodeAt(end))) if (source[end++] === '\n') breaks++;
      if (!put(breaks === 1 ? ' ' : '\n'.repeat(breaks - 1), i, end)) return undefined;
      i = end;
      continue;
    }
    do {
      if (!put(source[i]!, i, i + 1)) return undefined;
      i++;
    } while (i < blanksEnd);
  }
  if (made !== value.length) return undefined;
  starts[value.length] = offset + last;
  return { starts, ends };
}

function blockText(
  part: Part,
  start: number,
  source: string,
  value: string,
  parentIndent: number,
  isLiteral: boolean,
): MappedText {
  const headerEnd = source.indexOf('\n') + 1 || source.length;
  const bodyStart = start + headerEnd;
  const bodyEnd = start + source.length;
  const indentText = /^(?:[ \t]*\r?\n)*( *)[^ \r\n]/.exec(source.slice(headerEnd))?.[1] ?? ' '.repeat(parentIndent);
  const indicator = /[1-9]/.exec(source.slice(0, headerEnd).replace(/#.*/, ''))?.[0];
  const whole = part.place(start, bodyEnd);
  const lineBreak = source.includes('\r\n') ? '\r\n' : '\n';
  // With an indentation indicator, blanks at the start of a line may be content: rewrite the whole and keep it simple.
  const hasIndicator = indicator !== undefined;
  const encode = (text: string) => {
    const block = literalBlock(text, hasIndicator ? ' '.repeat(parentIndent) : indentText, source.endsWith('\n'));
    return withHeaderOf(source.slice(0, headerEnd), block, finalFeeds(text) === finalFeeds(value));
  };
  const map = align(part.text, bodyStart, bodyEnd, value, false);
  if (!map) return MappedText.inexact(part, value, whole, encode);
  if (value.length > 0 && isLiteral && !hasIndicator) mapLineStarts(part.text, map, value);
  return MappedText.of({
    part,
    text: value,
    ...map,
    whole,
    encode,
    encodeInside:
      isLiteral && !hasIndicator
        ? (text, index) => {
            const indented = text.replaceAll('\n', `${lineBreak}${indentText}`);
            // Behind the last line break there is no indentation yet, and none must be left behind.
            if (index === value.length && value.endsWith('\n'))
              return `${indentText}${indented}`.trimEnd() + (text.endsWith('\n') ? lineBreak : '');
            return indented;
          }
        : undefined,
  });
}

/** The header of a block keeps the comment on its line, and its chomping where that still fits. */
function withHeaderOf(header: string, block: string, isSameEnd: boolean): string {
  const [, chomping, comment] = /^[|>]\d?([+-]?)\d?([ \t]*(?:#[^\r\n]*)?)/.exec(header) ?? ['', '', ''];
  if (!block.startsWith('|')) return block.replace(/\n?$/, (end) => (comment?.trim() ? comment : '') + end);
  return block.replace(/^\|([+-]?)/, (_, own) => `|${isSameEnd ? chomping : own}${comment}`);
}

function finalFeeds(text: string): number {
  return /\n*$/.exec(text)![0].length;
}

/** In a literal block the unit after a line break begins behind the indentation, and the break ends with the line. */
function mapLineStarts(source: string, map: Alignment, value: string): void {
  for (let i = 0; i < value.length; i++) {
    if (value[i] !== '\n') continue;
    const lineEnd = source.indexOf('\n', map.starts[i]!);
    if (lineEnd >= 0) map.ends[i] = lineEnd + 1;
  }
}

/** Whether a block scalar can carry the text without saying how deep it is indented. */
export function fitsBlock(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a block scalar cannot carry control characters
  return !/^[ \n]|\t|[\u0000-\u0008\u000b-\u001f]/.test(text);
}

/** A literal block scalar from its `|` on, lines behind `indent`; double quotes where a block cannot carry the text. */
export function literalBlock(text: string, indent: string, hadFinalBreak: boolean): string {
  if (text === '' || !fitsBlock(text)) return doubleQuoted(text) + (hadFinalBreak ? '\n' : '');
  const chomping = text.endsWith('\n\n') ? '+' : text.endsWith('\n') ? '' : '-';
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  const body = lines.map((it) => (it === '' ? '' : indent + it)).join('\n');
  return `|${chomping}\n${body}${hadFinalBreak ? '\n' : ''}`;
}
