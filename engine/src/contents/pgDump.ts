/** Reads dumps of pg_dump and pg_dumpall to their end, the way pg_restore or psql would, without a database. */

import { type ByteReader, count, drain, tap } from '../bytes.ts';
import { decompress } from '../compress/compression.ts';
import { counted } from '../counted.ts';
import { fail, RestoreError } from '../failure.ts';
import { ArchiveReader, type DumpToc, readToc, type TocEntry } from './pgDumpToc.ts';
import { shown } from './tar.ts';

export interface DumpContents {
  toc: DumpToc;
  /** Data blocks that were read to their end, and the bytes that came out of them. */
  dataBlocks: number;
  dataBytes: number;
  /** Lines of COPY in them; undefined when some are statements (`--inserts`), which nobody counts. */
  rows: number | undefined;
}

/** Who wants more of an archive than to know that it is whole. Everything it is given, it reads to its end. */
export interface DumpConsumer {
  /** Comes first, with the statements. */
  toc(toc: DumpToc): Promise<void>;
  /** The data of a table: lines of COPY with their end mark, or statements. */
  data(entry: TocEntry, contents: AsyncIterable<Uint8Array>): Promise<void>;
  largeObject(oid: number, contents: AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * Reads an archive in the custom format: the table of contents, then every data block through its decompression; at
 * the end each entry that has data must have been seen.
 *
 * Format: `pg_backup_custom.c`: a block is a type byte, the entry's id, then pieces with their length in front, closed
 * by a length of 0; large objects are one block of several such streams, each after its oid, closed by oid 0. The file
 * has no end mark: that all entries have come is what shows that it is whole.
 *
 * @throws RestoreError stage `contents` (or `decompress`): `damaged`, `truncated`, `unsupported`; offsets count in the archive
 */
export async function checkCustomDump(reader: ByteReader, consumer?: DumpConsumer): Promise<DumpContents> {
  const toc = await readToc(reader, { keepsStatements: consumer !== undefined });
  await consumer?.toc(toc);
  const archive = new ArchiveReader(reader);
  archive.integerBytes = toc.integerBytes;
  const awaited = new Map(toc.entries.filter((it) => it.hasData).map((it) => [it.dumpId, it]));
  let dataBytes = 0;
  let dataBlocks = 0;
  let rows = 0;
  while (!(await reader.isAtEnd())) {
    const offset = reader.offset;
    const type = await archive.byte().catch(inData);
    const dumpId = await archive.integer().catch(inData);
    const entry = awaited.get(dumpId);
    if ((type !== blockOfData && type !== blockOfLargeObjects) || entry === undefined) {
      fail('damaged', 'contents', 'what should be a data block of the pg_dump archive is none', {
        offset,
        hint: damagedHint,
      });
    }
    awaited.delete(dumpId);
    dataBlocks++;
    const data = new DumpData(entry);
    dataBytes += await (type === blockOfData
      ? readBlock({ archive, toc, entry }, (contents) =>
          consume(tap(contents, data), (it) => consumer?.data(entry, it)),
        )
      : readLargeObjects({ archive, toc, entry }, consumer));
    if (type === blockOfData) data.demandEnd(reader.offset);
    rows += data.rows;
  }
  const missing = awaited.values().next().value;
  if (missing) {
    fail(
      'truncated',
      'contents',
      `the pg_dump archive ends before the data of ${awaited.size} of its entries, the first is ${named(missing)}`,
      {
        offset: reader.offset,
        hint: cutHint,
      },
    );
  }
  return { toc, dataBlocks, dataBytes, rows: isCopied(toc) ? rows : undefined };
}

/**
 * Reads a dump in plain text; it must end with the line that pg_dump writes when it is done.
 *
 * @param kind which of the two programs wrote it, by its first lines
 * @returns the number of bytes, and the encoding when all of it was found to be text in it (only UTF8 is tested)
 * @throws RestoreError stage `contents`: `truncated` without that line, `damaged` at a byte that no dump contains or when text follows it
 */
export async function checkPlainDump(
  reader: ByteReader,
  kind: 'pg_dump' | 'pg_dumpall',
): Promise<{ bytes: number; encoding: 'UTF8' | undefined }> {
  const start = reader.offset;
  let tail = Buffer.alloc(0);
  const head = Buffer.from(await reader.peek(tailBytes)).toString('latin1');
  const decoder = /^SET client_encoding = 'UTF8';\r?$/m.test(head)
    ? new TextDecoder('utf-8', { fatal: true })
    : undefined;
  for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) {
    const zero = piece.indexOf(0);
    if (zero >= 0) {
      fail('damaged', 'contents', 'the dump holds a zero byte, which no text of PostgreSQL can', {
        offset: reader.offset - start - piece.length + zero,
        hint: damagedHint,
      });
    }
    demandText(piece);
    tail = Buffer.concat([tail, piece.length > tailBytes ? piece.subarray(-tailBytes) : piece]).subarray(-tailBytes);
  }
  const mark =
    kind === 'pg_dump' ? '-- PostgreSQL database dump complete' : '-- PostgreSQL database cluster dump complete';
  const lines = tail.toString('latin1').split(/\r?\n/);
  const last = lines.lastIndexOf(mark);
  if (last < 0) {
    fail('truncated', 'contents', `the dump does not end with the line “${mark}”`, {
      offset: reader.offset - start,
      hint: cutHint,
    });
  }
  // Since August 2025 a dump shuts psql's commands off at its start, and on again behind its end.
  const [, token] = kind === 'pg_dump' ? (/^\\restrict (\w+)\r?$/m.exec(head) ?? []) : [];
  if (token !== undefined && !lines.slice(last + 1).includes(`\\unrestrict ${token}`)) {
    fail('truncated', 'contents', 'the dump does not end with the \\unrestrict that belongs to its start', {
      offset: reader.offset - start,
      hint: cutHint,
    });
  }
  // What else may follow: the comment's closing line and blank lines.
  const stray = lines.slice(last + 1).find((line) => line !== '' && line !== '--' && !/^\\unrestrict \w+$/.test(line));
  if (stray !== undefined) {
    fail('damaged', 'contents', 'text follows the line that ends the dump', {
      offset: reader.offset - start,
      hint: 'Several dumps were joined, or something was appended: restore would run it all. Split the file.',
    });
  }
  demandText(undefined);
  return { bytes: reader.offset - start, encoding: decoder && 'UTF8' };

  /** A dump that says it is UTF-8 and is not was changed, or was cut inside a character. */
  function demandText(piece: Uint8Array | undefined): void {
    try {
      decoder?.decode(piece, { stream: piece !== undefined });
    } catch {
      fail('damaged', 'contents', 'the dump says that it is UTF-8, and holds bytes that are not', {
        offset: Math.max(0, reader.offset - start - (piece?.length ?? 0)),
        hint: damagedHint,
      });
    }
  }
}

/** @param rows lines of COPY that were read; undefined where none were counted */
export function describeDump(toc: DumpToc, rows?: number): string {
  const { version, database, serverVersion, dumpVersion, createdAt, entries } = toc;
  const made = Number.isNaN(createdAt.getTime())
    ? ''
    : `, made ${createdAt.toISOString().slice(0, 16).replace('T', ' ')}`;
  const tables = entries.filter((it) => it.description === 'TABLE').length;
  const held = counted(tables, 'table') + (rows === undefined ? '' : ` with ${counted(rows, 'row')}`);
  return `pg_dump archive ${version} of the database ${shown(database)}${made} (server ${shown(serverVersion)}, pg_dump ${shown(dumpVersion)}): ${held}`;
}

/** Whether the data of all tables are lines of COPY. */
export function isCopied({ entries }: DumpToc): boolean {
  return entries.every((it) => it.description !== 'TABLE DATA' || !it.hasData || it.isCopied);
}

/** The data of one entry as it passes: lines of COPY end with `\\.` and two empty lines, in every version and format. */
export class DumpData {
  readonly #entry: TocEntry;
  #lineEnds = 0;
  #tail: Buffer = Buffer.alloc(0);

