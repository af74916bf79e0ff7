import { type Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';

/**
 * Reads the little of YAML in which nearly every manifest is written, ten times as fast as the library, and into the same
 * nodes: block maps and lists, scalars on one line, literal blocks, flow collections on one line, comments. What is anything
 * else, or is wrong, is for the library to read. test/core/yaml/simpleYaml.test.ts holds the two against each other.
 *
 * @returns undefined for a text that is not that simple
 */
export function readSimpleYaml(text: string): Node | undefined {
  if (/[\t\r]/.test(text)) return undefined;
  return new SimpleReader(text).read();
}

/** No way to write a key that is read otherwise by a parser: no space, no indicator. */
const KEY = /(?:[A-Za-z0-9_.$/][\w.$/-]{0,200}|"[^"\\\n]{0,200}"|'[^'\n]{0,200}'):(?=[ \n]|$)/y;
const FLOW_KEY = /(?:[A-Za-z0-9_.$/][\w.$/-]{0,200}|"[^"\\\n]{0,200}"|'[^'\n]{0,200}'): +/y;
const FLOW_PLAIN = /[A-Za-z0-9_.$/+=@](?:[\w.$/+=@-]|:(?=[\w.$/+=@-]))*/y;
const DOUBLE_QUOTED = /"[^"\\\n]*"/y;
const SINGLE_QUOTED = /'[^'\n]*'/y;
const LITERAL = /\|(-?) *\n/y;
const DOCUMENT_START = /--- *(?: #[^\n]*)?\n/y;

const mostDepth = 60;

const SPACE = 0x20;
const BREAK = 0x0a;
const HASH = 0x23;
const DASH = 0x2d;
const COLON = 0x3a;

class SimpleReader {
  /** The first character of the current line that is no space; the text's length behind the last line. */
  #at = 0;
  /** Its column. */
  #indent = 0;
  /** The largest column of the comments that were passed over on the way to the current line; -1 without any. */
  #largestComment = -1;
  #depth = 0;

  constructor(private readonly text: string) {}

  read(): Node | undefined {
    DOCUMENT_START.lastIndex = 0;
    this.#goToLine(DOCUMENT_START.test(this.text) ? DOCUMENT_START.lastIndex : 0);
    if (this.#at >= this.text.length || this.#indent !== 0) return undefined;
    const map = this.#map(0);
    // What stands behind the map and is no part of it is no YAML.
    return map && this.#at >= this.text.length ? map : undefined;
  }

  /** To the first line with something in it, at or behind the start of a line. */
  #goToLine(start: number): void {
    const { text } = this;
    this.#largestComment = -1;
    let lineStart = start;
    for (;;) {
      let at = lineStart;
      while (text.charCodeAt(at) === SPACE) at++;
      if (at >= text.length) {
        this.#at = text.length;
        this.#indent = -1;
        return;
      }
      const code = text.charCodeAt(at);
      if (code === HASH) {
        this.#largestComment = Math.max(this.#largestComment, at - lineStart);
        at = this.#breakAt(at);
      } else if (code !== BREAK) {
        this.#at = at;
        this.#indent = at - lineStart;
        return;
      }
      lineStart = at + 1;
    }
  }

  #breakAt(from: number): number {
    const at = this.text.indexOf('\n', from);
    return at < 0 ? this.text.length : at;
  }

  /** Behind the line that holds the offset. */
  #nextLineStart(from: number): number {
    return Math.min(this.#breakAt(from) + 1, this.text.length);
  }

  #map(indent: number): YAMLMap | undefined {
    if (++this.#depth > mostDepth) return undefined;
    const map = new YAMLMap();
    const start = this.#at;
    let end = start;
    for (;;) {
      KEY.lastIndex = this.#at;
      if (!KEY.test(this.text)) return undefined;
      const colon = KEY.lastIndex - 1;
      const key = this.#key(this.#at, colon);
      const value = this.#value(colon + 1, indent, true);
      if (!value) return undefined;
      map.items.push(new Pair(key, value));
      end = value.range![2];
      if (this.#indent < indent) break;
      if (this.#indent > indent) return undefined;
    }
    // A comment of this depth at the end belongs to the map, one of less depth to what follows; both together: to nobody.
    if (this.#largestComment >= Math.max(indent, 1)) return undefined;
    map.range = [start, end, end];
    this.#depth--;
    return map;
  }

  /** A list in a map may begin in the column of the map's keys. */
  #list(indent: number, isInMap: boolean): YAMLSeq | undefined {
    if (++this.#depth > mostDepth) return undefined;
    const list = new YAMLSeq();
    const start = this.#at;
    let end = start;
    for (;;) {
      const dash = this.#at;
      if (!this.#isDash(dash)) return undefined;
      let at = dash + 1;
      while (this.text.charCodeAt(at) === SPACE) at++;
      let item: Node | undefined;
      KEY.lastIndex = at;
      if (KEY.test(this.text)) {
        // A map whose first key stands behind the dash.
        this.#at = at;
        this.#indent = indent + (at - dash);
        item = this.#map(this.#indent);
      } else item = this.#value(dash + 1, indent, false);
      if (!item) return undefined;
      list.items.push(item);
      end = item.range![2];
      if (this.#indent < indent) break;
      if (this.#indent > indent) return undefined;
      if (isInMap && !this.#isDash(this.#at)) break;
    }
    if (this.#largestComment >= (this.#indent < indent ? indent : indent + 1)) return undefined;
    list.range = [start, end, end];
    this.#depth--;
    return list;
  }

  #isDash(at: number): boolean {
    return this.text.charCodeAt(at) === DASH && this.text.charCodeAt(at + 1) === SPACE;
  }

  #key(start: number, end: number): Scalar {
    const first = this.text[start];
    if (first === '"' || first === "'") {
      return scalar(
        this.text.slice(start + 1, end - 1),
        first === '"' ? 'QUOTE_DOUBLE' : 'QUOTE_SINGLE',
        start,
        end,
        end,
      );
    }
    return scalar(this.text.slice(start, end), 'PLAIN', start, end, end);
  }

  /** What stands behind a colon or a dash, on its line or on the next ones; then stands at the first line behind it. */
  #value(from: number, indent: number, isInMap: boolean): Node | undefined {
    const { text } = this;
    let at = from;
    while (text.charCodeAt(at) === SPACE) at++;
    const code = text.charCodeAt(at);
    if (at >= text.length || code === BREAK || code === HASH) {
      if (code === HASH || !isInMap) return undefined;
      return this.#below(at, indent);
    }
    if (at === from) return undefined;
    if (code === 0x7c /* | */) return isInMap ? this.#literal(at, indent) : undefined;
    let value: Scalar | YAMLMap | YAMLSeq | undefined;
    if (code === 0x7b /* { */ || code === 0x5b /* [ */) value = this.#flow(at);
    else if (code === 0x22 /* " */) value = this.#quoted(at, DOUBLE_QUOTED, 'QUOTE_DOUBLE');
    else if (code === 0x27 /* ' */) value = this.#quoted(at, SINGLE_QUOTED, 'QUOTE_SINGLE');
    else return this.#plain(at, indent);
    if (!value) return undefined;
    const end = this.#lineEndBehind(value.range![1]);
    if (end === undefined) return undefined;
    value.range![2] = end;
    this.#goToLine(end);
    return value;
  }

  /** The value of a key with nothing behind it: a map or list below, or nothing at all. */
  #below(lineEnd: number, indent: number): Node | undefined {
    this.#goToLine(this.#nextLineStart(lineEnd));
    if (this.#indent > indent)
      return this.#isDash(this.#at) ? this.#list(this.#indent, false) : this.#map(this.#indent);
    if (this.#indent === indent && this.#isDash(this.#at)) return this.#list(indent, true);
    // Whose the comments are depends on their columns.
    if (this.#largestComment >= 0) return undefined;
    return scalar('', 'PLAIN', lineEnd, lineEnd, lineEnd);
  }

  #plain(start: number, indent: number): Scalar | undefined {
    const { text } = this;
    const first = text[start]!;
    if (first === '-' ? !(text.charCodeAt(start + 1) > SPACE) : INDICATORS.has(first)) return undefined;
    const lineEnd = this.#breakAt(start);
    let end = lineEnd;
    for (let at = start; at < lineEnd; at++) {
      const code = text.charCodeAt(at);
      if (code === HASH && text.charCodeAt(at - 1) === SPACE) {
        end = at;
        break;
      }
      if (code === COLON && (at + 1 === lineEnd || text.charCodeAt(at + 1) === SPACE)) return undefined;
    }
    while (text.charCodeAt(end - 1) === SPACE) end--;
    const next = Math.min(lineEnd + 1, text.length);
    this.#goToLine(next);
    // It goes on in the next line.
    if (this.#indent > indent) return undefined;
    return scalar(text.slice(start, end), 'PLAIN', start, end, next);
  }

  #quoted(start: number, form: RegExp, type: 'QUOTE_DOUBLE' | 'QUOTE_SINGLE'): Scalar | undefined {
    form.lastIndex = start;
    if (!form.test(this.text)) return undefined;
    const end = form.lastIndex;
    return scalar(this.text.slice(start + 1, end - 1), type, start, end, end);
  }

  /** Behind the line break, where nothing but a comment stands on the rest of the line. */
  #lineEndBehind(from: number): number | undefined {
    const { text } = this;
    let at = from;
    while (text.charCodeAt(at) === SPACE) at++;
    if (at >= text.length) return text.length;
    const code = text.charCodeAt(at);
    if (code === BREAK) return at + 1;
    return code === HASH && at > from ? this.#nextLineStart(at) : undefined;
  }

  #literal(start: number, indent: number): Scalar | undefined {
    const { text } = this;
    LITERAL.lastIndex = start;
    const header = LITERAL.exec(text);
    if (!header) return undefined;
    let lineStart = LITERAL.lastIndex;
    let column = -1;
    let value = '';
    let blank = '';
    let end = lineStart;
    while (lineStart < text.length) {
      let at = lineStart;
      while (text.charCodeAt(at) === SPACE) at++;
      const lineEnd = this.#breakAt(at);
      if (at === lineEnd) {
        // Blank lines before the first one, and spaces alone on a line: the library knows what they mean.
        if (column < 0 || at > lineStart) return undefined;
        blank += '\n';
      } else {
        if (at - lineStart <= indent) break;
        if (column < 0) column = at - lineStart;
        else if (at - lineStart < column) return undefined;
        value += `${blank}${text.slice(lineStart + column, lineEnd)}\n`;
        blank = '';
        end = Math.min(lineEnd + 1, text.length);
      }
      lineStart = lineEnd + 1;
    }
    // Without a line break at the end of the text the library decides whether there is one.
    if (column < 0 || text.charCodeAt(end - 1) !== BREAK) return undefined;
    if (header[1] === '-') value = value.slice(0, -1);
    this.#goToLine(end);
    return this.#indent > indent ? undefined : scalar(value, 'BLOCK_LITERAL', start, end, end);
  }

  /** A map or a list in brackets, on one line. */
  #flow(start: number): YAMLMap | YAMLSeq | undefined {
    if (++this.#depth > mostDepth) return undefined;
    const { text } = this;
    const isMap = text[start] === '{';
    const close = isMap ? '}' : ']';
    const collection = isMap ? new YAMLMap() : new YAMLSeq();
    collection.flow = true;
    let at = this.#behindSpaces(start + 1);
    if (text[at] !== close) {
      for (;;) {
        let key: Scalar | undefined;
        if (isMap) {
          FLOW_KEY.lastIndex = at;
          if (!FLOW_KEY.test(text)) return undefined;
          key = this.#key(at, text.lastIndexOf(':', FLOW_KEY.lastIndex - 1));
          at = FLOW_KEY.lastIndex;
        }
        const value = this.#flowValue(at);
        if (!value) return undefined;
        if (key) (collection as YAMLMap).items.push(new Pair(key, value));
        else (collection as YAMLSeq).items.push(value);
        at = this.#behindSpaces(value.range![1]);
        if (text[at] === close) break;
        if (text[at] !== ',' || text[at + 1] !== ' ') return undefined;
        at = this.#behindSpaces(at + 1);
      }
    }
    collection.range = [start, at + 1, at + 1];
    this.#depth--;
    return collection;
  }

  #flowValue(at: number): Scalar | YAMLMap | YAMLSeq | undefined {
    const first = this.text[at];
    if (first === '{' || first === '[') return this.#flow(at);
    if (first === '"') return this.#quoted(at, DOUBLE_QUOTED, 'QUOTE_DOUBLE');
    if (first === "'") return this.#quoted(at, SINGLE_QUOTED, 'QUOTE_SINGLE');
    FLOW_PLAIN.lastIndex = at;
    if (!FLOW_PLAIN.test(this.text)) return undefined;
    const end = FLOW_PLAIN.lastIndex;
    return scalar(this.text.slice(at, end), 'PLAIN', at, end, end);
  }

  #behindSpaces(from: number): number {
    let at = from;
    while (this.text.charCodeAt(at) === SPACE) at++;
    return at;
  }
}

/** What no plain scalar begins with; a dash may, before anything but a space. */
const INDICATORS = new Set('?:,[]{}#&*!|>\'"%@`');

function scalar(value: string, type: Scalar.Type, start: number, end: number, nodeEnd: number): Scalar {
  const it = new Scalar(value);
  it.source = value;
  it.type = type;
  it.range = [start, end, nodeEnd];
  return it;
}
