/**
 * The JSON of pgBackRest's info files: integers of 64 bits must stay exact (`db-system-id`), and strings may hold raw
 * control characters, which `JSON.parse` refuses.
 */

import type { ByteText } from './byteText.ts';

export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

/** One complete value, or undefined when the text is anything else. Integers beyond 2^53 become a bigint. */
export function parseJson(text: ByteText): JsonValue | undefined {
  try {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: pgBackRest writes them unescaped
    return /[\x00-\x1f]|[0-9]{16}/.test(text) ? new Parser(text).whole() : (JSON.parse(text) as JsonValue);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The text as a JSON string in the way pgBackRest renders keys: five short escapes, everything else as it is. */
export function jsonString(text: ByteText): string {
  return `"${text.replace(/["\\\b\n\f\r\t]/g, (it) => ESCAPES[it] ?? it)}"`;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const ESCAPES: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '\t': '\\t',
};
const UNESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  n: '\n',
  f: '\f',
  r: '\r',
  t: '\t',
};
const deepest = 64;

class Parser {
  readonly #text: ByteText;
  #at = 0;

  constructor(text: ByteText) {
    this.#text = text;
  }

  whole(): JsonValue {
    const value = this.#value(0);
    if (this.#at !== this.#text.length) this.#refuse();
    return value;
  }

  #value(depth: number): JsonValue {
    if (depth > deepest) this.#refuse();
    switch (this.#text[this.#at]) {
      case '"':
        return this.#string();
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #string(): string {
    this.#at++;
    let value = '';
    for (;;) {
      const start = this.#at;
      while (this.#at < this.#text.length && this.#text[this.#at] !== '"' && this.#text[this.#at] !== '\\') this.#at++;
      value += this.#text.slice(start, this.#at);
      if (this.#at >= this.#text.length) this.#refuse();
      if (this.#text[this.#at++] === '"') return value;
      const letter = this.#text[this.#at++] ?? '';
      if (letter === 'u') {
        const digits = this.#text.slice(this.#at, this.#at + 4);
        if (!/^00[0-9a-fA-F]{2}$/.test(digits)) this.#refuse();
        value += String.fromCharCode(Number.parseInt(digits, 16));
        this.#at += 4;
      } else {
        value += UNESCAPES[letter] ?? this.#refuse();
      }
    }
  }

  #object(depth: number): JsonObject {
    const entries: [string, JsonValue][] = [];
    this.#at++;
    if (this.#skip('}')) return {};
    do {
      if (this.#text[this.#at] !== '"') this.#refuse();
      const key = this.#string();
      if (!this.#skip(':')) this.#refuse();
      entries.push([key, this.#value(depth + 1)]);
    } while (this.#skip(','));
    if (!this.#skip('}')) this.#refuse();
    return Object.fromEntries(entries);
  }

  #array(depth: number): JsonValue[] {
    const values: JsonValue[] = [];
    this.#at++;
    if (this.#skip(']')) return values;
    do values.push(this.#value(depth + 1));
    while (this.#skip(','));
    if (!this.#skip(']')) this.#refuse();
    return values;
  }

  #number(): number | bigint {
    const digits = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
    digits.lastIndex = this.#at;
    const [text] = digits.exec(this.#text) ?? this.#refuse();
    this.#at += text.length;
    const value = Number(text);
    return Number.isSafeInteger(value) || !/^-?[0-9]+$/.test(text) ? value : BigInt(text);
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#refuse();
    this.#at += word.length;
    return value;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #refuse(): never {
    throw new SyntaxError('not JSON as pgBackRest writes it');
  }
}
