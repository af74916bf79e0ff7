import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { once } from '../../engine/src/bytes.ts';
import { openBunzip2 } from '../../engine/src/compress/bzip2.ts';
import { adler32, Crc64, crc32, crc32InJavaScript } from '../../engine/src/compress/checksums.ts';
import { openCodec } from '../../engine/src/compress/codecs.ts';
import { type Compression, decompress, decompressBytes } from '../../engine/src/compress/compression.ts';
import { type Decoder, decodeInMemory, throughDecoder } from '../../engine/src/compress/decoder.ts';
import { openGunzip, openInflateZlib } from '../../engine/src/compress/gzip.ts';
import { openUnlz4, openUnlz4InJavaScript } from '../../engine/src/compress/lz4.ts';
import { openUnzstd, openUnzstdInJavaScript, openUnzstdInWebAssembly } from '../../engine/src/compress/zstd.ts';
import { ZstdFrames } from '../../engine/src/compress/zstdFrames.ts';
import { RestoreError } from '../../engine/src/failure.ts';
import { all, expectFailure, pieces, watched } from './pieces.ts';

/** "15\n" as pgBackRest 2.45 and 2.59 store it (PG_VERSION of real repositories). */
const PG_VERSION: { compression: Compression; isRaw?: boolean; hex: string }[] = [
  { compression: 'gz', hex: '1f8b08000000000000033334e502001d7d0c9803000000' },
  { compression: 'gz', isRaw: true, hex: '789c3334e50200010a0071' },
  { compression: 'lz4', hex: '04224d1844405e0300008031350a0000000092841dab' },
  { compression: 'zst', hex: '28b52ffd005819000031350a' },
  // As xz, brotli and lzop write it.
  {
    compression: 'xz',
    hex: 'fd377a585a000004e6d6b4460200210116000000742fe5a301000231350a00001545cc316fc346ce00011b030b2fb9101fb6f37d010000000004595a',
  },
  {
    compression: 'xz',
    hex: 'fd377a585a00000ae1fb0ca10200210116000000742fe5a301000231350a0000238903180cc104ec2c5d8b3f20c5bc61b389ec0a967df8cc208cdc7cd454174f00013303a181e44d189b4b9a01000000000a595a',
  },
  { compression: 'lzma', hex: '5d00008000ffffffffffffffff00188d3d5aabdffffff7c20000' },
  { compression: 'br', hex: '0f018031350a03' },
  {
    compression: 'lzo',
    hex: '894c5a4f000d0a1a0a104020a0094001050300000d000000006b0252280000000000265d02570000000300000003010a007131350a00000000',
  },
  {
    compression: 'lzo',
    hex: '894c5a4f000d0a1a0a104020a0100101050300110c000000006b025228000000000008582d1a0000000300000003980c7d1d31350a00000000',
  },
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
  for (const compression of ['gz', 'lz4', 'zst', 'bz2', 'xz', 'lzma', 'br', 'lzo'] as const) {
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
/** Two of the largest blocks of bzip2 and many of every other kind: enough where each of many changes is read anew. */
const fewBlocks = contents.subarray(0, 1_000_000);
const TOOLS: { compression: Compression; command: string[] }[] = [
  { compression: 'gz', command: ['gzip', '-c'] },
  { compression: 'lz4', command: ['lz4', '-c', '-BD', '-B4'] },
  { compression: 'lz4', command: ['lz4', '-c', '-9', '-B7', '-BX', '--content-size'] },
  { compression: 'zst', command: ['zstd', '-c', '--no-check'] },
  { compression: 'zst', command: ['zstd', '-c', '-19', '--check'] },
  { compression: 'bz2', command: ['bzip2', '-c'] },
  { compression: 'bz2', command: ['bzip2', '-c', '-1'] },
  { compression: 'xz', command: ['xz', '-c'] },
  { compression: 'xz', command: ['xz', '-c', '-0', '--check=crc32', '--block-size=100000'] },
  { compression: 'xz', command: ['xz', '-c', '-T2', '--check=sha256', '--lzma2=lc=0,lp=3,pb=0,dict=64KiB'] },
  { compression: 'lzma', command: ['xz', '-c', '--format=lzma'] },
  { compression: 'lzma', command: ['xz', '-c', '--format=lzma', '--lzma1=lc=3,lp=1,pb=4,dict=4KiB'] },
  { compression: 'br', command: ['brotli', '-c', '-q', '5'] },
  { compression: 'lzo', command: ['lzop', '-c'] },
  { compression: 'lzo', command: ['lzop', '-c', '-9', '--crc32'] },
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
    const short = execFileSync(tool, options, { input: fewBlocks, maxBuffer: 64_000_000 });
    for (let index = 0; index < 24; index++) {
      const at = 12 + Math.floor(((short.length - 12) * index) / 24);
      const flipped = Buffer.from(short);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (index % 8));
      const outcome = await all(decompress(once(flipped), compression)).then(sha1, (error) => error.failure.code);
      if (outcome !== 'unsupported') {
        expect(['damaged', 'truncated', expect.not.stringMatching(sha1(fewBlocks))]).toContainEqual(outcome);
      }
    }
  });
});

