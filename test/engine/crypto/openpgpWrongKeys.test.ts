import {
  checkPrimeSync,
  createDiffieHellman,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  getDiffieHellman,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type OpenpgpOffer, openOpenpgp } from '../../../engine/src/crypto/openpgp.ts';
import { readKeys } from '../../../engine/src/crypto/openpgpKeys.ts';
import { RestoreError } from '../../../engine/src/failure.ts';
import { all, expectFailure, pieces } from '../pieces.ts';
import { multiprecision, secretKeyPacket } from './openpgpWriter.ts';

const vector = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../vectors/openpgp/${name}`, import.meta.url)));
const plain = vector('plain.sql');
const message = vector('hidden-four.gpg');
const rightKey = vector('key.asc');

/** Keys of their own for each number, the same in every run. */
const WRONG: [name: string, count: number, keyOf: (index: number) => Buffer][] = [
  ['RSA', 90, rsa],
  ['ElGamal', 30, elgamal],
  ['NIST P-256', 90, nist],
  ['Curve25519', 90, curve25519],
];

describe.each(WRONG)('%s, %i wrong keys', (_, count, keyOf) => {
  test('each fails to open what hides its recipients', async () => {
    for (let index = 0; index < count; index++) {
      const failure = await expectFailure('wrong-key', open([offer(keyOf(index))]));
      expect(failure.message).toContain('a hidden key');
    }
  });

  test('each fails to open what names it by mistake', async () => {
    for (let index = 0; index < count; index++) {
      const key = keyOf(index);
      const [found] = (await readKeys(key)).keys;
      const id = Buffer.from(found?.getKeyID().toHex() ?? '', 'hex');
      expect(id).toHaveLength(8);
      const renamed = new Uint8Array(message);
      // Each of the four session key packets: header of three or two bytes, version, key id.
      for (let at = 0, left = 4; left > 0; left--) {
        const isLong = renamed[at] === 0x85;
        renamed.set(id, at + (isLong ? 4 : 3));
        at += isLong ? 3 + Buffer.from(renamed).readUInt16BE(at + 1) : 2 + (renamed[at + 1] as number);
      }
      const error = await open([offer(key)], renamed).catch((it: unknown) => it);
      expect(error).toBeInstanceOf(RestoreError);
      expect(['wrong-key', 'damaged']).toContain((error as RestoreError).failure.code);
    }
  });
});

test('a ring of wrong keys of every kind with the right one at its end opens the message', async () => {
  const wrong = WRONG.flatMap(([, , keyOf]) => Array.from({ length: 20 }, (_, index) => keyOf(index)));
  const ring = Buffer.concat(wrong);
  await expectFailure('wrong-key', open([offer(ring)]));
  expect(await open([offer(ring), offer(rightKey)])).toEqual(plain);
});

async function open(offers: OpenpgpOffer[], bytes = message): Promise<Uint8Array> {
  return all((await openOpenpgp(pieces(bytes, 4_096), offers)).plain);
}

function offer(bytes: Uint8Array): OpenpgpOffer {
  return { kind: 'openpgp', bytes };
}

function seed(name: string, index: number, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(`${name} ${index}`).digest();
}

const primes: bigint[] = [];

/** The first prime from a number on that has its highest two bits set. */
function prime(index: number): bigint {
  for (let number = primes.length; number <= index; number++) {
    let candidate = numberOf(seed('prime', number, 64)) | (3n << 510n) | 1n;
    while (!checkPrimeSync(candidate)) candidate += 2n;
    primes.push(candidate);
  }
  return primes[index] as bigint;
}

/** Every two of fourteen primes are a key. */
function rsa(index: number): Buffer {
  let [first, second] = [0, 1];
  for (let left = index; left > 0; left--) [first, second] = first + 1 < second ? [first + 1, second] : [0, second + 1];
  const [p, q] = [prime(first), prime(second)].sort((one, other) => (one < other ? -1 : 1)) as [bigint, bigint];
  const exponent = 65_537n;
  const numbers = [inverse(exponent, (p - 1n) * (q - 1n)), p, q, inverse(p, q)];
  return secretKeyPacket(1, joined([p * q, exponent]), joined(numbers));
}

function elgamal(index: number): Buffer {
  const modulus = getDiffieHellman('modp2').getPrime();
  const group = createDiffieHellman(modulus, 2);
  const secret = seed('elgamal', index, 40);
  group.setPrivateKey(secret);
  group.generateKeys();
  return secretKeyPacket(
    16,
    joined([numberOf(modulus), 2n, numberOf(group.getPublicKey())]),
    joined([numberOf(secret)]),
  );
}

const kdf = Uint8Array.of(3, 1, 8, 7);

function nist(index: number): Buffer {
  const secret = seed('nist', index, 32);
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(secret);
  const curve = Buffer.from('082a8648ce3d030107', 'hex');
  const point = multiprecision(numberOf(ecdh.getPublicKey()));
  return secretKeyPacket(18, Buffer.concat([curve, point, kdf]), joined([numberOf(secret)]));
}

function curve25519(index: number): Buffer {
  const secret = seed('curve25519', index, 32);
  secret[0] = (secret[0] as number) & 0xf8;
  secret[31] = ((secret[31] as number) & 0x7f) | 0x40;
  const der = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), secret]);
  const { x = '' } = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({
    format: 'jwk',
  });
  const point = Buffer.concat([Uint8Array.of(0x40), Buffer.from(x, 'base64url')]);
  const curve = Buffer.from('0a2b060104019755010501', 'hex');
  const fields = Buffer.concat([curve, multiprecision(numberOf(point)), kdf]);
  return secretKeyPacket(18, fields, joined([numberOf(Buffer.from(secret).reverse())]));
}

function joined(numbers: bigint[]): Buffer {
  return Buffer.concat(numbers.map(multiprecision));
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [one, other] = [value % modulus, modulus];
  let [first, second] = [1n, 0n];
  while (one > 1n) {
    const times = other / one;
    [one, other] = [other % one, one];
    [first, second] = [second - times * first, first];
  }
  return ((first % modulus) + modulus) % modulus;
}
