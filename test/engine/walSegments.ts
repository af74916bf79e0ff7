/** WAL segments by the grammar of the format, each made without the others, and yet in a row that PostgreSQL would replay. */

import { crc32c } from '../../engine/src/archives/pgbackrest/pgControl.ts';
import { segmentBegin } from '../../engine/src/contents/walRecords.ts';

export interface SegmentSpec {
  systemId: bigint;
  segmentBytes?: number;
  /** Of PostgreSQL 15. */
  magic?: number;
  /** What the record says; another text makes another segment that fits as well. */
  text?: string;
}

const pageBytes = 8192;
const firstAt = 40;
const dataBytes = 100;
const switchAt = 168;

/** A record of 124 bytes at 40 and the switch to the next segment at 168; behind them zeros. */
export function wholeSegment(
  segment: string,
  { systemId, segmentBytes = 2 ** 20, magic = 0xd110, text = segment }: SegmentSpec,
): Buffer {
  const begin = segmentBegin(segment, segmentBytes);
  const bytes = Buffer.alloc(segmentBytes);
  bytes.writeUInt16LE(magic, 0);
  bytes.writeUInt16LE(2, 2);
  bytes.writeUInt32LE(Number.parseInt(segment.slice(0, 8), 16), 4);
  bytes.writeBigUInt64LE(begin, 8);
  bytes.writeBigUInt64LE(systemId, 24);
  bytes.writeUInt32LE(segmentBytes, 32);
  bytes.writeUInt32LE(pageBytes, 36);
  const previous = begin - BigInt(segmentBytes) + BigInt(switchAt);
  writeRecord(bytes, firstAt, { previous: previous < 0n ? 0n : previous, manager: 21, info: 0, data: text });
  writeRecord(bytes, switchAt, { previous: begin + BigInt(firstAt), manager: 0, info: 0x40, data: undefined });
  return bytes;
}

function writeRecord(
  bytes: Buffer,
  at: number,
  record: { previous: bigint; manager: number; info: number; data: string | undefined },
): void {
  const length = record.data === undefined ? 24 : 24 + dataBytes;
  if (record.data !== undefined) bytes.write(record.data, at + 24, dataBytes, 'latin1');
  bytes.writeUInt32LE(length, at);
  bytes.writeBigUInt64LE(record.previous, at + 8);
  bytes[at + 16] = record.info;
  bytes[at + 17] = record.manager;
  const covered = [bytes.subarray(at + 24, at + length), bytes.subarray(at, at + 20)];
  bytes.writeUInt32LE(crc32c(Buffer.concat(covered)), at + 20);
}
