/**
 * Takes a script of pg_dump apart as psql would: statements, data of COPY, commands of psql. Needed because a script is
 * untrusted: psql's commands can run programs, and after a COPY that failed psql would read its data as statements.
 *
 * Format: PostgreSQL `src/fe_utils/psqlscan.l`: quotes, dollar quotes, nested comments, parentheses (rules), BEGIN ATOMIC …
 * END (functions since 14). Encodings in which a backslash or a quote can be part of a character are refused.
 */

import type { ByteReader } from '../bytes.ts';
import { fail } from '../failure.ts';

/** `line` is where it begins in the script, from 1. */
export type ScriptPart = { line: number } & (
  | { kind: 'statement'; bytes: Uint8Array }
  /** The statement, and its data, which must be read to its end before the next part; they begin at `dataLine`. */
  | { kind: 'copy'; bytes: Uint8Array; data: AsyncIterable<Uint8Array>; dataLine: number }
  /** `\connect shop`, without its line end. */
  | { kind: 'command'; text: string }
);

const firstWindow = 64 * 1024;
/** A statement of --inserts is a row or some; a bytea in one can be large. */
const largestStatement = 1024 * 1024 * 1024;
const unsafeEncodings =
  /^\s*SET\s+client_encoding\s*(?:=|TO)\s*'?(?:SJIS|SHIFT_JIS_2004|BIG5|GBK|UHC|GB18030|JOHAB)\b/i;

/** @throws RestoreError `truncated` inside a quote or a COPY, `unsupported` for encodings that hide quotes */
export async function* readScript(reader: ByteReader): AsyncGenerator<ScriptPart, void, undefined> {
  const lines = { passed: 0 };
  for (;;) {
    const found = await nextPart(reader, lines);
    if (found === undefined) return;
    const offset = reader.offset;
    const bytes = Uint8Array.from(await reader.read(found.length));
    const line = 1 + lines.passed + (found.kind === 'rest' ? 0 : lineEnds(bytes.subarray(0, found.start)));
    lines.passed += lineEnds(bytes);
    if (found.kind === 'rest') {
      if (!found.isBlank)
        fail('truncated', 'contents', 'the dump ends inside a statement', {
          offset,
          hint: 'The end of the dump is missing: use another copy.',
        });
      return;
    }
    if (found.kind === 'command') {
      yield { kind: 'command', line, text: latin1(bytes.subarray(found.start)).trimEnd() };
      continue;
    }
    const text = latin1(bytes.subarray(found.start, found.start + 400));
    if (unsafeEncodings.test(text)) {
      fail('unsupported', 'start', 'the dump is in an encoding in which quotes can hide inside of characters', {
        offset,
        hint: 'Make the dump with --encoding=UTF8.',
      });
    }
    if (!/^COPY\s/i.test(text) || !/\sFROM\s+STDIN\b/i.test(latin1(bytes.subarray(found.start)))) {
      yield { kind: 'statement', line, bytes };
      continue;
    }
    await skipLine(reader);
    lines.passed++;
    const data = new CopyLines(reader, lines);
    yield { kind: 'copy', line, bytes, data: data.read(), dataLine: lines.passed + 1 };
    if (!data.hasEnded) throw new Error('the data of a COPY was not read');
  }
}

type Found =
  | { kind: 'statement' | 'command'; start: number; length: number }
  | { kind: 'rest'; length: number; isBlank: boolean };

async function nextPart(reader: ByteReader, lines: { passed: number }): Promise<Found | undefined> {
  for (let size = firstWindow; ; size *= 4) {
    const window = await reader.peek(size);
    if (window.length === 0) return undefined;
    const found = scan(window);
    const isEnd = window.length < size;
    if (found.kind !== 'rest' || isEnd) return found;
    if (found.isBlank && window.length > firstWindow) {
      // Comments only, however many.
      lines.passed += lineEnds(await reader.read(found.length));
      size = firstWindow / 4;
    } else if (size > largestStatement) {
      fail('unsupported', 'start', 'the dump holds a statement of more than a gigabyte', { offset: reader.offset });
    }
  }
}

/** One statement or command from the start of the window; `rest`: it ends before either does. */
function scan(window: Uint8Array): Found {
  const length = window.length;
  let start = -1;
  let depth = 0;
  let atomic = 0;
  /** The first words, which say whether BEGIN opens a body. */
  const words: string[] = [];
  for (let at = 0; at < length; ) {
    const byte = window[at] as number;
    const next = window[at + 1];
    if (byte === 0x2d && next === 0x2d) {
      at = after(window, at, 0x0a);
      if (start < 0 && at >= length) return { kind: 'rest', length: lastLineStart(window), isBlank: true };
      continue;
    }
    if (byte === 0x2f && next === 0x2a) {
      at = afterComment(window, at);
      continue;
    }
    if (isBlank(byte)) {
      at++;
      continue;
    }
    if (byte === 0x5c) {
      // In the middle of a statement as well: psql obeys it there, too.
      const end = after(window, at, 0x0a);
      if (end >= length && window[length - 1] !== 0x0a) return { kind: 'rest', length, isBlank: false };
      return { kind: 'command', start: at, length: end };
    }
    if (start < 0) start = at;
    if (byte === 0x3b && depth <= 0 && atomic === 0) return { kind: 'statement', start, length: at + 1 };
    if (byte === 0x27) at = afterQuote(window, at, 0x27, isEscaped(window, at));
    else if (byte === 0x22) at = afterQuote(window, at, 0x22, false);
    else if (byte === 0x24) at = afterDollar(window, at);
    else if (isWordStart(byte)) {
      const from = at;
      while (at < length && isWordByte(window[at] as number)) at++;
      const word = latin1(window.subarray(from, Math.min(at, from + 20))).toLowerCase();
      if (words.length < 4) words.push(word);
      if (depth <= 0 && isRoutine(words)) {
        if (word === 'begin') atomic++;
        else if (word === 'case' && atomic > 0) atomic++;
        else if (word === 'end' && atomic > 0) atomic--;
      }
    } else {
      if (byte === 0x28) depth++;
      else if (byte === 0x29) depth--;
      at++;
    }
  }
  return { kind: 'rest', length, isBlank: start < 0 };
}

