/** ASN.1 in its basic encoding (X.690), read as a stream: what is small becomes a tree, what is large stays a stream. */

import { ByteReader, concat, once } from '../bytes.ts';
import { fail } from '../failure.ts';

/** The first byte of an element: class, form and number. Numbers above 30 occur nowhere in what is read here. */
export const BER = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  nothing: 0x05,
  objectId: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Of a tag that says in its sixth bit whether it holds other elements. */
export const constructed = 0x20;

export interface BerHeader {
  tag: number;
  /** undefined: it ends with two zeros. */
  length: number | undefined;
}

export interface BerNode {
  tag: number;
  /** Contents of an element that holds no others; of one that does, all of theirs. */
  content: Uint8Array;
  children: BerNode[];
  /** The element with a definite length: for hashes, and to compare. */
  encoded: Uint8Array;
}

/** @throws RestoreError `truncated`, `damaged` */
export async function readBerHeader(reader: ByteReader): Promise<BerHeader> {
  const offset = reader.offset;
  const [tag, first] = await exactly(reader, 2);
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) failDamaged(offset);
  if (first < 0x80) return { tag, length: first };
  if (first === 0x80) {
    if ((tag & constructed) === 0) failDamaged(offset);
    return { tag, length: undefined };
  }
  const bytes = await exactly(reader, first & 0x7f);
  const length = bytes.reduce((value, byte) => value * 256 + byte, 0);
  if (bytes.length > 8 || !Number.isSafeInteger(length)) failDamaged(offset);
  return { tag, length };
}

/**
 * A whole element, as a tree.
 *
 * @param limit bytes that it may have at most: such elements are small
 * @throws RestoreError `truncated`, `damaged` (also when it is larger)
 */
export async function readBer(reader: ByteReader, limit: number): Promise<BerNode> {
  return readNode(reader, { end: reader.offset + limit, depth: 0, count: { left: mostElements } });
}

/** The two zeros at the end of an element of indefinite length; false where something else stands. */
export async function isEndOfContents(reader: ByteReader): Promise<boolean> {
  const [first, second] = await reader.peek(2);
  return first === 0 && second === 0;
}

interface Bounds {
  end: number;
  depth: number;
  /** Elements of the whole tree that may still come. */
  count: { left: number };
}

async function readNode(reader: ByteReader, bounds: Bounds): Promise<BerNode> {
  const { tag, length } = await readBerHeader(reader);
  const { depth, count } = bounds;
  const end = length === undefined ? bounds.end : reader.offset + length;
  if (end > bounds.end || depth > deepest || count.left-- === 0) failDamaged(reader.offset);
  if ((tag & constructed) === 0) return node(tag, await exactly(reader, length as number), []);
  const children: BerNode[] = [];
  for (;;) {
    if (length !== undefined && reader.offset === end) break;
    if (length === undefined && (await isEndOfContents(reader))) {
      await reader.skip(2);
      break;
    }
    children.push(await readNode(reader, { end, depth: depth + 1, count }));
  }
  return node(tag, concat(children.map((it) => it.encoded)), children);
}

const deepest = 32;
/** A recipient has some thirty; each takes a hundred times the memory of its two bytes. */
const mostElements = 200_000;

function node(tag: number, content: Uint8Array, children: BerNode[]): BerNode {
  return { tag, content, children, encoded: encodeBer(tag, content) };
}

/** An element with a definite length. */
export function encodeBer(tag: number, ...contents: Uint8Array[]): Uint8Array {
  const content = concat(contents);
  const { length } = content;
  if (length < 0x80) return concat([Uint8Array.of(tag, length), content]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return concat([Uint8Array.of(tag, 0x80 | bytes.length, ...bytes), content]);
}

/** The object identifier that an algorithm, or anything else that begins with one, is known by; '' where there is none. */
export function idOf(node: BerNode | undefined): string {
  const [first] = node?.children ?? [];
  return first?.tag === BER.objectId ? objectId(first.content) : '';
}

/** `1.2.840.113549.1.7.3`, of an object identifier's content; '' for what is longer than any. */
export function objectId(content: Uint8Array): string {
  if (content.length > mostIdBytes) return '';
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (numbers.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      numbers.push(first, value - 40 * first);
    } else numbers.push(value);
    value = 0;
  }
  return numbers.join('.');
}

const mostIdBytes = 64;

/** An object identifier as an element. */
export function encodeObjectId(written: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = written.split('.').map(Number);
  const bytes: number[] = [];
  for (const number of [first * 40 + second, ...rest]) {
    const groups = [number & 0x7f];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift(0x80 | (left & 0x7f));
    bytes.push(...groups);
  }
  return encodeBer(BER.objectId, Uint8Array.from(bytes));
}

