/**
 * Threads that decrypt beside the one that reads: a stream hands them batches of its bytes and gets them back in order.
 * Streams know lanes only through this file, and do their work themselves where there are none: in small files, in threads
 * that are one of several already, and wherever a program has no threads to give.
 */

/**
 * What a lane must know before its first batch: chunks of a libsodium secretstream are opened, `chunkBytes` of plaintext
 * each. It gets a copy of the key, and overwrites that at its end.
 */
export interface LaneWork {
  key: Uint8Array;
  chunkBytes: number;
}

/** Bytes on their way into a lane; the memory goes over to it. */
export interface Batch {
  memory: ArrayBuffer;
  /** Where the bytes lie; in front of them is room for a chunk, since what is made of one is written in front of what is still to be read. */
  start: number;
  end: number;
  /** The nonce of the first chunk. */
  place: Uint8Array;
}

export interface WorkedBatch {
  /** The memory of the batch; the caller's again. */
  memory: ArrayBuffer;
  /** What the lane made of it, from the start of the memory on. */
  bytes: number;
  /** It stopped here, at something that is not as usual: from this place to the batch's end, all bytes are as they came. */
  stoppedAt: number;
  /** The place in the stream behind what was done. */
  place: Uint8Array;
}

/** Lanes for one stream. */
export interface Lanes {
  readonly count: number;
  /** They have started, and nothing went wrong. */
  readonly isReady: boolean;
  /** Resolves when they have started, or when they never will. */
  readonly started: Promise<void>;
  /** Once, when they are ready, before the first batch. Copies what is secret. */
  begin(work: LaneWork): void;
  /** The lanes take turns. Rejects when a lane ends unexpectedly. */
  run(batch: Batch): Promise<WorkedBatch>;
  /** Has the secrets overwritten and the threads ended; resolves when they are gone. Harmless when repeated. */
  close(): Promise<void>;
}

export interface LaneSource {
  /** undefined: there are none to spare. @param most as many as the stream can use */
  open(most: number): Lanes | undefined;
  /** How much must have passed before lanes are worth their start, in bytes. */
  worthFrom: number;
  /** A stream waits until its lanes have started: for tests, that a stream does not end before. */
  isWaitedFor?: boolean;
}

let source: LaneSource | undefined;

/** From where the streams of this thread get their lanes; undefined: they do without. */
export function useLanes(from: LaneSource | undefined): void {
  source = from;
}

/** The lanes of one stream: none before it has proven long, none at all where there is no source. */
export class LaneCall {
  readonly #most: number;
  readonly #source = source;
  #lanes: Lanes | undefined;
  #isOver = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** The lanes, once they are worth it and have started. @param passed bytes of the stream so far */
  async answer(passed: number): Promise<Lanes | undefined> {
    if (this.#isOver || this.#source === undefined || passed < this.#source.worthFrom) return undefined;
    this.#lanes ??= this.#source.open(this.#most);
    if (this.#lanes === undefined) this.#isOver = true;
    else if (this.#source.isWaitedFor) await this.#lanes.started;
    return this.#lanes?.isReady ? this.#lanes : undefined;
  }

  /** The stream goes on, or ends, without lanes. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#lanes?.close();
  }
}
