/**
 * When transactions were committed, from the records of a WAL segment: what tells a person which hours a gap has.
 *
 * Format: PostgreSQL 9.5 and later, `access/xlogrecord.h` and `access/xact.h`, little endian. A page has a header of 24
 * bytes (40 on the first one of a segment) with the bytes at 16 that still belong to the record before; a record begins at a
 * multiple of 8 with its length, its resource manager is at 17 and its kind at 16; after the header of 24 bytes stands a
 * header of one or more bytes for the data, which for a commit begins with the time.
 */

export interface CommitTimes {
  first: Date;
  last: Date;
}

const longHeaderFlag = 2;
const recordHeaderBytes = 24;
const transactionManager = 1;
/** COMMIT, ABORT, COMMIT PREPARED, ABORT PREPARED. */
const ENDINGS = new Set([0x00, 0x20, 0x30, 0x40]);
const shortData = 255;
const longData = 254;
const origin = 253;
const topTransaction = 252;
/** 2000-01-01, in milliseconds: PostgreSQL counts microseconds from there. */
const epochMs = Date.UTC(2000, 0, 1);
const latestMs = Date.UTC(2200, 0, 1);
/** Far more than the beginning of a commit has. */
const neededBytes = 64;

/** undefined where no transaction ended in the segment, or nothing can be told from it. */
export function commitTimes(segment: Buffer, { pageBytes = 8192 } = {}): CommitTimes | undefined {
  let found: CommitTimes | undefined;
  let position = firstRecord(segment, pageBytes);
  while (position !== undefined && position + 4 <= segment.length) {
    const length = segment.readUInt32LE(position);
    // Zeros follow the last record.
    if (length < recordHeaderBytes) break;
    const time = timeOf(bytesAt(segment, position, Math.min(length, neededBytes), pageBytes));
    if (time) found = { first: found?.first ?? time, last: time };
    position = after(position, length, pageBytes);
  }
  return found;
}

/** The first record that begins in the segment; undefined when one fills it. */
function firstRecord(segment: Buffer, pageBytes: number): number | undefined {
  for (let page = 0; page + pageBytes <= segment.length; page += pageBytes) {
    const remaining = segment.readUInt32LE(page + 16);
    const header = headerBytes(segment, page);
    if (remaining <= pageBytes - header) {
      const start = aligned(page + header + remaining);
      return start === page + pageBytes ? start + recordHeaderBytes : start;
    }
  }
  return undefined;
}

function headerBytes(segment: Buffer, page: number): number {
  return (segment.readUInt16LE(page + 2) & longHeaderFlag) === 0 ? 24 : 40;
}

/** Where the record after one of this length begins: lengths do not count the headers of pages in between. */
function after(position: number, length: number, pageBytes: number): number {
  let left = length;
  let at = position;
  for (;;) {
    const room = pageBytes - (at % pageBytes);
    if (left < room) break;
    left -= room;
    at += room + 24;
    if (left === 0) return at;
  }
  const end = aligned(at + left);
  return end % pageBytes === 0 ? end + 24 : end;
}

/** The beginning of a record, put together from two pages where need be. */
function bytesAt(segment: Buffer, position: number, length: number, pageBytes: number): Buffer {
  const room = pageBytes - (position % pageBytes);
  if (length <= room) return segment.subarray(position, position + length);
  const next = position + room + 24;
  return Buffer.concat([segment.subarray(position, position + room), segment.subarray(next, next + length - room)]);
}

function timeOf(record: Buffer): Date | undefined {
  if (record.length < recordHeaderBytes + 10 || record.readUInt8(17) !== transactionManager) return undefined;
  if (!ENDINGS.has(record.readUInt8(16) & 0x70)) return undefined;
  for (let at = recordHeaderBytes; at < record.length; ) {
    const id = record.readUInt8(at);
    const data = id === shortData ? at + 2 : id === longData ? at + 5 : undefined;
    if (data !== undefined) return data + 8 <= record.length ? date(record.readBigInt64LE(data)) : undefined;
    if (id === origin) at += 3;
    else if (id === topTransaction) at += 5;
    else return undefined;
  }
  return undefined;
}

function date(microseconds: bigint): Date | undefined {
  const time = epochMs + Number(microseconds / 1000n);
  return time > epochMs && time < latestMs ? new Date(time) : undefined;
}

function aligned(position: number): number {
  return Math.ceil(position / 8) * 8;
}
