import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { objectsOf, passOffer, temporaryFolder, testOne, testRestore } from './pgbackrestRepository.ts';

const checkout = path.resolve(import.meta.dirname, '../..');

describe('the example archive, made by pgBackRest 2.45 from PostgreSQL 15', () => {
  const example = path.join(checkout, 'examples/archives/pgbackrest');
  const keys = [passOffer(passOf(path.join(example, 'pgbackrest.conf')))];
  const repo = path.join(example, 'repo');

  test('is restorable, the full backup and the incremental one', async () => {
    const reports = await testRestore(repo, { backup: 'all', keys });
    expect(reports.map((it) => it.backup?.type)).toEqual(['full', 'incr', undefined]);
    expect(reports.at(-1)).toMatchObject({ failure: null, files: { total: 8, verified: 8 } });
    for (const report of reports.slice(0, 2)) {
      expect(report.failure).toBeNull();
      expect(report.verdict).toEqual({ decrypted: true, authentic: null, complete: true, restorable: true });
      expect(report.files.verified).toBeGreaterThan(270);
      expect(report.files.failed).toEqual([]);
    }
  });

  test('with a byte changed anywhere in a bundle says which file of the database is damaged, or notes nothing was read there', async () => {
    const copy = path.join(temporaryFolder(), 'repo');
    cpSync(repo, copy, { recursive: true });
    const [bundle = ''] = objectsOf(copy).filter((it) => /F\/bundle\/1$/.test(it));
    const before = readFileSync(path.join(copy, bundle));
    for (const offset of [0, 7, 100_000, 300_000, before.length - 1]) {
      const changed = Buffer.from(before);
      changed[offset] = (changed[offset] ?? 0) ^ 0x80;
      writeFileSync(path.join(copy, bundle), changed);
      const report = await testOne(copy, {
        keys,
        backup: readdirSync(path.join(copy, 'backup/demo')).find((it) => /^\d{8}-\d{6}F$/.test(it)),
      });
      expect(report.failure).toMatchObject({
        code: 'damaged',
        path: bundle,
        message: expect.stringMatching(/^pg_data\//),
      });
      expect(report.files.failed).toHaveLength(1);
      expect(report.verdict.restorable).toBe(false);
    }
  });
});

/** Written by pgBackRest 2.59 with block incremental, beside the checkout of those who develop Restorable. */
const shared = path.join(checkout, '../shared/archives/pgbackrest-2.59-block');

describe.skipIf(!existsSync(shared))(
  'an archive of pgBackRest 2.59: zst, aes-256-cbc, bundles, block incremental',
  () => {
    const labels = existsSync(shared)
      ? readdirSync(shared)
          .filter((it) => it.endsWith('.sha256'))
          .map((it) => it.slice(0, -7))
      : [];

    test.each(labels)('%s is what pgbackrest restored, file by file', async (label) => {
      const to = path.join(temporaryFolder(), 'pg');
      const report = await testOne(path.join(shared, 'repo'), {
        backup: label,
        to,
        keys: [passOffer(passOf(path.join(shared, 'pgbackrest.conf')))],
      });
      expect(report.failure).toBeNull();
      expect(report.backup).toMatchObject({ label, isBlockIncremental: true, compression: 'zst' });
      const expected = new Map<string, string>();
      for (const line of readFileSync(path.join(shared, `${label}.sha256`), 'utf8')
        .trim()
        .split('\n')) {
        const [digest = '', name = ''] = line.split(/\s+/);
        expected.set(name.replace('./pg/', ''), digest);
      }
      const found = objectsOf(to).filter((it) => it !== 'recovery.signal' && it !== 'postgresql.auto.conf');
      expect(found).toEqual([...expected.keys()].sort());
      for (const name of found) {
        expect(
          createHash('sha256')
            .update(readFileSync(path.join(to, name)))
            .digest('hex'),
          name,
        ).toBe(expected.get(name));
      }
    });
  },
);

function passOf(conf: string): string {
  return /^repo1-cipher-pass=(.*)$/m.exec(readFileSync(conf, 'utf8'))?.[1] ?? '';
}
