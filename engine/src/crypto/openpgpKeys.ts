/** OpenPGP keys as people keep them: armored, in a Secret, folded to one line with `\n`, several in a row, or binary. */

import { createHash } from 'node:crypto';
import type { Key, PrivateKey } from 'openpgp';
import { ByteReader, drain, once, plainArray } from '../bytes.ts';
import { fail, RestoreError } from '../failure.ts';
import type { SessionKey } from './openpgpData.ts';
import { type LockedPacket, unlockedBody } from './openpgpKeyLock.ts';
import { readBody, readPacket, TAG } from './openpgpPackets.ts';
import { isLockedX448, isX448, type Version5Key, x448Session } from './openpgpX448.ts';
import { type PasswordReading, passwordReadings } from './password.ts';

export interface OpenpgpKeys {
  keys: Key[];
  /** Whether any of them has a private part. */
  hasPrivate: boolean;
  /** Keys and subkeys of version 5 (GnuPG 2.4, for Ed448 and X448), which the library does not read. */
  unread: Version5Key[];
}

/** Loaded when a job needs it: it is large, and most jobs do not. */
export function openpgpLibrary(): Promise<typeof import('openpgp')> {
  return import('openpgp');
}

/**
 * Reads every key of a key file or Secret entry. The two characters `\` and `n` count as a line end, as in WAL-G.
 *
 * @throws RestoreError stage `key`: `usage`, saying what is wrong with the text and never showing it
 */
export async function readKeyRing(stored: Uint8Array): Promise<OpenpgpKeys> {
  const openpgp = await openpgpLibrary();
  const config = { enableParsingV5Entities: true };
  const keys: Key[] = [];
  const unread: Version5Key[] = [];
  const isBinary = (stored[0] ?? 0) >= 0x80 && stored[0] !== 0xef;
  if (isBinary) refuseMessage(stored);
  try {
    for (const block of isBinary ? [plainArray(stored)] : armoredBlocks(stored)) {
      const binaryKeys = typeof block === 'string' ? ((await openpgp.unarmor(block)).data as Uint8Array) : block;
      const foreign = await version5Keys(binaryKeys);
      const found = await openpgp.readKeys({ binaryKeys, config }).catch((error: unknown) => {
        if (foreign.length === 0) throw error;
        return [];
      });
      const read = found.flatMap((key) => key.getKeys().map((part) => part.getKeyID().toHex().toUpperCase()));
      unread.push(...foreign.filter((it) => !read.includes(it.keyId)));
      keys.push(...found);
    }
  } catch (error) {
    if (error instanceof RestoreError && error.failure.stage === 'key') throw error;
    fail('usage', 'key', 'the OpenPGP key cannot be read: its text is damaged', {
      hint: 'Export it again with `gpg --export-secret-keys --armor`, and keep every line and the blank line after the BEGIN line.',
    });
  }
  if (keys.length + unread.length === 0) fail('usage', 'key', 'there is no OpenPGP key in it', { hint: keyHint });
  return { keys, hasPrivate: keys.some((key) => key.isPrivate()) || unread.some((key) => key.isPrivate), unread };
}

/**
 * As `readKeyRing`, for whoever cannot use keys of version 5.
 *
 * @throws RestoreError stage `key`, as there; `unsupported` when all of them are such
 */
export async function readKeys(stored: Uint8Array): Promise<OpenpgpKeys> {
  const ring = await readKeyRing(stored);
  if (ring.keys.length === 0) unreadKey(ring.unread[0]?.keyId ?? '');
  return ring;
}

/** @throws RestoreError `unsupported`, stage `key` */
export function unreadKey(keyId: string): never {
  fail(
    'unsupported',
    'key',
    `the key ${keyId} is of version 5, as GnuPG 2.4 makes for Ed448 and X448, and is not read here`,
    {
      hint: 'Decrypt with GnuPG 2.4 what is encrypted to it, and encrypt to a key with Curve25519, RSA, or a NIST or Brainpool curve.',
    },
  );
}

/** draft-koch-openpgp-2015-rfc4880bis-01, 12.2: the first eight bytes of the SHA-256 over the public part, which has its own length. */
async function version5Keys(binaryKeys: Uint8Array): Promise<Version5Key[]> {
  const keys: Version5Key[] = [];
  const reader = new ByteReader(once(binaryKeys));
  for (let packet = await readPacket(reader); packet !== undefined; packet = await readPacket(reader)) {
    if (!KEY_TAGS.has(packet.tag)) {
      await drain(packet.body);
      continue;
    }
    const body = Buffer.from(await readBody(packet, mostKeyBytes));
    if (body[0] !== 5 || body.length < 10) continue;
    const publicPart = body.subarray(0, 10 + body.readUInt32BE(6));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(publicPart.length);
    const fingerprint = createHash('sha256').update(Uint8Array.of(0x9a)).update(length).update(publicPart).digest();
    const keyId = fingerprint.subarray(0, 8).toString('hex').toUpperCase();
    keys.push({ keyId, fingerprint, body, isPrivate: SECRET_TAGS.has(packet.tag) });
  }
  return keys;
}