test.each(PG_VERSION.filter((it) => ['xz', 'lzo'].includes(it.compression)))(
  'every bit of $hex counts',
  async ({ compression, hex }) => {
    const stored = Buffer.from(hex, 'hex');
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const flipped = Buffer.from(stored);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const outcome = await all(decompress(once(flipped), compression)).then(text, (error) => error.failure.code);
      expect(['damaged', 'truncated', 'unsupported'], `bit ${bit}`).toContain(outcome);
    }
  },
);

test('several streams of xz and members of lzop are one file; zeros between streams of xz are padding', async () => {
  const [xz, , lzo] = ['xz', 'lzma', 'lzo'].map((name) =>
    Buffer.from(PG_VERSION.find((it) => it.compression === name)?.hex ?? '', 'hex'),
  ) as [Buffer, Buffer, Buffer];
  for (const size of [1, 5, 1_000]) {
    const streams = Buffer.concat([xz, Buffer.alloc(8), xz, Buffer.alloc(4)]);
    expect(text(await all(decompress(pieces(streams, size), 'xz')))).toBe('15\n15\n');
    expect(text(await all(decompress(pieces(Buffer.concat([lzo, lzo]), size), 'lzo')))).toBe('15\n15\n');
    await expectFailure('damaged', decompress(pieces(Buffer.concat([xz, Buffer.alloc(6)]), size), 'xz'));
  }
});

test('lzma data of a known size ends with it, with or without an end mark', async () => {
  // "15\n" with its size in the header, as the LZMA SDK writes it, and with an end mark as well.
  const marked = Buffer.from('5d00008000ffffffffffffffff00188d3d5aabdffffff7c20000', 'hex');
  const sized = (size: number) => {
    const copy = Buffer.from(marked);
    copy.writeBigUInt64LE(BigInt(size), 5);
    return copy;
  };
  expect(text(await all(decompress(pieces(sized(3), 1), 'lzma')))).toBe('15\n');
  await expectFailure('damaged', decompress(once(sized(2)), 'lzma'));
  await expectFailure('truncated', decompress(once(sized(4)), 'lzma'));
});

test('a dictionary that would fill the memory is refused before it is taken', async () => {
  const lzma = Buffer.from('5d000000c0ffffffffffffffff00188d3d5aabdffffff7c20000', 'hex');
  await expectFailure('unsupported', decompress(once(lzma), 'lzma'));
});

test('the checksums that Node may lack are right', () => {
  const bytes = Buffer.from('123456789');
  expect(crc32InJavaScript(bytes).toString(16)).toBe('cbf43926');
  expect(crc32(bytes.subarray(4), crc32InJavaScript(bytes.subarray(0, 4)))).toBe(0xcbf43926);
  expect(adler32(bytes)).toBe(0x091e01de);
  const crc64 = new Crc64();
  crc64.update(bytes);
  expect(Buffer.from(crc64.digest()).reverse().toString('hex')).toBe('995dc9bbdf1939fa');
});

/** Every decoder there is for what a tool wrote; the last one of each is the slow one that all are compared with. */
const DECODERS: Partial<Record<Compression, [name: string, open: () => Decoder | undefined][]>> = {
  gz: [
    ['Node', openGunzip],
    ['WebAssembly', () => openCodec('gzip')],
  ],
  lz4: [
    ['WebAssembly', openUnlz4],
    ['JavaScript', openUnlz4InJavaScript],
  ],
  zst: [
    ['Node or WebAssembly', openUnzstd],
    ['WebAssembly', openUnzstdInWebAssembly],
    ['JavaScript', openUnzstdInJavaScript],
  ],
  bz2: [['JavaScript', openBunzip2]],
};

