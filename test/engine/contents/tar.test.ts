import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ByteReader } from '../../../engine/src/bytes.ts';
import { checkContents } from '../../../engine/src/contents/checkContents.ts';
import { sniff } from '../../../engine/src/contents/sniff.ts';
import { readTar, shown, type TarMember } from '../../../engine/src/contents/tar.ts';
import { all, expectFailure, pieces } from '../pieces.ts';

const reader = (bytes: Uint8Array, size = Number.POSITIVE_INFINITY) => new ByteReader(pieces(bytes, size));

describe.each(['ustar', 'pax', 'gnu', 'v7'])('a tar in the format %s', (format) => {
  let folder: string;
  let tar: Uint8Array;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'restorable-tar-'));
    mkdirSync(join(folder, 'base/1'), { recursive: true });
    writeFileSync(join(folder, 'PG_VERSION'), '15\n');
    writeFileSync(join(folder, 'base/1/1259'), Buffer.alloc(10_000, 7));
    writeFileSync(join(folder, 'base/1/empty'), '');
    symlinkSync('/elsewhere', join(folder, 'link'));
    if (format !== 'v7' && format !== 'ustar') writeFileSync(join(folder, `${'long'.repeat(50)}-é`), 'long name');
    tar = new Uint8Array(
      execFileSync('tar', [`--format=${format}`, '--owner=0', '--group=0', '-cf', '-', '-C', folder, '.'], {
        maxBuffer: 1e8,
      }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('is recognised, and its members come with names, types and contents', async () => {
    expect(sniff(tar)).toBe('tar');
    for (const size of [Number.POSITIVE_INFINITY, 1, 511, 5_000]) {
      const members = new Map<string, { member: TarMember; bytes: Uint8Array }>();
      for await (const { member, contents } of readTar(reader(tar, size)))
        members.set(member.path, { member, bytes: await all(contents) });
      expect(Buffer.from(members.get('./PG_VERSION')?.bytes ?? []).toString()).toBe('15\n');
      expect(members.get('./base/1/1259')?.bytes).toEqual(new Uint8Array(10_000).fill(7));
      expect(members.get('./base/1/empty')?.member).toMatchObject({ type: 'file', size: 0 });
      expect(members.get('./link')?.member).toMatchObject({ type: 'symlink', linkTarget: '/elsewhere' });
      expect(members.get('./base/')?.member.type).toBe('directory');
      if (format === 'pax' || format === 'gnu') expect([...members.keys()]).toContain(`./${'long'.repeat(50)}-é`);
    }
  });

  test('whose contents nobody reads is checked all the same', async () => {
    const { isWhole, files } = await checkContents(reader(tar, 1_000), 'tar');
    expect(isWhole).toBe(true);
    expect(files.total).toBeGreaterThan(5);
    expect(files.verified).toBe(files.total);
  });

  test('cut short anywhere is truncated', async () => {
    const end = lastMemberEnd(tar);
    for (let length = 1; length <= end + 512; length += 257)
      await expectFailure('truncated', checkContents(reader(tar.subarray(0, length)), 'tar'));
    for (const length of [512, 1_024, end, end + 511, end + 512, end + 1_023]) {
      await expectFailure('truncated', checkContents(reader(tar.subarray(0, length)), 'tar'));
    }
    expect((await checkContents(reader(tar.subarray(0, end + 1_024)), 'tar')).isWhole).toBe(true);
  });

  test('a flipped bit in a header is found at its place', async () => {
    for (const bit of [3, 100, 126, 150, 156, 300]) {
      const flipped = tar.slice();
      flipped[bit] = (flipped[bit] as number) ^ 1;
      expect((await expectFailure('damaged', checkContents(reader(flipped), 'tar'))).offset).toBe(0);
    }
  });

  test('a piece that was taken out, or put in twice, is found although only zeros move', async () => {
    const at = lastMemberEnd(tar) + 512;
    for (const from of [at + 16, at - 16]) {
      const changed = Buffer.concat([tar.subarray(0, at), tar.subarray(from)]);
      expect((await expectFailure('damaged', checkContents(reader(changed), 'tar'))).message).toContain('no multiple');
    }
  });

  test('what follows the end is found', async () => {
    const failure = await expectFailure('damaged', checkContents(reader(Buffer.concat([tar, tar])), 'tar'));
    expect(failure.offset).toBe(tar.length);
  });
});

test('a size that only base 256 can hold is read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restorable-tar-'));
  try {
    writeFileSync(join(folder, 'huge'), '');
    truncateSync(join(folder, 'huge'), 9 * 2 ** 30);
    const script = `tar --format=gnu -cf - -C ${folder} huge 2>/dev/null | head -c 512`;
    const header = new Uint8Array(execFileSync('bash', ['-c', script], { maxBuffer: 1e6 }));
    const sizes: number[] = [];
    await (async () => {
      for await (const { member } of readTar(reader(header))) sizes.push(member.size);
    })().catch(() => undefined);
    expect(sizes).toEqual([9 * 2 ** 30]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('names that lead out of the folder are hostile, absolute ones are not', async () => {
  expect((await checkContents(reader(tarOf('/PG_VERSION')), 'tar')).isWhole).toBe(true);
  for (const name of ['../../etc/passwd', 'a/../../b', '..', 'a\\..\\b']) {
    const failure = await expectFailure('hostile', checkContents(reader(tarOf(name)), 'tar'));
    expect(failure.message).toContain('..');
  }
});

test('a name is shown without what it could do to a terminal', () => {
  expect(shown('a\u001b[31mb\nc')).toBe('a\\u001b[31mb\\u000ac');
  expect(shown('x'.repeat(500)).length).toBeLessThan(210);
});

/** A tar of one empty file. */
function tarOf(name: string): Uint8Array {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000600\0', 100);
  header.write('00000000000\0', 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, Buffer.alloc(1_024)]);
}

function lastMemberEnd(tar: Uint8Array): number {
  let end = tar.length;
  while (end > 0 && tar.subarray(end - 512, end).every((byte) => byte === 0)) end -= 512;
  return end;
}
