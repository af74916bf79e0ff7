import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { once } from '../../engine/src/bytes.ts';
import { type Compression, decompress, decompressBytes } from '../../engine/src/compress/compression.ts';
import { unzstdBytesInJavaScript, unzstdInJavaScript } from '../../engine/src/compress/zstd.ts';
import { ZstdFrames } from '../../engine/src/compress/zstdFrames.ts';
import { all, expectFailure, pieces, watched } from './pieces.ts';

/** "15\n" as pgBackRest 2.45 and 2.59 store it (PG_VERSION of real repositories). */
const PG_VERSION: { compression: Compression; isRaw?: boolean; hex: string }[] = [
  { compression: 'gz', hex: '1f8b08000000000000033334e502001d7d0c9803000000' },
  { compression: 'gz', isRaw: true, hex: '789c3334e50200010a0071' },
  { compression: 'lz4', hex: '04224d1844405e0300008031350a0000000092841dab' },
  { compression: 'zst', hex: '28b52ffd005819000031350a' },
];

describe.each(PG_VERSION)('$compression, raw: $isRaw', ({ compression, isRaw, hex }) => {
  const stored = Buffer.from(hex, 'hex');

  test('whole, in single bytes, in odd pieces', async () => {
    for (const size of [Number.POSITIVE_INFINITY, 1, 7]) {
      expect(text(await all(decompress(pieces(stored, size), compression, { isRaw })))).toBe('15\n');
    }
    expect(text(decompressBytes(stored, compression, { isRaw, limit: 3 }))).toBe('15\n');
  });

  test('cut short anywhere is truncated', async () => {
    for (let length = 0; length < stored.length; length++) {
      await expectFailure('truncated', decompress(pieces(stored.subarray(0, length), 4), compression, { isRaw }));
    }
  });

  test('bytes after the end, and more contents than recorded, are refused', async () => {
    const longer = Buffer.concat([stored, Buffer.alloc(16, 0x41)]);
    await expectFailure('damaged', decompress(once(longer), compression, { isRaw }));
    expect(() => decompressBytes(stored, compression, { isRaw, limit: 2 })).toThrow(/more than the 2 bytes/);
  });
});

test('an object that is not compressed at all is damaged, for every compression', async () => {
  const plain = Buffer.from('[backrest]\nbackrest-format=5\n'.repeat(40));
  for (const compression of ['gz', 'lz4', 'zst', 'bz2'] as const) {
    await expectFailure('damaged', decompress(once(plain), compression));
    await expectFailure('damaged', decompress(pieces(plain, 1), compression));
  }
});

test('closing the output closes the input, and what the input throws comes out unchanged', async () => {
  const stored = gzipSync(Buffer.alloc(4_000_000, 'restorable '), { level: 1 });
  const { stream, closed } = watched(pieces(stored, 1000));
  for await (const _ of decompress(stream, 'gz')) break;
  expect(closed()).toBe(1);

  async function* broken() {
    yield stored.subarray(0, 2000);
    throw new Error('the disk is gone');
  }
  await expect(all(decompress(broken(), 'gz'))).rejects.toThrow('the disk is gone');
});

const contents = mixture(3_000_000);
const TOOLS: { compression: Compression; command: string[] }[] = [
  { compression: 'gz', command: ['gzip', '-c'] },
  { compression: 'lz4', command: ['lz4', '-c', '-BD', '-B4'] },
  { compression: 'lz4', command: ['lz4', '-c', '-9', '-B7', '-BX', '--content-size'] },
  { compression: 'zst', command: ['zstd', '-c', '--no-check'] },
  { compression: 'zst', command: ['zstd', '-c', '-19', '--check'] },
  { compression: 'bz2', command: ['bzip2', '-c'] },
  { compression: 'bz2', command: ['bzip2', '-c', '-1'] },
];

