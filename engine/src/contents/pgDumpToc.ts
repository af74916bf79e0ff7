/**
 * The head of a pg_dump archive: magic, versions and table of contents, the same in the custom format, in the `toc.dat`
 * of the tar format and in that of the directory format.
 *
 * Format: PostgreSQL `src/bin/pg_dump/pg_backup_archiver.c` (ReadHead, ReadToc, ReadInt, ReadStr, ReadOffset); archive
 * versions 1.10 (PostgreSQL 8.0) to 1.16 (17 and 18).
 */

import { isUtf8 } from 'node:buffer';
import type { ByteReader } from '../bytes.ts';
import { fail } from '../failure.ts';

export interface DumpToc {
  /** `1.14`. */
  version: string;
  format: 'custom' | 'tar' | 'directory';
  compression: 'none' | 'gzip' | 'lz4' | 'zstd';
  database: string;
  /** Versions as the archive writes them: of the server that was dumped, and of pg_dump. */
  serverVersion: string;
  dumpVersion: string;
  createdAt: Date;
  entries: TocEntry[];
  /** Size of integers and of file offsets in the data that follows. */
  integerBytes: number;
  /** Names and statements are text: noise in them would have shown. */
  isAllUtf8: boolean;
}

export interface TocEntry {
  dumpId: number;
  /** What it is: `TABLE DATA`, `BLOBS`, `INDEX`. */
  description: string;
  /** The object's name, with its schema where it has one. */
  name: string;
  /** Something was dumped for it beyond its definition: a data block or file has to be there. */
  hasData: boolean;
  /** The data are lines of COPY, which end with their own mark; else statements or large objects. */
  isCopied: boolean;
  /** tar and directory format: the member that holds the data. */
  fileName?: string;
  /** What creates it, and the COPY that takes its data; only where they were asked for, they are most of a dump's head. */
  statements?: { definition: string; copy: string };
}

/**
 * Reads from `PGDMP` to the end of the table of contents.
 *
 * @throws RestoreError stage `contents`: `unsupported` for versions or sizes that no known pg_dump writes,
 *   `damaged` for what cannot be, `truncated` when the input ends before; offsets count in the archive
 */
export async function readToc(reader: ByteReader, { keepsStatements = false } = {}): Promise<DumpToc> {
  const archive = new ArchiveReader(reader);
  const magic = await archive.bytes(5);
  if (Buffer.from(magic).toString('latin1') !== 'PGDMP')
    fail('damaged', 'contents', 'a pg_dump archive starts with PGDMP', { offset: 0 });
  const major = await archive.byte();
  const minor = await archive.byte();
  await archive.byte();
  const version = major * 100 + minor;
  if (major !== 1 || minor < 10 || minor > newestMinor) {
    fail(
      'unsupported',
      'contents',
      `pg_dump archive version ${major}.${minor} is not known (1.10 to 1.${newestMinor} are)`,
      {
        offset: 5,
        hint: 'It was made by a newer or very old pg_dump, or the file is damaged: `pg_restore --list` of the same version can tell.',
      },
    );
  }
  archive.integerBytes = await archive.byte();
  archive.offsetBytes = await archive.byte();
  if (archive.integerBytes < 1 || archive.integerBytes > 8 || archive.offsetBytes < 1 || archive.offsetBytes > 8) {
    fail('damaged', 'contents', 'the sizes in the head of the pg_dump archive cannot be', { offset: 8 });
  }
  const format =
    FORMATS[await archive.byte()] ??
    fail('damaged', 'contents', 'the pg_dump archive has a format that does not exist', { offset: 10 });
  const compression = await readCompression(archive, version);
  const createdAt = await readTime(archive);
  const database = (await archive.text()) ?? '';
  const serverVersion = (await archive.text()) ?? '';
  const dumpVersion = (await archive.text()) ?? '';
  const count = await archive.integer();
  if (count < 0 || count > mostEntries)
    fail('damaged', 'contents', `the pg_dump archive claims ${count} entries`, { offset: reader.offset });
  const entries: TocEntry[] = [];
  for (let index = 0; index < count; index++)
    entries.push(await readEntry(archive, { version, format, keepsStatements }));
  return {
    version: `${major}.${minor}`,
    format,
    compression,
    database,
    serverVersion,
    dumpVersion,
    createdAt,
    entries,
    integerBytes: archive.integerBytes,
    isAllUtf8: archive.isAllUtf8,
  };
}

