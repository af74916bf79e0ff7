import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { passOffer, testRestore } from '../engine/pgbackrestRepository.ts';
import { compareRestores } from './compareRestores.ts';
import { newerPackages, unpackNewer } from './newerPgbackrest.ts';
import { Cluster, missingTools, type RepositorySpec } from './pgbackrestCluster.ts';

const missing = missingTools ?? ('missing' in newerPackages ? newerPackages.missing : undefined);

const repositories: RepositorySpec[] = [
  { isEncrypted: true, isBundled: true, more: ['block=y'] },
  { isEncrypted: false, isBundled: true, more: ['block=y', 'bundle-limit=8KiB'] },
  {
    isEncrypted: true,
    isBundled: true,
    more: [
      'block=y',
      'block-size-map=16KiB=8KiB',
      'block-size-map=128KiB=16KiB',
      'block-checksum-size-map=8KiB=16',
      'block-size-super=32KiB',
      'block-size-super-full=64KiB',
    ],
  },
  { isEncrypted: true, isBundled: false, more: ['hardlink=y'] },
];
const types = ['full', 'diff', 'incr', 'incr'];

describe.skipIf(missing)(`block incremental of a newer pgbackrest${missing ? ` (${missing})` : ''}`, () => {
  let cluster: Cluster;
  beforeAll(() => {
    const files = 'files' in newerPackages ? newerPackages.files : [];
    cluster = new Cluster((folder) => unpackNewer(files, folder));
    cluster.start();
  });
  afterAll(() => cluster?.remove());

  /** As the owner of the cluster. */
  function grow(file: string, bytes: number, letter: string): void {
    cluster.run('sh', ['-c', `head -c ${bytes} /dev/zero | tr '\\0' ${letter} >> '${file}'`]);
  }

  describe.each(['zst', 'lz4'])('%s', (compression) => {
    let made: ReturnType<Cluster['configure']>;

    beforeAll(() => {
      made = cluster.configure(compression, compression, repositories);
      const growing = path.join(cluster.data, `growing-${compression}`);
      grow(growing, 100_000, 'x');
      for (const [index, type] of types.entries()) {
        cluster.sql('shop', `update facts set v = v || 'x' where i % 500 = ${index}`);
        cluster.sql('shop', `insert into items select i, '${compression}' from generate_series(1, ${50 + index}) i`);
        if (index === 2) cluster.sql('shop', `delete from facts where i > 2000`);
        if (index === 3) cluster.sql('shop', 'vacuum facts');
        grow(growing, 5_000, String(index));
        for (const repository of made.keys())
          cluster.backrest([`--repo=${repository + 1}`, 'backup', `--type=${type}`]);
      }
    });

    test.each(repositories.map((spec, index) => ({ title: spec.more?.join(', ') ?? '', ...spec, index })))(
      'encrypted $isEncrypted, $title: the whole chain restores as pgbackrest restores it',
      async ({ index, more }) => {
        const { path: archive, pass } = made[index] as (typeof made)[0];
        const keys = pass ? [passOffer(pass)] : [];
        const reports = await testRestore(archive, { backup: 'all', keys });
        expect(reports.filter((it) => it.backup).map((it) => it.backup?.type)).toEqual(types);
        for (const report of reports) {
          expect(report.failure).toBeNull();
          expect(report.verdict).toEqual({ decrypted: true, authentic: null, complete: true, restorable: true });
          if (report.backup) expect(report.backup.isBlockIncremental).toBe(more?.includes('block=y'));
        }
        for (const label of cluster.labels(index + 1))
          await compareRestores(cluster, { archive, keys, label, repository: index + 1 });
      },
    );
  });

  test('single databases, and places for tablespaces and links, are as pgbackrest makes them', async () => {
    cluster.sql('shop', 'create database other template shop');
    cluster.sql('other', 'create table o tablespace fast as select i from generate_series(1, 3000) i');
    const [made] = cluster.configure('places', 'zst', [{ isEncrypted: true, isBundled: true, more: ['block=y'] }]);
    cluster.backrest(['backup', '--type=full']);
    cluster.sql('other', 'insert into o values (0)');
    cluster.backrest(['backup', '--type=incr']);
    const archive = made?.path ?? '';
    const keys = [passOffer(made?.pass)];
    const label = cluster.labels(1).at(-1) ?? '';
    const base = { archive, keys, label, repository: 1 };
    await compareRestores(cluster, {
      ...base,
      wish: { theirs: ['--db-include=other'], ours: () => ({ parts: { databases: ['other'] } }) },
    });
    await compareRestores(cluster, {
      ...base,
      wish: { theirs: ['--db-exclude=shop'], ours: () => ({ parts: { databasesExcluded: ['shop'] } }) },
    });
    await compareRestores(cluster, {
      ...base,
      wish: {
        theirs: ['--link-map=pg_hba.conf=SPACES/etc/hba.conf', '--link-map=pg_xact=SPACES/xact'],
        ours: (spaces) => ({
          places: {
            allTablespaces: spaces,
            links: { 'pg_hba.conf': `${spaces}/etc/hba.conf`, pg_xact: `${spaces}/xact` },
          },
        }),
      },
    });
  });
});
