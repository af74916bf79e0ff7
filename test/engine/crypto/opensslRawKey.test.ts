import { createCipheriv } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decryptWithRawKey } from '../../../engine/src/crypto/openssl.ts';
import { fitRawKey, rawKeyIn } from '../../../engine/src/crypto/opensslRawKey.ts';
import { RestoreError } from '../../../engine/src/failure.ts';
import { all, expectFailure, pieces } from '../pieces.ts';

const dump = Buffer.from(`--\n-- PostgreSQL database dump\n--\n\n${'INSERT INTO t VALUES (1);\n'.repeat(800)}`);
const keyHex = 'c0ffee'.padEnd(64, '5');
const ivHex = '0123456789abcdef'.repeat(2);

describe('a key file holds a key itself', () => {
  test.each([
    ['its hex digits', `${keyHex}\n`, undefined],
    ['with 0x, upper case and a carriage return', `0x${keyHex.toUpperCase()}\r\n`, undefined],
    ['as openssl enc -P prints it', `salt=0011223344556677\nkey=${keyHex.toUpperCase()}\niv =${ivHex}\n`, ivHex],
  ])('%s', (_, text, iv) => {
    const found = rawKeyIn(Buffer.from(text));
    expect(Buffer.from(found?.key ?? []).toString('hex')).toBe(keyHex);
    expect(found?.iv && Buffer.from(found.iv).toString('hex')).toBe(iv);
  });

  test.each(['correct horse', keyHex.slice(1), `${keyHex}00`, '', 'key=secret'])('%s is a password', (text) => {
    expect(rawKeyIn(Buffer.from(text))).toBeUndefined();
  });
});

describe.each(['aes-256-cbc', 'aes-128-cbc', 'aes-192-ctr', 'aes-256-cfb', 'aes-256-ecb'])('%s', (cipher) => {
  const digits = (Number(cipher.slice(4, 7)) / 8) * 2;
  const encrypt = (contents: Uint8Array) => {
    const iv = cipher.endsWith('ecb') ? Buffer.alloc(0) : Buffer.from(ivHex, 'hex');
    const it = createCipheriv(cipher, Buffer.from(keyHex.slice(0, digits), 'hex'), iv);
    return new Uint8Array(Buffer.concat([it.update(contents), it.final()]));
  };
  const key = () => ({ key: new Uint8Array(Buffer.from(keyHex.slice(0, digits), 'hex')), iv: undefined });

  test.each([
    ['text', dump],
    ['gzip', gzipSync(dump)],
  ])('%s is opened with key and IV, the cipher found by the contents', async (_, contents) => {
    const stored = encrypt(contents);
    const { raw, provenBy } = fitRawKey({ bytes: stored, size: stored.length }, key(), { iv: ivHex });
    expect(provenBy).toBe('contents');
    expect(raw.cipher).toBe(cipher);
    expect(await all(decryptWithRawKey(pieces(stored, 1_000), raw))).toEqual(new Uint8Array(contents));
  });

  test('a thousand other keys open nothing', () => {
    const stored = encrypt(dump);
    for (let number = 0; number < 1_000; number++) {
      const other = Buffer.alloc(digits / 2);
      other.writeUInt32BE(number * 7_919 + 1);
      const fit = () => fitRawKey({ bytes: stored, size: stored.length }, { key: other, iv: undefined }, { iv: ivHex });
      expect(fit, `key ${number}`).toThrow(RestoreError);
    }
  });
});

test('an IV is not guessed where a wrong one would change the first block only', async () => {
  const iv = Buffer.alloc(16);
  const it = createCipheriv('aes-256-cbc', Buffer.from(keyHex, 'hex'), iv);
  const stored = new Uint8Array(Buffer.concat([it.update(dump), it.final()]));
  const key = () => ({ key: new Uint8Array(Buffer.from(keyHex, 'hex')), iv: undefined });
  const start = { bytes: stored, size: stored.length };
  const failure = await expectFailure('usage', (async () => fitRawKey(start, key(), {}))());
  expect(failure.hint).toContain('--iv');
  await expectFailure('wrong-key', (async () => fitRawKey(start, key(), { iv: 'ff'.repeat(16) }))());
  expect(fitRawKey(start, key(), { iv: '0' })).toMatchObject({ provenBy: 'contents', raw: { cipher: 'aes-256-cbc' } });
  await expectFailure('usage', (async () => fitRawKey(start, key(), { iv: 'not hex' }))());
});

test.each([
  ['Latin-1', Buffer.from('-- Größe, Länge, Übermaß\n'.repeat(40), 'latin1')],
  ['Latin-1 at its start only', Buffer.concat([Buffer.from('-- für später\n', 'latin1'), dump])],
])('an IV fits a text in %s; another one is told', (_, contents) => {
  const [key, iv] = [Buffer.from(keyHex, 'hex'), Buffer.from(ivHex, 'hex')];
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const stored = Buffer.concat([cipher.update(contents), cipher.final()]);
  const start = { bytes: stored.subarray(0, 8_192), size: stored.length, tail: stored.subarray(-32) };
  const fit = fitRawKey(start, { key, iv: undefined }, { cipher: 'aes-256-cbc', iv: ivHex });
  expect(fit).toMatchObject({ provenBy: 'contents', note: expect.stringContaining('first 16 bytes') });
  const zeros = '00'.repeat(16);
  expect(() => fitRawKey(start, { key, iv: undefined }, { cipher: 'aes-256-cbc', iv: zeros })).toThrow(
    'IV does not fit',
  );
});
