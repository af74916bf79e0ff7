import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { once } from '../../engine/src/bytes.ts';
import { encryptPgbackrest } from '../../engine/src/crypto/pgbackrest.ts';
import { Secret } from '../../engine/src/secret.ts';
import { passOffer, testOne, testRestore } from '../engine/pgbackrestRepository.ts';
import { all } from '../engine/pieces.ts';
import { compareRestores } from './compareRestores.ts';
import { Cluster, missingTools, type RepositorySpec } from './pgbackrestCluster.ts';

const repositories: RepositorySpec[] = [
  { isEncrypted: true, isBundled: false },
  { isEncrypted: true, isBundled: true },
  { isEncrypted: false, isBundled: false },
  { isEncrypted: false, isBundled: true },
];

describe.skipIf(missingTools)(`repositories of the real pgbackrest${missingTools ? ` (${missingTools})` : ''}`, () => {
  let cluster: Cluster;
  beforeAll(() => {
    cluster = new Cluster();
    cluster.start();
  });
  afterAll(() => cluster?.remove());

  describe.each(['gz', 'lz4', 'zst', 'bz2', 'none'])('%s', (compression) => {
    let made: ReturnType<Cluster['configure']>;

    beforeAll(() => {
      made = cluster.configure(compression, compression, repositories);
      for (const [index, type] of ['full', 'diff', 'incr'].entries()) {
        cluster.sql('shop', `insert into items select i, '${compression}' from generate_series(1, ${50 + index}) i`);
        cluster.sql('shop', `create table made_${compression}_${type} as select ${index} i`);
        for (const repository of made.keys())
          cluster.backrest([`--repo=${repository + 1}`, 'backup', `--type=${type}`]);
      }
    });

    test.each(repositories.map((spec, index) => ({ ...spec, index })))(
      'encrypted $isEncrypted, bundled $isBundled: full, diff and incr restore as pgbackrest restores them',
      async ({ index, isEncrypted, isBundled }) => {
        const { path: archive, pass } = made[index] as (typeof made)[0];
        const keys = pass ? [passOffer(pass)] : [];
        const reports = await testRestore(archive, { backup: 'all', keys });
        expect(reports.filter((it) => it.backup).map((it) => it.backup?.type)).toEqual(['full', 'diff', 'incr']);
        for (const report of reports) {
          expect(report.failure).toBeNull();
          expect(report.files.failed).toEqual([]);
          expect(report.verdict).toEqual({ decrypted: true, authentic: null, complete: true, restorable: true });
          if (report.backup)
            expect(report.backup).toMatchObject({
              compression,
              isBundled,
              cipher: isEncrypted ? 'aes-256-cbc' : 'none',
            });
        }
        // Each kind of backup is compared with what pgbackrest makes of it; the newest one in every repository.
        const labels = cluster.labels(index + 1);
        for (const label of index === 0 ? labels : labels.slice(-1))
          await compareRestores(cluster, { archive, keys, label, repository: index + 1 });
      },
    );
  });

  test('copied WAL, hard links, annotations and another compression for the WAL make no difference', async () => {
    const options = ['--archive-copy', '--repo1-hardlink', '--annotation=reason=a "quoted" = text', '--process-max=2'];
    const [made] = cluster.configure('odd', 'gz', [{ isEncrypted: true, isBundled: false }]);
    cluster.backrest(['backup', '--type=full', ...options]);
    cluster.sql('shop', 'create table between_odd_backups as select 1 i');
    // The set keeps its compression, the archive takes the new one.
    writeFileSync(cluster.conf, readFileSync(cluster.conf, 'utf8').replace('compress-type=gz', 'compress-type=lz4'));
    cluster.backrest(['backup', '--type=incr', ...options]);
    const keys = [passOffer(made?.pass)];
    const reports = await testRestore(made?.path ?? '', { backup: 'all', keys });
    expect(reports.map((it) => it.failure)).toEqual([null, null, null]);
    expect(reports[1]?.backup?.annotations).toEqual({ reason: 'a "quoted" = text' });
    for (const label of cluster.labels(1))
      await compareRestores(cluster, { archive: made?.path ?? '', keys, label, repository: 1 });
  });

  test('a backup made while PostgreSQL is stopped needs no WAL', async () => {
    const [made] = cluster.configure('offline', 'gz', [{ isEncrypted: true, isBundled: true }]);
    cluster.stopServer(cluster.data, 'fast');
    try {
      cluster.backrest(['backup', '--type=full', '--no-online']);
      const keys = [passOffer(made?.pass)];
      const report = await testOne(made?.path ?? '', { keys });
      expect(report.verdict).toEqual({ decrypted: true, authentic: null, complete: true, restorable: true });
      expect(report.notes.join()).toContain('needs no WAL');
      const [label = ''] = cluster.labels(1);
      await compareRestores(cluster, { archive: made?.path ?? '', keys, label, repository: 1 });
    } finally {
      cluster.startServer(cluster.data);
    }
  });

  test('a stanza whose full backup was expired, and WAL with it, is whole again with the next set', async () => {
    const [made] = cluster.configure('expired', 'zst', [{ isEncrypted: true, isBundled: true }]);
    for (const type of ['full', 'incr', 'full', 'diff']) cluster.backrest(['backup', `--type=${type}`]);
    const before = cluster.labels(1);
    cluster.backrest(['expire', '--repo1-retention-full=1']);
    const keys = [passOffer(made?.pass)];
    const reports = await testRestore(made?.path ?? '', { backup: 'all', keys });
    expect(reports.map((it) => it.backup?.label)).toEqual([...before.slice(2), undefined]);
    expect(reports.map((it) => it.failure)).toEqual([null, null, null]);
    const gone = await testOne(made?.path ?? '', { keys, backup: before[1] });
    expect(gone.failure).toMatchObject({ code: 'incomplete' });
  });

  test('PostgreSQL starts from what we restored, recovers from the archive, and has every row', async () => {
    const [made] = cluster.configure('started', 'gz', [{ isEncrypted: true, isBundled: true }]);
    cluster.backrest(['backup', '--type=full']);
    cluster.sql('shop', 'create table after_backup as select 7 i');
    cluster.sql('shop', 'select pg_switch_wal()');
    cluster.backrest(['check']);
    const expected = cluster.sql('shop', 'select count(*), md5(string_agg(v, v order by i, v)) from items');
    const to = path.join(cluster.folder, 'started');
    const report = await testOne(made?.path ?? '', { keys: [passOffer(made?.pass)], to });
    expect(report.restoredTo).toBe(to);
    cluster.stopServer(cluster.data);
    const conf = path.join(to, 'postgresql.auto.conf');
    writeFileSync(
      conf,
      readFileSync(conf, 'utf8').replace(
        'pgbackrest --stanza=demo',
        `pgbackrest --config=${cluster.conf} --stanza=demo --pg1-path=${to}`,
      ),
    );
    writeFileSync(conf, "archive_mode = 'off'\n", { flag: 'a' });
    giveToPostgres(to);
    cluster.startServer(to);
    try {
      await vi.waitUntil(() => cluster.sql('shop', 'select pg_is_in_recovery()').trim() === 'f', {
        timeout: 60_000,
        interval: 500,
      });
      expect(cluster.sql('shop', 'select i from after_backup').trim()).toBe('7');
      expect(cluster.sql('shop', 'select count(*), md5(string_agg(v, v order by i, v)) from items')).toBe(expected);
    } finally {
      cluster.stopServer(to);
      cluster.startServer(cluster.data);
    }
  });

  test('the beta of block incremental, which 2.45 can write, is refused by its name', async () => {
    const [made] = cluster.configure('beta', 'zst', [{ isEncrypted: true, isBundled: true }]);
    cluster.sql('shop', 'create table large as select i, md5(i::text) v from generate_series(1, 20000) i');
    cluster.backrest(['--beta', '--repo1-block', 'backup', '--type=full']);
    const report = await testOne(made?.path ?? '', { keys: [passOffer(made?.pass)] });
    expect(report.failure).toMatchObject({ code: 'unsupported', message: expect.stringContaining('beta') });
  });

  test('pgbackrest reads what we encrypt', async () => {
    const [made] = cluster.configure('ours', 'gz', [{ isEncrypted: true, isBundled: false }]);
    const contents = Buffer.from(`a line that we encrypted\n`.repeat(5000));
    const stored = await all(encryptPgbackrest(once(contents), Secret.fromText(made?.pass ?? '')));
    const object = path.join(made?.path ?? '', 'archive/demo/archive.info');
    const before = readFileSync(object);
    writeFileSync(object, stored);
    try {
      expect(cluster.backrest(['repo-get', 'archive/demo/archive.info'])).toBe(contents.toString());
    } finally {
      writeFileSync(object, before);
    }
  });
});

/** We restore as whoever runs the tests; PostgreSQL runs as its own user. */
function giveToPostgres(folder: string): void {
  if (process.getuid?.() === 0) execFileSync('chown', ['-R', '-h', 'postgres:', folder]);
}