/** A small number, of an integer's content; NaN where it is none. */
export function smallInteger(content: Uint8Array | undefined): number {
  if (content === undefined || content.length === 0 || content.length > 6 || (content[0] as number) & 0x80)
    return Number.NaN;
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

/**
 * The bytes of a string whose header has been read: of one piece, or made of pieces. OpenSSL writes pieces of some
 * kilobytes: all that lie in the piece at hand are taken out of it at once, since every step of a stream costs.
 *
 * @throws RestoreError `truncated`, `damaged`
 */
export async function* stringBytes(
  reader: ByteReader,
  { tag, length }: BerHeader,
  depth = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  // Each level is a stream of its own, and every piece passes through all of them.
  if (depth > deepestString) failDamaged(reader.offset);
  if ((tag & constructed) === 0) {
    yield* exactBytes(reader, length as number);
    return;
  }
  const end = length === undefined ? undefined : reader.offset + length;
  for (;;) {
    if (end !== undefined && reader.offset >= end) {
      if (reader.offset > end) failDamaged(reader.offset);
      return;
    }
    if (end === undefined && (await isEndOfContents(reader))) {
      await reader.skip(2);
      return;
    }
    const gathered = gather(await reader.peekPiece(), end === undefined ? undefined : end - reader.offset);
    if (gathered.taken > 0) {
      await reader.skip(gathered.taken);
      yield gathered.bytes;
      continue;
    }
    const part = await readBerHeader(reader);
    if ((part.tag & ~constructed) !== BER.octetString) failDamaged(reader.offset);
    yield* stringBytes(reader, part, depth + 1);
  }
}

/** OpenSSL reads five. */
const deepestString = 8;

/**
 * The first bytes of a string whose header has been read; they stay in the reader.
 *
 * @param most as many at most; fewer where the string ends, or where its pieces lie in one another
 * @returns `size`: of the whole string, where it is known already
 */
export async function peekString(
  reader: ByteReader,
  { tag, length }: BerHeader,
  most: number,
): Promise<{ bytes: Uint8Array; size: number | undefined }> {
  if ((tag & constructed) === 0) {
    const size = length as number;
    return { bytes: await reader.peek(Math.min(most, size)), size };
  }
  // Each piece has some bytes of a header.
  const seen = (await reader.peek(2 * most)).subarray(0, length);
  const { bytes, taken } = gather(seen);
  const isWhole = length === undefined ? seen[taken] === 0 && seen[taken + 1] === 0 : taken === length;
  if (isWhole) return { bytes: bytes.subarray(0, most), size: bytes.length };
  const inner = new ByteReader(once(seen.subarray(taken)));
  const part = await readBerHeader(inner).catch(() => undefined);
  const cut = part?.tag === BER.octetString ? await inner.peek(part.length ?? 0) : new Uint8Array(0);
  return { bytes: concat([bytes, cut]).subarray(0, most), size: undefined };
}

/** All octet strings that lie whole at the start of a piece, with the short forms of a length. */
function gather(seen: Uint8Array, most = seen.length): { bytes: Uint8Array; taken: number } {
  const bytes = Buffer.allocUnsafeSlow(seen.length);
  let filled = 0;
  let taken = 0;
  while (seen[taken] === BER.octetString) {
    const first = seen[taken + 1] ?? 0xff;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (first === 0x80 || lengthBytes > 4) break;
    let length = first < 0x80 ? first : 0;
    for (let at = 0; at < lengthBytes; at++) length = length * 256 + (seen[taken + 2 + at] ?? 0);
    const start = taken + 2 + lengthBytes;
    if (start + length > Math.min(seen.length, most)) break;
    bytes.set(seen.subarray(start, start + length), filled);
    filled += length;
    taken = start + length;
  }
  return { bytes: bytes.subarray(0, filled), taken };
}

async function* exactBytes(reader: ByteReader, length: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let left = length; left > 0; ) {
    const piece = await reader.next(left);
    if (piece === undefined) failCut(reader.offset);
    left -= piece.length;
    yield piece;
  }
}

async function exactly(reader: ByteReader, length: number): Promise<Uint8Array> {
  const bytes = await reader.read(length);
  if (bytes.length < length) failCut(reader.offset);
  return bytes;
}

function failCut(offset: number): never {
  fail('truncated', 'decrypt', 'the message is cut off', {
    offset,
    hint: 'The end of the file is missing: copy it again; if it is as short where it was written, the backup is lost.',
  });
}

function failDamaged(offset: number): never {
  fail('damaged', 'decrypt', 'the structure of the message (ASN.1) is broken here', {
    offset,
    hint: 'The file is not what was written: copy it again, or use another backup.',
  });
}
