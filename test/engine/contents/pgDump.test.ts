import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../engine/src/bytes.ts';
import { checkContents } from '../../../engine/src/contents/checkContents.ts';
import { checkCustomDump, checkPlainDump } from '../../../engine/src/contents/pgDump.ts';
import { sniff } from '../../../engine/src/contents/sniff.ts';
import { expectFailure, pieces, watched } from '../pieces.ts';

const folder = new URL('../../vectors/pg_dump/', import.meta.url);
const vector = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));
const reader = (bytes: Uint8Array, size = Number.POSITIVE_INFINITY) => new ByteReader(pieces(bytes, size));

describe.each(readdirSync(folder).filter((name) => name.endsWith('.dump')))('custom format %s', (name) => {
  const dump = vector(name);

  test('is read to its end: entries, data, large objects', async () => {
    expect(sniff(dump)).toBe('pg_dump custom');
    for (const size of [Number.POSITIVE_INFINITY, 1, 7, 1_000]) {
      const { toc, dataBlocks, dataBytes } = await checkCustomDump(reader(dump, size));
      expect(toc).toMatchObject({ database: 'shop', format: 'custom' });
      expect(toc.serverVersion.startsWith(name.slice(0, 2))).toBe(true);
      expect(toc.compression).toBe(name.includes('uncompressed') ? 'none' : 'gzip');
      expect(toc.entries.filter((it) => it.hasData).map((it) => it.description)).toEqual(
        expect.arrayContaining(['TABLE DATA', 'BLOBS']),
      );
      expect(toc.entries.map((it) => it.name)).toContain('public.orders');
      expect(dataBlocks).toBe(toc.entries.filter((it) => it.hasData).length);
      // 200 lines of `ID TAB customer ID`, and the large object.
      expect(dataBytes).toBeGreaterThan(200 * 12 + 300 * 13);
    }
  });

  test('cut short anywhere is truncated', async () => {
    for (let end = 5; end < dump.length; end += 53)
      await expectFailure('truncated', checkCustomDump(reader(dump.subarray(0, end), 200)));
    for (const end of [dump.length - 1, dump.length - 5, dump.length - 6]) {
      await expectFailure('truncated', checkCustomDump(reader(dump.subarray(0, end), 200)));
    }
  });

  test('what follows the last block is damage', async () => {
    const failure = await expectFailure('damaged', checkCustomDump(reader(Buffer.concat([dump, new Uint8Array(20)]))));
    expect(failure.offset).toBe(dump.length);
  });
});

test('a flipped bit in compressed data is found, at a place in the archive', async () => {
  const dump = vector('15.dump');
  // The zlib stream of the rows: 0x78 0x9c behind its length (a sign and four bytes), the only one of some size.
  let start = 0;
  do start = Buffer.from(dump).indexOf(Buffer.from([0x78, 0x9c]), start + 1);
  while (start > 0 && Buffer.from(dump).readUInt32LE(start - 4) < 400);
  expect(start).toBeGreaterThan(1_000);
  for (let position = start + 2; position < start + 300; position += 7) {
    const flipped = dump.slice();
    flipped[position] = (flipped[position] as number) ^ 16;
    const failure = await expectFailure('damaged', checkCustomDump(reader(flipped)));
    expect(failure.offset).toBe(start - 5);
    expect(failure.message).toContain('TABLE DATA');
  }
});

test('an archive of a version that does not exist yet is called unsupported, not damaged', async () => {
  const dump = vector('18.dump');
  dump[6] = 99;
  expect((await expectFailure('unsupported', checkCustomDump(reader(dump)))).message).toContain('1.99');
});

