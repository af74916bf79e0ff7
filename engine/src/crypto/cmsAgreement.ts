/**
 * Keys that recipients agree on with the sender (KeyAgreeRecipientInfo): elliptic curves (RFC 5753), X25519 and X448
 * (RFC 8418), and Diffie-Hellman (RFC 2631, 3370).
 */

import { createHash, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, type KeyObject } from 'node:crypto';
import { concat } from '../bytes.ts';
import { BER, type BerNode, encodeBer, encodeObjectId, idOf } from './ber.ts';
import { failUnsupported } from './cmsFailure.ts';
import { readTree } from './cmsTree.ts';
import { ofLength, unwrapped, type Wrap, wrapOf } from './cmsWrap.ts';

export type AgreementKind = 'ECDH' | 'X25519' | 'X448' | 'DH';

/** Which keys the sender's belongs to; undefined where the message names the sender's certificate instead of a key. */
export function agreementKind({ children }: BerNode): AgreementKind | undefined {
  const originator = children[1]?.children[0];
  return originator?.tag === ORIGINATOR_KEY ? KEY_KINDS[idOf(originator.children[0])] : undefined;
}

/** The content keys for everyone with a share in this agreement, each with the name of its certificate. */
export function agreementKeys({ children }: BerNode): BerNode[] {
  return children.at(-1)?.children ?? [];
}

/**
 * The content key, if one of those that agreed has this private key.
 *
 * @param recipient version, originator's key, perhaps some material, algorithm, the encrypted keys
 * @throws RestoreError `unsupported`
 */
export async function agreedKey(
  recipient: BerNode,
  privateKey: KeyObject,
  keyBytes: number,
): Promise<Uint8Array | undefined> {
  const { children } = recipient;
  const originator = children[1]?.children[0];
  if (originator?.tag !== ORIGINATOR_KEY) {
    failUnsupported(
      'a key agreement with a certificate of the sender',
      'Decrypt it with openssl cms -decrypt -originator CERTIFICATE-OF-THE-SENDER, and test what comes out.',
    );
  }
  const point = originator.children[1];
  const algorithm = children.at(-2);
  const material = children.find((it) => it.tag === 0xa1)?.children[0];
  const scheme = idOf(algorithm);
  const derivation = DERIVATIONS[scheme];
  const wrapAlgorithm = algorithm?.children[1];
  const wrap = wrapOf(wrapAlgorithm);
  if (derivation === undefined || wrap === undefined || wrapAlgorithm === undefined || point?.tag !== BER.bitString)
    failUnsupported(`a key agreement with the algorithms ${scheme} and ${idOf(wrapAlgorithm)}`);
  const secret = await sharedSecret(privateKey, point);
  if (secret === undefined) return undefined;
  try {
    for (const wrapping of wrappingKeys(derivation, secret, { wrap, wrapAlgorithm, material })) {
      for (const it of agreementKeys(recipient)) {
        const encrypted = it.children[1]?.content;
        const key = encrypted && ofLength(unwrapped(encrypted, wrap, wrapping), keyBytes);
        if (key) return key;
      }
    }
  } finally {
    secret.fill(0);
  }
  const curve = privateKey.asymmetricKeyDetails?.namedCurve ?? '';
  if (derivation.hasCofactor && WITH_COFACTOR.test(curve))
    failUnsupported(`a key agreement with the cofactor of the curve ${curve}`);
  return undefined;
}

const ORIGINATOR_KEY = 0xa1;

const KEY_KINDS: Readonly<Record<string, AgreementKind>> = {
  '1.2.840.10045.2.1': 'ECDH',
  '1.3.101.110': 'X25519',
  '1.3.101.111': 'X448',
  '1.2.840.10046.2.1': 'DH',
  '1.2.840.113549.1.3.1': 'DH',
};

/** How the shared secret becomes a key, by the scheme's number. */
interface Derivation {
  kind: 'X9.63' | 'HKDF' | 'X9.42';
  hash: string;
  /** The same on curves whose cofactor is 1, as those of NIST over primes and Brainpool's are. */
  hasCofactor?: true;
}

