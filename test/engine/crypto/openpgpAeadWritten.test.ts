/** AEAD messages that are written here: bit by bit beside the library, read by it, and refused when anything of them is missing. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as library from 'openpgp';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ByteReader, count } from '../../../engine/src/bytes.ts';
import type { SealedMode } from '../../../engine/src/crypto/aead.ts';
import { type OpenpgpOffer, openOpenpgp } from '../../../engine/src/crypto/openpgp.ts';
import {
  type AeadHead,
  isProvenAtOnce,
  newAeadHead,
  openedChunks,
  sealedChunks,
} from '../../../engine/src/crypto/openpgpAead.ts';
import {
  encryptToKeys,
  encryptWithPassword,
  messageToKeys,
  messageWithPassword,
} from '../../../engine/src/crypto/openpgpEncrypt.ts';
import { RestoreError } from '../../../engine/src/failure.ts';
import type { Integrity } from '../../../engine/src/job.ts';
import { all, expectFailure, pieces, watched } from '../pieces.ts';
import { contentsThatFill } from './literalLength.ts';

const vector = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../vectors/openpgp/${name}`, import.meta.url)));
const key: OpenpgpOffer = { kind: 'openpgp', bytes: vector('key.asc') };
const password: OpenpgpOffer = { kind: 'password', bytes: new TextEncoder().encode('correct horse\n') };
const FORMS = ['ocb', 'seipd2'] as const satisfies Integrity[];
const BODIES: [name: string, isGnupg: boolean, mode: SealedMode][] = [
  ['packet 20, OCB', true, 'OCB'],
  ['packet 20, GCM', true, 'GCM'],
  ['SEIPD version 2, OCB', false, 'OCB'],
  ['SEIPD version 2, GCM', false, 'GCM'],
];
const CIPHERS = [
  [7, 16],
  [8, 24],
  [9, 32],
] as const;

afterEach(() => void vi.restoreAllMocks());

describe.each(BODIES)('%s', (_, isGnupg, mode) => {
  test('chunks are those of the library, bit by bit, at every length around their borders', async () => {
    for (const [algorithm, keyBytes] of CIPHERS) {
      const session = noise(keyBytes);
      for (const chunk of [64, 128, 65_536]) {
        const head = newAeadHead({ isGnupg, algorithm, mode }, chunk);
        for (const length of around(chunk)) {
          const plain = noise(length);
          const sealed = await all(sealedChunks(pieces(plain, 1_000), head, session));
          expect(Buffer.from(sealed).equals(await libraryBody(plain, head, session, sealed))).toBe(true);
        }
      }
    }
  }, 120_000);

  test('the size of the pieces that come in changes nothing', async () => {
    const head = newAeadHead({ isGnupg, algorithm: 9, mode }, 64);
    const [plain, session] = [noise(1_000), noise(32)];
    for (const size of [1, 15, 16, 63, 64, 65, 999, 5_000]) {
      const sealed = await all(sealedChunks(pieces(plain, size), head, session));
      expect(sealed).toHaveLength(head.stored.length + (isGnupg ? (mode === 'OCB' ? 15 : 12) : 32) + 1_000 + 17 * 16);
      expect(Buffer.from(await opened(sealed, head, session)).equals(plain)).toBe(true);
    }
  });

  test('no two messages begin alike, and the session key is wiped by whoever made it', async () => {
    const head = newAeadHead({ isGnupg, algorithm: 9, mode }, 64);
    const session = noise(32);
    const [one, other] = [
      await all(sealedChunks(pieces(noise(100), 50), head, session)),
      await all(sealedChunks(pieces(noise(100), 50), head, session)),
    ];
    expect(Buffer.from(one.subarray(4, 16)).equals(other.subarray(4, 16))).toBe(false);
    expect(Buffer.from(session).equals(noise(32))).toBe(true);
  });

  test('chunks that are dropped, doubled, swapped or joined with those of another message are refused', async () => {
    const head = newAeadHead({ isGnupg, algorithm: 9, mode }, 64);
    const session = noise(32);
    const start = head.stored.length + (isGnupg ? (mode === 'OCB' ? 15 : 12) : 32);
    const body = await all(sealedChunks(pieces(noise(300), 300), head, session));
    const other = await all(sealedChunks(pieces(noise(300), 300), head, session));
    const chunk = (of: Uint8Array, index: number) => of.subarray(start + index * 80, start + (index + 1) * 80);
    const [a, b, c, d, rest] = [0, 1, 2, 3, 4].map((it) => (it < 4 ? chunk(body, it) : body.subarray(start + 320)));
    const last = body.subarray(-16);
    for (const chunks of [
      [b, c, d, rest],
      [a, a, b, c, d, rest],
      [b, a, c, d, rest],
      [a, b, d, c, rest],
      [a, b, c, rest],
      [a, b, c, d, last],
      [a, b, c, last],
      [last],
      [],
      [a, b, c, d],
      [a, chunk(other, 1), c, d, rest],
      [a, b, c, d, other.subarray(start + 320)],
      [a, b, c, d, rest, a, b, c, d, rest],
    ] as Uint8Array[][]) {
      const changed = Buffer.concat([body.subarray(0, start), ...chunks]);
      const failure = await expectFailure('damaged', opened(changed, head, session));
      expect(failure.offset).toBe(7);
    }
    expect(await opened(body, head, session)).toHaveLength(300);
  });
});

test.each([17, 26, 56])(
  'chunks too large to be held (2^%i times 64 bytes) are passed on, and not called proven',
  async (size) => {
    const [plain, session] = [noise(12 * 1024 * 1024), noise(32)];
    const head = newAeadHead({ isGnupg: true, algorithm: 9, mode: 'OCB' }, 2 ** (size + 6));
    expect(isProvenAtOnce(head)).toBe(false);
    const sealed = await all(sealedChunks(pieces(plain, 100_000), head, session));
    let read = 0;
    const input = count(pieces(sealed, 10_000), (delta) => {
      read += delta;
    });
    const hash = createHash('sha256');
    let written = 0;
    for await (const piece of openedChunks(new ByteReader(input), head, session, 0)) {
      written += piece.length;
      hash.update(piece);
      // What is not written yet is in memory.
      expect(read - written).toBeLessThan(1024 * 1024);
    }
    expect(hash.digest().equals(createHash('sha256').update(plain).digest())).toBe(true);
  },
);

test('chunks of 4 MiB are proven before a byte of them comes out, and no more than one is held', async () => {
  const [plain, session] = [noise(9 * 1024 * 1024), noise(32)];
  const head = newAeadHead({ isGnupg: false, algorithm: 9, mode: 'GCM' }, 4 * 1024 * 1024);
  expect(isProvenAtOnce(head)).toBe(true);
  const sealed = await all(sealedChunks(pieces(plain, 100_000), head, session));
  let read = 0;
  const input = count(pieces(sealed, 10_000), (delta) => {
    read += delta;
  });
  let written = 0;
  for await (const piece of openedChunks(new ByteReader(input), head, session, 0)) {
    if (written === 0) expect(read).toBeGreaterThan(head.chunkBytes);
    written += piece.length;
    expect(read - written).toBeLessThan(head.chunkBytes + 1024 * 1024);
  }
  expect(written).toBe(plain.length);
});

describe.each(FORMS)('a message with %s', (integrity) => {
  test('to a key opens at every length around the borders of chunks and of parts', async () => {
    const chunk = 256 * 1024;
    for (const length of [
      0,
      1,
      100,
      65_529,
      65_530,
      65_531,
      chunk - 20,
      ...[-2, -1, 0, 1].map((it) => contentsThatFill(chunk) + it),
      2 * chunk,
      contentsThatFill(2 * chunk),
      700_001,
    ]) {
      const plain = noise(length);
      const message = await all(encryptToKeys(pieces(plain, 50_000), vector('key.pub.asc'), { integrity }));
      const it = await openOpenpgp(pieces(message, 70_000), [key]);
      expect(it.head.protection).toMatchObject({
        kind: 'aead',
        version: integrity === 'ocb' ? 'gnupg' : 'seipd2',
        mode: 'OCB',
      });
      expect(it.cipher).toBe('AES256');
      expect(it.isProvenAtOnce).toBe(true);
      expect(Buffer.from(await all(it.plain)).equals(plain)).toBe(true);
    }
  }, 120_000);

  test('is read by the library, to a key and with a password', async () => {
    for (const length of [0, 1, 5_000, contentsThatFill(256 * 1024), 600_000]) {
      const plain = noise(length);
      const toKey = await all(encryptToKeys(pieces(plain, 9_000), vector('key.pub.asc'), { integrity }));
      const withPassword = await all(encryptWithPassword(pieces(plain, 9_000), password.bytes, { integrity }));
      const decryptionKeys = await library.readPrivateKey({ armoredKey: Buffer.from(key.bytes).toString() });
      expect((await readByLibrary(toKey, { decryptionKeys })).equals(plain)).toBe(true);
      expect((await readByLibrary(withPassword, { passwords: 'correct horse' })).equals(plain)).toBe(true);
    }
  }, 120_000);

  test('cut short anywhere is refused', async () => {
    const message = await all(encryptToKeys(pieces(noise(90), 90), vector('key.pub.asc'), { integrity }));
    for (let end = 0; end < message.length; end++)
      await expectFailure('truncated', decrypt(message.subarray(0, end), key));
  }, 120_000);

  test('cut short anywhere, and its length set to what is left, is refused', async () => {
    const message = await all(encryptToKeys(pieces(noise(90), 90), vector('key.pub.asc'), { integrity }));
    const { before, tag, body } = dataOf(message);
    for (let end = 0; end < body.length; end++) {
      const shorter = Buffer.concat([before, definite(tag, body.subarray(0, end))]);
      const codes = end < 36 ? ['truncated', 'damaged', 'unsupported'] : ['damaged'];
      expect(codes).toContain(await refusal(decrypt(shorter, key)));
    }
    expect(Buffer.from(await decrypt(Buffer.concat([before, definite(tag, body)]), key)).equals(noise(90))).toBe(true);
  }, 120_000);

  test('with any bit of its data changed is refused', async () => {
    const message = await all(encryptToKeys(pieces(noise(90), 90), vector('key.pub.asc'), { integrity }));
    const { before, tag, body } = dataOf(message);
    for (let bit = 0; bit < body.length * 8; bit += 3) {
      const changed = Buffer.from(body);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      // In the first four bytes stand the version, the cipher, the mode and the size of the chunks.
      const codes = bit < 32 ? ['damaged', 'unsupported'] : ['damaged'];
      expect(codes).toContain(await refusal(decrypt(Buffer.concat([before, definite(tag, changed)]), key)));
    }
  }, 120_000);

  test('with a password opens with it, and with no other', async () => {
    const message = await all(encryptWithPassword(pieces(noise(3_000), 700), password.bytes, { integrity }));
    // RFC 9580, 5.3: version 6 with Argon2; version 5, which GnuPG reads, with a hash of 16 MB.
    expect([...message.subarray(2, 3)]).toEqual([integrity === 'ocb' ? 5 : 6]);
    const derivation = integrity === 'ocb' ? message.subarray(5, 7) : message.subarray(7, 8);
    expect([...derivation]).toEqual(integrity === 'ocb' ? [3, 8] : [4]);
    expect(Buffer.from(await decrypt(message, password)).equals(noise(3_000))).toBe(true);
    for (const wrong of ['correct horse ', 'Correct horse', 'x'])
      await expectFailure('wrong-key', decrypt(message, { kind: 'password', bytes: new TextEncoder().encode(wrong) }));
  });

  test('closing the output closes the input', async () => {
    const input = watched(pieces(noise(900_000), 10_000));
    for await (const _ of encryptToKeys(input.stream, vector('key.pub.asc'), { integrity }))
      if (_.length > 1_000) break;
    expect(input.closed()).toBe(1);
  });
});

test('with nothing asked for, a password makes an MDC', async () => {
  const message = messageWithPassword(password.bytes);
  expect(message.integrity).toBe('mdc');
  const opened = await openOpenpgp(pieces(await all(message.write(pieces(noise(50), 50))), 100), [password]);
  expect(opened.head.protection.kind).toBe('mdc');
  expect(Buffer.from(await all(opened.plain)).equals(noise(50))).toBe(true);
});

describe('with nothing asked for, keys made by the real programs decide', () => {
  const mdc = 'key.pub.asc';
  const ocb = 'gpg24-key-announcing-ocb.asc';
  const sequoia4 = 'sequoia-rfc4880.asc';
  const sequoia6 = 'sequoia-rfc9580.asc';

  test.each([
    ['gpg 2.2', [mdc], 'mdc'],
    ['gpg 2.4', [ocb], 'ocb'],
    ['Sequoia, version 4', [sequoia4], 'seipd2'],
    ['Sequoia, version 6', [sequoia6], 'seipd2'],
    ['two of Sequoia', [sequoia4, sequoia6], 'seipd2'],
    ['gpg 2.4 and gpg 2.2', [ocb, mdc], 'mdc'],
    ['gpg 2.4 and Sequoia', [ocb, sequoia4], 'mdc'],
    ['Sequoia and gpg 2.2', [sequoia4, mdc], 'mdc'],
  ] as const)('%s', async (_, names, expected) => {
    const block = Buffer.concat(names.flatMap((it) => [vector(it), Buffer.from('\n')]));
    const message = await messageToKeys(block);
    expect(message.integrity).toBe(expected);
    expect(message.note).toContain('integrity');
    const stored = await all(message.write(pieces(noise(5_000), 900)));
    for (const name of names) {
      const bytes = name === mdc ? key.bytes : vector(name);
      const opened = await openOpenpgp(pieces(stored, 300), [{ kind: 'openpgp', bytes }]);
      expect(opened.head.protection.kind).toBe(expected === 'mdc' ? 'mdc' : 'aead');
      expect(opened.cipher).toBe('AES256');
      expect(Buffer.from(await all(opened.plain)).equals(noise(5_000))).toBe(true);
    }
  });

  test.each([
    ['gpg24-key-announcing-ocb.gpg', ocb],
    ['sequoia-rfc4880.pgp', sequoia4],
    ['sequoia-rfc9580.pgp', sequoia6],
  ])('%s opens, which its program wrote to the key', async (name, own) => {
    const offer: OpenpgpOffer = { kind: 'openpgp', bytes: vector(own) };
    expect(await decrypt(vector(name), offer)).toEqual(vector('plain.sql'));
    await expectFailure('truncated', decrypt(vector(name).subarray(0, -1), offer));
  });
});

function around(chunk: number): number[] {
  return [1, chunk - 1, chunk, chunk + 1, 2 * chunk - 1, 2 * chunk, 2 * chunk + 1, 3 * chunk + 17];
}

/** What the library makes of the same bytes with the same key, and the nonce or salt of `sealed`. */
async function libraryBody(
  plain: Uint8Array,
  head: AeadHead,
  session: Uint8Array,
  sealed: Uint8Array,
): Promise<Buffer> {
  vi.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation((array) => {
    const bytes = array as unknown as Uint8Array;
    bytes.set(sealed.subarray(4, 4 + bytes.length));
    return array;
  });
  const packet = new (
    head.isGnupg ? library.AEADEncryptedDataPacket : library.SymEncryptedIntegrityProtectedDataPacket
  )();
  const data = packet as unknown as {
    version: number;
    packets: { write(): Uint8Array };
    aeadAlgorithm: number;
    encrypt(algorithm: number, key: Uint8Array, config: object): Promise<void>;
    /** The library's own kind of stream, or bytes. */
    write(): Uint8Array | { readToEnd(join: (parts: Uint8Array[]) => Uint8Array): Promise<Uint8Array> };
  };
  data.version = head.isGnupg ? 1 : 2;
  // Not a Buffer: the library takes a slice for a copy.
  data.packets = { write: () => new Uint8Array(plain) };
  data.aeadAlgorithm = head.modeId;
  await data.encrypt(head.algorithm, session, { ...library.config, aeadChunkSizeByte: head.stored[3] });
  const body = data.write();
  return Buffer.from(body instanceof Uint8Array ? body : await body.readToEnd((parts) => Buffer.concat(parts)));
}

