/** One object of the WAL archive: decrypted, decompressed, and held against what its name says. On any thread. */

import { type ByteReader, collect, copyOf } from '../../bytes.ts';
import type { Compression } from '../../compress/compression.ts';
import {
  isPageSize,
  longHeaderBytes,
  readSegmentHeader,
  type SegmentRecords,
  walkSegment,
} from '../../contents/walSegment.ts';
import { at, fail } from '../../failure.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { lsnText, segmentStart, timelineOf, walKind } from './names.ts';
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
  /** Where in the WAL its records are to be read from; undefined, or in another segment: what the segment begins with. */
  start?: bigint | undefined;
}

export interface WalCheckResult {
  kind: 'wal';
  storage: Storage;
  bytes: number;
  segmentBytes: number | undefined;
  systemId: bigint | undefined;
  /** Of a segment: what its records are, without those before and after it. */
  records: SegmentRecords | undefined;
}

const noSegment = { segmentBytes: undefined, systemId: undefined, records: undefined };

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
  { file, object, systemId, start }: Pick<WalTask, 'file' | 'object' | 'systemId' | 'start'>,
): Promise<Omit<WalCheckResult, 'kind' | 'storage'>> {
  const kind = walKind(file);
  try {
    if (kind === 'segment' || kind === 'partial')
      return await checkSegment(plain, file.slice(0, 24), { systemId, start });
    if (kind === 'history') {
      const text = await readText(plain, object);
      parseHistory(text, object);
      return { bytes: text.length, ...noSegment };
    }
    if (kind === 'mark') {
      const text = await readText(plain, object);
      if (!/^START WAL LOCATION: /.test(text)) fail('damaged', 'wal', 'it is no mark of a backup');
      return { bytes: text.length, ...noSegment };
    }
    return { bytes: await plain.skip(Number.POSITIVE_INFINITY), ...noSegment };
  } catch (error) {
    throw at(object, error);
  }
}

const largestText = 1024 * 1024;

/** What follows the records is nobody's business: zeros behind a switch, or whatever a file held before it was used again. */
async function checkSegment(
  plain: ByteReader,
  segment: string,
  { systemId, start }: Pick<WalTask, 'systemId' | 'start'>,
): Promise<Omit<WalCheckResult, 'kind' | 'storage'>> {
  const first = copyOf(await plain.peek(longHeaderBytes));
  const header = readSegmentHeader(first);
  if (!header) {
    return fail(first.length === 0 ? 'truncated' : 'damaged', 'wal', `WAL segment ${segment} does not start as WAL`, {
      offset: 0,
    });
  }
  const { segmentBytes } = header;
  if (!isPageSize(header.pageBytes)) {
    fail('damaged', 'wal', `WAL segment ${segment} names a page size that PostgreSQL does not have`, { offset: 36 });
  }
  if (systemId !== undefined && header.systemId !== systemId) {
    fail('damaged', 'wal', `WAL segment ${segment} is of another cluster`, {
      hint: 'Two clusters archive into one path: every WAL file of one overwrites that of the other. Give each its own.',
    });
  }
  const expected = segmentStart(segment, segmentBytes);
  if (header.begin !== expected || header.timeline > timelineOf(segment)) {
    fail('damaged', 'wal', `page 0 of WAL segment ${segment} is not the one that belongs at ${lsnText(expected)}`, {
      offset: 0,
      hint: 'It is another segment under this name: use another copy.',
    });
  }
  const { bytes, records } = await walkSegment(plain, segment, { header, start });
  if (bytes < segmentBytes) {
    fail('truncated', 'wal', `WAL segment ${segment} has ${bytes} of its ${segmentBytes} bytes`, {
      offset: bytes,
      hint: 'PostgreSQL refuses it, and recovery ends there: copy it again.',
    });
  }
  if (bytes > segmentBytes) {
    fail('damaged', 'wal', `${bytes - segmentBytes} bytes follow the end of WAL segment ${segment}`, {
      offset: segmentBytes,
    });
  }
  return { bytes, segmentBytes, systemId: header.systemId, records };
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
