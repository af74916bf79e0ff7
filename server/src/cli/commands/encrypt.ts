import type { Integrity, Method } from '../../../../engine/src/job.ts';
import { type OptionTable, UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { KEY_OPTIONS, readKeyMaterial, wipe } from '../keyMaterial.ts';
import { missingKey, nameOfKey, offerFor } from '../keyOffers.ts';
import { OPENSSL_OPTIONS, opensslParameters } from '../opensslOptions.ts';
import { askHiddenTwice } from '../prompt.ts';
import { runJob, size } from '../running.ts';
import { harmless, paragraph } from '../terminal.ts';

export const methods = [
  'sodium',
  'openpgp',
  'pgbackrest',
  'openssl',
  'gpg',
  'cms',
] as const satisfies readonly Method[];

const integrities = ['mdc', 'ocb', 'seipd2'] as const satisfies readonly Integrity[];

export const CRYPT_OPTIONS = {
  output: { kind: 'text', short: 'o', value: 'OUT', help: 'where the result goes; - for stdout' },
  force: { kind: 'flag', help: 'overwrite OUT if it exists' },
  ...KEY_OPTIONS,
  ...OPENSSL_OPTIONS,
} as const satisfies OptionTable;

export const CRYPT_EXIT_CODES = [
  { left: '0', help: 'done' },
  { left: '12', help: 'wrong key' },
  { left: '13', help: 'damaged' },
  { left: '14', help: 'cut off' },
  { left: '15', help: 'not encrypted' },
  { left: '16', help: 'a format or option that is not supported' },
  { left: '18', help: 'cannot be read or written' },
  { left: '2 130', help: 'wrong usage (also: OUT exists), stopped' },
] as const;

export const encrypt = command({
  name: 'encrypt',
  summary: 'encrypt a file so that the real tool can read it',
  usage: [`encrypt FILE --method ${methods.join('|')} -o OUT [OPTIONS]`],
  description: [
    'sodium as WAL-G writes it, openpgp for a public key, pgbackrest as a file of an encrypted repository, openssl as openssl enc -pbkdf2, gpg with a passphrase, cms for a certificate (PEM) as openssl cms reads it. FILE and OUT may be - for stdin and stdout.',
    'Without an option for the key it is asked for at the terminal, and not shown.',
    'Changes of an OpenPGP message are noticed by an MDC, which every gpg and WAL-G read, or by AEAD: OCB in packet 20 for gpg 2.3 and later (LibrePGP), SEIPD version 2 for Sequoia and whoever reads RFC 9580. Left open, AEAD is taken when every key announces it, and the MDC otherwise and with a passphrase.',
  ],
  options: {
    method: { kind: 'text', choices: methods, help: 'how to encrypt' },
    integrity: {
      kind: 'text',
      choices: integrities,
      help: 'openpgp, gpg: what shows changes (default: what every key announces; mdc with a passphrase)',
    },
    ...CRYPT_OPTIONS,
  },
  examples: [
    {
      line: 'pg_dump -Fc shop | restorable encrypt - --method gpg --passphrase-file pass.txt -o shop.dump.gpg',
      what: 'a dump that gpg decrypts',
    },
    {
      line: 'restorable encrypt shop.dump --method openpgp --key-file team.pub.asc --integrity ocb -o shop.dump.gpg',
      what: 'for gpg 2.3 and later',
    },
    { line: 'restorable encrypt shop.dump --method sodium --key-file key.hex -o shop.dump.enc', what: 'as WAL-G does' },
  ],
  exitCodes: CRYPT_EXIT_CODES,
  async run({ options, positionals }, terminal) {
    const input = oneFile(positionals, 'encrypt');
    const { method, integrity } = options;
    if (method === undefined) throw new UsageError(`encrypt needs --method ${methods.join('|')}`);
    if (integrity !== undefined && method !== 'openpgp' && method !== 'gpg')
      throw new UsageError('--integrity is for openpgp and gpg only', 'Leave it out: the other methods have one form.');
    const output = requireOutput(options.output);
    refuseSharedStdin(input, options);
    const material = await readKeyMaterial(options, terminal);
    try {
      if (!material.key && !material.passphrase) {
        if (!terminal.stdinIsTty || method === 'openpgp' || method === 'cms' || input === '-')
          throw missingKey(method === 'sodium' || method === 'openpgp' || method === 'cms' ? 'key' : 'passphrase');
        material.key = await askHiddenTwice(`${nameOfKey(method)}:`, terminal);
      }
      const { bytesRead, bytesWritten, notes } = await runJob(
        {
          kind: 'encrypt',
          method,
          input,
          output,
          overwrite: options.force,
          key: offerFor(method, material, options['key-transform']),
          ...opensslParameters(options),
          ...(integrity !== undefined && { integrity }),
        },
        terminal,
      );
      terminal.say(`Encrypted ${size(bytesRead)} to ${size(bytesWritten)}${output === '-' ? '' : ` in ${output}`}.`);
      for (const it of notes ?? []) terminal.say(paragraph(harmless(it), { width: terminal.width, first: '· ' }));
      return 0;
    } finally {
      wipe(material.key, material.passphrase);
    }
  },
});

export function oneFile(positionals: readonly { value: string }[], name: string): string {
  const [file, ...more] = positionals.map((it) => it.value);
  if (file === undefined) throw new UsageError(`${name} needs a FILE, or - for stdin`);
  if (more.length > 0) throw new UsageError(`${name} takes one FILE; ${more[0]} is one too many`);
  return file;
}

export function requireOutput(output: string | undefined): string {
  if (output === undefined)
    throw new UsageError('it is not said where the result goes', 'Add -o OUT, or -o - for stdout.');
  return output;
}

/** @throws UsageError when both the file and a key are to come from stdin */
export function refuseSharedStdin(
  input: string,
  options: { 'key-file': string | undefined; 'passphrase-file': string | undefined },
): void {
  if (input === '-' && (options['key-file'] === '-' || options['passphrase-file'] === '-')) {
    throw new UsageError('stdin can hold the file or the key, not both', 'Put the key into a file or a variable.');
  }
}
