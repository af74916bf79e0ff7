/** What an OpenPGP message holds once it is decrypted: compressed packets, signatures, and the literal bytes. */

import { createInflateRaw } from 'node:zlib';
import { ByteReader, drain } from '../bytes.ts';
import { bunzip2 } from '../compress/bzip2.ts';
import { inflateZlib } from '../compress/gzip.ts';
import { throughNative } from '../compress/native.ts';
import { fail } from '../failure.ts';
import { isPassedOver, readBody, readPacket, TAG } from './openpgpPackets.ts';
import type { SignatureCheck } from './openpgpSignature.ts';

/**
 * The literal bytes, untouched: whether they are called text or binary changes nothing.
 *
 * @param signatures sees what is signed, and by whom; nothing is judged here
 * @throws RestoreError `damaged`, `truncated`, `unsupported`, `hostile`; offsets count in the decrypted packets
 */
export async function* literalBytes(
  reader: ByteReader,
  signatures: SignatureCheck,
  depth = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  let hasLiteral = false;
  for (let packet = await readPacket(reader); packet !== undefined; packet = await readPacket(reader)) {
    switch (packet.tag) {
      case TAG.literal: {
        if (hasLiteral)
          fail('unsupported', 'decrypt', 'the message holds several files', {
            hint: 'Split it with the program that made it.',
          });
        hasLiteral = true;
        const body = new ByteReader(packet.body, { isLent: true });
        // Format, the length of a name, the name, four bytes of time: none of it changes the bytes.
        const nameBytes = (await body.read(2))[1] ?? Number.POSITIVE_INFINITY;
        if ((await body.skip(nameBytes + 4)) < nameBytes + 4)
          fail('damaged', 'decrypt', 'the packet with the data is too short to hold any', { hint: writtenHint });
        for (let piece = await body.next(); piece !== undefined; piece = await body.next()) {
          signatures.literal(piece);
          yield piece;
        }
        break;
      }
      case TAG.compressed: {
        if (depth >= mostLayers)
          fail('hostile', 'decrypt', 'compressed packets are nested without end', {
            hint: 'No program writes that: do not trust the file.',
          });
        if (hasLiteral) fail('unsupported', 'decrypt', 'the message holds several files');
        hasLiteral = true;
        const body = new ByteReader(packet.body, { isLent: true });
        const algorithm = (await body.read(1))[0];
        const inflated = new ByteReader(decompressed(body.rest(), algorithm));
        try {
          yield* literalBytes(inflated, signatures, depth + 1);
        } finally {
          await inflated.close();
        }
        break;
      }
      case TAG.onePassSignature:
        signatures.announced(await readBody(packet, signatureLimit));
        break;
      case TAG.signature:
        await signatures.signature(await readBody(packet, signatureLimit), hasLiteral);
        break;
      case TAG.marker:
      case TAG.padding:
        await drain(packet.body);
        break;
      default:
        if (isPassedOver(packet.tag)) {
          await drain(packet.body);
          break;
        }
        fail(
          'unsupported',
          'decrypt',
          `the message holds a packet of kind ${packet.tag}, which cannot stand inside one`,
        );
    }
  }
  if (!hasLiteral) fail('damaged', 'decrypt', 'the message holds no data');
}

const signatureLimit = 64 * 1024;
/** Packets of compressed data in each other: gpg reads 32. */
const mostLayers = 16;
const writtenHint = 'Decrypt it with the program that wrote it, or use another backup.';

/** RFC 9580, 9.4 */
const COMPRESSION = { none: 0, zip: 1, zlib: 2, bzip2: 3 };

function decompressed(input: AsyncIterable<Uint8Array>, algorithm: number | undefined): AsyncIterable<Uint8Array> {
  switch (algorithm) {
    case COMPRESSION.none:
      return input;
    case COMPRESSION.zip:
      return throughNative(input, createInflateRaw({ chunkSize: 256 * 1024 }), {
        name: 'zip',
        shortInput: 'Z_BUF_ERROR',
      });
    case COMPRESSION.zlib:
      return inflateZlib(input);
    case COMPRESSION.bzip2:
      return bunzip2(input);
    default:
      return fail(
        'unsupported',
        'decompress',
        `the message is compressed with algorithm ${algorithm}, which is not known`,
      );
  }
}
