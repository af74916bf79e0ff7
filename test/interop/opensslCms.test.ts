/** Messages of `openssl smime` and `openssl cms` are read in every form they come in. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ByteReader } from '../../engine/src/bytes.ts';
import { sniff } from '../../engine/src/contents/sniff.ts';
import { type CmsOffer, openCms, readCmsHead } from '../../engine/src/crypto/cms.ts';
import { encryptCms } from '../../engine/src/crypto/cmsEncrypt.ts';
import { decodeCmsText, isCmsText } from '../../engine/src/crypto/cmsText.ts';
import { RestoreError } from '../../engine/src/failure.ts';
import { all, expectFailure, pieces, watched } from '../engine/pieces.ts';
import { missing, sample, tool } from './realTools.ts';

const reason = missing('openssl', 'version');
const LENGTHS = [0, 1, 15, 16, 17, 4_096, 300_001];

describe.skipIf(reason)(`openssl smime and cms${reason ? `: ${reason}` : ''}`, () => {
  let folder: string;
  const offers: Record<string, CmsOffer> = {};
  const passphrase = 'käse und brot';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rcms-'));
    const curves = { p256: 'prime256v1', p521: 'secp521r1', brainpool: 'brainpoolP256r1' };
    for (const name of ['rsa', 'other', ...Object.keys(curves)]) {
      const curve = curves[name as keyof typeof curves];
      const kind = curve ? ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`] : ['-newkey', 'rsa:2048'];
      tool('openssl', [
        'req',
        '-x509',
        ...kind,
        '-nodes',
        '-keyout',
        file(`${name}.key`),
        '-out',
        file(`${name}.crt`),
        '-subj',
        `/CN=${name}`,
        '-days',
        '30',
      ]);
      offers[name] = { kind: 'pem', bytes: readFileSync(file(`${name}.key`)) };
    }
    writeFileSync(file('pass'), passphrase);
    tool('openssl', [
      'rsa',
      '-aes256',
      '-in',
      file('rsa.key'),
      '-out',
      file('locked.key'),
      '-passout',
      `file:${file('pass')}`,
    ]);
    tool('openssl', [
      'pkcs8',
      '-topk8',
      '-v2',
      'aes-256-cbc',
      '-in',
      file('rsa.key'),
      '-out',
      file('locked8.key'),
      '-passout',
      `file:${file('pass')}`,
    ]);
    tool('openssl', [
      'rsa',
      '-traditional',
      '-aes256',
      '-in',
      file('rsa.key'),
      '-out',
      file('locked1.key'),
      '-passout',
      `file:${file('pass')}`,
    ]);
  }, 120_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string) => join(folder, name);
  const cms = (args: string[], plain: Uint8Array) => {
    writeFileSync(file('plain'), plain);
    return tool('openssl', ['cms', '-encrypt', '-binary', '-in', file('plain'), ...args]);
  };
  const open = async (message: Uint8Array, offer: CmsOffer, size = 5_000) => {
    const input = pieces(message, size);
    return openCms(isCmsText(message) ? decodeCmsText(input) : input, [offer]);
  };
  const read = async (message: Uint8Array, offer: CmsOffer, size?: number) =>
    Buffer.from(await all((await open(message, offer, size)).plain));

  test.each([
    ['DER, streamed', ['-outform', 'DER', '-stream']],
    ['DER, of definite length', ['-outform', 'DER']],
    ['PEM', ['-outform', 'PEM']],
    ['PEM, streamed', ['-outform', 'PEM', '-stream']],
    ['S/MIME', []],
  ])('%s', async (_, form) => {
    for (const length of LENGTHS) {
      const plain = Buffer.from(sample(length));
      const message = cms(['-aes-256-cbc', ...form, file('rsa.crt')], plain);
      expect(sniff(message)).toBe('pkcs7');
      for (const size of [Number.POSITIVE_INFINITY, 1_000, ...(length < 100 ? [1, 7] : [])])
        expect((await read(message, offers.rsa!, size)).equals(plain)).toBe(true);
    }
  });

  test.each([
    ['aes-128-cbc', 'rsa', []],
    ['aes-192-cbc', 'rsa', []],
    ['aes-128-gcm', 'rsa', []],
    ['aes-256-gcm', 'rsa', []],
    ['des-ede3-cbc', 'rsa', []],
    ['camellia-256-cbc', 'rsa', []],
    ['aes-256-cbc', 'rsa', ['-keyopt', 'rsa_padding_mode:oaep']],
    [
      'aes-256-gcm',
      'rsa',
      ['-keyopt', 'rsa_padding_mode:oaep', '-keyopt', 'rsa_oaep_md:sha256', '-keyopt', 'rsa_mgf1_md:sha256'],
    ],
    ['aes-256-cbc', 'rsa', ['-keyid']],
    ['aes-256-cbc', 'p256', []],
    ['aes-128-gcm', 'p256', []],
    ['aes-256-gcm', 'p521', ['-keyopt', 'ecdh_kdf_md:sha256']],
    ['aes-256-cbc', 'p256', ['-keyopt', 'ecdh_kdf_md:sha512', '-keyopt', 'ecdh_cofactor_mode:1', '-aes128-wrap']],
    ['aes-256-cbc', 'brainpool', ['-keyid']],
  ] as const)('%s to %s %j', async (cipher, name, options) => {
    for (const length of [0, 17, 100_000]) {
      const plain = Buffer.from(sample(length));
      const isKeyId = options.includes('-keyid' as never);
      // openssl 3.0 cannot write GCM as a stream.
      const form = cipher.endsWith('-gcm') ? [] : ['-stream'];
      const rest = options.filter((it) => it !== '-keyid');
      const message = cms(
        [
          `-${cipher}`,
          '-outform',
          'DER',
          ...form,
          ...(isKeyId ? ['-keyid'] : []),
          '-recip',
          file(`${name}.crt`),
          ...rest,
        ],
        plain,
      );
      const opened = await open(message, offers[name]!);
      expect(opened.head).toMatchObject({ cipher, isAuthenticated: cipher.endsWith('-gcm') });
      expect(opened.head.recipients).toHaveLength(1);
      expect(opened.head.recipients[0]?.certificate).toMatch(/^[0-9A-F]{8,}$/);
      expect(Buffer.from(await all(opened.plain)).equals(plain)).toBe(true);
      await expectFailure('wrong-key', open(message, offers.other!));
    }
  });

  test('with a password', async () => {
    const plain = Buffer.from(sample(50_000));
    const message = cms(['-aes-256-cbc', '-outform', 'DER', '-stream', '-pwri_password', passphrase], plain);
    const offer = (text: string): CmsOffer => ({ kind: 'password', bytes: Buffer.from(text) });
    expect((await read(message, offer(`${passphrase}\n`))).equals(plain)).toBe(true);
    for (let index = 0; index < 300; index++) await expectFailure('wrong-key', open(message, offer(`wrong ${index}`)));
  });

  test('to several recipients, with any of their keys, and what openssl smime writes by default', async () => {
    const plain = Buffer.from(sample(10_000));
    const message = cms(
      ['-aes-256-cbc', '-outform', 'DER', file('other.crt'), file('p256.crt'), file('rsa.crt')],
      plain,
    );
    for (const name of ['rsa', 'other', 'p256']) expect((await read(message, offers[name]!)).equals(plain)).toBe(true);
    const head = await readCmsHead(new ByteReader(pieces(message, 100)));
    expect(head.recipients.map((it) => it.kind)).toEqual(['RSA', 'RSA', 'ECDH']);
    const smime = tool('openssl', ['smime', '-encrypt', '-binary', '-aes256', '-in', file('plain'), file('rsa.crt')]);
    expect((await read(smime, offers.rsa!)).equals(plain)).toBe(true);
  });

  test('a locked key wants its passphrase', async () => {
    const plain = Buffer.from(sample(1_000));
    const message = cms(['-aes-256-cbc', '-outform', 'DER', file('rsa.crt')], plain);
    for (const name of ['locked.key', 'locked8.key', 'locked1.key']) {
      const locked: CmsOffer = { kind: 'pem', bytes: readFileSync(file(name)) };
      expect((await read(message, { ...locked, passphrase: Buffer.from(`${passphrase}\n`) })).equals(plain)).toBe(true);
      await expectFailure('usage', open(message, locked));
      await expectFailure('wrong-key', open(message, { ...locked, passphrase: Buffer.from('wrong') }));
    }
  });

  test('cut at every byte is never whole, and truncated wherever it is cut behind the first bytes', async () => {
    for (const options of [['-aes-256-cbc', '-stream'], ['-aes-256-cbc'], ['-aes-256-gcm']]) {
      const message = cms([...options, '-outform', 'DER', file('rsa.crt')], sample(300));
      for (let length = 1; length < message.length; length++)
        await expectFailure('truncated', read(message.subarray(0, length), offers.rsa!));
    }
  });

  test('with any bit changed is never called authentic where it is authenticated', async () => {
    const plain = Buffer.from(sample(200));
    const message = cms(['-aes-256-gcm', '-outform', 'DER', file('rsa.crt')], plain);
    const codes = new Set<string>();
    for (let bit = 0; bit < message.length * 8; bit++) {
      const changed = Buffer.from(message);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      try {
        // Who it is for is not part of what the tag covers.
        expect((await read(changed, offers.rsa!)).equals(plain)).toBe(true);
      } catch (error) {
        if (!(error instanceof RestoreError)) throw error;
        codes.add(error.failure.code);
      }
    }
    expect(
      [...codes].every((it) => ['damaged', 'truncated', 'wrong-key', 'unsupported', 'not-encrypted'].includes(it)),
    ).toBe(true);
  });

  test('what is appended is found, signed messages are not called encrypted, and closing the output closes the input', async () => {
    const message = cms(['-aes-256-cbc', '-outform', 'DER', '-stream', file('rsa.crt')], sample(10_000));
    await expectFailure('damaged', read(Buffer.concat([message, Buffer.from('x')]), offers.rsa!));
    const signed = tool('openssl', [
      'cms',
      '-sign',
      '-binary',
      '-nodetach',
      '-outform',
      'DER',
      '-in',
      file('plain'),
      '-signer',
      file('rsa.crt'),
      '-inkey',
      file('rsa.key'),
    ]);
    await expectFailure('not-encrypted', open(signed, offers.rsa!));
    const input = watched(pieces(message, 100));
    for await (const _ of (await openCms(input.stream, [offers.rsa!])).plain) break;
    expect(input.closed()).toBe(1);
  });

  test.each(['rsa', 'p256', 'p521', 'brainpool'])('openssl cms reads what is encrypted here to %s', async (name) => {
    for (const length of LENGTHS) {
      const plain = Buffer.from(sample(length));
      const message = Buffer.from(await all(encryptCms(pieces(plain, 3_000), readFileSync(file(`${name}.crt`)))));
      expect(sniff(message)).toBe('pkcs7');
      writeFileSync(file('message'), message);
      const args = ['-decrypt', '-binary', '-inform', 'DER', '-in', file('message'), '-inkey', file(`${name}.key`)];
      expect(tool('openssl', ['cms', ...args]).equals(plain)).toBe(true);
      expect((await read(message, offers[name]!)).equals(plain)).toBe(true);
    }
  });

  test('what is encrypted here for several people opens with each of their keys', async () => {
    const plain = Buffer.from(sample(10_000));
    const everyone = Buffer.concat(['rsa', 'p256', 'other'].map((it) => readFileSync(file(`${it}.crt`))));
    const message = Buffer.from(await all(encryptCms(pieces(plain, 3_000), everyone)));
    for (const name of ['rsa', 'p256', 'other']) expect((await read(message, offers[name]!)).equals(plain)).toBe(true);
    for (let length = 1; length < message.length; length += 61)
      await expectFailure('truncated', read(message.subarray(0, length), offers.rsa!));
    await expectFailure('usage', all(encryptCms(pieces(plain, 3_000), offers.rsa!.bytes)));
  });
});
