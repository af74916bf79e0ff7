import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  chunkBytes,
  decryptSodium,
  encryptSodium,
  headerBytes,
  overheadBytes,
  sodiumFit,
  sodiumLength,
} from '../../../engine/src/crypto/sodium.ts';
import { type Failure, type FailureCode, RestoreError } from '../../../engine/src/failure.ts';
import { all, expectFailure, pieces, watched } from '../pieces.ts';

const vectors: { name: string; stream: string; plainSha256: string; plainLength: number }[] = JSON.parse(
  readFileSync(new URL('../../vectors/wal-g/libsodium.json', import.meta.url), 'utf8'),
).vectors;
const key = Uint8Array.from({ length: 32 }, (_, index) => index);
const chunk = chunkBytes + overheadBytes;

for (const vector of vectors) {
  const stream = new Uint8Array(Buffer.from(vector.stream, 'base64'));

  describe(vector.name, () => {
    test('decrypts whole, in single bytes, in odd pieces', async () => {
      for (const size of [Number.POSITIVE_INFINITY, 1, 7, 8_209]) {
        for (const length of [undefined, stream.length]) {
          const plain = await all(decryptSodium(pieces(stream, size), key, { size: length }));
          expect(plain.length).toBe(vector.plainLength);
          expect(sha256(plain)).toBe(vector.plainSha256);
        }
      }
    });

    test('cut short anywhere is never accepted, and truncated where the length or the stream can tell', async () => {
      for (const length of boundaries(stream.length)) {
        const cut = stream.subarray(0, length);
        if (!sodiumLength(length).isPossible) {
          await expectFailure('truncated', decryptSodium(pieces(cut, 64), key, { size: length }));
        }
        const failure = await failureOf(decryptSodium(pieces(cut, 64), key));
        expect(['truncated', 'damaged', 'wrong-key']).toContain(failure);
        if (length >= headerBytes && (length - headerBytes) % chunk === 0) expect(failure).toBe('truncated');
      }
    });

    test('a flipped bit is found, and nothing of its chunk or after it comes out', async () => {
      const plain = await all(decryptSodium(pieces(stream, Number.POSITIVE_INFINITY), key));
      const step = Math.max(1, Math.floor(stream.length / 97));
      for (let position = 0; position < stream.length; position += step) {
        const flipped = stream.slice();
        flipped[position] = (flipped[position] as number) ^ (1 << (position & 7));
        const index = position < headerBytes ? 0 : Math.floor((position - headerBytes) / chunk);
        const { failure, before } = await outcome(decryptSodium(pieces(flipped, 4_096), key));
        expect(before).toEqual(plain.subarray(0, index * chunkBytes));
        // A changed tag can make the short last chunk look like a longer one that was cut.
        const isTag = (position - headerBytes) % chunk === 0;
        if (index === 0) expect(['wrong-key', 'damaged', 'truncated']).toContain(failure?.code);
        else if (!isTag) expect(failure).toMatchObject({ code: 'damaged', offset: headerBytes + index * chunk });
        else expect(['damaged', 'truncated']).toContain(failure?.code);
      }
    });

    test('bytes after the final chunk are never accepted', async () => {
      for (const extra of [1, 17, 8_209]) {
        const longer = Buffer.concat([stream, new Uint8Array(extra)]);
        expect(['damaged', 'wrong-key']).toContain(await failureOf(decryptSodium(pieces(longer, 1_000), key)));
      }
    });

    test('a hundred wrong keys are each called wrong, and nothing comes out', async () => {
      for (let index = 0; index < 100; index++) {
        const wrong = createHash('sha256').update(`wrong ${index}`).digest();
        const failure = await expectFailure(
          'wrong-key',
          decryptSodium(pieces(stream, Number.POSITIVE_INFINITY), wrong, { size: stream.length }),
        );
        expect(failure.before.length).toBe(0);
      }
    });

    test('closing the output closes the input', async () => {
      const input = watched(pieces(stream, 10));
      for await (const _ of decryptSodium(input.stream, key)) break;
      expect(input.closed()).toBe(1);
      const failing = watched(pieces(stream, 10));
      await all(decryptSodium(failing.stream, new Uint8Array(32))).catch(() => undefined);
      expect(failing.closed()).toBe(1);
    });
  });
}

