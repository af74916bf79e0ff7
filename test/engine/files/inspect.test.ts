import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encryptSodium } from '../../../engine/src/crypto/sodium.ts';
import type { Inspection, KeyOffer } from '../../../engine/src/job.ts';
import { runJob } from '../../../engine/src/run.ts';
import { quietContext } from '../../../engine/src/run-context.ts';
import { parseVector } from '../../support/vector.ts';
import { all, pieces } from '../pieces.ts';

const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../../vectors/${name}`, import.meta.url)));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restorable-inspect-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('an OpenPGP message says who can open it', () => {
  test.each([
    ['key.gpg', ['the private key 32B9A575C0EC73BC'], 'MDC'],
    ['two-armored.gpg', ['the private key 32B9A575C0EC73BC', 'the private key B1357E8785CE0DF7'], 'MDC'],
    ['hidden.gpg', ['a private key whose id the sender hid'], 'MDC'],
    ['password.gpg', ['its password'], 'MDC'],
    ['both.gpg', ['the private key 32B9A575C0EC73BC', 'its password'], 'MDC'],
    ['key-ocb.gpg', ['the private key 32B9A575C0EC73BC'], 'AES-256 in OCB'],
  ])('%s', async (name, opensWith, integrity) => {
    const inspection = await inspect(name, vector(`openpgp/${name}`));
    expect(inspection).toMatchObject({ format: 'openpgp', isEncrypted: true, opensWith, problems: [] });
    expect(fact(inspection, 'Integrity')).toContain(integrity);
  });

  test('a password’s derivation is told, and what it would cost beyond reason', async () => {
    const described = async (name: string, bytes: Uint8Array) => fact(await inspect(name, bytes), 'Password');
    expect(await described('e1', vector('openpgp/password.gpg'))).toMatch(/^AES256, salted SHA\d+ over \d+ bytes$/);
    expect(await described('e2', vector('openpgp/password-zlib.gpg'))).toMatch(/^AES256, salted SHA\d+, once$/);
    const argon2 = Buffer.concat([Uint8Array.of(0xc3, 22, 4, 9, 4), Buffer.alloc(16), Uint8Array.of(1, 4, 31)]);
    const inspection = await inspect('e3', Buffer.concat([argon2, vector('openpgp/key.gpg')]));
    expect(fact(inspection, 'Password')).toBe('AES256, Argon2 over 2097152 MiB of memory, 1 times');
    expect(inspection.problems.join()).toContain('--allow-costly');
  });

  test('armor that lacks its END line is cut off, text behind a whole one is not', async () => {
    const armored = Buffer.from(vector('openpgp/two-armored.gpg')).toString();
    const end = armored.indexOf('-----END');
    for (const cut of [end, end - 3, end - 40, end + 12]) {
      const { problems } = await inspect('f1', Buffer.from(armored.slice(0, cut)));
      expect(problems.join()).toContain('cut off');
    }
    for (const text of ['', '\n', '\nRegards\n', `\n${'word '.repeat(500)}\n`])
      expect((await inspect('f2', Buffer.from(armored + text))).problems).toEqual([]);
  });

  test('one without integrity protection is a problem, one that is only signed is plain', async () => {
    expect((await inspect('a', vector('openpgp/no-integrity.gpg'))).problems.join()).toContain(
      'no integrity protection',
    );
    expect(await inspect('b', vector('openpgp/key.gpg').subarray(0, 40))).toMatchObject({
      isEncrypted: true,
      problems: [expect.stringContaining('cut off')],
    });
  });
});

test('openssl files show their salt, and whether they can be whole', async () => {
  const salted = Buffer.concat([Buffer.from('Salted__saltsalt'), Buffer.alloc(64, 7)]);
  const inspection = await inspect('c', salted);
  expect(inspection).toMatchObject({ format: 'openssl', isEncrypted: true, problems: [] });
  expect(fact(inspection, 'Salt')).toBe(Buffer.from('saltsalt').toString('hex'));
  expect((await inspect('d', salted.subarray(0, 70))).problems.join()).toContain('multiple of the cipher block');
  expect((await inspect('e', salted.subarray(0, 16))).problems.join()).toContain('nothing after the header');
  expect(await inspect('f', Buffer.from(salted.toString('base64')))).toMatchObject({
    format: 'openssl',
    isEncrypted: true,
  });
});

test('a libsodium stream is suspected by its length, and a cut one too', async () => {
  const stream = await all(encryptSodium(pieces(vector('pg_dump/15.sql'), 1_000), new Uint8Array(32)));
  expect(await inspect('g', stream)).toMatchObject({
    format: 'sodium',
    isEncrypted: null,
    opensWith: [expect.stringContaining('WAL-G')],
    problems: [],
  });
  expect((await inspect('h', stream.subarray(0, 24 + 8_209))).problems.join()).toContain('final chunk');
});

describe('what is not encrypted is called plain', () => {
  test.each([
    ['a.sql', vector('pg_dump/15.sql'), 'pg_dump plain'],
    ['a.sql.gz', gzipSync(vector('pg_dump/15.sql')), 'gzip'],
    ['a.dump', vector('pg_dump/18.dump'), 'pg_dump custom'],
    ['a.tar', vector('pg_dump/15.tar'), 'pg_dump tar'],
    ['a.tar.br', brotliCompressSync(vector('pg_dump/15.tar')), 'brotli'],
  ])('%s', async (name, bytes, format) => {
    expect(await inspect(name, bytes)).toMatchObject({
      format,
      isEncrypted: false,
      problems: [expect.stringContaining('plain')],
    });
  });

  test('and a dump tells what is in it', async () => {
    const inspection = await inspect('b.dump', vector('pg_dump/15.dump'));
    expect(fact(inspection, 'Database')).toBe('shop');
    expect(fact(inspection, 'Server')).toContain('15.20');
  });
});

test('a key is no backup', async () => {
  const inspection = await inspect('key', vector('openpgp/key.asc'));
  expect(inspection.problems.join()).toContain('private key');
  expect(fact(inspection, 'Private key')).toMatch(/5230635C2B117058 Vector/);
});

describe('which of these keys opens it', () => {
  const offers = (): KeyOffer[] => [
    { kind: 'sodium', source: 'sodium', bytes: new Uint8Array(32).map((_, index) => index), keyTransform: 'none' },
    { kind: 'openpgp', source: 'openpgp', bytes: vector('openpgp/key.asc') },
    // A wrong one would be tried in hundreds of ways.
    { kind: 'password', source: 'right', bytes: new Uint8Array(Buffer.from('correct horse')) },
    { kind: 'password', source: 'wrong', bytes: new Uint8Array(Buffer.from('wrong')) },
  ];
  const opened = async (name: string, bytes: Uint8Array) =>
    ((await inspect(name, bytes, offers())).keys ?? []).filter((it) => it.opens).map((it) => it.source);

  test('of OpenPGP, libsodium and openssl', async () => {
    expect(await opened('k.gpg', vector('openpgp/key.gpg'))).toEqual(['openpgp']);
    expect(await opened('p.gpg', vector('openpgp/password-zlib.gpg'))).toEqual(['right']);
    const { payload } = parseVector(readFileSync(new URL('../../vectors/testkit/openssl-gzip', import.meta.url)));
    expect(await opened('o.enc', payload)).toEqual(['right']);
    const sodium = await all(
      encryptSodium(
        pieces(vector('pg_dump/15.sql'), 5_000),
        new Uint8Array(32).map((_, index) => index),
      ),
    );
    expect(await opened('s.enc', sodium)).toEqual(['sodium']);
    // Its end is not needed to know.
    expect(await opened('half.enc', sodium.subarray(0, 9_000))).toEqual(['sodium']);
  });

  test('none opens what is not encrypted, and no key material is told', async () => {
    const inspection = await inspect('plain.sql', vector('pg_dump/15.sql'), offers());
    expect(inspection.keys?.map((it) => it.opens)).toEqual([false, false, false, false]);
    expect(JSON.stringify(inspection)).not.toContain('correct horse');
  });
});

test('a message that lacks its end says how much, without any key', async () => {
  const whole = vector('openpgp/key.gpg');
  const inspection = await inspect('cut.gpg', whole.subarray(0, whole.length - 7));
  expect(inspection.problems.join()).toMatch(/its last 7 bytes are missing|cut off/);
});

test('an empty file, and one that is not there', async () => {
  expect(await inspect('i', new Uint8Array(0))).toMatchObject({
    format: 'empty',
    isEncrypted: null,
    problems: [expect.stringContaining('empty')],
  });
  expect(await runJob({ kind: 'inspect', archive: join(folder, 'nothing') }, quietContext())).toMatchObject({
    ok: false,
    failure: { code: 'io' },
  });
});

async function inspect(name: string, bytes: Uint8Array, keys?: KeyOffer[]): Promise<Inspection> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const outcome = await runJob({ kind: 'inspect', archive: path, ...(keys && { keys }) }, quietContext());
  if (!outcome.ok) throw new Error(outcome.failure.message);
  return outcome.value;
}

function fact({ facts }: Inspection, label: string): string | undefined {
  return facts.find(([it]) => it === label)?.[1];
}

test('an incremental backup of pg_basebackup is called one, by the files that its manifest names', async () => {
  const manifest = (name: string) =>
    `{ "PostgreSQL-Backup-Manifest-Version": 2,\n"Files": [\n{ "Path": "base/5/${name}" }]}`;
  const facts = async (name: string, padding: number) => {
    const backup = join(folder, `backup-${name}-${padding}`);
    mkdirSync(backup);
    writeFileSync(join(backup, 'backup_manifest'), `${' '.repeat(padding)}${manifest(name)}`);
    const outcome = await runJob({ kind: 'inspect', archive: backup }, quietContext());
    if (!outcome.ok) throw new Error(outcome.failure.message);
    return JSON.stringify((outcome.value as Inspection).facts);
  };
  expect(await facts('1259', 0)).not.toContain('incremental');
  // Wherever the pieces of a file end.
  for (const padding of [0, 65_536 - 74, 262_144 - 74, 1_048_576 - 74])
    expect(await facts('INCREMENTAL.1259', padding)).toContain('pg_combinebackup');
});
