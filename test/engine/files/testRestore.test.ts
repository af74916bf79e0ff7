import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encryptToKeys, encryptWithPassword } from '../../../engine/src/crypto/openpgpEncrypt.ts';
import { encryptOpenssl, type OpensslScheme } from '../../../engine/src/crypto/openssl.ts';
import { encryptSodium } from '../../../engine/src/crypto/sodium.ts';
import type { KeyOffer, TestRestoreJob } from '../../../engine/src/job.ts';
import type { Report } from '../../../engine/src/report.ts';
import { runJob } from '../../../engine/src/run.ts';
import { quietContext } from '../../../engine/src/run-context.ts';
import { all, pieces } from '../pieces.ts';

const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../../vectors/${name}`, import.meta.url)));
const dump = vector('pg_dump/15.sql');
const sodiumText = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const sodiumBytes = new Uint8Array(Buffer.from(sodiumText, 'hex'));
const quick: OpensslScheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: 10_000 };

const sodiumOffer = (bytes = sodiumText, keyTransform?: KeyOffer['keyTransform']): KeyOffer => ({
  kind: 'sodium',
  source: 'key file a',
  bytes: text(bytes),
  keyTransform,
});
const passwordOffer = (it = 'correct horse'): KeyOffer => ({
  kind: 'password',
  source: 'passphrase file b',
  bytes: text(it),
});
const keyOffer = (): KeyOffer => ({ kind: 'openpgp', source: 'key file c', bytes: vector('openpgp/key.asc') });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restorable-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sodium = (bytes: Uint8Array) => all(encryptSodium(pieces(bytes, 5_000), sodiumBytes));
const openssl = (bytes: Uint8Array, scheme = quick) =>
  all(encryptOpenssl(pieces(bytes, 5_000), text('correct horse'), scheme));
const openpgp = (bytes: Uint8Array) => all(encryptToKeys(pieces(bytes, 5_000), vector('openpgp/key.pub.asc')));
const gpg = (bytes: Uint8Array) => all(encryptWithPassword(pieces(bytes, 5_000), text('correct horse')));

describe('a whole backup', () => {
  const whole = { decrypted: true, authentic: true, complete: true, restorable: true };

  test.each([
    ['a.sql.enc', () => sodium(dump), sodiumOffer(), 'sodium > pg_dump plain', whole],
    ['a.sql.gz', () => sodium(gzipSync(dump)), sodiumOffer(sodiumText, 'hex'), 'sodium > gzip > pg_dump plain', whole],
    [
      'copy.tar.br',
      () => sodium(brotliCompressSync(vector('pg_dump/15.tar'))),
      sodiumOffer(),
      'sodium > brotli > pg_dump tar',
      whole,
    ],
    ['a.sql.gpg', () => openpgp(dump), keyOffer(), 'openpgp > pg_dump plain', whole],
    [
      'a.dump.gpg',
      () => gpg(vector('pg_dump/18.dump')),
      passwordOffer('correct horse\n'),
      'openpgp > pg_dump custom',
      whole,
    ],
    ['a.sql.asc', async () => text(armored(await openpgp(dump))), keyOffer(), 'openpgp > pg_dump plain', whole],
    [
      'a.sql.gz.enc',
      () => openssl(gzipSync(dump)),
      passwordOffer(),
      'openssl > gzip > pg_dump plain',
      { ...whole, authentic: null },
    ],
    [
      'a.sql.b64',
      async () =>
        text(
          Buffer.from(await openssl(dump))
            .toString('base64')
            .replace(/.{64}/g, '$&\n'),
        ),
      passwordOffer(),
      'openssl > pg_dump plain',
      { ...whole, authentic: null },
    ],
    [
      'a.sql.gpg.enc',
      async () => openssl(await gpg(dump)),
      passwordOffer(),
      'openssl > openpgp > pg_dump plain',
      whole,
    ],
    ['a.sql.gz', async () => gzipSync(await gpg(dump)), passwordOffer(), 'gzip > openpgp > pg_dump plain', whole],
    [
      'a.tar',
      () => vector('pg_dump/15.tar'),
      undefined,
      'pg_dump tar',
      { ...whole, authentic: null, restorable: null },
    ],
  ] as const)('%s is proven, as far as its format can (%#)', async (name, make, offer, format, verdict) => {
    const report = await testRestore({ archive: write(name, await make()), keys: offer ? [offer] : [] });
    // A gzip around the message is plain at first sight; the offered key says that encryption was meant.
    if (format.startsWith('gzip')) {
      expect(report.failure?.code).toBe('not-encrypted');
      const allowed = await testRestore({
        archive: join(folder, name),
        keys: [offer as KeyOffer],
        expectEncrypted: false,
      });
      expect(allowed).toMatchObject({ format, verdict, failure: null });
      return;
    }
    expect(report).toMatchObject({ format, verdict, failure: null, restoredTo: null });
    expect(report.files.failed).toEqual([]);
    expect(report.bytes.read).toBe(statSync(join(folder, name)).size);
    expect(report.bytes.restored).toBeGreaterThan(0);
    for (const tick of ['decrypted', 'authentic', 'complete', 'restorable'] as const)
      expect(report.because[tick]).not.toBe('');
    if (offer) expect(report.keys[0]?.source).toBe(offer.source);
    expect(readdirSync(folder).filter((it) => it.includes('restorable-'))).toEqual([]);
  });

  test('of WAL-G opens with any of several offers, and tells which and with which transform', async () => {
    const archive = write('part_001.tar', await sodium(vector('pg_dump/15.tar')));
    const report = await testRestore({
      archive,
      keys: [passwordOffer(), keyOffer(), sodiumOffer('f'.repeat(64)), sodiumOffer()],
    });
    // It opens and is whole, but one part of a backup is no backup.
    expect(report.verdict).toEqual({ decrypted: true, authentic: true, complete: true, restorable: null });
    expect(report.because.restorable).toContain('one part of a WAL-G backup');
    expect(report.keys).toEqual([
      { source: 'key file a', fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/), opens: 'sodium' },
    ]);
    expect(report.notes.join()).toContain('transform hex');
  });

  test('of openssl tells how it was encrypted', async () => {
    const report = await testRestore({
      archive: write('b.enc', await openssl(dump, { cipher: 'aes-128-cbc', digest: 'md5', iterations: undefined })),
      keys: [passwordOffer()],
    });
    expect(report.notes.join()).toContain('-aes-128-cbc -md md5');
  });

  test('whose format is not known is authentic, but not proven to restore', async () => {
    const report = await testRestore({ archive: write('c.enc', await sodium(noise(20_000))), keys: [sodiumOffer()] });
    expect(report.verdict).toEqual({ decrypted: true, authentic: true, complete: true, restorable: null });
    expect(report.failure).toBeNull();
  });

  test('whose format is not known and whose encryption proves nothing is not called anything', async () => {
    const archive = write('d.enc', await openssl(noise(20_000)));
    const report = await testRestore({
      archive,
      keys: [passwordOffer()],
      openssl: { cipher: 'aes-256-cbc', digest: 'sha256', pbkdf2: true, iterations: 10_000 },
    });
    expect(report.verdict).toEqual({ decrypted: null, authentic: null, complete: null, restorable: null });
    expect(report.failure?.code).toBe('unsupported');
  });

  test('in a compression that is not read is decrypted and authentic, and says what is missing', async () => {
    const report = await testRestore({
      archive: write('e.7z.gpg', await gpg(Buffer.concat([Buffer.from('377abcaf271c', 'hex'), noise(5_000)]))),
      keys: [passwordOffer()],
    });
    expect(report).toMatchObject({
      verdict: { decrypted: true, authentic: true, restorable: null },
      failure: { code: 'unsupported' },
    });
  });
});

describe('a backup that does not restore', () => {
  test('with the wrong key', async () => {
    for (const [name, bytes, offer] of [
      ['w1', await sodium(dump), sodiumOffer('ee'.repeat(32))],
      ['w2', await openpgp(dump), passwordOffer()],
      ['w3', await gpg(dump), passwordOffer('wrong')],
    ] as const) {
      const report = await testRestore({ archive: write(name, bytes), keys: [offer] });
      expect(report.failure?.code).toBe('wrong-key');
      expect(report.verdict).toMatchObject({ decrypted: false, authentic: null, restorable: false });
      expect(report.failure?.hint).toBeTruthy();
      expect(JSON.stringify(report)).not.toContain('eeeeeeee');
    }
  });

  test('with the right key under the wrong transform, which is named', async () => {
    const asBase64 = Buffer.from(sodiumBytes).toString('base64');
    const report = await testRestore({
      archive: write('w4', await sodium(dump)),
      keys: [sodiumOffer(asBase64, 'none')],
    });
    expect(report.failure).toMatchObject({ code: 'wrong-key', hint: expect.stringContaining('base64') });
  });

  test('without any key', async () => {
    expect((await testRestore({ archive: write('w5', await openpgp(dump)), keys: [] })).failure?.code).toBe(
      'wrong-key',
    );
    expect((await testRestore({ archive: write('w6', await openssl(dump)), keys: [] })).failure?.code).toBe(
      'wrong-key',
    );
  });

  test('because a bit was flipped: the encryption notices, or else the contents', async () => {
    for (const [name, bytes, offer, stage] of [
      ['f1', await sodium(gzipSync(noise(40_000))), sodiumOffer(), 'decrypt'],
      ['f2', await openpgp(gzipSync(noise(40_000))), keyOffer(), 'decrypt'],
      ['f3', await openssl(gzipSync(noise(40_000))), passwordOffer(), 'decompress'],
      ['f4', await openssl(vector('pg_dump/15-uncompressed.dump')), passwordOffer(), 'contents'],
    ] as const) {
      // In f4 the first entries, which have a structure that one can see.
      const place = name === 'f4' ? 200 : 20_000;
      bytes[place] = (bytes[place] as number) ^ 8;
      const report = await testRestore({ archive: write(name, bytes), keys: [offer] });
      expect(report.failure).toMatchObject({ code: 'damaged', stage });
      expect(report.verdict.restorable).toBe(false);
      expect(report.verdict.authentic).toBe(stage === 'decrypt' ? false : null);
      expect(report.files.failed[0]).toMatchObject({ code: 'damaged', path: name });
    }
  });

  test('because its end is missing', async () => {
    for (const [name, bytes, offer] of [
      ['t1', await sodium(noise(40_000)), sodiumOffer()],
      ['t2', await openpgp(dump), keyOffer()],
      ['t3', await openssl(gzipSync(noise(40_000))), passwordOffer()],
      ['t4', gzipSync(dump), undefined],
      ['t5', dump, undefined],
      ['t6', vector('pg_dump/15.tar'), undefined],
    ] as const) {
      const report = await testRestore({
        archive: write(name, bytes.subarray(0, Math.floor(bytes.length * 0.7))),
        keys: offer ? [offer] : [],
      });
      expect(report.failure?.code).toBe('truncated');
      expect(report.verdict).toMatchObject({ complete: false, restorable: false });
    }
  });

  test('because the dump was not finished before it was encrypted, although the encryption is intact', async () => {
    const report = await testRestore({
      archive: write('t7', await sodium(dump.subarray(0, 9_000))),
      keys: [sodiumOffer()],
    });
    expect(report.failure).toMatchObject({ code: 'truncated', stage: 'contents' });
    expect(report.verdict).toEqual({ decrypted: true, authentic: true, complete: false, restorable: false });
    expect(report.notes.join()).toContain('already like this');
  });

  test('because it is not encrypted at all', async () => {
    const archive = write('plain.sql.gpg', dump);
    expect((await testRestore({ archive, keys: [passwordOffer()] })).failure).toMatchObject({ code: 'not-encrypted' });
    expect((await testRestore({ archive, keys: [], expectEncrypted: true })).failure).toMatchObject({
      code: 'not-encrypted',
    });
    expect((await testRestore({ archive, keys: [sodiumOffer()] })).failure).toMatchObject({ code: 'not-encrypted' });
  });

  test('because it is empty, outside or inside', async () => {
    expect((await testRestore({ archive: write('empty', new Uint8Array(0)), keys: [] })).failure?.code).toBe(
      'truncated',
    );
    const inside = await testRestore({
      archive: write('empty.gpg', await gpg(new Uint8Array(0))),
      keys: [passwordOffer()],
    });
    expect(inside.failure).toMatchObject({ code: 'truncated', stage: 'contents' });
    expect(inside.verdict).toMatchObject({ authentic: true, complete: false });
  });

  test('because it is compressed over and over', async () => {
    let bytes: Uint8Array = dump;
    for (let depth = 0; depth < 12; depth++) bytes = gzipSync(bytes);
    expect((await testRestore({ archive: write('matryoshka.gz', bytes), keys: [] })).failure?.code).toBe('hostile');
  });
});

describe('with a target', () => {
  let target: string;
  beforeEach(() => {
    target = join(folder, `target-${Math.random().toString(36).slice(2)}`);
  });
  afterEach(() => {
    expect(readdirSync(folder).filter((it) => it.includes('restorable-'))).toEqual([]);
    rmSync(target, { recursive: true, force: true });
  });

  test('the plain file is there under its own name, for its owner only', async () => {
    for (const [name, bytes, offer, plain] of [
      ['a.sql.gpg', await gpg(dump), passwordOffer(), dump],
      ['a.sql.gz.enc', await openssl(gzipSync(dump)), passwordOffer(), gzipSync(dump)],
      ['part_001.tar', await sodium(vector('pg_dump/15.tar')), sodiumOffer(), vector('pg_dump/15.tar')],
    ] as const) {
      const report = await testRestore({ archive: write(name, bytes), keys: [offer], to: target });
      const expected = name.replace(/\.(gpg|enc)$/, '');
      expect(report.restoredTo).toContain(target);
      expect(readdirSync(target)).toEqual([expected]);
      expect(readFileSync(join(target, expected)).equals(plain)).toBe(true);
      expect(statSync(join(target, expected)).mode & 0o777).toBe(0o600);
      rmSync(target, { recursive: true });
    }
  });

  test('nothing is there when anything was wrong', async () => {
    const damaged = await openpgp(gzipSync(noise(40_000)));
    damaged[30_000] = (damaged[30_000] as number) ^ 1;
    for (const [name, bytes, offer] of [
      ['n1.gpg', damaged, keyOffer()],
      ['n2.gpg', (await openpgp(dump)).subarray(0, 1_000), keyOffer()],
      ['n3.enc', await sodium(dump.subarray(0, 9_000)), sodiumOffer()],
      ['n4.gpg', await gpg(dump), passwordOffer('wrong')],
    ] as const) {
      const report = await testRestore({ archive: write(name, bytes), keys: [offer], to: target });
      expect(report.failure).not.toBeNull();
      expect(report.restoredTo).toBeNull();
      expect(existsSync(target)).toBe(false);
    }
  });

  test('one that exists and is not empty, or is a file, is refused before any work', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'mine'), '');
    const archive = write('r.gpg', await gpg(dump));
    for (const to of [target, join(target, 'mine')]) {
      const outcome = await runJob({ kind: 'test-restore', archive, keys: [passwordOffer()], to }, quietContext());
      expect(outcome).toMatchObject({ ok: false, failure: { code: 'usage', hint: expect.any(String) } });
    }
    expect(readdirSync(target)).toEqual(['mine']);
  });

  test('a run that is stopped leaves nothing', async () => {
    const stop = new AbortController();
    const archive = write('s.enc', await sodium(Buffer.concat([dump, noise(3_000_000)])));
    const context = {
      ...quietContext(stop.signal),
      progress: () => stop.abort(),
    };
    const outcome = await runJob({ kind: 'test-restore', archive, keys: [sodiumOffer()], to: target }, context);
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
    expect(existsSync(target)).toBe(false);
  });
});

describe('what is no file to test', () => {
  test('a missing one, an unreadable one', async () => {
    const missing = await runJob({ kind: 'test-restore', archive: join(folder, 'nothing'), keys: [] }, quietContext());
    expect(missing).toMatchObject({
      ok: false,
      failure: { code: 'io', message: expect.stringContaining('no such file') },
    });
    const locked = write('locked', dump);
    chmodSync(locked, 0);
    if (process.getuid?.() !== 0) {
      const outcome = await testRestore({ archive: locked, keys: [] });
      expect(outcome.failure).toMatchObject({ code: 'io' });
    }
  });

  test('a folder is named for what it is', async () => {
    for (const [entries, code, words] of [
      [['tar_partitions/'], 'unsupported', 'WAL-G'],
      [['PG_VERSION', 'global/'], 'usage', 'data directory'],
      [['photo.jpg'], 'usage', 'no backup we know'],
      [[], 'usage', 'empty folder'],
    ] as const) {
      const path = mkdtempSync(join(folder, 'folder-'));
      for (const it of entries) it.endsWith('/') ? mkdirSync(join(path, it)) : writeFileSync(join(path, it), 'x');
      const outcome = await runJob({ kind: 'test-restore', archive: path, keys: [] }, quietContext());
      expect(outcome).toMatchObject({
        ok: false,
        failure: { code, message: expect.stringContaining(words), hint: expect.any(String) },
      });
      const inspection = await runJob({ kind: 'inspect', archive: path }, quietContext());
      expect(JSON.stringify(inspection)).toContain(words);
    }
  });
});

test('progress tells the bytes of the file, and the keys are wiped when the job is done', async () => {
  const archive = write('p.gpg', await gpg(dump));
  const offer = passwordOffer();
  let seen = 0;
  let total = 0;
  const context = {
    ...quietContext(),
    progress(step: string, bytes: number) {
      expect(step).toBe('p.gpg');
      seen += bytes;
    },
    expectBytes(bytes: number) {
      total = bytes;
    },
  };
  const outcome = await runJob({ kind: 'test-restore', archive, keys: [offer] }, context);
  expect(outcome.ok).toBe(true);
  expect(seen).toBe(statSync(archive).size);
  expect(total).toBe(seen);
  expect([...offer.bytes].every((byte) => byte === 0)).toBe(true);
});

async function testRestore(job: Omit<TestRestoreJob, 'kind'>): Promise<Report> {
  // The job wipes what it is given.
  const keys = job.keys.map((it) => ({ ...it, bytes: it.bytes.slice() }));
  const outcome = await runJob({ ...job, kind: 'test-restore', keys }, quietContext());
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.message}`);
  expect(outcome.value.length).toBe(1);
  return outcome.value[0] as Report;
}

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function armored(bytes: Uint8Array): string {
  return `-----BEGIN PGP MESSAGE-----\n\n${Buffer.from(bytes).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PGP MESSAGE-----\n`;
}

function text(it: string): Uint8Array {
  return new TextEncoder().encode(it);
}

/** Bytes that no compressor makes smaller and that are the same in every run. */
function noise(length: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let index = 0; index * 32 < length; index++) parts.push(createHash('sha256').update(`noise ${index}`).digest());
  return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}
