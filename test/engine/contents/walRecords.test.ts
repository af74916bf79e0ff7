import { describe, expect, test } from 'vitest';
import { crc32c } from '../../../engine/src/archives/pgbackrest/pgControl.ts';
import { crc32cAdd, crc32cAddWords, crc32cEnd, crc32cJoin, crc32cStart } from '../../../engine/src/contents/crc32c.ts';
import { WalChain } from '../../../engine/src/contents/walChain.ts';
import { SegmentWalk, segmentName, wordsOf } from '../../../engine/src/contents/walRecords.ts';
import { WalWriter } from './walWriter.ts';

test('CRC-32C in steps, by words or joined afterwards is the CRC-32C of the whole, wherever it is cut', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => (index * 37 + (index >> 3)) & 0xff);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const front = crc32cAdd(crc32cStart, bytes, 0, cut);
    expect(crc32cEnd(crc32cAdd(front, bytes, cut, bytes.length))).toBe(crc32c(bytes));
    const rest = crc32cAdd(0, bytes, cut, bytes.length);
    expect(crc32cEnd(crc32cJoin(front, rest, bytes.length - cut))).toBe(crc32c(bytes));
    const words = wordsOf(bytes);
    expect(crc32cEnd(crc32cAddWords(crc32cStart, words, 0, cut))).toBe(crc32c(bytes.subarray(0, cut)));
    const apart = wordsOf(new Uint8Array([0, ...bytes]).subarray(1));
    expect(apart).toEqual(words);
  }
});

describe('a walk through records', () => {
  test('passes over borders of pages and segments, from the start to the end', () => {
    for (let first = 0; first < 1100; first += 7) {
      const writer = new WalWriter({ segments: 3 });
      writer.record(data(first));
      const { place } = writer;
      while (writer.left > 1200) writer.record(data(writer.left % 971));
      for (const start of [writer.start + 40n, place]) {
        expect(walk(writer, { start })).toMatchObject({ stop: { code: 'incomplete' }, reached: writer.place });
      }
    }
  });

  test('goes on in the next segment after a switch, and behind a record that was given up', () => {
    const writer = new WalWriter({ segments: 4 });
    writer.record(data(100));
    writer.switch();
    writer.record(data(900));
    writer.record(data(1900), { keep: 300 });
    writer.giveUp();
    writer.record(data(16));
    const { place } = writer;
    const walked = walk(writer, { segments: 3 });
    expect(walked).toMatchObject({ stop: { code: 'incomplete' }, reached: place, records: 4 });
  });

  test('finds every changed bit but those of padding, and says where', () => {
    const writer = new WalWriter({ segments: 2, segmentBytes: 2048, pageBytes: 512 });
    for (const length of [10, 500, 3, 1100]) writer.record(data(length));
    writer.switch();
    writer.record(data(40));
    // The pages behind the end are there, and not written yet.
    const end = writer.place;
    const bytes = Uint8Array.from(writer.bytes);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const byte = bit >> 3;
      bytes[byte] = (bytes[byte] as number) ^ (1 << (bit & 7));
      const found = walk(writer, { bytes });
      bytes[byte] = (bytes[byte] as number) ^ (1 << (bit & 7));
      // Two of the flags of a page say nothing about the records in it.
      const isIdleFlag = byte % writer.pageBytes === 2 && (bit & 7) >= 2 && (bit & 7) < 4;
      if (isIdleFlag) continue;
      const isMeant = writer.isMeant(byte);
      if (isMeant !== found.reached < end) {
        throw new Error(`bit ${bit} of byte ${byte} ${isMeant ? 'is not found' : 'is no damage'}`);
      }
      if (!isMeant) continue;
      // Never behind the place: what was walked before is right. Which magic is the right one, the second page shows.
      if (byte < 2) continue;
      const segment = Number.parseInt(found.stop?.segment.slice(16) ?? '', 16) - 4;
      const place = segment * writer.segmentBytes + (found.stop?.offset ?? Number.NaN);
      if (!(place <= byte)) throw new Error(`bit ${bit} of byte ${byte} is found at ${place} only`);
    }
  });

  test('ends where zeros are, and says that the WAL ends there', () => {
    const writer = new WalWriter();
    writer.record(data(2000));
    const found = walk(writer);
    expect(found.stop).toMatchObject({ code: 'incomplete' });
    expect(found.reached).toBe(writer.place);
    const { place } = writer;
    const name = segmentName(place, { timeline: 1, segmentBytes: writer.segmentBytes });
    expect(found.stop).toMatchObject({ segment: name, offset: Number(place % BigInt(writer.segmentBytes)) });
  });

  test('does not take a record of another place, or WAL of a later timeline', () => {
    const writer = new WalWriter();
    const other = new WalWriter();
    for (const it of [writer, other]) it.record(data(100));
    // As long, so that only the link to the one before differs.
    writer.record(data(60));
    writer.record(data(20));
    other.record(data(12));
    other.record(data(12));
    const end = writer.place;
    for (const it of [writer, other]) it.record(data(300));
    const bytes = Uint8Array.from(writer.bytes);
    expect(other.place).toBeLessThanOrEqual(writer.place);
    const at = Number(end - writer.start);
    const from = Number(other.place - other.start) - 328;
    bytes.set(other.bytes.subarray(from, from + 324), at);
    expect(walk(writer, { bytes })).toMatchObject({
      reached: end,
      stop: { code: 'damaged', message: expect.stringContaining('which is not the one before it') },
    });
    const later = new WalWriter({ timeline: 2 });
    later.record(data(100));
    expect(walk(later).stop?.message).toContain('later timeline');
  });
});

interface Choice {
  bytes?: Uint8Array;
  start?: bigint;
  segments?: number;
}

/** Every segment by itself, the last one first, as threads may; then joined in their order. */
function walk(
  writer: WalWriter,
  { bytes = writer.bytes, start = writer.start + 40n, segments }: Choice = {},
): Pick<WalChain, 'stop' | 'reached' | 'records' | 'isFollowed' | 'backupEnd'> {
  const { segmentBytes, pageBytes } = writer;
  const first = start - (start % BigInt(segmentBytes));
  const end = segments === undefined ? bytes.length : segments * segmentBytes;
  const walked = [];
  for (let at = end - segmentBytes; at >= Number(first - writer.start); at -= segmentBytes) {
    const begin = writer.start + BigInt(at);
    const segment = segmentName(begin, { timeline: 1, segmentBytes });
    const from = begin === first ? Number(start - first) : undefined;
    const walk = new SegmentWalk(segment, { segmentBytes, pageBytes, from });
    // Pages come alone, or several in a piece.
    walk.pages(bytes.subarray(at, at + pageBytes));
    walk.pages(bytes.subarray(at + pageBytes, at + segmentBytes));
    walked.unshift(structuredClone(walk.end()));
  }
  const chain = new WalChain(start);
  for (const it of walked) {
    expect(chain.next(segmentBytes)).toBe(it.begin);
    chain.add(it);
  }
  const { stop, reached, records, isFollowed, backupEnd } = chain;
  return { stop, reached, records, isFollowed, backupEnd };
}

function data(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);
}