  constructor(entry: TocEntry) {
    this.#entry = entry;
  }

  update(piece: Uint8Array): void {
    if (!this.#entry.isCopied) return;
    for (let at = piece.indexOf(0x0a); at >= 0; at = piece.indexOf(0x0a, at + 1)) this.#lineEnds++;
    this.#tail = Buffer.concat([this.#tail, piece.subarray(-copyEnd.length)]).subarray(-copyEnd.length);
  }

  /** Each line is a row: line ends inside of values are escaped. */
  get rows(): number {
    return Math.max(0, this.#lineEnds - 3);
  }

  /** @throws RestoreError `truncated` when the data of a COPY does not end as it must */
  demandEnd(offset: number): void {
    if (!this.#entry.isCopied || this.#tail.equals(Buffer.from(copyEnd))) return;
    fail('truncated', 'contents', `the data of ${named(this.#entry)} does not end with the mark of its last row`, {
      offset,
      hint: cutHint,
    });
  }
}

const copyEnd = '\\.\n\n\n';
const blockOfData = 1;
const blockOfLargeObjects = 3;
const largestPiece = 1024 * 1024 * 1024;
const tailBytes = 4_096;
const cutHint =
  'The dump was not finished, or its end is missing: look at the log of pg_dump, copy it again, or use another backup.';
const damagedHint = 'The dump is not what pg_dump wrote: copy it again, or use another backup.';

interface BlockPlace {
  archive: ArchiveReader;
  toc: DumpToc;
  entry: TocEntry;
}

async function readBlock(
  { archive, toc, entry }: BlockPlace,
  use: (contents: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<number> {
  const start = archive.reader.offset;
  const stored = piecesOf(archive, entry);
  let bytes = 0;
  const contents = count(toc.compression === 'none' ? stored : decompressed(stored, toc.compression), (delta) => {
    bytes += delta;
  });
  try {
    await use(contents);
    return bytes;
  } catch (error) {
    throw inBlock(error, start, entry);
  }
}

/** Gives contents to whoever wants them; otherwise they are read and forgotten. */
export async function consume(
  contents: AsyncIterable<Uint8Array>,
  take: (contents: AsyncIterable<Uint8Array>) => Promise<void> | undefined,
): Promise<void> {
  const taken = take(contents);
  if (taken === undefined) await drain(contents);
  else await taken;
}

async function readLargeObjects(place: BlockPlace, consumer: DumpConsumer | undefined): Promise<number> {
  let bytes = 0;
  for (;;) {
    const oid = await place.archive.integer().catch(inData);
    if (oid === 0) return bytes;
    bytes += await readBlock(place, (contents) => consume(contents, (it) => consumer?.largeObject(oid, it)));
  }
}

async function* piecesOf(archive: ArchiveReader, entry: TocEntry): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const offset = archive.reader.offset;
    const length = await archive.integer().catch(inData);
    if (length === 0) return;
    if (length < 0 || length > largestPiece) {
      fail('damaged', 'contents', `the data of ${named(entry)} claims a piece of ${length} bytes`, {
        offset,
        hint: damagedHint,
      });
    }
    const end = archive.reader.offset + length;
    while (archive.reader.offset < end) {
      const piece = await archive.reader.next(end - archive.reader.offset);
      if (piece === undefined) failCut(archive.reader.offset, entry);
      yield piece;
    }
  }
}

function decompressed(
  stored: AsyncIterable<Uint8Array>,
  compression: Exclude<DumpToc['compression'], 'none'>,
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'gzip':
      // `compress_gzip.c` writes a zlib stream, not a gzip file.
      return decompress(stored, 'gz', { isRaw: true });
    case 'lz4':
      return decompress(stored, 'lz4');
    case 'zstd':
      return decompress(stored, 'zst');
  }
}

/** Offsets of a decompressor count in the block: the place in the archive is where the block begins. */
function inBlock(error: unknown, start: number, entry: TocEntry): unknown {
  if (!(error instanceof RestoreError) || error.failure.stage !== 'decompress') return error;
  const { failure } = error;
  // A block that is whole in its pieces and yet ends early inside has been changed, not cut.
  const code = failure.code === 'truncated' ? 'damaged' : failure.code;
  return new RestoreError({
    ...failure,
    code,
    offset: start,
    message: `the data of ${named(entry)}: ${failure.message}`,
    hint: damagedHint,
  });
}

function inData(error: unknown): never {
  if (error instanceof RestoreError && error.failure.code === 'truncated') {
    throw new RestoreError({ ...error.failure, message: 'the pg_dump archive ends inside its data', hint: cutHint });
  }
  throw error;
}

function failCut(offset: number, entry: TocEntry): never {
  fail('truncated', 'contents', `the pg_dump archive ends inside the data of ${named(entry)}`, {
    offset,
    hint: cutHint,
  });
}

export function named({ description, name }: TocEntry): string {
  return `${description} ${name.replace(/\p{Cc}/gu, ' ').slice(0, 120)}`;
}
