import { createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { findBucket } from '../../engine/src/archives/walg/bucket.ts';
import { BucketFiles } from '../../engine/src/archives/walg/bucketFiles.ts';
import { openThreads } from '../../engine/src/archives/walg/crew.ts';
import { RestoreError } from '../../engine/src/failure.ts';
import type { KeyOffer } from '../../engine/src/job.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { DirectorySink } from '../../engine/src/sinks/directory.ts';
import { objectsOf, temporaryFolder, testOne, testRestore } from './walgBucket.ts';

const archives = path.join(import.meta.dirname, 'walgArchives');
const offer = (text: string, keyTransform: KeyOffer['keyTransform']): KeyOffer => ({
  kind: 'sodium',
  source: 'walgArchives/README.md',
  bytes: new TextEncoder().encode(text),
  keyTransform,
});
const keysOf: Record<string, KeyOffer[]> = {
  stackgres: [offer('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', 'hex')],
  deltas: [offer('a key of more than twenty-five bytes', 'none')],
};
const proven = { decrypted: true, authentic: true, complete: true, restorable: true };

describe.each(Object.entries(keysOf))('%s, made by WAL-G 3.0.9 from PostgreSQL 15', (name, keys) => {
  const archive = path.join(archives, name);

  test('restores to the very files that backup-fetch makes', async () => {
    const to = path.join(temporaryFolder(), 'restored');
    const report = await testOne(archive, { keys, to });
    expect(report.failure).toBeNull();
    expect(report.verdict).toEqual(proven);
    const found = objectsOf(to)
      .filter((it) => !it.startsWith('pg_tblspc'))
      .map((it) => `${sumOf(path.join(to, it))}  ${it}`)
      .sort();
    expect(found).toEqual(
      readFileSync(path.join(archives, `${name}.sha256`), 'utf8')
        .trimEnd()
        .split('\n'),
    );
  });

  test('is proven in all its backups and all its WAL', async () => {
    const reports = await testRestore(archive, { keys, backup: 'all', wal: 'latest' });
    for (const report of reports) expect([report.failure, report.verdict]).toEqual([null, proven]);
    expect(reports.length).toBe(name === 'deltas' ? 4 : 2);
  });

  test('with a byte changed or cut in an object is not restorable, and names that object', async () => {
    const copy = path.join(temporaryFolder(), 'copy');
    cpSync(archive, copy, { recursive: true });
    const tars = objectsOf(copy).filter((it) => /tar_partitions/.test(it));
    const segment =
      objectsOf(copy)
        .filter((it) => /wal_005\/[0-9A-F]{24}\./.test(it))
        .at(-2) ?? '';
    for (const object of [...tars.filter((_, index) => index % 3 === 0), segment]) {
      const place = path.join(copy, object);
      const before = readFileSync(place);
      const middle = Math.trunc(before.length / 2);
      const flipped = Buffer.from(before);
      flipped[middle] = (flipped[middle] ?? 0) ^ 0x40;
      for (const changed of [flipped, before.subarray(0, middle), before.subarray(0, before.length - 1)]) {
        writeFileSync(place, changed);
        const report = await testOne(copy, { keys, wal: 'latest' });
        expect(report.verdict.restorable, object).toBe(false);
        expect(
          report.files.failed.map((it) => object.endsWith(it.path)),
          object,
        ).toEqual([true]);
      }
      writeFileSync(place, before);
    }
  }, 300_000);
});

describe('several threads', () => {
  let program = '';
  beforeAll(async () => {
    program = path.resolve(import.meta.dirname, '../../node_modules/.cache/restorable-test/walgLane.cjs');
    await build({
      entryPoints: [path.join(import.meta.dirname, '../../engine/src/archives/walg/walgLane.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'error',
      define: { 'import.meta.url': 'importMetaUrl' },
      banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    });
  });

  test('read tars and WAL at once, tell their failures with the object, and stop when they are told to', async () => {
    const bucket = await findBucket(path.join(archives, 'deltas'));
    const root = bucket?.folders[0]?.root ?? '';
    const stop = new AbortController();
    const files = new BucketFiles(root, quietContext(stop.signal));
    const opening = { offers: keysOf.deltas ?? [], expectEncrypted: true };
    const crew = openThreads(files, opening, undefined, { program, threads: 2 });
    try {
      // Those of the full backup: in the others lie increments.
      const tars = objectsOf(root).filter((it) => it.includes('tar_partitions') && !it.includes('_D_'));
      const task = (object: string) =>
        crew.run({
          kind: 'tar',
          object,
          wanted: undefined,
          increments: [],
          mayBeOpen: false,
          limit: Number.MAX_SAFE_INTEGER,
        });
      const results = await Promise.all(tars.map(task));
      expect(results.every((it) => it.members.length > 0)).toBe(true);
      expect(files.bytesRead).toBe(tars.reduce((sum, it) => sum + files.size(it), 0));
      await expect(task('basebackups_005/none.tar.lzma')).rejects.toMatchObject({
        failure: { code: 'incomplete', path: 'basebackups_005/none.tar.lzma' },
      });
      const last = task(tars[0] ?? '');
      stop.abort();
      await expect(last).rejects.toMatchObject({ failure: { code: 'cancelled' } });
    } finally {
      await crew.close();
    }
  });

  test.each([
    ['stackgres', false],
    ['stackgres', true],
    ['deltas', false],
    ['deltas', true],
  ] as const)(
    'two share one tar of %s, written: %s, and find what one finds',
    async (archive, isWritten) => {
      const bucket = await findBucket(path.join(archives, archive));
      const root = bucket?.folders[0]?.root ?? '';
      const opening = { offers: keysOf[archive] ?? [], expectEncrypted: true };
      const folder = temporaryFolder();
      const copy = path.join(folder, 'copy');
      cpSync(root, copy, { recursive: true });
      const files = new BucketFiles(copy, quietContext());
      const run = async (object: string, threads: number): Promise<unknown> => {
        const sink = isWritten ? await DirectorySink.create(path.join(folder, 'target')) : undefined;
        const crew = openThreads(files, opening, sink, { program, threads, sharedFrom: 1 });
        const none = { wanted: undefined, increments: [], mayBeOpen: false, limit: Number.MAX_SAFE_INTEGER };
        try {
          const result = await crew.run({ kind: 'tar', object, isShared: true, ...none });
          const written = sink?.staging.folder;
          return { result, written: written && objectsOf(written).map((it) => [it, sumOf(path.join(written, it))]) };
        } catch (error) {
          if (error instanceof RestoreError) return error.failure;
          throw error;
        } finally {
          await crew.close();
          await sink?.discard();
        }
      };
      const tars = objectsOf(copy).filter((it) => it.includes('tar_partitions'));
      const large = tars.toSorted((a, b) => files.size(b) - files.size(a))[0] ?? '';
      const expected = await run(large, 1);
      expect(expected).toHaveProperty('result');
      expect(await run(large, 2)).toEqual(expected);
      const place = path.join(copy, large);
      const before = readFileSync(place);
      for (const at of [3, before.length >> 1, before.length - 3]) {
        const changed = Buffer.from(before);
        changed[at] = (changed[at] ?? 0) ^ 0x10;
        for (const stored of [changed, before.subarray(0, at)]) {
          writeFileSync(place, stored);
          const failure = await run(large, 1);
          expect(failure).toMatchObject({ path: large });
          expect(await run(large, 2)).toEqual(failure);
        }
      }
    },
    120_000,
  );
});

function sumOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
