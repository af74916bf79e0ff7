import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  decryptOpenssl,
  encryptOpenssl,
  type OpensslScheme,
  opensslCommand,
  opensslOptions,
  WRITTEN_SCHEME,
  writtenScheme,
} from '../../../engine/src/crypto/openssl.ts';
import { fitOpenssl, type OpensslFit } from '../../../engine/src/crypto/opensslFit.ts';
import { passwordForOpenssl } from '../../../engine/src/crypto/password.ts';
import { RestoreError } from '../../../engine/src/failure.ts';
import type { OpensslParameters } from '../../../engine/src/job.ts';
import { all, expectFailure, pieces, watched } from '../pieces.ts';

const password = text('correct horse battery staple');
const dump = text(`--\n-- PostgreSQL database dump\n--\n\n${'INSERT INTO t VALUES (1);\n'.repeat(800)}`);
const quick: OpensslScheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: 1_000 };

const SCHEMES: OpensslScheme[] = [
  { cipher: 'aes-256-cbc', digest: 'sha256', iterations: undefined },
  { cipher: 'aes-256-cbc', digest: 'md5', iterations: undefined },
  { cipher: 'aes-128-cbc', digest: 'sha1', iterations: undefined },
  { cipher: 'aes-192-cbc', digest: 'sha512', iterations: undefined },
  { cipher: 'aes-256-cbc', digest: 'sha256', iterations: 10_000 },
  { cipher: 'aes-128-cbc', digest: 'sha512', iterations: 10_000 },
  { cipher: 'aes-256-ctr', digest: 'sha256', iterations: 10_000 },
  { cipher: 'des-ede3-cbc', digest: 'md5', iterations: undefined },
  { cipher: 'aes-256-cbc', digest: 'sha256', iterations: 100_000 },
];

describe('every usual way of openssl enc', () => {
  test.each(SCHEMES)('$cipher $digest $iterations is found by the contents, without being told', async (scheme) => {
    for (const contents of [dump, gzipSync(dump), text('short text')]) {
      const stored = await encrypt(contents, scheme);
      // Ten bytes are too few to tell a stream cipher by.
      if (contents.length < 32 && scheme.cipher.endsWith('ctr')) continue;
      const fit = await fitFile(stored, password);
      expect(fit.scheme).toEqual(scheme);
      expect(fit.provenBy).toBe('contents');
      for (const size of [Number.POSITIVE_INFINITY, 1, 7, 8_209]) {
        expect(await all(decryptOpenssl(pieces(stored, size), fit.password, fit.scheme))).toEqual(
          new Uint8Array(contents),
        );
      }
    }
  });

  test('a prescribed scheme is taken, and a wrong prescription is named', async () => {
    const stored = await encrypt(dump, { ...quick, iterations: 12_345 });
    expect((await fitFile(stored, password, { iterations: 12_345 })).scheme.iterations).toBe(12_345);
    const failure = await expectFailure(
      'wrong-key',
      fitFile(stored, password, { iterations: 12_346, digest: 'sha256', cipher: 'aes-256-cbc' }),
    );
    expect(failure.message).toContain('-aes-256-cbc -md sha256 -pbkdf2 -iter 12346');
  });
});

test('what only the padding supports says so, and only where one scheme is left', async () => {
  const noise = new Uint8Array(
    Buffer.concat(Array.from({ length: 20 }, (_, index) => createHash('sha512').update(`${index}`).digest())),
  );
  const stored = await encrypt(noise.subarray(1), quick);
  await expectFailure('wrong-key', fitFile(stored, password));
  const fit = await fitFile(stored, password, {
    cipher: 'aes-256-cbc',
    digest: 'sha256',
    pbkdf2: true,
    iterations: 1_000,
  });
  expect(fit.provenBy).toBe('padding');
});

