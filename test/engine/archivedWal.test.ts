/** The records of archived WAL: what PostgreSQL could not replay is found in both kinds of archive, and nothing else is. */

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { lsnText, segmentBegin, segmentName } from '../../engine/src/contents/walRecords.ts';
import type { TestRestoreJob } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { WalWriter } from './contents/walWriter.ts';
import * as pgbackrest from './pgbackrestRepository.ts';
import * as walg from './walgBucket.ts';
import { wholeSegment } from './walSegments.ts';

const segmentBytes = 2 ** 20;
const pageBytes = 8192;

interface Story {
  segments: Record<string, Buffer>;
  /** Where the backup began and ended, and where the WAL ends. */
  start: bigint;
  stop: bigint;
  end: bigint;
  /** Places of records: one that is larger than a segment, one of the backup's, one behind it. */
  large: bigint;
  small: bigint;
  behind: bigint;
  /** The record that goes on in the page of the small one. */
  beforePage: bigint;
  /** From the start on. */
  records: number;
}

type Build = (segments: Record<string, Uint8Array>, story: Story, label?: string) => Promise<Archive>;

interface Archive {
  test: (job?: Partial<TestRestoreJob>) => Promise<Report[]>;
}

const fromPrimary = 'BACKUP FROM: primary\n';

const ofPgbackrest: Build = async (segments, { start, stop }, label = fromPrimary) => {
  const root = await pgbackrest.buildRepository({ wal: { segments, start, stop, label } });
  return { test: (job) => pgbackrest.testRestore(root, job) };
};

const ofWalg: Build = async (wal, { start, stop }, label = fromPrimary) => {
  const usual = walg.fullBackup();
  const first = segmentName(start, { timeline: 1, segmentBytes });
  const backup = {
    ...usual,
    tars: {
      ...usual.tars,
      backup_label: [
        { name: 'tablespace_map', contents: '' },
        { name: 'backup_label', contents: `START WAL LOCATION: ${lsnText(start)} (file ${first})\n${label}` },
      ],
    },
    sentinel: { LSN: start, FinishLSN: stop },
  };
  const bucket = await walg.buildBucket({ wal, backups: [backup], isEncrypted: true });
  return { test: (job) => walg.testRestore(bucket, { keys: [walg.sodiumOffer()], ...job }) };
};

