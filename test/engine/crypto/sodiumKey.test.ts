import { describe, expect, test } from 'vitest';
import { likelyTransform, possibleSodiumKeys, sodiumKey } from '../../../engine/src/crypto/sodiumKey.ts';
import { type Failure, RestoreError } from '../../../engine/src/failure.ts';

const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => 200 - index));
const hex = bytes.toString('hex');
const base64 = bytes.toString('base64');

describe('the transform decides what a key text means', () => {
  test('hex takes upper and lower case, base64 takes line ends anywhere, both exactly 32 bytes', () => {
    expect(read(hex, 'hex')).toEqual(bytes);
    expect(read(hex.toUpperCase(), 'hex')).toEqual(bytes);
    expect(read(base64, 'base64')).toEqual(bytes);
    expect(read(`${base64.slice(0, 20)}\r\n${base64.slice(20)}\n`, 'base64')).toEqual(bytes);
    expect(read(`\n  ${hex}\r\n`, 'hex')).toEqual(bytes);
  });

  test('none pads 25 to 31 bytes with zeros, cuts after 32, and says so', () => {
    expect(read('0123456789abcdef0123456789abcdef', 'none')).toEqual(Buffer.from('0123456789abcdef0123456789abcdef'));
    const short = sodiumKey(text('a'.repeat(25)), 'none');
    expect(Buffer.from(short.key.reveal())).toEqual(Buffer.from('a'.repeat(25) + '\0'.repeat(7)));
    expect(short.note).toContain('25 bytes');
    const long = sodiumKey(text(hex), 'none');
    expect(Buffer.from(long.key.reveal())).toEqual(Buffer.from(hex.slice(0, 32)));
    expect(long.note).toContain('64 bytes');
  });

  test.each([
    ['a'.repeat(24), 'none', 'the key is 24 bytes'],
    [hex.slice(0, 62), 'hex', 'the key is 31 bytes after key transform hex'],
    [hex.slice(0, 63), 'hex', 'odd number of digits (63)'],
    [`0x${hex}`, 'hex', 'character 2 of the key is no hex digit'],
    [`${hex.slice(0, 32)} ${hex.slice(32)}`, 'hex', 'character 33 '],
    [hex, 'base64', 'the key is 48 bytes after key transform base64'],
    [base64, 'hex', 'is no hex digit'],
    [base64.slice(0, 43), 'base64', '43 characters are no whole base64'],
    [Buffer.from(hex).toString('base64'), 'base64', 'the key is 64 bytes'],
    [base64.replace(/[+/]/g, '-').replace(/^./, '_'), 'base64', 'character 1 of the key is not of the base64 alphabet'],
    [`${base64.slice(0, 10)} ${base64.slice(10)}`, 'base64', 'character 11 '],
    ['', 'hex', 'the key is 0 bytes'],
  ] as const)('a key that does not fit is refused by its length or place (%#)', (key, transform, message) => {
    const failure = failureOf(() => sodiumKey(text(key), transform));
    expect(failure.code).toBe('usage');
    expect(failure.message).toContain(message);
    expect(failure.hint).toBeTruthy();
    if (key.length > 8) expect(JSON.stringify(failure)).not.toContain(key.slice(0, 8));
  });

  test('64 hex digits read as base64 are recognised for what they are', () => {
    expect(failureOf(() => sodiumKey(text(hex), 'base64')).hint).toContain('transform hex');
  });
});

test('without a transform every reading that fits is offered, the likeliest first', () => {
  expect(possibleSodiumKeys(text(hex)).map((it) => it.transform)).toEqual(['hex', 'none']);
  expect(possibleSodiumKeys(text(base64)).map((it) => it.transform)).toEqual(['base64', 'none']);
  expect(possibleSodiumKeys(text('short'))).toEqual([]);
  const raw = Uint8Array.from([...bytes.subarray(0, 31), 0x0a]);
  expect(possibleSodiumKeys(raw).map((it) => [...it.key.reveal()])).toContainEqual([...raw]);
  expect([
    likelyTransform(text(`${hex}\n`)),
    likelyTransform(text(base64)),
    likelyTransform(text('a'.repeat(32))),
  ]).toEqual(['hex', 'base64', 'none']);
});

function read(key: string, transform: 'hex' | 'base64' | 'none'): Buffer {
  return Buffer.from(sodiumKey(text(key), transform).key.reveal());
}

function text(key: string): Uint8Array {
  return new TextEncoder().encode(key);
}

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof RestoreError) return error.failure;
    throw error;
  }
  throw new Error('expected a failure');
}
