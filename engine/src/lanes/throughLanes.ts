/** A stream through lanes: batches go out as they are read, and come back in their order. */

import type { ByteReader } from '../bytes.ts';
import type { Lanes, WorkedBatch } from './lanes.ts';

export interface BatchPlan {
  /** Bytes of a batch: a whole number of blocks or chunks. */
  bytes: number;
  /** Free bytes in front of them: a chunk of plaintext. */
  room: number;
  /**
   * What a lane has to know of the place where a batch begins; asked once for each, in order. undefined: the batch and all
   * behind it are not for lanes.
   */
  placeOf(batch: Uint8Array): Uint8Array | undefined;
  /** The consumer is done with a piece when it asks for the next but one: its memory is used again. */
  isLent?: boolean | undefined;
}

/** What was read and not worked on, for the stream to do itself. */
export interface Unfinished {
  /** In order; behind them stands what the reader still has. */
  pieces: Uint8Array[];
  /** Reading failed behind the pieces: to be thrown when they are done. */
  failure: { error: unknown } | undefined;
  /** Where the last lane stopped or came to the end; undefined when no batch was worked on. */
  place: Uint8Array | undefined;
}

/** Batches beside those that lanes work on: some wait for a lane and some to be taken, since on a busy machine a thread is woken late. */
const mostWaiting = 4;

/**
 * Yields what the lanes make of the reader's bytes, and returns what they leave. That is all from the first thing that is
 * not as usual on, and always the end of the stream: its last batch, whole or not. So there is one place only that knows
 * about ends and damage. Neither the reader nor the lanes are closed.
 */
export async function* throughLanes(
  reader: ByteReader,
  lanes: Lanes,
  plan: BatchPlan,
): AsyncGenerator<Uint8Array, Unfinished, undefined> {
  const underWay: { given: number; result: Promise<WorkedBatch> }[] = [];
  const filling = new Filling(reader, plan);
  let place: Uint8Array | undefined;
  for (;;) {
    while (filling.isOpen && underWay.length < lanes.count + mostWaiting) {
      const batch = await filling.next();
      if (batch === undefined) break;
      const result = lanes.run(batch);
      // It is awaited in its turn, if ever: a stream may be closed before.
      result.catch(() => undefined);
      underWay.push({ given: batch.end - batch.start, result });
    }
    const first = underWay.shift();
    if (first === undefined) return { pieces: filling.rest(), failure: filling.failure, place };
    const { memory, bytes, stoppedAt, place: reached } = await first.result;
    place = reached;
    if (bytes > 0) yield new Uint8Array(memory, 0, bytes);
    if (plan.isLent) filling.reuse(memory);
    const left = plan.room + plan.bytes - stoppedAt;
    if (left > 0) {
      const pieces: Uint8Array[] = [new Uint8Array(memory, stoppedAt, left)];
      for (const { given, result } of underWay) pieces.push(untouched(await result, plan, given));
      return { pieces: [...pieces, ...filling.rest()], failure: filling.failure, place };
    }
  }
}

/**
 * The bytes of a batch behind one that was not done. It began at a place that is not its own, so nothing of it can have
 * been done either. If it was all the same, its bytes are gone, and zeros stand for what is not to be believed.
 */
function untouched({ memory, stoppedAt }: WorkedBatch, plan: BatchPlan, given: number): Uint8Array {
  const bytes = new Uint8Array(memory, plan.room, given);
  if (stoppedAt > plan.room) bytes.fill(0);
  return bytes;
}

/** Copies what is read into batches. One is given out only when something follows it. */
class Filling {
  readonly #reader: ByteReader;
  readonly #plan: BatchPlan;
  #left: Uint8Array | undefined;
  /** Not in use any more but for the last one, which may still be written to a disk. */
  readonly #used: ArrayBuffer[] = [];
  failure: { error: unknown } | undefined;

  constructor(reader: ByteReader, plan: BatchPlan) {
    this.#reader = reader;
    this.#plan = plan;
  }

  /** More batches may come. */
  get isOpen(): boolean {
    return this.#left === undefined;
  }

  async next(): Promise<{ memory: ArrayBuffer; start: number; end: number; place: Uint8Array } | undefined> {
    const { room, bytes } = this.#plan;
    const used = this.#used.length > 1 ? this.#used.shift() : undefined;
    const memory = used ? Buffer.from(used) : Buffer.allocUnsafeSlow(room + bytes);
    let filled = room;
    let isLast = false;
    try {
      while (filled < memory.length) {
        const piece = await this.#reader.next(memory.length - filled);
        if (piece === undefined) break;
        memory.set(piece, filled);
        filled += piece.length;
      }
      isLast = filled < memory.length || (await this.#reader.isAtEnd());
    } catch (error) {
      this.failure = { error };
      isLast = true;
    }
    const batch = memory.subarray(room, filled);
    const place = isLast ? undefined : this.#plan.placeOf(batch);
    if (place) return { memory: memory.buffer as ArrayBuffer, start: room, end: filled, place };
    this.#left = batch;
    return undefined;
  }

  /** Takes back what was yielded before. */
  reuse(memory: ArrayBuffer): void {
    this.#used.push(memory);
  }

  /** What was read and not given out. */
  rest(): Uint8Array[] {
    return this.#left === undefined || this.#left.length === 0 ? [] : [this.#left];
  }
}

/** A stream of what lanes have left, and what the reader still has behind it. Does not close the reader. */
export async function* whatIsLeft(
  { pieces, failure }: Unfinished,
  reader: ByteReader,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* pieces;
  if (failure) throw failure.error;
  for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) yield piece;
}