/** Secret and public, keys and subkeys. */
const KEY_TAGS = new Set([5, 6, 7, 14]);
const SECRET_TAGS = new Set([5, 7]);
const mostKeyBytes = 64 * 1024;

/** A secret key or subkey packet: what a session key packet is opened with. */
export interface SecretPacket extends LockedPacket {
  algorithm: number;
  isDecrypted(): boolean;
  isDummy(): boolean;
  decrypt(passphrase: string): Promise<void>;
  clearPrivateParams(): void;
  read(body: Uint8Array): Promise<void>;
}

export interface SecretPart {
  /** Sixteen hex digits in upper case. */
  keyId: string;
  packet: SecretPacket;
  owner: PrivateKey;
}

/** The primary key and the subkeys that have a private part here; stubs (a subkey moved to a card, a dummy primary) have none. */
export function secretParts(keys: readonly Key[]): SecretPart[] {
  return keys
    .filter((key): key is PrivateKey => key.isPrivate())
    .flatMap((owner) =>
      owner.getKeys().map((part) => ({
        keyId: part.getKeyID().toHex().toUpperCase(),
        packet: (part as unknown as { keyPacket: SecretPacket }).keyPacket,
        owner,
      })),
    )
    .filter(({ packet }) => typeof packet.isDummy === 'function' && !packet.isDummy());
}

/**
 * Unlocks a part with any reading of the passphrase.
 *
 * @returns what should be told of the reading; undefined when there is nothing to tell
 * @throws RestoreError stage `key`: `usage` when it is locked and there is no passphrase, `wrong-key` when it does not unlock,
 *   `unsupported` when nobody here knows how it is locked
 */
export async function unlock(part: SecretPart, passphrase: Uint8Array | undefined): Promise<string | undefined> {
  if (part.packet.isDecrypted()) return undefined;
  if (passphrase === undefined) {
    failLocked(part.keyId);
  }
  for (const reading of passwordReadings(passphrase)) {
    const unlocked = await unlocks(part, reading.bytes);
    if (unlocked) return reading.note;
    if (unlocked !== undefined) continue;
    fail('unsupported', 'key', `the private key ${part.keyId} is locked in a way that is not supported`, {
      hint: 'Lock it anew with a current gpg (gpg --change-passphrase KEYID), and export it again.',
    });
  }
  return failWrongPassphrase(part.keyId);
}

function failLocked(keyId: string): never {
  fail('usage', 'key', `the private key ${keyId} is locked with a passphrase, and none was given`, {
    hint: 'Give its passphrase (--passphrase-file, or the passphrase entry of the Secret).',
  });
}

function failWrongPassphrase(keyId: string): never {
  fail('wrong-key', 'key', `the passphrase does not unlock the private key ${keyId}`, {
    hint: 'Check the passphrase; a blank or a line end too many counts as part of it.',
  });
}

/** undefined where its protection is not known. */
async function unlocks(part: SecretPart, passphrase: Uint8Array): Promise<boolean | undefined> {
  const body = await unlockedBody(part.packet, passphrase);
  if (body === 'wrong') return false;
  try {
    if (body === undefined) {
      await part.packet.decrypt(Buffer.from(passphrase).toString('utf8'));
      return true;
    }
    const open = new (part.packet.constructor as new () => SecretPacket)();
    // What it reads are views into the body, which it wipes (clearPrivateParams).
    await open.read(body);
    part.packet = open;
    return true;
  } catch (error) {
    // A sum over the key is right by chance once in 65,536 times: what it is over is no key then.
    return body !== undefined || (error instanceof Error && /incorrect key passphrase/i.test(error.message))
      ? false
      : undefined;
  }
}

/**
 * The session key of a packet that is for a key of version 5; undefined when it is not for this one.
 *
 * @throws RestoreError stage `key` as `unlock`; `unsupported` for another curve, or where this machine has not got this one
 */
export async function version5Session(
  session: Uint8Array,
  key: Version5Key,
  passphrase: Uint8Array | undefined,
): Promise<{ session: SessionKey; note: string | undefined } | undefined> {
  if (!isX448(key)) unreadKey(key.keyId);
  const isLocked = isLockedX448(key);
  if (isLocked && passphrase === undefined) failLocked(key.keyId);
  const readings = isLocked && passphrase ? passwordReadings(passphrase) : [{ bytes: new Uint8Array(0) }];
  for (const { bytes, note } of readings as PasswordReading[]) {
    const found = await x448Session(session, key, bytes).catch(() => unreadKey(key.keyId));
    if (found !== 'wrong') return found && { session: found, note };
  }
  return failWrongPassphrase(key.keyId);
}

