import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Failure } from '../../engine/src/failure.ts';
import type { ArchiveGetJob, Inspection, KeyOffer, KnownArchive } from '../../engine/src/job.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import {
  buildBucket,
  controlFile,
  full,
  fullBackup,
  labelOf,
  refusal,
  segmentName,
  sodiumOffer,
  systemId,
  temporaryFolder,
  testOne,
  testRestore,
} from './walgBucket.ts';

const at = (namespace: string, cluster: string, time = '2026-01-31-10-00-00') =>
  `sgbackups.stackgres.io/${namespace}/${cluster}/${time}/15`;
const nightly = (namespace: string, cluster: string, path = at(namespace, cluster)): KnownArchive => ({
  path,
  cluster: `${namespace}/${cluster}`,
  backup: { label: full, title: `SGBackup ${namespace}/nightly`, systemId: String(systemId) },
});

async function bucketOf(...prefixes: string[]): Promise<string> {
  const root = temporaryFolder();
  for (const prefix of prefixes) await buildBucket({ prefix, root });
  return root;
}

async function inspect(archive: string, job: Partial<{ known: KnownArchive[]; keys: never[] }>): Promise<Inspection> {
  const outcome = await runJob({ kind: 'inspect', archive, ...job }, quietContext());
  return (outcome as { value: Inspection }).value;
}

