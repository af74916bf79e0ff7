/** `openssl enc` and we read each other's files. */

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decryptOpenssl, encryptOpenssl, type OpensslScheme, opensslOptions } from '../../engine/src/crypto/openssl.ts';
import { fitOpenssl } from '../../engine/src/crypto/opensslFit.ts';
import type { OpensslParameters, TestRestoreJob } from '../../engine/src/job.ts';
import { runJob } from '../../engine/src/run.ts';
import { quietContext } from '../../engine/src/run-context.ts';
import { all, pieces } from '../engine/pieces.ts';
import { newerOpenssl, unpackOpenssl } from './newerOpenssl.ts';
import { LENGTHS, missing, sample, tool } from './realTools.ts';

const reason = missing('openssl', 'version');
const newer = newerOpenssl();
const ciphers = ['aes-256-cbc', 'aes-128-cbc', 'aes-192-cbc', 'aes-256-ctr', 'des-ede3-cbc'] as const;
const derivations = [
  { digest: 'sha256', iterations: undefined },
  { digest: 'md5', iterations: undefined },
  { digest: 'sha1', iterations: undefined },
  { digest: 'sha512', iterations: undefined },
  { digest: 'sha256', iterations: 10_000 },
  { digest: 'sha512', iterations: 1_000 },
  { digest: 'sha256', iterations: 600_000 },
] as const;

