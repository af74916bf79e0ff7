import { expect, test } from 'vitest';
import { stageFile } from '../../../engine/src/files/stagedFile.web.ts';
import { takeFile } from '../../../engine/src/web/files.ts';

test('what was written stays as it was, though its memory is used again', async () => {
  const file = await stageFile('/whole');
  const memory = new Uint8Array(1_000);
  for (let piece = 0; piece < 5; piece++) {
    memory.fill(piece + 1);
    await file.write(memory.subarray(0, 1_000 - piece));
  }
  memory.fill(0);
  await file.publish();
  await file.discard();
  const expected = [1, 2, 3, 4, 5].map((it) => new Uint8Array(1_001 - it).fill(it));
  expect(Buffer.from(takeFile('/whole') ?? []).equals(Buffer.concat(expected))).toBe(true);
});

test('what is discarded has no name', async () => {
  const file = await stageFile('/discarded');
  await file.write(new Uint8Array(10));
  await file.discard();
  expect(takeFile('/discarded')).toBeUndefined();
});
