/** The WAL of a real PostgreSQL: ours and the real pg_waldump find the same of it right, and the same of it changed. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lsn } from '../../engine/src/contents/backupManifest.ts';
import { WalChain } from '../../engine/src/contents/walChain.ts';
import { lsnText, SegmentWalk, segmentName } from '../../engine/src/contents/walRecords.ts';
import type { Report } from '../../engine/src/report.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { PostgresServer } from './postgresServer.ts';

const programs = [process.env.PGBIN, '/usr/lib/postgresql/15/bin'].find(
  (it) => it && existsSync(path.join(it, 'pg_waldump')),
);
if (!programs && process.env.CI) throw new Error('PostgreSQL is needed in CI and is not there');

const segmentBytes = 1024 * 1024;
const pageBytes = 8192;

/** Records of many kinds and sizes, over several segments; one of them larger than a segment. */
const everything = `
  select 'start ' || pg_backup_start('records', true);
  create table kinds(id int primary key, words text, place point, many int[]);
  insert into kinds select i, md5(i::text), point(i, -i), array[i, i % 7] from generate_series(1, 4000) i;
  create index on kinds using gin (many);
  create index on kinds using gist (place);
  create index on kinds using brin (id);
  create index on kinds using hash (words);
  create index on kinds using spgist (words);
  update kinds set words = words || 'x' where id % 3 = 0;
  delete from kinds where id % 5 = 0;
  vacuum kinds;
  begin; select count(*) from (select 1 from kinds for share) it; savepoint s; select 1 from kinds for update limit 1; commit;
  create sequence steps; select nextval('steps');
  select pg_logical_emit_message(false, 'large', repeat('0123456789abcdef', 90000));
  select pg_switch_wal();
  begin; insert into kinds values (-1); rollback;
  create database other;
  checkpoint;
  truncate kinds;
  select pg_logical_emit_message(true, 'small', 'x');
  select 'stop ' || lsn from pg_backup_stop(false);
`;

