/** One object of the WAL archive: decrypted, decompressed, and held against what its name says. On any thread. */

import { type ByteReader, collect, copyOf } from '../../bytes.ts';
import type { Compression } from '../../compress/compression.ts';
import { at, fail } from '../../failure.ts';
import { readSegmentHeader } from '../pgbackrest/wal.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { lsnText, segmentStart, walKind } from './names.ts';
import { type Opening, readObject, type Storage } from './storedObject.ts';

export interface WalTask {
  kind: 'wal';
  /** Relative to the archive's root. */
  object: string;
  compression: Compression;
  /** The WAL file's own name: `000000010000000000000007`. */
  file: string;
  /** Of the cluster; undefined: not known, the segment may be of any. */
  systemId: bigint | undefined;
}

export interface WalCheckResult {
  kind: 'wal';
  storage: Storage;
  bytes: number;
  segmentBytes: number | undefined;
  systemId: bigint | undefined;
}

/** @throws RestoreError with the object's path */
export async function checkWalObject(files: BucketFiles, task: WalTask, opening: Opening): Promise<WalCheckResult> {
  const { value, storage } = await readObject(
    files,
    { name: task.object, compression: task.compression },
    opening,
    (it) => checkContents(it, task),
    { isLent: isSegment(task.file) },
  );
  return { kind: 'wal', storage, ...value };
}

/** Its pages are looked at one after the other; what is text is gathered. */
function isSegment(file: string): boolean {
  const kind = walKind(file);
  return kind === 'segment' || kind === 'partial';
}

/** As `checkWalObject`, for contents that are read already. */
export async function checkContents(
  plain: ByteReader,
  { file, object, systemId }: Pick<WalTask, 'file' | 'object' | 'systemId'>,
): Promise<Omit<WalCheckResult, 'kind' | 'storage'>> {
  const kind = walKind(file);
  try {
    if (kind === 'segment' || kind === 'partial') return await checkSegment(plain, file.slice(0, 24), systemId, kind);
    if (kind === 'history') {
      const text = await readText(plain, object);
      parseHistory(text, object);
      return { bytes: text.length, segmentBytes: undefined, systemId: undefined };
    }
    if (kind === 'mark') {
      const text = await readText(plain, object);
      if (!/^START WAL LOCATION: /.test(text)) fail('damaged', 'wal', 'it is no mark of a backup');
      return { bytes: text.length, segmentBytes: undefined, systemId: undefined };
    }
    return { bytes: await plain.skip(Number.POSITIVE_INFINITY), segmentBytes: undefined, systemId: undefined };
  } catch (error) {
    throw at(object, error);
  }
}

const shortHeaderBytes = 24;
const largestText = 1024 * 1024;

/** Format: PostgreSQL `access/xlog_internal.h`, magic at 0, timeline at 4, page address at 8, page size at 36. */
async function checkSegment(
  plain: ByteReader,
  segment: string,
  systemId: bigint | undefined,
  kind: 'segment' | 'partial',
): Promise<Omit<WalCheckResult, 'kind' | 'storage'>> {
  const first = copyOf(await plain.peek(40));
  const header = readSegmentHeader(first);
  if (!header) {
    return fail(first.length === 0 ? 'truncated' : 'damaged', 'wal', `WAL segment ${segment} does not start as WAL`, {
      offset: 0,
    });
  }
  const { segmentBytes } = header;
  const pageBytes = viewOf(first).getUint32(36, true);
  if (pageBytes < 1024 || pageBytes > 65536 || segmentBytes % pageBytes !== 0) {
    fail('damaged', 'wal', `WAL segment ${segment} names a page size that PostgreSQL does not have`, { offset: 36 });
  }
  if (systemId !== undefined && header.systemId !== systemId) {
    fail('damaged', 'wal', `WAL segment ${segment} is of another cluster`, {
      hint: 'Two clusters archive into one path: every WAL file of one overwrites that of the other. Give each its own.',
    });
  }
  const magic = viewOf(first).getUint16(0, true);
  const timeline = Number.parseInt(segment.slice(0, 8), 16);
  let expected = segmentStart(segment, segmentBytes);
  let bytes = 0;
  let isUnused = false;
  while (bytes < segmentBytes) {
    const page = await plain.read(pageBytes);
    if (page.length < pageBytes) {
      fail('truncated', 'wal', `WAL segment ${segment} has ${bytes + page.length} of its ${segmentBytes} bytes`, {
        offset: bytes + page.length,
        hint: 'PostgreSQL refuses it, and recovery ends there: copy it again.',
      });
    }
    const head = viewOf(page.subarray(0, shortHeaderBytes));
    const isEmpty = head.getUint16(0, true) === 0 && head.getBigUint64(8, true) === 0n;
    const isNext = head.getUint16(0, true) === magic && head.getBigUint64(8, true) === expected;
    // A partial segment ends with whatever the file held before it was used again.
    if (kind === 'partial' && bytes > 0 && !isNext) isUnused = true;
    // After a switch to the next segment the rest is zeros, or pages with headers and nothing in them.
    else if (isEmpty && bytes > 0) isUnused = true;
    else if (isUnused || !isNext || head.getUint32(4, true) > timeline) {
      fail(
        'damaged',
        'wal',
        `page ${bytes / pageBytes} of WAL segment ${segment} is not the one that belongs at ${lsnText(expected)}`,
        { offset: bytes, hint: 'PostgreSQL takes this for the end of the WAL: use another copy.' },
      );
    }
    bytes += pageBytes;
    expected += BigInt(pageBytes);
  }
  const more = await plain.skip(Number.POSITIVE_INFINITY);
  if (more > 0) {
    fail('damaged', 'wal', `${more} bytes follow the end of WAL segment ${segment}`, { offset: bytes });
  }
  return { bytes, segmentBytes, systemId: header.systemId };
}

export interface HistoryLine {
  timeline: number;
  /** Where the timeline ended. */
  switchedAt: bigint;
}

/** The ancestors of a timeline, oldest first. Format: PostgreSQL `timeline.c`: parent, LSN and reason, divided by blanks. */
export function parseHistory(text: string, object: string): HistoryLine[] {
  const lines: HistoryLine[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, timeline, high, low] = /^(\d{1,10})\s+([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})(?:\s|$)/.exec(line) ?? [];
    if (timeline === undefined || high === undefined || low === undefined) {
      fail('damaged', 'wal', 'it is no timeline history', { path: object });
    }
    lines.push({ timeline: Number(timeline), switchedAt: (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`) });
  }
  return lines;
}

async function readText(plain: ByteReader, object: string): Promise<string> {
  const bytes = await collect(plain.take(Number.POSITIVE_INFINITY), largestText, () =>
    fail('hostile', 'wal', 'it is far too large', { path: object }),
  );
  return Buffer.from(bytes).toString('latin1');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
