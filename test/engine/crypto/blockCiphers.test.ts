import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type BlockCipher, openCfb } from '../../../engine/src/crypto/blockCipher.ts';
import { idea } from '../../../engine/src/crypto/idea.ts';
import { openOcb } from '../../../engine/src/crypto/ocb.ts';
import { twofish } from '../../../engine/src/crypto/twofish.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const shown = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('IDEA gives the blocks that its authors published', () => {
  const cipher = idea(hex('00010002000300040005000600070008'));
  expect(shown(cipher.encrypt(hex('0000000100020003')))).toBe('11fbed2b01986de5');
  // A factor of zero stands for 65536.
  expect(shown(idea(new Uint8Array(16)).encrypt(hex('8000000000000000')))).toBe('8001000180008000');
});

test('Twofish gives the blocks of its specification, and takes them back', () => {
  for (const [key, plain, stored] of [
    ['00'.repeat(32), '00'.repeat(16), '57ff739d4dc92c1bd7fc01700cc8216f'],
    [
      '0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff',
      '00'.repeat(16),
      '37527be0052334b89f0cfccae87cfa20',
    ],
  ] as const) {
    const cipher = twofish(hex(key));
    expect(shown(cipher.encrypt(hex(plain)))).toBe(stored);
    expect(shown(cipher.decrypt(hex(stored.repeat(3))))).toBe(plain.repeat(3));
  }
});

describe('over the blocks of AES, the modes give what OpenSSL gives', () => {
  const key = noise(32);
  const aes: BlockCipher = {
    blockBytes: 16,
    encrypt: (blocks) => createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(blocks),
    decrypt: (blocks) => createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(blocks),
  };
  const lengths = [0, 1, 15, 16, 17, 31, 32, 33, 255, 1_024, 5_000];

  test.each(lengths)('CFB, %i bytes in odd pieces', (length) => {
    const plain = noise(length);
    const cipher = createCipheriv('aes-256-cfb', key, noise(16));
    const stored = Buffer.concat([cipher.update(plain), cipher.final()]);
    for (const size of [1, 7, 16, 5_000]) {
      const decipher = openCfb(aes, noise(16));
      const parts = cut(stored, size).map((it) => decipher.update(it));
      expect(Buffer.concat([...parts, decipher.final()]).equals(plain)).toBe(true);
    }
  });

  test.each(lengths)('OCB, %i bytes in odd pieces, with nonces of every turn', (length) => {
    const plain = noise(length);
    for (let turn = 0; turn < 64; turn += length > 100 ? 9 : 1) {
      const nonce = noise(15);
      nonce[14] = turn;
      const associated = noise(turn);
      const cipher = createCipheriv('aes-256-ocb', key, nonce, { authTagLength: 16 });
      cipher.setAAD(associated);
      const stored = Buffer.concat([cipher.update(plain), cipher.final()]);
      const tag = cipher.getAuthTag();
      const opened = (size: number, given: Uint8Array, stated = associated) => {
        const opener = openOcb(aes, nonce, stated);
        const parts = cut(stored, size).map((it) => opener.update(it));
        const last = opener.finish(given);
        return last && Buffer.concat([...parts, last]);
      };
      expect(opened(turn + 1, tag)?.equals(plain)).toBe(true);
      expect(opened(5_000, tag)?.equals(plain)).toBe(true);
      for (const wrong of [tag.map((byte) => byte ^ 1), tag.subarray(1), new Uint8Array(0)])
        expect(opened(5_000, wrong)).toBeUndefined();
      expect(opened(5_000, tag, noise(turn + 1))).toBeUndefined();
    }
  });
});

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += size) parts.push(bytes.subarray(start, start + size));
  return parts;
}

function noise(length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let index = 0; index * 32 < length; index++) parts.push(createHash('sha256').update(`noise ${index}`).digest());
  return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}