describe.skipIf(!programs)('WAL of PostgreSQL', () => {
  let server: PostgresServer;
  let wal: string;
  let start: bigint;
  let stop: bigint;

  beforeAll(() => {
    const settings = ['wal_keep_size=100MB', 'autovacuum=off', 'checkpoint_timeout=1h', 'wal_level=logical'];
    server = new PostgresServer(() => programs ?? '', settings, ['--wal-segsize=1', '--data-checksums']);
    const file = server.at('everything.sql');
    writeFileSync(file, everything);
    const said = server.client('psql', '-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-f', file, 'shop').toString();
    start = lsn(/^start (\S+)$/m.exec(said)?.[1]);
    stop = lsn(/^stop (\S+)$/m.exec(said)?.[1]);
    wal = server.at('wal');
    mkdirSync(wal, { mode: 0o755 });
    for (const it of readdirSync(server.at('data/pg_wal'))) {
      if (/^[0-9A-F]{24}$/.test(it)) writeFileSync(path.join(wal, it), readFileSync(server.at('data/pg_wal', it)));
    }
  });

  afterAll(() => server?.remove());

  test('is walked from the start of a backup to its end, over records larger than a segment', () => {
    const walked = walk();
    expect(walked.reached).toBeGreaterThanOrEqual(stop);
    expect(stop - start).toBeGreaterThan(BigInt(3 * segmentBytes));
    const records = dumped(wal).records;
    expect(records.length).toBeGreaterThan(1000);
    expect(walked.records).toBeGreaterThanOrEqual(records.length);
  });

  test('a changed byte is found in the records of every resource manager, where pg_waldump finds it', () => {
    const first = new Map<string, bigint>();
    for (const { manager, place } of dumped(wal).records) if (!first.has(manager)) first.set(manager, place);
    expect(first.size).toBeGreaterThan(12);
    for (const [manager, place] of first) {
      // The link to the record before, and its CRC.
      for (const byte of [9n, 21n]) {
        const isFound = compare(place + byte);
        expect(isFound, `${manager} at ${lsnText(place)}, byte ${byte}`).toBe(true);
      }
    }
  });

  test('at any byte, ours and pg_waldump agree whether it matters', () => {
    const numbers = seeded(20261122);
    let found = 0;
    for (let count = 0; count < 24; count++) {
      const place = start + BigInt(Math.floor(numbers() * Number(stop - start)));
      if (compare(place, 1 << Math.floor(numbers() * 8))) found++;
    }
    expect(found).toBeGreaterThan(10);
    // Headers of pages, and both sides of the borders of pages and segments.
    for (let border = start + 8192n - (start % 8192n); border < start + 3n * 8192n; border += 8192n) {
      for (const byte of [-1n, 3n, 9n, 17n, 25n]) compare(border + byte);
    }
    for (let border = start + BigInt(segmentBytes); border < stop; border += BigInt(segmentBytes)) {
      const edge = border - (border % BigInt(segmentBytes));
      for (const byte of [-1n, 17n, 41n]) compare(edge + byte);
    }
  });

  test.each([
    ['in a folder', ['-Fp']],
    ['in tars', ['-Ft']],
    ['in tars, fetched at the end', ['-Ft', '-X', 'fetch', '-z']],
  ])('of a backup %s is proven, and a change in it is damage at its place', async (_, options) => {
    const name = `backup-${options.join('')}`;
    const backup = server.basebackup(name, ...options);
    const report = await testRestore(backup);
    expect(report).toMatchObject({ failure: null, verdict: { complete: true, restorable: true } });
    expect(report.because.restorable).toMatch(/\d records? unchanged and in their order/);
    if (!options.includes('-Fp')) return;
    const { first, end } = rangeOf(path.join(backup, 'backup_manifest'));
    const segment = segmentName(first, { timeline: 1, segmentBytes });
    const file = path.join(backup, 'pg_wal', segment);
    const before = readFileSync(file);
    const offset = Number(first % BigInt(segmentBytes));
    for (const byte of [offset, offset + 12, offset + 20, offset + 24]) {
      const changed = Buffer.from(before);
      changed[byte] = (changed[byte] ?? 0) ^ 0x20;
      writeFileSync(file, changed);
      const { failure, verdict } = await testRestore(backup);
      expect(failure).toMatchObject({ code: 'damaged', path: `pg_wal/${segment}`, offset });
      expect(failure?.message).toContain(`up to ${lsnText(end)}`);
      expect(verdict.restorable).toBe(false);
      expect(() => server.run('pg_verifybackup', backup)).toThrow();
    }
    // As a segment that was made and never filled.
    writeFileSync(file, Buffer.concat([before.subarray(0, offset), Buffer.alloc(segmentBytes - offset)]));
    expect((await testRestore(backup)).failure).toMatchObject({ code: 'incomplete', offset });
    expect(() => server.run('pg_verifybackup', backup)).toThrow();
    writeFileSync(file, before);
    expect((await testRestore(backup)).failure).toBeNull();
    server.run('pg_verifybackup', backup);
  });

  test('in one stream with its manifest at the end is walked from where the label says', async () => {
    const bytes = server.client('pg_basebackup', '-c', 'fast', '-Ft', '-X', 'fetch', '-D', '-');
    const file = server.at('stream.tar');
    writeFileSync(file, bytes);
    const whole = await testRestore(file);
    expect(whole).toMatchObject({ failure: null, verdict: { restorable: true } });
    const { first } = rangeOf(file);
    const segment = segmentName(first, { timeline: 1, segmentBytes });
    const member = bytes.lastIndexOf(`pg_wal/${segment}\0`);
    const offset = Number(first % BigInt(segmentBytes));
    const place = member + 512 + offset + 24;
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect((await testRestore(file)).failure).toMatchObject({ code: 'damaged', path: `pg_wal/${segment}`, offset });
  });

  /** Changes a byte of the WAL for both; they must agree. Returns whether they found it. */
  function compare(place: bigint, bits = 0x04): boolean {
    const file = path.join(wal, segmentName(place, { timeline: 1, segmentBytes }));
    const before = readFileSync(file);
    const changed = Buffer.from(before);
    const offset = Number(place % BigInt(segmentBytes));
    changed[offset] = (changed[offset] ?? 0) ^ bits;
    writeFileSync(file, changed);
    try {
      const walked = walk();
      const isFound = walked.reached < stop;
      expect(isFound, `a change at ${lsnText(place)}: ${walked.stop?.message}`).toBe(dumped(wal).isBroken);
      return isFound;
    } finally {
      writeFileSync(file, before);
    }
  }

  function walk(): WalChain {
    const chain = new WalChain(start);
    for (let place = start; place < stop + BigInt(segmentBytes); place += BigInt(segmentBytes)) {
      const segment = segmentName(place, { timeline: 1, segmentBytes });
      if (!existsSync(path.join(wal, segment))) break;
      const from = place === start ? Number(start % BigInt(segmentBytes)) : undefined;
      const walked = new SegmentWalk(segment, { segmentBytes, pageBytes, from });
      walked.pages(readFileSync(path.join(wal, segment)));
      chain.add(walked.end());
    }
    return chain;
  }

  function dumped(folder: string): { isBroken: boolean; records: { manager: string; place: bigint }[] } {
    const options = ['-p', folder, '-s', lsnText(start), '-e', lsnText(stop)];
    try {
      const text = server.run('pg_waldump', ...options).toString();
      const lines = [...text.matchAll(/^rmgr: (\S+) .*?lsn: ([0-9A-F]+\/[0-9A-F]+),/gm)];
      return { isBroken: false, records: lines.map(([, manager = '', at]) => ({ manager, place: lsn(at) })) };
    } catch {
      return { isBroken: true, records: [] };
    }
  }

  function rangeOf(file: string): { first: bigint; end: bigint } {
    const text = readFileSync(file).toString('latin1');
    const [, first, end] = /"Start-LSN": "([^"]+)", "End-LSN": "([^"]+)"/.exec(text) ?? [];
    return { first: lsn(first), end: lsn(end) };
  }
});

async function testRestore(archive: string): Promise<Report> {
  const outcome = await runJob({ kind: 'test-restore', archive, keys: [] }, quietContext());
  if (!outcome.ok) throw new Error(outcome.failure.message);
  const [report] = outcome.value;
  if (!report) throw new Error('no report');
  return report;
}

/** Numbers from 0 to 1 that are the same every time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
