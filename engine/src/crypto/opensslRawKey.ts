/**
 * Files of `openssl enc -K KEY -iv IV`: the key itself instead of a password, both in hex. Such a file is nothing but
 * ciphertext; only the contents can show that key, IV and cipher are right.
 */

import { createDecipheriv } from 'node:crypto';
import { isText } from '../contents/sniff.ts';
import { fail } from '../failure.ts';
import type { OpensslParameters } from '../job.ts';
import { CIPHERS, type CipherName, cipherName, type RawKey } from './openssl.ts';
import {
  isUntellable,
  judge,
  type OpensslFit,
  type OpensslStart,
  type SearchOptions,
  unprovenHint,
} from './opensslFit.ts';

export interface RawKeyText {
  /** The caller wipes it. */
  key: Uint8Array;
  /** undefined where the text does not say it. */
  iv: Uint8Array | undefined;
}

/**
 * A key file that holds a key itself: its hex digits on the first line, or what `openssl enc -P` prints (`key=…`, `iv =…`).
 * undefined for everything else: then it is a password.
 */
export function rawKeyIn(stored: Uint8Array): RawKeyText | undefined {
  if (stored.length > 4_096) return undefined;
  const text = Buffer.from(stored).toString('latin1');
  const printed = /^\s*key\s*=\s*([0-9a-f]+)\s*$/im.exec(text)?.[1];
  const iv = /^\s*iv\s*=\s*([0-9a-f]+)\s*$/im.exec(text)?.[1];
  if (printed !== undefined) return { key: fromHex(printed), iv: iv === undefined ? undefined : fromHex(iv) };
  const line = /^\s*(?:0x)?([0-9a-f]{32,64})[ \t]*\r?(?:\n|$)/i.exec(text)?.[1];
  return line !== undefined && KEY_DIGITS.has(line.length) ? { key: fromHex(line), iv: undefined } : undefined;
}

/** Of keys of 128, 192 and 256 bits. */
const KEY_DIGITS = new Set([32, 48, 64]);

export interface RawKeyFit {
  raw: RawKey;
  provenBy: OpensslFit['provenBy'];
  /** Worth telling. */
  note?: string;
}

/**
 * Finds the cipher under which the start of a file makes sense. An IV is never guessed for CBC: a wrong one changes the first
 * block only, and nothing proves that.
 *
 * @param parameters `iv` goes before the one in the text; `cipher` where it is known
 * @throws RestoreError `wrong-key` when nothing fits, `usage` for an IV that is none, or when the key fits and only the IV
 *   is missing
 */
export function fitRawKey(
  start: OpensslStart,
  { key, iv: writtenIv }: RawKeyText,
  parameters: Pick<OpensslParameters, 'iv' | 'cipher'>,
  { allowUnproven = false }: Pick<SearchOptions, 'allowUnproven'> = {},
): RawKeyFit {
  const iv = parameters.iv === undefined ? writtenIv : givenIv(parameters.iv);
  const candidates =
    parameters.cipher === undefined
      ? (Object.keys(CIPHERS) as CipherName[]).filter((it) => it.startsWith('aes-') && CIPHERS[it].key === key.length)
      : [cipherName(parameters.cipher)];
  let isOnlyIvMissing = false;
  let padding: RawKeyFit | undefined;
  for (const cipher of candidates) {
    const size = CIPHERS[cipher];
    const raw = { cipher, key: sized(key, size.key), iv: sized(iv ?? new Uint8Array(0), size.iv) };
    const needsIv = FIRST_BLOCK_ONLY.test(cipher);
    if (needsIv && iv === undefined) {
      isOnlyIvMissing ||= isRightBehindFirstBlock(raw, start);
      continue;
    }
    const provenBy = judge(raw, start, 0);
    if (provenBy === 'contents') return needsIv ? withFirstBlock(raw, start) : { raw, provenBy };
    if (provenBy) padding ??= { raw, provenBy };
  }
  if (isOnlyIvMissing) {
    fail('usage', 'key', 'the key opens the file, but not its first block: for that its IV is needed', {
      offset: 0,
      hint: 'Say what was given to openssl enc as -iv: --iv HEX, or --iv 0.',
    });
  }
  const [only] = candidates.length === 1 ? candidates : [];
  if (padding && only && iv !== undefined) return padding;
  const isSilent = only !== undefined && isUntellable(only, start);
  if (isSilent && allowUnproven && iv !== undefined) {
    const size = CIPHERS[only];
    return { raw: { cipher: only, key: sized(key, size.key), iv: sized(iv, size.iv) }, provenBy: 'nothing' };
  }
  fail('wrong-key', 'decrypt', 'the key does not open the file: what comes out is noise', {
    offset: 0,
    hint: `Check the key and the IV (the values of -K and -iv, in hex), and name the cipher (--cipher).${isSilent ? ` ${unprovenHint}` : ''}`,
  });
}

/** Modes in which a wrong IV changes the first block and nothing else. */
const FIRST_BLOCK_ONLY = /-(?:cbc|cfb)$/;

function isRightBehindFirstBlock({ cipher, key }: RawKey, { bytes, size, tail }: OpensslStart): boolean {
  const before = CIPHERS[cipher].iv;
  if (bytes.length < 3 * before) return false;
  const rest = {
    bytes: bytes.subarray(before),
    ...(size !== undefined && { size: size - before }),
    ...(tail && { tail }),
  };
  return judge({ cipher, key, iv: bytes.subarray(0, before) }, rest, 0) === 'contents';
}

/** @throws RestoreError `wrong-key` for text whose first block is none */
function withFirstBlock(raw: RawKey, { bytes }: OpensslStart): RawKeyFit {
  const { iv } = CIPHERS[raw.cipher];
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 16));
  const plain = createDecipheriv(raw.cipher, raw.key, raw.iv).setAutoPadding(false).update(whole);
  const rest = plain.subarray(iv, -iv);
  const isGarbled = plain.length > 2 * iv && isText(rest) && !belongsTo(rest, plain.subarray(0, iv));
  plain.fill(0);
  if (isGarbled) {
    fail('wrong-key', 'key', 'the key opens the file, but the IV does not fit its first block', {
      offset: 0,
      hint: 'Say what was given to openssl enc as -iv: --iv HEX.',
    });
  }
  return { raw, provenBy: 'contents', note: 'whether the IV is right shows in the first 16 bytes only: look at them' };
}

/** Whether a block may begin a text: in Latin-1 and its kin a letter of another alphabet is a broken one of UTF-8. */
function belongsTo(text: Uint8Array, block: Uint8Array): boolean {
  if (isText(block)) return true;
  const high = (bytes: Uint8Array) => bytes.filter((byte) => byte >= 0x80).length / bytes.length;
  const low = block.filter((byte) => byte < 0x80);
  const isPrinted = low.length === 0 || isText(low);
  return isPrinted && (high(block) <= 1 / 3 || high(text) >= 1 / 4);
}

function givenIv(text: string): Uint8Array {
  if (/^(?:0x)?[0-9a-f]{0,64}$/i.test(text)) return fromHex(text.replace(/^0x/i, ''));
  return fail('usage', 'key', 'the IV is not written in hex digits', { hint: 'Give the value of -iv: 32 hex digits.' });
}

/** openssl fills what is too short with zeros, and leaves out what is too much. */
function sized(bytes: Uint8Array, length: number): Uint8Array {
  const result = new Uint8Array(length);
  result.set(bytes.subarray(0, length));
  return result;
}

function fromHex(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits.length % 2 === 0 ? digits : `${digits}0`, 'hex'));
}