const DERIVATIONS: Readonly<Record<string, Derivation>> = {
  // RFC 5753, 7.1.4
  '1.3.133.16.840.63.0.2': { kind: 'X9.63', hash: 'sha1' },
  '1.3.132.1.11.0': { kind: 'X9.63', hash: 'sha224' },
  '1.3.132.1.11.1': { kind: 'X9.63', hash: 'sha256' },
  '1.3.132.1.11.2': { kind: 'X9.63', hash: 'sha384' },
  '1.3.132.1.11.3': { kind: 'X9.63', hash: 'sha512' },
  '1.3.133.16.840.63.0.3': { kind: 'X9.63', hash: 'sha1', hasCofactor: true },
  '1.3.132.1.14.0': { kind: 'X9.63', hash: 'sha224', hasCofactor: true },
  '1.3.132.1.14.1': { kind: 'X9.63', hash: 'sha256', hasCofactor: true },
  '1.3.132.1.14.2': { kind: 'X9.63', hash: 'sha384', hasCofactor: true },
  '1.3.132.1.14.3': { kind: 'X9.63', hash: 'sha512', hasCofactor: true },
  // RFC 8418, 5
  '1.2.840.113549.1.9.16.3.19': { kind: 'HKDF', hash: 'sha256' },
  '1.2.840.113549.1.9.16.3.20': { kind: 'HKDF', hash: 'sha384' },
  '1.2.840.113549.1.9.16.3.21': { kind: 'HKDF', hash: 'sha512' },
  // RFC 3370, 4.1.1
  '1.2.840.113549.1.9.16.3.5': { kind: 'X9.42', hash: 'sha1' },
};

/** Koblitz's and the random curves over binary fields. */
const WITH_COFACTOR = /^(?:sect|c2|wap-wsg-idm-ecid-wtls|secp1\d\dr2)/;

interface Agreed {
  wrap: Wrap;
  wrapAlgorithm: BerNode;
  /** What the sender added (`ukm`), an octet string. */
  material: BerNode | undefined;
}

function* wrappingKeys(
  { kind, hash }: Derivation,
  secret: Uint8Array,
  { wrap, wrapAlgorithm, material }: Agreed,
): Generator<Uint8Array, void, undefined> {
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(wrap.keyBytes * 8);
  const info = [
    ...(material ? [encodeBer(0xa0, material.encoded)] : []),
    encodeBer(0xa2, encodeBer(BER.octetString, bits)),
  ];
  const shared = encodeBer(BER.sequence, wrapAlgorithm.encoded, ...info);
  switch (kind) {
    case 'X9.63':
      yield hashed(hash, wrap.keyBytes, (counter) => [secret, counter, shared]);
      return;
    case 'X9.42': {
      // RFC 2631, 2.1.2: the counter stands in the middle of what is hashed, beside the number of the wrap.
      const id = (wrapAlgorithm.children[0] as BerNode).encoded;
      const keyInfo = (counter: Uint8Array) => encodeBer(BER.sequence, id, encodeBer(BER.octetString, counter));
      yield hashed(hash, wrap.keyBytes, (counter) => [secret, encodeBer(BER.sequence, keyInfo(counter), ...info)]);
      return;
    }
    case 'HKDF': {
      const none = new Uint8Array(0);
      // RFC 8418, 2.2 has the material as salt as well; some leave that out. The wrap shows which it was.
      for (const salt of material ? [material.content, none] : [none])
        yield new Uint8Array(hkdfSync(hash, secret, salt, shared, wrap.keyBytes));
    }
  }
}

function hashed(hash: string, length: number, block: (counter: Uint8Array) => Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const counter = Buffer.alloc(4);
  for (let filled = 0; filled < length; ) {
    counter.writeUInt32BE(parts.length + 1);
    const digest = createHash(hash);
    for (const it of block(counter)) digest.update(it);
    const part = digest.digest();
    parts.push(part);
    filled += part.length;
  }
  return concat(parts).subarray(0, length);
}

/** The originator's point is on the recipient's curve: its public key is that of the recipient with another point. */
async function sharedSecret(privateKey: KeyObject, point: BerNode): Promise<Buffer | undefined> {
  try {
    const own = await forDiffieHellman(privateKey);
    const spki = await readTree(createPublicKey(own).export({ type: 'spki', format: 'der' }));
    const key = Buffer.from(encodeBer(BER.sequence, (spki.children[0] as BerNode).encoded, point.encoded));
    return diffieHellman({ privateKey: own, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) });
  } catch {
    return undefined;
  }
}

/**
 * Node does not know the keys of X9.42 (`DHX`), only those of PKCS#3. The numbers are the same: of p, g, q the first two
 * are all that is needed.
 */
async function forDiffieHellman(privateKey: KeyObject): Promise<KeyObject> {
  if (privateKey.asymmetricKeyType !== undefined) return privateKey;
  const encoded = privateKey.export({ type: 'pkcs8', format: 'der' });
  const [version, algorithm, number] = (await readTree(encoded)).children as [BerNode, BerNode, BerNode];
  encoded.fill(0);
  const [p, g] = (algorithm.children[1] as BerNode).children as [BerNode, BerNode];
  const numbers = encodeBer(BER.sequence, p.encoded, g.encoded);
  const renamed = encodeBer(BER.sequence, encodeObjectId('1.2.840.113549.1.3.1'), numbers);
  const key = Buffer.from(encodeBer(BER.sequence, version.encoded, renamed, number.encoded));
  try {
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  } finally {
    key.fill(0);
  }
}
