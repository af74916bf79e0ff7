import { createHash, randomBytes } from 'node:crypto';
import { generateKey as generateOpenpgp } from 'openpgp';
import type { GeneratedKey, KeySpecification } from '../job.ts';

/** 48 bytes are 64 characters of base64 without padding, and the most that `openssl rand -base64` prints on one line. */
const pgbackrestPassBytes = 48;
const sodiumKeyBytes = 32;

/**
 * Makes a key from the system's random source. The caller wipes `secret`.
 * An OpenPGP key can encrypt and does not expire: WAL-G stops archiving on the day a key expires.
 */
export async function generateKey(specification: KeySpecification): Promise<GeneratedKey> {
  switch (specification.kind) {
    case 'pgbackrest':
      return textKey(randomBytes(pgbackrestPassBytes).toString('base64'));
    case 'sodium':
      return textKey(randomBytes(sodiumKeyBytes).toString(specification.encoding));
    case 'openpgp': {
      const { type, name, email } = specification;
      const passphrase = specification.passphrase && new TextDecoder().decode(specification.passphrase);
      const { privateKey, publicKey } = await generateOpenpgp({
        ...(type === 'rsa4096'
          ? { type: 'rsa' as const, rsaBits: 4096 }
          : { type: 'ecc' as const, curve: 'curve25519Legacy' as const }),
        userIDs: [email ? { name, email } : { name }],
        passphrase: passphrase || undefined,
        format: 'object',
      });
      return {
        secret: new TextEncoder().encode(privateKey.armor()),
        publicKey: publicKey.armor(),
        fingerprint: publicKey.getFingerprint().toUpperCase(),
      };
    }
  }
}

function textKey(text: string): GeneratedKey {
  const secret = new TextEncoder().encode(text);
  return { secret, fingerprint: fingerprintOf(secret) };
}

/**
 * A name for a symmetric key that people can compare and that gives nothing away: the first 16 hex digits of
 * SHA-256("restorable key fingerprint\0" + key text). Short human passes could be guessed from it, so it is only for
 * keys with at least 128 bits: ask for it where they are made, or where the reader has the key anyway.
 */
export function fingerprintOf(key: Uint8Array): string {
  return createHash('sha256').update('restorable key fingerprint\0').update(key).digest('hex').slice(0, 16);
}