describe.each([
  ['pgBackRest', ofPgbackrest],
  ['WAL-G', ofWalg],
] as const)('the records in the WAL of %s', (_, build) => {
  const one = async (archive: Archive, job: Partial<TestRestoreJob> = {}): Promise<Report> => {
    const [report] = await archive.test(job);
    if (!report) throw new Error('there is no report');
    return report;
  };
  const changed = async (change: (story: Story) => void, job: Partial<TestRestoreJob> = {}, label?: string) => {
    const story = write();
    change(story);
    return { story, report: await one(await build(story.segments, story, label), job) };
  };

  test.each(['stop', 'latest'] as const)('are walked from the start of the backup, to the %s', async (until) => {
    const { story, report } = await changed(() => undefined, until === 'latest' ? { wal: until } : {});
    expect(report.failure).toBeNull();
    expect(report.verdict).toMatchObject({ complete: true, restorable: true });
    const wal = report.backup?.wal as { records: number; recordsTo: string };
    if (until === 'latest') {
      expect(wal).toMatchObject({ records: story.records, recordsTo: lsnText(story.end) });
      expect(report.notes.join()).toContain(`The records of the WAL end at ${lsnText(story.end)}`);
    }
    expect(report.because.restorable).toContain(
      `${wal.records.toLocaleString('en')} records of WAL from ${lsnText(story.start)} to ${wal.recordsTo} are unchanged and in their order`,
    );
  });

  test.each<[string, (story: Story) => void, code: string, place: (story: Story) => bigint, message: string]>([
    [
      'a flipped bit',
      ({ segments, small }) => flip(segments, small + 30n),
      'damaged',
      (it) => it.small,
      'the CRC that',
    ],
    [
      'a flipped bit in a record that goes on in other segments',
      ({ segments, large }) => flip(segments, large + BigInt(segmentBytes)),
      'damaged',
      (it) => it.large,
      'does not have the CRC that it records; it goes on to segment',
    ],
    [
      'a page of zeros in the middle',
      ({ segments, small }) => fill(segments, pageOf(small), pageBytes, 0),
      'damaged',
      (it) => it.beforePage,
      'is empty, although more WAL follows it',
    ],
    [
      'a page of zeros inside of a record',
      ({ segments, large }) => fill(segments, pageOf(large + 300_000n), pageBytes, 0),
      'damaged',
      (it) => it.large,
      'is empty, although more WAL follows it',
    ],
    [
      'zeros up to the end',
      ({ segments, small }) => {
        fill(segments, small, segmentBytes - Number(small % BigInt(segmentBytes)), 0);
        for (const it of Object.keys(segments)) if (segmentBegin(it, segmentBytes) > small) delete segments[it];
      },
      'incomplete',
      (it) => it.small,
      'is empty: the WAL ends before it',
    ],
    [
      'a segment of the right name with other contents of the same cluster',
      ({ segments, large }) => {
        const name = nameOf(large + BigInt(2 * segmentBytes));
        segments[name] = wholeSegment(name, { systemId: walg.systemId });
      },
      'damaged',
      (it) => it.large,
      'is not finished in the segment behind it',
    ],
    [
      'the page of another place',
      ({ segments, small }) => {
        const from = segments[nameOf(small)] as Buffer;
        from.copy(from, Number(pageOf(small) % BigInt(segmentBytes)), 2 * pageBytes, 3 * pageBytes);
      },
      'damaged',
      (it) => it.beforePage,
      'was written for',
    ],
  ])('%s is found at its place', async (_, change, code, place, message) => {
    const { story, report } = await changed(change);
    const at = place(story);
    expect(report.failure).toMatchObject({ code, stage: 'wal', message: expect.stringContaining(message) });
    expect(report.failure?.message).toContain(`WAL segment ${nameOf(at)}, byte ${at % BigInt(segmentBytes)}: `);
    expect(report.failure?.message).toContain(`the backup needs the WAL up to ${lsnText(story.stop)}`);
    expect(report.failure?.path).toContain(nameOf(at));
    expect(report.failure?.hint).toMatch(/copy/);
    expect(report.verdict).toMatchObject({ decrypted: true, complete: false, restorable: false });
    expect(report.because.complete).toContain(nameOf(at));
  });

  test('a segment of another place, cluster or version under the right name is refused', async () => {
    const place = await changed(({ segments, large }) => {
      const [name, other] = [nameOf(large + BigInt(segmentBytes)), nameOf(large)];
      segments[name] = segments[other] as Buffer;
    });
    expect(place.report.failure).toMatchObject({
      code: 'damaged',
      message: expect.stringMatching(/not the one|does not match|not for/),
    });
    const cluster = await changed(({ segments, large }) => {
      segments[nameOf(large + BigInt(segmentBytes))]?.writeBigUInt64LE(4242n, 24);
    });
    expect(cluster.report.failure).toMatchObject({ message: expect.stringContaining('is of another cluster') });
    const version = await changed(({ segments }) => number(segments, 0xd116));
    expect(version.report.failure).toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('is of PostgreSQL 17, the backup of 15'),
    });
    for (const { report } of [place, cluster, version]) expect(report.verdict.restorable).toBe(false);
  });

  test('of a version that is not known are not read, and the report says so and claims nothing of them', async () => {
    const { report } = await changed(({ segments }) => number(segments, 0xd199));
    expect(report.failure).toBeNull();
    expect(report.notes.join()).toMatch(/The records in the WAL were not read: .*D199; known are 9\.5 to 18/);
    expect(report.because.restorable).not.toContain('records of WAL');
    expect(report.backup?.wal).toMatchObject({ records: null, recordsTo: null });
  });

  test.each<[string, (story: Story) => void]>([
    ['zeros', ({ segments, behind }) => fill(segments, behind, rest(behind), 0)],
    ['whatever the file held before', ({ segments, behind }) => recycle(segments, behind)],
    ['a record that was not finished', ({ segments, behind }) => fill(segments, behind + 40n, rest(behind) - 40, 0)],
  ])('may end in %s behind the end of the backup', async (_, change) => {
    for (const wal of ['stop', 'latest'] as const) {
      const { report, story } = await changed(
        (it) => {
          change(it);
          for (const name of Object.keys(it.segments)) if (name > nameOf(it.behind)) delete it.segments[name];
        },
        wal === 'latest' ? { wal } : {},
      );
      expect(report.failure).toBeNull();
      expect(report.verdict).toMatchObject({ complete: true, restorable: true });
      if (wal === 'latest') expect(report.notes.join()).toContain(`end at ${lsnText(story.behind)}`);
    }
  });

  test('may be damaged behind the end of the backup unless all of it is asked for', async () => {
    const change = ({ segments, behind }: Story) => flip(segments, behind + 25n);
    const stop = await changed(change);
    expect(stop.report.failure).toBeNull();
    const latest = await changed(change, { wal: 'latest' });
    expect(latest.report.failure).toMatchObject({
      code: 'damaged',
      message: expect.stringMatching(/does not have the CRC that it records; recovery ends there/),
    });
    expect(latest.report.verdict).toMatchObject({ complete: false, restorable: false });
    const story = write();
    change(story);
    const reports = await (await build(story.segments, story)).test({ backup: 'all' });
    expect(reports[0]?.failure).toBeNull();
    expect(reports.at(-1)).toMatchObject({
      backup: null,
      failure: { code: 'damaged', message: expect.stringContaining(nameOf(story.behind)) },
      verdict: { complete: false, restorable: false },
    });
  });

  test('are counted where everything is tested', async () => {
    const story = write();
    const reports = await (await build(story.segments, story)).test({ backup: 'all' });
    expect(reports.map((it) => it.failure)).toEqual([null, null]);
    expect(reports.at(-1)?.because.restorable).toMatch(/\d records of WAL are unchanged and in their order/);
  });

  test('must tell that the backup ended, where it is of a primary', async () => {
    const story = write({ hasEnd: false });
    const none = await one(await build(story.segments, story));
    expect(none.failure).toMatchObject({
      code: 'incomplete',
      stage: 'wal',
      message: expect.stringContaining('has no record of the end of this backup'),
    });
    expect((await one(await build(story.segments, story, 'BACKUP FROM: standby\n'))).failure).toBeNull();
  });

  test('of a timeline that began where the backup ended are read instead of those that it left', async () => {
    const story = write();
    const left = write({ timeline: 2, hasSwitch: false });
    const segments: Record<string, Uint8Array> = { ...story.segments };
    for (const [name, contents] of Object.entries(left.segments)) {
      // The one in which the backup ended is there twice, with the same records up to its end.
      if (name.slice(8) >= nameOf(story.stop).slice(8)) segments[name] = contents;
    }
    for (const name of Object.keys(segments)) if (name > nameOf(story.stop) && name < '00000002') delete segments[name];
    const archive = await build(segments, story);
    // The history is stored as text is.
    const withHistory = await addHistory(build, segments, story);
    expect((await one(archive)).failure).toBeNull();
    const report = await one(withHistory, { wal: 'latest' });
    expect(report.failure).toBeNull();
    expect(report.backup?.wal).toMatchObject({ timeline: 2, records: left.records, recordsTo: lsnText(left.end) });
  });
});