function opened(body: Uint8Array, head: AeadHead, session: Uint8Array): Promise<Uint8Array> {
  return all(openedChunks(new ByteReader(pieces(body, 100)), head, session, 7));
}

async function readByLibrary(binaryMessage: Uint8Array, options: object): Promise<Buffer> {
  const message = await library.readMessage({ binaryMessage });
  return Buffer.from((await library.decrypt({ message, format: 'binary', ...options })).data as Uint8Array);
}

async function decrypt(message: Uint8Array, offer: OpenpgpOffer): Promise<Uint8Array> {
  return all((await openOpenpgp(pieces(message, 1_000), [offer])).plain);
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (it: unknown) => it,
  );
  if (!(error instanceof RestoreError)) throw error ?? new Error('it was accepted');
  return error.failure.code;
}

/** Takes a small message of one session key packet and one data packet, without partial lengths, apart. */
function dataOf(message: Uint8Array): { before: Uint8Array; tag: number; body: Uint8Array } {
  const first = 2 + (message[1] as number);
  // Small ones have one part, with a length of five bytes.
  return {
    before: message.subarray(0, first),
    tag: (message[first] as number) & 0x3f,
    body: message.subarray(first + 6),
  };
}

function definite(tag: number, body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(6);
  header[0] = 0xc0 | tag;
  header[1] = 0xff;
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

/** Bytes that are the same in every run. */
function noise(length: number): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index * 32 < length; index++) parts.push(createHash('sha256').update(`aead ${index}`).digest());
  return Buffer.concat(parts).subarray(0, length);
}
