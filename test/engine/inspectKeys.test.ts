/** Which of these keys opens it: of repositories of pgBackRest and buckets of WAL-G, by as few bytes as it takes. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { once } from '../../engine/src/bytes.ts';
import { encryptToKeys } from '../../engine/src/crypto/openpgpEncrypt.ts';
import { encryptSodium } from '../../engine/src/crypto/sodium.ts';
import type { Inspection, KeyOffer } from '../../engine/src/job.ts';
import { runJob } from '../../engine/src/run.ts';
import type { RunContext } from '../../engine/src/run-context.ts';
import { buildRepository, repositoryPass } from './pgbackrestRepository.ts';
import { all } from './pieces.ts';
import { buildBucket, full, fullBackup, key, objectsOf, sodiumOffer } from './walgBucket.ts';

const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../vectors/openpgp/${name}`, import.meta.url)));
const pass = (source: string, text: string, more: Partial<KeyOffer> = {}): KeyOffer => ({
  kind: 'pgbackrest-pass',
  source,
  bytes: new Uint8Array(Buffer.from(text)),
  ...more,
});
const openpgp = (): KeyOffer => ({ kind: 'openpgp', source: 'private key', bytes: vector('key.asc') });
const wrongSodium = (): KeyOffer => ({ ...sodiumOffer(new Uint8Array(32).fill(9)), source: 'another sodium key' });

describe('a repository of pgBackRest', () => {
  test('each pass is tried on the info files of the stanza, whatever it is configured for', async () => {
    const root = await buildRepository();
    const { keys } = await inspect(root, [
      pass('old pass', 'not the one'),
      pass('own pass', repositoryPass, { repo: 7, stanza: 'elsewhere' }),
      pass('with line end', `${repositoryPass}\n`),
      { ...pass('as password', repositoryPass), kind: 'password' },
      sodiumOffer(),
    ]);
    expect(keys).toEqual([
      { source: 'old pass', opens: false, detail: 'it opens no info file' },
      { source: 'own pass', opens: true, detail: 'opens archive.info and backup.info of the stanza demo' },
      {
        source: 'with line end',
        opens: false,
        detail: 'it opens no info file as it is, but would without the line end behind it',
      },
      { source: 'as password', opens: true, detail: 'opens archive.info and backup.info of the stanza demo' },
      { source: 'the test’s key', opens: false, detail: 'a key of this kind opens nothing here' },
    ]);
  });

  test('of two info files with different passes, it says which', async () => {
    const root = await buildRepository();
    const other = await buildRepository();
    const foreign = readFileSync(path.join(other, 'archive/demo/archive.info'));
    for (const it of ['archive.info', 'archive.info.copy']) {
      // The same pass, but the salt and half of the ciphertext are noise: as if another pass had been used.
      const noise = foreign.map((byte, index) => (index < 8 ? byte : (byte * 7 + index * 31) & 0xff));
      writeFileSync(path.join(root, 'archive/demo', it), noise);
    }
    const { keys } = await inspect(root, [pass('own pass', repositoryPass)]);
    expect(keys).toEqual([
      { source: 'own pass', opens: true, detail: 'opens backup.info, but not archive.info of the stanza demo' },
    ]);
  });

  test('one that is not encrypted needs none, and no pass is told', async () => {
    const plain = await inspect(await buildRepository({ isEncrypted: false }), [pass('a pass', repositoryPass)]);
    expect(plain.keys).toEqual([
      { source: 'a pass', opens: false, detail: 'there is nothing to open: it is not encrypted' },
    ]);
    const inspection = await inspect(await buildRepository(), [pass('own pass', repositoryPass)]);
    expect(JSON.stringify(inspection)).not.toContain(repositoryPass);
  });

  test('a file that is offered as several kinds of key gets one answer', async () => {
    const same = (kind: KeyOffer['kind']): KeyOffer => ({ ...pass('key file k', repositoryPass), kind });
    const { keys } = await inspect(await buildRepository(), [
      same('sodium'),
      same('pgbackrest-pass'),
      same('password'),
    ]);
    expect(keys).toEqual([
      { source: 'key file k', opens: true, detail: 'opens archive.info and backup.info of the stanza demo' },
    ]);
  });

  test('reads the info files only', async () => {
    const root = await buildRepository();
    const steps = new Set<string>();
    await inspect(root, [pass('own pass', repositoryPass)], (step) => steps.add(step));
    expect([...steps].every((it) => /(?:archive|backup)\.info(?:\.copy)?$/.test(it))).toBe(true);
  });
});

describe('a bucket of WAL-G', () => {
  const older = 'base_000000010000000000000002';

  test('says for which backups and WAL each key is, when the key was changed in between', async () => {
    const root = await buildBucket({
      isEncrypted: true,
      backups: [fullBackup({ name: older, sentinel: { StartTime: '2026-01-30T10:00:00Z' } }), fullBackup()],
    });
    const former = new Uint8Array(32).fill(7);
    for (const object of objectsOf(root).filter((it) => it.includes(`${older}/tar_partitions`)))
      writeFileSync(path.join(root, object), await all(encryptSodium(once(Buffer.alloc(500, 'x')), former)));
    const { keys } = await inspect(root, [
      wrongSodium(),
      sodiumOffer(),
      { ...sodiumOffer(former), source: 'former key' },
      openpgp(),
    ]);
    const [wrong, current, old, foreign] = keys ?? [];
    expect(wrong).toMatchObject({ source: 'another sodium key', opens: false });
    expect(current).toMatchObject({ source: 'the test’s key', opens: true });
    expect(current?.detail).toMatch(
      new RegExp(`^sodium, fingerprint .*: opens backup ${full}, WAL 000000010000000000000008; not backup ${older}$`),
    );
    expect(old?.detail).toContain(`opens backup ${older}; not backup ${full}, WAL`);
    expect(foreign).toEqual({
      source: 'private key',
      opens: false,
      detail: 'a key of this kind opens nothing here',
    });
  });

  test('a wrong key transform is named', async () => {
    const root = await buildBucket({ isEncrypted: true });
    const hex = Buffer.from(Buffer.from(key).toString('hex'));
    const { keys } = await inspect(root, [
      { kind: 'sodium', source: 'k', bytes: new Uint8Array(hex), keyTransform: 'base64' },
    ]);
    expect(keys?.[0]).toMatchObject({ opens: false, detail: expect.stringContaining('but it does with hex') });
  });

  test('OpenPGP: a private key opens it, a password and a libsodium key do not', async () => {
    const root = await buildBucket();
    for (const object of objectsOf(root).filter((it) => /tar_partitions|wal_005/.test(it))) {
      const place = path.join(root, object);
      writeFileSync(place, await all(encryptToKeys(once(readFileSync(place)), vector('key.pub.asc'))));
    }
    const { keys } = await inspect(root, [
      sodiumOffer(),
      { kind: 'password', source: 'a password', bytes: new Uint8Array(Buffer.from('geheim')) },
      openpgp(),
    ]);
    expect(keys?.map((it) => it.opens)).toEqual([false, false, true]);
    expect(keys?.[2]?.detail).toMatch(/^openpgp, fingerprint [0-9A-F]{40}: opens backup /);
  });

  test('several clusters answer by name; a plain one has nothing to open', async () => {
    const root = await buildBucket({ isEncrypted: true, prefix: 'one' });
    await buildBucket({ root, prefix: 'two' });
    const { keys } = await inspect(root, [sodiumOffer()]);
    expect(keys?.[0]?.detail).toContain(`opens one: backup ${full}, one: WAL`);
    const plain = await inspect(await buildBucket(), [sodiumOffer()]);
    expect(plain.keys?.[0]).toMatchObject({ opens: false, detail: 'there is nothing to open: it is not encrypted' });
  });

  test('of each object the start is enough', async () => {
    const root = await buildBucket({ isEncrypted: true });
    for (const object of objectsOf(root).filter((it) => /tar_partitions|wal_005/.test(it))) {
      const place = path.join(root, object);
      // Everything behind the first chunk is gone: that is for a test-restore to say.
      writeFileSync(place, readFileSync(place).subarray(0, 24 + 8_192 + 17));
    }
    const { keys } = await inspect(root, [sodiumOffer()]);
    expect(keys?.[0]?.opens).toBe(true);
    expect(readdirSync(root).sort()).toEqual(['basebackups_005', 'wal_005']);
  });
});

async function inspect(
  archive: string,
  keys: KeyOffer[],
  onStep: (step: string) => void = () => undefined,
): Promise<Inspection> {
  const context: RunContext = {
    signal: new AbortController().signal,
    progress: (step) => onStep(step),
    expectBytes: () => undefined,
  };
  const outcome = await runJob({ kind: 'inspect', archive, keys }, context);
  if (!outcome.ok) throw new Error(outcome.failure.message);
  return outcome.value;
}
