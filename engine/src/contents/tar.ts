/** Reads tar archives to their very end: every header's checksum, every member's size, and the two zero blocks that close it. */

import { type ByteReader, copyOf } from '../bytes.ts';
import { fail } from '../failure.ts';

const blockBytes = 512;
/** A PAX header or a GNU long name of more than this is nonsense, and must not fill the memory. */
const largestExtension = 16 * 1024 * 1024;

export type MemberType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'device' | 'fifo' | 'other';

export interface TarMember {
  /** As recorded, without any repair: may be absolute or lead out of the target. */
  path: string;
  type: MemberType;
  /** Bytes of contents that follow; 0 for everything but files. */
  size: number;
  mode: number;
  /** Epoch seconds. */
  modifiedAt: number;
  linkTarget?: string;
  /** Only parts of the file are stored, with a map of where they belong. */
  isSparse: boolean;
  /** Where the member's header begins in the tar. */
  offset: number;
}

/**
 * The members of a tar, one after the other. After each, the caller may read its contents from `contents`; what it
 * leaves is passed over.
 *
 * @param options.mayBeOpen PostgreSQL sends tars without the two zero blocks: only for who knows by other means what is in it
 *
 * Reads ustar, PAX, GNU (long names, sizes in base 256, old sparse files) and the formats before them.
 *
 * @throws RestoreError stage `contents`: `damaged` when a header's checksum is wrong or data follows the end,
 *   `truncated` when the input ends inside a member or without two zero blocks; offsets count in the tar
 */
export async function* readTar(
  reader: ByteReader,
  { mayBeOpen = false }: { mayBeOpen?: boolean } = {},
): AsyncGenerator<{ member: TarMember; contents: AsyncIterable<Uint8Array> }, void, undefined> {
  const start = reader.offset;
  let pax = new Map<string, string>();
  let longName: string | undefined;
  let longLink: string | undefined;
  for (;;) {
    const offset = reader.offset - start;
    const header = copyOf(await reader.read(blockBytes));
    if (header.length === 0 && mayBeOpen && offset > 0) return;
    if (header.length < blockBytes)
      failEnd(
        offset + header.length,
        header.length === 0 ? 'the two zero blocks that close a tar are missing' : 'it ends inside a header',
      );
    if (isZero(header)) {
      await demandClosed(reader, start);
      return;
    }
    checkHeader(header, offset);
    const typeFlag = String.fromCharCode(header[156] as number);
    const recordedSize = numberField(header, 124, 12, offset);
    const extension = EXTENSIONS[typeFlag];
    if (extension !== undefined) {
      const bytes = await readExtension(reader, recordedSize, offset);
      if (extension === 'pax') for (const [key, value] of parsePax(bytes, offset)) pax.set(key, value);
      else if (extension === 'longName') longName = textOf(bytes);
      else if (extension === 'longLink') longLink = textOf(bytes);
      continue;
    }
    const type = memberType(typeFlag);
    if (typeFlag === 'S') await passSparseMap(reader, header);
    const size = type === 'file' || type === 'other' ? (paxSize(pax, offset) ?? recordedSize) : 0;
    const linkTarget = pax.get('linkpath') ?? longLink ?? text(header, 157, 100);
    const member: TarMember = {
      path: pax.get('GNU.sparse.name') ?? pax.get('path') ?? longName ?? headerPath(header),
      type,
      size,
      mode: numberField(header, 100, 8, offset) & 0o7777,
      modifiedAt: timeOf(pax.get('mtime'), header),
      isSparse: typeFlag === 'S' || [...pax.keys()].some((key) => key.startsWith('GNU.sparse.')),
      offset,
      ...(linkTarget === '' ? {} : { linkTarget }),
    };
    const contentsStart = reader.offset;
    yield { member, contents: contentsOf(reader, size, start) };
    const padded = Math.ceil(size / blockBytes) * blockBytes;
    const left = padded - (reader.offset - contentsStart);
    if ((await reader.skip(left)) < left) failEnd(reader.offset - start, `it ends inside ${shown(member.path)}`);
    pax = new Map();
    longName = undefined;
    longLink = undefined;
  }
}

/** Whether a member's name would leave the folder it is unpacked into. Absolute names do not: they are taken as relative. */
export function leavesTarget(path: string): boolean {
  return path.split(/[/\\]/).includes('..');
}

