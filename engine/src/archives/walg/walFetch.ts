/** The contents of one object of the WAL archive, checked while they are passed on. */

import { ByteReader } from '../../bytes.ts';
import { areRead } from '../../contents/walSegment.ts';
import { fail } from '../../failure.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { type Opening, readObject } from './storedObject.ts';
import type { StoredWal } from './walArchive.ts';
import { checkContents } from './walCheck.ts';

/**
 * Gives the contents to `write`, which must not publish them before this has come to its end.
 *
 * @returns their size
 * @throws RestoreError as `checkWalObject`
 */
export async function fetchStored(
  files: BucketFiles,
  { object, compression, file }: StoredWal,
  { opening, systemId }: { opening: Opening; systemId: bigint | undefined },
  write: (piece: Uint8Array) => Promise<void>,
): Promise<number> {
  const { value } = await readObject(files, { name: object, compression }, opening, async (plain) => {
    const passedOn = new ByteReader(through(plain, write));
    return checkContents(passedOn, { file, object, systemId });
  });
  const { records } = value;
  if (records && areRead(records) && records.stop && records.isFollowed) {
    const { segment, offset, message } = records.stop;
    fail('damaged', 'wal', `WAL segment ${segment}, byte ${offset}: ${message}, although more WAL follows it`, {
      path: object,
      hint: 'PostgreSQL takes this for the end of the WAL: use another copy.',
    });
  }
  return value.bytes;
}

async function* through(
  plain: ByteReader,
  write: (piece: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of plain.take(Number.POSITIVE_INFINITY)) {
    await write(piece);
    yield piece;
  }
}
