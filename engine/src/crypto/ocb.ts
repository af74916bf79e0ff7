/** OCB (RFC 7253) over any cipher with blocks of 16 bytes: for those that Node's OpenSSL has, but not in this mode. */

import { type AeadOpener, aeadTagBytes, doubled } from './aead.ts';
import type { BlockCipher } from './blockCipher.ts';
import { blockBytes } from './cfb.ts';
import { exclusiveOr } from './exclusiveOr.ts';

/**
 * @param nonce 15 bytes
 */
export function openOcb(cipher: BlockCipher, nonce: Uint8Array, associated: Uint8Array): AeadOpener {
  const masks = new Masks(cipher);
  const header = hashOf(cipher, masks, associated);
  const offset = firstOffset(cipher, nonce);
  const checksum = new Uint8Array(blockBytes);
  let index = 0;
  let held: Uint8Array = new Uint8Array(0);
  return {
    update(piece) {
      const known = held.length === 0 ? piece : Buffer.concat([held, piece]);
      const length = known.length - (known.length % blockBytes);
      held = new Uint8Array(known.subarray(length));
      const offsets = new Uint8Array(length);
      for (let at = 0; at < length; at += blockBytes) {
        exclusiveOr(offset, offset, masks.at(++index));
        offsets.set(offset, at);
      }
      const masked = new Uint8Array(known.subarray(0, length));
      exclusiveOr(masked, masked, offsets);
      const plain = new Uint8Array(cipher.decrypt(masked));
      exclusiveOr(plain, plain, offsets);
      for (let at = 0; at < length; at += blockBytes)
        exclusiveOr(checksum, checksum, plain.subarray(at, at + blockBytes));
      return plain;
    },
    finish(tag) {
      const rest = new Uint8Array(held);
      if (rest.length > 0) {
        exclusiveOr(offset, offset, masks.rest);
        exclusiveOr(rest, rest, cipher.encrypt(offset));
        exclusiveOr(checksum, checksum, padded(rest));
      }
      exclusiveOr(checksum, checksum, offset);
      exclusiveOr(checksum, checksum, masks.tag);
      const expected = new Uint8Array(cipher.encrypt(checksum));
      exclusiveOr(expected, expected, header);
      let difference = tag.length ^ aeadTagBytes;
      for (let at = 0; at < aeadTagBytes; at++) difference |= (expected[at] as number) ^ (tag[at] as number);
      return difference === 0 ? rest : undefined;
    },
  };
}

/** What is added to blocks before and behind the cipher (RFC 7253, 4.1). */
class Masks {
  /** For what fills no block. */
  readonly rest: Uint8Array;
  readonly tag: Uint8Array;
  readonly #whole: Uint8Array[] = [];

  constructor(cipher: BlockCipher) {
    this.rest = new Uint8Array(cipher.encrypt(new Uint8Array(blockBytes)));
    this.tag = doubled(this.rest);
    this.#whole.push(doubled(this.tag));
  }

  /** @param index of the block, from 1 on: as often as two divides it, the mask is doubled */
  at(index: number): Uint8Array {
    let twos = 0;
    for (let left = index; left % 2 === 0; left /= 2) twos++;
    while (this.#whole.length <= twos) this.#whole.push(doubled(this.#whole.at(-1) as Uint8Array));
    return this.#whole[twos] as Uint8Array;
  }
}

function hashOf(cipher: BlockCipher, masks: Masks, associated: Uint8Array): Uint8Array {
  const sum = new Uint8Array(blockBytes);
  const offset = new Uint8Array(blockBytes);
  for (let at = 0; at < associated.length; at += blockBytes) {
    const part = associated.subarray(at, at + blockBytes);
    const isWhole = part.length === blockBytes;
    exclusiveOr(offset, offset, isWhole ? masks.at(at / blockBytes + 1) : masks.rest);
    const block = isWhole ? new Uint8Array(part) : padded(part);
    exclusiveOr(block, block, offset);
    exclusiveOr(sum, sum, cipher.encrypt(block));
  }
  return sum;
}

/** RFC 7253, 4.2, for a tag of 128 bits. */
function firstOffset(cipher: BlockCipher, nonce: Uint8Array): Uint8Array {
  const block = new Uint8Array(blockBytes);
  block.set(nonce, blockBytes - nonce.length);
  block[blockBytes - nonce.length - 1] = 1;
  const turn = (block[blockBytes - 1] as number) & 63;
  block[blockBytes - 1] = (block[blockBytes - 1] as number) & 0xc0;
  const top = cipher.encrypt(block);
  const stretched = new Uint8Array(24);
  stretched.set(top);
  for (let at = 0; at < 8; at++) stretched[16 + at] = (top[at] as number) ^ (top[at + 1] as number);
  const bytes = turn >> 3;
  const bits = turn & 7;
  return Uint8Array.from(
    { length: blockBytes },
    (_, at) => ((stretched[at + bytes] as number) << bits) | ((stretched[at + bytes + 1] ?? 0) >> (8 - bits)),
  );
}

function padded(rest: Uint8Array): Uint8Array {
  const block = new Uint8Array(blockBytes);
  block.set(rest);
  block[rest.length] = 0x80;
  return block;
}
