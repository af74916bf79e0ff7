/** Reads contents of a known format to their end, and says what that proves. */

import { brotliDecompressSync, constants } from 'node:zlib';
import { ByteReader, drain } from '../bytes.ts';
import { decompress } from '../compress/compression.ts';
import { type Failure, fail } from '../failure.ts';
import type { FileFailure } from '../report.ts';
import type { FileWriter } from '../sinks/sink.ts';
import type { ManifestAlgorithm } from './backupManifest.ts';
import { BasebackupCheck, beginsBasebackup } from './basebackup.ts';
import { checkCustomDump, checkPlainDump, type DumpConsumer, describeDump } from './pgDump.ts';
import { type DumpFiles, openDumpFiles } from './pgDumpFiles.ts';
import { COMPRESSED_KINDS, type ContentKind, looksMeaningful } from './sniff.ts';
import { leavesTarget, readTar, shown } from './tar.ts';
import { type TarUnpacker, targetPath } from './unpackTar.ts';

export interface CheckedContents {
  /** true: the format shows its own end, and it was reached. null: this format has nothing to check. */
  isWhole: true | null;
  /** What was checked, as a sentence. */
  because: string;
  /**
   * How a change inside would show without the help of the encryption: by a checksum over all of it, as text that is no
   * text any more, or not at all. (A compression's checksum is its layer's.)
   */
  shows: 'by checksum' | 'as text' | 'not';
  /** Members of an archive; one for everything else. */
  files: { total: number; verified: number; failed: FileFailure[] };
  notes: string[];
  /** All of it could be read, and contradicts what is recorded in it. */
  failure?: Failure;
  /** Checksums that the contents record and that were not made: reading them again with `sums` compares these, too. */
  unmadeSums?: ManifestAlgorithm;
  /** Why it is not known that nothing is missing, although all that is there is right. */
  gap?: {
    because: string;
    /** An encryption that authenticates each file to its end leaves no doubt. */
    isClosedByEncryption: boolean;
  };
}

/**
 * The stage that undoes a compression; undefined when the bytes are not compressed.
 *
 * @param name the file's name: raw brotli has no signature, only `.br` tells
 * @throws RestoreError `unsupported` for compressions that are known and not read
 */
export async function decompressStage(
  reader: ByteReader,
  kind: ContentKind | undefined,
  name: string,
): Promise<{ name: string; contents: AsyncIterable<Uint8Array> } | undefined> {
  // The reader stays open: when the contents fail, what encrypts them still has to be read to its proof.
  const input = () => reader.take(Number.POSITIVE_INFINITY);
  switch (kind) {
    case 'gzip':
      return { name: kind, contents: decompress(input(), 'gz') };
    case 'lz4':
      return { name: kind, contents: decompress(input(), 'lz4') };
    case 'zstd':
      return { name: kind, contents: decompress(input(), 'zst') };
    case 'bzip2':
      return { name: kind, contents: decompress(input(), 'bz2') };
    case 'xz':
      return { name: kind, contents: decompress(input(), 'xz') };
    case 'lzma':
      return { name: kind, contents: decompress(input(), 'lzma') };
    case 'lzop':
      return { name: kind, contents: decompress(input(), 'lzo') };
    case undefined:
      if (!/\.br$/.test(name) || !isBrotli(await reader.peek(brotliStartBytes))) return undefined;
      return { name: 'brotli', contents: decompress(input(), 'br') };
    default:
      if (!COMPRESSED_KINDS.has(kind)) return undefined;
      return fail('unsupported', 'decompress', `the contents are compressed as ${kind}, which is not read`, {
        hint: 'Everything in front of it was checked. Decompress it with its own program to check the rest.',
      });
  }
}

const brotliStartBytes = 4_096;

/** Whether a brotli decoder makes sense of the start; noise is refused within a few bytes. */
export function isBrotli(start: Uint8Array): boolean {
  try {
    const plain = brotliDecompressSync(start, {
      finishFlush: constants.BROTLI_OPERATION_FLUSH,
      maxOutputLength: 64 * 1024 * 1024,
    });
    return plain.length > 0 && looksMeaningful(plain.subarray(0, 8_192));
  } catch {
    return false;
  }
}

