/** Whatever `openssl cms` and `openssl smime` can write is opened, or refused by its name: OpenSSL of this machine, and 3.5. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sniff } from '../../engine/src/contents/sniff.ts';
import { type CmsOffer, openCms } from '../../engine/src/crypto/cms.ts';
import { encryptCms } from '../../engine/src/crypto/cmsEncrypt.ts';
import { decodeCmsText, isCmsText } from '../../engine/src/crypto/cmsText.ts';
import type { Inspection } from '../../engine/src/job.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { all, expectFailure, pieces } from '../engine/pieces.ts';
import { newerOpenssl, unpackOpenssl } from './newerOpenssl.ts';
import { exitCode, missing, sample, tool } from './realTools.ts';

const newer = newerOpenssl();
const LEGACY = ['-provider', 'legacy', '-provider', 'default'];
const MODES = ['cbc', 'ecb', 'cfb', 'ofb'] as const;
const READ = [
  ...[128, 192, 256].flatMap((bits) => [
    ...MODES.flatMap((mode) => [`aes-${bits}-${mode}`, `camellia-${bits}-${mode}`, `aria-${bits}-${mode}`]),
    `aria-${bits}-ctr`,
    `camellia-${bits}-ctr`,
    `aes-${bits}-gcm`,
    `aria-${bits}-gcm`,
  ]),
  ...[...MODES, 'ctr'].map((mode) => `sm4-${mode}`),
  ...MODES.map((mode) => `des-${mode}`),
  'des-ede',
  'des-ede3-cbc',
];
const REFUSED = { 'rc2-128': 'RC2', 'rc2-40': 'RC2', rc4: 'RC4', bf: 'Blowfish', cast: 'CAST5', seed: 'SEED' };
const SHARED = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';

describe.each([
  ['of this machine', missing('openssl', 'version')],
  ['3.5 of Debian 13', 'missing' in newer ? newer.missing : undefined],
])('OpenSSL %s', (version, reason) => {
  describe.skipIf(reason)(reason ?? 'is here', () => {
    let folder: string;
    let openssl = 'openssl';
    const offers: Record<string, CmsOffer> = {};
    const plain = Buffer.from(sample(3_001));
    const file = (name: string) => join(folder, name);

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'rcmsk-'));
      if (version !== 'of this machine' && 'files' in newer) openssl = unpackOpenssl(newer.files, file('tree'));
      writeFileSync(file('plain'), plain);
      certificate('rsa', ['-newkey', 'rsa:2048']);
      for (const curve of ['prime256v1', 'secp224r1', 'secp521r1', 'brainpoolP256r1', 'sect283r1'])
        certificate(curve, ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`]);
      // A request cannot be signed with such keys: the certificate is another's, with this key put in.
      tool(openssl, ['genpkey', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048', '-out', file('dh.key')]);
      tool(openssl, ['genpkey', '-algorithm', 'DHX', '-pkeyopt', 'dh_rfc5114:3', '-out', file('dhx.key')]);
      tool(openssl, ['req', '-new', '-key', file('rsa.key'), '-subj', '/CN=other', '-out', file('request')]);
      for (const name of ['dh', 'dhx']) {
        tool(openssl, ['pkey', '-in', file(`${name}.key`), '-pubout', '-out', file('public')]);
        const signer = ['-CA', file('rsa.crt'), '-CAkey', file('rsa.key'), '-CAcreateserial'];
        const args = ['-in', file('request'), ...signer, '-force_pubkey', file('public'), '-days', '30'];
        tool(openssl, ['x509', '-req', ...args, '-out', file(`${name}.crt`)]);
        keep(name);
      }
    }, 240_000);

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    function certificate(name: string, kind: string[]): void {
      const out = ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)];
      tool(openssl, ['req', '-x509', ...kind, '-nodes', ...out, '-subj', `/CN=${name}`, '-days', '30']);
      keep(name);
    }

    function keep(name: string): void {
      offers[name] = { kind: 'pem', bytes: readFileSync(file(`${name}.key`)) };
    }

    const encrypted = (...args: string[]) =>
      tool(openssl, [...args.slice(0, 2), ...LEGACY, '-binary', '-in', file('plain'), ...args.slice(2)]);
    const toRsa = (...args: string[]) =>
      encrypted('cms', '-encrypt', '-outform', 'DER', ...args, '-recip', file('rsa.crt'));
    const open = (message: Uint8Array, offer: CmsOffer | undefined) => {
      const input = pieces(message, 997);
      return openCms(isCmsText(message) ? decodeCmsText(input) : input, offer ? [offer] : []);
    };
    const expectOpened = async (message: Uint8Array, offer: CmsOffer | undefined, what?: string) => {
      expect(sniff(message), what).toBe('pkcs7');
      expect(Buffer.from(await all((await open(message, offer)).plain)).equals(plain), what).toBe(true);
    };

    test('every cipher, with its name', async () => {
      for (const cipher of READ) {
        const message = toRsa(`-${cipher}`);
        await expectOpened(message, offers.rsa, cipher);
        const { head } = await open(message, offers.rsa);
        expect(head).toMatchObject({ cipher: cipher.replace(/^des-ede$/, 'des-ede-ecb') });
        expect(head.isAuthenticated).toBe(cipher.endsWith('-gcm'));
      }
    }, 120_000);

    test('ciphers that are broken are refused by name', async () => {
      for (const [cipher, name] of Object.entries(REFUSED)) {
        const failure = await expectFailure('unsupported', open(toRsa(`-${cipher}`), offers.rsa));
        expect(failure.message).toContain(name);
        expect(failure.hint).toContain('-provider legacy');
      }
    });

    test('RSA with OAEP: every hash, a mask with another, a label', async () => {
      const hashes = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha512-256', 'sha3-256'];
      for (const hash of hashes) {
        for (const mask of [undefined, 'sha1', 'sha512']) {
          for (const label of mask === 'sha1' ? [undefined, '7465737400ff'] : [undefined]) {
            const options = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`];
            if (mask) options.push(`rsa_mgf1_md:${mask}`);
            if (label) options.push(`rsa_oaep_label:${label}`);
            const message = encrypted(
              ...['cms', '-encrypt', '-aes-128-cbc', '-outform', 'DER', '-recip', file('rsa.crt')],
              ...options.flatMap((it) => ['-keyopt', it]),
            );
            await expectOpened(message, offers.rsa, `${hash} ${mask} ${label}`);
          }
        }
      }
    }, 120_000);

    test('elliptic curves: every hash and wrap, with and without cofactor', async () => {
      const to = (curve: string, ...args: string[]) =>
        encrypted('cms', '-encrypt', '-aes-256-cbc', '-outform', 'DER', '-recip', file(`${curve}.crt`), ...args);
      for (const curve of ['prime256v1', 'secp224r1', 'secp521r1', 'brainpoolP256r1', 'sect283r1']) {
        for (const hash of ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'])
          await expectOpened(to(curve, '-keyopt', `ecdh_kdf_md:${hash}`), offers[curve], `${curve} ${hash}`);
        for (const wrap of ['aes128-wrap', 'aes192-wrap', 'aes256-wrap', 'des3-wrap'])
          await expectOpened(to(curve, `-${wrap}`), offers[curve], `${curve} ${wrap}`);
        const withCofactor = to(curve, '-keyopt', 'ecdh_cofactor_mode:1', '-keyopt', 'ecdh_kdf_md:sha256');
        if (curve !== 'sect283r1') await expectOpened(withCofactor, offers[curve], `${curve} cofactor`);
        else expect((await expectFailure('unsupported', open(withCofactor, offers[curve]))).message).toContain(curve);
      }
      const tripleDes = encrypted('cms', '-encrypt', '-des3', '-outform', 'DER', '-recip', file('prime256v1.crt'));
      await expectOpened(tripleDes, offers.prime256v1, 'its own wrap of triple DES');
      await expectFailure('wrong-key', open(to('prime256v1'), offers.brainpoolP256r1));
    }, 120_000);

    test('Diffie-Hellman, with keys of both standards', async () => {
      for (const name of ['dh', 'dhx']) {
        for (const wrap of ['aes128-wrap', 'aes256-wrap', 'des3-wrap']) {
          const message = encrypted(
            ...['cms', '-encrypt', '-aes-256-cbc', '-outform', 'DER', '-recip', file(`${name}.crt`), `-${wrap}`],
          );
          const { head } = await open(message, offers[name]);
          expect(head.recipients).toMatchObject([{ kind: 'DH' }]);
          await expectOpened(message, offers[name], `${name} ${wrap}`);
          await expectFailure('wrong-key', open(message, offers[name === 'dh' ? 'dhx' : 'dh']));
        }
      }
    }, 60_000);

    test('passwords and shared keys, whatever the cipher; what is encrypted with the key itself, in every form', async () => {
      const password = (text: string): CmsOffer => ({ kind: 'password', bytes: Buffer.from(text) });
      for (const cipher of ['aes-128-cbc', 'aes-256-cbc', 'des3', 'camellia-192-cbc', 'aria-256-cbc']) {
        const message = encrypted('cms', '-encrypt', `-${cipher}`, '-outform', 'DER', '-pwri_password', 'secret');
        await expectOpened(message, password('secret\n'), cipher);
      }
      for (const digits of [32, 48, 64]) {
        const key = SHARED.slice(0, digits);
        const options = ['-outform', 'DER', '-secretkey', key];
        const wrapped = encrypted('cms', '-encrypt', '-aes-256-gcm', ...options, '-secretkeyid', '6162');
        await expectOpened(wrapped, password(key), `${digits}`);
        const cipher = `-aes-${digits * 4}-cbc`;
        for (const form of [[], ['-stream'], ['-outform', 'PEM'], ['-outform', 'SMIME']]) {
          const message = encrypted('cms', '-EncryptedData_encrypt', cipher, ...options, ...form);
          await expectOpened(message, password(key), `${cipher} ${form.join(' ')}`);
          // Nothing but the contents can tell.
          await expectFailure('wrong-key', open(message, password(key.replaceAll('1', '2'))));
        }
      }
    }, 60_000);

    test('signed around encrypted, signed inside encrypted, and signed alone are three things', async () => {
      const key = ['-signer', file('rsa.crt'), '-inkey', file('rsa.key')];
      const signed = (input: Uint8Array) => {
        writeFileSync(file('input'), input);
        const args = ['-sign', '-binary', '-nodetach', '-outform', 'DER', '-in', file('input')];
        return tool(openssl, ['cms', ...args, ...key]);
      };
      const alone = signed(plain);
      expect(sniff(alone)).toBe('pkcs7 signed');
      expect((await expectFailure('not-encrypted', open(alone, offers.rsa))).message).toContain('signed data');
      const around = await expectFailure('unsupported', open(signed(toRsa('-aes256')), offers.rsa));
      expect(around.message).toContain('a signature (CMS) around what is encrypted (pkcs7)');
      expect(around.hint).toContain('-verify');
      writeFileSync(file('plain'), alone);
      const message = toRsa('-aes-256-gcm');
      writeFileSync(file('plain'), plain);
      expect(Buffer.from(await all((await open(message, offers.rsa)).plain)).equals(alone)).toBe(true);
      writeFileSync(file('signed.p7m'), message);
      const keys = [{ kind: 'pem' as const, source: 'test', bytes: new Uint8Array(readFileSync(file('rsa.key'))) }];
      const outcome = await runJob({ kind: 'test-restore', archive: file('signed.p7m'), keys }, quietContext());
      expect(outcome).toMatchObject({
        ok: true,
        value: [{ format: 'cms > pkcs7 signed', failure: null, verdict: { authentic: true, restorable: null } }],
      });
    });

    test('what openssl does to a text is told', async () => {
      writeFileSync(file('text.sql'), 'SELECT 1;\nSELECT 2;\n');
      for (const [option, notes] of [
        ['-binary', []],
        ['-aes256', [/CRLF/]],
        ['-text', [/header of a mail/, /CRLF/]],
      ] as const) {
        const args = ['smime', '-encrypt', option, '-in', file('text.sql'), '-out', file('text.p7m'), file('rsa.crt')];
        tool(openssl, args);
        const keys = [{ kind: 'pem' as const, source: 'test', bytes: new Uint8Array(readFileSync(file('rsa.key'))) }];
        const outcome = await runJob({ kind: 'test-restore', archive: file('text.p7m'), keys }, quietContext());
        expect(outcome).toMatchObject({
          ok: true,
          value: [{ failure: null, notes: notes.map((it) => expect.stringMatching(it)) }],
        });
      }
    });

    test('inspect names recipients, whatever the cipher, and a length that is not what it should be', async () => {
      const seen = async (bytes: Uint8Array) => {
        writeFileSync(file('seen.p7m'), bytes);
        const outcome = await runJob({ kind: 'inspect', archive: file('seen.p7m') }, quietContext());
        if (!outcome.ok) throw new Error(outcome.failure.message);
        return outcome.value as Inspection;
      };
      const message = toRsa('-rc2-40');
      const old = await seen(message);
      expect(old).toMatchObject({ format: 'cms', isEncrypted: true });
      expect(old.opensWith).toEqual([expect.stringContaining('the private key of the certificate')]);
      expect(old.problems).toEqual([expect.stringContaining('RC2')]);
      expect((await seen(message.subarray(0, -7))).problems).toContain('it is cut off: its last 7 bytes are missing');
      const longer = await seen(Buffer.concat([toRsa('-aes256'), Buffer.alloc(3)]));
      expect(longer.problems).toEqual(['3 bytes follow the end of the message']);
    });

    test('every outer form, with lines of a mail in front', async () => {
      const mail = ['-to', 'a@example.org', '-from', 'b@example.org', '-subject', 'backup'];
      for (const program of ['cms', 'smime']) {
        for (const form of ['DER', 'PEM', 'SMIME']) {
          for (const stream of [[], ['-stream'], ['-noindef']]) {
            for (const header of [[], mail]) {
              const args = ['-aes256', '-outform', form, ...stream, ...header, file('rsa.crt')];
              await expectOpened(encrypted(program, '-encrypt', ...args), offers.rsa, `${program} ${args.join(' ')}`);
            }
          }
        }
      }
      const pem = encrypted('cms', '-encrypt', '-aes256', '-outform', 'PEM', file('rsa.crt'));
      const failure = await expectFailure('damaged', all((await open(Buffer.concat([pem, pem]), offers.rsa)).plain));
      expect(failure.message).toContain('another message');
    }, 60_000);

    test('what is encrypted here it reads', async () => {
      for (const name of ['rsa', 'prime256v1', 'secp224r1', 'secp521r1', 'brainpoolP256r1', 'sect283r1']) {
        const message = await all(encryptCms(pieces(plain, 1_000), readFileSync(file(`${name}.crt`))));
        writeFileSync(file('message'), message);
        const args = ['cms', '-decrypt', '-binary', '-inform', 'DER', '-in', file('message')];
        expect(tool(openssl, [...args, '-inkey', file(`${name}.key`)]).equals(plain), name).toBe(true);
        // It notices a change, too: what we write is authenticated.
        const changed = Buffer.from(message);
        (changed[changed.length - 40] as number) ^= 1;
        writeFileSync(file('message'), changed);
        expect(exitCode(openssl, [...args, '-inkey', file(`${name}.key`)]), name).not.toBe(0);
      }
    }, 60_000);
  });
});
