/** Twofish (Schneier, Kelsey, Whiting, Wagner, Hall, Ferguson 1998), with keys of 256 bits as OpenPGP has them. */

import type { BlockCipher } from './blockCipher.ts';

const blockBytes = 16;
const rounds = 16;

/**
 * @param key 32 bytes
 */
export function twofish(key: Uint8Array): BlockCipher {
  const { subkeys, boxes } = schedule(key);
  const through = (blocks: Uint8Array, turn: (words: Uint32Array) => void): Uint8Array => {
    const result = new Uint8Array(blocks);
    const view = new DataView(result.buffer);
    const words = new Uint32Array(4);
    for (let at = 0; at + blockBytes <= result.length; at += blockBytes) {
      for (let word = 0; word < 4; word++) words[word] = view.getUint32(at + 4 * word, true);
      turn(words);
      for (let word = 0; word < 4; word++) view.setUint32(at + 4 * word, words[word] as number, true);
    }
    return result;
  };
  return {
    blockBytes,
    encrypt: (blocks) => through(blocks, (words) => encryptBlock(words, subkeys, boxes)),
    decrypt: (blocks) => through(blocks, (words) => decryptBlock(words, subkeys, boxes)),
  };
}

/** Four tables of 256 words: the substitution of a byte by the key, already multiplied by its column of the MDS matrix. */
type Boxes = readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

function encryptBlock(words: Uint32Array, subkeys: Uint32Array, boxes: Boxes): void {
  let [a, b, c, d] = whitened(words, subkeys, 0);
  for (let round = 0; round < rounds; round++) {
    const left = substituted(boxes, a);
    const right = substituted(boxes, rotated(b, 8));
    const one = c ^ (left + right + at(subkeys, 8 + 2 * round));
    const other = rotated(d, 1) ^ (left + 2 * right + at(subkeys, 9 + 2 * round));
    [a, b, c, d] = [rotated(one, 31), other, a, b];
  }
  words.set(whitened([c, d, a, b], subkeys, 4));
}

function decryptBlock(words: Uint32Array, subkeys: Uint32Array, boxes: Boxes): void {
  let [c, d, a, b] = whitened(words, subkeys, 4);
  for (let round = rounds - 1; round >= 0; round--) {
    [c, d, a, b] = [a, b, c, d];
    const left = substituted(boxes, a);
    const right = substituted(boxes, rotated(b, 8));
    c = rotated(c, 1) ^ (left + right + at(subkeys, 8 + 2 * round));
    d = rotated(d ^ (left + 2 * right + at(subkeys, 9 + 2 * round)), 31);
  }
  words.set(whitened([a, b, c, d], subkeys, 0));
}

type Words = [number, number, number, number];

function whitened(words: ArrayLike<number>, subkeys: Uint32Array, first: number): Words {
  const word = (index: number) => at(words, index) ^ at(subkeys, first + index);
  return [word(0), word(1), word(2), word(3)];
}

function substituted([first, second, third, fourth]: Boxes, word: number): number {
  return (
    at(first, word & 0xff) ^ at(second, (word >>> 8) & 0xff) ^ at(third, (word >>> 16) & 0xff) ^ at(fourth, word >>> 24)
  );
}

function schedule(key: Uint8Array): { subkeys: Uint32Array; boxes: Boxes } {
  const words = Array.from({ length: 8 }, (_, index) => key.subarray(4 * index, 4 * index + 4));
  const even = words.filter((_, index) => index % 2 === 0);
  const odd = words.filter((_, index) => index % 2 === 1);
  const subkeys = new Uint32Array(40);
  for (let index = 0; index < 20; index++) {
    const left = keyed(2 * index, even);
    const right = rotated(keyed(2 * index + 1, odd), 8);
    subkeys[2 * index] = left + right;
    subkeys[2 * index + 1] = rotated((left + 2 * right) | 0, 9);
  }
  const vectors = Array.from({ length: 4 }, (_, index) =>
    reedSolomon(key.subarray(8 * index, 8 * index + 8)),
  ).reverse();
  const box = (column: number) =>
    Uint32Array.from({ length: 256 }, (_, byte) => MDS_COLUMNS[column]![permuted(byte, column, vectors)] as number);
  return { subkeys, boxes: [box(0), box(1), box(2), box(3)] };
}

/** The function h of the paper (4.3.5) for a word of four equal bytes. */
function keyed(byte: number, list: readonly Uint8Array[]): number {
  let word = 0;
  for (let column = 0; column < 4; column++) word ^= MDS_COLUMNS[column]![permuted(byte, column, list)] as number;
  return word;
}

/** Which of the two permutations stands where: per byte, from the last word of the list to the first, and then the last one. */
const ORDER = [
  [1, 1, 0, 0, 1],
  [0, 1, 1, 0, 0],
  [0, 0, 0, 1, 1],
  [1, 0, 1, 1, 0],
] as const;

