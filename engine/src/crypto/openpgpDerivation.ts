/** How a password becomes a key (RFC 9580, 3.7): of a message, and of a private key that is locked. */

import { createHash } from 'node:crypto';
import { argon2id } from 'hash-wasm';
import { concat, copyOf } from '../bytes.ts';
import { fail } from '../failure.ts';

export type Derivation =
  | { kind: 'hash'; hash: string; salt: Uint8Array; count: number }
  | { kind: 'argon2'; salt: Uint8Array; passes: number; lanes: number; memoryKiB: number };

/** RFC 9580, 9.5, as Node calls them. */
export const HASHES: Readonly<Record<number, string>> = {
  1: 'md5',
  2: 'sha1',
  3: 'ripemd160',
  8: 'sha256',
  9: 'sha384',
  10: 'sha512',
  11: 'sha224',
  12: 'sha3-256',
  14: 'sha3-512',
};

export type Taker = (length?: number) => Uint8Array;

/** Takes fields from the start of a packet. @throws RestoreError `damaged` where it ends too soon */
export function taker(body: Uint8Array): Taker {
  let place = 0;
  return (length = body.length - place) => {
    if (place + length > body.length) {
      fail('damaged', 'decrypt', 'a session key packet of the message is too short', {
        offset: 0,
        hint: 'The file is not what was written: copy it again, or use another backup.',
      });
    }
    place += length;
    return body.subarray(place - length, place);
  };
}

/** @throws RestoreError `unsupported` for a derivation that is not known */
export function readDerivation(take: Taker): Derivation {
  const kind = take(1)[0];
  if (kind === 4) {
    const salt = take(16);
    const [passes = 0, lanes = 0, memory = 0] = take(3);
    return { kind: 'argon2', salt, passes, lanes, memoryKiB: 2 ** memory };
  }
  if (kind === 0 || kind === 1 || kind === 3) {
    const hash = HASHES[take(1)[0] ?? 0];
    const salt = kind === 0 ? new Uint8Array(0) : take(8);
    const coded = kind === 3 ? (take(1)[0] ?? 0) : undefined;
    const count = coded === undefined ? 0 : (16 + (coded & 15)) * 2 ** ((coded >> 4) + 6);
    if (hash !== undefined) return { kind: 'hash', hash, salt, count };
  }
  fail('unsupported', 'decrypt', 'the message makes its key of the password in a way that is not known', {
    hint: 'Decrypt it with the program that wrote it.',
  });
}

/** @returns the caller's to wipe */
export async function derive(derivation: Derivation, password: Uint8Array, keyBytes: number): Promise<Uint8Array> {
  if (derivation.kind === 'hash') return hashed(derivation, password, keyBytes);
  const { salt, passes, lanes, memoryKiB } = derivation;
  try {
    return await argon2id({
      password,
      salt,
      iterations: passes,
      parallelism: lanes,
      memorySize: memoryKiB,
      hashLength: keyBytes,
      outputType: 'binary',
    });
  } catch {
    fail(
      'unsupported',
      'key',
      `the password needs Argon2 with ${Math.ceil(memoryKiB / 1024)} MiB of memory, which is not to be had here`,
      {
        hint: 'Decrypt it on a larger machine.',
      },
    );
  }
}

/** How much is hashed at once, in bytes. */
const roundBytes = 64 * 1024;

/** The salted password again and again, `count` bytes in all, at least once; where a hash is too short, others with zeros in front follow. */
function hashed(
  { hash: name, salt, count }: Extract<Derivation, { kind: 'hash' }>,
  password: Uint8Array,
  keyBytes: number,
): Uint8Array {
  const unit = concat([salt, password]);
  const repeated = Buffer.alloc(unit.length * Math.max(1, Math.floor(roundBytes / Math.max(unit.length, 1))));
  for (let place = 0; place < repeated.length; place += unit.length) repeated.set(unit, place);
  const total = Math.max(count, unit.length);
  const parts: Uint8Array[] = [];
  let filled = 0;
  for (let zeros = 0; filled < keyBytes; zeros++) {
    const hash = createHash(name).update(new Uint8Array(zeros));
    for (let left = total; left > 0; left -= repeated.length)
      hash.update(repeated.subarray(0, Math.min(left, repeated.length)));
    const digest = hash.digest();
    parts.push(digest);
    filled += digest.length;
  }
  repeated.fill(0);
  return copyOf(concat(parts).subarray(0, keyBytes));
}