/** Records before, in and behind a backup, over segments from the fourth on. Whoever changes one has a copy. */
function write(kind: { hasEnd?: boolean; hasSwitch?: boolean; timeline?: number } = {}): Story {
  const name = JSON.stringify(kind);
  const story = stories.get(name) ?? tell(kind);
  stories.set(name, story);
  const copies = Object.entries(story.segments).map(([segment, bytes]) => [segment, Buffer.from(bytes)]);
  return { ...story, segments: Object.fromEntries(copies) };
}

const stories = new Map<string, Story>();

function tell({ hasEnd = true, hasSwitch = true, timeline = 1 }): Story {
  const writer = new WalWriter({ segments: 7, segmentBytes, pageBytes, timeline });
  let records = 0;
  const places: bigint[] = [];
  const add = (length: number, kind?: { info: number; manager: number }, bytes = data(length)): bigint => {
    const before = writer.place;
    writer.record(bytes, kind);
    records++;
    // At the start of a page, the record lies behind its header.
    const place =
      before % BigInt(pageBytes) === 0n ? before + (before % BigInt(segmentBytes) === 0n ? 40n : 24n) : before;
    places.push(place);
    return place;
  };
  for (let count = 0; count < 40; count++) add(count * 37);
  records = 0;
  const start = add(106, { info: 0x10, manager: 0 });
  for (let count = 0; count < 300; count++) add((count * 91) % 1500);
  const large = add(2_400_000);
  for (let count = 0; count < 100; count++) add((count * 53) % 700);
  const small = add(64);
  const beforePage = places.filter((it) => it < pageOf(small)).at(-1) ?? 0n;
  for (let count = 0; count < 60; count++) add(500);
  const end = Buffer.from([0xff, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  end.writeBigUInt64LE(start, 2);
  if (hasEnd) add(end.length, { info: 0x50, manager: 0 }, end);
  const stop = writer.place;
  if (hasSwitch) {
    writer.switch();
    records++;
  }
  for (let count = 0; count < 900; count++) add((count * 91) % 1500);
  const behind = add(200);
  for (let count = 0; count < 900; count++) add((count * 91) % 1500);
  const segments: Record<string, Buffer> = {};
  for (let at = 0; at < Number(writer.place - writer.start); at += segmentBytes) {
    const segment = segmentName(writer.start + BigInt(at), { timeline, segmentBytes });
    segments[segment] = Buffer.from(writer.bytes.subarray(at, at + segmentBytes));
  }
  return { segments, start, stop, end: writer.place, large, small, behind, beforePage, records };
}

async function addHistory(build: Build, segments: Record<string, Uint8Array>, story: Story): Promise<Archive> {
  const history = Buffer.from(`1\t${lsnText(story.stop)}\tno recovery target specified\n`);
  if (build === ofWalg) return build({ ...segments, '00000002.history': history }, story);
  const { start, stop } = story;
  const wal = { segments, start, stop, label: fromPrimary, histories: { '00000002.history': history } };
  const root = await pgbackrest.buildRepository({ wal });
  expect(readdirSync(path.join(root, 'archive/demo/15-1'))).toContain('00000002.history');
  return { test: (job) => pgbackrest.testRestore(root, job) };
}

function nameOf(place: bigint): string {
  return segmentName(place, { timeline: 1, segmentBytes });
}

function pageOf(place: bigint): bigint {
  return place - (place % BigInt(pageBytes));
}

/** Bytes up to the end of the segment. */
function rest(place: bigint): number {
  return segmentBytes - Number(place % BigInt(segmentBytes));
}

function flip(segments: Record<string, Buffer>, place: bigint): void {
  const bytes = segments[nameOf(place)] as Buffer;
  const at = Number(place % BigInt(segmentBytes));
  bytes[at] = (bytes[at] ?? 0) ^ 4;
}

function fill(segments: Record<string, Buffer>, place: bigint, length: number, value: number): void {
  const at = Number(place % BigInt(segmentBytes));
  segments[nameOf(place)]?.fill(value, at, at + length);
}

/** The rest of the file is WAL of its earlier life. */
function recycle(segments: Record<string, Buffer>, place: bigint): void {
  const bytes = segments[nameOf(place)] as Buffer;
  const at = Number(place % BigInt(segmentBytes));
  const old = wholeSegment('000000010000000000000001', { systemId: walg.systemId });
  for (let offset = 0; offset < segmentBytes; offset++) old[offset] = (old[offset] ?? 0) || offset % 251;
  for (let page = 0; page < segmentBytes; page += pageBytes)
    old.writeBigUInt64LE(BigInt(segmentBytes + page), page + 8);
  old.copy(bytes, at, at);
}

/** As pages of another version begin. */
function number(segments: Record<string, Buffer>, magic: number): void {
  for (const bytes of Object.values(segments))
    for (let at = 0; at < bytes.length; at += pageBytes)
      if (bytes.readUInt16LE(at) !== 0) bytes.writeUInt16LE(magic, at);
}

function data(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff));
}
