import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { archiveGet } from '../../engine/src/archives/archiveGet.ts';
import { commitTimes } from '../../engine/src/archives/pgbackrest/walRecords.ts';
import {
  numberOf,
  reachable,
  readTimelineHistory,
  segmentName,
  timelinesOf,
} from '../../engine/src/archives/pgbackrest/walTimelines.ts';
import type { ArchiveGetJob } from '../../engine/src/job.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import {
  buildRepository,
  controlFile,
  objectsOf,
  passOffer,
  sha1,
  systemId,
  temporaryFolder,
  testOne,
  testRestore,
} from './pgbackrestRepository.ts';
import { expectFailure } from './pieces.ts';
import { wholeSegment } from './walSegments.ts';

const megabyte = 2 ** 20;
const ownFolder = 'archive/demo/15-1';
/** The backup of `buildRepository` ends in segment 4. */
const stop = '000000010000000000000004';

function segment(name: string, { owner = systemId, text = name } = {}): Buffer {
  return wholeSegment(name, { systemId: owner, text });
}

function store(root: string, name: string, contents: Buffer, { folder = ownFolder, storedAt = 0 } = {}): string {
  const file = path.join(root, folder, name.slice(0, 16), `${name}-${sha1(contents)}`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, contents);
  if (storedAt > 0) utimesSync(file, storedAt, storedAt);
  return file;
}

/** An unencrypted repository whose archive goes on after the backup. */
async function withWal(...names: string[]): Promise<string> {
  const root = await buildRepository({ isEncrypted: false, compression: 'none' });
  for (const [index, name] of names.entries())
    store(root, name, segment(name), { storedAt: 1_767_300_000 + index * 60 });
  return root;
}

const latest = (root: string) => testOne(root, { keys: [], wal: 'latest' });

