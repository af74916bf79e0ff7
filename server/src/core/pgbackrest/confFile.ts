/**
 * The grammar of pgbackrest.conf, as pgBackRest's ini reader has it (facts: run with 2.45 and 2.59): lines, trimmed; `#` only
 * at the start of a line; sections; `key=value` cut at the first `=`; quotes, `;` and blanks inside have no meaning.
 * Parsing gives a tree and problems, never an exception. Offsets are UTF-16 units into the text.
 */

import { isOpaque } from '../opaque.ts';
import { resolveOption } from './options.ts';

export interface ConfTree {
  sections: ConfSection[];
  problems: ConfProblem[];
  /** Whole-line comments, from `#` to the end of the line. */
  comments: { start: number; end: number }[];
  /** Lines that a renderer fills (`{{ include … }}`, `${SECTION}`, `repo{{ n }}-path=…`): what they bring is unknown. */
  hasOpaqueLines: boolean;
}

export interface ConfSection {
  name: string;
  nameStart: number;
  nameEnd: number;
  /** From `[` to the end of the header's line. */
  start: number;
  headerEnd: number;
  scope: Scope;
  options: ConfOption[];
}

/** Who reads a section: `[global]`, `[global:COMMAND]`, `[STANZA]`, `[STANZA:COMMAND]`. */
export interface Scope {
  /** undefined = global. */
  stanza?: string;
  command?: string;
}

export interface ConfOption {
  key: string;
  keyStart: number;
  keyEnd: number;
  value: string;
  valueStart: number;
  valueEnd: number;
  /** The whole line without its line break. */
  lineStart: number;
  lineEnd: number;
  section: ConfSection;
}

export type ConfProblemCode =
  | 'outside-section'
  | 'missing-equals'
  | 'empty-key'
  | 'unclosed-section'
  | 'empty-section'
  | 'text-after-section'
  | 'byte-order-mark'
  | 'line-too-long'
  | 'foreign-comment'
  | 'wrapped-value';

export interface ConfProblem {
  code: ConfProblemCode;
  start: number;
  end: number;
  /** For a wrapped value: the option whose value goes on here. */
  option?: ConfOption;
}

/** pgBackRest's reader stops at longer lines (error 42), in bytes. */
const longestLine = 65_536;

export function parseConf(text: string): ConfTree {
  const tree: ConfTree = { sections: [], problems: [], comments: [], hasOpaqueLines: false };
  let section: ConfSection | undefined;
  // The option of the line just above, for values that were wrapped over lines.
  let above: ConfOption | undefined;
  let at = 0;
  while (at <= text.length) {
    const newline = text.indexOf('\n', at);
    const lineEnd = newline < 0 ? text.length : newline;
    const previous = above;
    above = undefined;
    let start = at;
    let end = lineEnd;
    at = lineEnd + 1;
    if (start === 0 && text.charCodeAt(0) === 0xfeff) {
      tree.problems.push({ code: 'byte-order-mark', start: 0, end: 1 });
      start = 1;
    }
    while (start < end && isBlank(text.charCodeAt(start))) start++;
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
    if (start === end) continue;
    if (end - start > longestLine) {
      tree.problems.push({ code: 'line-too-long', start, end });
      continue;
    }
    const first = text[start];
    if (first === '#') {
      tree.comments.push({ start, end });
      continue;
    }
    const directive = directiveAt(text, start, end);
    if (directive !== undefined) {
      tree.hasOpaqueLines = true;
      // A directive or a template's comment may go on over several lines.
      const resumed = text.indexOf('\n', directive);
      at = Math.max(at, resumed < 0 ? text.length + 1 : resumed + 1);
      // An unknown line may be a section header: what follows must not be called homeless.
      section ??= unknownSection(start);
      continue;
    }
    if (first === '[') {
      section = readSection(text, start, end, tree);
      continue;
    }
    const equals = text.indexOf('=', start);
    if (first === ';' || text.startsWith('//', start)) {
      tree.problems.push({ code: 'foreign-comment', start, end });
      continue;
    }
    if (previous && isContinuation(text.slice(start, end), previous)) {
      tree.problems.push({ code: 'wrapped-value', start, end, option: previous });
      above = previous;
      continue;
    }
    if (equals < 0 || equals >= end) {
      tree.problems.push({ code: 'missing-equals', start, end });
      continue;
    }
    let keyEnd = equals;
    while (keyEnd > start && isBlank(text.charCodeAt(keyEnd - 1))) keyEnd--;
    if (keyEnd === start) {
      tree.problems.push({ code: 'empty-key', start, end });
      continue;
    }
    if (isOpaque(text.slice(start, keyEnd))) {
      tree.hasOpaqueLines = true;
      continue;
    }
    let valueStart = equals + 1;
    while (valueStart < end && isBlank(text.charCodeAt(valueStart))) valueStart++;
    const lineStart = text.lastIndexOf('\n', start - 1) + 1;
    if (!section) {
      tree.problems.push({ code: 'outside-section', start, end });
      section = unknownSection(start);
      tree.sections.push(section);
    }
    above = {
      key: text.slice(start, keyEnd),
      keyStart: start,
      keyEnd,
      value: text.slice(valueStart, end),
      valueStart,
      valueEnd: end,
      lineStart,
      lineEnd: text[lineEnd - 1] === '\r' ? lineEnd - 1 : lineEnd,
      section,
    };
    section.options.push(above);
  }
  return tree;
}

