/** WAL-G's JSON: LSNs and system identifiers are plain integers of 64 bits, which `JSON.parse` alone would round. */

export type JsonValue = string | number | bigint | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

/** One complete value, or undefined when the text is no JSON. Integers beyond 2^53 become a bigint. */
export function parseExactJson(text: string): JsonValue | undefined {
  try {
    if (!/[0-9]{16}/.test(text)) return JSON.parse(text) as JsonValue;
    const marked = text.replace(TOKEN, (it) => {
      if (it.startsWith('"') || !/^-?[0-9]{16,}$/.test(it)) return it;
      return Number.isSafeInteger(Number(it)) ? it : `"${MARK}${it}"`;
    });
    return JSON.parse(marked, (_, value: unknown) =>
      typeof value === 'string' && value.startsWith('\0bigint:') ? toBigint(value) : value,
    ) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A number that no negative or broken value can pass for; undefined for everything else. */
export function unsigned(value: JsonValue | undefined): bigint | undefined {
  if (typeof value === 'bigint') return value >= 0n && value < 1n << 64n ? value : undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined;
}

/** Strings and numbers, so that digits inside a string stay what they are. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/g;
/** No writer of JSON leaves a NUL at the start of a string. */
const MARK = '\\u0000bigint:';

function toBigint(marked: string): bigint | string {
  const digits = marked.slice('\0bigint:'.length);
  return /^-?[0-9]+$/.test(digits) ? BigInt(digits) : marked;
}
