/** --to unpacks tars: what is harmless arrives as it was packed, and nothing hostile creates anything outside. */

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isOddOnWindows } from '../../../engine/src/contents/unpackTar.ts';
import type { Report } from '../../../engine/src/report.ts';
import { runJob } from '../../../engine/src/run.ts';
import { quietContext } from '../../../engine/src/run-context.ts';

let folder: string;
let to: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'restorable-unpack-'));
  to = path.join(folder, 'in/target');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('files, folders, times, modes and links that stay inside', async () => {
  const source = path.join(folder, 'source');
  mkdirSync(path.join(source, 'a/b'), { recursive: true });
  writeFileSync(path.join(source, 'a/b/file'), Buffer.alloc(100_000, 'x'), { mode: 0o640 });
  writeFileSync(path.join(source, `a/${'long'.repeat(50)}`), '');
  utimesSync(path.join(source, 'a/b/file'), 1_700_000_000, 1_700_000_000);
  symlinkSync('../a/b/file', path.join(source, 'a/link'));
  const tar = execFileSync('tar', ['-cf', '-', '-C', source, '.']);
  const report = await unpack(gzipSync(tar));
  expect(report).toMatchObject({ failure: null, restoredTo: to, format: 'gzip > tar', verdict: { restorable: true } });
  expect(execFileSync('diff', ['-r', source, to]).toString()).toBe('');
  expect(lstatSync(path.join(to, 'a/b/file'))).toMatchObject({ mtimeMs: 1_700_000_000_000 });
  expect(lstatSync(path.join(to, 'a/b/file')).mode & 0o777).toBe(0o640);
  expect(readlinkSync(path.join(to, 'a/link'))).toBe('../a/b/file');
});

test.each<[string, Buffer[]]>([
  ['a name with dot-dot', [member('ok', 'x'), member('../../evil', 'x')]],
  ['dot-dot in the middle', [member('a/../../../evil', 'x')]],
  ['dot-dot in a pax record', [pax({ path: '../../evil' }), member('harmless', 'x')]],
  ['dot-dot with backslashes', [member('..\\..\\evil', 'x')]],
  ['a long name of GNU', [longName('../../evil'), member('harmless', 'x')]],
  ['a file through a file', [member('a', 'x'), member('a/evil', 'x')]],
  ['the same file twice', [member('a', 'x'), member('a', 'y')]],
  ['a file over a folder', [member('a/', '', '5'), member('a', 'y')]],
])('%s is hostile, and leaves nothing', async (_, members) => {
  const report = await unpack(tarOf(members));
  expect(report.failure?.code).toBe('hostile');
  expect(report.restoredTo).toBeNull();
  expect(everything()).toEqual(['archive.tar', 'in']);
});

test.each<[string, Buffer[]]>([
  ['a link to the outside', [link('a', '/etc'), member('b', 'x')]],
  ['a link upwards', [link('a', '../..'), member('b', 'x')]],
  ['a link through a link', [link('d/l', '..'), link('m', 'd/l/../..'), member('b', 'x')]],
  ['a hard link', [link('a', '/etc/passwd', '1'), member('b', 'x')]],
  ['a device', [member('a', '', '4'), member('b', 'x')]],
  ['a pipe', [member('a', '', '6'), member('b', 'x')]],
])('%s is left out and told', async (_, members) => {
  const report = await unpack(tarOf(members));
  expect(report).toMatchObject({ failure: null, restoredTo: to });
  expect(report.notes.join()).toContain('was left out');
  expect(readFileSync(path.join(to, 'b'), 'utf8')).toBe('x');
  expect(lstatSync(path.join(to, 'a'), { throwIfNoEntry: false })).toBeUndefined();
  expect(lstatSync(path.join(to, 'm'), { throwIfNoEntry: false })).toBeUndefined();
});

test('nothing is written through a link, whichever comes first', async () => {
  const outside = path.join(folder, 'outside');
  mkdirSync(outside);
  for (const members of [
    [link('a', '../../outside'), member('a/evil', 'x')],
    [member('a/evil', 'x'), link('a', 'b')],
    [link('b/a', '.'), member('b/a/evil', 'x')],
  ]) {
    rmSync(to, { recursive: true, force: true });
    await unpack(tarOf(members));
    expect(readdirSync(outside)).toEqual([]);
  }
});