describe('what the manifests say of a bucket', () => {
  test('names a cluster whose path says nothing', async () => {
    const bucket = await bucketOf('prod/finance/pg', at('db', 'shop'));
    const known = [{ path: 'finance/pg', cluster: 'fin/billing' }];
    for (const cluster of ['fin/billing', 'billing', 'prod/finance/pg']) {
      const report = await testOne(bucket, { cluster, known });
      expect(report.backup).toMatchObject({ namespace: 'fin', cluster: 'billing', path: 'prod/finance/pg' });
    }
    expect((await refusal(bucket, { cluster: 'other', known })).hint).toBe('It has: db/shop, fin/billing.');
  });

  test('finds the backup of a name in the folder where it lies, newest or not', async () => {
    const root = await bucketOf(at('db', 'shop', '2025-01-01-00-00-00'));
    const later = fullBackup({
      name: 'base_000000010000000000000005',
      sentinel: { FinishTime: '2026-05-01T00:00:00Z' },
    });
    await buildBucket({ root, prefix: at('db', 'shop'), backups: [later] });
    const known = [nightly('db', 'shop', at('db', 'shop', '2025-01-01-00-00-00'))];
    const report = await testOne(root, { cluster: 'db/shop', backup: 'nightly', known });
    expect(report.backup).toMatchObject({ label: full, path: at('db', 'shop', '2025-01-01-00-00-00') });
  });

  test('tells backups of the same name in two namespaces apart', async () => {
    const bucket = await bucketOf(at('hr', 'people'), at('shop', 'orders'));
    const known = [nightly('hr', 'people'), nightly('shop', 'orders')];
    expect(await refusal(bucket, { backup: 'nightly', known })).toMatchObject({
      code: 'usage',
      message: 'the backup nightly may be SGBackup hr/nightly or SGBackup shop/nightly',
    });
    expect((await testOne(bucket, { backup: 'hr/nightly', known })).backup).toMatchObject({ cluster: 'people' });
    const chosen = await testOne(bucket, { backup: 'nightly', cluster: 'orders', known });
    expect(chosen.backup).toMatchObject({ cluster: 'orders' });
  });

  test.each<[string, KnownArchive['backup'], string]>([
    [
      'failed',
      { label: undefined, title: 'SGBackup db/broken', flaw: 'it is Failed' },
      'SGBackup db/broken has no backup in the bucket: it is Failed',
    ],
    [
      'was deleted',
      { label: 'base_000000010000000000000001', title: 'SGBackup db/broken' },
      `SGBackup db/broken is base_000000010000000000000001, which is not in ${at('db', 'shop')}`,
    ],
  ])('says why there is none of a backup that %s', async (_, backup, message) => {
    const known = [nightly('db', 'shop'), { path: at('db', 'shop'), backup: backup as KnownArchive['backup'] }];
    for (const bucket of [await bucketOf(at('db', 'shop')), await bucketOf(at('db', 'shop'), at('db', 'crm'))]) {
      expect(await refusal(bucket, { backup: 'broken', known })).toMatchObject({
        code: 'usage',
        message,
        hint: 'Of the backups in the manifests these are there: SGBackup db/nightly.',
      });
    }
  });

  test('fits a copy that begins below the path, if the cluster is the same', async () => {
    const bucket = await bucketOf('');
    const known = nightly('db', 'shop');
    const report = await testOne(bucket, { backup: 'nightly', known: [known] });
    expect(report.backup).toMatchObject({
      label: full,
      title: 'SGBackup db/nightly',
      namespace: 'db',
      cluster: 'shop',
    });
    const other = { ...known, backup: { label: full, title: 'SGBackup db/nightly', systemId: '1' } };
    expect((await refusal(bucket, { backup: 'nightly', known: [other] })).message).toContain('which is not here');
  });

  test('is told when StackGres would not restore a backup that is there', async () => {
    const known = nightly('db', 'shop');
    const flawed = { ...known, backup: { label: full, title: 'SGBackup db/nightly', flaw: 'it is Failed' } };
    const { failure, notes } = await testOne(await bucketOf(at('db', 'shop')), { known: [flawed] });
    expect(failure).toBeNull();
    expect(notes.join(' ')).toContain('it is Failed; StackGres');
  });

  test('says which Secret is missing: of a backup its own copy of the storage, of the WAL the present one', async () => {
    const root = await buildBucket({ prefix: at('db', 'shop'), isEncrypted: true });
    const known = [
      {
        ...nightly('db', 'shop'),
        isEncrypted: true,
        keyAdvice: { said: 'The backup names Secret old.', isHere: false },
      },
      {
        path: at('db', 'shop'),
        cluster: 'db/shop',
        isEncrypted: true,
        keyAdvice: { said: 'The storage names Secret new.', isHere: false },
      },
    ];
    const wrong = [sodiumOffer(new Uint8Array(32).fill(7))];
    for (const keys of [[], wrong]) {
      const { failure } = await testOne(root, { known, keys });
      expect(failure).toMatchObject({ code: 'wrong-key', hint: 'The backup names Secret old.' });
    }
    const reports = await testRestore(root, { known, keys: wrong, backup: 'all' });
    expect(reports.at(-1)?.failure).toMatchObject({ code: 'wrong-key', hint: 'The storage names Secret new.' });
    const { problems } = await inspect(root, { known });
    expect(problems).toEqual([
      `None of the keys opens backup ${full}. The backup names Secret old.`,
      `None of the keys opens WAL ${segmentName(8)}. The storage names Secret new.`,
    ]);
  });

  test('of a key that is here, says where it is beside what is wrong with it', async () => {
    const root = await buildBucket({ prefix: at('db', 'shop'), isEncrypted: true });
    const known = [{ ...nightly('db', 'shop'), keyAdvice: { said: 'The backup names Secret old.', isHere: true } }];
    const bytes = new TextEncoder().encode('ab'.repeat(31));
    const offers: [KeyOffer, string, RegExp][] = [
      [{ ...sodiumOffer(), keyTransform: 'none' }, 'wrong-key', /^Set the key transform to hex.* The backup names/],
      [{ ...sodiumOffer(), bytes }, 'usage', /^The key must be 64 hex digits.* The backup names Secret old\.$/],
      [sodiumOffer(new Uint8Array(32).fill(7)), 'wrong-key', /^Use the key that was.* The backup names Secret old\.$/],
    ];
    for (const [offer, code, hint] of offers) {
      const { failure, because } = await testOne(root, { known, keys: [offer] });
      expect(failure).toMatchObject({ code, hint: expect.stringMatching(hint) });
      expect(because.authentic).toBe('nothing was opened');
    }
  });

  test('names archives and backups when a bucket is inspected, and misses what was deleted', async () => {
    const bucket = await bucketOf('finance/pg');
    const gone = { label: 'base_000000010000000000000001', title: 'SGBackup fin/gone' };
    const known = [
      { path: 'finance/pg', cluster: 'fin/billing' },
      nightly('fin', 'billing', 'finance/pg'),
      { path: 'finance/pg', backup: gone },
    ];
    const { facts, problems } = await inspect(bucket, { known });
    expect(facts).toContainEqual(['Manifests', 'the archive of fin/billing']);
    expect(new Map(facts).get('Backup')).toMatch(
      /^base_000000010000000000000004; SGBackup fin\/nightly; .*not encrypted/,
    );
    expect(problems).toEqual([expect.stringMatching(/^SGBackup fin\/gone is base_0{7}1.* not in fin\/billing/)]);
  });
});

