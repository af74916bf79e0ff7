import { createCipheriv } from 'node:crypto';
import sodium from 'libsodium-wrappers';
import * as openpgp from 'openpgp';
import { beforeAll, describe, expect, test } from 'vitest';
import { openOpenpgp } from '../../../engine/src/crypto/openpgp.ts';
import { encryptWithPassword } from '../../../engine/src/crypto/openpgpEncrypt.ts';
import { chunkBytes, decryptSodium, encryptSodium, headerBytes } from '../../../engine/src/crypto/sodium.ts';
import { pieces } from '../pieces.ts';

/** What is worked on at once, in bytes of plaintext: 16 chunks of a secretstream, two parts of an OpenPGP packet. */
const atOnce = 128 * 1024;
const borders = [0, chunkBytes, atOnce / 2, atOnce - chunkBytes, atOnce, 2 * atOnce, 3 * atOnce];
const lengths = borders.flatMap((border) => [border - 1, border, border + 1]).filter((it) => it >= 0);
const key = Uint8Array.from({ length: 32 }, (_, index) => index * 3);
const password = 'a pass phrase for the tests';

/** The same in every run. */
const noise = new Uint8Array(
  createCipheriv('aes-128-ctr', new Uint8Array(16), new Uint8Array(16)).update(new Uint8Array(4 * atOnce)),
);

beforeAll(() => sodium.ready);

describe.each([false, true])('where memory is used again: %s', (isLent) => {
  test('libsodium reads what is sealed here, and what it seals is opened, at every border', async () => {
    for (const length of lengths) {
      const plain = noise.subarray(0, length);
      const sealed = await held(encryptSodium(lent(plain, 100_003), key, { isLent }));
      expect(Buffer.compare(opened(sealed), plain), `${length} bytes sealed`).toBe(0);
      for (const size of [chunkBytes + 17, 99_991, Number.POSITIVE_INFINITY]) {
        const found = await held(decryptSodium(lent(sealedByLibrary(plain), size), key, { isLent }));
        expect(Buffer.compare(found, plain), `${length} bytes opened`).toBe(0);
      }
    }
  });
});

test('the library reads OpenPGP messages as they are written here, and what it writes is opened, at every border', async () => {
  const bytes = new TextEncoder().encode(password);
  for (const length of lengths) {
    const plain = noise.subarray(0, length);
    const written = await held(encryptWithPassword(lent(plain, 100_003), bytes, { isLent: length % 2 === 0 }));
    const message = await openpgp.readMessage({ binaryMessage: written });
    const { data } = await openpgp.decrypt({ message, passwords: [password], format: 'binary' });
    expect(Buffer.compare(data as Uint8Array, plain), `${length} bytes written`).toBe(0);
    const theirs = await openpgp.encrypt({
      message: await openpgp.createMessage({ binary: plain, format: 'binary' }),
      passwords: [password],
      format: 'binary',
      config: { aeadProtect: false, s2kIterationCountByte: 0 },
    });
    for (const size of [99_991, Number.POSITIVE_INFINITY]) {
      const offer = { kind: 'password', bytes } as const;
      const message = await openOpenpgp(lent(theirs as Uint8Array, size), [offer]);
      expect(Buffer.compare(await held(message.plain), plain), `${length} bytes opened`).toBe(0);
    }
  }
}, 120_000);

function sealedByLibrary(plain: Uint8Array): Uint8Array {
  const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(key);
  const parts = [header];
  for (let start = 0; ; start += chunkBytes) {
    const chunk = plain.subarray(start, start + chunkBytes);
    const tag =
      chunk.length < chunkBytes
        ? sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
        : sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    parts.push(sodium.crypto_secretstream_xchacha20poly1305_push(state, chunk, null, tag));
    if (chunk.length < chunkBytes) return new Uint8Array(Buffer.concat(parts));
  }
}

function opened(sealed: Uint8Array): Uint8Array {
  const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(sealed.subarray(0, headerBytes), key);
  const parts: Uint8Array[] = [];
  for (let start = headerBytes; start < sealed.length; start += chunkBytes + 17) {
    const chunk = sealed.subarray(start, start + chunkBytes + 17);
    const found = sodium.crypto_secretstream_xchacha20poly1305_pull(state, chunk, null);
    if (!found) throw new Error(`the chunk at ${start} does not open`);
    const isLast = start + chunkBytes + 17 >= sealed.length;
    expect(found.tag === sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL).toBe(isLast);
    parts.push(found.message);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** An input that fills the same memory for every piece, as a file does that is read in lent pieces. */
async function* lent(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  const memory = new Uint8Array(Math.min(size, bytes.length));
  for await (const piece of pieces(bytes, size)) {
    memory.set(piece);
    yield memory.subarray(0, piece.length);
    memory.fill(0);
  }
}

/** Looks at a piece when the next one is there: that long it must hold, lent or not. */
async function held(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let last: Uint8Array = new Uint8Array(0);
  for await (const piece of stream) {
    parts.push(Uint8Array.from(last));
    last = piece;
  }
  parts.push(Uint8Array.from(last));
  return new Uint8Array(Buffer.concat(parts));
}
