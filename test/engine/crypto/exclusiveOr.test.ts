import { createCipheriv } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';

/** The same in every run. */
const noise = new Uint8Array(
  createCipheriv('aes-128-ctr', new Uint8Array(16), new Uint8Array(16)).update(new Uint8Array(700_000)),
);

afterEach(() => vi.unstubAllGlobals());

describe.each(['with', 'without'])('%s WebAssembly', (which) => {
  const load = async () => {
    vi.resetModules();
    if (which === 'without') vi.stubGlobal('WebAssembly', undefined);
    return (await import('../../../engine/src/crypto/exclusiveOr.ts')).exclusiveOr;
  };

  test('the exclusive or of pieces of any length, at any place, is that of their bytes', async () => {
    const exclusiveOr = await load();
    const step = 128 * 1024;
    for (const length of [0, 1, 15, 16, 255, 256, 257, 4_095, step - 1, step, step + 1, step + 16, 2 * step + 33]) {
      for (const shift of [0, 1, 8]) {
        const one = noise.slice(shift, shift + length);
        const other = noise.subarray(300_000 + shift, 300_000 + shift + length);
        const expected = one.map((byte, index) => byte ^ (other[index] as number));
        const target = new Uint8Array(length + 2 * shift);
        exclusiveOr(target.subarray(shift, shift + length), one, other);
        expect(Buffer.compare(target.subarray(shift, shift + length), expected)).toBe(0);
        // Nothing beside it is touched.
        expect(target.subarray(0, shift).some((byte) => byte !== 0)).toBe(false);
        expect(target.subarray(shift + length).some((byte) => byte !== 0)).toBe(false);
        exclusiveOr(one, one, other);
        expect(Buffer.compare(one, expected)).toBe(0);
      }
    }
  });
});
