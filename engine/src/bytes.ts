/** What every stage is made of: bytes that arrive in pieces of any size. A stage is `(input, …) => AsyncIterable<Uint8Array>`. */

/**
 * Reads an input of arbitrary pieces in exact lengths. Never copies when the wanted bytes lie in one piece.
 * The returned arrays may be views into the input's pieces: do not write to them.
 * Whoever makes a reader closes it (`finally`), so that a reader that stops early closes its input as well.
 */
export class ByteReader {
  readonly #input: AsyncIterator<Uint8Array>;
  #pieces: Uint8Array[] = [];
  /** Position in the first piece. */
  #start = 0;
  #buffered = 0;
  #offset = 0;
  #hasEnded = false;
  readonly #isLent: boolean;

  /**
   * @param options.isLent the input fills its pieces again when it is asked for the next one. What the reader keeps it
   *   copies; what it returns holds until the next call
   */
  constructor(input: AsyncIterable<Uint8Array>, { isLent = false }: { isLent?: boolean } = {}) {
    this.#input = input[Symbol.asyncIterator]();
    this.#isLent = isLent;
  }

  /** Bytes consumed so far: the place of the next byte in the input. */
  get offset(): number {
    return this.#offset;
  }

  /** Exactly `length` bytes; fewer (even none) only where the input ends. */
  async read(length: number): Promise<Uint8Array> {
    await this.#fill(length);
    return this.#take(Math.min(length, this.#buffered));
  }

  /** As `read`, but the bytes stay. */
  async peek(length: number): Promise<Uint8Array> {
    await this.#fill(length);
    return this.#view(Math.min(length, this.#buffered));
  }

  /** The next bytes in whatever length they are at hand, `limit` at most; undefined at the end. */
  async next(limit = Number.POSITIVE_INFINITY): Promise<Uint8Array | undefined> {
    await this.#fill(1);
    const piece = this.#pieces[0];
    if (piece === undefined) return undefined;
    return this.#take(Math.min(limit, piece.length - this.#start));
  }

  /**
   * Whole units of `unit` bytes: as many as lie in the piece at hand, or one that is joined from several pieces. Less than
   * a unit (even nothing) only where the input ends. For stages that work on many small units at a time.
   */
  async units(unit: number): Promise<Uint8Array> {
    await this.#fill(unit);
    const atHand = (this.#pieces[0]?.length ?? 0) - this.#start;
    return this.#take(atHand < unit ? Math.min(unit, this.#buffered) : atHand - (atHand % unit));
  }

  /** Fills `target` from its start on; returns how many bytes there were, fewer only where the input ends. */
  async readInto(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const piece = await this.next(target.length - filled);
      if (piece === undefined) break;
      target.set(piece, filled);
      filled += piece.length;
    }
    return filled;
  }

  /** What lies in the piece at hand, without copying it; the bytes stay. Nothing only at the end. */
  async peekPiece(): Promise<Uint8Array> {
    await this.#fill(1);
    return this.#pieces[0]?.subarray(this.#start) ?? new Uint8Array(0);
  }

  /** Passes over `length` bytes without keeping them; returns how many there were. */
  async skip(length: number): Promise<number> {
    let skipped = 0;
    while (skipped < length) {
      const piece = await this.next(length - skipped);
      if (piece === undefined) break;
      skipped += piece.length;
    }
    return skipped;
  }

  /** True when nothing follows. */
  async isAtEnd(): Promise<boolean> {
    await this.#fill(1);
    return this.#buffered === 0;
  }

