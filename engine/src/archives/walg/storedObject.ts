/** An object of WAL-G as it was before it was compressed and encrypted, and the proof that all of it came through. */

import { ByteReader, drain, remembering } from '../../bytes.ts';
import { type Compression, decompress } from '../../compress/compression.ts';
import { isBrotli } from '../../contents/checkContents.ts';
import { type ContentKind, sniff, sniffBytes } from '../../contents/sniff.ts';
import { sodiumLength, sodiumStartBytes } from '../../crypto/sodium.ts';
import { at, fail, RestoreError } from '../../failure.ts';
import { type EncryptionLayer, openEncryption } from '../../files/encryptionLayer.ts';
import type { KeyOffer } from '../../job.ts';
import type { Report } from '../../report.ts';
import type { BucketFiles } from './bucketFiles.ts';

/** How the objects of an archive are to be opened. */
export interface Opening {
  offers: readonly KeyOffer[];
  /** What is not encrypted is then a failure: the configuration says that it should be. */
  expectEncrypted: boolean;
}

/** How one object was stored. */
export interface Storage {
  encryption: EncryptionLayer['name'] | 'none';
  key: Report['keys'][number] | undefined;
  compression: Compression;
  notes: string[];
}

/**
 * Reads an object to its last byte. `use` gets what was stored; what it leaves unread is read all the same, so that the end
 * of the compression and of the encryption are proven.
 *
 * @throws RestoreError with the object's path: all that decryption and decompression throw, `not-encrypted`, and
 *   what `use` throws, unless the layers below explain it
 */
export async function readObject<T>(
  files: BucketFiles,
  { name, compression }: { name: string; compression: Compression },
  opening: Opening,
  use: (plain: ByteReader) => Promise<T>,
): Promise<{ value: T; storage: Storage }> {
  const stored = new ByteReader(files.read(name));
  let layer: EncryptionLayer | undefined;
  let plain: ByteReader | undefined;
  try {
    const size = files.size(name);
    if (size === 0) {
      fail('truncated', 'open', `${name} is empty`, {
        offset: 0,
        hint: 'An upload or a copy was cut off: copy it again from the bucket.',
      });
    }
    layer = await openLayer(stored, size, compression, opening, files);
    const decrypted = remembering(layer?.plain ?? stored.rest());
    const compressed = new ByteReader(decrypted.stream);
    const contents = remembering(decompress(compressed.rest(), compression));
    plain = new ByteReader(contents.stream);
    const value = await settle(use(plain), plain, [decrypted, contents]);
    await drain(plain.rest());
    const failed = decrypted.failure() ?? contents.failure();
    if (failed !== undefined) throw failed;
    const encryption = layer?.name ?? 'none';
    return { value, storage: { encryption, key: layer?.key, compression, notes: layer?.notes ?? [] } };
  } catch (error) {
    throw at(name, layer ? withoutOffset(error) : error);
  } finally {
    await plain?.close();
    await stored.close();
    layer?.wipe();
  }
}

/**
 * When the contents make no sense, the layers below are read to their end: they may know that the object was changed or
 * cut off, and that goes before what it did to the contents.
 */
async function settle<T>(work: Promise<T>, plain: ByteReader, layers: { failure: () => unknown }[]): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof RestoreError) || ['cancelled', 'hostile'].includes(error.failure.code)) throw error;
    if (error.failure.stage === 'write') throw error;
    await drain(plain.rest()).catch(() => undefined);
    throw layers.map((it) => it.failure()).find((it) => it !== undefined) ?? error;
  }
}

async function openLayer(
  stored: ByteReader,
  size: number,
  compression: Compression,
  { offers, expectEncrypted }: Opening,
  files: BucketFiles,
): Promise<EncryptionLayer | undefined> {
  const start = await stored.peek(Math.max(sniffBytes, sodiumStartBytes));
  const isPlain = isStoredPlain(start, compression);
  const layer = await openEncryption(stored, { offers, isInner: isPlain, size, signal: files.context.signal });
  if (layer) return layer;
  if (!isPlain) failUnreadable(start, size, compression, offers.length > 0);
  if (!expectEncrypted) return undefined;
  return fail('not-encrypted', 'open', 'the object is NOT encrypted, although the archive should be', {
    offset: 0,
    hint: 'WAL-G encrypts nothing, and says nothing, where its key variable is empty or missing: find out when that was, and take the plain copies away.',
  });
}

/** Whether an object begins as its codec does, without any encryption around it. */
export function isStoredPlain(start: Uint8Array, compression: Compression): boolean {
  const kind = sniff(start);
  switch (compression) {
    case 'br':
      return isBrotli(start);
    case 'none':
      return kind === 'tar' || kind === 'wal segment' || kind === 'text' || kind === 'json';
    default:
      return kind === KIND[compression];
  }
}

const KIND: Record<Exclude<Compression, 'br' | 'none'>, ContentKind> = {
  lz4: 'lz4',
  lzma: 'lzma',
  gz: 'gzip',
  zst: 'zstd',
  lzo: 'lzop',
  bz2: 'bzip2',
  xz: 'xz',
};

/** No key was there to prove anything: what it may be is all that can be said. */
function failUnreadable(start: Uint8Array, size: number, compression: Compression, hasKeys: boolean): never {
  const as = compression === 'none' ? 'a plain object' : `${compression} does`;
  const length = sodiumLength(size);
  if (start.every((it) => it === 0)) {
    fail('damaged', 'decompress', `it begins with zeros, not as ${as}`, {
      offset: 0,
      hint: 'The copy was not finished, or the disk lost it: copy it again.',
    });
  }
  fail(
    'wrong-key',
    'key',
    `it does not begin as ${as}: it is encrypted, and ${hasKeys ? 'none of the keys is of the kind that opens it' : 'no key was offered'}`,
    {
      offset: 0,
      hint: `Offer the key that WAL-G is configured with (--config, or --key-file).${length.isPossible ? '' : ' Its length is none that a whole libsodium stream can have.'}`,
    },
  );
}

/** Behind encryption and compression, an offset counts bytes that nobody can look at. */
function withoutOffset(error: unknown): unknown {
  if (!(error instanceof RestoreError)) return error;
  const { stage, offset, ...failure } = error.failure;
  if (offset === undefined || (stage !== 'decompress' && stage !== 'contents' && stage !== 'wal')) return error;
  return new RestoreError({ ...failure, stage });
}
