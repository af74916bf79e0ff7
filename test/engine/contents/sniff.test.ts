import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isBrotli } from '../../../engine/src/contents/checkContents.ts';
import { isText, looksMeaningful, sniff } from '../../../engine/src/contents/sniff.ts';

const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../../vectors/${name}`, import.meta.url)));
const hex = (it: string) => new Uint8Array(Buffer.from(it, 'hex'));
const text = (it: string) => new TextEncoder().encode(it);

describe('the first bytes say what something is', () => {
  test.each([
    ['gzip', gzipSync('x')],
    ['zstd', hex('28b52ffd24')],
    ['lz4', hex('04224d186470b9')],
    ['xz', hex('fd377a585a0000')],
    ['lzma', hex('5d00008000ffffffffffffffff')],
    ['bzip2', hex('425a68393141592653590000')],
    ['zip', hex('504b030414')],
    ['openpgp', vector('openpgp/key.gpg')],
    ['openpgp', vector('openpgp/password.gpg')],
    ['openpgp', vector('openpgp/key-ocb.gpg')],
    ['openpgp armored', vector('openpgp/two-armored.gpg')],
    ['openpgp key', vector('openpgp/key.asc')],
    ['openssl', text('Salted__12345678')],
    ['openssl base64', text('U2FsdGVkX19Z')],
    ['age', text('age-encryption.org/v1\n')],
    ['pkcs7', hex('308006092a864886f70d010703a080')],
    ['pkcs7', hex('3082012306092a864886f70d010703a080')],
    ['yckms', text('yckms\x01')],
    ['pg_dump custom', vector('pg_dump/18.dump')],
    ['pg_dump plain', vector('pg_dump/15.sql')],
    ['pg_dumpall plain', vector('pg_dump/15-all.sql')],
    ['pg_dump tar', vector('pg_dump/15.tar')],
    ['sqlite', text('SQLite format 3\0')],
    ['pgbackrest info', text('[backrest]\nbackrest-format=5\n')],
    ['pem key', text('-----BEGIN PRIVATE KEY-----\n')],
    ['json', text('{\n  "a": 1}')],
    ['text', text('just some words, no more\n')],
    ['text', text('ünïcödé is text as well, größer')],
  ])('%s', (kind, bytes) => expect(sniff(new Uint8Array(bytes))).toBe(kind));

  test('WAL of a segment', () => {
    const page = new Uint8Array(8_192);
    page.set([0x10, 0xd1, 0x02, 0x00]);
    new DataView(page.buffer).setUint32(32, 16 * 2 ** 20, true);
    new DataView(page.buffer).setUint32(36, 8_192, true);
    expect(sniff(page)).toBe('wal segment');
  });

  test('nothing at all says nothing', () => expect(sniff(new Uint8Array(0))).toBeUndefined());
});

describe('noise', () => {
  const noises = Array.from({ length: 2_000 }, (_, index) => noise(`${index}`, 512));

  test('is hardly ever taken for something', () => {
    const strong = noises.filter((it) => {
      const kind = sniff(it);
      return kind !== undefined && kind !== 'openpgp';
    });
    expect(strong).toEqual([]);
    expect(noises.filter((it) => sniff(it) === 'openpgp').length).toBeLessThan(20);
  });

  test('does not look meaningful, not even short', () => {
    for (const length of [32, 64, 300, 512])
      expect(noises.filter((it) => looksMeaningful(it.subarray(0, length)))).toEqual([]);
  });
});

test('text, tables and compressed data with a signature look meaningful', () => {
  expect(looksMeaningful(text('hello wal-g\n'))).toBe(true);
  expect(looksMeaningful(new Uint8Array(1_000))).toBe(true);
  expect(looksMeaningful(Uint8Array.from({ length: 2_000 }, (_, index) => index >> 3))).toBe(true);
  expect(looksMeaningful(gzipSync(noise('x', 500)))).toBe(true);
  expect(looksMeaningful(vector('pg_dump/15.dump'))).toBe(true);
});

test('text may be cut inside a character, and be Latin-1', () => {
  const bytes = text(`${'a'.repeat(100)}é`);
  expect(isText(bytes.subarray(0, 101))).toBe(true);
  expect(isText(Buffer.from(`${'schöne Grüße '.repeat(20)}`, 'latin1'))).toBe(true);
  expect(isText(new Uint8Array([1, 2, 3]))).toBe(false);
});

test('brotli is known by decoding its start', () => {
  expect(isBrotli(brotliCompressSync(text('some text '.repeat(1_000))))).toBe(true);
  expect(isBrotli(brotliCompressSync(text('some text '.repeat(100_000))).subarray(0, 30))).toBe(true);
  expect(Array.from({ length: 300 }, (_, index) => noise(`b${index}`, 4_096)).filter(isBrotli)).toEqual([]);
});

/** Bytes that no compressor makes smaller and that are the same in every run. */
function noise(seed: string, length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let index = 0; index * 32 < length; index++)
    parts.push(createHash('sha256').update(`${seed} ${index}`).digest());
  return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}