/** `global`, `global:backup`, `demo`, `demo:backup`; everything behind the first colon is the command. */
export function scopeOf(name: string): Scope {
  const colon = name.indexOf(':');
  const base = colon < 0 ? name : name.slice(0, colon);
  const command = colon < 0 ? undefined : name.slice(colon + 1);
  return { stanza: base === 'global' ? undefined : base, command };
}

function readSection(text: string, start: number, end: number, tree: ConfTree): ConfSection {
  let nameEnd = end - 1;
  if (text[end - 1] !== ']' || end - start < 2) {
    const close = text.slice(start, end).indexOf(']');
    if (close > 0) {
      nameEnd = start + close;
      tree.problems.push({ code: 'text-after-section', start: nameEnd + 1, end });
    } else {
      nameEnd = end;
      tree.problems.push({ code: 'unclosed-section', start, end });
    }
  }
  const name = text.slice(start + 1, nameEnd);
  if (name === '' && nameEnd < end) tree.problems.push({ code: 'empty-section', start, end });
  const section = { name, nameStart: start + 1, nameEnd, start, headerEnd: end, scope: scopeOf(name), options: [] };
  tree.sections.push(section);
  return section;
}

/** Options without a header are read as if they stood in [global], so that the rest of the file still counts. */
function unknownSection(at: number): ConfSection {
  return { name: 'global', nameStart: at, nameEnd: at, start: at, headerEnd: at, scope: {}, options: [] };
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

/** The end of the directive that makes the whole line a renderer's business; undefined for an ordinary line. */
function directiveAt(text: string, start: number, end: number): number | undefined {
  const line = text.slice(start, end);
  const opened = /\{%|\{#|<%(?!=)/.exec(line) ?? /^\{\{/.exec(line);
  if (opened) {
    const close = { '{%': '%}', '{#': '#}', '<%': '%>', '{{': '}}' }[opened[0]]!;
    const closed = text.indexOf(close, start + opened.index + 2);
    // `{{ key }}={{ value }}` is an option; one that is never closed is half-typed.
    if (opened[0] === '{{' && closed >= 0 && closed < end && closed + 2 < end && line.includes('=')) return undefined;
    return closed < 0 || closed < end ? end : closed + 2;
  }
  return /^(?:\$\{[^}]*\}|%%[A-Za-z0-9_]+%%|__[A-Za-z0-9_]+__|\$[A-Z][A-Z0-9_]*|@[A-Z0-9_]+@)$/.test(line)
    ? end
    : undefined;
}

/**
 * `openssl rand -base64 64` breaks its output after 64 characters: the second line is no option, whether or not it ends
 * with the `=` of base64.
 */
function isContinuation(line: string, above: ConfOption): boolean {
  return (
    /^[A-Za-z0-9+/]{4,}={0,2}$/.test(line) &&
    /^["']?[A-Za-z0-9+/]{16,}\\?$/.test(above.value) &&
    /pass|key|secret|token/.test(above.key) &&
    !resolveOption(line.replace(/=+$/, '')).definition
  );
}
