/** IDEA (Lai, Massey 1991): what PGP 2 encrypted with. Its patents are over; Node's OpenSSL has not got it any more. */

import type { BlockCipher } from './blockCipher.ts';

const blockBytes = 8;
const rounds = 8;
const keysOfRound = 6;

/**
 * @param key 16 bytes
 */
export function idea(key: Uint8Array): Pick<BlockCipher, 'blockBytes' | 'encrypt'> {
  const keys = schedule(key);
  return {
    blockBytes,
    encrypt(blocks) {
      const result = new Uint8Array(blocks.length);
      const from = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
      const to = new DataView(result.buffer);
      for (let at = 0; at + blockBytes <= blocks.length; at += blockBytes) encryptBlock(keys, from, to, at);
      return result;
    },
  };
}

/** Each eight keys of 16 bits are the key itself, turned by 25 bits more. */
function schedule(key: Uint8Array): Uint16Array {
  const keys = new Uint16Array(rounds * keysOfRound + 4);
  let bits = BigInt(`0x${Buffer.from(key).toString('hex')}`);
  for (let index = 0; index < keys.length; index++) {
    if (index > 0 && index % 8 === 0) bits = ((bits << 25n) | (bits >> 103n)) & ((1n << 128n) - 1n);
    keys[index] = Number((bits >> BigInt(112 - (index % 8) * 16)) & 0xffffn);
  }
  return keys;
}

function encryptBlock(keys: Uint16Array, from: DataView, to: DataView, at: number): void {
  const keyAt = (index: number) => keys[index] as number;
  let a = from.getUint16(at);
  let b = from.getUint16(at + 2);
  let c = from.getUint16(at + 4);
  let d = from.getUint16(at + 6);
  let index = 0;
  for (let round = 0; round < rounds; round++, index += keysOfRound) {
    a = product(a, keyAt(index));
    b = (b + keyAt(index + 1)) & 0xffff;
    c = (c + keyAt(index + 2)) & 0xffff;
    d = product(d, keyAt(index + 3));
    const left = product(a ^ c, keyAt(index + 4));
    const right = product(((b ^ d) + left) & 0xffff, keyAt(index + 5));
    const sum = (left + right) & 0xffff;
    a ^= right;
    d ^= sum;
    [b, c] = [c ^ right, b ^ sum];
  }
  to.setUint16(at, product(a, keyAt(index)));
  // The last exchange is undone.
  to.setUint16(at + 2, (c + keyAt(index + 1)) & 0xffff);
  to.setUint16(at + 4, (b + keyAt(index + 2)) & 0xffff);
  to.setUint16(at + 6, product(d, keyAt(index + 3)));
}

/** Modulo 65537, where 0 stands for 65536. */
function product(one: number, other: number): number {
  return (((one || 0x10000) * (other || 0x10000)) % 0x10001) & 0xffff;
}
