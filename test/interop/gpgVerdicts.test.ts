/** On messages that were damaged or put together anew, we are never less strict than GnuPG. */

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenpgpOffer, openOpenpgp } from '../../engine/src/crypto/openpgp.ts';
import { RestoreError } from '../../engine/src/failure.ts';
import { literal, mdcPacket, packet, partialPacket, TAG } from '../engine/crypto/openpgpWriter.ts';
import { all, pieces } from '../engine/pieces.ts';
import { exitCode, missing, tool } from './realTools.ts';

const reason = missing('gpg');

describe.skipIf(reason)(`verdicts of gpg${reason ? `: ${reason}` : ''}`, () => {
  const password = 'käse und brot';
  const offer: OpenpgpOffer = { kind: 'password', bytes: Buffer.from(password) };
  const plain = Buffer.from('tiny backup\n');
  let home: string;

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'rgv-'));
    chmodSync(home, 0o700);
    writeFileSync(join(home, 'pass'), password, { mode: 0o600 });
  });

  afterAll(() => {
    exitCode('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    rmSync(home, { recursive: true, force: true });
  });

  const options = () => {
    const always = ['--homedir', home, '--batch', '--yes', '--quiet', '--pinentry-mode', 'loopback'];
    return [...always, '--passphrase-file', join(home, 'pass')];
  };

  function gpgOf(message: Uint8Array): Buffer | undefined {
    const { status, stdout } = spawnSync('gpg', [...options(), '--decrypt'], { input: message });
    return status === 0 ? stdout : undefined;
  }

  async function oursOf(message: Uint8Array): Promise<Buffer | undefined> {
    try {
      return Buffer.from(await all((await openOpenpgp(pieces(message, 4_096), [offer])).plain));
    } catch (error) {
      if (!(error instanceof RestoreError)) throw error;
      return undefined;
    }
  }

  /** What we call authentic gpg gives as well, and it is the same. */
  async function compare(message: Uint8Array): Promise<boolean> {
    const ours = await oursOf(message);
    if (ours === undefined) return false;
    expect(ours.equals(plain)).toBe(true);
    expect(gpgOf(message)?.equals(plain)).toBe(true);
    return true;
  }

  test.each([
    ['as it is', ['-z', '0']],
    ['compressed', ['--compress-algo', 'zlib']],
  ])(
    'cut anywhere and with any byte changed, a message (%s) opens only where gpg opens it',
    async (_, flags) => {
      const message = tool('gpg', [...options(), ...flags, '--s2k-mode', '1', '--symmetric'], plain);
      expect(await compare(message)).toBe(true);
      for (let end = 0; end < message.length; end++) expect(await oursOf(message.subarray(0, end))).toBeUndefined();
      let opened = 0;
      for (let bit = 0; bit < message.length * 8; bit++) {
        const changed = Buffer.from(message);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        if (await compare(changed)) opened++;
      }
      // An old header may say its length in another form; nothing else can change without notice.
      expect(opened).toBeLessThan(4);
    },
    120_000,
  );

  test('put together in another way, it opens only where gpg opens it', async () => {
    const session = packet(TAG.passwordSession, Uint8Array.of(4, 9, 0, 8));
    const data = packet(TAG.literal, literal(plain));
    const marker = packet(TAG.marker, Buffer.from('PGP'));
    const sealed = mdcPacket(password, data);
    const forms = [
      [session, sealed],
      [session, session, sealed],
      [marker, session, marker, sealed],
      [session, packet(60, Buffer.from('?')), sealed],
      [session, sealed, sealed],
      [session, sealed, session, sealed],
      [session, sealed, data],
      [data, session, sealed],
      [sealed, session],
      [session, sealed.subarray(0, -1)],
      [session, sealed, Buffer.alloc(1)],
      [session, partialPacket(TAG.mdcData, sealed.subarray(6), 9)],
      ...[
        [marker, data],
        [data, marker],
        [data, data],
        [packet(60, Buffer.from('?')), data],
        [data, Buffer.alloc(3)],
        [packet(TAG.literal, Buffer.from('b'))],
        [packet(TAG.literal, Uint8Array.of(0x62, 200, 65))],
        [data.subarray(0, -2)],
      ].map((inner) => [session, mdcPacket(password, Buffer.concat(inner))]),
    ];
    const opened: number[] = [];
    for (const [index, parts] of forms.entries()) if (await compare(Buffer.concat(parts))) opened.push(index);
    expect(opened).toEqual([0, 1, 2, 3, 11, 12, 13, 15]);
  }, 120_000);
});