/** A name as it may stand in a message: control characters shown, not obeyed, and not longer than a line. */
export function shown(path: string): string {
  const visible = path.replace(
    /[\p{Cc}\p{Cf}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return visible.length > 200 ? `${visible.slice(0, 200)}…` : visible;
}

/** PAX `g` records hold for all that follows; nobody uses them for paths or sizes, so they are read over like the rest. */
const EXTENSIONS: Record<string, 'pax' | 'longName' | 'longLink' | 'passed'> = {
  x: 'pax',
  X: 'pax',
  g: 'passed',
  L: 'longName',
  K: 'longLink',
  V: 'passed',
};

const TYPES: Record<string, MemberType> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'fifo',
};

function memberType(flag: string): MemberType {
  return TYPES[flag] ?? 'other';
}

async function* contentsOf(
  reader: ByteReader,
  size: number,
  start: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = reader.offset + size;
  while (reader.offset < end) {
    const piece = await reader.next(end - reader.offset);
    if (piece === undefined) failEnd(reader.offset - start, 'it ends inside a member');
    yield piece;
  }
}

async function demandClosed(reader: ByteReader, start: number): Promise<void> {
  const second = await reader.read(blockBytes);
  if (second.length < blockBytes)
    failEnd(reader.offset - start, 'only one of the two zero blocks that close a tar is there');
  // GNU tar fills up to 10 KiB with zeros, tapes to whatever they like.
  for (let piece: Uint8Array | undefined = second; piece !== undefined; piece = await reader.next()) {
    if (isZero(piece)) continue;
    fail('damaged', 'contents', 'bytes follow the end of the tar', {
      offset: reader.offset - start - piece.length + piece.findIndex((byte) => byte !== 0),
      hint: 'Something was appended, or several tars were joined: only the first would be unpacked.',
    });
  }
  // A member that lost some bytes moves everything behind it, and zeros look the same wherever they stand.
  const length = reader.offset - start;
  if (length % blockBytes === 0) return;
  fail(
    'damaged',
    'contents',
    `the tar has ${length} bytes, which is no multiple of ${blockBytes}: some are missing, or too many`,
    {
      offset: length,
      hint: 'Copy it again from where it was written, or use another backup.',
    },
  );
}

function checkHeader(header: Uint8Array, offset: number): void {
  const recorded = Number.parseInt(text(header, 148, 8).trim(), 8);
  let sum = 0;
  let signedSum = 0;
  for (let index = 0; index < blockBytes; index++) {
    const byte = index >= 148 && index < 156 ? 0x20 : (header[index] as number);
    sum += byte;
    signedSum += byte < 128 ? byte : byte - 256;
  }
  // Some old implementations summed signed bytes.
  if (recorded === sum || recorded === signedSum) return;
  fail('damaged', 'contents', 'the checksum of a tar header does not match', {
    offset,
    hint: 'The tar is not what was written, or a member before this place has the wrong length: use another copy.',
  });
}

/** Octal digits, or (first bit set) a big-endian number in base 256, for what octal cannot hold. */
function numberField(header: Uint8Array, from: number, length: number, offset: number): number {
  const first = header[from] as number;
  let value = 0;
  if (first & 0x80) {
    value = first & 0x3f;
    for (let index = from + 1; index < from + length; index++) value = value * 256 + (header[index] as number);
  } else {
    const digits = text(header, from, length).trim();
    value = digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  }
  if (Number.isSafeInteger(value)) return value;
  fail('damaged', 'contents', 'a tar header holds a number that is none', { offset });
}

/** A time that cannot be read is no reason to refuse a tar: 0 then. */
function timeOf(recorded: string | undefined, header: Uint8Array): number {
  const time = recorded === undefined ? Number.parseInt(text(header, 136, 12), 8) : Number(recorded);
  return Number.isFinite(time) && Math.abs(time) < 2 ** 40 ? Math.trunc(time) : 0;
}

async function readExtension(reader: ByteReader, size: number, offset: number): Promise<Uint8Array> {
  if (size > largestExtension) fail('damaged', 'contents', `an extended tar header claims ${size} bytes`, { offset });
  const padded = Math.ceil(size / blockBytes) * blockBytes;
  const bytes = await reader.read(padded);
  if (bytes.length < padded) failEnd(offset + blockBytes + bytes.length, 'it ends inside an extended header');
  return bytes.subarray(0, size);
}

/** POSIX.1-2001: records `LENGTH KEY=VALUE\n`, the length counting all of the record. */
function parsePax(bytes: Uint8Array, offset: number): [key: string, value: string][] {
  const records: [string, string][] = [];
  for (let start = 0; start < bytes.length; ) {
    const blank = bytes.indexOf(0x20, start);
    const length = blank < 0 ? Number.NaN : Number(latin1(bytes.subarray(start, blank)));
    const end = start + length;
    const equals = bytes.indexOf(0x3d, blank);
    if (!(length > 0) || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      fail('damaged', 'contents', 'an extended tar header cannot be read', { offset });
    }
    records.push([
      Buffer.from(bytes.subarray(blank + 1, equals)).toString('utf8'),
      Buffer.from(bytes.subarray(equals + 1, end - 1)).toString('utf8'),
    ]);
    start = end;
  }
  return records;
}

function paxSize(pax: Map<string, string>, offset: number): number | undefined {
  const written = pax.get('size');
  if (written === undefined) return undefined;
  const size = Number(written);
  if (/^\d+$/.test(written) && Number.isSafeInteger(size)) return size;
  fail('damaged', 'contents', 'an extended tar header holds a size that is none', { offset });
}

/** Old GNU sparse files: the map of holes goes on in further blocks while the last byte of the map says so. */
async function passSparseMap(reader: ByteReader, header: Uint8Array): Promise<void> {
  let isContinued = header[482] !== 0;
  while (isContinued) {
    const block = await reader.read(blockBytes);
    isContinued = block.length === blockBytes && block[504] !== 0;
  }
}

function headerPath(header: Uint8Array): string {
  const name = text(header, 0, 100);
  // Only POSIX ustar has a prefix; GNU keeps times there.
  const prefix = latin1(header.subarray(257, 263)) === 'ustar\0' ? text(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function failEnd(offset: number, what: string): never {
  fail('truncated', 'contents', `the tar is cut off: ${what}`, {
    offset,
    hint: 'The end of the backup is missing: copy it again, or use another one.',
  });
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function text(header: Uint8Array, from: number, length: number): string {
  return textOf(header.subarray(from, from + length));
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
