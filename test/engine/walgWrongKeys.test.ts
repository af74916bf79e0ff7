import path from 'node:path';
import { expect, test } from 'vitest';
import { findBucket } from '../../engine/src/archives/walg/bucket.ts';
import { BucketFiles } from '../../engine/src/archives/walg/bucketFiles.ts';
import { checkTar } from '../../engine/src/archives/walg/tarCheck.ts';
import { checkWalObject } from '../../engine/src/archives/walg/walCheck.ts';
import { RestoreError } from '../../engine/src/failure.ts';
import type { KeyOffer } from '../../engine/src/job.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { buildBucket, type Codec, full, key, segmentName, sodiumOffer, testOne } from './walgBucket.ts';

const all = { wanted: undefined, increments: [], mayBeOpen: false, limit: Number.MAX_SAFE_INTEGER };

test.each<Codec>(['br', 'gz', 'none'])(
  'thousands of wrong keys open nothing of a bucket (%s)',
  async (codec) => {
    const bucket = await findBucket(await buildBucket({ codec, isEncrypted: true }));
    const folder = bucket?.folders[0];
    const files = new BucketFiles(folder?.root ?? '', quietContext());
    const extension = codec === 'none' ? '' : `.${codec}`;
    const tar = (name: string) => `${folder?.backups}/${full}/tar_partitions/${name}.tar${extension}`;
    const file = segmentName(4);
    const tasks = [
      ...['backup_label', 'pg_control', 'part_004'].map(
        (it) => (offers: KeyOffer[]) =>
          checkTar(files, { kind: 'tar', object: tar(it), ...all }, { offers, expectEncrypted: true }, undefined),
      ),
      (offers: KeyOffer[]) => {
        const object = path.posix.join(folder?.wal ?? '', `${file}${extension}`);
        const task = { kind: 'wal', object, compression: codec, file, systemId: undefined } as const;
        return checkWalObject(files, task, { offers, expectEncrypted: true });
      },
    ];
    for (const task of tasks) await task([sodiumOffer()]);
    const bytes = seededBytes(0x5eed);
    for (let count = 0; count < 400; count++) {
      // Of any length and kind, as WAL-G takes them: 32 random bytes; one bit changed; a text that is stretched.
      const wrong = Uint8Array.from(key);
      const [at = 0, bit = 0] = bytes(2);
      wrong[at % 32] = (wrong[at % 32] ?? 0) ^ (1 << (bit % 8));
      const text = new TextEncoder().encode(Buffer.from(bytes(24)).toString('base64'));
      const offers: KeyOffer[] = [
        sodiumOffer(bytes(32)),
        sodiumOffer(wrong),
        { kind: 'sodium', source: 'a text', bytes: text, keyTransform: 'none' },
      ];
      const task = tasks[count % tasks.length];
      const outcome = await task?.(offers).then(
        () => 'opened',
        (error: unknown) => (error instanceof RestoreError ? error.failure.code : String(error)),
      );
      expect(outcome, `round ${count}`).toBe('wrong-key');
    }
  },
  120_000,
);

test('a hundred wrong keys at once prove nothing, and do not keep the right one from doing so', async () => {
  const bucket = await buildBucket({ codec: 'br', isEncrypted: true });
  const bytes = seededBytes(4);
  const wrong = Array.from({ length: 100 }, () => sodiumOffer(bytes(32)));
  const nothing = await testOne(bucket, { keys: wrong });
  expect(nothing.verdict.restorable).not.toBe(true);
  expect(nothing.verdict.authentic).not.toBe(true);
  expect(nothing.verdict.complete).not.toBe(true);
  expect(nothing.failure?.code).toBe('wrong-key');
  const found = await testOne(bucket, { keys: [...wrong.slice(0, 50), sodiumOffer(), ...wrong.slice(50)] });
  expect(found).toMatchObject({ failure: null, verdict: { authentic: true, complete: true, restorable: true } });
});

/** Bytes that are the same every time (xorshift32). */
function seededBytes(seed: number): (length: number) => Uint8Array {
  let state = seed;
  return (length) =>
    Uint8Array.from({ length }, () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state & 0xff;
    });
}
