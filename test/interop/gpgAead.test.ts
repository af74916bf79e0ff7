/**
 * AEAD in OpenPGP: the real programs read what we write and we read what they write, at all borders of chunks; and we write to
 * their keys what they write themselves.
 */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as library from 'openpgp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenpgpOffer, openOpenpgp } from '../../engine/src/crypto/openpgp.ts';
import { encryptToKeys, encryptWithPassword, messageToKeys } from '../../engine/src/crypto/openpgpEncrypt.ts';
import { contentsThatFill } from '../engine/crypto/literalLength.ts';
import { all, expectFailure, pieces } from '../engine/pieces.ts';
import { NewerOpenpgp, newerOpenpgp } from './newerOpenpgp.ts';
import { exitCode, missing, sample, tool } from './realTools.ts';

const reason = 'missing' in newerOpenpgp ? newerOpenpgp.missing : missing('gpg');
const chunk = 256 * 1024;
/** Nothing, one byte, and one byte less, as much and one more than fills the first chunk and the second. */
const lengths = [
  0,
  1,
  ...[chunk, 2 * chunk].flatMap((it) => [-1, 0, 1].map((by) => contentsThatFill(it) + by)),
  5 * chunk + 77,
];

describe.skipIf(reason)(`GnuPG 2.4, Sequoia, RNP${reason ? `: ${reason}` : ''}`, () => {
  const secret = 'käse und brot';
  const password: OpenpgpOffer = { kind: 'password', bytes: Buffer.from(secret) };
  /** Public and private parts of each kind of key. */
  const keys: Record<string, { publicKey: Uint8Array; offer: OpenpgpOffer }> = {};
  let newer: NewerOpenpgp;
  /** GnuPG of this machine: 2.2 on Debian 12. */
  let olderHome: string | undefined;

  const gpg = (args: readonly string[], input?: Uint8Array) => newer.gpg(args, input);
  const withSecret = (args: readonly string[], input?: Uint8Array) =>
    newer.gpg(['--passphrase-file', newer.file('pass'), ...args], input);
  const olderOptions = (): string[] => {
    const quiet = ['--batch', '--quiet', '--trust-model', 'always', '--pinentry-mode', 'loopback'];
    return ['--homedir', olderHome ?? '', ...quiet, '--passphrase-file', newer.file('pass')];
  };
  const older = (args: readonly string[], input?: Uint8Array) => tool('gpg', [...olderOptions(), ...args], input);

  beforeAll(async () => {
    newer = new NewerOpenpgp('files' in newerOpenpgp ? newerOpenpgp.files : []);
    olderHome = mkdtempSync(join(tmpdir(), 'ra-'));
    chmodSync(olderHome, 0o700);
    writeFileSync(newer.file('pass'), secret, { mode: 0o600 });
    for (const [name, flags] of [
      // As GnuPG itself: Debian's does not announce OCB unless it is told so.
      ['gpg 2.4', ['--compliance', 'gnupg']],
      ['gpg of Debian', []],
    ] as const) {
      gpg([...flags, '--passphrase', '', '--quick-generate-key', name, 'future-default', 'default', '0']);
      const offer: OpenpgpOffer = { kind: 'openpgp', bytes: gpg(['--armor', '--export-secret-keys', `=${name}`]) };
      keys[name] = { publicKey: gpg(['--armor', '--export', `=${name}`]), offer };
    }
    for (const profile of ['rfc4880', 'rfc9580']) {
      const owner = ['--own-key', '--userid', `${profile} <${profile}@example.org>`, '--without-password'];
      newer.sq(['key', 'generate', ...owner, '--profile', profile, '--rev-cert', newer.file(`${profile}.rev`)]);
      const named = ['--cert-email', `${profile}@example.org`];
      keys[`sq ${profile}`] = {
        publicKey: newer.sq(['cert', 'export', ...named]),
        offer: { kind: 'openpgp', bytes: newer.sq(['key', 'export', ...named]) },
      };
    }
    newer.rnpkeys(['--generate-key', '--userid', 'rnp', '--password', secret]);
    keys.rnp = {
      publicKey: newer.rnpkeys(['--export-key', 'rnp']),
      offer: {
        kind: 'openpgp',
        bytes: newer.rnpkeys(['--export-key', '--secret', 'rnp']),
        passphrase: Buffer.from(secret),
      },
    };
  }, 300_000);

  afterAll(() => {
    newer?.remove();
    if (olderHome === undefined) return;
    exitCode('gpgconf', ['--homedir', olderHome, '--kill', 'gpg-agent']);
    rmSync(olderHome, { recursive: true, force: true });
  });

  const readBySq = (message: Uint8Array) => newer.sq(['decrypt', '--password-file', newer.file('pass')], message);
  const readByRnp = (message: Uint8Array) =>
    newer.rnp(['--password', secret, '--output', '-', '--decrypt', '-'], message);
  const read = async (message: Uint8Array, offer: OpenpgpOffer) => {
    const opened = await openOpenpgp(pieces(message, 60_000), [offer]);
    return { opened, plain: Buffer.from(await all(opened.plain)) };
  };

  /** What shows of a message without a key. */
  const form = async (message: Uint8Array, offer: OpenpgpOffer) => {
    const { head, cipher } = await openOpenpgp(pieces(message, 60_000), [offer]);
    return { protection: head.protection, recipients: head.recipients, cipher };
  };

  test.each([
    ['gpg 2.4', ['gpg 2.4'], 'ocb'],
    ['gpg of Debian', ['gpg of Debian'], 'mdc'],
    ['both', ['gpg 2.4', 'gpg of Debian'], 'mdc'],
  ] as const)('to keys of GnuPG (%s) we write what GnuPG itself writes', async (_, names, expected) => {
    const recipients = names.flatMap((it) => ['--recipient', `=${it}`]);
    const theirs = gpg(['--compliance', 'gnupg', '-z', '0', ...recipients, '--encrypt'], sample(1_000));
    const block = Buffer.concat(names.map((it) => keys[it]!.publicKey));
    const message = await messageToKeys(block);
    expect(message.integrity).toBe(expected);
    const ours = await all(message.write(pieces(sample(1_000), 300)));
    const { offer } = keys[names[0]]!;
    expect(await form(ours, offer)).toEqual(await form(theirs, offer));
  });

  test.each(['rfc4880', 'rfc9580'])('to keys of Sequoia (%s) we write what Sequoia itself writes', async (profile) => {
    const { publicKey, offer } = keys[`sq ${profile}`]!;
    const to = ['--for-email', `${profile}@example.org`, '--without-signature', '--compression', 'none', '--binary'];
    const theirs = newer.sq(['encrypt', ...to], sample(1_000));
    const message = await messageToKeys(publicKey);
    expect(message.integrity).toBe('seipd2');
    const ours = await all(message.write(pieces(sample(1_000), 300)));
    expect(await form(ours, offer)).toEqual(await form(theirs, offer));
  });

  test.each(lengths)('packet 20 is read by GnuPG 2.4 and 2.2, RNP and OpenPGP.js (%i bytes)', async (length) => {
    const plain = Buffer.from(sample(length));
    const toKey = await all(encryptToKeys(pieces(plain, 50_000), keys['gpg 2.4']!.publicKey));
    expect(gpg(['--decrypt'], toKey).equals(plain)).toBe(true);
    const message = await all(encryptWithPassword(pieces(plain, 50_000), password.bytes, { integrity: 'ocb' }));
    expect(withSecret(['--decrypt'], message).equals(plain)).toBe(true);
    expect(older(['--decrypt'], message).equals(plain)).toBe(true);
    expect((await readByLibrary(message)).equals(plain)).toBe(true);
    // Where the last chunk is full, RNP 0.17 never looks at the last tag, and complains; with what gpg writes from a pipe, too.
    if ([1, 2].some((it) => length === contentsThatFill(it * chunk))) return;
    expect(readByRnp(message).equals(plain)).toBe(true);
    const toRnp = await all(encryptToKeys(pieces(plain, 50_000), keys.rnp!.publicKey, { integrity: 'ocb' }));
    expect(readByRnp(toRnp).equals(plain)).toBe(true);
  });

  test.each(lengths)('SEIPD version 2 is read by Sequoia and OpenPGP.js (%i bytes)', async (length) => {
    const plain = Buffer.from(sample(length));
    for (const profile of ['rfc4880', 'rfc9580']) {
      const toKey = await all(encryptToKeys(pieces(plain, 50_000), keys[`sq ${profile}`]!.publicKey));
      expect(newer.sq(['decrypt'], toKey).equals(plain)).toBe(true);
    }
    const message = await all(encryptWithPassword(pieces(plain, 50_000), password.bytes, { integrity: 'seipd2' }));
    expect(readBySq(message).equals(plain)).toBe(true);
    expect((await readByLibrary(message)).equals(plain)).toBe(true);
  });

  test('an MDC is read by all of them', async () => {
    const plain = Buffer.from(sample(300_000));
    const message = await all(encryptWithPassword(pieces(plain, 50_000), password.bytes, { integrity: 'mdc' }));
    expect(withSecret(['--decrypt'], message).equals(plain)).toBe(true);
    expect(older(['--decrypt'], message).equals(plain)).toBe(true);
    expect(readBySq(message).equals(plain)).toBe(true);
    expect(readByRnp(message).equals(plain)).toBe(true);
    for (const [name, { publicKey, offer }] of Object.entries(keys)) {
      const toKey = await all(encryptToKeys(pieces(plain, 50_000), publicKey, { integrity: 'mdc' }));
      expect([name, (await read(toKey, offer)).plain.equals(plain)]).toEqual([name, true]);
    }
  });

  test('who cannot read a form says so: that is why keys decide', async () => {
    const ocb = await all(encryptWithPassword(pieces(sample(100), 100), password.bytes, { integrity: 'ocb' }));
    expect(newer.sqCode(['decrypt', '--password-file', newer.file('pass')], ocb)).not.toBe(0);
    const seipd2 = await all(encryptWithPassword(pieces(sample(100), 100), password.bytes, { integrity: 'seipd2' }));
    expect(newer.gpgCode(['--passphrase-file', newer.file('pass'), '--decrypt'], seipd2)).not.toBe(0);
    expect(exitCode('gpg', [...olderOptions(), '--decrypt'], seipd2)).not.toBe(0);
    expect(newer.rnpCode(['--password', secret, '--output', '-', '--decrypt', '-'], seipd2)).not.toBe(0);
  });

  test.each([0, 1, 40, 41, 55, 56, 57, 63, 64, 65, 127, 128, 129, 1_000, 70_000])(
    'what GnuPG 2.4 writes in chunks of 64 bytes and of 4 MiB opens (%i bytes)',
    async (length) => {
      const plain = Buffer.from(sample(length));
      for (const size of ['6', '22']) {
        const flags = ['--force-ocb', '--chunk-size', size, '-z', '0'];
        const toKey = gpg([...flags, '--recipient', '=gpg 2.4', '--encrypt'], plain);
        const withPassword = withSecret([...flags, '--s2k-mode', '1', '--symmetric'], plain);
        for (const [message, offer] of [
          [toKey, keys['gpg 2.4']!.offer],
          [withPassword, password],
        ] as const) {
          const { opened, plain: found } = await read(message, offer);
          expect(opened.head.protection).toMatchObject({ kind: 'aead', version: 'gnupg', mode: 'OCB' });
          expect(opened.isProvenAtOnce).toBe(true);
          expect(found.equals(plain)).toBe(true);
          await expectFailure('truncated', read(message.subarray(0, -1), offer));
        }
      }
    },
  );

  test.each([0, 1, 4_089, 4_090, 4_091, 8_186, 8_187, 100_000])(
    'what Sequoia and RNP write opens (%i bytes)',
    async (length) => {
      const plain = Buffer.from(sample(length));
      for (const profile of ['rfc4880', 'rfc9580']) {
        const to = ['--for-email', `${profile}@example.org`, '--without-signature', '--binary'];
        const message = newer.sq(['encrypt', '--compression', 'none', ...to], plain);
        expect((await read(message, keys[`sq ${profile}`]!.offer)).plain.equals(plain)).toBe(true);
      }
      for (const mode of ['ocb', 'eax']) {
        const flags = [`--aead=${mode}`, '--aead-chunk-bits=0', '-z', '0', '--password', secret];
        const message = newer.rnp([...flags, '--symmetric', '--output', '-', '-'], plain);
        const { opened, plain: found } = await read(message, password);
        expect(opened.head.protection).toMatchObject({ version: 'gnupg', mode: mode.toUpperCase() });
        expect(found.equals(plain)).toBe(true);
      }
    },
  );

  test('what we refuse they refuse as well: a bit, a missing end, a missing chunk', async () => {
    const plain = sample(3 * chunk);
    for (const integrity of ['ocb', 'seipd2'] as const) {
      const owner = integrity === 'ocb' ? 'gpg 2.4' : 'sq rfc9580';
      const { publicKey, offer } = keys[owner]!;
      const message = await all(encryptToKeys(pieces(plain, 50_000), publicKey, { integrity }));
      const flipped = Buffer.from(message);
      flipped[chunk + 5_000] = (flipped[chunk + 5_000] as number) ^ 1;
      for (const changed of [flipped, message.subarray(0, -1), withoutChunk(message, integrity === 'ocb' ? 19 : 36)]) {
        const code = integrity === 'ocb' ? newer.gpgCode(['--decrypt'], changed) : newer.sqCode(['decrypt'], changed);
        expect(code).not.toBe(0);
        await expectFailure(changed.length === message.length - 1 ? 'truncated' : 'damaged', read(changed, offer));
      }
    }
  });

  async function readByLibrary(binaryMessage: Uint8Array): Promise<Buffer> {
    const message = await library.readMessage({ binaryMessage });
    const { data } = await library.decrypt({ message, passwords: secret, format: 'binary' });
    return Buffer.from(data as Uint8Array);
  }
});

