/**
 * One object read by two threads: the feeder reads and decrypts it (and may decompress it), the other does the rest. Pieces
 * go over a port in a few buffers that wander to and fro, so that neither side makes new ones, and a slow reader holds up a
 * fast feeder.
 */

import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import type { Compression } from '../../compress/compression.ts';
import { type Failure, RestoreError } from '../../failure.ts';
import type { ObjectHead } from './storedObject.ts';

/** What the feeder hands over: `decrypted` is what lay in the bucket without its encryption, `decompressed` the contents. */
export type FeedStage = 'decrypted' | 'decompressed';

/** Where to cut the work in two, so that both parts take about as long; undefined: it is not worth it. */
export function feedStage(
  compression: Compression,
  { isEncrypted, isWritten }: { isEncrypted: boolean; isWritten: boolean },
): FeedStage | undefined {
  const isQuick = compression === 'lz4' || compression === 'none';
  if (isEncrypted && (isQuick || !isWritten)) return 'decrypted';
  return isWritten && compression !== 'none' ? 'decompressed' : undefined;
}

const pieceBytes = 512 * 1024;
const piecesUnderWay = 6;

type ToReader =
  | { type: 'head'; head: ObjectHead }
  | { type: 'piece'; piece: Uint8Array }
  | { type: 'end' }
  | { type: 'failed'; failure: Failure };
type ToFeeder = { type: 'more'; buffer: ArrayBuffer };

/**
 * Sends what `open` gives until it has ended, failed, or the reader has closed the port.
 *
 * @throws what is no RestoreError; that one goes to the reader
 */
export async function feed(
  port: MessagePort,
  open: () => Promise<{ head: ObjectHead; pieces: AsyncIterable<Uint8Array> }>,
): Promise<void> {
  const free = Array.from({ length: piecesUnderWay }, () => new Uint8Array(pieceBytes));
  let wake: (() => void) | undefined;
  let isClosed = false;
  port.on('message', ({ buffer }: ToFeeder) => {
    free.push(new Uint8Array(buffer));
    wake?.();
  });
  port.on('close', () => {
    isClosed = true;
    wake?.();
  });
  const say = (message: ToReader, transferred: ArrayBuffer[] = []) => port.postMessage(message, transferred);
  const nextFree = async (): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    while (free.length === 0 && !isClosed) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return isClosed ? undefined : free.pop();
  };
  let filling: Uint8Array<ArrayBuffer> | undefined;
  let filled = 0;
  const send = () => {
    if (!filling || filled === 0) return;
    say({ type: 'piece', piece: filling.subarray(0, filled) }, [filling.buffer]);
    filling = undefined;
    filled = 0;
  };
  try {
    const { head, pieces } = await open();
    say({ type: 'head', head });
    for await (const piece of pieces) {
      for (let taken = 0; taken < piece.length; ) {
        filling ??= await nextFree();
        if (!filling) return;
        const part = piece.subarray(taken, taken + pieceBytes - filled);
        filling.set(part, filled);
        filled += part.length;
        taken += part.length;
        if (filled === pieceBytes) send();
      }
      if (isClosed) return;
    }
    send();
    say({ type: 'end' });
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error;
    // What came before the place of the failure is authentic all the same.
    send();
    say({ type: 'failed', failure: error.failure });
  }
  // The reader closes the port when it has taken everything; a feeder that did would lose what is under way.
  if (!isClosed) await once(port, 'close');
}

/** The reader's end of a feed. */
export class FeedReader {
  readonly #port: MessagePort;
  readonly #arrived: ToReader[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (message: ToReader) => {
      this.#arrived.push(message);
      this.#wake?.();
    });
    port.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  /** @throws RestoreError what kept the feeder from opening the object */
  async head(): Promise<ObjectHead> {
    const message = await this.#next();
    if (message.type === 'head') return message.head;
    throw message.type === 'failed' ? new RestoreError(message.failure) : new Error('a feed began without its head');
  }

  /** Every piece is lent: it holds until the next one is asked for. Throws what the feeder threw. */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const message = await this.#next();
        if (message.type === 'end') return;
        if (message.type === 'failed') throw new RestoreError(message.failure);
        if (message.type === 'head') continue;
        yield message.piece;
        const buffer = message.piece.buffer as ArrayBuffer;
        this.#port.postMessage({ type: 'more', buffer } satisfies ToFeeder, [buffer]);
      }
    } finally {
      this.close();
    }
  }

  /** Harmless when closed already. */
  close(): void {
    this.#port.close();
  }

  async #next(): Promise<ToReader> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message) return message;
      // The feeder's thread is gone; who ended it knows why.
      if (this.#isClosed) throw new Error('a thread of the engine has ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
