import type { OpensslParameters } from '../../../engine/src/job.ts';
import { type OptionTable, type OptionValues, UsageError } from './arguments.ts';

export const OPENSSL_OPTIONS = {
  cipher: { kind: 'text', value: 'NAME', help: 'openssl: the cipher (default: aes-256-cbc; tried when decrypting)' },
  digest: {
    kind: 'text',
    choices: ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'],
    help: 'openssl: the digest of the key derivation, its -md',
  },
  pbkdf2: { kind: 'flag', help: 'openssl: derive the key with PBKDF2' },
  nosalt: { kind: 'flag', help: 'openssl: without a salt, its -nosalt' },
  iv: { kind: 'text', value: 'HEX', help: 'openssl: the key is no password but its -K, in hex, and this is its -iv' },
  iterations: { kind: 'text', value: 'N', help: 'openssl: rounds of PBKDF2, its -iter' },
} as const satisfies OptionTable;

/** What was given of the parameters of `openssl enc`, as a part of a job. */
export function opensslParameters(options: OptionValues<typeof OPENSSL_OPTIONS>): { openssl?: OpensslParameters } {
  const { cipher, digest, pbkdf2, nosalt, iv } = options;
  const iterations = options.iterations === undefined ? undefined : readCount(options.iterations);
  const isNothing = [cipher, digest, iterations, iv].every((it) => it === undefined) && !pbkdf2 && !nosalt;
  if (isNothing) return {};
  if (iv !== undefined && !/^(?:0x)?[0-9a-f]{1,64}$/i.test(iv)) {
    throw new UsageError(
      '--iv takes hex digits, as in openssl enc -iv',
      'It is no secret; the key goes into --key-file.',
    );
  }
  return {
    openssl: {
      ...(cipher !== undefined && { cipher: cipher.replace(/^-/, '').toLowerCase() }),
      ...(digest !== undefined && { digest }),
      ...((pbkdf2 || iterations !== undefined) && { pbkdf2: true }),
      ...(nosalt && { hasSalt: false }),
      ...(iterations !== undefined && { iterations }),
      ...(iv !== undefined && { iv }),
    },
  };
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError('--iterations is a whole number, as in openssl enc -iter');
  return Number(text);
}