const newestMinor = 16;
const mostEntries = 20_000_000;
const longestText = 256 * 1024 * 1024;
const FORMATS: Record<number, DumpToc['format']> = { 1: 'custom', 3: 'tar', 5: 'directory' };

/** Numbers and texts as pg_dump writes them: a sign byte and then the number, low bytes first. */
export class ArchiveReader {
  integerBytes = 4;
  offsetBytes = 8;
  /** Whether every text so far was UTF-8. */
  isAllUtf8 = true;

  constructor(readonly reader: ByteReader) {}

  async bytes(length: number): Promise<Uint8Array> {
    const bytes = await this.reader.read(length);
    if (bytes.length < length) failEnd(this.reader.offset);
    return bytes;
  }

  async byte(): Promise<number> {
    return (await this.bytes(1))[0] as number;
  }

  async integer(): Promise<number> {
    const bytes = await this.bytes(1 + this.integerBytes);
    let value = 0;
    for (let index = this.integerBytes; index >= 1; index--) value = value * 256 + (bytes[index] as number);
    return bytes[0] === 0 ? value : -value;
  }

  /** undefined is a NULL: a length below 0. */
  async text(): Promise<string | undefined> {
    const length = await this.integer();
    if (length < 0) return undefined;
    if (length > longestText)
      fail('damaged', 'contents', `the pg_dump archive claims a text of ${length} bytes`, {
        offset: this.reader.offset,
      });
    const bytes = await this.bytes(length);
    this.isAllUtf8 &&= isUtf8(bytes);
    return Buffer.from(bytes).toString('utf8');
  }
}

async function readCompression(archive: ArchiveReader, version: number): Promise<DumpToc['compression']> {
  // Up to 1.14 a level of zlib: 0 is none, -1 its default. From 1.15 on an algorithm.
  if (version < 115) return (await archive.integer()) === 0 ? 'none' : 'gzip';
  const algorithms = ['none', 'gzip', 'lz4', 'zstd'] as const;
  const algorithm = algorithms[await archive.byte()];
  return (
    algorithm ??
    fail('unsupported', 'contents', 'the pg_dump archive uses a compression that is not known', {
      offset: archive.reader.offset - 1,
    })
  );
}

/** struct tm: seconds, minutes, hours, day, month from 0, years since 1900, daylight saving; local time of pg_dump. */
async function readTime(archive: ArchiveReader): Promise<Date> {
  const [second, minute, hour, day, month, year] = [
    await archive.integer(),
    await archive.integer(),
    await archive.integer(),
    await archive.integer(),
    await archive.integer(),
    await archive.integer(),
  ];
  await archive.integer();
  return new Date(Date.UTC((year as number) + 1900, month, day, hour, minute, second));
}

async function readEntry(
  archive: ArchiveReader,
  { version, format, keepsStatements }: { version: number; format: DumpToc['format']; keepsStatements: boolean },
): Promise<TocEntry> {
  const offset = archive.reader.offset;
  const dumpId = await archive.integer();
  const hasData = (await archive.integer()) !== 0;
  await archive.text(); // catalog table's oid
  await archive.text(); // oid
  const tag = (await archive.text()) ?? '';
  const description = (await archive.text()) ?? '';
  if (version >= 111) await archive.integer(); // section
  const definition = (await archive.text()) ?? '';
  await archive.text(); // drop statement
  const copy = (await archive.text()) ?? '';
  const namespace = await archive.text();
  await archive.text(); // tablespace
  if (version >= 114) await archive.text(); // table access method
  if (version >= 116) await archive.integer(); // kind of relation
  await archive.text(); // owner
  await archive.text(); // WITH OIDS
  while ((await archive.text()) !== undefined) {
    // The ids it depends on, closed by a NULL.
  }
  if (dumpId <= 0) fail('damaged', 'contents', 'an entry of the pg_dump archive has no id', { offset });
  const entry: TocEntry = {
    dumpId,
    description,
    name: namespace ? `${namespace}.${tag}` : tag,
    hasData,
    isCopied: copy !== '',
    ...(keepsStatements && { statements: { definition, copy } }),
  };
  if (format === 'custom') {
    await archive.bytes(1 + archive.offsetBytes);
    return entry;
  }
  const fileName = await archive.text();
  return fileName ? { ...entry, fileName } : entry;
}

function failEnd(offset: number): never {
  fail('truncated', 'contents', 'the pg_dump archive ends inside its table of contents', {
    offset,
    hint: 'The end of the backup is missing: copy it again, or use another one.',
  });
}