test('a stream cipher of noise, or of a few bytes, is taken as it is given, when that is allowed', async () => {
  const scheme: OpensslScheme = { ...quick, cipher: 'aes-256-ctr' };
  const noise = new Uint8Array(createHash('sha512').update('noise').digest());
  const given: OpensslParameters = { cipher: 'aes-256-ctr', digest: 'sha256', pbkdf2: true, iterations: 1_000 };
  for (const [contents, said] of [
    [noise, 'unless the contents are noise themselves'],
    [text('SELECT 1'), '8 bytes of this cipher are too few'],
  ] as const) {
    const stored = await encrypt(contents, scheme);
    const start = { bytes: stored, size: stored.length, tail: stored.subarray(-32) };
    const failure = await expectFailure('wrong-key', fitOpenssl(start, password, given));
    expect(failure.message).toContain(said);
    expect(failure.hint).toContain('--allow-unauthenticated');
    const fit = await fitOpenssl(start, password, given, { allowUnproven: true });
    expect(fit).toMatchObject({ scheme, provenBy: 'nothing' });
    // Where several schemes are left, nothing chooses between them.
    const several: OpensslParameters = { cipher: 'aes-256-ctr', pbkdf2: false };
    await expectFailure('wrong-key', fitOpenssl(start, password, several, { allowUnproven: true }));
  }
});

test('three hundred wrong passwords are each called wrong, also where the padding fits by accident', async () => {
  const old: OpensslScheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: undefined };
  const parameters: OpensslParameters = { cipher: 'aes-256-cbc', pbkdf2: false };
  for (const contents of [dump, text('short text')]) {
    const stored = await encrypt(contents, old);
    for (let index = 0; index < 300; index++)
      await expectFailure('wrong-key', fitFile(stored, text(`wrong ${index}`), parameters));
  }
});

describe('modes that are easily taken for each other', () => {
  test.each(['aes-256-cfb', 'aes-256-ofb', 'aes-256-ctr'] as const)(
    '%s of gzip is not taken for another',
    async (cipher) => {
      const scheme: OpensslScheme = { cipher, digest: 'sha256', iterations: undefined };
      const stored = await encrypt(gzipSync(dump), scheme);
      expect((await fitFile(stored, password)).scheme).toEqual(scheme);
    },
  );

  test('ECB hands repetition through, and no wrong password makes sense of it', async () => {
    const scheme: OpensslScheme = { cipher: 'aes-256-ecb', digest: 'sha256', iterations: undefined };
    const stored = await encrypt(Buffer.from('sixteen letters!'.repeat(2_000)), scheme);
    expect((await fitFile(stored, password, { cipher: 'aes-256-ecb' })).scheme).toEqual(scheme);
    for (let index = 0; index < 100; index++) {
      await expectFailure('wrong-key', fitFile(stored, text(`wrong ${index}`), { pbkdf2: false }));
      await expectFailure(
        'wrong-key',
        fitFile(stored, text(`wrong ${index}`), { cipher: 'aes-256-ecb', pbkdf2: false }),
      );
    }
  });
});

test('a password file is read as openssl reads it: the first line, without its end', async () => {
  const stored = await encrypt(dump, quick);
  const known = { iterations: 1_000 };
  expect((await fitFile(stored, text('correct horse battery staple\n'), known)).note).toBeUndefined();
  expect((await fitFile(stored, text('correct horse battery staple\r\n'), known)).note).toBeUndefined();
  expect((await fitFile(stored, text('correct horse battery staple\nand a comment\n'), known)).note).toContain(
    'first line',
  );
  const withReturn = await encryptWith(text('secret pass\r'), dump);
  expect((await fitFile(withReturn, text('secret pass\r\n'), known)).note).toContain('carriage return');
  // What openssl makes of files that are no text, or one long line.
  const withMark = await encryptWith(text('\ufeffsecret'), dump);
  expect((await fitFile(withMark, text('\ufeffsecret\n'), known)).note).toContain('byte order mark');
  const beforeZero = await encryptWith(Buffer.from([0xff, 0xfe, 0x73]), dump);
  expect((await fitFile(beforeZero, Buffer.from('\ufeffsecret\n', 'utf16le'), known)).note).toContain('first 3 bytes');
  const long = await encryptWith(text('y'.repeat(1_023)), dump);
  expect((await fitFile(long, text(`${'y'.repeat(1_500)}\n`), known)).note).toContain('first 1023 bytes');
});

