/**
 * The text of pgBackRest's info files and manifests: sections of `KEY=VALUE` lines whose values are JSON, with a SHA-1
 * checksum as the last line. Knows nothing of what the keys mean.
 *
 * Format: pgBackRest `info/info.c` and `common/ini.c` (strict mode): LF line ends, nothing is trimmed, no comments,
 * `[backrest]` first and, with only the checksum, last.
 */

import { createHash } from 'node:crypto';
import { fail } from '../../failure.ts';
import { type ByteText, readable, toByteText } from './byteText.ts';
import { type JsonValue, jsonString, parseJson } from './json.ts';

export interface InfoLine {
  section: ByteText;
  key: ByteText;
  value: JsonValue;
  /** Bytes from the start of the text to this line. */
  offset: number;
}

/** What stands at the end of an info file that was read completely. */
export interface InfoEnd {
  /** 40 hexadecimal digits: equal for equal contents. */
  checksum: string;
}

export const infoStart = '[backrest]\n';

/** A line of a manifest is a file; the longest real ones list thousands of page errors. */
const longestLineBytes = 16 * 1024 * 1024;
export const supportedFormat = 5;

/**
 * Reads the lines in batches (a batch per piece of input), so that a manifest of any size streams through. What it
 * yields is not proven until it has returned: the checksum comes last.
 *
 * @throws RestoreError `damaged` (with the offset in the text) when it does not start as an info file, a line cannot be
 *   read or the checksum does not match; `truncated` when the checksum line is missing; `unsupported` for another format
 *   number
 */
export async function* readInfo(input: AsyncIterable<Uint8Array>): AsyncGenerator<InfoLine[], InfoEnd, undefined> {
  const parser = new InfoParser();
  for await (const piece of input) {
    const lines = parser.push(toByteText(piece));
    if (lines.length > 0) yield lines;
  }
  return parser.end();
}

class InfoParser {
  #rest = '';
  #offset = 0;
  #section: ByteText | undefined;
  #hashedSection: ByteText | undefined;
  readonly #hash = createHash('sha1');
  #checksum: string | undefined;
  #format: JsonValue | undefined;

  push(text: string): InfoLine[] {
    const lines: InfoLine[] = [];
    const hashed: string[] = [];
    const joined = this.#rest + text;
    let start = 0;
    for (let end = joined.indexOf('\n'); end >= 0; end = joined.indexOf('\n', start)) {
      this.#line(joined.slice(start, end), lines, hashed);
      this.#offset += end + 1 - start;
      start = end + 1;
    }
    this.#rest = joined.slice(start);
    if (this.#rest.length > longestLineBytes)
      fail('damaged', 'contents', 'a line is too long', { offset: this.#offset });
    if (this.#section === undefined && !infoStart.startsWith(this.#rest)) this.#notInfo();
    if (hashed.length > 0) this.#hash.update(hashed.join(''), 'latin1');
    return lines;
  }

  end(): InfoEnd {
    if (this.#section === undefined && this.#rest === '')
      fail('truncated', 'contents', 'the file is empty', { offset: 0 });
    if (this.#checksum === undefined || this.#rest !== '') {
      if (this.#checksum === undefined) this.#checkFormat();
      fail('truncated', 'contents', 'the file does not end with its checksum line', {
        offset: this.#offset + this.#rest.length,
      });
    }
    const found = this.#hash.update(this.#hashedSection === undefined ? '{}' : '}}').digest('hex');
    if (found !== this.#checksum) {
      this.#checkFormat();
      fail('damaged', 'contents', 'the contents do not match the checksum in the last line');
    }
    this.#checkFormat();
    return { checksum: found };
  }

  #line(line: string, lines: InfoLine[], hashed: string[]): void {
    if (line === '') return;
    if (this.#checksum !== undefined) {
      fail('damaged', 'contents', 'something follows the checksum line', { offset: this.#offset });
    }
    if (line.startsWith('[') && line.endsWith(']')) {
      this.#section = line.slice(1, -1);
      if (this.#offset === 0 && this.#section !== 'backrest') this.#notInfo();
      return;
    }
    if (this.#section === undefined) this.#notInfo();

    const { key, raw, value } = split(line) ?? this.#unreadable();
    if (this.#section === 'backrest' && key === 'backrest-checksum') {
      if (typeof value !== 'string') this.#unreadable();
      this.#checksum = value;
      return;
    }
    if (this.#section === 'backrest' && key === 'backrest-format') this.#format = value;
    if (this.#section === this.#hashedSection) hashed.push(',');
    else hashed.push(`${this.#hashedSection === undefined ? '{' : '},'}"${this.#section}":{`);
    this.#hashedSection = this.#section;
    hashed.push(jsonString(key), ':', raw);
    lines.push({ section: this.#section, key, value, offset: this.#offset });
  }

  #checkFormat(): void {
    if (this.#format === undefined || this.#format === supportedFormat) return;
    fail(
      'unsupported',
      'contents',
      `it has repository format ${readable(String(this.#format))}, known is ${supportedFormat}`,
      {
        offset: infoStart.length,
        reason: 'newer-format',
        hint: 'A newer pgBackRest wrote this repository: look for a newer Restorable.',
      },
    );
  }

  #notInfo(): never {
    fail('damaged', 'contents', 'it does not start as an info file of pgBackRest', { offset: 0 });
  }

  #unreadable(): never {
    fail('damaged', 'contents', 'a line is neither a section nor a key with a JSON value', { offset: this.#offset });
  }
}

/** Keys may hold `=` (file names): the value is what is complete JSON behind the first `=` that has it. */
function split(line: string): { key: ByteText; raw: string; value: JsonValue } | undefined {
  for (let at = line.indexOf('='); at > 0; at = line.indexOf('=', at + 1)) {
    if (!VALUE_START.has(line.charCodeAt(at + 1))) continue;
    const raw = line.slice(at + 1);
    const value = parseJson(raw);
    if (value !== undefined && !Array.isArray(value)) return { key: line.slice(0, at), raw, value };
  }
  return undefined;
}

const VALUE_START = new Set([...'{"-0123456789tfn'].map((it) => it.charCodeAt(0)));
