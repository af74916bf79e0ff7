/** Keys that are sent to the owner of an RSA key (KeyTransRecipientInfo): PKCS#1 version 1.5 and OAEP (RFC 8017, 4055). */

import { constants, createHash, type KeyObject, privateDecrypt } from 'node:crypto';
import { copyOf } from '../bytes.ts';
import { type BerNode, idOf } from './ber.ts';
import { failStructure, failUnsupported } from './cmsFailure.ts';
import { ofLength } from './cmsWrap.ts';

/** How the key is padded, as people say it; for what no key is needed for. */
export function transportName({ children }: BerNode): string {
  const algorithm = children[2];
  switch (idOf(algorithm)) {
    case PKCS1:
      return 'PKCS#1 v1.5';
    case OAEP: {
      const { hash } = oaepOf(algorithm?.children[1]);
      return `OAEP${hash === undefined ? '' : `, ${hash}`}`;
    }
    default:
      return 'padding of another kind';
  }
}

/**
 * The content key, if it was sent to the owner of this one. Node does not take these paddings off in every form that OpenSSL
 * writes (and that of version 1.5 not at all any more, for the sake of servers that tell strangers whether it was right); here
 * nobody asks but the owner of the key.
 *
 * @param recipient version, recipient, algorithm, the encrypted key
 * @throws RestoreError `unsupported`, `damaged`
 */
export function transportedKey({ children }: BerNode, privateKey: KeyObject, keyBytes: number): Uint8Array | undefined {
  const [, , algorithm, encrypted] = children;
  if (algorithm === undefined || encrypted === undefined) failStructure(0);
  const id = idOf(algorithm);
  if (id !== PKCS1 && id !== OAEP) failUnsupported(`a key that is encrypted with the algorithm ${id}`);
  const padding = id === OAEP ? readableOaep(algorithm.children[1]) : undefined;
  let padded: Uint8Array;
  try {
    padded = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encrypted.content);
  } catch {
    return undefined;
  }
  const key = padding ? withoutOaep(padded, padding) : withoutPkcs1(padded);
  return ofLength(key, keyBytes);
}

const PKCS1 = '1.2.840.113549.1.1.1';
const OAEP = '1.2.840.113549.1.1.7';
const MASK_FUNCTION = '1.2.840.113549.1.1.8';

/** `00 02`, at least eight random bytes, `00`, the key. */
function withoutPkcs1(padded: Uint8Array): Uint8Array | undefined {
  const end = padded.indexOf(0, 2);
  return padded[0] === 0 && padded[1] === 2 && end >= 10 ? padded.subarray(end + 1) : undefined;
}

interface Oaep {
  hash: string;
  maskHash: string;
  label: Uint8Array;
}

/** RSAES-OAEP-params (RFC 8017, A.2.1): hash, mask function with its own hash, label; SHA-1 where one is left out. */
function oaepOf(parameters: BerNode | undefined): Partial<Oaep> & { label: Uint8Array } {
  const field = (tag: number) => parameters?.children.find((it) => it.tag === tag)?.children[0];
  const hashOf = (it: BerNode | undefined) => (it === undefined ? 'sha1' : HASHES[idOf(it)]);
  const mask = field(0xa1);
  const maskHash = mask === undefined || idOf(mask) === MASK_FUNCTION ? hashOf(mask?.children[1]) : undefined;
  const label = field(0xa2)?.children[1]?.content ?? new Uint8Array(0);
  return { hash: hashOf(field(0xa0)), maskHash, label };
}

function readableOaep(parameters: BerNode | undefined): Oaep {
  const { hash, maskHash, label } = oaepOf(parameters);
  if (hash === undefined || maskHash === undefined || !isHash(hash) || !isHash(maskHash))
    failUnsupported('a key that is encrypted with RSA-OAEP and a hash that is not known here');
  return { hash, maskHash, label };
}

/** An editor's Node has fewer than that of the command line. */
function isHash(name: string): boolean {
  try {
    return createHash(name) !== undefined;
  } catch {
    return false;
  }
}

/** RFC 8017, 7.1.2: `00`, a masked seed, a masked block of the label's hash, zeros, `01` and the key. */
function withoutOaep(padded: Uint8Array, { hash, maskHash, label }: Oaep): Uint8Array | undefined {
  const labelHash = createHash(hash).update(label).digest();
  const width = labelHash.length;
  if (padded[0] !== 0 || padded.length < 2 * width + 2) return undefined;
  const seed = copyOf(padded.subarray(1, 1 + width));
  const block = copyOf(padded.subarray(1 + width));
  unmask(seed, block, maskHash);
  unmask(block, seed, maskHash);
  const end = block.indexOf(1, width);
  const isRight =
    Buffer.compare(block.subarray(0, width), labelHash) === 0 &&
    end >= 0 &&
    block.subarray(width, end).every((it) => it === 0);
  return isRight ? block.subarray(end + 1) : undefined;
}

/** MGF1 (RFC 8017, B.2.1). */
function unmask(masked: Uint8Array, seed: Uint8Array, hash: string): void {
  const counter = Buffer.alloc(4);
  for (let filled = 0, round = 0; filled < masked.length; round++) {
    counter.writeUInt32BE(round);
    for (const byte of createHash(hash).update(seed).update(counter).digest()) {
      if (filled < masked.length) (masked[filled] as number) ^= byte;
      filled++;
    }
  }
}

const HASHES: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.5': 'md5',
  '1.3.14.3.2.26': 'sha1',
  '1.3.36.3.2.1': 'ripemd160',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '2.16.840.1.101.3.4.2.5': 'sha512-224',
  '2.16.840.1.101.3.4.2.6': 'sha512-256',
  '2.16.840.1.101.3.4.2.7': 'sha3-224',
  '2.16.840.1.101.3.4.2.8': 'sha3-256',
  '2.16.840.1.101.3.4.2.9': 'sha3-384',
  '2.16.840.1.101.3.4.2.10': 'sha3-512',
  '1.2.156.10197.1.401': 'sm3',
};
