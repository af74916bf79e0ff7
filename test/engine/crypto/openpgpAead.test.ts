/** AEAD messages, bit by bit beside the library: both forms, every mode, lengths at all borders of chunks. */

import { randomBytes } from 'node:crypto';
import * as library from 'openpgp';
import { describe, expect, test } from 'vitest';
import { openOpenpgp } from '../../../engine/src/crypto/openpgp.ts';
import { all, expectFailure, pieces } from '../pieces.ts';

const password = { kind: 'password', bytes: new TextEncoder().encode('correct horse') } as const;
const { eax, ocb, gcm } = library.enums.aead;
const MODES = { EAX: eax, OCB: ocb, GCM: gcm } as const;

/** A fast derivation: what is tested lies behind it. */
const fast = { s2kType: library.enums.s2k.iterated, s2kIterationCountByte: 0 };

describe.each(Object.entries(MODES))('%s', (name, mode) => {
  test('of RFC 9580 (SEIPD version 2) opens at every length around the borders of chunks', async () => {
    for (const length of [0, 1, 40, 41, 42, 55, 56, 57, 63, 64, 65, 119, 120, 121, 127, 128, 129, 1_000]) {
      const plain = randomBytes(length);
      const message = await seipd2(plain, mode, 0);
      for (const size of [Number.POSITIVE_INFINITY, 1, 79, 80, 81]) {
        const opened = await openOpenpgp(pieces(message, size), [password]);
        expect(opened.head.protection).toMatchObject({ kind: 'aead', version: 'seipd2', mode: name });
        expect(opened.isProvenAtOnce).toBe(true);
        expect(Buffer.from(await all(opened.plain)).equals(plain)).toBe(true);
      }
    }
  }, 120_000);

  test('of GnuPG (packet 20) opens at every length around the borders of chunks', async () => {
    for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 121, 127, 128, 129, 1_000]) {
      const plain = randomBytes(length);
      const message = await packet20(plain, mode, 0);
      for (const size of [Number.POSITIVE_INFINITY, 1, 79, 80, 81]) {
        const opened = await openOpenpgp(pieces(message, size), [password]);
        expect(opened.head.protection).toMatchObject({ kind: 'aead', version: 'gnupg', mode: name });
        expect(Buffer.from(await all(opened.plain)).equals(plain)).toBe(true);
      }
    }
  }, 120_000);

  test('with chunks that are dropped, doubled, swapped, or cut off is never accepted', async () => {
    const plain = randomBytes(300);
    for (const make of [seipd2, packet20]) {
      const message = await make(plain, mode, 0);
      const packets = dataPacket(message);
      const chunk = 64 + 16;
      const head = packets.headBytes;
      const chunks = [0, 1, 2].map((it) => packets.body.subarray(head + it * chunk, head + (it + 1) * chunk));
      const rest = packets.body.subarray(head + 3 * chunk);
      const [a, b, c] = chunks as [Uint8Array, Uint8Array, Uint8Array];
      for (const changed of [
        [b, c, rest],
        [a, a, b, c, rest],
        [b, a, c, rest],
        [a, b, rest],
        [a, b, c],
        [a, b],
      ]) {
        const body = Buffer.concat([packets.body.subarray(0, head), ...changed]);
        await expectFailure('damaged', await plainOf(Buffer.concat([packets.before, framed(packets.tag, body)])));
      }
      await expect(
        all(await plainOf(Buffer.concat([packets.before, framed(packets.tag, packets.body)]))),
      ).resolves.toHaveLength(300);
    }
  });

  test('with any bit of the data changed is damaged, and nothing of its chunk comes out', async () => {
    const plain = randomBytes(150);
    const message = await seipd2(plain, mode, 0);
    const { bodyStart, headBytes } = dataPacket(message);
    for (let bit = (bodyStart + headBytes) * 8; bit < message.length * 8; bit += 5) {
      const changed = message.slice();
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const failure = await expectFailure('damaged', await plainOf(changed));
      expect(plain.subarray(0, failure.before.length).equals(Buffer.from(failure.before))).toBe(true);
      // The last tag covers no data: all chunks before it are proven by their own.
      if (bit >> 3 >= message.length - 16) continue;
      const index = Math.floor(((bit >> 3) - bodyStart - headBytes) / 80);
      expect(failure.before.length).toBeLessThanOrEqual(index * 64);
    }
  }, 120_000);
});

async function plainOf(message: Uint8Array): Promise<AsyncIterable<Uint8Array>> {
  return (await openOpenpgp(pieces(message, 1_000), [password])).plain;
}

async function seipd2(plain: Uint8Array, preferredAEADAlgorithm: number, aeadChunkSizeByte: number) {
  return new Uint8Array(
    await library.encrypt({
      message: await library.createMessage({ binary: plain }),
      passwords: ['correct horse'],
      format: 'binary',
      config: { aeadProtect: true, preferredAEADAlgorithm, aeadChunkSizeByte, ...fast } as library.PartialConfig,
    }),
  );
}

/** The library reads packet 20 and can write it, but does not by itself. */
async function packet20(plain: Uint8Array, mode: number, aeadChunkSizeByte: number): Promise<Uint8Array> {
  const config = { ...library.config, ...fast, aeadProtect: false, aeadChunkSizeByte } as library.Config;
  const session = { data: randomBytes(32), algorithm: 'aes256' as const };
  const wrapped = (await library.encryptSessionKey({
    ...session,
    passwords: ['correct horse'],
    format: 'binary',
    config,
  })) as Uint8Array;
  const literal = new library.LiteralDataPacket();
  (literal as unknown as { setBytes(bytes: Uint8Array, format: number): void }).setBytes(
    new Uint8Array(plain),
    library.enums.literal.binary,
  );
  const packets = new library.PacketList<library.AnyPacket>();
  packets.push(literal as unknown as library.AnyPacket);
  const data = new library.AEADEncryptedDataPacket() as unknown as {
    packets: unknown;
    aeadAlgorithm: number;
    encrypt(algorithm: number, key: Uint8Array, config: library.Config): Promise<void>;
    /** The library's own kind of stream. */
    write(): { readToEnd(join: (parts: Uint8Array[]) => Uint8Array): Promise<Uint8Array> };
  };
  data.packets = packets;
  data.aeadAlgorithm = mode;
  await data.encrypt(library.enums.symmetric.aes256, session.data, config);
  const body = await data.write().readToEnd((parts) => Buffer.concat(parts));
  return Buffer.concat([wrapped, framed(20, body)]);
}

function framed(tag: number, body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(6);
  header[0] = 0xc0 | tag;
  header[1] = 0xff;
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

/** Takes a message of one session key packet and one data packet apart. */
function dataPacket(message: Uint8Array) {
  const first = 2 + (message[1] as number);
  const tag = (message[first] as number) & 0x3f;
  const short = message[first + 1] as number;
  const lengthBytes = short < 192 ? 1 : short < 224 ? 2 : 5;
  const bodyStart = first + 1 + lengthBytes;
  const body = message.subarray(bodyStart);
  const nonceBytes = { [eax]: 16, [ocb]: 15, [gcm]: 12 }[body[2] as number] as number;
  return { before: message.subarray(0, first), tag, body, bodyStart, headBytes: tag === 20 ? 4 + nonceBytes : 36 };
}
