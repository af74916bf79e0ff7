/** Every cut and every flipped bit of small archives: whatever is called authentic or restorable is what was written. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { once } from '../../../engine/src/bytes.ts';
import { encryptOpenssl } from '../../../engine/src/crypto/openssl.ts';
import { encryptPgbackrest } from '../../../engine/src/crypto/pgbackrest.ts';
import { encryptSodium } from '../../../engine/src/crypto/sodium.ts';
import type { KeyOffer, TestRestoreJob } from '../../../engine/src/job.ts';
import type { Report } from '../../../engine/src/report.ts';
import { runJob } from '../../../engine/src/run.ts';
import { quietContext } from '../../../engine/src/run-context.ts';
import { Secret } from '../../../engine/src/secret.ts';
import { all } from '../pieces.ts';

const dump = Buffer.from(
  "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\nCREATE TABLE t (a int);\n\n--\n-- PostgreSQL database dump complete\n--\n",
);
const sodiumKey = new Uint8Array(32).map((_, index) => index);
const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../../vectors/${name}`, import.meta.url)));
const sodium = (): KeyOffer => ({ kind: 'sodium', source: 'k', bytes: sodiumKey.slice(), keyTransform: 'none' });
const password = (): KeyOffer => ({ kind: 'password', source: 'p', bytes: new Uint8Array(Buffer.from('correct')) });
const openpgp = (): KeyOffer => ({ kind: 'openpgp', source: 'o', bytes: vector('openpgp/key.asc') });
const pem = (): KeyOffer => ({ kind: 'pem', source: 'c', bytes: vector('cms/ec.key.pem') });
const sharedKey = (): KeyOffer => ({ kind: 'password', source: 's', bytes: vector('cms/shared.key') });
const repositoryPass = (): KeyOffer => ({
  kind: 'pgbackrest-pass',
  source: 'r',
  bytes: new Uint8Array(Buffer.from('correct')),
});
const pgbackrestFile = (contents: Uint8Array) => all(encryptPgbackrest(once(contents), Secret.fromText('correct')));
const scheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: 10 } as const;
const options = { cipher: 'aes-256-cbc', digest: 'sha256', pbkdf2: true, iterations: 10 } as const;
const KINDS: [name: string, key: (() => KeyOffer) | undefined, make: () => Promise<Uint8Array>, everyBit: number][] = [
  ['a.sql.gz', undefined, async () => gzipSync(dump), 1],
  ['a.sql.br', undefined, async () => brotliCompressSync(dump), 1],
  ['a.sql', sodium, () => all(encryptSodium(once(dump), sodiumKey)), 1],
  ['a.sql.gz', sodium, () => all(encryptSodium(once(gzipSync(dump)), sodiumKey)), 3],
  ['a.sql.gz.enc', password, () => all(encryptOpenssl(once(gzipSync(dump)), Buffer.from('correct'), scheme)), 3],
  ['a.sql.gpg', openpgp, async () => vector('openpgp/key.gpg'), 11],
  ['a.sql.asc', openpgp, async () => armored(vector('openpgp/key.gpg')), 61],
  ['a.sql.gz.pgbackrest', repositoryPass, async () => pgbackrestFile(gzipSync(dump)), 7],
  ['a.sql.gcm', pem, async () => vector('cms/small-gcm.der'), 13],
  ['a.sql.cms', pem, async () => vector('cms/small-cbc.der'), 13],
  ['a.sql.shared', sharedKey, async () => vector('cms/small-shared-key.der'), 7],
  ['a.sql.direct', sharedKey, async () => vector('cms/small-encrypted-data.der'), 7],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'restorable-damage-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(KINDS)('%s', (name, key, make, everyBit) => {
  test('cut at any byte is never complete, authentic or restorable', async () => {
    const whole = await make();
    expect((await testRestore(name, whole, key)).verdict).toMatchObject({ decrypted: true, complete: true });
    for (let length = 0; length < whole.length; length++) {
      const { verdict, failure } = await testRestore(name, whole.subarray(0, length), key);
      expect([verdict.complete, verdict.restorable, verdict.authentic], `${length} bytes`).not.toContain(true);
      expect(failure, `${length} bytes`).not.toBeNull();
    }
  });

  test('with any bit flipped is noticed, or is what was written all the same', async () => {
    const whole = await make();
    for (let bit = 0; bit < whole.length * 8; bit += everyBit) {
      const changed = whole.slice();
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const { verdict } = await testRestore(name, changed, key);
      if (verdict.authentic !== true && verdict.restorable !== true) continue;
      expect(await restored(name, changed, key), `bit ${bit}`).toEqual(await restored(name, whole, key));
    }
  });
});

function armored(message: Uint8Array): Uint8Array {
  const lines =
    Buffer.from(message)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return Buffer.from(['-----BEGIN PGP MESSAGE-----', '', ...lines, '-----END PGP MESSAGE-----'].join('\n'));
}

async function testRestore(
  name: string,
  bytes: Uint8Array,
  key: (() => KeyOffer) | undefined,
  more: Partial<TestRestoreJob> = {},
): Promise<Report> {
  const archive = path.join(folder, name);
  writeFileSync(archive, bytes);
  const outcome = await runJob(
    { kind: 'test-restore', archive, keys: key ? [key()] : [], openssl: options, ...more },
    quietContext(),
  );
  if (!outcome.ok) throw new Error(outcome.failure.message);
  return outcome.value[0] as Report;
}

/** What comes out with --to, decompressed where it is compressed. */
async function restored(name: string, bytes: Uint8Array, key: (() => KeyOffer) | undefined): Promise<Buffer> {
  const to = mkdtempSync(path.join(folder, 'to-'));
  const { restoredTo } = await testRestore(name, bytes, key, { to });
  expect(restoredTo).not.toBeNull();
  const [file = ''] = readdirSync(to);
  return readFileSync(path.join(to, file)).subarray(file.endsWith('.gz') ? 10 : 0);
}