describe.each(
  TOOLS.flatMap(({ compression, command }) =>
    (DECODERS[compression] ?? []).map(([name, open]) => ({ compression, command, name, open })),
  ),
)('$name on $command', ({ compression, command: [tool = '', ...options], open }) => {
  const isHere = spawnSync(tool, ['--version'], { input: '' }).error === undefined;
  const make = (bytes: Uint8Array) => execFileSync(tool, options, { input: bytes, maxBuffer: 64_000_000 });
  const decoderNow = () => {
    const decoder = open();
    if (!decoder) throw new Error('this Node has no such decoder');
    return decoder;
  };

  test.skipIf(!isHere)('gives every byte, one input after the other, whatever came before', () => {
    const decoder = decoderNow();
    const stored = make(contents);
    for (const size of [Number.POSITIVE_INFINITY, 65_536, 8_209, 100_003]) {
      decoder.reset();
      expect(sha1(through(decoder, stored, size))).toBe(sha1(contents));
    }
    decoder.reset();
    for (const _ of decoder.update(stored.subarray(0, stored.length / 2)));
    decoder.reset();
    expect(() => through(decoder, Buffer.from('no such data at all, of any kind'), 7)).toThrow();
    decoder.reset();
    expect(sha1(decodeInMemory(stored, decoder, contents.length))).toBe(sha1(contents));
    decoder.close();
  });

  test.skipIf(!isHere)('takes no cut for the end, at any byte, and nothing behind it', () => {
    const few = contents.subarray(0, 3_000);
    const stored = make(few);
    const decoder = decoderNow();
    for (const size of [1, 3, stored.length]) {
      decoder.reset();
      expect(through(decoder, stored, size)).toEqual(few);
    }
    for (let length = 0; length < stored.length; length++) {
      decoder.reset();
      expect(
        outcomeOf(() => through(decoder, stored.subarray(0, length), 512)),
        `${length}`,
      ).toBe('truncated');
    }
    for (const more of [Buffer.alloc(1), Buffer.from('A'), Buffer.alloc(40, 0x41)]) {
      decoder.reset();
      const outcome = outcomeOf(() => through(decoder, Buffer.concat([stored, more]), 512));
      // A few bytes may be the start of one more frame or member, or already be known for something else.
      const mayGoOn = (compression === 'zst' || compression === 'gz') && more.length < 4;
      expect(mayGoOn ? ['truncated', 'damaged'] : ['damaged']).toContain(outcome);
      decoder.reset();
      expect(['damaged', 'truncated']).toContain(
        outcomeOf(() => through(decoder, Buffer.concat([stored, more]), stored.length)),
      );
    }
    decoder.close();
  });

  test.skipIf(!isHere)('says of every flipped bit what the slow one says', () => {
    const few = contents.subarray(0, 400);
    const stored = make(few);
    const [, openSlow] = DECODERS[compression]?.at(-1) ?? [];
    const decoder = decoderNow();
    const slow = openSlow?.();
    if (!slow) throw new Error('nothing to compare with');
    const told = (by: Decoder, bytes: Uint8Array) => {
      by.reset();
      return outcomeOf(() => sha1(through(by, bytes, 64)));
    };
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const flipped = Buffer.from(stored);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const [one, other] = [told(decoder, flipped), told(slow, flipped)];
      // Which of its checks finds the damage first is the decoder's own affair, and fzstd checks more of the tables
      // that no byte comes from, and leaves reserved bits unread.
      if (isSha1(one) && isSha1(other)) expect(one, `bit ${bit}`).toBe(other);
      else if (compression !== 'zst') expect(isSha1(one) || isSha1(other), `bit ${bit}: ${one}, ${other}`).toBe(false);
    }
    decoder.close();
  });
});

test('decoders that are at work at the same time do not see each other', async () => {
  const inputs = [contents.subarray(0, 1_000_000), contents.subarray(1_000_000, 2_500_000)].map((it) => gzipSync(it));
  const found = await Promise.all(
    inputs.map(async (it) => {
      const decoder = openCodec('gzip');
      if (!decoder) throw new Error('this Node has no WebAssembly with SIMD');
      return sha1(await all(throughDecoder(pieces(it, 1_000), decoder)));
    }),
  );
  expect(found).toEqual([sha1(contents.subarray(0, 1_000_000)), sha1(contents.subarray(1_000_000, 2_500_000))]);
});

test('members of gzip in a row are one file, cut anywhere, for every decoder', () => {
  const two = Buffer.concat([gzipSync('one '), gzipSync('two')]);
  for (const open of [openGunzip, () => openCodec('gzip')]) {
    const decoder = open();
    for (let size = 1; size <= two.length; size++) {
      decoder?.reset();
      expect(decoder && text(through(decoder, two, size))).toBe('one two');
    }
  }
});

test('the zlib form, for every decoder', () => {
  const stored = deflateSync(contents);
  for (const open of [openInflateZlib, () => openCodec('zlib')]) {
    const decoder = open();
    expect(decoder && sha1(through(decoder, stored, 10_007))).toBe(sha1(contents));
  }
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
  for await (const piece of throughDecoder(once(bomb), openUnzstdInJavaScript())) {
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

function through(decoder: Decoder, bytes: Uint8Array, size: number): Buffer {
  const parts: Buffer[] = [];
  const step = Math.min(size, Math.max(bytes.length, 1));
  for (let at = 0; at < bytes.length; at += step) {
    // A buffer that is filled again, as the threads have one.
    const piece = Uint8Array.from(bytes.subarray(at, at + step));
    for (const output of decoder.update(piece)) parts.push(Buffer.from(output));
    piece.fill(0);
  }
  for (const output of decoder.finish()) parts.push(Buffer.from(output));
  return Buffer.concat(parts);
}

/** What came out, or the failure's code. */
function outcomeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof RestoreError) return error.failure.code;
    throw error;
  }
}

function isSha1(outcome: unknown): boolean {
  return typeof outcome === 'string' && /^[0-9a-f]{40}$/.test(outcome);
}

function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
