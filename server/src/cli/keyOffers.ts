/** What kind of key the given bytes are meant as: the method says it, or their shape, or every kind is offered. */

import type { KeyOffer, Method } from '../../../engine/src/job.ts';
import { UsageError } from './arguments.ts';
import { isArmoredKey, isPem, type KeyMaterial, type Material } from './keyMaterial.ts';

export type KeyTransform = NonNullable<KeyOffer['keyTransform']>;

/**
 * The one key for `encrypt` and `decrypt`.
 *
 * @throws UsageError when there is no key, or options that the method has no use for
 */
export function offerFor(
  method: Method | undefined,
  material: KeyMaterial,
  transform: KeyTransform | undefined,
): KeyOffer {
  const kind = method ? kindOf(method, material) : guessKind(material, transform);
  if (transform && kind !== 'sodium') throw new UsageError('--key-transform is for libsodium keys only');
  if (kind === 'openpgp' || kind === 'pem') return lockableOffer(kind, material);
  // `openssl -pass file:` and `gpg --passphrase-file` call the key a passphrase, pgBackRest calls it a pass.
  const one = material.key ?? (kind === 'sodium' ? undefined : material.passphrase);
  if (!one) throw missingKey(kind === 'sodium' || kind === 'pgbackrest-pass' ? 'key' : 'passphrase');
  if (material.key && material.passphrase) {
    throw new UsageError('there is a key and a passphrase, but only private keys (OpenPGP, PEM) have a passphrase');
  }
  return {
    kind,
    source: one.source,
    bytes: one.bytes,
    ...(kind === 'sodium' && transform && { keyTransform: transform }),
  };
}

/** Every kind that the bytes could be, for an archive that says itself what it needs. */
export function offersFor({ key, passphrase }: KeyMaterial, transform: KeyTransform | undefined): KeyOffer[] {
  const offers: KeyOffer[] = [];
  if (key && isArmoredKey(key.bytes)) offers.push(lockableOffer('openpgp', { key, passphrase }));
  else if (key && isPem(key.bytes)) offers.push(lockableOffer('pem', { key, passphrase }));
  else if (key && transform) offers.push({ ...plainOffer('sodium', key), keyTransform: transform });
  else if (key) offers.push(plainOffer('pgbackrest-pass', key), plainOffer('sodium', key), plainOffer('password', key));
  if (passphrase) offers.push(plainOffer('password', passphrase));
  if (passphrase && !key) offers.push(plainOffer('pgbackrest-pass', passphrase));
  return offers;
}

/** Which kind of key a method takes, as the prompt calls it. */
export function nameOfKey(method: Method | undefined): string {
  switch (method) {
    case 'sodium':
      return 'libsodium key';
    case 'pgbackrest':
      return "The repository's cipher pass";
    default:
      return 'Passphrase';
  }
}

export function missingKey(what: 'key' | 'passphrase'): UsageError {
  return new UsageError(
    `there is no ${what}, and no terminal to ask at`,
    what === 'key'
      ? 'Name it with --key-file FILE or --key-env NAME.'
      : 'Name it with --passphrase-file FILE or --passphrase-env NAME.',
  );
}

function kindOf(method: Method, { key }: KeyMaterial): KeyOffer['kind'] {
  switch (method) {
    case 'sodium':
    case 'openpgp':
      return method;
    case 'pgbackrest':
      return 'pgbackrest-pass';
    case 'openssl':
      return 'password';
    case 'gpg':
      return key && isArmoredKey(key.bytes) ? 'openpgp' : 'password';
    case 'cms':
      return key && isPem(key.bytes) ? 'pem' : 'password';
  }
}

function guessKind({ key }: KeyMaterial, transform: KeyTransform | undefined): KeyOffer['kind'] {
  if (key && isArmoredKey(key.bytes)) return 'openpgp';
  if (key && isPem(key.bytes)) return 'pem';
  return transform ? 'sodium' : 'password';
}

/** A private key may be locked with a passphrase. */
function lockableOffer(kind: 'openpgp' | 'pem', material: KeyMaterial): KeyOffer {
  if (!material.key) throw missingKey('key');
  return { ...plainOffer(kind, material.key), ...(material.passphrase && { passphrase: material.passphrase.bytes }) };
}

/** Copies the bytes: each offer is wiped by itself. */
function plainOffer(kind: KeyOffer['kind'], { bytes, source }: Material): KeyOffer {
  return { kind, source, bytes: Uint8Array.from(bytes) };
}
