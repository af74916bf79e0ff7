/**
 * One file of a backup: from the manifest's entry to the bytes in the repository, decrypted, decompressed, put together
 * from blocks, and compared with every size and checksum that is recorded for it.
 */

import { createHash } from 'node:crypto';
import { createXXHash128, type IHasher } from 'hash-wasm';
import { COMPRESSION_EXTENSION, openDecoder } from '../../compress/compression.ts';
import { type Decoder, decodeInMemory } from '../../compress/decoder.ts';
import { decryptPgbackrestBytes, headerBytes, PgbackrestDecipher, rawHeaderBytes } from '../../crypto/pgbackrest.ts';
import { at, fail, RestoreError } from '../../failure.ts';
import type { FileWriter } from '../../sinks/sink.ts';
import { type BlockRun, readBlockMap } from './blockMap.ts';
import { type ByteText, readable } from './byteText.ts';
import type { FileEntry, Manifest } from './manifest.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';

/** What is looked at between two chances to stop. */
const pieceBytes = 512 * 1024;
const cachedSuperBlockBytes = 16 * 1024 * 1024;
const nothing = new Uint8Array(0);

export class StoredFiles {
  readonly #files: RepositoryFiles;
  readonly #manifest: Manifest;
  /** Only where there are blocks: it takes a while to make. */
  readonly #xxh3: IHasher | undefined;
  readonly #superBlocks = new SuperBlockCache();
  /** One of each form, for one file after the other. */
  readonly #decoders = new Map<boolean, Decoder>();

  private constructor(files: RepositoryFiles, manifest: Manifest, xxh3: IHasher | undefined) {
    this.#files = files;
    this.#manifest = manifest;
    this.#xxh3 = xxh3;
  }

  static async open(files: RepositoryFiles, manifest: Manifest): Promise<StoredFiles> {
    return new StoredFiles(files, manifest, manifest.hasBlockFiles ? await createXXHash128() : undefined);
  }

  /** The object that holds the file, relative to the repository; undefined for an empty file that is not stored. */
  objectOf(entry: FileEntry): ByteText | undefined {
    const { stanza, label, isBundled, compression } = this.#manifest;
    if (entry.size === 0 && isBundled) return undefined;
    const folder = `backup/${stanza}/${entry.reference ?? label}`;
    if (entry.bundle) return `${folder}/bundle/${entry.bundle.id}`;
    return `${folder}/${entry.name}${entry.blocks ? '.pgbi' : COMPRESSION_EXTENSION[compression]}`;
  }

  /**
   * Works step by step, without waiting: between two steps whoever drives it may do something else, or give up. The file
   * is proven when the generator has returned.
   *
   * @throws RestoreError with the stored object's path and offset: `incomplete`, `truncated`, `damaged`, `hostile`, `io`
   */
  *restore(entry: FileEntry, writer: FileWriter): Generator<void, void, undefined> {
    const object = this.objectOf(entry);
    if (object === undefined) return;
    if (entry.blocks) {
      for (const block of this.#blocks(entry, object)) {
        writer.write(block);
        yield;
      }
      return;
    }
    this.#checkObjectSize(entry, object);
    const isRaw = this.#isRaw(entry);
    const { pass, compression } = this.#manifest;
    const hash = createHash('sha1');
    // Where nothing is done to a file, both checksums are the same.
    const isAsIs = !pass && compression === 'none';
    const storedHash = entry.storedChecksum === undefined || isAsIs ? undefined : createHash('sha1');
    let size = 0;
    try {
      const decipher = pass && new PgbackrestDecipher(pass, { isRaw, isKeyProven: true });
      const decoder = this.#decoder(isRaw);
      const accept = (piece: Uint8Array) => {
        size += piece.length;
        if (size > entry.size) checkContents(entry, size, '');
        hash.update(piece);
        writer.write(piece);
      };
      for (const stored of this.#files.pieces(object, entry.bundle?.offset ?? 0, entry.storedSize)) {
        storedHash?.update(stored);
        for (const piece of decoder.update(decipher ? decipher.update(stored) : stored)) {
          accept(piece);
          yield;
        }
      }
      if (decipher) for (const piece of decoder.update(decipher.finish())) accept(piece);
      for (const piece of decoder.finish()) accept(piece);
      const checksum = hash.digest('hex');
      checkContents(entry, size, checksum);
      checkStored(entry, storedHash ? storedHash.digest('hex') : isAsIs ? checksum : undefined);
    } catch (error) {
      throw this.#placed(error, entry, object);
    }
  }