describe('the WAL after a backup', () => {
  test('is not looked at unless asked for', async () => {
    const root = await withWal('000000010000000000000006');
    const report = await testOne(root, { keys: [] });
    expect(report.failure).toBeNull();
    expect(report.backup?.wal).toEqual({
      start: '000000010000000000000002',
      stop,
      segments: 3,
      records: 6,
      recordsTo: '0/500000',
    });
  });

  test('is followed to the newest segment, and every one is proven', async () => {
    const root = await withWal('000000010000000000000005', '000000010000000000000006');
    const report = await latest(root);
    expect(report.failure).toBeNull();
    expect(report.backup?.wal).toEqual({
      start: '000000010000000000000002',
      stop,
      segments: 5,
      records: 10,
      recordsTo: '0/700000',
      newest: '000000010000000000000006',
      newestAt: '2026-01-01T20:41:00Z',
      timeline: 1,
      switches: [],
      gaps: [],
    });
    expect(report.because.complete).toContain('to the newest of the archive, 000000010000000000000006');
  });

  test('that ends with the backup is complete', async () => {
    const report = await latest(await withWal());
    expect(report.verdict.complete).toBe(true);
    expect(report.backup?.wal).toMatchObject({ newest: null, newestAt: null, segments: 3 });
  });

  test('goes on from one log to the next', async () => {
    const root = await withWal('000000010000000000000FFF', '000000010000000100000000', '000000010000000100000001');
    const report = await latest(root);
    expect(report.backup?.wal).toMatchObject({
      newest: '000000010000000100000001',
      gaps: [{ first: '000000010000000000000005', last: '000000010000000000000FFE', count: 4090 }],
    });
  });

  test('has its gaps named, with the times on both sides', async () => {
    const root = await withWal('000000010000000000000005', '000000010000000000000008', '00000001000000000000000A');
    const report = await latest(root);
    expect(report.failure).toMatchObject({ code: 'incomplete', stage: 'wal' });
    expect(report.files.failed.map((it) => it.message)).toEqual([
      '2 WAL segments, 000000010000000000000006 to 000000010000000000000007, are missing (between 2026-01-01T20:40:00Z and 2026-01-01T20:41:00Z): recovery ends there',
      'WAL segment 000000010000000000000009 is missing (between 2026-01-01T20:41:00Z and 2026-01-01T20:42:00Z): recovery ends there',
    ]);
    expect(report.backup?.wal).toMatchObject({
      gaps: [
        { first: '000000010000000000000006', last: '000000010000000000000007', count: 2 },
        { first: '000000010000000000000009', last: '000000010000000000000009', count: 1 },
      ],
    });
    expect(report.verdict).toMatchObject({ complete: false, decrypted: true });
  });

  test.each([
    ['a changed byte', 'damaged', /does not match the SHA-1/, (file: string) => flip(file)],
    [
      'a cut',
      'damaged',
      /does not match the SHA-1/,
      (file: string) => writeFileSync(file, readFileSync(file).subarray(9)),
    ],
  ])('with %s is reported', async (_, code, message, change) => {
    const root = await withWal('000000010000000000000005', '000000010000000000000006');
    const [file = ''] = objectsOf(root).filter((it) => it.includes('000000000005-'));
    change(path.join(root, file));
    const report = await latest(root);
    expect(report.failure).toMatchObject({ code, stage: 'wal', path: file, message: expect.stringMatching(message) });
  });

  test.each([
    ['of another cluster', segment('000000010000000000000005', { owner: 77n }), /is of another cluster/],
    [
      'that is too short',
      segment('000000010000000000000005').subarray(0, megabyte / 2),
      /has 524288 bytes instead of 1048576/,
    ],
    ['that is no WAL', Buffer.alloc(megabyte), /does not start as WAL/],
  ])('with a segment %s, although its checksum fits, is reported', async (_, contents, message) => {
    const root = await withWal();
    store(root, '000000010000000000000005', contents);
    const report = await latest(root);
    expect(report.failure).toMatchObject({ code: 'damaged', message: expect.stringMatching(message) });
    expect(report.verdict.restorable).toBe(false);
  });

  test('with two contents for one segment is reported, and is no gap', async () => {
    const root = await withWal('000000010000000000000005', '000000010000000000000006');
    store(root, '000000010000000000000005', segment('000000010000000000000005', { text: 'another' }));
    const report = await latest(root);
    expect(report.files.failed).toHaveLength(1);
    expect(report.failure).toMatchObject({ code: 'damaged', message: expect.stringContaining('2 different contents') });
  });

  test('of a name that no segment can have is not counted to the end of time', async () => {
    const root = await withWal('0000000100000000FFFFFFFF');
    const report = await latest(root);
    expect(report.failure).toMatchObject({ code: 'incomplete' });
  });
});

