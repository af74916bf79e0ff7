/**
 * WAL that the real pgBackRest and WAL-G archived from PostgreSQL 15, 17 and 18: ours walks the very records that pg_waldump
 * finds, over timelines and segments of any size, and names what was changed in them.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { once } from '../../engine/src/bytes.ts';
import { lsn } from '../../engine/src/contents/backupManifest.ts';
import { segmentName } from '../../engine/src/contents/walRecords.ts';
import { decryptPgbackrest, encryptPgbackrest } from '../../engine/src/crypto/pgbackrest.ts';
import { encryptSodium } from '../../engine/src/crypto/sodium.ts';
import type { KeyOffer, TestRestoreJob } from '../../engine/src/job.ts';
import type { Report } from '../../engine/src/report.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { Secret } from '../../engine/src/secret.ts';
import { all } from '../engine/pieces.ts';
import { newerPackages, unpackNewer } from './newerPgbackrest.ts';
import { newerPostgres, unpackPostgres } from './newerPostgres.ts';
import { missingTools } from './pgbackrestCluster.ts';
import { PostgresServer } from './postgresServer.ts';
import { missingWalg, WalgCluster } from './walgCluster.ts';

const isRoot = process.getuid?.() === 0;
const pass = 'a pass of this test and no other';
const key = '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4';

interface Case {
  tool: 'pgBackRest' | 'WAL-G';
  major: '15' | '17' | '18';
  segmentMegabytes: number;
  /** How PostgreSQL compresses full-page images. */
  images: string;
  compression: string;
}

const cases: Case[] = [
  { tool: 'pgBackRest', major: '15', segmentMegabytes: 1, images: 'lz4', compression: 'zst' },
  { tool: 'pgBackRest', major: '15', segmentMegabytes: 64, images: 'pglz', compression: 'lz4' },
  { tool: 'pgBackRest', major: '17', segmentMegabytes: 1, images: 'zstd', compression: 'gz' },
  { tool: 'WAL-G', major: '15', segmentMegabytes: 1, images: 'off', compression: 'brotli' },
  { tool: 'WAL-G', major: '17', segmentMegabytes: 16, images: 'lz4', compression: 'lz4' },
  { tool: 'WAL-G', major: '18', segmentMegabytes: 64, images: 'zstd', compression: 'zstd' },
];

/** Records of many kinds and sizes, one of them larger than a small segment. */
const work = (table: string) => `
  checkpoint;
  create table ${table}(id int primary key, words text, many int[]);
  insert into ${table} select i, md5(i::text), array[i, i % 7] from generate_series(1, 3000) i;
  create index on ${table} using gin (many);
  checkpoint;
  update ${table} set words = words || 'x' where id % 3 = 0;
  delete from ${table} where id % 5 = 0;
  vacuum ${table};
  select pg_logical_emit_message(false, 'large', repeat('0123456789abcdef', 150000));
  select pg_switch_wal();
  begin; insert into ${table} values (-1); rollback;
  insert into ${table} select i, md5(i::text), array[i] from generate_series(4000, 5000) i;
`;

const named = cases.map(
  (it) => [`${it.tool}, PostgreSQL ${it.major}, segments of ${it.segmentMegabytes} MB`, it] as const,
);