  /** Gives memory back. */
  close(): void {
    for (const decoder of this.#decoders.values()) decoder.close();
    this.#decoders.clear();
  }

  /** Ready for the next input. */
  #decoder(isRaw: boolean): Decoder {
    const { compression } = this.#manifest;
    let decoder = this.#decoders.get(isRaw);
    if (decoder) {
      decoder.reset();
      return decoder;
    }
    decoder = openDecoder(compression, { isRaw });
    if (!decoder) fail('unsupported', 'decompress', `this version of Node cannot decompress ${compression}`);
    this.#decoders.set(isRaw, decoder);
    return decoder;
  }

  /** The file in pieces, some of them empty so that others can work in between. */
  *#blocks(entry: FileEntry, object: ByteText): Generator<Uint8Array, void, undefined> {
    const { blocks, size } = entry;
    if (!blocks) return;
    this.#checkObjectSize(entry, object);
    const { pass, references } = this.#manifest;
    const start = entry.bundle?.offset ?? 0;
    let runs: BlockRun[];
    try {
      yield* this.#checkStoredSlice(entry, object, start);
      checkMapSize(entry);
      const storedMap = this.#files.readAtOnce(object, start + entry.storedSize - blocks.mapSize, blocks.mapSize);
      const map = pass ? decryptPgbackrestBytes(storedMap, pass, { isRaw: true, isKeyProven: true }) : storedMap;
      runs = readBlockMap(map, { ...blocks, references: references.length, fileSize: size });
    } catch (error) {
      throw this.#placed(error, entry, object, start + entry.storedSize - blocks.mapSize);
    }

    const hash = createHash('sha1');
    let done = 0;
    for (const run of runs) {
      const holder = this.#holderOf(entry, run);
      try {
        const superBlock = this.#superBlock(holder, run);
        const from = run.firstBlock * blocks.blockSize;
        const piece = superBlock.subarray(from, Math.min(from + run.count * blocks.blockSize, superBlock.length));
        this.#checkBlocks(piece, run, blocks);
        done += piece.length;
        if (done > size) checkContents(entry, done, '');
        hash.update(piece);
        yield piece;
      } catch (error) {
        throw this.#placed(error, entry, holder, run.superBlock.offset);
      }
    }
    try {
      checkContents(entry, done, hash.digest('hex'));
    } catch (error) {
      throw this.#placed(error, entry, object);
    }
  }

  /** `rck` covers what this backup added: the super blocks and the map, one after the other. */
  *#checkStoredSlice(entry: FileEntry, object: ByteText, start: number): Generator<Uint8Array, void, undefined> {
    if (entry.storedChecksum === undefined) return;
    const hash = createHash('sha1');
    for (let done = 0; done < entry.storedSize; ) {
      const length = Math.min(entry.storedSize - done, pieceBytes);
      hash.update(this.#files.readAtOnce(object, start + done, length));
      done += length;
      yield nothing;
    }
    checkStored(entry, hash.digest('hex'));
  }

  #holderOf(entry: FileEntry, run: BlockRun): ByteText {
    const { stanza, references } = this.#manifest;
    const folder = `backup/${stanza}/${references[run.reference]}`;
    return run.bundle > 0 ? `${folder}/bundle/${run.bundle}` : `${folder}/${entry.name}.pgbi`;
  }

  #superBlock(holder: ByteText, { superBlock }: BlockRun): Uint8Array {
    const { offset, storedSize, plainSize } = superBlock;
    const key = `${holder}@${offset}`;
    const cached = this.#superBlocks.get(key);
    if (cached) return cached;
    if (storedSize > 2 * plainSize + 1024 * 1024) fail('hostile', 'contents', 'a super block is stored far too large');
    const stored = this.#files.readAtOnce(holder, offset, storedSize);
    const { pass, compression } = this.#manifest;
    const form = { isRaw: true, isKeyProven: true };
    const compressed = pass ? decryptPgbackrestBytes(stored, pass, form) : stored;
    const plain = compression === 'none' ? compressed : decodeInMemory(compressed, this.#decoder(true), plainSize);
    if (plain.length !== plainSize) {
      fail('damaged', 'contents', `a super block has ${plain.length} bytes, the map says ${plainSize}`);
    }
    this.#superBlocks.add(key, plain);
    return plain;
  }

  #checkBlocks(piece: Uint8Array, run: BlockRun, form: { blockSize: number; checksumSize: number }): void {
    const xxh3 = this.#xxh3;
    if (!xxh3) throw new Error('the manifest was said to have no blocks');
    for (let index = 0; index < run.count; index++) {
      const block = piece.subarray(index * form.blockSize, (index + 1) * form.blockSize);
      const recorded = run.checksums.subarray(index * form.checksumSize, (index + 1) * form.checksumSize);
      const found = xxh3.init().update(block).digest('binary').subarray(0, form.checksumSize);
      if (Buffer.compare(found, recorded) !== 0) {
        fail(
          'damaged',
          'contents',
          `block ${run.firstBlock + index} of a super block does not match its checksum in the map`,
        );
      }
    }
  }

  #isRaw(entry: FileEntry): boolean {
    return entry.bundle !== undefined && this.#manifest.isBundleRaw;
  }

  /** An object of its own must have exactly the recorded size, where the version recorded its checksum as well. */
  #checkObjectSize(entry: FileEntry, object: ByteText): void {
    const start = entry.bundle?.offset ?? 0;
    const end = start + entry.storedSize;
    const found = this.#files.sizeAtOnce(object);
    if (found >= end && (entry.bundle || found === end)) return;
    const isShort = found < end;
    throw new RestoreError({
      code: isShort ? 'truncated' : 'damaged',
      stage: 'open',
      path: readable(object),
      offset: Math.min(found, end),
      message: isShort
        ? `${readable(entry.name)} cannot be read: its object has ${found} bytes, ${end} are recorded`
        : `${readable(entry.name)}: bytes follow the ${end} that are recorded`,
      hint: 'Copy it again from the repository.',
    });
  }

  /** A failure with the stored object's path, and the offset in that object. */
  #placed(error: unknown, entry: FileEntry, object: ByteText, start = entry.bundle?.offset ?? 0): unknown {
    if (!(error instanceof RestoreError)) return error;
    const { failure } = error;
    if (failure.code === 'cancelled' || failure.stage === 'write') return error;
    const isRaw = entry.blocks !== undefined || this.#isRaw(entry);
    const header = this.#manifest.pass ? (isRaw ? rawHeaderBytes : headerBytes) : 0;
    const within = failure.stage === 'decompress' ? (failure.offset ?? 0) + header : (failure.offset ?? 0);
    const isAbsolute = failure.stage === 'open';
    return at(
      readable(object),
      new RestoreError({
        ...failure,
        offset: isAbsolute ? failure.offset : start + within,
        message: `${readable(entry.name)}: ${failure.message}`,
        hint: failure.hint ?? 'Copy it again from the repository, or use another backup.',
      }),
    );
  }
}