describe('timelines', () => {
  const history = (root: string, timeline: number, text: string) =>
    writeFileSync(path.join(root, ownFolder, `${segmentName(timeline, 0, megabyte).slice(0, 8)}.history`), text);

  test('are followed from where each one left its parent', async () => {
    const root = await withWal(
      '000000010000000000000005',
      '000000010000000000000006',
      '000000020000000000000005',
      '000000020000000000000006',
      '000000030000000000000006',
      '000000030000000000000007',
    );
    history(root, 2, '1\t0/580000\tno recovery target specified\n');
    history(
      root,
      3,
      '# made by hand\n\n1\t0/580000\tno recovery target specified\n2\t0/600000\tat restore point "x"\n',
    );
    const report = await latest(root);
    expect(report.failure).toBeNull();
    expect(report.backup?.wal).toMatchObject({
      timeline: 3,
      switches: [
        { timeline: 1, to: '0/580000' },
        { timeline: 2, to: '0/600000' },
      ],
      newest: '000000030000000000000007',
      segments: 6,
      gaps: [],
    });
  });

  test('that left before the end of the backup cannot be reached, and the report says so', async () => {
    const root = await withWal('000000010000000000000005', '000000020000000000000003', '000000020000000000000009');
    history(root, 2, '1\t0/300100\tno recovery target specified\n');
    const report = await latest(root);
    expect(report.failure).toBeNull();
    expect(report.backup?.wal).toMatchObject({ timeline: 1, newest: '000000010000000000000005' });
    expect(report.notes.join()).toContain('timeline 2 cannot be reached on that way');
  });

  test('without a history file are missing something', async () => {
    const root = await withWal('000000010000000000000005', '000000020000000000000006');
    const report = await latest(root);
    expect(report.failure).toMatchObject({
      code: 'incomplete',
      path: `${ownFolder}/00000002.history`,
      message: expect.stringContaining('its history 00000002.history is missing'),
    });
  });

  test.each([
    ['binary', '\u0000\u0001'],
    ['words', 'not\ta history\n'],
    ['a later parent', '5\t0/580000\tx\n'],
    ['a parent twice', '1\t0/580000\tx\n1\t0/590000\tx\n'],
    ['a position that is none', '1\t0/XYZ\tx\n'],
  ])('with a history of %s are damaged', async (_, text) => {
    const root = await withWal('000000010000000000000005');
    history(root, 2, text);
    const report = await latest(root);
    expect(report.failure).toMatchObject({ code: 'damaged', stage: 'wal', path: `${ownFolder}/00000002.history` });
    const all = await testRestore(root, { keys: [], backup: 'all' });
    expect(all.at(-1)?.failure).toMatchObject({ code: 'damaged', path: `${ownFolder}/00000002.history` });
  });

  test('names and numbers of segments go both ways, for every size', () => {
    for (const bytes of [2 ** 20, 2 ** 24, 2 ** 26, 2 ** 30]) {
      for (const number of [0, 1, 255, 256, 4095, 4096, 70_000]) {
        const name = segmentName(7, number, bytes);
        expect(name).toMatch(/^00000007[0-9A-F]{16}$/);
        expect(numberOf(name, bytes)).toBe(number);
      }
    }
    expect(segmentName(1, 256, 2 ** 24)).toBe('000000010000000100000000');
  });

  test('a segment is looked for on the child first, and on the parent as far as it was left', () => {
    const way = readTimelineHistory(3, '1\t0/3100000\tx\n2\t0/5000000\tx\n');
    const on = (number: number) => timelinesOf(number, way, 2 ** 24);
    expect([2, 3, 4, 5, 6].map(on)).toEqual([[1], [2, 1], [2], [3, 2], [3]]);
    expect(reachable({ timeline: 2, end: 0x5000001n }, [way]).at(-1)?.timeline).toBe(2);
    expect(reachable({ timeline: 2, end: 0x5000000n }, [way]).at(-1)?.timeline).toBe(3);
  });
});

test('what is no WAL has no commit times, whatever its bytes are', () => {
  let state = 99;
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.alloc(8192 * 8);
    for (let index = 0; index < bytes.length; index += 4) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      bytes.writeUInt32LE(round % 2 === 0 ? state : state & 0xff, index);
    }
    expect(() => commitTimes(bytes)).not.toThrow();
  }
  expect(commitTimes(Buffer.alloc(megabyte))).toBeUndefined();
  expect(commitTimes(Buffer.alloc(0))).toBeUndefined();
});

