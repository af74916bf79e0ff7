import { createCipheriv, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { aesCfbCipher, aesCfbDecipher } from '../../../engine/src/crypto/cfb.ts';

test.each([16, 24, 32])(
  'does and undoes the CFB of OpenSSL with a key of %i bytes, in pieces of any size and at any place in memory',
  (keyBytes) => {
    const key = randomBytes(keyBytes);
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 1_000, 4_096]) {
      const plain = randomBytes(length);
      const stored = createCipheriv(`aes-${keyBytes * 8}-cfb`, key, new Uint8Array(16)).update(plain);
      for (const size of [1, 3, 15, 16, 17, 64, 5_000]) {
        for (const shift of [0, 1, 2]) {
          const moved = new Uint8Array(length + shift);
          moved.set(stored, shift);
          const decipher = aesCfbDecipher(key);
          const parts: Uint8Array[] = [];
          for (let start = shift; start < moved.length; start += size)
            parts.push(decipher.update(moved.subarray(start, start + size)));
          parts.push(decipher.final());
          expect(Buffer.concat(parts).equals(plain)).toBe(true);
          const cipher = aesCfbCipher(key);
          const source = new Uint8Array(length + shift);
          source.set(plain, shift);
          const encrypted: Uint8Array[] = [];
          for (let start = shift; start < source.length; start += size)
            encrypted.push(cipher.update(source.subarray(start, start + size)));
          encrypted.push(cipher.final());
          expect(Buffer.concat(encrypted).equals(stored)).toBe(true);
          expect(Buffer.from(source.subarray(shift)).equals(plain)).toBe(true);
          // What came in is not written to.
          expect(Buffer.from(moved.subarray(shift)).equals(stored)).toBe(true);
        }
      }
    }
  },
);
