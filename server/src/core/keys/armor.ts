import { decodeBase64, utf8 } from '../text/base64.ts';

/**
 * ASCII armor as WAL-G's library reads it (go-crypto `openpgp/armor`): a `-----BEGIN …-----` line of its own, header lines
 * with `: `, an empty line, base64 in lines of at most 96 characters without blanks around them, and an END line.
 */
export interface Armor {
  /** Undefined when nothing in the text begins like a block. Only the first block is ever read. */
  first: ArmorBlock | undefined;
  /** How many blocks begin in the text. */
  blocks: number;
  problem: ArmorProblem | undefined;
}

export interface ArmorBlock {
  type: 'private' | 'public' | 'other';
  /** What stands behind `BEGIN PGP`. */
  label: string;
  /** From the BEGIN line to the END line. */
  text: string;
}

export type ArmorProblem =
  | 'not-armored'
  | 'encoded-twice'
  | 'broken-lines'
  | 'no-empty-line'
  | 'indented'
  | 'long-lines'
  | 'foreign-characters'
  | 'no-end';

/** In UTF-16 units; an RSA key of 16384 bits with its subkeys takes a tenth of it. */
const longestKey = 200_000;

/** go-crypto stops at longer lines. */
const longestLine = 96;

/** @param text as WAL-G gets it; a backslash and an n count as a line break, as they do there */
export function readArmor(text: string): Armor {
  const lines = unescaped(text).split('\n');
  const isBegin = (it: string) => /^-----BEGIN [^-]+-----$/.test(it.trim());
  const begin = lines.findIndex(isBegin);
  const blocks = lines.filter(isBegin).length;
  if (begin < 0) {
    const problem = /-----BEGIN PGP/.test(text) ? 'broken-lines' : armorInside(text) ? 'encoded-twice' : 'not-armored';
    return { first: undefined, blocks: 0, problem };
  }
  const end = lines.findIndex((it, i) => i > begin && it.startsWith('-----END'));
  const label = /^-----BEGIN (?:PGP )?(.+)-----$/.exec(lines[begin]!.trim())![1]!;
  const first: ArmorBlock = {
    type: label === 'PRIVATE KEY BLOCK' ? 'private' : label === 'PUBLIC KEY BLOCK' ? 'public' : 'other',
    label,
    text: lines.slice(begin, end < 0 ? undefined : end + 1).join('\n'),
  };
  return { first, blocks, problem: bodyProblem(lines.slice(begin + 1, end < 0 ? undefined : end), end >= 0) };
}

function bodyProblem(lines: string[], hasEnd: boolean): ArmorProblem | undefined {
  const empty = lines.findIndex((it) => it.trim() === '' || !it.includes(': '));
  const headersEnd = empty >= 0 && lines[empty]!.trim() === '' ? empty : -1;
  if (headersEnd < 0) return lines.some((it) => / [A-Za-z0-9+/]{40,} /.test(it)) ? 'broken-lines' : 'no-empty-line';
  const body = lines.slice(headersEnd + 1).map((it) => it.replace(/\r$/, ''));
  if (body.some((it) => /\S[ \t]+\S/.test(it))) return 'broken-lines';
  if (!hasEnd) return body.some((it) => it.includes('-----END')) ? 'indented' : 'no-end';
  if (body.some((it) => it !== '' && it.trim() !== '' && it !== it.trim())) return 'indented';
  if (body.some((it) => it.length > longestLine)) return 'long-lines';
  if (body.some((it) => !/^[A-Za-z0-9+/=]*$/.test(it))) return 'foreign-characters';
  return undefined;
}

/** The same block with its lines as they were, where nothing but white space was lost or added. */
export function mendedArmor(text: string): string | undefined {
  if (text.length > longestKey) return undefined;
  const pieces =
    /^\s*-----BEGIN PGP (PUBLIC|PRIVATE) KEY BLOCK-----((?:\s+[A-Za-z0-9+/]+={0,2}|\s+=[A-Za-z0-9+/]{4})+)\s*-----END PGP \1 KEY BLOCK-----\s*$/.exec(
      unescaped(text),
    );
  if (!pieces) return undefined;
  const words = pieces[2]!.trim().split(/\s+/);
  const checksum = words.at(-1)!.startsWith('=') ? words.pop()! : undefined;
  const lines: string[] = words.join('').match(/.{1,64}/g) ?? [];
  if (checksum) lines.push(checksum);
  const label = `PGP ${pieces[1]} KEY BLOCK`;
  return `-----BEGIN ${label}-----\n\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The armored text inside a base64 text. */
export function armorInside(text: string): string | undefined {
  const { bytes, problem } = decodeBase64(text.replace(/[ \t]/g, ''));
  const inner = problem ? undefined : utf8(bytes);
  return inner?.trimStart().startsWith('-----BEGIN PGP') ? inner : undefined;
}

function unescaped(text: string): string {
  return text.replaceAll('\\n', '\n');
}
