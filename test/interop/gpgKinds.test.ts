/** Every kind of key, cipher, derivation and signature that GnuPG has, in messages that it writes and that it reads. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenpgpOffer, type OpenpgpOptions, openOpenpgp } from '../../engine/src/crypto/openpgp.ts';
import { encryptToKeys } from '../../engine/src/crypto/openpgpEncrypt.ts';
import { all, expectFailure, pieces } from '../engine/pieces.ts';
import { exitCode, missing, sample, tool } from './realTools.ts';

const reason = missing('gpg');

const KEYS = {
  rsa: 'Key-Type: RSA\nKey-Length: 2048\nSubkey-Type: RSA\nSubkey-Length: 2048',
  elgamal: 'Key-Type: DSA\nKey-Length: 2048\nSubkey-Type: ELG-E\nSubkey-Length: 2048',
  ...Object.fromEntries(
    ['nistp256', 'nistp384', 'nistp521', 'brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1', 'secp256k1'].map(
      (curve) => [curve, `Key-Type: ECDSA\nKey-Curve: ${curve}\nSubkey-Type: ECDH\nSubkey-Curve: ${curve}`],
    ),
  ),
  curve25519: 'Key-Type: EDDSA\nKey-Curve: ed25519\nSubkey-Type: ECDH\nSubkey-Curve: cv25519',
};

describe.skipIf(reason)(`gpg${reason ? `: ${reason}` : ''}`, () => {
  let home: string;
  const password = 'käse und brot';
  const offers: Record<string, OpenpgpOffer> = {};
  const publicKeys: Record<string, Uint8Array> = {};

  const gpg = (args: readonly string[], input?: Uint8Array) => {
    const always = ['--homedir', home, '--batch', '--yes', '--quiet', '--trust-model', 'always'];
    return tool('gpg', [...always, '--pinentry-mode', 'loopback', ...args], input);
  };
  const withPassword = (args: readonly string[], input?: Uint8Array) =>
    gpg(['--passphrase-file', join(home, 'pass'), ...args], input);

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'rgk-'));
    chmodSync(home, 0o700);
    writeFileSync(join(home, 'pass'), password, { mode: 0o600 });
    for (const [name, parameters] of Object.entries(KEYS)) {
      gpg(
        ['--generate-key'],
        Buffer.from(`${parameters}\nName-Real: ${name}\nExpire-Date: 0\n%no-protection\n%commit\n`),
      );
      publicKeys[name] = gpg(['--armor', '--export', `=${name}`]);
      offers[name] = { kind: 'openpgp', bytes: gpg(['--armor', '--export-secret-keys', `=${name}`]) };
    }
  }, 300_000);

  afterAll(() => {
    exitCode('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    rmSync(home, { recursive: true, force: true });
  });

  const open = (message: Uint8Array, offer: OpenpgpOffer, options?: OpenpgpOptions) =>
    openOpenpgp(pieces(message, 5_000), [offer], options);
  const read = async (message: Uint8Array, offer: OpenpgpOffer, options?: OpenpgpOptions) =>
    Buffer.from(await all((await open(message, offer, options)).plain));

  test.each(Object.keys(KEYS))('a key on %s, both ways, named and hidden', async (name) => {
    for (const length of [0, 100, 100_001]) {
      const plain = Buffer.from(sample(length));
      for (const recipient of ['--recipient', '--hidden-recipient']) {
        const theirs = gpg([recipient, `=${name}`, '--encrypt'], plain);
        const opened = await open(theirs, offers[name]!);
        expect(opened.head.recipients[0]?.keyId === undefined).toBe(recipient === '--hidden-recipient');
        expect(Buffer.from(await all(opened.plain)).equals(plain)).toBe(true);
      }
      const ours = await all(encryptToKeys(pieces(plain, 3_000), publicKeys[name]!));
      expect(gpg(['--decrypt'], ours).equals(plain)).toBe(true);
      expect((await read(ours, offers[name]!)).equals(plain)).toBe(true);
    }
    const message = gpg(['--recipient', `=${name}`, '--encrypt'], sample(100));
    for (const other of Object.keys(KEYS))
      if (other !== name) await expectFailure('wrong-key', open(message, offers[other]!));
  });

  const offer: OpenpgpOffer = { kind: 'password', bytes: Buffer.from(`${password}\n`) };

  test.each([
    'AES',
    'AES192',
    'AES256',
    '3DES',
    'CAST5',
    'BLOWFISH',
    'TWOFISH',
    'CAMELLIA128',
    'CAMELLIA192',
    'CAMELLIA256',
    'IDEA',
  ])('with a password and the cipher %s', async (cipher) => {
    for (const length of [0, 17, 60_000]) {
      const plain = Buffer.from(sample(length));
      const message = withPassword(['--cipher-algo', cipher, '--s2k-mode', '1', '--symmetric'], plain);
      const opened = await open(message, offer);
      expect(opened.cipher).toBe(cipher === 'AES' ? 'AES128' : cipher);
      expect(Buffer.from(await all(opened.plain)).equals(plain)).toBe(true);
      if (length === 0) continue;
      const changed = Buffer.from(message);
      changed[message.length - 30] = (changed[message.length - 30] as number) ^ 1;
      await expectFailure('damaged', read(changed, offer));
    }
  });

  test.each(['IDEA', '3DES', 'CAST5', 'BLOWFISH', 'AES192', 'TWOFISH', 'CAMELLIA128', 'CAMELLIA192', 'CAMELLIA256'])(
    'to a key, with the cipher %s',
    async (cipher) => {
      const plain = Buffer.from(sample(20_000));
      const message = gpg(['--cipher-algo', cipher, '--recipient', '=curve25519', '--encrypt'], plain);
      const opened = await open(message, offers.curve25519!);
      expect(opened.cipher).toBe(cipher);
      expect(Buffer.from(await all(opened.plain)).equals(plain)).toBe(true);
    },
  );

  test.each([0, 1, 3])('derivations of the password: mode %i with every hash', async (mode) => {
    const plain = Buffer.from(sample(1_000));
    for (const hash of ['SHA1', 'RIPEMD160', 'SHA224', 'SHA256', 'SHA384', 'SHA512']) {
      for (const cipher of ['AES', 'AES256']) {
        const derivation = ['--s2k-mode', `${mode}`, '--s2k-digest-algo', hash, '--s2k-count', '65536'];
        const message = withPassword([...derivation, '--cipher-algo', cipher, '--symmetric'], plain);
        expect((await read(message, offer)).equals(plain)).toBe(true);
      }
    }
  });

  test('a thousand wrong passwords are each called wrong', async () => {
    const message = withPassword(['--s2k-mode', '1', '--symmetric'], sample(5_000));
    for (let index = 0; index < 1_000; index++) {
      const wrong: OpenpgpOffer = { kind: 'password', bytes: Buffer.from(`wrong ${index}`) };
      await expectFailure('wrong-key', read(message, wrong)).catch(async (error) => {
        // One in 65,536 passes the quick check, and then the proof at the end decides.
        await expectFailure('damaged', read(message, wrong)).catch(() => Promise.reject(error));
      });
    }
  });

  test('text keeps the line ends that it was given', async () => {
    const message = gpg(['--textmode', '--recipient', '=rsa', '--encrypt'], Buffer.from('one\ntwo\n'));
    expect((await read(message, offers.rsa!)).toString()).toBe('one\r\ntwo\r\n');
  });

  test.each(['rsa', 'elgamal', 'nistp384', 'brainpoolP256r1', 'curve25519'])(
    'a signature by %s fits, also of text, and is not claimed without the key',
    async (signer) => {
      const plain = Buffer.from('one\ntwo\r\nthree\n'.repeat(3_000));
      for (const flags of [[], ['--textmode'], ['-z', '0'], ['--digest-algo', 'SHA512']]) {
        const message = gpg(
          [...flags, '--local-user', `=${signer}`, '--sign', '--recipient', '=rsa', '--encrypt'],
          plain,
        );
        const known = await open(message, offers.rsa!, { signers: [publicKeys[signer]!] });
        await all(known.plain);
        expect(known.notes.join()).toMatch(/the signature fits: the key [0-9A-F]{40} made it/);
        if (signer === 'rsa') continue;
        const unknown = await open(message, offers.rsa!);
        await all(unknown.plain);
        expect(unknown.notes.join()).toMatch(/signed by the key [0-9A-F]{16}; that was not checked/);
      }
    },
  );

  test('a weak signature is not called a proof, and several are each told', async () => {
    const signed = ['--recipient', '=rsa', '--encrypt', '--sign'];
    const weak = gpg(['--digest-algo', 'SHA1', '--local-user', '=rsa', ...signed], sample(1_000));
    const opened = await open(weak, offers.rsa!);
    await all(opened.plain);
    expect(opened.notes.join()).toContain('too weak to prove anything');
    const two = gpg(['--local-user', '=rsa', '--local-user', '=curve25519', ...signed], sample(1_000));
    const both = await open(two, offers.rsa!, { signers: [publicKeys.curve25519!] });
    await all(both.plain);
    expect(both.notes.filter((it) => it.includes('the signature fits'))).toHaveLength(2);
  });

  test('without integrity protection it is refused, and opened when that is asked for', async () => {
    for (const cipher of ['3DES', 'BLOWFISH', 'CAST5']) {
      const plain = Buffer.from(sample(5_000));
      const old = ['--rfc2440', '--cipher-algo', cipher, '-z', '0', '--symmetric'];
      const message = withPassword(old, plain);
      await expectFailure('unsupported', open(message, offer));
      const opened = await open(message, offer, { allowUnauthenticated: true });
      expect(opened.head.protection.kind).toBe('none');
      expect(Buffer.from(await all(opened.plain)).equals(plain)).toBe(true);
    }
  });
});
