/**
 * The exclusive or of long pieces. JavaScript takes longer for it than OpenSSL for AES; sixteen bytes at a time in
 * WebAssembly, copies there and back included, take a tenth of that.
 */

import type { WebAssemblyGlobal } from '../compress/codecs.ts';

/**
 * Writes the exclusive or of two pieces into `target`, which may be one of them. All three have the same length; any
 * length and any place in memory will do.
 */
export function exclusiveOr(target: Uint8Array, one: Uint8Array, other: Uint8Array): void {
  const whole = one.length - (one.length % wordBytes);
  // The call and its copies are worth it from a few words on.
  const start = whole >= leastBytes ? throughWords(target, one, other, whole) : 0;
  for (let index = start; index < one.length; index++)
    target[index] = (one[index] as number) ^ (other[index] as number);
}

const wordBytes = 16;
const leastBytes = 256;
/** Half of the memory below each: both stay in the processor's cache. */
const stepBytes = 128 * 1024;

function throughWords(target: Uint8Array, one: Uint8Array, other: Uint8Array, bytes: number): number {
  words ??= load();
  if (words === 'missing') return 0;
  const { memory, xor } = words;
  for (let start = 0; start < bytes; start += stepBytes) {
    const end = Math.min(start + stepBytes, bytes);
    memory.set(one.subarray(start, end), 0);
    memory.set(other.subarray(start, end), stepBytes);
    xor(0, stepBytes, end - start);
    target.set(memory.subarray(0, end - start), start);
  }
  return bytes;
}

interface Words {
  memory: Uint8Array;
  xor(at: number, other: number, end: number): void;
}

let words: Words | 'missing' | undefined;

/** Where a page forbids WebAssembly, or its engine has no words of 16 bytes, the loop above does all of it. */
function load(): Words | 'missing' {
  try {
    const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyGlobal };
    const module = new WebAssembly.Module(Uint8Array.from(Buffer.from(program, 'hex')));
    const { memory, xor } = new WebAssembly.Instance(module, {}).exports as {
      memory: { buffer: ArrayBuffer };
      xor: Words['xor'];
    };
    return { memory: new Uint8Array(memory.buffer), xor };
  } catch {
    return 'missing';
  }
}

/**
 * What wabt makes of this text; `test/engine/crypto/exclusiveOr.test.ts` compares what it does with a plain loop:
 *
 *   (module
 *     (memory (export "memory") 4)
 *     (func (export "xor") (param $at i32) (param $other i32) (param $end i32)
 *       (loop $next
 *         (v128.store (local.get $at) (v128.xor (v128.load (local.get $at)) (v128.load (local.get $other))))
 *         (local.set $other (i32.add (local.get $other) (i32.const 16)))
 *         (br_if $next
 *           (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))))
 */
const program = [
  '0061736d01000000', // magic, version
  '010701' + '60037f7f7f00', // types: three numbers, no result
  '03020100', // one function of that type
  '0503010004', // a memory of 4 pages of 64 KiB
  '071002' + '066d656d6f72790200' + '03786f720000', // exports: memory, xor
  '0a2e012c00', // code of the function, no locals
  '0340' + '2000' + '2000fd000400' + '2001fd000400' + 'fd51' + 'fd0b0400', // loop: at = at xor other
  '200141106a2101', // other += 16
  '200041106a2200' + '2002490d00', // at += 16; again while at < end
  '0b0b',
].join('');