describe('WAL for a recovery, from one of several archives', () => {
  const get = async (archive: string, target: string, job: Partial<ArchiveGetJob> = {}) => {
    const asked: ArchiveGetJob = { kind: 'archive-get', archive, keys: [], file: segmentName(5), target, ...job };
    const outcome = (await runJob(asked, quietContext())) as { value?: { isServed: boolean }; failure?: Failure };
    return outcome.value?.isServed ?? outcome.failure;
  };

  /** What a recovery finds in its data directory. */
  function dataDirectory(name: 'backup_label' | 'backup_label.old', segment: number, id = systemId): string {
    const folder = temporaryFolder();
    for (const it of ['global', 'pg_wal']) mkdirSync(path.join(folder, it));
    writeFileSync(path.join(folder, 'global/pg_control'), controlFile(id));
    writeFileSync(path.join(folder, name), labelOf(segment));
    return path.join(folder, 'pg_wal/RECOVERYXLOG');
  }

  test('comes from where the data directory was restored from', async () => {
    const root = await bucketOf(at('db', 'shop', '2025-01-01-00-00-00'));
    // The newer archive of the same cluster has no such segment: to serve from it would end the recovery too early.
    const later = fullBackup({ name: 'base_000000010000000000000006' });
    await buildBucket({ root, prefix: at('db', 'shop'), backups: [later], wal: {} });
    for (const name of ['backup_label', 'backup_label.old'] as const) {
      expect(await get(root, dataDirectory(name, 4), { cluster: 'db/shop' })).toBe(true);
      expect(await get(root, dataDirectory(name, 6), { cluster: 'db/shop' })).toBe(false);
    }
    for (const target of [dataDirectory('backup_label', 7), dataDirectory('backup_label', 4, 1n)]) {
      expect(await get(root, target)).toMatchObject({ code: 'usage' });
    }
  });

  test('of a backup from before the encryption may be plain, of another not', async () => {
    const root = await bucketOf(at('db', 'shop'));
    const keys = [sodiumOffer()];
    const cluster = { path: at('db', 'shop'), cluster: 'db/shop', isEncrypted: true };
    const before = { ...nightly('db', 'shop'), isEncrypted: false };
    expect(await get(root, dataDirectory('backup_label', 4), { keys, known: [cluster, before] })).toBe(true);
    for (const target of [dataDirectory('backup_label', 5), dataDirectory('backup_label', 4, 1n)]) {
      const job = { keys, known: [cluster, before] };
      expect(await get(root, target, job)).toMatchObject({ code: 'not-encrypted' });
    }
  });

  test('comes from the only archive that the manifests name, and may be plain where they say so', async () => {
    const root = await bucketOf(at('db', 'shop'), at('db', 'crm'));
    const target = path.join(temporaryFolder(), 'RECOVERYXLOG');
    const keys = [sodiumOffer()];
    expect(await get(root, target, { keys })).toMatchObject({ code: 'usage' });
    const known = { path: at('db', 'shop'), cluster: 'db/shop' };
    expect(await get(root, target, { keys, known: [known] })).toMatchObject({ code: 'not-encrypted' });
    expect(await get(root, target, { keys, known: [{ ...known, isEncrypted: false }] })).toBe(true);
  });
});
