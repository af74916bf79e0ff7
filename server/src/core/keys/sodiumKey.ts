import { passWeakness } from '../pgbackrest/passQuality.ts';
import { decodeBase64, encodeBase64, utf8 } from '../text/base64.ts';
import { withoutFinalFeeds } from '../text/lineBreaks.ts';

/**
 * What becomes of a configured text when WAL-G makes a libsodium key of it (wal-g `internal/crypto/libsodium`, from 2.0.0 on).
 * One text has one problem: the one whose cure comes first.
 */

export type KeyTransform = 'hex' | 'base64' | 'none';

export const KEY_TRANSFORMS: readonly KeyTransform[] = ['base64', 'hex', 'none'];

export interface SodiumKeyProblem {
  /**
   * `transform`: the text is a good key for another transform. `length`: too short, too long, or cut and padded.
   * `encoding`: characters that the transform does not read. `passphrase`: thought up by a person.
   */
  kind: 'transform' | 'length' | 'encoding' | 'passphrase';
  /** `refused`: WAL-G stops at the first push. `silent`: it encrypts with another key than the author meant. */
  effect: 'refused' | 'silent';
  /** Lengths and classes only, nothing of the key. */
  message: string;
  /** The transform that the text was made for, where its shape says so. */
  transform?: KeyTransform;
  /** The text that should stand there instead, where it is certain. Secret. */
  newText?: string;
  /** What `newText` does: the title of the fix. */
  cure?: string;
  /** The stretch of the text that is wrong, in UTF-16 units; absent = all of it. */
  span?: { start: number; end: number };
}

const keyBytes = 32;
const fewestBytes = 25;
const longestKeyText = 400;

/** @param text as WAL-G gets it: see `walgValue` */
export function sodiumKeyProblem(text: string, transform: KeyTransform): SodiumKeyProblem | undefined {
  const meant = meantFor(text);
  const twice = meant ? undefined : encodedOnceMore(text);
  if (twice) {
    return {
      kind: 'encoding',
      effect: transform === 'none' ? 'silent' : 'refused',
      message: `the key is encoded twice: its base64 holds ${twice.shape}`,
      transform: twice.transform,
      newText: twice.text,
      cure: 'Take one layer of base64 off the key',
    };
  }
  return { hex: hexProblem, base64: base64Problem, none: verbatimProblem }[transform](text, meant);
}

/** A key as `openssl rand -hex 32` or `openssl rand -base64 32` prints it, and what was put around it by mistake. */
interface Meant {
  transform: 'hex' | 'base64';
  shape: '64 hex digits' | 'base64 of 32 bytes';
  /** The key alone, when something was taken off. */
  bare: string;
  /** `0x in front`, `blanks`, … ; undefined when the text is the bare key. */
  spoiledBy: string | undefined;
}

function meantFor(text: string): Meant | undefined {
  // 64 digits with a colon or a blank after each two, and some: nothing longer is a key.
  if (text.length > longestKeyText) return undefined;
  for (const { transform, shape, strip } of SHAPES) {
    const bare = text.replace(strip, '');
    const isKey = transform === 'hex' ? /^[0-9a-fA-F]{64}$/.test(bare) : isBase64Key(bare);
    if (isKey) return { transform, shape, bare, spoiledBy: bare === text ? undefined : spoiler(text) };
  }
  return undefined;
}