test('a password is written with only if openssl reads the same from the file', () => {
  for (const file of ['secret', 'secret\n', 'secret\r\n', 'secret\nmore\n', `${'y'.repeat(1_023)}\n`]) {
    const line = file.split(/\r?\n/)[0] as string;
    const { bytes, note } = passwordForOpenssl(text(file));
    expect(Buffer.from(bytes).toString()).toBe(line);
    expect(note?.includes('carriage return') ?? false).toBe(file.includes('\r'));
  }
  for (const [file, reason] of [
    [Buffer.from('sec\0ret\n'), 'zero byte'],
    [Buffer.from('\ufeffsecret\n', 'utf16le'), 'zero byte'],
    [text('\ufeffsecret\n'), 'byte order mark'],
    [text('y'.repeat(1_024)), '1023 bytes'],
    [text('\nsecret\n'), 'first line is empty'],
  ] as const)
    expect(() => passwordForOpenssl(file)).toThrow(reason);
});

test('cut short it is truncated, at a block or inside one', async () => {
  const stored = await encrypt(dump, quick);
  for (const length of [0, 5, 15, 16]) {
    await expectFailure('truncated', fitFile(stored.subarray(0, length), password, { iterations: 1_000 }));
    await expectFailure('truncated', decryptOpenssl(pieces(stored.subarray(0, length), 5), password, quick));
  }
  for (const length of [40, 5_000, 16 + 16 * 100, stored.length - 1, stored.length - 16]) {
    const fit = await fitFile(stored.subarray(0, length), password, { iterations: 1_000 }).catch((it: unknown) => it);
    if (fit instanceof RestoreError) expect(fit.failure.code).toBe('truncated');
    else expect((fit as OpensslFit).scheme).toEqual(quick);
    await expectFailure('truncated', decryptOpenssl(pieces(stored.subarray(0, length), 500), password, quick));
  }
});

test('what is not of openssl enc is called not encrypted', async () => {
  await expectFailure('not-encrypted', fitFile(dump, password));
  await expectFailure('not-encrypted', decryptOpenssl(pieces(dump, 10), password, quick));
});

test('parameters that openssl enc does not have are refused', async () => {
  const stored = await encrypt(dump, quick);
  await expectFailure('unsupported', fitFile(stored, password, { cipher: 'aes-256-gcm' }));
  await expectFailure('usage', fitFile(stored, password, { iterations: 0 }));
  expect(() => writtenScheme({ iterations: 1.5 })).toThrow(RestoreError);
  expect(writtenScheme({})).toEqual(WRITTEN_SCHEME);
  expect(writtenScheme({ cipher: '-aes128', pbkdf2: false, digest: 'md5' })).toEqual({
    cipher: 'aes-128-cbc',
    digest: 'md5',
    iterations: undefined,
  });
});

test('a search for the scheme stops when it is cancelled', async () => {
  const stored = await encrypt(dump, quick);
  const controller = new AbortController();
  const search = fitOpenssl(
    { bytes: stored, size: stored.length },
    text('wrong'),
    {},
    {
      signal: controller.signal,
    },
  );
  setTimeout(() => controller.abort(), 20);
  await expectFailure('cancelled', search);
});

test('closing the output closes the input', async () => {
  const stored = await encrypt(dump, quick);
  const input = watched(pieces(stored, 100));
  for await (const _ of decryptOpenssl(input.stream, password, quick)) break;
  expect(input.closed()).toBe(1);
});

test('the command to read a file names everything that openssl must be told', () => {
  expect(opensslOptions(WRITTEN_SCHEME)).toBe('-aes-256-cbc -md sha256 -pbkdf2 -iter 600000');
  expect(opensslCommand({ cipher: 'aes-128-cbc', digest: 'md5', iterations: undefined }, 'a.enc')).toBe(
    'openssl enc -d -aes-128-cbc -md md5 -in a.enc -out PLAIN -pass file:PASSWORD-FILE',
  );
});

function encrypt(contents: Uint8Array, scheme: OpensslScheme): Promise<Uint8Array> {
  return all(encryptOpenssl(pieces(contents, 1_000), password, scheme));
}

function encryptWith(secret: Uint8Array, contents: Uint8Array): Promise<Uint8Array> {
  return all(encryptOpenssl(pieces(contents, 1_000), secret, quick));
}

function fitFile(stored: Uint8Array, secret: Uint8Array, parameters?: OpensslParameters): Promise<OpensslFit> {
  return fitOpenssl(
    { bytes: stored.subarray(0, 8_192), size: stored.length, tail: stored.subarray(-32) },
    secret,
    parameters,
  );
}

function text(it: string): Uint8Array {
  return new TextEncoder().encode(it);
}