describe.each(named)('%s', (_, spec) => {
  const why = missing(spec);

  describe.skipIf(why)(why ?? 'real', () => {
    const segmentBytes = spec.segmentMegabytes * 1024 * 1024;
    let archiving: Archiving;
    beforeAll(() => {
      archiving = spec.tool === 'WAL-G' ? new WithWalg(spec) : new WithPgbackrest(spec);
      archiving.server.sql(work('before'));
      archiving.backup();
      archiving.server.sql(work('after'));
      archiving.flush();
    });
    afterAll(() => archiving?.remove());

    test('is walked as pg_waldump does, to the stop of the backup and to the newest segment', async () => {
      for (const job of [{}, { wal: 'latest' }] as const) {
        const report = await archiving.test(job);
        expect(report.failure).toBeNull();
        expect(report.verdict).toMatchObject({ complete: true, restorable: true });
        const walked = walkedBy(report);
        expect(walked.records).toBe(dumped(walked, '00000001'));
        expect(report.because.restorable).toContain(`${walked.records.toLocaleString('en')} records of WAL from `);
      }
      const everything = await archiving.testAll();
      expect(everything.map((it) => it.failure)).toEqual(everything.map(() => null));
      expect(everything.at(-1)?.because.restorable).toMatch(/\d records of WAL are unchanged and in their order/);
    });

    test('is walked over the promotion of a server', async () => {
      archiving.promote();
      archiving.server.sql(work('promoted'));
      archiving.flush();
      const report = await archiving.test({ wal: 'latest' });
      expect(report.failure).toBeNull();
      expect(report.backup?.wal).toMatchObject({ timeline: 2 });
      const walked = walkedBy(report);
      expect(walked.records).toBe(dumped(walked, '00000002'));
      expect((await archiving.testAll()).map((it) => it.failure?.message ?? null)).toEqual([null, null]);
    });

    test.runIf(spec.tool === 'pgBackRest' && spec.segmentMegabytes === 1)(
      'is walked onto the timeline of a server that was restored to the very end of the backup',
      async () => {
        (archiving as WithPgbackrest).restoreImmediately();
        archiving.server.sql(work('restored'));
        archiving.flush();
        const report = await archiving.test({ wal: 'latest' });
        expect(report.failure).toBeNull();
        expect(report.backup?.wal).toMatchObject({ timeline: 3, switches: [{ timeline: 1 }] });
        const walked = walkedBy(report);
        expect(walked.records).toBe(dumped(walked, '00000003'));
        expect((await archiving.testAll()).map((it) => it.failure?.message ?? null)).toEqual([null, null]);
      },
    );

    test('a record that was changed is found, compressed and encrypted anew', async () => {
      const { start, stop } = archiving.range(await archiving.test());
      const segment = segmentName(start, { timeline: 1, segmentBytes });
      const offset = Number(start % BigInt(segmentBytes));
      const original = archiving.raw(segment);
      const changes: [string, string, (bytes: Buffer) => void][] = [
        ['damaged', 'does not have the CRC that it records', (it) => flip(it, offset + 20)],
        ['damaged', 'which is not the one before it', (it) => it.writeBigUInt64LE(start + 8n, offset + 8)],
        ['damaged', 'is of another cluster', (it) => it.writeBigUInt64LE(4242n, 24)],
        ['damaged', 'length that no record has', (it) => it.writeUInt32LE(7, offset)],
      ];
      for (const [code, message, change] of changes) {
        const bytes = Buffer.from(original);
        change(bytes);
        await archiving.replace(segment, bytes);
        const report = await archiving.test();
        // The first record has nothing before it that it could be held against.
        const isLinked = !message.includes('before');
        if (isLinked)
          expect(report.failure).toMatchObject({ code, stage: 'wal', message: expect.stringContaining(message) });
        expect(report.failure?.message).toContain(segment);
        expect(report.verdict.restorable).toBe(false);
      }
      const zeros = Buffer.from(original);
      zeros.fill(0, offset, Math.min(offset + 8192 - (offset % 8192), segmentBytes));
      await archiving.replace(segment, zeros);
      const report = await archiving.test();
      expect(report.failure?.message).toContain(`WAL segment ${segment}, byte ${offset}: is empty`);
      expect(report.failure?.message).toContain('the backup needs the WAL up to ');
      expect(report.verdict).toMatchObject({ decrypted: true, complete: false, restorable: false });
      // Behind the stop of the backup, anything may be.
      const last = segmentName(stop - 1n, { timeline: 1, segmentBytes });
      await archiving.replace(segment, original);
      const cut = archiving.raw(last);
      const end = Number(stop % BigInt(segmentBytes)) || segmentBytes;
      for (let at = end; at < segmentBytes; at++) cut[at] = at % 251;
      await archiving.replace(last, cut);
      expect((await archiving.test()).failure).toBeNull();
      await archiving.replace(last, archiving.raw(last));
      expect((await archiving.test()).failure).toBeNull();
    });

    function dumped({ from, to }: Walked, timeline: string): number {
      // pg_waldump reads one timeline: the segments of the earlier one, as far as no later one has them, go by its name.
      const folder = archiving.server.at(`dumped-${timeline}`);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { mode: 0o755 });
      for (const it of readdirSync(archiving.server.at('raw')).sort()) {
        if (/^[0-9A-F]{24}$/.test(it) && it.slice(0, 8) <= timeline)
          cpSync(archiving.server.at('raw', it), path.join(folder, timeline + it.slice(8)));
      }
      if (isRoot) execFileSync('chown', ['-R', 'postgres:', folder]);
      const options = ['-z', '-p', folder, '-t', String(Number.parseInt(timeline, 16)), '-s', from, '-e', to];
      const text = archiving.server.run('pg_waldump', ...options).toString();
      return Number(/^Total\s+(\d+)/m.exec(text)?.[1]);
    }
  });
});