function checkContents(entry: FileEntry, size: number, checksum: string): void {
  if (size !== entry.size) {
    const than = size > entry.size ? 'more than' : 'instead of';
    fail(
      'damaged',
      'contents',
      `it has ${size > entry.size ? '' : `${size} bytes `}${than} the ${entry.size} bytes that are recorded`,
    );
  }
  if (checksum !== entry.checksum) fail('damaged', 'contents', 'its contents do not match the recorded SHA-1');
}

function checkStored(entry: FileEntry, checksum: string | undefined): void {
  if (entry.storedChecksum === undefined || checksum === entry.storedChecksum) return;
  fail('damaged', 'contents', 'the stored bytes do not match their recorded SHA-1');
}

/** A map is a checksum and a few numbers per block; a far larger one would only exhaust memory. */
function checkMapSize({ blocks, size }: FileEntry): void {
  if (!blocks || blocks.blockSize === 0) fail('hostile', 'contents', 'it has a block size that cannot be');
  const largest = 1024 + (Math.ceil(size / blocks.blockSize) + 1) * (blocks.checksumSize + 64);
  if (blocks.mapSize > largest) fail('hostile', 'contents', 'its block map is far too large for its size');
}

/** The super blocks used last: neighbouring blocks of a file lie in the same ones, in turns. */
class SuperBlockCache {
  readonly #blocks = new Map<string, Uint8Array>();
  #bytes = 0;

  get(key: string): Uint8Array | undefined {
    const block = this.#blocks.get(key);
    if (block) {
      this.#blocks.delete(key);
      this.#blocks.set(key, block);
    }
    return block;
  }

  add(key: string, block: Uint8Array): void {
    this.#blocks.set(key, block);
    this.#bytes += block.length;
    for (const [oldest, unused] of this.#blocks) {
      if (this.#bytes <= cachedSuperBlockBytes || oldest === key) break;
      this.#blocks.delete(oldest);
      this.#bytes -= unused.length;
    }
  }
}
