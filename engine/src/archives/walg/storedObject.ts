/** An object of WAL-G as it was before it was compressed and encrypted, and the proof that all of it came through. */

import type { MessagePort } from 'node:worker_threads';
import { ByteReader, copyOf, drain, remembering } from '../../bytes.ts';
import { type Compression, decompress, openDecoder } from '../../compress/compression.ts';
import { lentByDecoder } from '../../compress/decoder.ts';
import { isBrotli } from '../../contents/checkContents.ts';
import { type ContentKind, sniff, sniffBytes } from '../../contents/sniff.ts';
import { sodiumLength, sodiumStartBytes } from '../../crypto/sodium.ts';
import { at, fail, RestoreError } from '../../failure.ts';
import { type EncryptionLayer, openEncryption } from '../../files/encryptionLayer.ts';
import type { KeyOffer } from '../../job.ts';
import type { Report } from '../../report.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { type FeedReader, type FeedStage, feed } from './objectFeed.ts';

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
  /** Its compression ends with a checksum over the contents. */
  isChecksummed: boolean;
  notes: string[];
}

/** What is known of an object when its encryption is open, before its contents are read. */
export type ObjectHead = Omit<Storage, 'compression'>;

export interface ReadOptions {
  /** `use` looks at every piece before it asks for the next, and keeps none: the decoder's own memory is lent to it. */
  isLent?: boolean;
  /** Another thread does the first part of the work. */
  feed?: { reader: FeedReader; stage: FeedStage };
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
  { isLent = false, feed }: ReadOptions = {},
): Promise<{ value: T; storage: Storage }> {
  let opened: OpenedObject | undefined;
  let plain: ByteReader | undefined;
  try {
    opened = feed ? await openFed(feed.reader) : await openHere(files, { name, compression }, opening);
    const { head } = opened;
    const lends = isLent || feed !== undefined;
    const decrypted = remembering(opened.pieces);
    const contents =
      feed?.stage === 'decompressed' ? decrypted : remembering(decoded(decrypted.stream, compression, lends));
    plain = new ByteReader(contents.stream, { isLent: lends });
    const value = await settle(use(plain), plain, [decrypted, contents]);
    await drain(plain.rest());
    const failed = decrypted.failure() ?? contents.failure();
    if (failed !== undefined) throw failed;
    return { value, storage: { ...head, compression } };
  } catch (error) {
    throw at(name, opened && opened.head.encryption !== 'none' ? withoutOffset(error) : error);
  } finally {
    await plain?.close();
    await opened?.close();
    feed?.reader.close();
  }
}

/**
 * The first part of `readObject`, for another thread to do the second.
 *
 * @throws RestoreError as `readObject`, without the object's path
 */
export async function feedObject(
  port: MessagePort,
  files: BucketFiles,
  { name, compression }: { name: string; compression: Compression },
  opening: Opening,
  stage: FeedStage,
): Promise<void> {
  let opened: OpenedObject | undefined;
  try {
    await feed(port, async () => {
      opened = await openHere(files, { name, compression }, opening);
      const pieces = stage === 'decrypted' ? opened.pieces : decompressed(opened.pieces, compression);
      return { head: opened.head, pieces };
    });
  } finally {
    await opened?.close();
  }
}

interface OpenedObject {
  head: ObjectHead;
  /** Not encrypted any more, and lent: every piece holds until the next is asked for. */
  pieces: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

async function openHere(
  files: BucketFiles,
  { name, compression }: { name: string; compression: Compression },
  opening: Opening,
): Promise<OpenedObject> {
  const stored = new ByteReader(files.read(name, { isLent: true }), { isLent: true });
  let layer: EncryptionLayer | undefined;
  const close = async () => {
    await stored.close();
    layer?.wipe();
  };
  try {
    const size = files.size(name);
    if (size === 0) {
      fail('truncated', 'open', `${name} is empty`, {
        offset: 0,
        hint: 'An upload or a copy was cut off: copy it again from the bucket.',
      });
    }
    const start = copyOf(await stored.peek(Math.max(sniffBytes, sodiumStartBytes)));
    layer = await openLayer(stored, { start, size, compression }, opening, files);
    const isChecksummed = layer === undefined && hasChecksum(start, compression);
    const head = {
      encryption: layer?.name ?? 'none',
      key: layer?.key,
      isChecksummed,
      notes: layer?.notes ?? [],
    } as const;
    return { head, pieces: layer?.plain ?? stored.rest(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openFed(reader: FeedReader): Promise<OpenedObject> {
  return { head: await reader.head(), pieces: reader.pieces(), close: async () => reader.close() };
}

/** Decompressed, where `lends` allows it in the decoder's own memory. */
function decoded(
  input: AsyncIterable<Uint8Array>,
  compression: Compression,
  lends: boolean,
): AsyncIterable<Uint8Array> {
  const decoder = lends ? openDecoder(compression) : undefined;
  if (decoder) return lentByDecoder(input, decoder);
  // Other decoders may keep what they are given.
  return decompress(copied(input), compression);
}

async function* copied(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of input) yield copyOf(piece);
}

/** A damaged object makes no sense to the decoder either: what the encryption says of it goes first. */
async function* decompressed(
  input: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decrypted = remembering(input);
  try {
    yield* decoded(decrypted.stream, compression, true);
  } catch (error) {
    throw decrypted.failure() ?? error;
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
  { start, size, compression }: { start: Uint8Array; size: number; compression: Compression },
  { offers, expectEncrypted }: Opening,
  files: BucketFiles,
): Promise<EncryptionLayer | undefined> {
  const isPlain = isStoredPlain(start, compression);
  const layer = await openEncryption(stored, {
    offers,
    isInner: isPlain,
    size,
    isLent: true,
    signal: files.context.signal,
  });
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

/** Whether the frame that begins here says that it ends with a checksum; those without the choice always or never do. */
function hasChecksum(start: Uint8Array, compression: Compression): boolean {
  switch (compression) {
    case 'lz4':
    case 'zst':
      // The same bit of the byte behind both signatures. The zstd of old WAL-G wrote none.
      return ((start[4] ?? 0) & 0x04) !== 0;
    default:
      return compression !== 'br' && compression !== 'lzma' && compression !== 'none';
  }
}

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