test('an archive that claims texts and counts without end is damaged, and costs no memory', async () => {
  const dump = vector('15.dump');
  for (const [place, bytes] of [
    [48, [0, 0xff, 0xff, 0xff, 0x7f]],
    [48, [1, 0xff, 0xff, 0xff, 0x7f]],
  ] as const) {
    const hostile = dump.slice();
    hostile.set(bytes, place);
    const error = (await checkCustomDump(reader(hostile)).catch((it: unknown) => it)) as { failure: { code: string } };
    expect(['damaged', 'truncated', 'unsupported']).toContain(error.failure.code);
  }
});

describe.each([
  ['15.sql', 'pg_dump plain', 'pg_dump'],
  ['16.sql', 'pg_dump plain', 'pg_dump'],
  ['15-all.sql', 'pg_dumpall plain', 'pg_dumpall'],
] as const)('plain %s', (name, kind, program) => {
  const dump = vector(name);
  const asText = Buffer.from(dump).toString();

  test('is recognised, and whole to its last line', async () => {
    expect(sniff(dump.subarray(0, 8_192))).toBe(kind);
    for (const size of [Number.POSITIVE_INFINITY, 1, 13, 4_096])
      expect(await checkPlainDump(reader(dump, size), program)).toEqual({ bytes: dump.length, encoding: 'UTF8' });
    const windows = await checkPlainDump(reader(text(asText.replaceAll('\n', '\r\n'))), program);
    expect(windows.bytes).toBeGreaterThan(dump.length);
  });

  test('without its last line is truncated', async () => {
    const mark = asText.lastIndexOf('dump complete');
    for (const end of [200, 5_000, mark, mark + 12])
      await expectFailure('truncated', checkPlainDump(reader(dump.subarray(0, end)), program));
  });

  test('with something after its last line, or a zero byte inside, is damaged', async () => {
    await expectFailure('damaged', checkPlainDump(reader(text(`${asText}\nDROP TABLE orders;\n`)), program));
    const zero = dump.slice();
    zero[3_000] = 0;
    expect((await expectFailure('damaged', checkPlainDump(reader(zero, 100), program))).offset).toBe(3_000);
  });
});

describe('tar format', () => {
  const dump = vector('15.tar');

  test('is checked against its own table of contents', async () => {
    expect(sniff(dump)).toBe('pg_dump tar');
    for (const size of [Number.POSITIVE_INFINITY, 512, 77]) {
      const { isWhole, because } = await checkContents(reader(dump, size), 'pg_dump tar');
      expect(isWhole).toBe(true);
      expect(because).toContain('entries of the pg_dump archive');
    }
  });

  test('without one of its files is incomplete', async () => {
    const members = tarMembers(dump);
    const data = members.find((it) => /^\d+\.dat$/.test(it.name)) ?? expect.fail('the vector has no data file');
    const without = Buffer.concat([dump.subarray(0, data.start), dump.subarray(data.end)]);
    expect((await expectFailure('incomplete', checkContents(reader(without), 'pg_dump tar'))).message).toContain(
      data.name,
    );
    const noToc = dump.subarray(members[0]?.end);
    await expectFailure('incomplete', checkContents(reader(noToc), 'pg_dump tar'));
  });
});

test('an error in a dump closes its input', async () => {
  const input = watched(pieces(vector('15.dump').subarray(0, 1_000), 100));
  const source = new ByteReader(input.stream);
  await expectFailure('truncated', checkCustomDump(source));
  await source.close();
  expect(input.closed()).toBe(1);
});

function tarMembers(tar: Uint8Array): { name: string; start: number; end: number }[] {
  const members: { name: string; start: number; end: number }[] = [];
  for (let start = 0; tar[start]; ) {
    const header = Buffer.from(tar.subarray(start, start + 512)).toString('latin1');
    const size = Number.parseInt(header.slice(124, 136), 8);
    const end = start + 512 + Math.ceil(size / 512) * 512;
    members.push({ name: header.slice(0, header.indexOf('\0')), start, end });
    start = end;
  }
  return members;
}

function text(it: string): Uint8Array {
  return new TextEncoder().encode(it);
}