describe('a libsodium stream', () => {
  test('tells a cut first chunk from a wrong key where the contents make sense', async () => {
    const text = new TextEncoder().encode('-- a plain dump of some tables\n'.repeat(500));
    const stream = await all(encryptSodium(pieces(text, 1_000), key));
    await expectFailure('truncated', decryptSodium(pieces(stream.subarray(0, 3_000), 500), key, { size: 3_000 }));
    const flipped = stream.slice();
    flipped[100] = (flipped[100] as number) ^ 1;
    const damaged = await expectFailure('damaged', decryptSodium(pieces(flipped, 500), key, { size: flipped.length }));
    expect(damaged.offset).toBe(headerBytes);
    expect(damaged.before.length).toBe(0);
    const compressed = await all(encryptSodium(pieces(gzipSync(Buffer.from(noise(100_000))), 1_000), key));
    compressed[5_000] = (compressed[5_000] as number) ^ 4;
    await expectFailure('damaged', decryptSodium(pieces(compressed, 500), key));
  });

  test('a cut inside a later chunk is truncated, at the place where the file ends', async () => {
    const stream = await all(encryptSodium(pieces(noise(50_000), 1_000), key));
    for (const length of [headerBytes + chunk + 17, headerBytes + chunk + 4_000, headerBytes + 3 * chunk - 1]) {
      const failure = await expectFailure(
        'truncated',
        decryptSodium(pieces(stream.subarray(0, length), 777), key, { size: length }),
      );
      expect(failure.offset).toBe(length);
    }
  });

  test('missing, swapped and doubled chunks are found', async () => {
    const stream = await all(encryptSodium(pieces(noise(50_000), 1_000), key));
    const part = (index: number) => stream.subarray(headerBytes + index * chunk, headerBytes + (index + 1) * chunk);
    const rest = stream.subarray(headerBytes + 3 * chunk);
    const header = stream.subarray(0, headerBytes);
    for (const order of [
      [0, 2, 1],
      [0, 1, 1, 2],
      [0, 2],
    ]) {
      const failure = await expectFailure(
        'damaged',
        decryptSodium(pieces(Buffer.concat([header, ...order.map(part), rest]), 900), key),
      );
      expect(failure.offset).toBe(headerBytes + (order[1] === 2 ? 1 : 2) * chunk);
    }
  });

  test('trying a key changes nothing of what it is tried on', async () => {
    const stream = Buffer.from(await all(encryptSodium(pieces(noise(20_000), 1_000), key)));
    const before = Buffer.from(stream);
    expect(await sodiumFit(stream, new Uint8Array(32).fill(9))).toBe('no');
    expect(stream.equals(before)).toBe(true);
    expect(await sodiumFit(stream, key)).toBe('opens');
    expect(stream.equals(before)).toBe(true);
  });

  test('the 17 bytes that WAL-G writes for an empty file are explained', async () => {
    const stream = Buffer.from('9c08f276d1f4bc1e88fd630d9ff14d74bf', 'hex');
    const failure = await expectFailure('truncated', decryptSodium(pieces(stream, 5), key, { size: 17 }));
    expect(failure.message).toContain('empty file');
  });

  test('an empty input is truncated, not a wrong key', async () => {
    expect(
      (await expectFailure('truncated', decryptSodium(pieces(new Uint8Array(0), 1), key, { size: 0 }))).message,
    ).toContain('empty');
  });

  test('what is encrypted here has the length WAL-G gives it and comes back', async () => {
    for (const length of [0, 1, 8_191, 8_192, 8_193, 16_384, 40_000]) {
      for (const size of [1_000, 8_192, Number.POSITIVE_INFINITY]) {
        const plain = noise(length);
        const stream = await all(encryptSodium(pieces(plain, size), key));
        expect(stream.length).toBe(24 + 8_209 * Math.floor(length / 8_192) + 17 + (length % 8_192));
        expect(sodiumLength(stream.length)).toEqual({ isPossible: true, plainBytes: length });
        expect(await all(decryptSodium(pieces(stream, 1_234), key))).toEqual(plain);
      }
    }
  });

  test('closing the encrypted output closes the input', async () => {
    const input = watched(pieces(noise(30_000), 100));
    let seen = 0;
    for await (const _ of encryptSodium(input.stream, key)) if (++seen === 2) break;
    expect(input.closed()).toBe(1);
  });
});

async function failureOf(stream: AsyncIterable<Uint8Array>): Promise<FailureCode | undefined> {
  return (await outcome(stream)).failure?.code;
}

/** What came out, and the failure that ended it; undefined when it came to its end. */
async function outcome(
  stream: AsyncIterable<Uint8Array>,
): Promise<{ before: Uint8Array; failure: Failure | undefined }> {
  const before: Uint8Array[] = [];
  try {
    for await (const piece of stream) before.push(piece);
    return { before: new Uint8Array(Buffer.concat(before)), failure: undefined };
  } catch (error) {
    if (error instanceof RestoreError) return { before: new Uint8Array(Buffer.concat(before)), failure: error.failure };
    throw error;
  }
}

function boundaries(length: number): number[] {
  const places = new Set<number>([0, 1, 16, 17, 23, 24, 25, 40, 41, length - 17, length - 16, length - 1]);
  for (let border = headerBytes; border < length; border += chunk)
    for (const near of [-17, -16, -1, 0, 1, 16, 17, 18]) places.add(border + near);
  return [...places].filter((it) => it >= 0 && it < length);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Bytes that no compressor makes smaller and that are the same in every run. */
function noise(length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let index = 0; index * 32 < length; index++) parts.push(createHash('sha256').update(`noise ${index}`).digest());
  return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}