describe.skipIf(reason)(`openssl enc${reason ? `: ${reason}` : ''}`, () => {
  let folder: string;
  let passwordFile: string;
  const password = new TextEncoder().encode('pass phrase with ünïcödé');
  const dump = Buffer.from(
    `--\n-- PostgreSQL database dump\n--\n\n${'SELECT 1;\n'.repeat(3_000)}\n--\n-- PostgreSQL database dump complete\n--\n\n`,
  );

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'restorable-openssl-'));
    passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, Buffer.concat([password, Buffer.from('\n')]), { mode: 0o600 });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const enc = (options: string, input: Uint8Array, ...more: string[]) =>
    tool('openssl', ['enc', ...options.split(' '), ...more, '-pass', `file:${passwordFile}`], input);

  test.each(ciphers.flatMap((cipher) => derivations.map((derivation): OpensslScheme => ({ cipher, ...derivation }))))(
    '$cipher, $digest, $iterations rounds: what it writes we recognise and read, what we write it reads',
    async (scheme) => {
      const theirs = enc(opensslOptions(scheme), dump, '-e', '-salt');
      const fit = await fitOpenssl(
        { bytes: theirs.subarray(0, 8_192), size: theirs.length, tail: theirs.subarray(-32) },
        password,
      );
      expect(fit.scheme).toEqual(scheme);
      expect(Buffer.from(await all(decryptOpenssl(pieces(theirs, 5_000), fit.password, fit.scheme))).equals(dump)).toBe(
        true,
      );
      const ours = await all(encryptOpenssl(pieces(dump, 3_000), password, scheme));
      expect(enc(opensslOptions(scheme), ours, '-d').equals(dump)).toBe(true);
    },
    60_000,
  );

  test.each(LENGTHS)('any length (%i bytes)', async (length) => {
    const scheme: OpensslScheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: 1_000 };
    const plain = sample(length);
    const theirs = enc(opensslOptions(scheme), plain, '-e', '-salt');
    expect(Buffer.from(await all(decryptOpenssl(pieces(theirs, 777), password, scheme))).equals(plain)).toBe(true);
    const ours = await all(encryptOpenssl(pieces(plain, 777), password, scheme));
    expect(enc(opensslOptions(scheme), ours, '-d').equals(plain)).toBe(true);
  });

  test('as text (-a), and as text on one line (-A), a backup is proven as it is', async () => {
    for (const [name, flags] of [
      ['a.sql.gz.enc', ['-e', '-salt', '-pbkdf2']],
      ['a.sql.gz.b64', ['-e', '-salt', '-pbkdf2', '-a']],
      ['a.sql.gz.line', ['-e', '-salt', '-pbkdf2', '-a', '-A']],
    ] as const) {
      const archive = join(folder, name);
      writeFileSync(archive, enc('-aes-256-cbc', gzipSync(dump), ...flags));
      const job: TestRestoreJob = {
        kind: 'test-restore',
        archive,
        keys: [{ kind: 'password', source: 'a file', bytes: Buffer.concat([password, Buffer.from('\n')]) }],
      };
      const outcome = await runJob(job, quietContext());
      expect(outcome).toMatchObject({
        ok: true,
        value: [{ format: 'openssl > gzip > pg_dump plain', verdict: { restorable: true, authentic: null } }],
      });
    }
  });

  test.each([
    { cipher: 'aes-256-cbc', digest: 'sha256', iterations: undefined, isUnsalted: true },
    { cipher: 'aes-128-ctr', digest: 'md5', iterations: undefined, isUnsalted: true },
    { cipher: 'aes-256-ctr', digest: 'sha256', iterations: 10_000, isUnsalted: true },
  ] as const)('without a salt ($cipher, $digest, $iterations), both ways', async (scheme) => {
    const theirs = enc(opensslOptions(scheme), dump, '-e');
    const start = { bytes: theirs.subarray(0, 8_192), size: theirs.length, tail: theirs.subarray(-32) };
    const fit = await fitOpenssl(start, password, { hasSalt: false });
    expect(fit.scheme).toEqual(scheme);
    expect(Buffer.from(await all(decryptOpenssl(pieces(theirs, 5_000), password, scheme))).equals(dump)).toBe(true);
    const ours = await all(encryptOpenssl(pieces(dump, 5_000), password, scheme));
    expect(Buffer.from(ours).equals(theirs)).toBe(true);
    expect(enc(opensslOptions(scheme), ours, '-d').equals(dump)).toBe(true);
    const file = join(folder, 'unsalted');
    writeFileSync(file, theirs);
    const job: TestRestoreJob = {
      kind: 'test-restore',
      archive: file,
      keys: [{ kind: 'password', source: 'test', bytes: new Uint8Array(password) }],
    };
    const outcome = await runJob(job, quietContext());
    expect(outcome).toMatchObject({ ok: true, value: [{ format: 'openssl > pg_dump plain', failure: null }] });
  });

  const tested = async (name: string, stored: Uint8Array, openssl?: OpensslParameters, key: Uint8Array = password) => {
    const archive = join(folder, name);
    writeFileSync(archive, stored);
    const keys = [{ kind: 'password' as const, source: 'test', bytes: new Uint8Array(key) }];
    const outcome = await runJob({ kind: 'test-restore', archive, keys, ...(openssl && { openssl }) }, quietContext());
    if (!outcome.ok) throw new Error(outcome.failure.message);
    return outcome.value[0];
  };

  test.each([['-a'], ['-a', '-A']])(
    'as text (%s) without a salt it is found, and never called plain',
    async (...flags) => {
      const stored = enc('-aes-256-cbc -md md5 -nosalt', gzipSync(dump), '-e', ...flags);
      expect(await tested('unsalted.b64', stored)).toMatchObject({
        format: 'openssl > gzip > pg_dump plain',
        verdict: { restorable: true, authentic: null },
      });
      const wrong = await tested('unsalted.b64', stored, { pbkdf2: false }, Buffer.from('wrong'));
      expect(wrong).toMatchObject({ failure: { code: 'wrong-key' }, verdict: { decrypted: false, restorable: false } });
      expect(wrong?.failure?.message).toContain('look encrypted');
      const seen = await runJob({ kind: 'inspect', archive: join(folder, 'unsalted.b64') }, quietContext());
      expect(seen).toMatchObject({ ok: true, value: { isEncrypted: null, problems: [] } });
    },
  );

  test('what is said of a file (-nosalt, -K) is said of it alone, and not of its contents', async () => {
    const contents = Buffer.from('ﾃｷｽﾄ'.repeat(500), 'utf16le');
    const unsalted = enc('-aes-256-cbc -pbkdf2 -nosalt', contents, '-e');
    const given = {
      cipher: 'aes-256-cbc',
      digest: 'sha256',
      pbkdf2: true,
      iterations: 10_000,
      hasSalt: false,
    } as const;
    const report = await tested('unsalted', unsalted, given);
    expect(report).toMatchObject({ format: 'openssl > unknown', failure: null, verdict: { decrypted: true } });
    const key = '000102030405060708090a0b0c0d0e0f';
    const withKey = tool('openssl', ['enc', '-aes-128-cbc', '-K', key, '-iv', key], contents);
    const raw = await tested('with-key', withKey, { cipher: 'aes-128-cbc', iv: key }, Buffer.from(key));
    expect(raw).toMatchObject({ format: 'openssl > unknown', failure: null, verdict: { decrypted: true } });
  });

  test('noise as long text is opened with all options given; twice encrypted, the inner layer is named', async () => {
    const noise = Buffer.concat(Array.from({ length: 300 }, (_, at) => createHash('sha512').update(`${at}`).digest()));
    const stored = enc('-aes-192-cbc -md md5', noise, '-e', '-a');
    const given = { cipher: 'aes-192-cbc', digest: 'md5', pbkdf2: false } as const;
    const report = await tested('noise.b64', stored, given);
    expect(report).toMatchObject({ verdict: { decrypted: null, authentic: null, complete: null, restorable: null } });
    const inner = tool('openssl', ['enc', '-aes-256-cbc', '-pbkdf2', '-pass', 'pass:another'], dump);
    const twice = await tested('twice', enc('-aes-256-cbc -pbkdf2', inner, '-e'));
    expect(twice?.failure).toMatchObject({ code: 'wrong-key' });
    expect(twice?.failure?.message).toContain('inside is encrypted once more');
  });

  test.skipIf('missing' in newer)(
    'a long salt (-saltlen) of OpenSSL 3.2 and later is found, and is no cut',
    async () => {
      if (!('files' in newer)) return;
      const program = unpackOpenssl(newer.files, join(folder, 'newer'));
      for (const cipher of ['aes-256-cbc', 'aes-128-ctr']) {
        const options = ['-pbkdf2', '-saltlen', '16', '-pass', `file:${passwordFile}`];
        const stored = tool(program, ['enc', `-${cipher}`, ...options], dump);
        const report = await tested('long-salt', stored);
        expect(report).toMatchObject({ format: 'openssl > pg_dump plain', failure: null, verdict: { complete: true } });
        expect(report?.keys[0]?.opens).toBe(`openssl -${cipher} -md sha256 -pbkdf2 -iter 10000 -saltlen 16`);
        const given = { cipher, digest: 'sha256', pbkdf2: true, iterations: 10_000 } as const;
        const wrong = await tested('long-salt', stored, given, Buffer.from('wrong'));
        expect(wrong?.verdict).toMatchObject({ decrypted: false, authentic: null, restorable: false });
        expect(['wrong-key', 'truncated']).toContain(wrong?.failure?.code);
      }
    },
  );
});
