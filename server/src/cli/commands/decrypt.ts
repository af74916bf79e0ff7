import type { Method } from '../../../../engine/src/job.ts';
import { UsageError } from '../arguments.ts';
import { command } from '../command.ts';
import { ALLOW_OPTIONS, runAsking } from '../costly.ts';
import { type KeyMaterial, type Material, readKeyFile, readKeyMaterial, wipe } from '../keyMaterial.ts';
import { type KeyTransform, missingKey, nameOfKey, offerFor } from '../keyOffers.ts';
import { opensslParameters } from '../opensslOptions.ts';
import { askHidden } from '../prompt.ts';
import { runJob, size } from '../running.ts';
import { harmless, paragraph, type Terminal } from '../terminal.ts';
import { CRYPT_EXIT_CODES, CRYPT_OPTIONS, methods, oneFile, refuseSharedStdin, requireOutput } from './encrypt.ts';

export const decrypt = command({
  name: 'decrypt',
  summary: 'decrypt a file, and say whether it could have been tampered with',
  usage: ['decrypt FILE -o OUT [--method METHOD] [OPTIONS]'],
  description: [
    'Reads what WAL-G (libsodium and OpenPGP), gpg, openssl enc, smime and cms, and pgBackRest wrote. The method is seen from the bytes where it can be; libsodium streams have no signature; what looks like nothing else is taken for one.',
    'OUT gets its name when everything is through and, where the format can prove it, authentic. Without an option for the key it is asked for at the terminal, and not shown.',
  ],
  options: {
    method: { kind: 'text', choices: methods, help: 'how it is encrypted (default: what the bytes say)' },
    ...CRYPT_OPTIONS,
    'signer-key': {
      kind: 'text',
      isList: true,
      value: 'FILE',
      help: 'openpgp: public key of whoever may have signed it; what it does not fit is refused',
    },
    ...ALLOW_OPTIONS,
  },
  examples: [
    { line: 'restorable decrypt shop.dump.gpg --passphrase-file pass.txt -o shop.dump', what: 'a file of gpg -c' },
    {
      line: 'restorable decrypt part_001.tar.lz4 --key-file key.hex --key-transform hex -o - | lz4 -d | tar -t',
      what: 'a part of a WAL-G backup',
    },
  ],
  exitCodes: CRYPT_EXIT_CODES,
  async run({ options, positionals }, terminal) {
    const input = oneFile(positionals, 'decrypt');
    const output = requireOutput(options.output);
    refuseSharedStdin(input, options);
    const material = await readKeyMaterial(options, terminal);
    const signers: Material[] = [];
    try {
      for (const it of options['signer-key']) signers.push(await readKeyFile('key', it, terminal));
      const { openssl } = opensslParameters(options);
      const method = options.method ?? (openssl ? 'openssl' : await guessedMethod(input, options, material, terminal));
      if (!material.key && !material.passphrase) {
        if (!terminal.stdinIsTty || input === '-')
          throw missingKey(method === 'sodium' || method === 'openpgp' || method === 'cms' ? 'key' : 'passphrase');
        if (method === 'openpgp')
          throw new UsageError('an OpenPGP key comes from a file', 'Name it with --key-file FILE.');
        material.key = await askHidden(`${nameOfKey(method)}:`, terminal);
      }
      const { format, isAuthentic, notes, bytesRead, bytesWritten } = await runAsking(
        {
          kind: 'decrypt',
          ...(method && { method }),
          input,
          output,
          overwrite: options.force,
          key: offerFor(method, material, options['key-transform']),
          ...(openssl && { openssl }),
          ...(signers.length > 0 && { signers: signers.map((it) => ({ kind: 'openpgp' as const, ...it })) }),
          ...(options['allow-unauthenticated'] && { allowUnauthenticated: true }),
          ...(options['allow-costly'] && { allowCostly: true }),
        },
        terminal,
        { mayAsk: input !== '-' },
      );
      const where = output === '-' ? '' : ` in ${output}`;
      terminal.say(`Decrypted ${size(bytesRead)} of ${format} to ${size(bytesWritten)}${where}.`);
      if (isAuthentic) terminal.say('Authentic: a change would have been noticed.');
      for (const it of notes) terminal.say(paragraph(harmless(it), { width: terminal.width, first: '· ' }));
      return 0;
    } finally {
      wipe(material.key, material.passphrase);
    }
  },
});

/** Only a libsodium stream has to be guessed: everything else says itself what it is, and which key it wants. */
async function guessedMethod(
  input: string,
  { 'key-transform': transform }: { 'key-transform': KeyTransform | undefined },
  { key, passphrase }: KeyMaterial,
  terminal: Terminal,
): Promise<Method | undefined> {
  if (transform) return 'sodium';
  // A passphrase is for something else that has no signature: openssl enc -nosalt.
  if (input === '-' || (passphrase && !key)) return undefined;
  const { format } = await runJob({ kind: 'inspect', archive: input }, terminal);
  return format === 'sodium' ? 'sodium' : undefined;
}
