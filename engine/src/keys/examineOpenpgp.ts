import {
  type Config,
  config,
  enums,
  type Key,
  type PrivateKey,
  readKeys,
  type SecretKeyPacket,
  type Subkey,
} from 'openpgp';

/** What an armored block of OpenPGP keys is good for. Nothing secret stands in here. */
export interface OpenpgpExamination {
  /** true where the block cannot be read as OpenPGP keys. */
  isUnreadable: boolean;
  keys: OpenpgpKeyFacts[];
  /** Milliseconds since 1970. */
  examinedAt: number;
}

export interface OpenpgpKeyFacts {
  /** Upper-case hex. */
  fingerprint: string;
  isPrivate: boolean;
  /** The primary secret key was left out of the export (`gpg --export-secret-subkeys`). */
  isPrimaryStub: boolean;
  /** Some secret part is protected by a passphrase. */
  isLocked: boolean;
  /** Does the passphrase open every locked part? undefined: nothing is locked, none was given, or nobody can tell. */
  unlocks: boolean | undefined;
  /** Can anything be encrypted to it now? */
  encryption: 'possible' | 'none' | 'expired' | 'not-yet' | 'revoked';
  /** When `possible` ends, in milliseconds since 1970; undefined = never. */
  encryptsUntil: number | undefined;
  /** The secret half of an encryption (sub)key is here. */
  canDecrypt: boolean;
}

/**
 * Looks at a block of keys as WAL-G would use it: it encrypts to every key of the block, and opens the primary and all
 * subkeys of each with the one passphrase.
 *
 * Weak algorithms are not scolded here: go-crypto takes short RSA keys and ElGamal, and what it takes works.
 *
 * @param armored one armored block; what follows it is not looked at
 * @param passphrase as WAL-G uses it, line ends already cut; empty counts as none
 * @param at judged at this moment
 * @returns never rejects: what cannot be read is `isUnreadable`
 */
export async function examineOpenpgp(
  armored: Uint8Array,
  passphrase?: Uint8Array,
  at: Date = new Date(),
): Promise<OpenpgpExamination> {
  const examinedAt = at.getTime();
  try {
    const keys = await readKeys({ armoredKeys: new TextDecoder().decode(armored), config: tolerant });
    const password = passphrase && passphrase.length > 0 ? new TextDecoder().decode(passphrase) : undefined;
    const facts: OpenpgpKeyFacts[] = [];
    for (const it of keys) facts.push(await examineKey(it, password, at));
    return { isUnreadable: false, keys: facts, examinedAt };
  } catch {
    return { isUnreadable: true, keys: [], examinedAt };
  }
}

const tolerant: Config = {
  ...config,
  minRSABits: 512,
  rejectPublicKeyAlgorithms: new Set(),
  rejectCurves: new Set(),
  rejectHashAlgorithms: new Set([enums.hash.md5]),
};

async function examineKey(key: Key, passphrase: string | undefined, at: Date): Promise<OpenpgpKeyFacts> {
  const isPrivate = key.isPrivate();
  const secrets = isPrivate ? secretPackets(key as PrivateKey) : [];
  const locked = secrets.filter((it) => !it.isDummy() && !it.isDecrypted());
  const { encryption, encryptsUntil, packets } = await encryptionOf(key, at);
  const facts: OpenpgpKeyFacts = {
    fingerprint: key.getFingerprint().toUpperCase(),
    isPrivate,
    isPrimaryStub: isPrivate && (key.keyPacket as SecretKeyPacket).isDummy(),
    isLocked: locked.length > 0,
    unlocks: undefined,
    encryption,
    encryptsUntil,
    canDecrypt: isPrivate && packets.some((it) => !(it as SecretKeyPacket).isDummy()),
  };
  // Last, because it unlocks the packets.
  facts.unlocks = passphrase === undefined || locked.length === 0 ? undefined : await opensAll(locked, passphrase);
  return facts;
}

function secretPackets(key: PrivateKey): SecretKeyPacket[] {
  return [key, ...key.subkeys].map((it) => it.keyPacket as SecretKeyPacket);
}

async function opensAll(locked: SecretKeyPacket[], passphrase: string): Promise<boolean | undefined> {
  for (const packet of locked) {
    try {
      await packet.decrypt(passphrase);
    } catch (error) {
      // A cipher or a way of protecting that the library does not know says nothing about the passphrase.
      return /incorrect key passphrase/i.test((error as Error).message) ? false : undefined;
    }
  }
  return true;
}

/** Which (sub)keys can be encrypted to, and until when. With several valid subkeys the longest-lived one counts. */
async function encryptionOf(
  key: Key,
  at: Date,
): Promise<Pick<OpenpgpKeyFacts, 'encryption' | 'encryptsUntil'> & { packets: (Key | Subkey)['keyPacket'][] }> {
  const usable: (Key | Subkey)[] = [];
  for (const it of [key, ...key.subkeys]) if (await canEncryptTo(key, it, at)) usable.push(it);
  if (usable.length > 0) {
    const ends = await Promise.all(usable.map((it) => expiry(key, it)));
    return {
      encryption: 'possible',
      encryptsUntil: ends.includes(undefined) ? undefined : Math.max(...ends.map((it) => it!)),
      packets: usable.map((it) => it.keyPacket),
    };
  }
  // `null` asks the library to leave time out of its judgement.
  const whenever = null as unknown as Date;
  const ever: (Key | Subkey)[] = [];
  for (const it of [key, ...key.subkeys]) if (await canEncryptTo(key, it, whenever)) ever.push(it);
  const packets = ever.map((it) => it.keyPacket);
  if (ever.length === 0) {
    const isRevoked = await key.isRevoked().catch(() => false);
    return {
      encryption: isRevoked || (await hasRevokedSubkey(key)) ? 'revoked' : 'none',
      encryptsUntil: undefined,
      packets,
    };
  }
  const isNotYet = ever.every((it) => it.getCreationTime() > at);
  return { encryption: isNotYet ? 'not-yet' : 'expired', encryptsUntil: undefined, packets };
}

async function canEncryptTo(key: Key, part: Key | Subkey, at: Date): Promise<boolean> {
  try {
    // The key's own id also matches the primary, a subkey's only itself.
    return (await key.getEncryptionKey(part.getKeyID(), at, undefined, tolerant)) === part;
  } catch {
    return false;
  }
}

async function expiry(key: Key, part: Key | Subkey): Promise<number | undefined> {
  const times = await Promise.all([
    key.getExpirationTime(undefined, tolerant),
    part.getExpirationTime(undefined, tolerant),
  ]);
  const ends = times.map((it) => (it instanceof Date ? it.getTime() : Number.POSITIVE_INFINITY));
  const end = Math.min(...ends);
  return Number.isFinite(end) ? end : undefined;
}

async function hasRevokedSubkey(key: Key): Promise<boolean> {
  return key.subkeys.some((it) => it.revocationSignatures.length > 0);
}