/** `create [or replace] function|procedure`: psql tells the same from the first words. */
function isRoutine([first, second, third, fourth]: string[]): boolean {
  const isKind = (it: string | undefined) => it === 'function' || it === 'procedure';
  return first === 'create' && (isKind(second) || (second === 'or' && third === 'replace' && isKind(fourth)));
}

function after(window: Uint8Array, at: number, byte: number): number {
  const found = window.indexOf(byte, at);
  return found < 0 ? window.length : found + 1;
}

function afterComment(window: Uint8Array, from: number): number {
  let depth = 0;
  for (let at = from; at < window.length; at++) {
    if (window[at] === 0x2f && window[at + 1] === 0x2a) {
      depth++;
      at++;
    } else if (window[at] === 0x2a && window[at + 1] === 0x2f) {
      depth--;
      at++;
      if (depth === 0) return at + 1;
    }
  }
  return window.length;
}

/** E'…' knows backslashes; every dump sets standard_conforming_strings, so that others do not. */
function isEscaped(window: Uint8Array, at: number): boolean {
  const before = window[at - 1];
  return (before === 0x45 || before === 0x65) && !isWordByte(window[at - 2] ?? 0);
}

function afterQuote(window: Uint8Array, from: number, quote: number, hasEscapes: boolean): number {
  for (let at = from + 1; at < window.length; at++) {
    if (hasEscapes && window[at] === 0x5c) at++;
    else if (window[at] === quote) {
      if (window[at + 1] !== quote) return at + 1;
      at++;
    }
  }
  return window.length;
}

function afterDollar(window: Uint8Array, from: number): number {
  let end = from + 1;
  while (end < window.length && isWordByte(window[end] as number) && window[end] !== 0x24) end++;
  // `$1` is a parameter, and a tag does not begin with a digit.
  const first = window[from + 1] ?? 0;
  if (window[end] !== 0x24 || (first >= 0x30 && first <= 0x39)) return end >= window.length ? window.length : from + 1;
  const tag = Buffer.from(window.buffer, window.byteOffset + from, end + 1 - from);
  const all = Buffer.from(window.buffer, window.byteOffset, window.length);
  const close = all.indexOf(tag, end + 1);
  return close < 0 ? window.length : close + tag.length;
}

/** Everything up to the line `\.`, which is not part of it. */
class CopyLines {
  readonly #reader: ByteReader;
  readonly #lines: { passed: number };
  hasEnded = false;

  constructor(reader: ByteReader, lines: { passed: number }) {
    this.#reader = reader;
    this.#lines = lines;
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const window = await this.#reader.peek(firstWindow);
      const bytes = Buffer.from(window.buffer, window.byteOffset, window.length);
      const isEnd = window.length < firstWindow;
      const mark = endMark(bytes);
      if (mark) {
        if (mark.at > 0) yield await this.#take(mark.at);
        await this.#reader.skip(mark.length);
        this.#lines.passed++;
        this.hasEnded = true;
        return;
      }
      if (isEnd) {
        fail('truncated', 'contents', 'the dump ends inside the data of a table', {
          offset: this.#reader.offset + window.length,
          hint: 'The end of the dump is missing: use another copy.',
        });
      }
      const whole = bytes.lastIndexOf(0x0a) + 1;
      // A line that is longer than the window: the mark cannot begin inside of it.
      yield await this.#take(whole > 0 ? whole : window.length - 3);
      if (whole === 0) yield* this.#longLine();
    }
  }

  async *#longLine(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const window = await this.#reader.peek(firstWindow);
      const end = window.indexOf(0x0a);
      if (end < 0 && window.length < firstWindow) return;
      yield await this.#take(end < 0 ? window.length : end + 1);
      if (end >= 0) return;
    }
  }

  async #take(length: number): Promise<Uint8Array> {
    const bytes = Uint8Array.from(await this.#reader.read(length));
    this.#lines.passed += lineEnds(bytes);
    return bytes;
  }
}

function lineEnds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}

/** The line of the end mark; the bytes begin at the start of a line. */
function endMark(bytes: Buffer): { at: number; length: number } | undefined {
  for (let at = bytes.indexOf('\\.'); at >= 0; at = bytes.indexOf('\\.', at + 2)) {
    if (at > 0 && bytes[at - 1] !== 0x0a) continue;
    if (bytes[at + 2] === 0x0a) return { at, length: 3 };
    if (bytes[at + 2] === 0x0d && bytes[at + 3] === 0x0a) return { at, length: 4 };
  }
  return undefined;
}

async function skipLine(reader: ByteReader): Promise<void> {
  for (let byte = await reader.read(1); byte.length > 0 && byte[0] !== 0x0a; byte = await reader.read(1)) {
    // What follows COPY … FROM stdin; on its line is nothing.
  }
}

function lastLineStart(window: Uint8Array): number {
  return window.lastIndexOf(0x0a) + 1 || window.length;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function isWordStart(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f || byte >= 0x80;
}

function isWordByte(byte: number): boolean {
  return isWordStart(byte) || (byte >= 0x30 && byte <= 0x39) || byte === 0x24;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
