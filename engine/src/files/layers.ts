/** Undoes everything that was put around contents, layer by layer: encryption, compression, in whatever order they come. */

import { ByteReader, drain, remembering } from '../bytes.ts';
import { decompressStage } from '../contents/checkContents.ts';
import { type ContentKind, sniff, sniffBytes } from '../contents/sniff.ts';
import { fail, RestoreError } from '../failure.ts';
import type { KeyOffer, OpensslParameters } from '../job.ts';
import { type EncryptionLayer, openEncryption } from './encryptionLayer.ts';
import { plainName } from './plainName.ts';

export interface LayersOptions {
  keys: readonly KeyOffer[];
  openssl?: OpensslParameters | undefined;
  allowUnauthenticated?: boolean | undefined;
  allowCostly?: boolean | undefined;
  signal: AbortSignal;
  /** How many times larger than the stored bytes the contents may become; `defaultExpansion` when absent. */
  mostExpansion?: number | undefined;
}

/** What the layers lie around: a stored file, or a stage of another reader. */
export interface Wrapped {
  reader: ByteReader;
  name: string;
  /** Length of everything in the reader, and its last bytes, where they are known. */
  size: number | undefined;
  tail: Uint8Array | undefined;
  /** Stored bytes that were read so far. */
  bytesRead(): number;
}

/** What was found inside of all layers. */
export interface Unwrapped {
  reader: ByteReader;
  kind: ContentKind | undefined;
  /** The stored name without the endings of the layers. */
  name: string;
}

export interface OpenOptions {
  /** Called once, with what comes out of all decryption; the reader it gives back is read on. */
  onPlain?: (plain: ByteReader, name: string) => Promise<ByteReader>;
  /** How many compressions to undo at most, where contents may look like a compressed file and be none. */
  compressions?: number;
}

/** More layers than any backup has: each is undone lazily, but a file made of layers only must end somewhere. */
const mostLayers = 8;
/** gzip shrinks zeros a thousand times; no database is zeros only. */
export const defaultExpansion = 1_000;
/** So much may come out of anything, however small. */
const freeBytes = 1024 * 1024 * 1024;

export class Layers {
  /** From the outside in. */
  readonly format: string[] = [];
  readonly encryption: EncryptionLayer[] = [];
  readonly #options: LayersOptions;
  readonly #decrypted: { failure: () => unknown }[] = [];
  readonly #readers: ByteReader[] = [];
  /** The end of all decryption, kept open so that it can be read to its proof. */
  #proof: ByteReader | undefined;
  #isProven = false;
  #hasPlain = false;

  constructor(options: LayersOptions) {
    this.#options = options;
  }

  /** Every layer was read to its end, and none complained. */
  get isProven(): boolean {
    return this.#isProven;
  }

  /**
   * @throws RestoreError what `openEncryption` and the compressions throw, `hostile` for layers without end
   */
  async open(
    stored: Wrapped,
    { onPlain = async (plain) => plain, compressions = Number.POSITIVE_INFINITY }: OpenOptions = {},
  ): Promise<Unwrapped> {
    let { reader, name } = stored;
    let undone = 0;
    this.#readers.push(reader);
    for (let depth = 0; ; depth++) {
      if (depth > mostLayers) {
        fail(
          'hostile',
          'contents',
          `more than ${mostLayers} layers of compression and encryption lie inside each other`,
          { hint: 'No backup is like that: do not unpack it.' },
        );
      }
      const { keys, openssl, signal, allowUnauthenticated, allowCostly } = this.#options;
      const isInner = this.encryption.length > 0;
      const layer = await openEncryption(reader, {
        offers: keys,
        // What was said is said of one file of openssl, the outer one.
        ...(!this.format.includes('openssl') && { openssl }),
        ...(allowUnauthenticated && { allowUnauthenticated }),
        ...(allowCostly && { allowCostly }),
        signal,
        isInner,
        ...(depth === 0 && { size: stored.size, tail: stored.tail }),
      }).catch((error: unknown) => {
        throw isInner ? ofInnerLayer(error) : error;
      });
      if (layer) {
        this.encryption.push(layer);
        this.format.push(layer.name);
        const decrypted = remembering(layer.plain);
        this.#decrypted.push(decrypted);
        reader = new ByteReader(decrypted.stream);
        this.#proof = reader;
        name = plainName(name);
        continue;
      }
      if (!this.#hasPlain) {
        this.#hasPlain = true;
        reader = await onPlain(reader, name);
        if (this.#proof) this.#proof = reader;
      }
      const kind = sniff(await reader.peek(sniffBytes));
      const stage = undone < compressions ? await decompressStage(reader, kind, name) : undefined;
      if (stage === undefined) {
        this.format.push(kind ?? 'unknown');
        return { reader, kind, name };
      }
      undone++;
      this.format.push(stage.name);
      reader = new ByteReader(this.#bounded(stage.contents, stored));
      this.#readers.push(reader);
      name = withoutCompression(name);
    }
  }

  /**
   * Formats whose contents end before the last byte leave the encryption's own end unread.
   *
   * @throws RestoreError what the encryption says of itself
   */
  async readToProof(): Promise<void> {
    if (this.#proof) await drain(this.#proof.take(Number.POSITIVE_INFINITY));
    const failed = this.#decrypted.map((it) => it.failure()).find((it) => it !== undefined);
    if (failed !== undefined) throw failed;
    this.#isProven = true;
  }

  /** Whether there is an encryption that can still be read to its end. */
  get hasProof(): boolean {
    return this.#proof !== undefined;
  }

  /** Closes every stream and overwrites the keys. */
  async close(): Promise<void> {
    await this.#proof?.close();
    for (const it of this.#readers) await it.close();
    for (const it of this.encryption) it.wipe();
  }

  async *#bounded(contents: AsyncIterable<Uint8Array>, stored: Wrapped): AsyncGenerator<Uint8Array, void, undefined> {
    const most = this.#options.mostExpansion ?? defaultExpansion;
    let total = 0;
    for await (const piece of contents) {
      total += piece.length;
      if (total > freeBytes && total > most * stored.bytesRead()) {
        fail('hostile', 'decompress', `the contents are more than ${most} times larger than what is stored`, {
          offset: stored.bytesRead(),
          hint: 'This looks like a decompression bomb. If it is your backup, raise the limit (--max-expansion).',
        });
      }
      yield piece;
    }
  }
}

/** The key that opened the outer layer is right, and should not be looked at again. */
function ofInnerLayer(error: unknown): unknown {
  if (!(error instanceof RestoreError) || error.failure.code !== 'wrong-key') return error;
  const { offset: _, ...failure } = error.failure;
  return new RestoreError({
    ...failure,
    message: `it was opened, and what is inside is encrypted once more: ${failure.message}`,
  });
}

/** A name without the ending of its compression. */
export function withoutCompression(name: string): string {
  return name.replace(/\.(gz|lz4|zst|zstd|bz2|br|xz|lzma|lzo)$/i, '').replace(/\.(tgz|txz|tbz2?|tzst)$/i, '.tar');
}
