import { describe, expect, test } from 'vitest';
import { crc32c } from '../../../engine/src/archives/pgbackrest/pgControl.ts';
import { crc32cAdd, crc32cAddWords, crc32cEnd, crc32cJoin, crc32cStart } from '../../../engine/src/contents/crc32c.ts';
import { WalChain } from '../../../engine/src/contents/walChain.ts';
import { SegmentWalk, segmentName, type WalkedSegment, wordsOf } from '../../../engine/src/contents/walRecords.ts';
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

  test('goes on behind a record that was given up where a segment ends', () => {
    const writer = new WalWriter({ segments: 3 });
    writer.record(data(3000));
    // The first segment was archived with what had come of it.
    writer.record(data(2500), { keep: 4096 - 8 - Number(writer.place - writer.start) });
    writer.giveUp();
    writer.record(data(16));
    expect(walk(writer)).toMatchObject({ stop: { code: 'incomplete' }, reached: writer.place, records: 2 });
  });

  test('goes on behind a record that was given up in a later segment than it began in', () => {
    for (const keep of [4000, 5000, 5500, 9000]) {
      const writer = new WalWriter({ segments: 5 });
      writer.record(data(700));
      writer.record(data(12_000), { keep });
      writer.giveUp();
      writer.record(data(16));
      writer.record(data(5000));
      const expected = { stop: { code: 'incomplete' }, reached: writer.place, records: 3 };
      expect(walk(writer)).toMatchObject(expected);
      // Also where nothing is known of the segments in which it began.
      const number = Math.floor((700 + keep) / 4096);
      const chain = new WalChain();
      for (const it of walked(writer, { first: number, start: undefined })) chain.add(it);
      expect(chain).toMatchObject({ ...expected, records: 2 });
    }
  });

  test('that begins where nothing is known takes what it finds, and holds the rest against it', () => {
    const writer = new WalWriter({ segments: 6 });
    writer.record(data(500));
    writer.record(data(13_000));
    const behind = writer.place;
    for (let count = 0; count < 5; count++) writer.record(data(count * 300));
    const from = (first: number, bytes = writer.bytes) => {
      const chain = new WalChain();
      for (const it of walked(writer, { bytes, first, start: undefined })) chain.add(it);
      return chain;
    };
    // In the middle of the large record, and at its end.
    for (const first of [1, 2, 3]) {
      expect(from(first)).toMatchObject({ stop: { code: 'incomplete' }, reached: writer.place, records: 5 });
    }
    const bytes = Uint8Array.from(writer.bytes);
    const page = Number(behind - writer.start);
    bytes[page - (page % 1024) + 16] = 99;
    expect(from(1, bytes).stop).toMatchObject({ code: 'damaged' });
    // What another history has in the place of a segment.
    const other = new WalWriter({ segments: 6 });
    for (let count = 0; count < 40; count++) other.record(data(300));
    const [, , foreign] = walked(other, { first: 0, start: undefined });
    const chain = new WalChain();
    const [one, two] = walked(writer, { first: 0, start: undefined });
    if (!one || !two || !foreign) throw new Error('there are no segments');
    for (const it of [one, two]) chain.add(it);
    const copy = chain.copy();
    chain.add(foreign);
    expect(chain.stop).toMatchObject({ code: 'damaged', message: expect.stringContaining('is not finished') });
    expect(chain.isFollowed).toBe(true);
    expect(copy.stop).toBeUndefined();
    copy.add(one);
    expect(copy.stop?.message).toContain('was to come');
  });

  test('tells the end of its own backup from that of another', () => {
    for (const length of [10, 930, 3960]) {
      const writer = new WalWriter({ segments: 3 });
      writer.record(data(40));
      const start = writer.place;
      writer.record(data(length));
      const end = (of: bigint) => {
        const bytes = Buffer.from([0xff, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.writeBigUInt64LE(of, 2);
        writer.record(bytes, { info: 0x50, manager: 0 });
      };
      end(start + 8n);
      expect(walk(writer, { start }).backupEnd).toBeUndefined();
      end(start);
      const { place } = writer;
      writer.record(data(20));
      end(start);
      expect(walk(writer, { start }).backupEnd).toBe(place);
    }
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
  segments?: number | undefined;
}

/** Every segment by itself, the last one first, as threads may; then joined in their order. */
function walk(
  writer: WalWriter,
  { bytes = writer.bytes, start = writer.start + 40n, segments }: Choice = {},
): Pick<WalChain, 'stop' | 'reached' | 'records' | 'isFollowed' | 'backupEnd'> {
  const { segmentBytes } = writer;
  const first = Number((start - writer.start) / BigInt(segmentBytes));
  const chain = new WalChain(start);
  for (const it of walked(writer, { bytes, start, first, segments })) {
    if (chain.next(segmentBytes) !== it.begin) throw new Error(`${it.segment} is not the one that comes next`);
    chain.add(it);
  }
  const { stop, reached, records, isFollowed, backupEnd } = chain;
  return { stop, reached, records, isFollowed, backupEnd };
}

/** @param choice.first number of the first segment, the writer's own being 0 */
function walked(
  { start: origin, segmentBytes, pageBytes, bytes: all }: WalWriter,
  choice: Omit<Choice, 'start'> & { first: number; start: bigint | undefined },
): WalkedSegment[] {
  const { bytes = all, start, first, segments = all.length / segmentBytes } = choice;
  const found: WalkedSegment[] = [];
  for (let number = segments - 1; number >= first; number--) {
    const at = number * segmentBytes;
    const segment = segmentName(origin + BigInt(at), { timeline: 1, segmentBytes });
    const from = number === first && start !== undefined ? Number(start - origin) - at : undefined;
    const walk = new SegmentWalk(segment, { segmentBytes, pageBytes, from });
    // Pages come alone, or several in a piece.
    walk.pages(bytes.subarray(at, at + pageBytes));
    walk.pages(bytes.subarray(at + pageBytes, at + segmentBytes));
    found.unshift(walk.end());
  }
  return found;
}

function data(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);
}
