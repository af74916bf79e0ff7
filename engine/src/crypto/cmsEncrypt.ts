/** Writes CMS messages with authentication (RFC 5083, AES-256-GCM) that `openssl cms -decrypt` of OpenSSL 3 reads. */

import {
  constants,
  createCipheriv,
  createHash,
  diffieHellman,
  generateKeyPairSync,
  getCiphers,
  publicEncrypt,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { concat } from '../bytes.ts';
import { fail } from '../failure.ts';
import { BER, type BerNode, encodeBer, encodeObjectId } from './ber.ts';
import { readTree } from './cmsTree.ts';

/**
 * Encrypts to every certificate in the text (PEM). Streams: nothing but the piece at hand is held.
 *
 * @throws RestoreError `usage`, stage `key`, when there is no certificate, or one that cannot be encrypted to or has expired
 */
export async function* encryptCms(
  input: AsyncIterable<Uint8Array>,
  certificates: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  const key = randomBytes(32);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  try {
    const recipients: Uint8Array[] = [];
    for (const it of readCertificates(certificates)) recipients.push(await recipientOf(it, key));
    yield concat([
      open(BER.sequence),
      encodeObjectId('1.2.840.113549.1.9.16.1.23'),
      open(0xa0),
      open(BER.sequence),
      integer(0),
      encodeBer(BER.set, ...recipients.sort(Buffer.compare)),
      open(BER.sequence),
      encodeObjectId('1.2.840.113549.1.7.1'),
      encodeBer(
        BER.sequence,
        encodeObjectId('2.16.840.1.101.3.4.1.46'),
        encodeBer(BER.sequence, encodeBer(BER.octetString, nonce), integer(tagBytes)),
      ),
      open(0xa0),
    ]);
  } finally {
    key.fill(0);
  }
  let total = 0;
  for await (const piece of input) {
    total += piece.length;
    if (total > mostBytes) {
      fail('unsupported', 'decrypt', 'the file is larger than AES-GCM can encrypt with one key: 64 GiB', {
        hint: 'Encrypt it with OpenPGP, or split it.',
      });
    }
    const encrypted = cipher.update(piece);
    if (encrypted.length > 0) yield encodeBer(BER.octetString, encrypted);
  }
  cipher.final();
  const end = new Uint8Array(2);
  // The content and what says how it is encrypted end, the tag follows, then the three elements around it all end.
  yield concat([end, end, encodeBer(BER.octetString, cipher.getAuthTag()), end, end, end]);
}

const tagBytes = 16;
/** NIST SP 800-38D: 2^39 - 256 bits. */
const mostBytes = 2 ** 36 - 32;

function readCertificates(text: Uint8Array): X509Certificate[] {
  const blocks = Buffer.from(text)
    .toString('latin1')
    .match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g);
  if (!blocks) {
    fail('usage', 'key', 'there is no certificate in it', {
      hint: 'CMS encrypts to a certificate (PEM): make one with `openssl req -x509 -newkey rsa:4096 -keyout key.pem -out cert.pem`.',
    });
  }
  return blocks.map((block) => {
    try {
      const certificate = new X509Certificate(block);
      if (Date.parse(certificate.validTo) >= Date.now()) return certificate;
    } catch {
      fail('usage', 'key', 'the certificate cannot be read: its text is damaged', { hint: 'Copy it again.' });
    }
    return fail('usage', 'key', 'the certificate has expired', { hint: 'Encrypt to one that is valid.' });
  });
}

async function recipientOf(certificate: X509Certificate, key: Uint8Array): Promise<Uint8Array> {
  const name = await issuerAndSerial(certificate);
  switch (certificate.publicKey.asymmetricKeyType) {
    case 'rsa':
      return toRsa(certificate, name, key);
    case 'ec':
      return toCurve(certificate, name, key);
    default:
      return fail(
        'usage',
        'key',
        `it is not possible to encrypt to a key of the kind ${certificate.publicKey.asymmetricKeyType}`,
        {
          hint: 'Use a certificate with an RSA key, or one on a curve of NIST or Brainpool.',
        },
      );
  }
}

async function issuerAndSerial(certificate: X509Certificate): Promise<Uint8Array> {
  const fields = (await readTree(certificate.raw)).children[0]?.children ?? [];
  const first = fields[0]?.tag === 0xa0 ? 1 : 0;
  const [serial, , issuer] = fields.slice(first) as [BerNode, BerNode, BerNode];
  return encodeBer(BER.sequence, issuer.encoded, serial.encoded);
}

/** KeyTransRecipientInfo with RSA-OAEP and SHA-256 (RFC 4055, 4.1). */
function toRsa(certificate: X509Certificate, name: Uint8Array, key: Uint8Array): Uint8Array {
  const sha256 = encodeBer(BER.sequence, encodeObjectId('2.16.840.1.101.3.4.2.1'), encodeBer(BER.nothing));
  const mask = encodeBer(BER.sequence, encodeObjectId('1.2.840.113549.1.1.8'), sha256);
  const algorithm = encodeBer(
    BER.sequence,
    encodeObjectId('1.2.840.113549.1.1.7'),
    encodeBer(BER.sequence, encodeBer(0xa0, sha256), encodeBer(0xa1, mask)),
  );
  const encrypted = publicEncrypt(
    { key: certificate.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    key,
  );
  return encodeBer(BER.sequence, integer(0), name, algorithm, encodeBer(BER.octetString, encrypted));
}

/** KeyAgreeRecipientInfo with a key of the moment, SHA-256 and AES-256 key wrap (RFC 5753, 3.1). */
async function toCurve(certificate: X509Certificate, name: Uint8Array, key: Uint8Array): Promise<Uint8Array> {
  const curve = certificate.publicKey.asymmetricKeyDetails?.namedCurve;
  if (curve === undefined || !getCiphers().includes('id-aes256-wrap')) {
    fail('usage', 'key', 'it is not possible to encrypt to the curve of this certificate here', {
      hint: 'Use a certificate with an RSA key.',
    });
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const secret = diffieHellman({ privateKey, publicKey: certificate.publicKey });
  const wrap = encodeBer(BER.sequence, encodeObjectId('2.16.840.1.101.3.4.1.45'));
  const bits = Uint8Array.of(0, 0, 1, 0);
  const shared = encodeBer(BER.sequence, wrap, encodeBer(0xa2, encodeBer(BER.octetString, bits)));
  const wrapping = createHash('sha256')
    .update(secret)
    .update(Uint8Array.of(0, 0, 0, 1))
    .update(shared)
    .digest();
  secret.fill(0);
  const cipher = createCipheriv('id-aes256-wrap', wrapping, Buffer.from('a6a6a6a6a6a6a6a6', 'hex'));
  const encrypted = concat([cipher.update(key), cipher.final()]);
  wrapping.fill(0);
  const point = (await readTree(publicKey.export({ type: 'spki', format: 'der' }))).children[1] as BerNode;
  const originator = encodeBer(0xa1, encodeBer(BER.sequence, encodeObjectId('1.2.840.10045.2.1')), point.encoded);
  return encodeBer(
    0xa1,
    integer(3),
    encodeBer(0xa0, originator),
    encodeBer(BER.sequence, encodeObjectId('1.3.132.1.11.1'), wrap),
    encodeBer(BER.sequence, encodeBer(BER.sequence, name, encodeBer(BER.octetString, encrypted))),
  );
}

/** An element that ends with two zeros. */
function open(tag: number): Uint8Array {
  return Uint8Array.of(tag, 0x80);
}

function integer(value: number): Uint8Array {
  return encodeBer(BER.integer, Uint8Array.of(value));
}
