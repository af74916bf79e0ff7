import { deflateRawSync, deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type OpenpgpOffer, openOpenpgp } from '../../../engine/src/crypto/openpgp.ts';
import { all, expectFailure, pieces } from '../pieces.ts';
import { literal, mdcPacket, oldPacket, packet, partialPacket, passwordMessage, TAG } from './openpgpWriter.ts';

const password = 'correct horse';
const offer: OpenpgpOffer = { kind: 'password', bytes: Buffer.from(password) };
const plain = Buffer.from('hello backup\nsecond line\r\nend\n');
const data = packet(TAG.literal, literal(plain));

const read = async (message: Uint8Array) => {
  const bySize: Buffer[] = [];
  for (const size of [Number.POSITIVE_INFINITY, 1, 5])
    bySize.push(Buffer.from(await all((await openOpenpgp(pieces(message, size), [offer])).plain)));
  expect(bySize.every((it) => it.equals(bySize[0]!))).toBe(true);
  return bySize[0]!;
};
const zipped = (packets: Uint8Array) =>
  packet(TAG.compressed, Buffer.concat([Uint8Array.of(1), deflateRawSync(packets)]));
const nested = (depth: number): Buffer => (depth === 0 ? data : zipped(nested(depth - 1)));

describe('what a message may hold', () => {
  const whole: [string, Uint8Array][] = [
    ...([0, 1, 2, 4] as const).map((bytes): [string, Uint8Array] => [
      `data with an old header, ${bytes} bytes of length`,
      oldPacket(TAG.literal, literal(plain), bytes),
    ]),
    ...[0, 1, 2, 4, 9].map((power): [string, Uint8Array] => [
      `data in parts of ${2 ** power}`,
      partialPacket(TAG.literal, literal(plain), power),
    ]),
    [
      'compressed data without a length',
      oldPacket(TAG.compressed, Buffer.concat([Uint8Array.of(2), deflateSync(data)]), 0),
    ],
    ['data that is compressed five times', nested(5)],
    ['a marker in front', Buffer.concat([packet(TAG.marker, Buffer.from('PGP')), data])],
    ['padding behind', Buffer.concat([data, packet(TAG.padding, Buffer.alloc(40))])],
    ['a private packet in front', Buffer.concat([packet(60, Buffer.from('?')), data])],
    ['a packet behind that is not critical and not known', Buffer.concat([data, packet(50, Buffer.from('?'))])],
    ['a comment of old GnuPG', Buffer.concat([packet(16, Buffer.from('#')), data])],
    ...['t', 'u', 'l', '1', 'm'].map((format): [string, Uint8Array] => [
      `data of the format ${format}, with every line end as it is`,
      packet(TAG.literal, literal(plain, { format, name: 'dump.sql' })),
    ]),
  ];
  test.each(whole)('%s', async (_, packets) => {
    expect(await read(passwordMessage(password, packets))).toEqual(plain);
  });

  const broken: [string, Uint8Array, code: 'damaged' | 'truncated' | 'unsupported' | 'hostile'][] = [
    ['nothing', Buffer.alloc(0), 'damaged'],
    ['a packet of data that ends in its own head', packet(TAG.literal, Buffer.from('b')), 'damaged'],
    ['a name that is longer than the packet', packet(TAG.literal, Uint8Array.of(0x62, 200, 65, 66)), 'damaged'],
    ['no whole date', packet(TAG.literal, Uint8Array.of(0x62, 1, 65, 1, 2)), 'damaged'],
    ['parts without an end', Buffer.concat([Uint8Array.of(0xcb, 0xe5), literal(plain).subarray(0, 32)]), 'truncated'],
    ['less than it says', data.subarray(0, -3), 'truncated'],
    ['two files', Buffer.concat([data, data]), 'unsupported'],
    ['a file and a compressed one', Buffer.concat([data, nested(1)]), 'unsupported'],
    ['a critical packet that is not known', Buffer.concat([packet(22, Buffer.from('?')), data]), 'unsupported'],
    ['zeros behind the data', Buffer.concat([data, Buffer.alloc(10)]), 'damaged'],
    [
      'compressed data that is cut',
      packet(TAG.compressed, Buffer.concat([Uint8Array.of(1), deflateRawSync(data).subarray(0, -2)])),
      'truncated',
    ],
    ['data that is compressed without end', nested(40), 'hostile'],
  ];
  test.each(broken)('not: %s', async (_, packets, code) => {
    const failure = await expectFailure(code, read(passwordMessage(password, packets)));
    expect(failure.message).toContain('it was written like this');
  });
});

describe('what stands around the encrypted data', () => {
  const session = packet(TAG.passwordSession, Uint8Array.of(4, 9, 0, 8));
  const other = packet(TAG.passwordSession, Uint8Array.of(4, 9, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8));
  const sealed = mdcPacket(password, data);

  test.each([
    ['two session keys of the same password', [session, session, sealed]],
    ['a session key of another password first', [other, session, sealed]],
    [
      'a session key of a version to come first',
      [packet(TAG.passwordSession, Uint8Array.of(9, 1, 2)), session, sealed],
    ],
    [
      'a session key with a derivation to come first',
      [packet(TAG.passwordSession, Uint8Array.of(4, 9, 77)), session, sealed],
    ],
    ['a session key for a key, of a version to come', [packet(1, Buffer.alloc(40, 9)), session, sealed]],
    ['a marker between', [session, packet(TAG.marker, Buffer.from('PGP')), sealed]],
    ['a private packet between', [session, packet(63, Buffer.from('?')), sealed]],
    ['padding behind', [session, sealed, packet(TAG.padding, Buffer.alloc(9))]],
    ['an old header', [oldPacket(TAG.passwordSession, session.subarray(6), 2), sealed]],
    ['parts of one byte', [session, partialPacket(TAG.mdcData, sealed.subarray(6), 0)]],
    ['parts of eight bytes', [session, partialPacket(TAG.mdcData, sealed.subarray(6), 3)]],
  ])('opens with %s', async (_, packets) => {
    expect(await read(Buffer.concat(packets))).toEqual(plain);
  });

  test.each([
    ['no session key', [sealed], 'wrong-key'],
    ['session keys alone', [session], 'truncated'],
    ['the session key behind the data', [sealed, session], 'wrong-key'],
    ['the data twice', [session, sealed, sealed], 'damaged'],
    ['zeros behind', [session, sealed, Buffer.alloc(512)], 'damaged'],
    ['text behind', [session, sealed, Buffer.from('\n')], 'damaged'],
    ['no data at all', [session, packet(TAG.mdcData, Buffer.alloc(0))], 'truncated'],
    ['nothing but a version', [session, packet(TAG.mdcData, Uint8Array.of(1))], 'damaged'],
  ] as const)('not with %s', async (_, packets, code) => {
    await expectFailure(code, read(Buffer.concat(packets)));
  });

  test('without any session key the sentence says so', async () => {
    const failure = await expectFailure('wrong-key', read(sealed));
    expect(failure.message).toContain('names neither a key nor a password');
  });
});