describe('archive-get', () => {
  const get = (root: string, file: string, target: string, more: Partial<ArchiveGetJob> = {}) =>
    archiveGet({ kind: 'archive-get', archive: root, keys: [passOffer()], file, target, ...more }, quietContext());

  test.each([
    { isEncrypted: true, compression: 'gz' },
    { isEncrypted: false, compression: 'none' },
  ] as const)('gives a segment as it was: encrypted $isEncrypted', async (options) => {
    const root = await buildRepository(options);
    const target = path.join(temporaryFolder(), 'RECOVERYXLOG');
    writeFileSync(target, 'what was there before');
    expect(await get(root, stop, target)).toEqual({ isServed: true, bytes: megabyte });
    expect(readFileSync(target).equals(segment(stop))).toBe(true);
    expect(readdirSync(path.dirname(target))).toEqual(['RECOVERYXLOG']);
  });

  test('says of what the archive has not that it has not, and leaves the target alone', async () => {
    const root = await buildRepository();
    const target = path.join(temporaryFolder(), 'target');
    for (const file of ['000000010000000000000099', '00000002.history', `${stop}.partial`, `${stop}.00000028.backup`]) {
      expect(await get(root, file, target)).toEqual({ isServed: false, bytes: 0 });
    }
    expect(existsSync(target)).toBe(false);
  });

  test('gives histories, marks and partial segments', async () => {
    const root = await withWal();
    const folder = temporaryFolder();
    writeFileSync(path.join(root, ownFolder, '00000002.history'), '1\t0/580000\tx\n');
    writeFileSync(path.join(root, ownFolder, stop.slice(0, 16), `${stop}.00000028.backup`), 'a mark\n');
    const partial = segment(stop, { text: 'partial' });
    writeFileSync(path.join(root, ownFolder, stop.slice(0, 16), `${stop}.partial-${sha1(partial)}`), partial);
    for (const [file, contents] of [
      ['00000002.history', '1\t0/580000\tx\n'],
      [`${stop}.00000028.backup`, 'a mark\n'],
      [`${stop}.partial`, partial.toString('latin1')],
    ] as const) {
      expect(await get(root, file, path.join(folder, 'it'), { keys: [] })).toMatchObject({ isServed: true });
      expect(readFileSync(path.join(folder, 'it'), 'latin1')).toBe(contents);
    }
    // A partial segment is never given for the whole one.
    const [whole = ''] = objectsOf(root).filter((it) => it.includes(`${stop}-`));
    rmSync(path.join(root, whole));
    expect(await get(root, stop, path.join(folder, 'other'), { keys: [] })).toMatchObject({ isServed: false });
  });

  test('never gives what does not match its checksum, and leaves nothing', async () => {
    // Behind a changed block of the cipher, gzip may see whatever it likes; without it, the checksum is what tells.
    const root = await buildRepository({ compression: 'none' });
    const folder = temporaryFolder();
    const [file = ''] = objectsOf(root).filter((it) => it.includes(`${stop}-`));
    flip(path.join(root, file));
    await expectFailure('damaged', get(root, stop, path.join(folder, 'target')));
    expect(readdirSync(folder)).toEqual([]);
    await expectFailure('wrong-key', get(root, stop, path.join(folder, 'target'), { keys: [passOffer('no')] }));
    await expectFailure('usage', get(root, '../archive.info', path.join(folder, 'target')));
    await expectFailure('usage', get(folder, stop, path.join(folder, 'target')));
    await expectFailure('io', get(root, '000000010000000000000003', path.join(folder, 'no/such/folder')));
  });

  test('takes the WAL of the cluster that asks, where several archived into the stanza', async () => {
    const other = 4_242n;
    const root = await buildRepository({
      isEncrypted: false,
      compression: 'none',
      archiveInfo: (sections) => {
        sections.db = { 'db-id': 2, 'db-system-id': other, 'db-version': '16' };
        sections['db:history'] = {
          1: { 'db-id': systemId, 'db-version': '15' },
          2: { 'db-id': other, 'db-version': '16' },
        };
      },
    });
    const newer = segment(stop, { owner: other });
    store(root, stop, newer, { folder: 'archive/demo/16-2' });
    const data = temporaryFolder();
    const target = path.join(data, 'pg_wal/RECOVERYXLOG');
    mkdirSync(path.dirname(target));
    await expectFailure('usage', get(root, stop, target, { keys: [] }));

    mkdirSync(path.join(data, 'global'));
    const control = controlFile();
    writeFileSync(path.join(data, 'global/pg_control'), control);
    await get(root, stop, target, { keys: [] });
    expect(readFileSync(target).equals(segment(stop))).toBe(true);

    control.writeBigUInt64LE(other, 0);
    writeFileSync(path.join(data, 'global/pg_control'), control);
    await get(root, stop, target, { keys: [] });
    expect(readFileSync(target).equals(newer)).toBe(true);
    expect(await get(root, '000000010000000000000003', target, { keys: [] })).toMatchObject({ isServed: false });

    control.writeBigUInt64LE(1n, 0);
    writeFileSync(path.join(data, 'global/pg_control'), control);
    await expectFailure('usage', get(root, stop, target, { keys: [] }));
  });

  test('needs archive/ alone', async () => {
    const root = await buildRepository();
    const away = path.join(root, 'elsewhere');
    renameSync(path.join(root, 'backup'), away);
    const target = path.join(temporaryFolder(), 'target');
    expect(await get(root, stop, target)).toMatchObject({ isServed: true });
  });
});

function flip(file: string): void {
  const bytes = readFileSync(file);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}
