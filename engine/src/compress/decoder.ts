/**
 * Decoding without waiting: input is pushed in pieces of any size, output comes in pieces of bounded size. For threads
 * that have nothing else to do than one file after the other; `decompress` is for all others.
 */

import { largerThanRecorded } from './failures.ts';

export interface Decoder {
  /**
   * The contents that the piece gives. What is yielded is a view that the next step overwrites: use it or copy it at
   * once. Every generator must be run to its end before the next call.
   *
   * @throws RestoreError `damaged` or `unsupported`, with the offset in the compressed bytes
   */
  update(piece: Uint8Array): Iterable<Uint8Array>;
  /**
   * The input has ended. Yields what was still on its way.
   *
   * @throws RestoreError `truncated` when the end mark was not reached, `damaged`
   */
  finish(): Iterable<Uint8Array>;
  /** Ready for the next input, also in the middle of one and after a failure. */
  reset(): void;
  /** Gives memory back; the decoder cannot be used any more. */
  close(): void;
}

/** For what is not compressed. */
export class PlainDecoder implements Decoder {
  *update(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    if (piece.length > 0) yield piece;
  }
  finish(): Uint8Array[] {
    return [];
  }
  reset(): void {}
  close(): void {}
}

/**
 * As `throughDecoder`, without a copy: every piece is the decoder's own memory and holds until the next is asked for
 * (`ByteReader`, isLent).
 */
export async function* lentByDecoder(
  input: AsyncIterable<Uint8Array>,
  decoder: Decoder,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of input) yield* decoder.update(piece);
    yield* decoder.finish();
  } finally {
    decoder.close();
  }
}

/** A decoder as a stage. Closes the decoder, and the input when it is closed early. */
export async function* throughDecoder(
  input: AsyncIterable<Uint8Array>,
  decoder: Decoder,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of input) {
      for (const output of decoder.update(piece)) yield new Uint8Array(output);
    }
    for (const output of decoder.finish()) yield new Uint8Array(output);
  } finally {
    decoder.close();
  }
}

/**
 * The contents of what is in memory, in an array of its own.
 *
 * @param limit bytes; a larger result throws `damaged`: it is not what was recorded
 */
export function decodeInMemory(compressed: Uint8Array, decoder: Decoder, limit: number): Uint8Array {
  let contents = new Uint8Array(Math.min(limit, 64 * 1024));
  let filled = 0;
  const add = (piece: Uint8Array) => {
    if (filled + piece.length > limit) throw largerThanRecorded(limit);
    if (filled + piece.length > contents.length) {
      const larger = new Uint8Array(Math.min(limit, Math.max(2 * contents.length, filled + piece.length)));
      larger.set(contents.subarray(0, filled));
      contents = larger;
    }
    contents.set(piece, filled);
    filled += piece.length;
  };
  for (const piece of decoder.update(compressed)) add(piece);
  for (const piece of decoder.finish()) add(piece);
  return contents.subarray(0, filled);
}
