/** Messages of openssl cms and smime that OpenSSL wrote once (test/vectors/cms). */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../engine/src/bytes.ts';
import { type CmsOffer, openCms, readCmsHead, wayOf } from '../../../engine/src/crypto/cms.ts';
import { decodeCmsText } from '../../../engine/src/crypto/cmsText.ts';
import { all, expectFailure, pieces } from '../pieces.ts';

const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../../vectors/${name}`, import.meta.url)));
const plain = vector('openpgp/plain.sql');
const pem = (name: string): CmsOffer => ({ kind: 'pem', bytes: vector(`cms/${name}.key.pem`) });
const password = (text: string): CmsOffer => ({ kind: 'password', bytes: new Uint8Array(Buffer.from(text)) });
const shared = (): CmsOffer => ({ kind: 'password', bytes: vector('cms/shared.key') });

const MESSAGES: [name: string, offer: () => CmsOffer, ways: string[]][] = [
  ['cbc.der', () => pem('rsa'), ['RSA']],
  ['stream.der', () => pem('rsa'), ['RSA']],
  ['gcm.der', () => pem('rsa'), ['RSA']],
  ['ec.pem', () => pem('ec'), ['ECDH']],
  ['two.der', () => pem('ec'), ['RSA', 'ECDH']],
  ['smime.txt', () => pem('rsa'), ['RSA']],
  ['password.der', () => password('correct horse'), ['a password']],
  ['shared-key.der', shared, ['a shared key named 616263']],
  ['shared-key-gcm.der', shared, ['a shared key named 616263']],
  ['encrypted-data.der', shared, ['a shared key']],
];

describe.each(MESSAGES)('%s', (name, offer, ways) => {
  test('says who can open it, and is opened, however it is cut into pieces', async () => {
    const head = await readCmsHead(new ByteReader(stored(name)));
    expect(head.recipients.map(wayOf).map((it, index) => it.includes(ways[index] as string))).toEqual(
      ways.map(() => true),
    );
    expect(head.isAuthenticated).toBe(name.includes('gcm'));
    for (const size of [1, 100, Number.POSITIVE_INFINITY]) {
      const opened = await openCms(stored(name, size), [password('wrong'), offer()]);
      expect(opened.offer).toBe(1);
      expect(opened.isKeyProven).toBe(true);
      expect(await all(opened.plain)).toEqual(plain);
    }
  });

  test('with another key is a wrong key', async () => {
    const others = [password('wrong'), password('00'.repeat(32)), password('ff'.repeat(16))];
    const failure = await expectFailure('wrong-key', openCms(stored(name), others));
    expect(failure.hint).toMatch(/Offer the (?:private key|key that was given)/);
  });
});

test('two thousand wrong shared keys open neither a message for one nor its contents', async () => {
  const random = seeded(20_261_122);
  for (const name of ['small-shared-key.der', 'small-encrypted-data.der']) {
    for (let round = 0; round < 1_000; round++) {
      const key = Buffer.from(Array.from({ length: 32 }, () => random())).toString('hex');
      try {
        const opened = await openCms(stored(name), [password(key)]);
        // The padding fits once in 256 times: that is no proof, and is not said to be one.
        expect(opened.isKeyProven, key).toBe(false);
      } catch (error) {
        expect(error).toMatchObject({ failure: { code: 'wrong-key' } });
      }
    }
  }
});

test('RC2 is named, with what reads it', async () => {
  const failure = await expectFailure('unsupported', openCms(stored('rc2.der'), [pem('rsa')]));
  expect(failure.message).toContain('RC2');
  expect(failure.hint).toContain('-provider legacy');
});

function stored(name: string, size = Number.POSITIVE_INFINITY): AsyncIterable<Uint8Array> {
  const input = pieces(vector(`cms/${name}`), size);
  return /\.(?:pem|txt)$/.test(name) ? decodeCmsText(input) : input;
}

/** Bytes that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  };
}
