/** What GnuPG exports, the examination of keys reads as it is. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { examineOpenpgp } from '../../engine/src/keys/examineOpenpgp.ts';
import { missing, tool } from './realTools.ts';

const reason = missing('gpg');

describe.skipIf(reason)(`keys of gpg${reason ? `: ${reason}` : ''}`, () => {
  const passphrase = 'käse & brot';
  let home: string;
  let fingerprint: string;

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'rk-'));
    chmodSync(home, 0o700);
    writeFileSync(join(home, 'passphrase'), passphrase, { mode: 0o600 });
    gpg('--quick-generate-key', 'backup <backup@example.org>', 'ed25519', 'sign', '0');
    fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--list-keys', '--with-colons').toString())![1]!;
  }, 60_000);

  afterAll(() => {
    tool('gpgconf', ['--homedir', home, '--kill', 'all']);
    rmSync(home, { recursive: true, force: true });
  });

  function gpg(...args: string[]): Buffer {
    const safe = ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase-file'];
    return tool('gpg', [...safe, join(home, 'passphrase'), ...args]);
  }

  const examine = async (block: Uint8Array, phrase?: string) => {
    const { keys, isUnreadable } = await examineOpenpgp(block, phrase === undefined ? undefined : Buffer.from(phrase));
    expect(isUnreadable).toBe(false);
    return keys[0];
  };

  test('a key for signing alone cannot encrypt', async () => {
    const block = gpg('--armor', '--export-secret-keys', fingerprint);
    expect(await examine(block)).toMatchObject({ fingerprint, isLocked: true, encryption: 'none' });
  });

  test('with a subkey that expires, it can encrypt as long as that one lives', async () => {
    gpg('--quick-add-key', fingerprint, 'cv25519', 'encr', '30d');
    const block = gpg('--armor', '--export-secret-keys', fingerprint);
    const { encryptsUntil, ...key } = (await examine(block, passphrase))!;
    expect(key).toMatchObject({ isLocked: true, unlocks: true, encryption: 'possible', canDecrypt: true });
    expect(encryptsUntil! - Date.now()).toBeLessThan(31 * 86_400_000);
    expect(await examine(block, 'kaese & brot')).toMatchObject({ unlocks: false });
  });

  test('the public export and the one of the secret subkeys are known for what they are', async () => {
    expect(await examine(gpg('--armor', '--export', fingerprint))).toMatchObject({
      isPrivate: false,
      canDecrypt: false,
    });
    expect(await examine(gpg('--armor', '--export-secret-subkeys', fingerprint), passphrase)).toMatchObject({
      isPrimaryStub: true,
      isLocked: true,
      unlocks: true,
      canDecrypt: true,
    });
  });
});
