/** Messages that OpenSSL and Bouncy Castle wrote once (test/vectors/cms), and hostile ones. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ByteReader, concat } from '../../../engine/src/bytes.ts';
import { BER, encodeBer, encodeObjectId, stringBytes } from '../../../engine/src/crypto/ber.ts';
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
  ['x25519.der', () => pem('x25519'), ['X25519']],
  ['attributes-gcm.der', () => pem('rsa'), ['RSA']],
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

test('a changed attribute is a changed message', async () => {
  const message = vector('cms/attributes-gcm.der');
  // The tag stands at the end, the time among the attributes in front of it.
  const attributes = message.subarray(-80, -18);
  expect(Buffer.from(attributes).includes(Buffer.from('2611'))).toBe(true);
  for (let at = message.length - 80; at < message.length; at++) {
    const changed = Uint8Array.from(message);
    (changed[at] as number) ^= 1;
    const opened = openCms(pieces(changed, 1_000), [pem('rsa')]);
    const failure = await opened.then(({ plain: it }) => all(it)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ failure: { code: expect.stringMatching(/^(?:damaged|truncated)$/) } });
  }
});

describe('hostile structures', () => {
  const envelope = (recipients: Uint8Array) =>
    encodeBer(
      BER.sequence,
      encodeObjectId('1.2.840.113549.1.7.3'),
      encodeBer(0xa0, encodeBer(BER.sequence, encodeBer(BER.integer, new Uint8Array(1)), recipients)),
    );

  test('more elements than any message has are refused before they fill the memory', async () => {
    const nothings = Buffer.alloc(3_000_000, Buffer.from([5, 0]));
    await expectFailure('damaged', openCms(pieces(envelope(encodeBer(BER.set, nothings)), 65_536), []));
  });

  test('strings in strings in strings end somewhere', async () => {
    const nested = concat([Buffer.alloc(200_000, Buffer.from([0x24, 0x80])), Buffer.from([4, 1, 0])]);
    const reader = new ByteReader(pieces(nested, 1_000));
    await expectFailure('damaged', all(stringBytes(reader, { tag: 0xa0, length: undefined })));
  });

  test('a length larger than the file is a cut, one larger than any file is damage', async () => {
    for (const [length, code] of [
      [[0x84, 0xff, 0xff, 0xff, 0xff], 'truncated'],
      [[0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 'damaged'],
      [[0xff], 'truncated'],
    ] as const) {
      const message = concat([Uint8Array.of(0x30, ...length), encodeObjectId('1.2.840.113549.1.7.3')]);
      await expectFailure(code, openCms(pieces(message, 7), []));
    }
  });

  test('names without end are not repeated', async () => {
    const name = encodeBer(BER.sequence, encodeBer(BER.sequence), encodeBer(BER.integer, Buffer.alloc(500_000, 7)));
    const recipient = encodeBer(BER.sequence, encodeBer(BER.integer, new Uint8Array(1)), name);
    const id = concat([Uint8Array.of(6, 0x82, 0x03, 0xe8), Buffer.alloc(1_000, 1)]);
    for (const cipher of [encodeObjectId('2.16.840.1.101.3.4.1.42'), id]) {
      const iv = encodeBer(BER.octetString, new Uint8Array(16));
      const content = encodeBer(
        BER.sequence,
        encodeObjectId('1.2.840.113549.1.7.1'),
        encodeBer(BER.sequence, cipher, iv),
        encodeBer(0x80, new Uint8Array(16)),
      );
      const message = envelope(concat([encodeBer(BER.set, recipient), content]));
      const failure = await openCms(pieces(message, 5_000), [pem('rsa')]).catch((error: unknown) => error as Error);
      expect((failure as Error).message.length).toBeLessThan(300);
    }
  });
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