function permuted(byte: number, column: number, list: readonly Uint8Array[]): number {
  const order = ORDER[column] as readonly number[];
  let value = byte;
  for (let index = 3; index >= 0; index--)
    value = at(PERMUTATIONS[order[3 - index] as number] as Uint8Array, value) ^ at(list[index] as Uint8Array, column);
  return at(PERMUTATIONS[order[4] as number] as Uint8Array, value);
}

const PERMUTATIONS = [
  permutation([
    [0x8, 0x1, 0x7, 0xd, 0x6, 0xf, 0x3, 0x2, 0x0, 0xb, 0x5, 0x9, 0xe, 0xc, 0xa, 0x4],
    [0xe, 0xc, 0xb, 0x8, 0x1, 0x2, 0x3, 0x5, 0xf, 0x4, 0xa, 0x6, 0x7, 0x0, 0x9, 0xd],
    [0xb, 0xa, 0x5, 0xe, 0x6, 0xd, 0x9, 0x0, 0xc, 0x8, 0xf, 0x3, 0x2, 0x4, 0x7, 0x1],
    [0xd, 0x7, 0xf, 0x4, 0x1, 0x2, 0x6, 0xe, 0x9, 0xb, 0x3, 0x0, 0x8, 0x5, 0xc, 0xa],
  ]),
  permutation([
    [0x2, 0x8, 0xb, 0xd, 0xf, 0x7, 0x6, 0xe, 0x3, 0x1, 0x9, 0x4, 0x0, 0xa, 0xc, 0x5],
    [0x1, 0xe, 0x2, 0xb, 0x4, 0xc, 0x3, 0x7, 0x6, 0xd, 0xa, 0x5, 0xf, 0x9, 0x0, 0x8],
    [0x4, 0xc, 0x7, 0x5, 0x1, 0x6, 0x9, 0xa, 0x0, 0xe, 0xd, 0x8, 0x2, 0xb, 0x3, 0xf],
    [0xb, 0x9, 0x5, 0x1, 0xc, 0x3, 0xd, 0xe, 0x6, 0x4, 0x7, 0xf, 0x2, 0x0, 0x8, 0xa],
  ]),
] as const;

/** Four tables of four bits make one of eight (4.3.5 of the paper). */
function permutation(tables: readonly (readonly number[])[]): Uint8Array {
  const turned = (half: number) => ((half >> 1) | (half << 3)) & 15;
  const through = (left: number, right: number): [number, number] => [
    left ^ right,
    (left ^ turned(right) ^ (8 * left)) & 15,
  ];
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    const [a, b] = through(byte >> 4, byte & 15);
    const [c, d] = through(at(tables[0] as number[], a), at(tables[1] as number[], b));
    return (at(tables[3] as number[], d) << 4) | at(tables[2] as number[], c);
  });
}

const mdsPolynomial = 0x169;
const reedSolomonPolynomial = 0x14d;

const MDS = [
  [0x01, 0xef, 0x5b, 0x5b],
  [0x5b, 0xef, 0xef, 0x01],
  [0xef, 0x5b, 0x01, 0xef],
  [0xef, 0x01, 0xef, 0x5b],
] as const;

const REED_SOLOMON = [
  [0x01, 0xa4, 0x55, 0x87, 0x5a, 0x58, 0xdb, 0x9e],
  [0xa4, 0x56, 0x82, 0xf3, 0x1e, 0xc6, 0x68, 0xe5],
  [0x02, 0xa1, 0xfc, 0xc1, 0x47, 0xae, 0x3d, 0x19],
  [0xa4, 0x55, 0x87, 0x5a, 0x58, 0xdb, 0x9e, 0x03],
] as const;

const MDS_COLUMNS = [0, 1, 2, 3].map((column) =>
  Uint32Array.from({ length: 256 }, (_, byte) =>
    MDS.reduce((word, row, index) => word | (product(byte, row[column] as number, mdsPolynomial) << (8 * index)), 0),
  ),
);

function reedSolomon(part: Uint8Array): Uint8Array {
  return Uint8Array.from(REED_SOLOMON, (row) =>
    row.reduce((sum, factor, index) => sum ^ product(at(part, index), factor, reedSolomonPolynomial), 0),
  );
}

/** In GF(2^8). */
function product(one: number, other: number, polynomial: number): number {
  let result = 0;
  let shifted = one;
  for (let left = other; left > 0; left >>= 1) {
    if (left & 1) result ^= shifted;
    shifted <<= 1;
    if (shifted & 0x100) shifted ^= polynomial;
  }
  return result;
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function at(list: ArrayLike<number>, index: number): number {
  return list[index] as number;
}
