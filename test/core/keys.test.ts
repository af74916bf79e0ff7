import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { mendedArmor, readArmor } from '../../server/src/core/keys/armor.ts';
import { sha256Hex } from '../../server/src/core/keys/digest.ts';
import { examplePrivateKey, examplePublicKey } from '../../server/src/core/keys/exampleKeys.ts';
import { type KeyTransform, sodiumKeyProblem } from '../../server/src/core/keys/sodiumKey.ts';
import { walgValue } from '../../server/src/core/keys/walgValue.ts';

test('the digest is SHA-256, at every length around its blocks', () => {
  for (let length = 0; length < 200; length++) {
    const bytes = randomBytes(length);
    expect(sha256Hex(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});

describe('what StackGres makes of the bytes of an entry', () => {
  const value = (...bytes: number[]) => walgValue(Uint8Array.from(bytes));

  test('line feeds at the end fall off, those inside and carriage returns stay', () => {
    expect(value(0x61, 0x0a, 0x62, 0x0d, 0x0a, 0x0a)).toEqual({ text: 'a\nb\r', isAltered: false, lostNewlines: 2 });
  });
  test('NUL bytes vanish, bytes that are no UTF-8 become replacement characters', () => {
    expect(value(0x61, 0x00, 0x62)).toEqual({ text: 'ab', isAltered: true, lostNewlines: 0 });
    expect(value(0x61, 0xff, 0x62)).toEqual({ text: 'a\ufffdb', isAltered: true, lostNewlines: 0 });
  });
  test('a replacement character that was written down is text', () => {
    expect(walgValue(new TextEncoder().encode('a\ufffdb')).isAltered).toBe(false);
  });
});

describe('what WAL-G makes of a libsodium key', () => {
  const bytes = randomBytes(32);
  const hex = bytes.toString('hex');
  const base64 = bytes.toString('base64');
  const url = Buffer.from(`fbff${hex.slice(4)}`, 'hex').toString('base64url');
  const twice = (text: string) => Buffer.from(text).toString('base64');
  const said = (text: string, transform: KeyTransform) => {
    const it = sodiumKeyProblem(text, transform);
    return it && `${it.kind} ${it.effect}: ${it.message}`;
  };

  test.each<[string, string, KeyTransform]>([
    ['hex as hex', hex, 'hex'],
    ['upper-case hex as hex', hex.toUpperCase(), 'hex'],
    ['base64 as base64', base64, 'base64'],
    ['base64 on two lines as base64', `${base64.slice(0, 20)}\r\n${base64.slice(20)}`, 'base64'],
    ['32 random characters as they are', base64.slice(0, 32), 'none'],
  ])('nothing to say: %s', (_, text, transform) => expect(said(text, transform)).toBe(undefined));

  test.each<[string, string, KeyTransform, string]>([
    [
      'hex as none',
      hex,
      'none',
      'transform silent: the key is 64 hex digits, but keyTransform is none: WAL-G takes its first 32 characters as the key',
    ],
    [
      'base64 as none',
      base64,
      'none',
      'transform silent: the key is base64 of 32 bytes, but keyTransform is none: WAL-G takes its first 32 characters as the key',
    ],
    [
      'base64 as hex',
      base64,
      'hex',
      'transform refused: the key is base64 of 32 bytes, which keyTransform hex does not read',
    ],
    [
      'hex as base64',
      hex,
      'base64',
      'length refused: the key is 48 bytes after base64, libsodium needs 32: it is 64 hex digits',
    ],
    ['half the hex', hex.slice(32), 'hex', 'length refused: the key is 16 bytes after hex, libsodium needs 32'],
    [
      'a lost hex digit',
      hex.slice(1),
      'hex',
      'length refused: the key is 63 hex digits, an odd number; libsodium needs 64',
    ],
    [
      '24 bytes of base64',
      randomBytes(24).toString('base64'),
      'base64',
      'length refused: the key is 24 bytes after base64, libsodium needs 32',
    ],
    [
      '0x',
      `0x${hex}`,
      'hex',
      'encoding refused: the key is 64 hex digits with 0x in front of it, which keyTransform hex does not read',
    ],
    [
      'quotes',
      `"${hex}"`,
      'hex',
      'encoding refused: the key is 64 hex digits with quotes around it, which keyTransform hex does not read',
    ],
    [
      'colons',
      hex.match(/../g)!.join(':'),
      'hex',
      'encoding refused: the key is 64 hex digits with colons, which keyTransform hex does not read',
    ],
    [
      'a carriage return',
      `${hex}\r`,
      'hex',
      'encoding refused: the key is 64 hex digits with a carriage return, which keyTransform hex does not read',
    ],
    [
      'a letter that is no digit',
      `${hex.slice(1)}g`,
      'hex',
      'encoding refused: character 64 of 64 is no hex digit; keyTransform hex reads nothing else',
    ],
    [
      'the URL alphabet',
      url,
      'base64',
      'encoding refused: the key is in the URL alphabet of base64 (- and _); WAL-G reads + and /',
    ],
    [
      'lost padding',
      base64.slice(0, 43),
      'base64',
      "encoding refused: the key's 43 characters are no whole base64: the = at the end is missing",
    ],
    [
      'base64 of hex, as hex',
      twice(hex),
      'hex',
      'encoding refused: the key is encoded twice: its base64 holds 64 hex digits',
    ],
    [
      'base64 of hex and a line break, as base64',
      twice(`${hex}\n`),
      'base64',
      'encoding refused: the key is encoded twice: its base64 holds 64 hex digits',
    ],
    [
      'base64 of base64, as none',
      twice(base64),
      'none',
      'encoding silent: the key is encoded twice: its base64 holds base64 of 32 bytes',
    ],
    [
      '24 bytes as they are',
      base64.slice(0, 24),
      'none',
      'length refused: the key is 24 bytes, keyTransform none needs at least 25',
    ],
    ['one byte', 'x', 'none', 'length refused: the key is 1 byte, keyTransform none needs at least 25'],
    [
      '31 bytes as they are',
      base64.slice(0, 31),
      'none',
      'length silent: the key is 31 bytes: WAL-G fills it up with 1 zero byte',
    ],
    [
      '33 bytes as they are',
      base64.slice(0, 33),
      'none',
      'length silent: the key is 33 bytes: with keyTransform none only the first 32 count',
    ],
    [
      'letters of two bytes count twice',
      'ä'.repeat(20),
      'none',
      'length silent: the key is 40 bytes: with keyTransform none only the first 32 count',
    ],
    [
      'words',
      'correct horse battery staple now',
      'none',
      'passphrase silent: the key looks like a passphrase that a person thought up: WAL-G takes it as it is, no key derivation takes place',
    ],
  ])('%s', (_, text, transform, expected) => expect(said(text, transform)).toBe(expected));

  test('no message shows the key', () => {
    for (const text of [hex, base64, url, twice(hex), `0x${hex}`, 'hunter2hunter2hunter2hunter2hunter2']) {
      for (const transform of ['hex', 'base64', 'none'] as const) {
        const { message = '', cure = '' } = sodiumKeyProblem(text, transform) ?? {};
        expect(`${message} ${cure}`).not.toContain(text.slice(2, 10));
      }
    }
  });

  test('what is certain is mended: the same 32 bytes in a form that WAL-G reads', () => {
    expect(sodiumKeyProblem(url, 'base64')?.newText).toBe(Buffer.from(url, 'base64url').toString('base64'));
    expect(sodiumKeyProblem(base64.slice(0, 43), 'base64')?.newText).toBe(base64);
    expect(sodiumKeyProblem(twice(hex), 'base64')).toMatchObject({ newText: hex, transform: 'hex' });
    expect(sodiumKeyProblem(hex.match(/../g)!.join(' '), 'hex')?.newText).toBe(hex);
  });
});

describe('armor, as WAL-G reads it', () => {
  const key = examplePrivateKey();

  test('whole, with Windows line ends, with a comment, and as one line with backslash-n', () => {
    for (const text of [
      key,
      key.trimEnd(),
      key.replaceAll('\n', '\r\n'),
      key.replace('\n\n', '\nComment: Ann <ann@example.org>\n\n'),
      key.replaceAll('\n', '\\n'),
      `some words before\n${key}`,
    ]) {
      expect(readArmor(text)).toMatchObject({ blocks: 1, problem: undefined, first: { type: 'private' } });
    }
  });

  test('only the first of several blocks is the key', () => {
    const both = readArmor(examplePublicKey() + key);
    expect(both).toMatchObject({ blocks: 2, first: { type: 'public' } });
    expect(both.first!.text).toBe(examplePublicKey().trimEnd());
  });

  test.each<[string, string, string]>([
    ['folded by YAML', key.replace(/([^\n])\n(?!\n|$)/g, '$1 ').replace('\n\n', '\n'), 'broken-lines'],
    ['on one line', key.replaceAll('\n', ' '), 'broken-lines'],
    ['without the empty line', key.replace('\n\n', '\n'), 'no-empty-line'],
    ['indented', key.replace(/^(?!-)(?=.)/gm, '  '), 'indented'],
    ['one long line', key.replace(/([^\n-])\n(?=[^\n-])/g, '$1'), 'long-lines'],
    ['cut off', key.slice(0, 400), 'no-end'],
    ['base64 of the armor', Buffer.from(key).toString('base64'), 'encoded-twice'],
    ['something else', 'hunter2', 'not-armored'],
    ['a foreign character', key.replace(/\n(\w{9})/, '\n$1*'), 'foreign-characters'],
  ])('%s is found', (_, text, problem) => expect(readArmor(text).problem).toBe(problem));

  test('lines that were lost come back as they were', () => {
    for (const text of [key.replaceAll('\n', ' '), key.replace('\n\n', '\n'), key.replace(/^(?!-)(?=.)/gm, '  ')]) {
      const mended = mendedArmor(text)!;
      expect(readArmor(mended).problem).toBe(undefined);
      expect(mended.replace(/\s/g, '')).toBe(key.replace(/\s/g, ''));
    }
    expect(mendedArmor(key.replace('\n\n', '\nComment: x\n\n').replaceAll('\n', ' '))).toBe(undefined);
  });
});
