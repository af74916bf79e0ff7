/** Runs a decoder that works on whole blocks in memory, over input that arrives in pieces of any size. */

import { concat } from '../bytes.ts';
import type { Decoder } from './decoder.ts';
import { damagedData, largerThanRecorded, truncatedData } from './failures.ts';

/** A decoder is fed a window of the input, and takes from its start what is complete. */
export interface BlockDecoder {
  /**
   * One step: takes `consumed` bytes from the window's start and may give output (a fresh array). Consuming nothing
   * and giving nothing asks for more input.
   *
   * @param isEnd no more input will come: what is incomplete now is truncated
   * @param offset the window's place in the input, for failures
   */
  step(window: Uint8Array, isEnd: boolean, offset: number): { consumed: number; output?: Uint8Array };
  /** The end mark was read: nothing may follow. */
  readonly isDone: boolean;
  /** As people call the format. */
  readonly name: string;
}

export async function* decodeBlocks(
  input: AsyncIterable<Uint8Array>,
  decoder: BlockDecoder,
): AsyncGenerator<Uint8Array, void, undefined> {
  const window = new Window();
  for await (const piece of input) {
    window.append(piece);
    yield* run(decoder, window, false);
  }
  yield* run(decoder, window, true);
  finish(decoder, window);
}

/** @param limit bytes; a larger result throws `damaged`, it cannot be what was recorded */
export function decodeBlocksInMemory(compressed: Uint8Array, decoder: BlockDecoder, limit: number): Uint8Array {
  const window = new Window();
  window.append(compressed);
  const pieces: Uint8Array[] = [];
  let total = 0;
  for (const piece of run(decoder, window, true)) {
    pieces.push(piece);
    total += piece.length;
    if (total > limit) throw largerThanRecorded(limit);
  }
  finish(decoder, window);
  return concat(pieces, total);
}

/** Such a decoder step by step, over and over. */
export class BlockwiseDecoder implements Decoder {
  readonly #make: () => BlockDecoder;
  #decoder: BlockDecoder;
  #window = new Window();

  constructor(make: () => BlockDecoder) {
    this.#make = make;
    this.#decoder = make();
  }

  *update(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    // The window may outlive the piece, which its owner fills again.
    this.#window.append(new Uint8Array(piece));
    yield* run(this.#decoder, this.#window, false);
    if (this.#decoder.isDone) finish(this.#decoder, this.#window);
  }

  *finish(): Generator<Uint8Array, void, undefined> {
    yield* run(this.#decoder, this.#window, true);
    finish(this.#decoder, this.#window);
  }

  reset(): void {
    this.#decoder = this.#make();
    this.#window = new Window();
  }

  close(): void {
    this.#window = new Window();
  }
}

function* run(decoder: BlockDecoder, window: Window, isEnd: boolean): Generator<Uint8Array, void, undefined> {
  while (!decoder.isDone) {
    const { consumed, output } = decoder.step(window.bytes, isEnd, window.offset);
    window.consume(consumed);
    if (output && output.length > 0) yield output;
    if (consumed === 0 && output === undefined) return;
  }
}

function finish(decoder: BlockDecoder, window: Window): void {
  if (!decoder.isDone) throw truncatedData(decoder.name, window.offset + window.bytes.length);
  if (window.bytes.length > 0) throw damagedData(`bytes follow the end of the ${decoder.name} data`, window.offset);
}

/** The input that was not consumed yet, in one array. */
class Window {
  #buffer = new Uint8Array(0);
  #start = 0;
  #end = 0;
  offset = 0;

  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  append(piece: Uint8Array): void {
    if (this.#start === this.#end) {
      this.#buffer = piece as Uint8Array<ArrayBuffer>;
      this.#start = 0;
      this.#end = piece.length;
      return;
    }
    const kept = this.bytes;
    const joined = new Uint8Array(kept.length + piece.length);
    joined.set(kept);
    joined.set(piece, kept.length);
    this.#buffer = joined;
    this.#start = 0;
    this.#end = joined.length;
  }

  consume(length: number): void {
    this.#start += length;
    this.offset += length;
  }
}