export interface ContentsUse {
  /** Where the members of a tar go. */
  unpacker?: TarUnpacker | undefined;
  /** Who takes the tables of an archive of pg_dump. */
  consumer?: DumpConsumer | undefined;
  /** The checksums to make of the files of a backup whose manifest comes last; the usual ones when absent. */
  sums?: readonly ManifestAlgorithm[] | undefined;
}

/**
 * Reads everything to its end.
 *
 * @throws RestoreError stage `contents` or `decompress`: what is damaged, cut off or hostile in it
 */
export async function checkContents(
  reader: ByteReader,
  kind: ContentKind | undefined,
  { unpacker, consumer, sums }: ContentsUse = {},
): Promise<CheckedContents> {
  if (await reader.isAtEnd()) {
    fail('truncated', 'contents', 'there is nothing in it', {
      offset: 0,
      hint: 'An empty file is no backup: the program that should have written it failed. Look at its log.',
    });
  }
  switch (kind) {
    case 'tar':
      return checkTar(reader, { unpacker, sums });
    case 'pg_dump tar':
      return checkTarDump(reader, consumer);
    case 'pg_dump custom':
      return checkArchiveDump(reader, consumer);
    case 'pg_dump plain':
      return checkText(reader, 'pg_dump');
    case 'pg_dumpall plain':
      return checkText(reader, 'pg_dumpall');
    case 'wal segment':
      return checkWalSegment(reader);
    default: {
      const bytes = await reader.skip(Number.POSITIVE_INFINITY);
      return single(null, `${described(kind)} (${bytes} bytes) has no checksum and no end mark that could be checked`);
    }
  }
}

const described = (kind: ContentKind | undefined) =>
  kind === undefined
    ? 'the contents are of a format that is not known: it'
    : kind === 'text'
      ? 'a text that is no dump of PostgreSQL'
      : kind === 'pkcs7 signed' || kind === 'pkcs7 compressed'
        ? `a ${kind === 'pkcs7 signed' ? 'signed' : 'compressed'} message (CMS), whose contents are not looked at,`
        : `a file of the kind ${kind}`;

async function checkText(reader: ByteReader, kind: 'pg_dump' | 'pg_dumpall'): Promise<CheckedContents> {
  const { encoding } = await checkPlainDump(reader, kind);
  const ends = `the dump begins and ends as ${kind} writes it`;
  return encoding === 'UTF8' ? single(true, `${ends}, and all of it is UTF-8`, 'as text') : single(true, ends);
}

async function checkArchiveDump(reader: ByteReader, consumer: DumpConsumer | undefined): Promise<CheckedContents> {
  const { toc, dataBlocks, rows } = await checkCustomDump(reader, consumer);
  return {
    ...single(
      true,
      `all ${toc.entries.length} entries of the pg_dump archive are there, and the data of ${dataBlocks} of them was read to its end`,
      // The data is in zlib's streams, which end with Adler-32; the table of contents has no checksum, but it is text.
      (toc.compression === 'gzip' || dataBlocks === 0) && toc.isAllUtf8 ? 'as text' : 'not',
    ),
    notes: [describeDump(toc, rows)],
  };
}

