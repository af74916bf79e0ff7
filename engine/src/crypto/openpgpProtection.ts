/** How the integrity of a message is protected: as the keys of its readers announce that they open it, or as it is asked for. */

import type { Key, PartialConfig } from 'openpgp';
import { fail } from '../failure.ts';
import type { Integrity } from '../job.ts';
import { hasAead, type SealedMode } from './aead.ts';
import { MODE_IDS } from './openpgpAead.ts';
import { openpgpLibrary } from './openpgpKeys.ts';

export interface Protection {
  integrity: Integrity;
  cipher: 'aes128' | 'aes192' | 'aes256';
  /** undefined: AES in CFB, with an MDC. */
  mode: SealedMode | undefined;
  /** What it is, why, and who reads it: a sentence. */
  note: string;
}

/** What a key says of the programs that open its messages. */
export interface Announcement {
  /** Flags (RFC 9580, 5.2.3.32). */
  features: number;
  /** RFC 9580, 9.3; undefined: it does not say. */
  ciphers: readonly number[] | undefined;
  /** Of packet 20 (RFC 9580, 9.6); undefined: it does not say. */
  modes: readonly number[] | undefined;
  /** Pairs of cipher and mode for SEIPD version 2, the best liked first; undefined: it does not say. */
  suites: readonly (readonly [cipher: number, mode: number])[] | undefined;
}

/**
 * What each of the keys says in its newest signature of its own: the one on the main user id, or on a key of version 6
 * itself.
 *
 * @throws Error of the library, when a key has no valid one
 */
export async function announcements(keys: readonly Key[], config: PartialConfig): Promise<Announcement[]> {
  const { config: usual } = await openpgpLibrary();
  return Promise.all(
    keys.map(async (key) => {
      const signed = await (key as unknown as SelfSigned).getPrimarySelfSignature(
        new Date(),
        {},
        { ...usual, ...config },
      );
      return {
        features: signed.features?.[0] ?? 0,
        ciphers: signed.preferredSymmetricAlgorithms ?? undefined,
        modes: signed.preferredAEADAlgorithms ?? undefined,
        suites: signed.preferredCipherSuites ?? undefined,
      };
    }),
  );
}

/** What the library has of it beyond its types. */
interface SelfSigned {
  getPrimarySelfSignature(
    date: Date,
    userId: object,
    config: PartialConfig,
  ): Promise<{
    features: ArrayLike<number> | null;
    preferredSymmetricAlgorithms: number[] | null;
    preferredAEADAlgorithms: number[] | null;
    preferredCipherSuites: [number, number][] | null;
  }>;
}

/**
 * With AEAD when every key announces it, as GnuPG, Sequoia and OpenPGP.js decide; with an MDC otherwise, which nobody fails
 * to read.
 *
 * @param asked for instead, whatever the keys announce
 * @throws RestoreError `unsupported`, stage `key`, when what is asked for is not to be had here
 */
export function protectionForKeys(keys: readonly Announcement[], asked?: Integrity): Protection {
  const cipher = keys.every(({ ciphers }) => ciphers?.includes(CIPHER_IDS.aes256)) ? 'aes256' : 'aes128';
  const wanted = asked ?? announced(keys);
  const whose = keys.length === 1 ? 'its key announces it' : 'all its keys announce it';
  const why = asked === undefined ? whose : undefined;
  if (wanted === 'mdc') return mdc(cipher);
  const suite = wanted === 'ocb' ? ocb(cipher) : suiteOf(keys, cipher);
  if (suite) return aead(wanted, suite, why);
  if (asked !== undefined) failMissing();
  return mdc(cipher, `OCB is not available in an editor, though ${whose}`);
}

/** With an MDC unless something else is asked for: a password says nothing of who will use it. */
export function protectionWithPassword(asked: Integrity = 'mdc'): Protection {
  if (asked === 'mdc') return mdc('aes256');
  return aead(asked, ocb('aes256') ?? failMissing());
}

type Cipher = Protection['cipher'];

/** A cipher and its mode; both can be had here. */
interface Suite {
  cipher: Cipher;
  mode: SealedMode;
}

/** RFC 9580, 9.3 */
export const CIPHER_IDS = { aes128: 7, aes192: 8, aes256: 9 } as const satisfies Record<Cipher, number>;

/** RFC 9580, 5.2.3.32; the second is LibrePGP's. */
const FEATURES = { seipd2: 0x08, packet20: 0x02 } as const;

/** What all keys say that their programs read. */
function announced(keys: readonly Announcement[]): Integrity {
  if (keys.every(({ features }) => features & FEATURES.seipd2)) return 'seipd2';
  // Older drafts let a program do without OCB, and its keys tell.
  const areReading20 = keys.every(
    ({ features, modes }) => features & FEATURES.packet20 && (modes?.includes(MODE_IDS.OCB) ?? true),
  );
  return areReading20 ? 'ocb' : 'mdc';
}

/**
 * What the first key likes best among what all keys list and this program can write. Where no key lists anything, as
 * Sequoia's, the cipher that they like for messages, in OCB, which every program with SEIPD version 2 knows.
 */
function suiteOf(keys: readonly Announcement[], cipher: Cipher): Suite | undefined {
  const lists = keys.flatMap(({ suites }) => (suites === undefined ? [] : [suites]));
  const [first] = lists;
  if (first === undefined) return ocb(cipher);
  for (const [cipherId, modeId] of first) {
    const isCommon = lists.every((list) => list.some((it) => it[0] === cipherId && it[1] === modeId));
    const found = CIPHERS.find((it) => CIPHER_IDS[it] === cipherId);
    const mode = SEALED_MODES.find((it) => MODE_IDS[it] === modeId);
    if (isCommon && found && mode && hasAead(mode)) return { cipher: found, mode };
  }
  // RFC 9580, 5.2.3.15: what nobody needs to list.
  return ocb('aes128');
}

const CIPHERS = ['aes256', 'aes192', 'aes128'] as const satisfies readonly Cipher[];
const SEALED_MODES = ['OCB', 'GCM'] as const satisfies readonly SealedMode[];

function ocb(cipher: Cipher): Suite | undefined {
  return hasAead('OCB') ? { cipher, mode: 'OCB' } : undefined;
}

function mdc(cipher: Cipher, instead?: string): Protection {
  const note = 'integrity: MDC, which every gpg and WAL-G read';
  return { integrity: 'mdc', cipher, mode: undefined, note: instead === undefined ? note : `${note}; ${instead}` };
}

/** @param why it was chosen; undefined: because it was asked for */
function aead(integrity: Exclude<Integrity, 'mdc'>, { cipher, mode }: Suite, why?: string): Protection {
  const because = why === undefined ? '' : `, since ${why}`;
  const form = integrity === 'ocb' ? 'packet 20 (LibrePGP)' : 'SEIPD version 2 (RFC 9580)';
  const readers =
    integrity === 'ocb'
      ? 'gpg 2.3 and later and WAL-G 3 read it, Sequoia and older ones do not'
      : 'Sequoia, OpenPGP.js 6 and WAL-G 3 read it, no gpg does';
  const note = `integrity: ${mode} in ${form}${because}; ${readers} (--integrity mdc is for everyone)`;
  return { integrity, cipher, mode, note };
}

function failMissing(): never {
  fail('unsupported', 'key', 'OCB is not available in this program', {
    hint: 'Encrypt with the command line under Node, or with --integrity mdc.',
  });
}
