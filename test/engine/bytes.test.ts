import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ByteReader, collect, concat, count, drain, once } from '../../engine/src/bytes.ts';
import { RestoreError } from '../../engine/src/failure.ts';
import { readFile, readStart } from '../../engine/src/files/source.ts';
import { expectFailure, pieces, watched } from './pieces.ts';

const bytes = Uint8Array.from({ length: 1_000 }, (_, index) => (index * 7) & 255);

describe('a byte reader', () => {
  for (const size of [Number.POSITIVE_INFINITY, 1, 7, 999, 1_000]) {
    test(`gives exact lengths and offsets from pieces of ${size}`, async () => {
      const reader = new ByteReader(pieces(bytes, size));
      expect(await reader.peek(3)).toEqual(bytes.subarray(0, 3));
      expect(reader.offset).toBe(0);
      expect(await reader.read(10)).toEqual(bytes.subarray(0, 10));
      expect(await reader.read(0)).toEqual(new Uint8Array(0));
      expect(await reader.skip(500)).toBe(500);
      expect(reader.offset).toBe(510);
      expect(await collect(reader.take(90), 90, unreachable)).toEqual(bytes.subarray(510, 600));
      expect(await reader.peek(500)).toEqual(bytes.subarray(600));
      expect(await reader.isAtEnd()).toBe(false);
      expect(await reader.read(401)).toEqual(bytes.subarray(600));
      expect(await reader.isAtEnd()).toBe(true);
      expect(await reader.read(5)).toEqual(new Uint8Array(0));
      expect(await reader.next()).toBeUndefined();
      expect(reader.offset).toBe(1_000);
    });
  }

  test('passes on the rest in whatever pieces, without losing what was peeked', async () => {
    const reader = new ByteReader(pieces(bytes, 13));
    await reader.read(5);
    await reader.peek(40);
    expect(await collect(reader.rest(), 1_000, unreachable)).toEqual(bytes.subarray(5));
  });

  test('skips empty pieces and reports how many bytes there were to skip', async () => {
    const reader = new ByteReader(
      (async function* () {
        yield new Uint8Array(0);
        yield bytes.subarray(0, 4);
        yield new Uint8Array(0);
      })(),
    );
    expect(await reader.skip(10)).toBe(4);
    expect(await reader.isAtEnd()).toBe(true);
  });

  test('closes its input when it is closed, once', async () => {
    const input = watched(pieces(bytes, 10));
    const reader = new ByteReader(input.stream);
    await reader.read(5);
    await reader.close();
    await reader.close();
    expect(input.closed()).toBe(1);
  });

  test('closes its input when a consumer of the rest stops early', async () => {
    const input = watched(pieces(bytes, 10));
    for await (const _ of new ByteReader(input.stream).rest()) break;
    expect(input.closed()).toBe(1);
  });
});

describe('a file source', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'restorable-bytes-'));
    writeFileSync(join(folder, 'file'), bytes);
    writeFileSync(join(folder, 'large'), new Uint8Array(600_000));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('reads a part of a file and counts it', async () => {
    let counted = 0;
    const part = readFile(join(folder, 'file'), { start: 100, length: 50, onBytes: (delta) => (counted += delta) });
    expect(new Uint8Array(await collect(part, 50, unreachable))).toEqual(bytes.subarray(100, 150));
    expect(counted).toBe(50);
    expect(new Uint8Array(await readStart(join(folder, 'file'), 5_000))).toEqual(bytes);
  });

  test('counts what passes through', async () => {
    let counted = 0;
    expect(await drain(count(readFile(join(folder, 'large')), (delta) => (counted += delta)))).toBe(600_000);
    expect(counted).toBe(600_000);
  });

  test('stops at the next piece when it is cancelled', async () => {
    const controller = new AbortController();
    let seen = 0;
    const error = await (async () => {
      for await (const piece of readFile(join(folder, 'large'), { signal: controller.signal })) {
        seen += piece.length;
        controller.abort();
      }
    })().catch((it: unknown) => it);
    expect((error as RestoreError).failure.code).toBe('cancelled');
    expect(seen).toBeLessThan(600_000);
  });

  test('says what is wrong with a path and what to do', async () => {
    const missing = await expectFailure('io', readFile(join(folder, 'nothing')));
    expect(missing.message).toContain('no such file');
    expect(missing.hint).toBeTruthy();
    await expectFailure('usage', readFile(folder));
    await expectFailure('io', readFile(join(folder, 'file', 'below')));
  });

  test('passes on errors that are not of the operating system', async () => {
    await expect(drain(readFile(join(folder, '\0')))).rejects.not.toBeInstanceOf(RestoreError);
  });
});

test('what is too large to keep is refused while reading, not after', async () => {
  const input = watched(pieces(bytes, 10));
  await expect(
    collect(input.stream, 15, () => {
      throw new Error('too large');
    }),
  ).rejects.toThrow('too large');
  expect(input.closed()).toBe(1);
});

test('joining keeps the order', async () => {
  expect(concat([bytes.subarray(0, 3), bytes.subarray(3, 10)])).toEqual(bytes.subarray(0, 10));
  expect(await drain(once(bytes))).toBe(1_000);
});

function unreachable(): never {
  throw new Error('more bytes than expected');
}
