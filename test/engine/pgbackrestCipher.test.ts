import { execFileSync, spawnSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { once } from '../../engine/src/bytes.ts';
import {
  decryptPgbackrest,
  decryptPgbackrestBytes,
  decryptStart,
  encryptPgbackrest,
} from '../../engine/src/crypto/pgbackrest.ts';
import { Secret } from '../../engine/src/secret.ts';
import { all, expectFailure, pieces, watched } from './pieces.ts';

/** PG_VERSION.gz of a real repository of pgBackRest 2.45, and the same file raw and zst from 2.59. Their passes open nothing else. */
const VECTORS = [
  {
    name: 'Salted__',
    isRaw: false,
    pass: 'eB1ZEH7lFnS8d0UFNwjhfn5APNd7b5FcVufoMu7OMFzk2wYCp573qHVFV2SExfUI',
    stored: '53616c7465645f5fedd1a238a1de7f7893f49576c365953054ef43d71caf026ce0b11475948542a27de8aa60e8d6ed0a',
    plain: '1f8b08000000000000033334e502001d7d0c9803000000',
  },
  {
    name: 'raw',
    isRaw: true,
    pass: '1AxjOtgdvlpdE0G6jQgpD1r6la1daYuohL7MpB44zgSFuqGvlD9AM53KRxcb7XMr',
    stored: 'd5aab24baf2393edb0f9c710768850a67571628eb3db4789',
    plain: '28b52ffd005819000031350a',
  },
];

describe.each(VECTORS)('$name', ({ isRaw, pass, stored: hex, plain }) => {
  const secret = Secret.fromText(pass);
  const stored = Buffer.from(hex, 'hex');

  test('decrypts the real bytes, whole, in single bytes, in odd pieces', async () => {
    for (const size of [Number.POSITIVE_INFINITY, 1, 7]) {
      expect(toHex(await all(decryptPgbackrest(pieces(stored, size), secret, { isRaw })))).toBe(plain);
    }
    expect(toHex(decryptPgbackrestBytes(stored, secret, { isRaw }))).toBe(plain);
  });

  test('cut short anywhere is never accepted; inside a block it is truncated', async () => {
    const header = isRaw ? 8 : 16;
    for (let length = 0; length < stored.length; length++) {
      const cut = stored.subarray(0, length);
      const isWhole = length > header && (length - header) % 16 === 0;
      const failure = await expectFailure(
        isWhole ? 'damaged' : 'truncated',
        decryptPgbackrest(pieces(cut, 5), secret, { isRaw, isKeyProven: true }),
      );
      if (!isWhole) expect(failure.offset).toBe(length);
      expect(() => decryptPgbackrestBytes(cut, secret, { isRaw })).toThrow();
    }
  });

  test('the output of a wrong pass is never the plaintext; bad padding is a wrong key, or damage once the key is proven', async () => {
    const wrong = Secret.fromText(`${pass}x`);
    await expectFailure('wrong-key', decryptPgbackrest(once(stored), wrong, { isRaw }));
    await expectFailure('damaged', decryptPgbackrest(once(stored), wrong, { isRaw, isKeyProven: true }));
    expect(decryptStart(stored, wrong, { isRaw })).not.toEqual(decryptStart(stored, secret, { isRaw }));
  });

  test('the start of an object decrypts without its end', () => {
    const start = decryptStart(stored.subarray(0, (isRaw ? 8 : 16) + 16), secret, { isRaw });
    expect(toHex(start)).toBe(plain.padEnd(32, '04').slice(0, 32));
    expect(decryptStart(stored.subarray(0, 12), secret, { isRaw })).toHaveLength(0);
  });
});

test('a plain object is not encrypted; one with a damaged magic is damaged', async () => {
  const secret = Secret.fromText('any');
  await expectFailure('not-encrypted', decryptPgbackrest(once(Buffer.from('[backrest]\nbackrest-format=5\n')), secret));
  const failure = await expectFailure(
    'damaged',
    decryptPgbackrest(once(Buffer.from('Saltec__12345678aaaaaaaaaaaaaaaa')), secret),
  );
  expect(failure.offset).toBe(0);
});

test('what we encrypt comes back at every length around a block, with another salt each time', async () => {
  const secret = Secret.fromText('correct horse battery staple');
  for (const isRaw of [false, true]) {
    for (const length of [0, 1, 15, 16, 17, 31, 32, 100_000]) {
      const plain = Buffer.alloc(length, 'backup');
      const stored = await all(encryptPgbackrest(pieces(plain, 4093), secret, { isRaw }));
      expect(stored.length).toBe((isRaw ? 8 : 16) + (Math.floor(length / 16) + 1) * 16);
      expect(await all(decryptPgbackrest(pieces(stored, 1001), secret, { isRaw }))).toEqual(new Uint8Array(plain));
      expect(await all(encryptPgbackrest(once(plain), secret, { isRaw }))).not.toEqual(stored);
    }
  }
});

test('closing the output closes the input', async () => {
  const { stream, closed } = watched(pieces(Buffer.from(VECTORS[0]?.stored ?? '', 'hex'), 16));
  for await (const _ of decryptPgbackrest(stream, Secret.fromText(VECTORS[0]?.pass ?? ''))) break;
  expect(closed()).toBe(1);
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl && process.env.CI) throw new Error('openssl is missing; CI must have it');

test.skipIf(!hasOpenssl)('openssl reads what we encrypt, and we read what openssl encrypts', async () => {
  const plain = Buffer.from('select 1;\n'.repeat(1000));
  const pass = 'a pass with spaces, "quotes" and ünïcode';
  const options = ['-aes-256-cbc', '-md', 'sha1', '-pass', 'env:RESTORABLE_TEST_PASS'];
  const env = { ...process.env, RESTORABLE_TEST_PASS: pass };
  const ours = await all(encryptPgbackrest(once(plain), Secret.fromText(pass)));
  expect(execFileSync('openssl', ['enc', '-d', ...options], { input: ours, env, stdio: 'pipe' })).toEqual(plain);
  const theirs = execFileSync('openssl', ['enc', '-e', ...options], { input: plain, env, stdio: 'pipe' });
  expect(await all(decryptPgbackrest(once(theirs), Secret.fromText(pass)))).toEqual(new Uint8Array(plain));
});

test('the worked example is PostgreSQL 15', () => {
  const { pass, stored } = VECTORS[0] as (typeof VECTORS)[0];
  const plain = decryptPgbackrestBytes(Buffer.from(stored, 'hex'), Secret.fromText(pass));
  expect(gunzipSync(plain).toString()).toBe('15\n');
});

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