interface Walked {
  records: number;
  from: string;
  to: string;
}

function walkedBy(report: Report): Walked {
  const { records, recordsTo } = (report.backup?.wal ?? {}) as { records: number; recordsTo: string };
  const [, from = ''] = /records of WAL from (\S+) to/.exec(report.because.restorable) ?? [];
  return { records, from, to: recordsTo };
}

/** A server whose WAL goes into an archive, and as it is into a folder beside it. */
abstract class Archiving {
  abstract readonly server: PostgresServer;
  abstract readonly keys: KeyOffer[];
  abstract readonly archive: string;
  abstract backup(): void;
  /** Puts other contents in the place of a segment, stored as it was. */
  abstract replace(segment: string, contents: Buffer): Promise<void>;

  async test(job: Partial<TestRestoreJob> = {}): Promise<Report> {
    const [report] = await this.#run(job);
    if (!report) throw new Error('there is no report');
    return report;
  }

  testAll(): Promise<Report[]> {
    return this.#run({ backup: 'all' });
  }

  async #run(job: Partial<TestRestoreJob>): Promise<Report[]> {
    // A job wipes the keys it was given.
    const keys = this.keys.map((it) => ({ ...it, bytes: Uint8Array.from(it.bytes) }));
    const outcome = await runJob({ kind: 'test-restore', archive: this.archive, keys, ...job }, quietContext());
    if (!outcome.ok) throw new Error(outcome.failure.message);
    return outcome.value as Report[];
  }

  range(report: Report): { start: bigint; stop: bigint } {
    const { from } = walkedBy(report);
    const backup = report.backup as { finishLsn?: string };
    return { start: lsn(from), stop: backup.finishLsn === undefined ? this.stop() : lsn(backup.finishLsn) };
  }

  /** Where the backup ended, as the mark says that PostgreSQL archives. */
  stop(): bigint {
    const [mark = ''] = readdirSync(this.server.at('raw')).filter((it) => it.endsWith('.backup'));
    return lsn(/^STOP WAL LOCATION: (\S+)/m.exec(readFileSync(this.server.at('raw', mark), 'utf8'))?.[1]);
  }

  raw(segment: string): Buffer {
    return readFileSync(this.server.at('raw', segment));
  }

  /** Waits until everything up to now is in the archive. */
  flush(): void {
    const last = this.ask('select pg_walfile_name(pg_switch_wal())');
    const deadline = Date.now() + 120_000;
    while (
      !existsSync(this.server.at('raw', last)) ||
      this.ask('select last_archived_wal from pg_stat_archiver') < last
    ) {
      if (Date.now() > deadline) throw new Error(`WAL segment ${last} was not archived`);
      this.ask('select pg_sleep(0.1)');
    }
  }

  ask(text: string): string {
    return this.server.client('psql', '-X', '-A', '-t', '-q', '-c', text, 'shop').toString().trim();
  }

  promote(): void {
    const { server } = this;
    server.run('pg_ctl', '-D', server.at('data'), '-s', '-m', 'fast', 'stop');
    writeFileSync(server.at('data/standby.signal'), '');
    if (isRoot) execFileSync('chown', ['postgres:', server.at('data/standby.signal')]);
    server.run('pg_ctl', '-D', server.at('data'), '-w', '-s', '-l', server.at('log'), 'start');
    server.run('pg_ctl', '-D', server.at('data'), '-w', '-s', 'promote');
  }

  remove(): void {
    this.server.remove();
  }
}

