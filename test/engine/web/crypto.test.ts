import * as node from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import * as web from '../../../engine/src/web/crypto.ts';

/** As many bytes as wanted, always the same. */
function bytes(length: number, seed: string): Buffer {
  const key = node.createHash('sha256').update(seed).digest();
  return node.createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

interface Pieces {
  update(piece: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

/** In pieces of changing length: whole blocks, parts of them, and single bytes. */
function through(cipher: Pieces, data: Uint8Array, step: number): Buffer {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += step)
    pieces.push(cipher.update(data.subarray(start, start + step)));
  return Buffer.concat([...pieces, cipher.final()]);
}

const CIPHERS = [
  ...[128, 192, 256].flatMap((bits) => ['cbc', 'ctr', 'ecb'].map((mode) => [`aes-${bits}-${mode}`, bits / 8, 16])),
  ['des-ede3-cbc', 24, 8],
] as [string, number, number][];

describe('the ciphers of a browser are those of OpenSSL', () => {
  for (const [name, keyBytes, ivBytes] of CIPHERS) {
    test(name, () => {
      const key = bytes(keyBytes, name);
      // A counter that carries over.
      const iv = name.endsWith('ecb')
        ? null
        : Buffer.concat([bytes(ivBytes - 4, 'iv'), Buffer.from('fffffffe', 'hex')]);
      for (const length of [0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 200]) {
        const plain = bytes(length, 'plain');
        const stored = through(node.createCipheriv(name, key, iv), plain, 1_000);
        for (const step of [1, 5, 8, 16, 48, 1_000]) {
          expect(through(web.createCipheriv(name, key, iv), plain, step)).toEqual(stored);
          expect(through(web.createDecipheriv(name, key, iv), stored, step)).toEqual(plain);
        }
      }
    });
  }

  test('without padding, whole blocks come out at once, and the rest is refused', () => {
    const key = bytes(32, 'key');
    const data = bytes(64, 'data');
    for (const name of ['aes-256-cbc', 'aes-256-ecb']) {
      const iv = name.endsWith('ecb') ? null : bytes(16, 'iv');
      const expected = node.createDecipheriv(name, key, iv).setAutoPadding(false).update(data);
      const decipher = web.createDecipheriv(name, key, iv).setAutoPadding(false);
      expect(decipher.update(data)).toEqual(expected);
      decipher.update(data.subarray(0, 5));
      expect(() => decipher.final()).toThrow();
    }
  });

  test('wrong padding and a cut block are refused', () => {
    const key = bytes(32, 'key');
    const iv = bytes(16, 'iv');
    // Of every last byte that noise can have: OpenSSL and we must agree.
    for (let seed = 0; seed < 600; seed++) {
      const noise = bytes(32, `noise ${seed}`);
      const ask = (open: () => Pieces) => {
        try {
          return through(open(), noise, 32).toString('hex');
        } catch {
          return 'refused';
        }
      };
      expect(ask(() => web.createDecipheriv('aes-256-cbc', key, iv))).toBe(
        ask(() => node.createDecipheriv('aes-256-cbc', key, iv)),
      );
    }
    expect(() => through(web.createDecipheriv('aes-256-cbc', key, iv), bytes(33, 'cut'), 33)).toThrow();
    expect(() => web.createDecipheriv('aes-256-cbc', key, iv).final()).toThrow();
  });

  test('GCM gives nothing before the tag fits', () => {
    const [key, nonce, associated] = [bytes(32, 'key'), bytes(12, 'nonce'), bytes(20, 'associated')];
    const plain = bytes(100, 'plain');
    const cipher = node.createCipheriv('aes-256-gcm', key, nonce).setAAD(associated);
    const stored = Buffer.concat([cipher.update(plain), cipher.final()]);
    const tag = cipher.getAuthTag();

    const decipher = web.createDecipheriv('aes-256-gcm', key, nonce).setAAD(associated);
    expect(decipher.update(stored.subarray(0, 33))).toHaveLength(0);
    decipher.update(stored.subarray(33));
    expect(decipher.setAuthTag(tag).final()).toEqual(plain);

    const wrong = web.createDecipheriv('aes-256-gcm', key, nonce).setAAD(associated);
    wrong.update(stored);
    tag[0]! ^= 1;
    expect(() => wrong.setAuthTag(tag).final()).toThrow();

    const own = web.createCipheriv('aes-256-gcm', key, nonce).setAAD(associated);
    expect(through(own, plain, 7)).toEqual(stored);
    expect(own.getAuthTag()).toEqual(cipher.getAuthTag());
  });

  test('a key of another length is refused', () => {
    expect(() => web.createDecipheriv('aes-256-cbc', bytes(16, 'key'), bytes(16, 'iv'))).toThrow();
    expect(() => web.createDecipheriv('camellia-256-cbc', bytes(32, 'key'), bytes(16, 'iv'))).toThrow();
  });
});

describe('digests and derivations are those of OpenSSL', () => {
  test('every digest', () => {
    for (const name of ['md5', 'sha1', 'ripemd160', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-512']) {
      const expected = node.createHash(name).update('a text').update(bytes(100, name)).digest('hex');
      expect(web.createHash(name).update('a text').update(bytes(100, name)).digest('hex')).toBe(expected);
    }
    expect(() => web.createHash('blake2s256')).toThrow();
  });

  test('PBKDF2 and HKDF', async () => {
    for (const digest of ['md5', 'sha1', 'sha256', 'sha512']) {
      const expected = node.pbkdf2Sync('a password', 'some salt', 100, 48, digest);
      const password = Buffer.from('a password');
      const derived = await promisify(web.pbkdf2)(password, Buffer.from('some salt'), 100, 48, digest);
      expect(derived).toEqual(expected);
    }
    const [key, salt, info] = [bytes(16, 'key'), bytes(16, 'salt'), bytes(5, 'info')];
    const expected = Buffer.from(node.hkdfSync('sha256', key, salt, info, 39));
    expect(Buffer.from(web.hkdfSync('sha256', key, salt, info, 39))).toEqual(expected);
  });

  test('random bytes come from the browser, and differ', () => {
    expect(web.randomBytes(32)).toHaveLength(32);
    expect(web.randomBytes(32).equals(web.randomBytes(32))).toBe(false);
  });
});
