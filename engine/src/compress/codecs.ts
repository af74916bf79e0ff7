/**
 * The reference decoders of zstd, lz4 and zlib as WebAssembly: the same on every platform and in every Node, at
 * half the speed of native code or better, where JavaScript has a fifth to a tenth. `tools/codecs` makes the module.
 */

import { brotliDecompressSync } from 'node:zlib';
import { fail, type RestoreError } from '../failure.ts';
import { packedModule } from './codecModule.ts';
import type { Decoder } from './decoder.ts';
import { damagedData, truncatedData } from './failures.ts';

export type CodecKind = 'zstd' | 'lz4' | 'gzip' | 'zlib';

/**
 * undefined where the processor or the program that embeds Node has no WebAssembly with SIMD: take the decoder in
 * JavaScript then.
 */
export function openCodec(kind: CodecKind): Codec | undefined {
  loaded ??= { codecs: load() };
  const { codecs } = loaded;
  return codecs && new Codec(codecs, kind);
}

/** As in `tools/codecs/codecs.c`. */
const KIND: Record<CodecKind, number> = { zstd: 1, lz4: 2, gzip: 3, zlib: 4 };
const Status = { more: 0, end: 1, damaged: 2, wrongChecksum: 3, wrongSize: 4, windowTooLarge: 5, noMemory: 6 };

/** What one step takes in and gives at most. */
const inputBytes = 64 * 1024;
const outputBytes = 256 * 1024;

/** Decodes one kind of data; a `Decoder` but for the strictness that is the format's own. */
export class Codec implements Decoder {
  readonly #codecs: Codecs;
  readonly #kind: CodecKind;
  #handle: number;
  /** Bytes of the input that were decoded. */
  offset = 0;
  /** A frame, stream or member has come to its end, and nothing of another has been seen. */
  isAtEnd = false;

  constructor(codecs: Codecs, kind: CodecKind) {
    this.#codecs = codecs;
    this.#kind = kind;
    this.#handle = codecs.codec_open(KIND[kind], inputBytes, outputBytes);
    if (this.#handle === 0) this.#failed(Status.noMemory);
  }

  *update(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let start = 0; start < piece.length; start += inputBytes) {
      const part = piece.subarray(start, start + inputBytes);
      const words = this.#words();
      this.#memory(words[word.input] ?? 0, part.length).set(part);
      words[word.inputBytes] = part.length;
      words[word.inputUsed] = 0;
      yield* this.#steps(part.length);
    }
  }

  finish(): Uint8Array[] {
    if (!this.isAtEnd) throw truncatedData(this.#kind, this.offset);
    return [];
  }

  reset(): void {
    this.offset = 0;
    this.isAtEnd = false;
    if (this.#codecs.codec_reset(this.#handle) !== Status.more) this.#failed(Status.noMemory);
  }

  close(): void {
    if (this.#handle !== 0) this.#codecs.codec_close(this.#handle);
    this.#handle = 0;
  }

  *#steps(length: number): Generator<Uint8Array, void, undefined> {
    const start = this.offset;
    for (;;) {
      if (this.isAtEnd && !this.#goesOn()) return;
      const status = this.#codecs.codec_step(this.#handle);
      // Memory may have grown, and moved, in every step.
      const words = this.#words();
      const filled = words[word.outputFilled] ?? 0;
      const used = words[word.inputUsed] ?? 0;
      this.offset = start + used;
      if (status > Status.end) this.#failed(status);
      this.isAtEnd = status === Status.end;
      if (filled > 0) yield this.#memory(words[word.output] ?? 0, filled);
      if (used === length && (filled < outputBytes || this.isAtEnd)) return;
    }
  }

  /** What follows an end in the same piece: another member or frame where the format knows such, else a failure. */
  #goesOn(): boolean {
    const words = this.#words();
    const used = words[word.inputUsed] ?? 0;
    const left = (words[word.inputBytes] ?? 0) - used;
    if (left === 0) return false;
    if (this.#kind === 'zstd') return true;
    const [first] = this.#memory((words[word.input] ?? 0) + used, 1);
    if (this.#kind !== 'gzip' || first !== 0x1f) {
      throw damagedData(`bytes follow the end of the ${this.#kind} data`, this.offset);
    }
    const { offset } = this;
    this.#codecs.codec_reset(this.#handle);
    const again = this.#words();
    again[word.inputBytes] = used + left;
    again[word.inputUsed] = used;
    this.offset = offset;
    return true;
  }

  #words(): Uint32Array {
    return new Uint32Array(this.#codecs.memory.buffer, this.#handle, 6);
  }

  #memory(from: number, length: number): Uint8Array {
    return new Uint8Array(this.#codecs.memory.buffer, from, length);
  }

  #failed(status: number): never {
    throw failureOf(status, this.#kind, this.offset);
  }
}

function failureOf(status: number, kind: CodecKind, offset: number): RestoreError {
  if (status === Status.wrongChecksum) return damagedData(`a checksum of the ${kind} data does not match`, offset);
  if (status === Status.wrongSize) {
    return damagedData(`the ${kind} frame has not the size that its header says`, offset);
  }
  if (status === Status.damaged) return damagedData(`the ${kind} data is damaged`, offset);
  return fail(
    'unsupported',
    'decompress',
    `the ${kind} data needs ${status === Status.windowTooLarge ? 'a window of more than 128 MiB' : 'too much memory'}`,
    { offset },
  );
}

/** The words at the start of a codec. */
const word = { input: 0, inputBytes: 1, inputUsed: 2, output: 3, outputBytes: 4, outputFilled: 5 };

interface Codecs {
  memory: { readonly buffer: ArrayBuffer };
  _initialize?(): void;
  codec_open(kind: number, inputBytes: number, outputBytes: number): number;
  codec_reset(handle: number): number;
  codec_step(handle: number): number;
  codec_close(handle: number): void;
}

/** What is used of the global of this name, which Node's types leave to those of browsers. */
export interface WebAssemblyGlobal {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: object };
}

let loaded: { codecs: Codecs | undefined } | undefined;

function load(): Codecs | undefined {
  try {
    const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyGlobal };
    const module = new WebAssembly.Module(brotliDecompressSync(Buffer.from(packedModule, 'base64')));
    const codecs = new WebAssembly.Instance(module, {}).exports as Codecs;
    codecs._initialize?.();
    return codecs;
  } catch {
    return undefined;
  }
}