function serverOf({ major, segmentMegabytes, images }: Case, push: string): PostgresServer {
  const newer = major === '15' ? undefined : newerPostgres(major);
  const { files = [] } = (newer?.packages ?? {}) as { files?: string[] };
  const settings = [
    'archive_mode=on',
    `archive_command='mkdir -p ../raw && cp %p ../raw/%f && { test ! -e ../ready || ${push}; }'`,
    `wal_compression=${images}`,
    'wal_level=logical',
    'autovacuum=off',
    'max_wal_size=2GB',
    `min_wal_size=${2 * segmentMegabytes}MB`,
  ];
  const programs = (folder: string) =>
    newer
      ? unpackPostgres(newer, files, path.join(folder, 'debian'))
      : (process.env.PGBIN ?? '/usr/lib/postgresql/15/bin');
  return new PostgresServer(programs, settings, [`--wal-segsize=${segmentMegabytes}`, '--data-checksums']);
}

class WithPgbackrest extends Archiving {
  readonly server: PostgresServer;
  readonly archive: string;
  readonly keys: KeyOffer[] = [{ kind: 'pgbackrest-pass', source: 'the test', bytes: Buffer.from(pass) }];
  readonly #program: string;

  constructor(spec: Case) {
    super();
    // Relative to the data directory, where PostgreSQL calls it.
    this.server = serverOf(spec, 'sh ../pgbackrest.sh %p');
    const { server } = this;
    this.archive = server.at('repo');
    mkdirSync(server.at('debian-tool'), { mode: 0o755 });
    this.#program =
      spec.major === '15'
        ? 'pgbackrest'
        : unpackNewer((newerPackages as { files: string[] }).files, server.at('debian-tool'));
    writeFileSync(
      server.at('pgbackrest.sh'),
      `exec ${this.#program} --config=${server.at('pgbackrest.conf')} --stanza=demo archive-push "$1"\n`,
    );
    const folders = ['log-path', 'lock-path', 'spool-path'].map((it) => `${it}=${server.at(it)}`);
    const lines = [
      '[global]',
      `repo1-path=${this.archive}`,
      'repo1-retention-full=9',
      'repo1-cipher-type=aes-256-cbc',
      `repo1-cipher-pass=${pass}`,
      `compress-type=${spec.compression}`,
      ...folders,
      'log-level-console=error',
      'log-level-file=off',
      'start-fast=y',
      '[demo]',
      `pg1-path=${server.at('data')}`,
      `pg1-socket-path=${server.folder}`,
      'pg1-user=postgres',
      'pg1-database=shop',
      '',
    ];
    writeFileSync(server.at('pgbackrest.conf'), lines.join('\n'));
    chmodSync(server.at('pgbackrest.conf'), 0o644);
    this.#run('stanza-create');
    writeFileSync(server.at('ready'), '');
  }

  backup(): void {
    this.#run('backup');
  }

