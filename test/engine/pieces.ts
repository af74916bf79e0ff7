import { expect } from 'vitest';
import { type Failure, type FailureCode, RestoreError } from '../../engine/src/failure.ts';

/** The bytes in pieces of `size`: a stage must not care how its input is cut. */
export async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  if (size === Number.POSITIVE_INFINITY) {
    yield bytes;
    return;
  }
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** The stream, and how often it was closed or came to its end. */
export function watched(input: AsyncIterable<Uint8Array>): { stream: AsyncIterable<Uint8Array>; closed: () => number } {
  let closed = 0;
  async function* stream() {
    try {
      yield* input;
    } finally {
      closed++;
    }
  }
  return { stream: stream(), closed: () => closed };
}

export async function all(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of input) parts.push(piece);
  return new Uint8Array(Buffer.concat(parts));
}

/** Reads to the end and demands exactly this failure; returns it together with what came out before. */
export async function expectFailure(
  code: FailureCode,
  work: AsyncIterable<Uint8Array> | Promise<unknown>,
): Promise<Failure & { before: Uint8Array }> {
  const parts: Uint8Array[] = [];
  try {
    if (Symbol.asyncIterator in work) for await (const piece of work) parts.push(piece);
    else await work;
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error;
    expect(error.failure).toMatchObject({ code });
    return { ...error.failure, before: new Uint8Array(Buffer.concat(parts)) };
  }
  throw new Error(`expected the failure ${code}, but all went well and ${Buffer.concat(parts).length} bytes came out`);
}
