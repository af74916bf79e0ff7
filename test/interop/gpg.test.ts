/** GnuPG and we read each other's messages. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenpgpOffer, openOpenpgp } from '../../engine/src/crypto/openpgp.ts';
import { decodeArmor } from '../../engine/src/crypto/openpgpArmor.ts';
import { encryptToKeys, encryptWithPassword } from '../../engine/src/crypto/openpgpEncrypt.ts';
import { generateKey } from '../../engine/src/keys/generate.ts';
import { all, pieces } from '../engine/pieces.ts';
import { exitCode, LENGTHS, missing, sample, tool } from './realTools.ts';

const reason = missing('gpg');

describe.skipIf(reason)(`gpg${reason ? `: ${reason}` : ''}`, () => {
  let home: string;
  let passphraseFile: string;
  const passphrase = 'käse und brot';
  const password: OpenpgpOffer = { kind: 'password', bytes: text(`${passphrase}\n`) };
  const keys: Record<string, { publicKey: Uint8Array; offer: OpenpgpOffer }> = {};

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'rg-'));
    chmodSync(home, 0o700);
    passphraseFile = join(home, 'passphrase');
    writeFileSync(passphraseFile, passphrase, { mode: 0o600 });
    for (const [name, algorithm] of [
      ['rsa', 'default'],
      ['curve', 'future-default'],
    ] as const) {
      gpg(['--passphrase', '', '--quick-generate-key', `${name} <${name}@example.org>`, algorithm, 'default', '0']);
      keys[name] = exported(name);
    }
    gpg([
      '--passphrase-file',
      passphraseFile,
      '--quick-generate-key',
      'locked <locked@example.org>',
      'default',
      'default',
      '0',
    ]);
    keys.locked = exported('locked', passphraseFile);
    keys.locked.offer.passphrase = text(passphrase);
  }, 120_000);

  afterAll(() => {
    exitCode('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    rmSync(home, { recursive: true, force: true });
  });

  const gpg = (args: readonly string[], input?: Uint8Array) =>
    tool(
      'gpg',
      [
        '--homedir',
        home,
        '--batch',
        '--yes',
        '--quiet',
        '--trust-model',
        'always',
        '--pinentry-mode',
        'loopback',
        ...args,
      ],
      input,
    );

  function exported(name: string, file?: string): { publicKey: Uint8Array; offer: OpenpgpOffer } {
    const unlock = file ? ['--passphrase-file', file] : ['--passphrase', ''];
    return {
      publicKey: gpg(['--armor', '--export', `<${name}@example.org>`]),
      offer: { kind: 'openpgp', bytes: gpg([...unlock, '--armor', '--export-secret-keys', `<${name}@example.org>`]) },
    };
  }

  test.each(['rsa', 'curve', 'locked'])(
    'to a key (%s), both ways',
    async (name) => {
      const { publicKey, offer } = keys[name] as (typeof keys)[string];
      const unlock = name === 'locked' ? ['--passphrase-file', passphraseFile] : [];
      for (const length of [0, 100, 300_001]) {
        const plain = sample(length);
        for (const flags of [
          [],
          ['--armor'],
          ['-z', '0'],
          ['--compress-algo', 'bzip2'],
          ['--compress-algo', 'zlib'],
          ['--hidden-recipient', 'rsa@example.org'],
        ]) {
          const theirs = gpg([...flags, '--recipient', `<${name}@example.org>`, '--encrypt'], plain);
          const message = flags.includes('--armor') ? decodeArmor(pieces(theirs, 5_000)) : pieces(theirs, 5_000);
          const opened = await openOpenpgp(message, [offer]);
          expect(Buffer.from(await all(opened.plain)).equals(plain)).toBe(true);
        }
        const ours = await all(encryptToKeys(pieces(plain, 3_000), publicKey));
        expect(gpg([...unlock, '--decrypt'], ours).equals(plain)).toBe(true);
      }
    },
    120_000,
  );

  test.each(LENGTHS)('with a passphrase, both ways (%i bytes)', async (length) => {
    const plain = sample(length);
    const theirs = gpg(['--passphrase-file', passphraseFile, '--symmetric'], plain);
    expect(Buffer.from(await all((await openOpenpgp(pieces(theirs, 5_000), [password])).plain)).equals(plain)).toBe(
      true,
    );
    const ours = await all(encryptWithPassword(pieces(plain, 3_000), text(`${passphrase}\n`)));
    expect(gpg(['--passphrase-file', passphraseFile, '--decrypt'], ours).equals(plain)).toBe(true);
  });

  test('what we find damaged gpg refuses as well', async () => {
    const { publicKey, offer } = keys.rsa as (typeof keys)[string];
    const message = await all(encryptToKeys(pieces(sample(100_000), 3_000), publicKey));
    message[60_000] = (message[60_000] as number) ^ 1;
    expect(exitCode('gpg', ['--homedir', home, '--batch', '--quiet', '--decrypt'], message)).not.toBe(0);
    await expect((async () => all((await openOpenpgp(pieces(message, 999), [offer])).plain))()).rejects.toMatchObject({
      failure: { code: 'damaged' },
    });
  });

  test.each(['curve25519', 'rsa4096'] as const)(
    'a key made here (%s) works in gpg',
    async (type) => {
      const made = await generateKey({
        kind: 'openpgp',
        type,
        name: 'made here',
        email: `${type}@example.org`,
        passphrase: text(passphrase),
      });
      gpg(['--passphrase-file', passphraseFile, '--import'], made.secret);
      const listing = gpg(['--with-colons', '--list-secret-keys', `<${type}@example.org>`]).toString();
      expect(listing).toContain(made.fingerprint);
      const plain = sample(50_000);
      const theirs = gpg(['--recipient', `<${type}@example.org>`, '--encrypt'], plain);
      const opened = await openOpenpgp(pieces(theirs, 4_000), [
        { kind: 'openpgp', bytes: made.secret, passphrase: text(passphrase) },
      ]);
      expect(opened.fingerprint).toBe(made.fingerprint);
      expect(Buffer.from(await all(opened.plain)).equals(plain)).toBe(true);
      const ours = await all(encryptToKeys(pieces(plain, 3_000), text(made.publicKey ?? '')));
      expect(gpg(['--passphrase-file', passphraseFile, '--decrypt'], ours).equals(plain)).toBe(true);
    },
    120_000,
  );
});

function text(it: string): Uint8Array {
  return new TextEncoder().encode(it);
}