const SHAPES = [
  { transform: 'hex', shape: '64 hex digits', strip: /^\s*["']?(?:0[xX])?|["']?\s*$|[\s:]/g },
  { transform: 'base64', shape: 'base64 of 32 bytes', strip: /^\s*["']?|["']?\s*$|[ \t]/g },
] as const;

function isBase64Key(text: string): boolean {
  const { bytes, problem } = decodeBase64(text);
  return !problem && bytes.length === keyBytes;
}

function spoiler(text: string): string {
  if (/^\s*["']/.test(text)) return 'quotes around it';
  if (/^\s*0x/i.test(text)) return '0x in front of it';
  if (/\r/.test(text)) return 'a carriage return';
  if (/\n/.test(text)) return 'a line break';
  return /[ \t]/.test(text) ? 'blanks' : 'colons';
}

function encodedOnceMore(text: string): { text: string; transform: KeyTransform; shape: string } | undefined {
  const { bytes, problem } = decodeBase64(text);
  const decoded = problem ? undefined : utf8(bytes);
  const inner = decoded === undefined ? undefined : withoutFinalFeeds(decoded);
  const meant = inner === undefined ? undefined : meantFor(inner);
  return meant && { text: meant.bare, transform: meant.transform, shape: meant.shape };
}

function hexProblem(text: string, meant: Meant | undefined): SodiumKeyProblem | undefined {
  if (meant?.transform === 'base64') return otherTransform(meant, 'hex', 'refused');
  if (meant?.spoiledBy) return spoiled(meant, 'refused');
  if (meant) return undefined;
  const wrong = text.search(/[^0-9a-fA-F]/);
  if (wrong >= 0) {
    return {
      kind: 'encoding',
      effect: 'refused',
      message: `character ${wrong + 1} of ${text.length} is no hex digit; keyTransform hex reads nothing else`,
      span: { start: wrong, end: wrong + 1 },
    };
  }
  const what =
    text.length % 2 === 0 ? `the key is ${text.length / 2} bytes after hex` : `the key is ${text.length} hex digits`;
  const needed =
    text.length % 2 === 0 ? `libsodium needs ${keyBytes}` : `an odd number; libsodium needs ${keyBytes * 2}`;
  return { kind: 'length', effect: 'refused', message: `${what}, ${needed}` };
}

function base64Problem(text: string, meant: Meant | undefined): SodiumKeyProblem | undefined {
  if (meant?.transform === 'hex' && !meant.spoiledBy) {
    // Hex digits are letters of base64 too: what comes out has another length.
    return {
      kind: 'length',
      effect: 'refused',
      message: `the key is 48 bytes after base64, libsodium needs ${keyBytes}: it is ${meant.shape}`,
      transform: 'hex',
    };
  }
  if (meant?.transform === 'hex') return otherTransform(meant, 'base64', 'refused');
  // Go's decoder passes over line breaks.
  if (meant && !/[^A-Za-z0-9+/=\r\n]/.test(text)) return undefined;
  if (meant?.spoiledBy) return spoiled(meant, 'refused');
  const { bytes, problem } = decodeBase64(text);
  if (!problem) {
    return {
      kind: 'length',
      effect: 'refused',
      message: `the key is ${bytes.length} bytes after base64, libsodium needs ${keyBytes}`,
    };
  }
  const repaired = repair(text);
  const of = `of ${text.length}`;
  const message =
    problem.code === 'url-alphabet'
      ? 'the key is in the URL alphabet of base64 (- and _); WAL-G reads + and /'
      : problem.code === 'padding'
        ? `the key's ${text.length} characters are no whole base64: ${/=$/.test(text) ? 'a character was lost' : 'the = at the end is missing'}`
        : `character ${problem.start + 1} ${of} is not of the base64 alphabet`;
  return {
    kind: 'encoding',
    effect: 'refused',
    message,
    ...(repaired === undefined
      ? problem.code === 'character' && { span: { start: problem.start, end: problem.end } }
      : { newText: repaired, cure: 'Write the same key in standard base64' }),
  };
}

function verbatimProblem(text: string, meant: Meant | undefined): SodiumKeyProblem | undefined {
  if (meant) return otherTransform(meant, 'none', 'silent');
  const length = new TextEncoder().encode(text).length;
  if (length < fewestBytes) {
    return {
      kind: 'length',
      effect: 'refused',
      message: `the key is ${bytesOf(length)}, keyTransform none needs at least ${fewestBytes}`,
    };
  }
  if (length < keyBytes) {
    return {
      kind: 'length',
      effect: 'silent',
      message: `the key is ${bytesOf(length)}: WAL-G fills it up with ${bytesOf(keyBytes - length, 'zero byte')}`,
    };
  }
  if (length > keyBytes) {
    return {
      kind: 'length',
      effect: 'silent',
      message: `the key is ${bytesOf(length)}: with keyTransform none only the first ${keyBytes} count`,
    };
  }
  if (!passWeakness(text)) return undefined;
  return {
    kind: 'passphrase',
    effect: 'silent',
    message:
      'the key looks like a passphrase that a person thought up: WAL-G takes it as it is, no key derivation takes place',
  };
}

function otherTransform(meant: Meant, given: KeyTransform, effect: 'refused' | 'silent'): SodiumKeyProblem {
  const consequence =
    given === 'none'
      ? ': WAL-G takes its first 32 characters as the key'
      : `, which keyTransform ${given} does not read`;
  return {
    kind: 'transform',
    effect,
    message: `the key is ${meant.shape}${given === 'none' ? `, but keyTransform is none` : ''}${consequence}`,
    transform: meant.transform,
    ...(meant.spoiledBy && { newText: meant.bare, cure: `Take ${meant.spoiledBy} off the key` }),
  };
}

function spoiled(meant: Meant, effect: 'refused'): SodiumKeyProblem {
  return {
    kind: 'encoding',
    effect,
    message: `the key is ${meant.shape} with ${meant.spoiledBy}, which keyTransform ${meant.transform} does not read`,
    newText: meant.bare,
    cure: `Take ${meant.spoiledBy} off the key`,
  };
}

/** The same 32 bytes in the alphabet and with the padding that WAL-G reads. */
function repair(text: string): string | undefined {
  const letters = text.replace(/[\s=]/g, '').replaceAll('-', '+').replaceAll('_', '/');
  const padded = letters + '='.repeat((4 - (letters.length % 4)) % 4);
  const { bytes, problem } = decodeBase64(padded);
  return problem || bytes.length !== keyBytes ? undefined : encodeBase64(bytes);
}

function bytesOf(count: number, unit = 'byte'): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
