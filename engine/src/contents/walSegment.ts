/** One WAL segment: what its first page says, and what the records in it are. */

import type { ByteReader } from '../bytes.ts';
import { SegmentWalk, segmentBegin, type WalkedSegment, walVersion } from './walRecords.ts';

/** What the first page of a segment says. */
export interface SegmentHeader {
  systemId: bigint;
  segmentBytes: number;
  pageBytes: number;
  /** Tells the version of PostgreSQL: `walVersion`. */
  magic: number;
  timeline: number;
  /** Where the segment says that it begins. */
  begin: bigint;
}

export const longHeaderBytes = 40;
const longHeaderFlag = 2;

/**
 * Format: PostgreSQL `access/xlog_internal.h`, XLogLongPageHeaderData: magic at 0, flags at 2, timeline at 4, place at 8, system
 * id at 24, segment size at 32, page size at 36. undefined when the bytes do not start a segment.
 */
export function readSegmentHeader(start: Uint8Array): SegmentHeader | undefined {
  if (start.length < longHeaderBytes) return undefined;
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  const segmentBytes = bytes.readUInt32LE(32);
  const isPowerOfTwo = segmentBytes >= 2 ** 20 && segmentBytes <= 2 ** 30 && (segmentBytes & (segmentBytes - 1)) === 0;
  if ((bytes.readUInt16LE(2) & longHeaderFlag) === 0 || !isPowerOfTwo) return undefined;
  return {
    systemId: bytes.readBigUInt64LE(24),
    segmentBytes,
    pageBytes: bytes.readUInt32LE(36),
    magic: bytes.readUInt16LE(0),
    timeline: bytes.readUInt32LE(4),
    begin: bytes.readBigUInt64LE(8),
  };
}

/** Whether PostgreSQL can be built with such pages. */
export function isPageSize(bytes: number): boolean {
  return bytes >= 1024 && bytes <= 65536 && (bytes & (bytes - 1)) === 0;
}

/** The records of a segment, or why they were not looked at: the end of a sentence about the WAL. */
export type SegmentRecords = WalkedSegment | { segment: string; unread: string };

export function areRead(records: SegmentRecords): records is WalkedSegment {
  return !('unread' in records);
}

/**
 * Reads a segment to its end, which may come too early or too late, and walks its records on the way.
 *
 * @param segment its name
 * @param header what its first page says, which was not taken from the reader yet
 * @param start where in the WAL the walk begins; undefined, or elsewhere: with what the segment begins with
 * @returns the bytes that came
 */
export async function walkSegment(
  reader: ByteReader,
  segment: string,
  { header, start }: { header: SegmentHeader; start?: bigint | undefined },
): Promise<{ bytes: number; records: SegmentRecords }> {
  const before = reader.offset;
  const { magic, pageBytes, segmentBytes } = header;
  const unread = unreadable(magic, pageBytes);
  if (unread !== undefined) {
    await reader.skip(Number.POSITIVE_INFINITY);
    return { bytes: reader.offset - before, records: { segment, unread } };
  }
  const inside = start === undefined ? -1 : Number(start - segmentBegin(segment, segmentBytes));
  const from = inside >= 0 && inside < segmentBytes ? inside : undefined;
  const walk = new SegmentWalk(segment, { segmentBytes, pageBytes, from });
  for (;;) {
    const pages = await reader.units(pageBytes);
    if (pages.length === 0) break;
    walk.pages(pages);
  }
  return { bytes: reader.offset - before, records: walk.end() };
}

function unreadable(magic: number, pageBytes: number): string | undefined {
  if (walVersion(magic) === undefined)
    return `it is of a version of PostgreSQL whose records are not known here (its pages begin with ${magic.toString(16).toUpperCase()}; known are 9.5 to 18)`;
  return isPageSize(pageBytes) ? undefined : `its pages have ${pageBytes} bytes, which no PostgreSQL has`;
}