describe.each(TOOLS)('$command', ({ compression, command: [tool = '', ...options] }) => {
  const isHere = spawnSync(tool, ['--version'], { input: '' }).error === undefined;
  if (!isHere && process.env.CI) throw new Error(`${tool} is missing; CI must have it`);
  const stored = isHere ? execFileSync(tool, options, { input: contents, maxBuffer: 64_000_000 }) : Buffer.alloc(0);

  test.skipIf(!isHere)('what the real tool wrote comes back, in pieces of any size', async () => {
    for (const size of [Number.POSITIVE_INFINITY, 8_209, 100_003]) {
      expect(sha1(await all(decompress(pieces(stored, size), compression)))).toBe(sha1(contents));
    }
    expect(sha1(decompressBytes(stored, compression, { limit: contents.length }))).toBe(sha1(contents));
  });

  test.skipIf(!isHere)('a flipped bit behind the header never gives the same contents silently', async () => {
    for (let index = 0; index < 24; index++) {
      const at = 12 + Math.floor(((stored.length - 12) * index) / 24);
      const flipped = Buffer.from(stored);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (index % 8));
      const outcome = await all(decompress(once(flipped), compression)).then(sha1, (error) => error.failure.code);
      if (outcome !== 'unsupported') {
        expect(['damaged', 'truncated', expect.not.stringMatching(sha1(contents))]).toContainEqual(outcome);
      }
    }
  });
});

test('the two zstd decoders agree', async () => {
  const stored = Buffer.from('28b52ffd005819000031350a', 'hex');
  expect(text(await all(unzstdInJavaScript(pieces(stored, 5))))).toBe('15\n');
  expect(text(unzstdBytesInJavaScript(stored, 3))).toBe('15\n');
});

test('the end of zstd data is known without decoding it: whole, in single bytes, several frames, frames to skip', () => {
  const frame = Buffer.from('28b52ffd005819000031350a', 'hex');
  const skippable = Buffer.from('502a4d1803000000aabbcc', 'hex');
  const checked = Buffer.from('28b52ffd045819000031350a7a1f6b5c', 'hex');
  const cases: [bytes: Buffer, ends: number[]][] = [
    [frame, [12]],
    [checked, [16]],
    [Buffer.concat([frame, frame]), [12, 24]],
    [Buffer.concat([skippable, frame]), [11, 23]],
  ];
  for (const [bytes, ends] of cases) {
    for (const size of [bytes.length, 1, 5]) {
      for (let length = 0; length <= bytes.length; length++) {
        const frames = new ZstdFrames();
        for (let at = 0; at < length; at += size) frames.update(bytes.subarray(at, Math.min(at + size, length)));
        if (ends.includes(length)) frames.finish();
        else expect(() => frames.finish(), `${length} bytes`).toThrow(/ends before/);
      }
    }
  }
  expect(() => new ZstdFrames().update(Buffer.concat([frame, Buffer.alloc(4)]))).toThrow(/bytes follow the end/);
  expect(() => new ZstdFrames().update(Buffer.from('hello'))).toThrow(/does not start/);
});

test('a few bytes of zstd that are many zeros come out block by block', async () => {
  // A frame of 400 blocks, each 4 bytes that stand for 128 KiB of zeros.
  const rle = (isLast: boolean) => {
    const header = (131_072 << 3) | (1 << 1) | (isLast ? 1 : 0);
    return Buffer.from([header & 255, (header >> 8) & 255, (header >> 16) & 255, 0]);
  };
  const blocks = Array.from({ length: 400 }, (_, index) => rle(index === 399));
  const bomb = Buffer.concat([Buffer.from('28b52ffd0058', 'hex'), ...blocks]);
  let total = 0;
  for await (const piece of unzstdInJavaScript(once(bomb))) {
    expect(piece.length).toBeLessThanOrEqual(131_072);
    total += piece.length;
    if (total > 1_000_000) break;
  }
  expect(total).toBeLessThan(1_500_000);
});

test('a decompression bomb stops at the recorded size', () => {
  const bomb = deflateSync(Buffer.alloc(100_000_000));
  expect(() => decompressBytes(bomb, 'gz', { isRaw: true, limit: 8192 })).toThrow(/more than the 8192 bytes/);
});

/** Text, noise, runs and repetitions, the same in every run. */
function mixture(length: number): Buffer {
  const parts: Buffer[] = [];
  let state = 12_345;
  for (let total = 0; total < length; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const kind = (state >>> 16) % 5;
    const part =
      kind === 0
        ? Buffer.alloc((state >>> 8) % 700, 0)
        : kind === 1
          ? createHash('sha256').update(String(state)).digest()
          : Buffer.from(`row ${state % 977} of relation ${state % 31};`.repeat(kind));
    parts.push(part);
    total += part.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}

function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