  /** A new timeline begins where the backup ended, in the middle of a segment. */
  restoreImmediately(): void {
    const { server } = this;
    server.run('pg_ctl', '-D', server.at('data'), '-s', '-m', 'fast', 'stop');
    rmSync(server.at('data'), { recursive: true });
    this.#run('restore', '--type=immediate', '--target-action=promote');
    server.run('pg_ctl', '-D', server.at('data'), '-w', '-s', '-l', server.at('log'), 'start');
    const deadline = Date.now() + 120_000;
    while (this.ask('select pg_is_in_recovery()') !== 'f') {
      if (Date.now() > deadline) throw new Error('the restored server was not promoted');
      this.ask('select pg_sleep(0.1)');
    }
  }

  async replace(segment: string, contents: Buffer): Promise<void> {
    const info = await all(
      decryptPgbackrest(
        once(readFileSync(path.join(this.archive, 'archive/demo/archive.info'))),
        Secret.fromText(pass),
      ),
    );
    const [, own = ''] = /^cipher-pass="(.*)"$/m.exec(Buffer.from(info).toString()) ?? [];
    const [id = ''] = readdirSync(path.join(this.archive, 'archive/demo')).filter((it) => /^\d+-1$/.test(it));
    const folder = path.join(this.archive, 'archive/demo', id, segment.slice(0, 16));
    for (const it of readdirSync(folder)) if (it.startsWith(`${segment}-`)) rmSync(path.join(folder, it));
    const sum = createHash('sha1').update(contents).digest('hex');
    const stored = await all(encryptPgbackrest(once(gzipSync(contents, { level: 1 })), Secret.fromText(own)));
    writeFileSync(path.join(folder, `${segment}-${sum}.gz`), stored);
  }

  #run(command: string, ...more: string[]): void {
    const options = [`--config=${this.server.at('pgbackrest.conf')}`, '--stanza=demo', command, ...more];
    const [program = '', ...rest] = isRoot
      ? ['runuser', '-u', 'postgres', '--', this.#program, ...options]
      : [this.#program, ...options];
    execFileSync(program, rest, { cwd: this.server.folder, stdio: 'pipe' });
  }
}

class WithWalg extends Archiving {
  readonly server: PostgresServer;
  readonly archive: string;
  readonly keys: KeyOffer[] = [{ kind: 'sodium', source: 'the test', bytes: Buffer.from(key), keyTransform: 'hex' }];
  readonly #cluster: WalgCluster;
  readonly #push: () => void;

  constructor(spec: Case) {
    super();
    this.#cluster = new WalgCluster();
    this.server = serverOf(spec, `sh ${this.#cluster.folder}/archive.sh %p`);
    const bucket = this.#cluster.bucket('wal', {
      PGHOST: this.server.folder,
      WALG_PG_WAL_SIZE: String(spec.segmentMegabytes),
      WALG_COMPRESSION_METHOD: spec.compression,
      WALG_LIBSODIUM_KEY: key,
      WALG_LIBSODIUM_KEY_TRANSFORM: 'hex',
    });
    this.archive = bucket.path;
    this.#push = () => void bucket.walg(['backup-push', this.server.at('data')]);
    writeFileSync(this.server.at('ready'), '');
  }

  backup(): void {
    this.#push();
  }

  async replace(segment: string, contents: Buffer): Promise<void> {
    const folder = path.join(this.archive, 'wal_005');
    for (const it of readdirSync(folder)) if (it.startsWith(`${segment}.`)) rmSync(path.join(folder, it));
    const stored = await all(
      encryptSodium(once(brotliCompressSync(contents, { params: { 1: 1 } })), Buffer.from(key, 'hex')),
    );
    writeFileSync(path.join(folder, `${segment}.br`), stored);
  }

  override remove(): void {
    super.remove();
    this.#cluster.remove();
  }
}

function missing({ tool, major }: Case): string | undefined {
  const newer = major === '15' ? undefined : newerPostgres(major);
  if (newer && 'missing' in newer.packages) return newer.packages.missing;
  if (tool === 'WAL-G') return missingWalg;
  if (major !== '15' && 'missing' in newerPackages) return newerPackages.missing;
  return missingTools;
}

function flip(bytes: Buffer, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
}