/** The same message without its second chunk, in one packet of the length that is left. */
function withoutChunk(message: Uint8Array, headBytes: number): Uint8Array {
  const lengthOf = (at: number) => {
    const first = message[at] as number;
    if (first < 192) return { bytes: first, from: at + 1, isPart: false };
    if (first >= 224 && first < 255) return { bytes: 2 ** (first & 0x1f), from: at + 1, isPart: true };
    const view = Buffer.from(message.subarray(at + 1, at + 5));
    return first === 255
      ? { bytes: view.readUInt32BE(), from: at + 5, isPart: false }
      : { bytes: ((first - 192) << 8) + (message[at + 1] as number) + 192, from: at + 2, isPart: false };
  };
  const session = lengthOf(1);
  const start = session.from + session.bytes;
  const parts: Uint8Array[] = [];
  for (let at = start + 1, isPart = true; isPart; ) {
    const part = lengthOf(at);
    parts.push(message.subarray(part.from, part.from + part.bytes));
    at = part.from + part.bytes;
    isPart = part.isPart;
  }
  const body = Buffer.concat(parts);
  const second = headBytes + chunk + 16;
  const left = Buffer.concat([body.subarray(0, second), body.subarray(second + chunk + 16)]);
  const header = Buffer.of(message[start] as number, 0xff, 0, 0, 0, 0);
  header.writeUInt32BE(left.length, 2);
  return Buffer.concat([message.subarray(0, start), header, left]);
}
