/**
 * Signatures inside an OpenPGP message: hashed natively while the data passes, checked by the library when they come.
 * Never a reason to hold data back: encryption has its own proof, and a signature answers who wrote it.
 */

import { createHash, type Hash } from 'node:crypto';
import type { Key } from 'openpgp';
import { copyOf } from '../bytes.ts';
import { fail } from '../failure.ts';
import { HASHES } from './openpgpDerivation.ts';
import { fingerprintOf, openpgpLibrary } from './openpgpKeys.ts';

/** What of the library's packet is used; it checks a hash that it is given in `hashed`. */
interface SignaturePacket {
  version: number;
  signatureType: number;
  hashAlgorithm: number;
  issuerKeyID: { toHex(): string };
  signatureData: Uint8Array;
  hashed: Uint8Array;
  read(body: Uint8Array): void;
  verify(key: unknown, type: number, data: unknown, date: null, detached: boolean, config: unknown): Promise<void>;
}

/** A signature over binary data, or over text whose line ends count as CR LF. */
const TYPE = { binary: 0, text: 1 };
const mostSignatures = 16;

interface Hashing {
  type: number;
  hashAlgorithm: number;
  hash: Hash | undefined;
  endsInCr: boolean;
}

export class SignatureCheck {
  readonly #notes: string[];
  readonly #keys: readonly Key[];
  readonly #announced: Hashing[] = [];
  /** Programs of the last century put the signature in front. */
  readonly #early: { packet: SignaturePacket; hashing: Hashing }[] = [];

  /**
   * @param keys whoever may have signed, public or private
   * @param notes gets a sentence for each signature
   */
  constructor(keys: readonly Key[], notes: string[]) {
    this.#keys = keys;
    this.#notes = notes;
  }

  /** A one-pass signature packet: says in front how to hash (RFC 9580, 5.4). */
  announced(body: Uint8Array): void {
    if (this.#announced.length >= mostSignatures) tooMany();
    const [version, type = 0, hashAlgorithm = 0] = body;
    const hashing = startHashing(type, hashAlgorithm);
    if (version === 6) hashing.hash?.update(body.subarray(5, 5 + (body[4] ?? 0)));
    this.#announced.push(hashing);
  }

  literal(piece: Uint8Array): void {
    for (const it of this.#announced) feed(it, piece);
    for (const { hashing } of this.#early) feed(hashing, piece);
  }

  /** @throws RestoreError `damaged` when the signer's key is at hand and the signature does not fit the data */
  async signature(body: Uint8Array, isBehindData: boolean): Promise<void> {
    const openpgp = await openpgpLibrary();
    const packet = new openpgp.SignaturePacket() as unknown as SignaturePacket;
    try {
      packet.read(body);
    } catch {
      // Version 3 of old programs, version 5 of GnuPG 2.4 (Ed448): it has come, whatever it says.
      if (isBehindData) this.#announced.pop();
      this.#notes.push('It is signed in a form that is not supported: the signature was not checked.');
      return;
    }
    if (!isBehindData) {
      if (this.#early.length >= mostSignatures) tooMany();
      this.#early.push({ packet, hashing: startHashing(packet.signatureType, packet.hashAlgorithm) });
      return;
    }
    // The innermost was announced last.
    await this.#judge(packet, this.#announced.pop());
  }

  /** When the message has come to its end. */
  async end(): Promise<void> {
    for (const { packet, hashing } of this.#early) await this.#judge(packet, hashing);
    if (this.#announced.length > 0)
      fail('damaged', 'decrypt', 'the message announces a signature that does not come', {
        hint: 'It was cut off before it was encrypted: use another backup.',
      });
  }

  async #judge(packet: SignaturePacket, hashing: Hashing | undefined): Promise<void> {
    const keyId = packet.issuerKeyID.toHex().toUpperCase();
    const signer = this.#keys
      .flatMap((key) => key.getKeys().map((part) => ({ key, part })))
      .find(({ part }) => part.getKeyID().toHex().toUpperCase() === keyId);
    if (signer === undefined) {
      this.#notes.push(`It is signed by the key ${keyId}; that was not checked, since its public key was not given.`);
      return;
    }
    const isKnown = hashing?.type === packet.signatureType && hashing.hashAlgorithm === packet.hashAlgorithm;
    if (!isKnown || hashing.hash === undefined || packet.version === 5) {
      this.#notes.push(`It is signed by the key ${keyId} in a form that is not supported: that was not checked.`);
      return;
    }
    const trailer = Buffer.from([packet.version, 0xff, 0, 0, 0, 0]);
    trailer.writeUInt32BE(packet.signatureData.length, 2);
    packet.hashed = copyOf(hashing.hash.update(packet.signatureData).update(trailer).digest());
    const openpgp = await openpgpLibrary();
    const { keyPacket } = signer.part as unknown as { keyPacket: unknown };
    try {
      await packet.verify(keyPacket, packet.signatureType, null, null, false, openpgp.config);
    } catch (error) {
      const reason = error instanceof Error ? error.message : '';
      const weak = /^Insecure (?:message )?hash algorithm: (\w+)$/.exec(reason)?.[1];
      if (weak === undefined) {
        fail('damaged', 'decrypt', `the signature by the key ${keyId} does not fit the data`, {
          hint: 'The data is not what that key signed: ask whoever made the file, and do not use it before.',
        });
      }
      this.#notes.push(`It is signed by the key ${keyId} with ${weak}, which is too weak to prove anything.`);
      return;
    }
    this.#notes.push(`It is signed, and the signature fits: the key ${fingerprintOf(signer.key)} made it.`);
  }
}

function startHashing(type: number, hashAlgorithm: number): Hashing {
  const name = HASHES[hashAlgorithm];
  let hash: Hash | undefined;
  try {
    hash = name === undefined || type > TYPE.text ? undefined : createHash(name);
  } catch {
    // This OpenSSL has not got it.
  }
  return { type, hashAlgorithm, hash, endsInCr: false };
}

function feed(hashing: Hashing, piece: Uint8Array): void {
  if (hashing.hash === undefined) return;
  if (hashing.type === TYPE.binary) hashing.hash.update(piece);
  else feedText(hashing, hashing.hash, piece);
}

const crlf = Buffer.from('\r\n');

/** Every line end as CR LF, also where it was LF alone. */
function feedText(hashing: Hashing, hash: Hash, piece: Uint8Array): void {
  let start = 0;
  for (let end = piece.indexOf(0x0a); end >= 0; end = piece.indexOf(0x0a, start)) {
    const isWhole = end > 0 ? piece[end - 1] === 0x0d : hashing.endsInCr;
    hash.update(piece.subarray(start, isWhole ? end + 1 : end));
    if (!isWhole) hash.update(crlf);
    start = end + 1;
  }
  hash.update(piece.subarray(start));
  if (piece.length > 0) hashing.endsInCr = piece.at(-1) === 0x0d;
}

function tooMany(): never {
  fail('hostile', 'decrypt', `the message has more than ${mostSignatures} signatures`, {
    hint: 'No program writes that: do not trust the file.',
  });
}