  /** Everything that follows, in whatever pieces; closes the reader when it is closed. */
  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const piece = await this.next();
        if (piece === undefined) return;
        yield piece;
      }
    } finally {
      await this.close();
    }
  }

  /** The next `length` bytes in whatever pieces, fewer where the input ends; does not close the reader. */
  async *take(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    let left = length;
    while (left > 0) {
      const piece = await this.next(left);
      if (piece === undefined) return;
      left -= piece.length;
      yield piece;
    }
  }

  /** Closes the input; harmless when it has ended or is closed already. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    await this.#input.return?.();
  }

  async #fill(length: number): Promise<void> {
    while (this.#buffered < length && !this.#hasEnded) {
      if (this.#isLent && this.#buffered > 0) this.#keepOwn();
      const { done, value } = await this.#input.next();
      if (done) {
        this.#hasEnded = true;
      } else if (value.length > 0) {
        this.#pieces.push(value);
        this.#buffered += value.length;
      }
    }
  }

  #keepOwn(): void {
    const kept = copyOf(this.#view(this.#buffered));
    this.#pieces = [kept];
    this.#start = 0;
  }

  #take(length: number): Uint8Array {
    const taken = this.#view(length);
    this.#buffered -= length;
    this.#offset += length;
    let start = this.#start + length;
    let used = 0;
    for (let piece = this.#pieces[used]; piece !== undefined && start >= piece.length; piece = this.#pieces[used]) {
      start -= piece.length;
      used++;
    }
    if (used > 0) this.#pieces.splice(0, used);
    this.#start = start;
    return taken;
  }

  #view(length: number): Uint8Array {
    const first = this.#pieces[0];
    if (first === undefined || length === 0) return new Uint8Array(0);
    if (first.length - this.#start >= length) return first.subarray(this.#start, this.#start + length);
    const joined = new Uint8Array(length);
    let filled = 0;
    let start = this.#start;
    for (const piece of this.#pieces) {
      const part = piece.subarray(start, start + length - filled);
      joined.set(part, filled);
      filled += part.length;
      start = 0;
      if (filled === length) break;
    }
    return joined;
  }
}

/** What the consumer of a stream says of itself. */
export interface StreamOptions {
  /**
   * It is done with a piece when it asks for the next but one, and the memory may be used again. Otherwise every piece is
   * its own to keep.
   */
  isLent?: boolean | undefined;
}

/** Passes the bytes on and tells how many each piece had. */
export async function* count(
  input: AsyncIterable<Uint8Array>,
  onBytes: (delta: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of input) {
    onBytes(piece.length);
    yield piece;
  }
}

/** Passes the bytes on and feeds them to `hash` (or anything else with `update`, such as a CRC). */
export async function* tap(
  input: AsyncIterable<Uint8Array>,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of input) {
    hash.update(piece);
    yield piece;
  }
}

/**
 * The same stream, and what it threw. A consumer that reads ahead (a decompressor, a library) may have met the failure and
 * lost it behind one of its own.
 */
export function remembering(input: AsyncIterable<Uint8Array>): {
  stream: AsyncGenerator<Uint8Array, void, undefined>;
  failure: () => unknown;
} {
  let failure: unknown;
  async function* stream() {
    try {
      yield* input;
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  return { stream: stream(), failure: () => failure };
}

/** Pieces to keep from an input that lends its own (`ByteReader`, isLent), for a stage that takes several before it is done with one. */
export async function* kept(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of input) yield copyOf(piece);
}

/** Bytes that are in memory already, in one piece. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.length > 0) yield bytes;
}

/** Reads to the end and keeps nothing; returns the number of bytes. */
export async function drain(input: AsyncIterable<Uint8Array>): Promise<number> {
  let total = 0;
  for await (const piece of input) total += piece.length;
  return total;
}

/**
 * Reads to the end and keeps everything.
 *
 * @param limit bytes; what is larger calls `onTooLarge`, which must throw: memory is bounded whatever the input says
 */
export async function collect(
  input: AsyncIterable<Uint8Array>,
  limit: number,
  onTooLarge: () => never,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of input) {
    total += piece.length;
    if (total > limit) onTooLarge();
    pieces.push(piece);
  }
  return concat(pieces, total);
}

export function concat(
  pieces: readonly Uint8Array[],
  total = pieces.reduce((sum, it) => sum + it.length, 0),
): Uint8Array {
  if (pieces.length === 1 && pieces[0] !== undefined) return pieces[0];
  const joined = new Uint8Array(total);
  let filled = 0;
  for (const piece of pieces) {
    joined.set(piece, filled);
    filled += piece.length;
  }
  return joined;
}

/**
 * The same bytes as a plain array. For libraries: a Node `Buffer` shares its memory where a `Uint8Array` would copy
 * (`slice`), and they write into what they think is their copy.
 */
export function plainArray(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A copy, also of a Node `Buffer`, whose `slice` makes none. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

export function startsWith(bytes: Uint8Array, prefix: ArrayLike<number>, from = 0): boolean {
  if (bytes.length < from + prefix.length) return false;
  for (let index = 0; index < prefix.length; index++) if (bytes[from + index] !== prefix[index]) return false;
  return true;
}