test('an absolute name begins at the target', async () => {
  expect((await unpack(tarOf([member('/etc/restorable-evil', 'x')]))).failure).toBeNull();
  expect(existsSync('/etc/restorable-evil')).toBe(false);
  expect(readFileSync(path.join(to, 'etc/restorable-evil'), 'utf8')).toBe('x');
});

test('a sparse file is not unpacked as if it were whole', async () => {
  const source = path.join(folder, 'source');
  mkdirSync(source);
  execFileSync('truncate', ['-s', '10M', path.join(source, 'holes')]);
  for (const options of [['--format=gnu'], ['--format=pax', '--sparse-version=1.0']]) {
    const tar = execFileSync('tar', [...options, '-S', '-cf', '-', '-C', source, 'holes']);
    expect((await unpack(tar)).failure).toMatchObject({ code: 'unsupported' });
    expect(everything().filter((it) => it !== 'source')).toEqual(['archive.tar', 'in']);
  }
});

test('a member that claims more than there is costs no room', async () => {
  const huge = member('huge', '');
  huge.write('77777777777', 124);
  const report = await unpack(tarOf([checksummed(huge)]));
  expect(report.failure?.code).toBe('truncated');
  expect(everything()).toEqual(['archive.tar', 'in']);
});

test('names that Windows takes for something else are known', () => {
  for (const it of ['C:', 'a:stream', 'con', 'NUL.txt', 'com1', 'end.', 'end ', 'a\\b', 'a\u0001'])
    expect([it, isOddOnWindows(it)]).toEqual([it, true]);
  for (const it of ['console', 'base', 'PG_15_202209061', '16384_fsm', 'backup_label.old'])
    expect([it, isOddOnWindows(it)]).toEqual([it, false]);
});

test('a decompression bomb stops at a limit that can be raised', async () => {
  // A megabyte of zstd that stands for many gigabytes of zeros.
  const rle = Buffer.from([((131_072 << 3) & 255) | 2, ((131_072 << 3) >> 8) & 255, ((131_072 << 3) >> 16) & 255, 0]);
  const bomb = Buffer.concat([Buffer.from('28b52ffd0058', 'hex'), ...Array.from({ length: 9_000 }, () => rle)]);
  const file = path.join(folder, 'bomb.zst');
  writeFileSync(file, bomb);
  const stopped = await testRestore(file);
  expect(stopped.failure).toMatchObject({ code: 'hostile', stage: 'decompress' });
  const raised = await testRestore(file, { mostExpansion: 1_000_000 });
  expect(raised.failure?.code).toBe('truncated');
}, 60_000);

async function unpack(tar: Uint8Array): Promise<Report> {
  const archive = path.join(folder, 'archive.tar');
  writeFileSync(archive, tar);
  return testRestore(archive, { to });
}

async function testRestore(archive: string, more: { to?: string; mostExpansion?: number } = {}): Promise<Report> {
  const outcome = await runJob({ kind: 'test-restore', archive, keys: [], ...more }, quietContext());
  if (outcome.ok) return outcome.value[0] as Report;
  return { failure: outcome.failure, restoredTo: null, notes: [] as string[] } as Report;
}

/** What lies beside the archive now; the folder of the target is empty. */
function everything(): string[] {
  if (existsSync(path.join(folder, 'in'))) expect(readdirSync(path.join(folder, 'in'))).toEqual([]);
  return readdirSync(folder).sort();
}

function member(name: string, contents: string, type = '0', target = ''): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644', 100);
  header.write(contents.length.toString(8).padStart(11, '0'), 124);
  header.write('00000000000', 136);
  header.write(type, 156);
  header.write(target, 157);
  header.write('ustar\x0000', 257);
  const bytes = Buffer.from(contents);
  return Buffer.concat([checksummed(header), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

function checksummed(header: Buffer): Buffer {
  header.fill(0x20, 148, 156);
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function link(name: string, target: string, type = '2'): Buffer {
  return member(name, '', type, target);
}

function pax(records: Record<string, string>): Buffer {
  const text = Object.entries(records)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      const length = rest.length + String(rest.length + 2).length;
      return `${length}${rest}`;
    })
    .join('');
  return member('PaxHeaders/x', text, 'x');
}

function longName(name: string): Buffer {
  return member('././@LongLink', `${name}\0`, 'L');
}

function tarOf(members: Buffer[]): Buffer {
  return Buffer.concat([...members, Buffer.alloc(1_024)]);
}