/** Forty or sixty-four hex digits in upper case: how GnuPG names a key. */
export function fingerprintOf(key: Key): string {
  return key.getFingerprint().toUpperCase();
}

const keyHint = 'Give an armored private key, as `gpg --export-secret-keys --armor KEYID` writes it.';

/** What people take for a key file: each is named, since what to do about it differs. */
const FOREIGN: readonly { form: RegExp; message: string; hint?: string }[] = [
  // GnuPG 2.3 and later write `Name: value` lines; 2.1 and 2.2 the expression alone, in its binary form.
  {
    form: /^(?:[A-Za-z-]+:.*\n(?:[^:\n]*\n)*)*?Key: \(|^\(\d\d:(?:protected-|shadowed-)?private-key\(/,
    message: 'this is a file of private-keys-v1.d, which is gpg’s own and holds half of a key',
    hint: 'Export the whole key with gpg: `gpg --export-secret-keys --armor KEYID`.',
  },
  {
    form: /^[\s\S]{4,8}KBXf/,
    message: 'this is a keybox (pubring.kbx), which is gpg’s own and holds public keys only',
    hint: 'Export the private key with gpg: `gpg --export-secret-keys --armor KEYID`.',
  },
  { form: /^[^ -~]gpg/, message: 'this is the trust database of gpg: it holds no key' },
  {
    form: /^\s*-----BEGIN (?:OPENSSH |RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY-----/,
    message: 'this is a key in PEM, as openssl or ssh-keygen write it, and no OpenPGP key',
  },
  { form: /^-----BEGIN PGP SIGNATURE-----/m, message: 'this is an OpenPGP signature, not a key' },
];

/** Packets that are no keys. */
function refuseMessage([first = 0]: Uint8Array): void {
  const found = NO_KEYS[first & 0x40 ? first & 0x3f : (first >> 2) & 0x0f];
  if (found !== undefined) fail('usage', 'key', `this is an OpenPGP ${found}, not a key`, { hint: keyHint });
}

const NO_KEYS: Readonly<Record<number, string>> = {
  [TAG.publicKeySession]: 'message',
  [TAG.signature]: 'signature',
  [TAG.passwordSession]: 'message',
  [TAG.onePassSignature]: 'message',
  [TAG.compressed]: 'message',
  [TAG.encrypted]: 'message',
  [TAG.literal]: 'message',
  [TAG.encryptedIntegrity]: 'message',
  [TAG.encryptedAead]: 'message',
};

/** Each block from its BEGIN to its END line, with what transport did to it undone. */
function armoredBlocks(stored: Uint8Array): string[] {
  const text = new TextDecoder()
    .decode(stored)
    .replaceAll('\\n', '\n')
    .replaceAll('\r', '')
    .replace(/^[ \t]+/gm, '');
  const blocks = text.match(/-----BEGIN PGP (PUBLIC|PRIVATE) KEY BLOCK-----[\s\S]*?-----END PGP \1 KEY BLOCK-----/g);
  if (blocks) return blocks.map(withBlankLine);
  const foreign = FOREIGN.find(({ form }) => form.test(text.slice(0, 4_096)));
  if (foreign) fail('usage', 'key', foreign.message, { hint: foreign.hint ?? keyHint });
  if (/-----BEGIN PGP MESSAGE-----/.test(text))
    fail('usage', 'key', 'this is an OpenPGP message, not a key', { hint: keyHint });
  if (/-----BEGIN PGP (PUBLIC|PRIVATE) KEY BLOCK-----/.test(text)) {
    fail('usage', 'key', 'the OpenPGP key is cut off: its END line is missing', {
      hint: 'Copy the whole key, to the line -----END PGP PRIVATE KEY BLOCK-----.',
    });
  }
  fail('usage', 'key', 'there is no armored OpenPGP key in it', { hint: keyHint });
}

/** YAML folding and hand copying lose the blank line after the header, or all line ends. */
function withBlankLine(block: string): string {
  const [, begin = '', body = '', end = ''] =
    /^(-----BEGIN[^-]*-----)([\s\S]*?)(-----END[^-]*-----)$/.exec(block) ?? [];
  const lines = body.split(/\n/);
  const headers = lines.filter((line) => /^[A-Za-z-]+: /.test(line));
  const rest = lines.filter((line) => !/^[A-Za-z-]+: /.test(line)).flatMap((line) => line.split(/[ \t]+/));
  return `${[begin, ...headers].join('\n')}\n\n${rest.filter((line) => line !== '').join('\n')}\n${end}\n`;
}
