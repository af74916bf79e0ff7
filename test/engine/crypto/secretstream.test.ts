import { createHash } from 'node:crypto';
import sodium from 'libsodium-wrappers';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  allSecretstreams,
  fastestSecretstream,
  lookInto,
  overheadBytes,
  type Secretstream,
  TAG,
} from '../../../engine/src/crypto/secretstream.ts';

const key = Uint8Array.from({ length: 32 }, (_, index) => index * 7);
const header = Uint8Array.from({ length: 24 }, (_, index) => 255 - index);
const LENGTHS = [
  ...Array.from({ length: 70 }, (_, index) => index),
  ...Array.from({ length: 40 }, (_, index) => 8_172 + index),
  65_536,
];

let secretstreams: Secretstream[] = [];
const stateOf = (header: Uint8Array, key: Uint8Array) => secretstreams.at(-1)!.stateOf(header, key);
beforeAll(async () => {
  secretstreams = await allSecretstreams();
});

describe('a chunk of a secretstream', () => {
  test('is the same from every implementation, whatever its length and tag, and so is the state behind it', async () => {
    const reference = secretstreams.at(-1) as Secretstream;
    expect(reference.name).toBe('WebAssembly');
    expect(secretstreams.map((it) => it.name)).toContain('OpenSSL');
    const states = new Map(secretstreams.map((it) => [it, stateOf(header, key)]));
    const pulled = new Map(secretstreams.map((it) => [it, stateOf(header, key)]));
    for (const length of LENGTHS) {
      for (const tag of Object.values(TAG)) {
        const message = noise(length, tag);
        const expected = push(reference, states.get(reference)!, message, tag);
        for (const it of secretstreams) {
          if (it !== reference) expect(isSame(push(it, states.get(it)!, message, tag), expected)).toBe(true);
          expect(isSame(states.get(it)!, states.get(reference)!)).toBe(true);
          const opened = new Uint8Array(length);
          expect(it.pull(pulled.get(it)!, expected, opened)).toBe(tag);
          expect(isSame(opened, message)).toBe(true);
          expect(isSame(pulled.get(it)!, states.get(reference)!)).toBe(true);
        }
      }
    }
  });

  test('is what libsodium itself makes of it', async () => {
    for (const it of secretstreams) {
      for (const length of [0, 1, 8, 15, 16, 17, 8_191, 8_192, 8_193]) {
        const mine = it.newStream(key);
        const theirs = sodium.crypto_secretstream_xchacha20poly1305_init_pull(mine.header, key);
        for (const tag of [TAG.message, TAG.push, TAG.rekey, TAG.message, TAG.final]) {
          const message = noise(length, tag);
          const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(
            theirs,
            push(it, mine.state, message, tag),
            null,
          );
          expect(opened && opened.tag === tag && isSame(opened.message, message)).toBe(true);
        }
      }
    }
  });

  test('changes the key when the counter is used up, in every implementation alike', () => {
    const states = secretstreams.map(() => {
      const state = stateOf(header, key);
      state.set([0xfe, 0xff, 0xff, 0xff], 32);
      return state;
    });
    for (let index = 0; index < 4; index++) {
      const message = noise(8_192, index);
      const chunks = secretstreams.map((it, at) => push(it, states[at]!, message, TAG.message));
      for (const chunk of chunks) expect(isSame(chunk, chunks[0]!)).toBe(true);
      for (const state of states) expect(state).toEqual(states[0]);
    }
    expect(states[0]!.subarray(0, 32)).not.toEqual(stateOf(header, key).subarray(0, 32));
  });

  test.each([0, 1, 8, 16, 24])(
    'with any one bit changed does not open, and leaves the state alone (%i bytes)',
    (length) => {
      const chunk = push(secretstreams[0]!, stateOf(header, key), noise(length, 1), TAG.message);
      for (const it of secretstreams) {
        const state = stateOf(header, key);
        const before = state.slice();
        for (let bit = 0; bit < chunk.length * 8; bit++) {
          const flipped = chunk.slice();
          flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
          expect(it.pull(state, flipped, new Uint8Array(length))).toBeUndefined();
        }
        expect(state).toEqual(before);
        expect(it.pull(state, chunk, new Uint8Array(length))).toBe(TAG.message);
      }
    },
  );

  test('cut or made longer does not open', () => {
    const chunk = push(secretstreams[0]!, stateOf(header, key), noise(64, 1), TAG.final);
    for (const it of secretstreams) {
      for (let length = overheadBytes; length < chunk.length; length++)
        expect(
          it.pull(stateOf(header, key), chunk.subarray(0, length), new Uint8Array(length - overheadBytes)),
        ).toBeUndefined();
      const longer = Uint8Array.from([...chunk, 0]);
      expect(it.pull(stateOf(header, key), longer, new Uint8Array(65))).toBeUndefined();
    }
  });

  test('opens with none of a thousand wrong keys, and with no other place in the stream', () => {
    const state = stateOf(header, key);
    const first = push(secretstreams[0]!, state, noise(8_192, 1), TAG.message);
    const second = push(secretstreams[0]!, state, noise(8_192, 2), TAG.message);
    const message = new Uint8Array(8_192);
    for (const it of secretstreams) {
      for (let index = 0; index < 1_000; index++) {
        const wrong = new Uint8Array(createHash('sha256').update(`wrong ${index}`).digest());
        expect(it.pull(stateOf(header, wrong), first, message)).toBeUndefined();
      }
      expect(it.pull(stateOf(header, key), second, message)).toBeUndefined();
      const behind = stateOf(header, key);
      expect(it.pull(behind, first, message)).toBe(TAG.message);
      expect(it.pull(behind, first, message)).toBeUndefined();
      expect(it.pull(behind, second, message)).toBe(TAG.message);
    }
  });

  test('begins with the same state in every implementation', () => {
    for (const it of secretstreams) {
      expect(it.stateOf(header, key)).toEqual(stateOf(header, key));
      const begun = it.newStream(key);
      expect(begun.state).toEqual(stateOf(begun.header, key));
      expect(it.newStream(key).header).not.toEqual(begun.header);
    }
  });

  test('can be looked into without its proof', async () => {
    for (const length of [0, 1, 100, 8_192]) {
      const message = noise(length, 5);
      const chunk = push(secretstreams[0]!, stateOf(header, key), message, TAG.final);
      chunk[chunk.length - 1] = (chunk.at(-1) as number) ^ 1;
      expect(await lookInto(stateOf(header, key), chunk)).toEqual({ tag: TAG.final, message });
    }
  });
});

test('libsodium’s own machine code is used where the add-on is installed', async () => {
  expect((await fastestSecretstream()).name).toBe(secretstreams[0]?.name);
});

function push(secretstream: Secretstream, state: Uint8Array, message: Uint8Array, tag: number): Uint8Array {
  const chunk = new Uint8Array(message.length + overheadBytes);
  secretstream.push(state, message, tag, chunk);
  return chunk;
}

/** `toEqual` compares large arrays byte by byte, slowly. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** The same in every run. */
function noise(length: number, seed: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let index = 0; index * 32 <= length; index++)
    parts.push(createHash('sha256').update(`${seed} ${index}`).digest());
  return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}
