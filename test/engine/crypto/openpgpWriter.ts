/** OpenPGP messages of any form, also such as no program writes: packets by hand, encrypted with a password. */

import { createCipheriv, createHash } from 'node:crypto';

export const TAG = { passwordSession: 3, compressed: 8, marker: 10, literal: 11, mdcData: 18, padding: 21 } as const;

/** In the new form, with a length of five bytes. */
export function packet(tag: number, body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([Uint8Array.of(0xc0 | tag, 0xff), length, body]);
}

/** In the old form, with a length of `lengthBytes`; none: up to the end of what it stands in. */
export function oldPacket(tag: number, body: Uint8Array, lengthBytes: 0 | 1 | 2 | 4): Buffer {
  const length = Buffer.alloc(lengthBytes);
  if (lengthBytes > 0) length.writeUIntBE(body.length, 0, lengthBytes);
  return Buffer.concat([Uint8Array.of(0x80 | (tag << 2) | [1, 2, 4, 0].indexOf(lengthBytes)), length, body]);
}

/** In parts of 2^`power` bytes; the last has a definite length. */
export function partialPacket(tag: number, body: Uint8Array, power: number): Buffer {
  const parts: Uint8Array[] = [Uint8Array.of(0xc0 | tag)];
  let start = 0;
  for (; body.length - start > 2 ** power; start += 2 ** power)
    parts.push(Uint8Array.of(0xe0 | power), body.subarray(start, start + 2 ** power));
  const last = packet(tag, body.subarray(start));
  return Buffer.concat([...parts, last.subarray(1)]);
}

export function literal(data: Uint8Array, { name = '', format = 'b' } = {}): Buffer {
  const head = Buffer.concat([Buffer.from(format), Uint8Array.of(name.length), Buffer.from(name), Buffer.alloc(4)]);
  return Buffer.concat([head, data]);
}

/** A session key packet (version 4, AES-256, the SHA-256 of the password is the key), and the packets with an MDC. */
export function passwordMessage(password: string, packets: Uint8Array): Buffer {
  return Buffer.concat([packet(TAG.passwordSession, Uint8Array.of(4, 9, 0, 8)), mdcPacket(password, packets)]);
}

export function mdcPacket(password: string, packets: Uint8Array): Buffer {
  const prefix = Buffer.alloc(18, 7);
  const hashed = Buffer.concat([prefix, packets, Uint8Array.of(0xd3, 0x14)]);
  const key = createHash('sha256').update(password).digest();
  const cipher = createCipheriv('aes-256-cfb', key, Buffer.alloc(16));
  const stored = cipher.update(Buffer.concat([hashed, createHash('sha1').update(hashed).digest()]));
  return packet(TAG.mdcData, Buffer.concat([Uint8Array.of(1), stored, cipher.final()]));
}

/** A key of version 4 that has nothing but itself: no name, no signature, no passphrase. */
export function secretKeyPacket(algorithm: number, publicFields: Uint8Array, secretFields: Uint8Array): Buffer {
  const sum = Buffer.alloc(2);
  sum.writeUInt16BE(secretFields.reduce((total, byte) => (total + byte) & 0xffff, 0));
  const head = Uint8Array.of(4, 0x5f, 0, 0, 0, algorithm);
  return packet(5, Buffer.concat([head, publicFields, Uint8Array.of(0), secretFields, sum]));
}

/** A number as OpenPGP writes it: its length in bits, and no zeros in front. */
export function multiprecision(value: bigint): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 1 ? `0${digits}` : digits, 'hex');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.toString(2).length);
  return Buffer.concat([length, bytes]);
}
