import type { MappedText } from './mappedText.ts';

/** What keeps the API server from decoding a Secret's value; offsets are into the scalar's text. Facts: Kubernetes' own decoder. */
export interface Base64Problem {
  code: 'character' | 'padding' | 'url-alphabet' | 'blank' | 'glued';
  start: number;
  end: number;
}

export interface Base64 {
  bytes: Uint8Array;
  problem?: Base64Problem;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUE = new Int16Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) VALUE[ALPHABET.charCodeAt(i)] = i;

/** Decodes as Go's StdEncoding does: CR and LF anywhere are ignored, padding is demanded, spare bits are not looked at. */
export function decodeBase64(text: string): Base64 {
  return decode(text, undefined);
}

/** Standard alphabet, padded, on one line. */
export function encodeBase64(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out += ALPHABET[group >> 18]! + ALPHABET[(group >> 12) & 63]!;
    out += i + 1 < bytes.length ? ALPHABET[(group >> 6) & 63]! : '=';
    out += i + 2 < bytes.length ? ALPHABET[group & 63]! : '=';
  }
  return out;
}

/**
 * The text inside a base64 text, with places; undefined when it does not decode or is not UTF-8.
 * A change re-encodes the whole value; line breaks of wrapped base64 are kept at the same width.
 */
export function decodedText(encoded: MappedText): MappedText | undefined {
  const positions: number[] = [];
  const { bytes, problem } = decode(encoded.text, positions);
  if (problem) return undefined;
  const text = utf8(bytes);
  if (text === undefined) return undefined;

  // Byte b comes from the significant characters floor(b*8/6) to floor((b*8+7)/6) of the base64.
  const from = new Int32Array(text.length);
  const to = new Int32Array(text.length);
  let byte = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!;
    const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    from[i] = positions[Math.floor((byte * 8) / 6)]!;
    to[i] = positions[Math.floor(((byte + size) * 8 - 1) / 6)]! + 1;
    byte += size;
    if (size === 4) {
      from[i + 1] = from[i]!;
      to[i + 1] = to[i]!;
      i++;
    }
  }
  const width = wrapWidth(encoded.text);
  // The break at the end of a block decides about its header.
  const end = /[\r\n]*$/.exec(encoded.text)![0];
  return encoded.layer({
    text,
    from,
    to,
    encode: (it) => wrap(encodeBase64(new TextEncoder().encode(it)), width) + end,
  });
}

/** The text of UTF-8 bytes, undefined when they are none. A byte-order mark stays: pgBackRest trips over it. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function decode(text: string, positions: number[] | undefined): Base64 {
  const bytes = new Uint8Array(Math.ceil((text.length * 3) / 4) + 3);
  let length = 0;
  let bits = 0;
  let held = 0;
  let padding = 0;
  let problem: Base64Problem | undefined;
  const report = (code: Base64Problem['code'], start: number, end: number) => {
    problem ??= { code, start, end };
  };
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x0a || code === 0x0d) continue;
    if (code === 0x3d) {
      padding++;
      continue;
    }
    const value = code < 128 ? VALUE[code]! : -1;
    if (value < 0) {
      if (code === 0x20 || code === 0x09) report('blank', i, i + 1);
      else if (code === 0x2d || code === 0x5f) report('url-alphabet', i, i + 1);
      else report('character', i, i + (code >= 0xd800 && code < 0xdc00 ? 2 : 1));
      continue;
    }
    if (padding > 0) report('glued', i, text.length);
    positions?.push(i);
    held = ((held << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = (held >> bits) & 0xff;
    }
  }
  // bits counts what is left over: 6 = one character too many or padding lost, 4 and 2 want two and one '='.
  const wanted = bits === 4 ? 2 : bits === 2 ? 1 : 0;
  if (bits === 6 || padding !== wanted) report('padding', Math.max(0, text.trimEnd().length - 1), text.length);
  return { bytes: bytes.subarray(0, length), problem };
}

function wrapWidth(text: string): number {
  const firstBreak = text.trimEnd().search(/[\r\n]/);
  return Math.max(firstBreak, 0);
}

function wrap(text: string, width: number): string {
  if (width <= 0) return text;
  const lines: string[] = [];
  for (let i = 0; i < text.length; i += width) lines.push(text.slice(i, i + width));
  return lines.join('\n');
}
