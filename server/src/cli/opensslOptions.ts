import type { OpensslParameters } from '../../../engine/src/job.ts';
import { type OptionTable, type OptionValues, UsageError } from './arguments.ts';

export const OPENSSL_OPTIONS = {
  cipher: { kind: 'text', value: 'NAME', help: 'openssl: the cipher (default: aes-256-cbc; tried when decrypting)' },
  digest: {
    kind: 'text',
    choices: ['md5', 'sha1', 'sha256', 'sha512'],
    help: 'openssl: the digest of the key derivation, its -md',
  },
  pbkdf2: { kind: 'flag', help: 'openssl: derive the key with PBKDF2' },
  nosalt: { kind: 'flag', help: 'openssl: without a salt, its -nosalt' },
  iterations: { kind: 'text', value: 'N', help: 'openssl: rounds of PBKDF2, its -iter' },
} as const satisfies OptionTable;

/** What was given of the parameters of `openssl enc`, as a part of a job. */
export function opensslParameters(options: OptionValues<typeof OPENSSL_OPTIONS>): { openssl?: OpensslParameters } {
  const { cipher, digest, pbkdf2, nosalt } = options;
  const iterations = options.iterations === undefined ? undefined : readCount(options.iterations);
  if (cipher === undefined && digest === undefined && !pbkdf2 && !nosalt && iterations === undefined) return {};
  return {
    openssl: {
      ...(cipher !== undefined && { cipher: cipher.replace(/^-/, '').toLowerCase() }),
      ...(digest !== undefined && { digest }),
      ...((pbkdf2 || iterations !== undefined) && { pbkdf2: true }),
      ...(nosalt && { hasSalt: false }),
      ...(iterations !== undefined && { iterations }),
    },
  };
}

function readCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError('--iterations is a whole number, as in openssl enc -iter');
  return Number(text);
}
