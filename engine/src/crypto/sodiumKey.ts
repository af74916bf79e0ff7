/** From the text of a configured key to the 32 bytes that libsodium takes, exactly as WAL-G does it. */

import { copyOf } from '../bytes.ts';
import { fail } from '../failure.ts';
import { Secret } from '../secret.ts';

export type KeyTransform = 'hex' | 'base64' | 'none';

export const sodiumKeyBytes = 32;

export interface SodiumKey {
  key: Secret;
  transform: KeyTransform;
  /** What a person should know of how the text was read; no secret. */
  note?: string;
}

/**
 * The key that WAL-G makes of this text under this transform (wal-g `internal/crypto/libsodium/transformer.go`, from
 * 2.0.0 on): `hex` and `base64` must give exactly 32 bytes; `none` takes the text's own bytes, fills 25 to 31 of them
 * up with zeros and cuts after 32.
 *
 * Blanks and line ends around the text are dropped, as WAL-G does for a key file and StackGres for every key.
 *
 * @returns the caller's to wipe
 * @throws RestoreError `usage` with the length and what would be right, never with the key
 */
export function sodiumKey(text: Uint8Array, transform: KeyTransform): SodiumKey {
  return { hex: fromHex, base64: fromBase64, none: verbatim }[transform](trimmed(text));
}

/**
 * Every key that the text could stand for, the likeliest first, where nobody said which transform was used: the ones
 * that fit its shape, and last what WAL-G itself takes when nothing is configured (`none`). For decrypting only, where
 * the stream proves which one is right.
 *
 * @returns the caller's to wipe; empty when the text is too short for any
 */
export function possibleSodiumKeys(text: Uint8Array): SodiumKey[] {
  const keys: SodiumKey[] = [];
  for (const transform of ['hex', 'base64', 'none'] as const) {
    try {
      keys.push(sodiumKey(text, transform));
    } catch {
      // The text has not the shape of this transform.
    }
  }
  // 32 raw bytes may begin or end with one that looks like a blank.
  if (text.length === sodiumKeyBytes && trimmed(text).length !== sodiumKeyBytes) {
    keys.push({ key: new Secret(copyOf(text)), transform: 'none' });
  }
  return keys;
}

/** The transform that a key text was most likely meant for, by its shape alone. */
export function likelyTransform(text: Uint8Array): KeyTransform {
  const likely = trimmed(text);
  if (likely.length === 64 && likely.every(isHexDigit)) return 'hex';
  if (likely.length === 44 && likely[43] === 0x3d && likely.every(isBase64)) return 'base64';
  return 'none';
}

function fromHex(text: Uint8Array): SodiumKey {
  const wrong = text.findIndex((byte) => !isHexDigit(byte));
  if (wrong >= 0) {
    fail(
      'usage',
      'key',
      `with key transform hex, character ${wrong + 1} of the key is no hex digit (the key has ${text.length} characters)`,
      {
        hint: 'The key must be 64 hex digits (0-9, a-f) without 0x, blanks or colons; a base64 text of 44 characters needs the key transform base64.',
      },
    );
  }
  if (text.length % 2 !== 0) {
    fail(
      'usage',
      'key',
      `with key transform hex, the key has an odd number of digits (${text.length}); 64 are needed`,
      {
        hint: 'A digit was lost or added: copy the key again.',
      },
    );
  }
  return { key: exactly32(new Uint8Array(Buffer.from(ascii(text), 'hex')), 'hex', text), transform: 'hex' };
}

function fromBase64(text: Uint8Array): SodiumKey {
  // Go's StdEncoding passes over line ends anywhere, over nothing else.
  const body = text.filter((byte) => byte !== 0x0a && byte !== 0x0d);
  const characters = ascii(body);
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(characters)) {
    const wrong = body.findIndex((byte) => !isBase64(byte));
    const seen =
      wrong >= 0
        ? `character ${wrong + 1} of the key is not of the base64 alphabet`
        : `the key's ${body.length} characters are no whole base64 text`;
    fail('usage', 'key', `with key transform base64, ${seen}`, {
      hint: '32 bytes are 44 characters of A-Z, a-z, 0-9, + and /, the last of them =; URL-safe base64 (- and _) is not read by WAL-G.',
    });
  }
  return { key: exactly32(new Uint8Array(Buffer.from(characters, 'base64')), 'base64', body), transform: 'base64' };
}

function exactly32(key: Uint8Array, transform: 'hex' | 'base64', text: Uint8Array): Secret {
  if (key.length === sodiumKeyBytes) return new Secret(key);
  key.fill(0);
  const isHexReadAsBase64 = transform === 'base64' && text.length === 64 && text.every(isHexDigit);
  fail(
    'usage',
    'key',
    `the key is ${key.length} bytes after key transform ${transform}, libsodium needs ${sodiumKeyBytes}`,
    {
      hint: isHexReadAsBase64
        ? 'The key looks like 64 hex digits: use the key transform hex.'
        : transform === 'hex'
          ? 'The key must be 64 hex digits, as `openssl rand -hex 32` makes them.'
          : 'The key must be 44 base64 characters, as `openssl rand -base64 32` makes them.',
    },
  );
}

function verbatim(text: Uint8Array): SodiumKey {
  const shortest = 25;
  if (text.length < shortest) {
    fail(
      'usage',
      'key',
      `with key transform none, the key is ${text.length} bytes, WAL-G takes no fewer than ${shortest}`,
      {
        hint: 'Use a key of exactly 32 bytes, or 64 hex digits with the key transform hex.',
      },
    );
  }
  const key = new Uint8Array(sodiumKeyBytes);
  key.set(text.subarray(0, sodiumKeyBytes));
  if (text.length === sodiumKeyBytes) return { key: new Secret(key), transform: 'none' };
  const note =
    text.length > sodiumKeyBytes
      ? `the key has ${text.length} bytes; with key transform none WAL-G takes the first ${sodiumKeyBytes} and ignores the rest`
      : `the key has ${text.length} bytes; with key transform none WAL-G fills it up to ${sodiumKeyBytes} with zeros, versions before 2.0.0 with whatever lay in memory`;
  return { key: new Secret(key), transform: 'none', note };
}

/** Without blanks and line ends at both ends. */
function trimmed(text: Uint8Array): Uint8Array {
  const isBlank = (byte: number | undefined) => byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text[start])) start++;
  while (end > start && isBlank(text[end - 1])) end--;
  return text.subarray(start, end);
}

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function isBase64(byte: number): boolean {
  return (
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x2f && byte <= 0x39) ||
    byte === 0x2b ||
    byte === 0x3d
  );
}

function ascii(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
