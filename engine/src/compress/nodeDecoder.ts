/**
 * Node's own zlib, step by step on this thread. Node offers a stream, which takes a turn of the event loop and a fresh
 * buffer for every piece, or one call for all, which needs all in memory; what lies below both takes a piece and a
 * buffer. It is the same in Node 20 to 24, and looked at before it is used.
 */

import type { Decoder } from './decoder.ts';
import { damagedData } from './failures.ts';
import { type NativeFormat, type NativeStream, nativeFailure } from './native.ts';

const outputBytes = 256 * 1024;

/** Operations of `node:zlib`: go on, and "no more input will come". */
export interface Flush {
  none: number;
  finish: number;
}

/** undefined where Node does not have what this stands on. */
export function openNodeDecoder(stream: NativeStream, format: NativeFormat, flush: Flush): Decoder | undefined {
  const { _handle: handle, _writeState: state } = stream as unknown as Inside;
  const isUsable =
    typeof handle?.writeSync === 'function' && typeof handle.reset === 'function' && state instanceof Uint32Array;
  if (isUsable && state.length === 2) return new NodeDecoder(stream, handle, state, format, flush);
  stream.destroy();
  return undefined;
}

interface Inside {
  _handle?: Handle;
  /** After a step: room left in the output, and bytes left of the input. */
  _writeState?: Uint32Array;
}

interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputStart: number,
    inputBytes: number,
    output: Uint8Array,
    outputStart: number,
    outputBytes: number,
  ): void;
  reset(): void;
  onerror(message: string, number: number, code: string): void;
}

const nothing = new Uint8Array(0);

class NodeDecoder implements Decoder {
  readonly #stream: NativeStream;
  readonly #handle: Handle;
  readonly #state: Uint32Array;
  readonly #format: NativeFormat;
  readonly #flush: Flush;
  readonly #output = new Uint8Array(outputBytes);
  #fed = 0;
  #errorCode = '';

  constructor(stream: NativeStream, handle: Handle, state: Uint32Array, format: NativeFormat, flush: Flush) {
    this.#stream = stream;
    this.#handle = handle;
    this.#state = state;
    this.#format = format;
    this.#flush = flush;
    handle.onerror = (_message, _number, code) => {
      this.#errorCode = code;
    };
  }

  *update(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    const start = this.#fed;
    this.#fed += piece.length;
    let used = 0;
    let filled = 0;
    while (used < piece.length) {
      filled = this.#step(this.#flush.none, piece, used, start);
      const left = this.#state[1] ?? 0;
      used = piece.length - left;
      if (filled > 0) yield this.#output.subarray(0, filled);
      if (left > 0 && filled < outputBytes) {
        throw damagedData(`bytes follow the end of the ${this.#format.name} data`, start + used);
      }
    }
    // More may wait behind a full output.
    if (filled === outputBytes) yield* this.#drain(this.#flush.none, start);
  }

  *finish(): Generator<Uint8Array, void, undefined> {
    if (this.#fed === 0) throw nativeFailure({ code: this.#format.shortInput }, 0, 0, this.#format);
    yield* this.#drain(this.#flush.finish, this.#fed);
  }

  reset(): void {
    this.#handle.reset();
    this.#fed = 0;
    this.#errorCode = '';
  }

  close(): void {
    this.#stream.destroy();
  }

  *#drain(flush: number, offset: number): Generator<Uint8Array, void, undefined> {
    for (;;) {
      const filled = this.#step(flush, nothing, 0, offset);
      if (filled > 0) yield this.#output.subarray(0, filled);
      if (filled < outputBytes) return;
    }
  }

  /** Returns the bytes of output. */
  #step(flush: number, piece: Uint8Array, used: number, start: number): number {
    this.#handle.writeSync(flush, piece, used, piece.length - used, this.#output, 0, outputBytes);
    if (this.#errorCode !== '') {
      const code = this.#errorCode;
      this.#errorCode = '';
      throw nativeFailure({ code }, start, this.#fed, this.#format);
    }
    return outputBytes - (this.#state[0] ?? 0);
  }
}