async function checkTar(reader: ByteReader, { unpacker, sums }: ContentsUse): Promise<CheckedContents> {
  let total = 0;
  let escaping: { path: string; offset: number } | undefined;
  let basebackup: BasebackupCheck | undefined;
  const failed: FileFailure[] = [];
  const notes: string[] = [];
  for await (const { member, contents } of readTar(reader)) {
    total++;
    if (leavesTarget(member.path)) {
      escaping ??= member;
      failed.push({
        path: shown(member.path),
        code: 'hostile',
        offset: member.offset,
        message: 'its name leads out of the folder it is unpacked into',
      });
      continue;
    }
    const path = targetPath(member);
    if (total === 1 && beginsBasebackup(path)) basebackup = new BasebackupCheck(sums);
    const isMap = basebackup !== undefined && path === 'tablespace_map' && member.size > 0;
    if (isMap && unpacker) notes.push(mapNote);
    const writer = isMap ? undefined : unpacker?.open(member);
    const read = writer ? written(contents, writer) : contents;
    if (basebackup && member.type === 'file') await basebackup.file(path, read);
    else if (writer) await drain(read);
  }
  if (escaping) {
    fail(
      'hostile',
      'contents',
      `${failed.length} of the tar's ${total} members have names that lead out of the folder they are unpacked into, the first is ${shown(escaping.path)}`,
      {
        offset: escaping.offset,
        hint: 'Do not unpack it with other tools: find out who wrote it.',
      },
    );
  }
  notes.push(...(unpacker?.finish() ?? []));
  if (basebackup?.isMoreThanLabel) {
    const checked = basebackup.finish();
    return { ...checked, notes: [...checked.notes, ...notes] };
  }
  return {
    isWhole: true,
    because: `all ${total} members of the tar have headers with the right checksum and their whole size, and the tar is closed`,
    shows: 'not',
    files: { total, verified: total, failed },
    notes,
  };
}

/** With the map, PostgreSQL would lead its links to where the tablespaces lay on the server that was backed up. */
export const mapNote = 'tablespace_map was left out: it names the folders of the server that was backed up.';

/** Passes a file's contents on while they are written; finished when all have come. */
export async function* written(
  contents: AsyncIterable<Uint8Array>,
  writer: FileWriter,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of contents) {
      writer.write(piece);
      yield piece;
    }
    writer.finish();
  } finally {
    writer.abandon();
  }
}

/** `pg_dump -Ft`: a table of contents, the data in files of its own, and a script that nobody needs. */
async function checkTarDump(reader: ByteReader, consumer: DumpConsumer | undefined): Promise<CheckedContents> {
  let files: DumpFiles | undefined;
  for await (const { member, contents } of readTar(reader)) {
    if (leavesTarget(member.path)) {
      fail(
        'hostile',
        'contents',
        `the member ${shown(member.path)} of the dump leads out of the folder it is unpacked into`,
        {
          offset: member.offset,
          hint: 'No pg_dump writes that: do not restore it.',
        },
      );
    }
    // pg_dump writes it first, and pg_restore wants it there.
    if (files === undefined && member.path === 'toc.dat')
      files = await openDumpFiles(new ByteReader(contents), consumer);
    else await files?.file(member.path, contents, member.offset);
  }
  if (files === undefined)
    fail('incomplete', 'contents', 'the dump has no toc.dat', {
      hint: 'Without its table of contents the dump cannot be restored.',
    });
  return files.finish('the files in its tar are there, and the tar is closed');
}

/** XLogLongPageHeaderData: the segment's size in bytes at 32. */
async function checkWalSegment(reader: ByteReader): Promise<CheckedContents> {
  const start = await reader.peek(40);
  const recorded = new DataView(start.buffer, start.byteOffset, start.byteLength).getUint32(32, true);
  const bytes = await reader.skip(Number.POSITIVE_INFINITY);
  if (bytes < recorded) {
    fail('truncated', 'contents', `the WAL segment has ${bytes} of its ${recorded} bytes`, {
      offset: bytes,
      hint: 'Recovery stops at this segment: copy it again, or archive it again from the primary while it is still there.',
    });
  }
  if (bytes > recorded)
    fail('damaged', 'contents', `${bytes - recorded} bytes follow the end of the WAL segment`, { offset: recorded });
  return single(null, `the WAL segment has its whole size of ${recorded} bytes; its records were not read`);
}

function single(isWhole: true | null, because: string, shows: CheckedContents['shows'] = 'not'): CheckedContents {
  return { isWhole, because, shows, files: { total: 1, verified: isWhole ? 1 : 0, failed: [] }, notes: [] };
}
