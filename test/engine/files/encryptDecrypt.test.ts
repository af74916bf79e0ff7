import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DecryptJob, EncryptJob, KeyOffer } from '../../../engine/src/job.ts';
import { runJob } from '../../../engine/src/run.ts';
import { quietContext } from '../../../engine/src/run-context.ts';

const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../../vectors/${name}`, import.meta.url)));
const plain = noise(70_000);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restorable-crypt-'));
});
afterEach(() => expect(readdirSync(folder).filter((it) => it.includes('.restorable-'))).toEqual([]));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const offer = {
  sodium: (): KeyOffer => ({ kind: 'sodium', source: 'a', bytes: text('ab'.repeat(32)) }),
  openpgp: (): KeyOffer => ({ kind: 'openpgp', source: 'b', bytes: vector('openpgp/key.asc') }),
  password: (): KeyOffer => ({ kind: 'password', source: 'c', bytes: text('correct horse\n') }),
  pass: (): KeyOffer => ({
    kind: 'pgbackrest-pass',
    source: 'd',
    bytes: text('zWaf6XtpjIVZC5444yXB+cgFDFl7MxGlgkZSaoPvTGirhPygu4jOKOXf9LO4vjfO'),
  }),
};

test('a message without integrity protection is decrypted only when that is asked for, and labelled', async () => {
  const job: DecryptJob = {
    kind: 'decrypt',
    input: write('unprotected.gpg', vector('openpgp/no-integrity.gpg')),
    output: join(folder, 'unprotected'),
    key: offer.password(),
  };
  expect(await runJob(job, quietContext())).toMatchObject({ ok: false, failure: { code: 'unsupported' } });
  const outcome = await runJob({ ...job, key: offer.password(), allowUnauthenticated: true }, quietContext());
  expect(outcome).toMatchObject({ ok: true, value: { format: 'openpgp', isAuthentic: null } });
  expect(JSON.stringify(outcome)).toContain('authenticates nothing');
  expect(new Uint8Array(readFileSync(job.output))).toEqual(vector('openpgp/plain.sql'));
});

describe.each([
  ['sodium', offer.sodium, undefined, { format: 'sodium', isAuthentic: true }],
  ['openpgp', offer.openpgp, undefined, { format: 'openpgp', isAuthentic: true }],
  ['gpg', offer.password, undefined, { format: 'openpgp', isAuthentic: true }],
  ['gpg', offer.openpgp, undefined, { format: 'openpgp', isAuthentic: true }],
  ['openssl', offer.password, undefined, { format: 'openssl', isAuthentic: null }],
  [
    'openssl',
    offer.password,
    { pbkdf2: false, digest: 'md5', cipher: 'aes-128-cbc' },
    { format: 'openssl', isAuthentic: null },
  ],
  ['pgbackrest', offer.pass, undefined, { format: 'openssl', isAuthentic: null }],
] as const)('%s (%#)', (method, key, openssl, expected) => {
  test('what is encrypted is decrypted again, with or without naming the method', async () => {
    // Our own number of rounds takes its time: one file is enough there.
    const isSlow = method === 'openssl' && openssl === undefined;
    const dump = vector('pg_dump/15.sql');
    for (const contents of isSlow ? [dump] : [new Uint8Array(0), text('short'), plain, dump]) {
      const input = write('input', contents);
      const made = await encrypt({
        method,
        input,
        output: join(folder, 'stored'),
        overwrite: true,
        key: key(),
        openssl,
      });
      expect(made.bytesRead).toBe(contents.length);
      const stored = join(folder, 'stored');
      expect(made.bytesWritten).toBe(statSync(stored).size);
      expect(statSync(stored).mode & 0o777).toBe(0o600);
      expect(readFileSync(stored).includes(Buffer.from('PostgreSQL database dump'))).toBe(false);
      // Noise without any proof wants to be told how it was encrypted.
      const told =
        contents === plain && expected.isAuthentic === null
          ? (openssl ?? { cipher: 'aes-256-cbc', digest: 'sha256' as const, iterations: 600_000 })
          : undefined;
      for (const named of method === 'sodium' && contents.length === 0 ? [method] : [method, undefined]) {
        const result = await decrypt({
          method: named,
          input: stored,
          output: join(folder, 'output'),
          overwrite: true,
          key: key(),
          openssl: told,
        });
        expect(result).toMatchObject({ ...expected, bytesRead: statSync(stored).size, bytesWritten: contents.length });
        expect(readFileSync(join(folder, 'output')).equals(contents)).toBe(true);
        expect(statSync(join(folder, 'output')).mode & 0o777).toBe(0o600);
      }
    }
  });

  test('a damaged, cut or foreign file leaves no output behind', async () => {
    const stored = join(folder, 'stored2');
    await encrypt({
      method,
      input: write('input', vector('pg_dump/15.sql')),
      output: stored,
      overwrite: true,
      key: key(),
      openssl,
    });
    const bytes = readFileSync(stored);
    const cut = await failure({
      method,
      input: write('cut', bytes.subarray(0, 3_001)),
      output: join(folder, 'never'),
      key: key(),
    });
    expect(cut.code).toBe('truncated');
    if (expected.isAuthentic) {
      bytes[6_000] = (bytes[6_000] as number) ^ 1;
      expect(
        (await failure({ method, input: write('flipped', bytes), output: join(folder, 'never'), key: key() })).code,
      ).toBe('damaged');
    }
    expect(
      (await failure({ input: write('plain', vector('pg_dump/15.sql')), output: join(folder, 'never'), key: key() }))
        .code,
    ).toBe('not-encrypted');
    expect(readdirSync(folder)).not.toContain('never');
  });
});

describe('the output', () => {
  const job = () => ({
    kind: 'encrypt' as const,
    method: 'sodium' as const,
    input: write('input', plain),
    key: offer.sodium(),
  });

  test('is never overwritten without being asked', async () => {
    const output = write('mine', text('mine'));
    const outcome = await runJob({ ...job(), output }, quietContext());
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'usage', hint: expect.stringContaining('force') } });
    expect(readFileSync(output, 'utf8')).toBe('mine');
    const decrypting = await failure({ input: write('x', vector('openpgp/key.gpg')), output, key: offer.openpgp() });
    expect(decrypting.code).toBe('usage');
    expect(readFileSync(output, 'utf8')).toBe('mine');
  });

  test('that is a folder, or in a folder that is not there, is refused', async () => {
    mkdirSync(join(folder, 'sub'), { recursive: true });
    expect(await runJob({ ...job(), output: join(folder, 'sub'), overwrite: true }, quietContext())).toMatchObject({
      ok: false,
      failure: { code: 'usage' },
    });
    expect(await runJob({ ...job(), output: join(folder, 'nowhere', 'x') }, quietContext())).toMatchObject({
      ok: false,
      failure: { code: 'io' },
    });
  });

  test('replaces a link, not what it points to', async () => {
    const precious = write('precious', text('precious'));
    rmSync(join(folder, 'link'), { force: true });
    symlinkSync(precious, join(folder, 'link'));
    const outcome = await runJob({ ...job(), output: join(folder, 'link'), overwrite: true }, quietContext());
    expect(outcome.ok).toBe(true);
    expect(readFileSync(precious, 'utf8')).toBe('precious');
  });

  test('of a run that is stopped is not there', async () => {
    const stop = new AbortController();
    const context = { ...quietContext(stop.signal), progress: () => stop.abort() };
    const outcome = await runJob(
      { ...job(), input: write('large', noise(1_000_000)), output: join(folder, 'stopped') },
      context,
    );
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
    expect(readdirSync(folder)).not.toContain('stopped');
  });
});

describe('keys that do not fit', () => {
  test.each([
    ['sodium', offer.password(), 'does not take'],
    ['openpgp', offer.sodium(), 'does not take'],
    ['openssl', offer.openpgp(), 'does not take'],
    ['openssl', { ...offer.password(), bytes: text('\n') }, 'is empty'],
    ['gpg', { ...offer.password(), bytes: new Uint8Array(0) }, 'is empty'],
    ['sodium', { ...offer.sodium(), bytes: text('short') }, '5 bytes'],
    ['sodium', { ...offer.sodium(), bytes: text('ab'.repeat(31)), keyTransform: 'hex' as const }, '31 bytes'],
    ['openpgp', { ...offer.openpgp(), bytes: text('no key') }, 'no armored'],
  ] as const)('%s: usage, said without the key (%#)', async (method, key, words) => {
    const outcome = await runJob(
      { kind: 'encrypt', method, input: write('input', plain), output: join(folder, 'no'), key },
      quietContext(),
    );
    expect(outcome).toMatchObject({
      ok: false,
      failure: { code: 'usage', stage: 'key', message: expect.stringContaining(words) },
    });
    expect(readdirSync(folder)).not.toContain('no');
  });
});

describe('the integrity of OpenPGP', () => {
  const forms: [name: string, key: KeyOffer['kind'], asked: EncryptJob['integrity'], written: string][] = [
    ['key.asc', 'openpgp', undefined, 'mdc'],
    ['gpg24-key-announcing-ocb.asc', 'openpgp', undefined, 'ocb'],
    ['gpg24-key-announcing-ocb.asc', 'openpgp', 'mdc', 'mdc'],
    ['sequoia-rfc9580.asc', 'openpgp', undefined, 'seipd2'],
    ['sequoia-rfc9580.asc', 'openpgp', 'mdc', 'mdc'],
    ['a password', 'password', undefined, 'mdc'],
    ['a password', 'password', 'ocb', 'ocb'],
    ['a password', 'password', 'seipd2', 'seipd2'],
  ];
  test.each(forms)('%s, %s, asked for %s: %s', async (name, kind, integrity, written) => {
    const key = (): KeyOffer =>
      kind === 'password' ? offer.password() : { kind, source: 'e', bytes: vector(`openpgp/${name}`) };
    const method = kind === 'password' ? 'gpg' : 'openpgp';
    const [input, output] = [write('input', plain), join(folder, 'written.gpg')];
    const made = await encrypt({ method, input, output, overwrite: true, key: key(), ...(integrity && { integrity }) });
    expect(made.integrity).toBe(written);
    expect(made.notes?.join()).toContain('integrity');
    const back = { input: output, output: join(folder, 'back'), overwrite: true, key: key() };
    expect(await decrypt(back)).toMatchObject({ isAuthentic: true, bytesWritten: plain.length });
    expect(readFileSync(back.output).equals(plain)).toBe(true);
  });

  test('is nothing that another method could be asked for', async () => {
    const job = { kind: 'encrypt', method: 'sodium', integrity: 'ocb', key: offer.sodium() } as const;
    const outcome = await runJob({ ...job, input: write('input', plain), output: join(folder, 'no') }, quietContext());
    expect(outcome).toMatchObject({
      ok: false,
      failure: { code: 'usage', message: expect.stringContaining('sodium') },
    });
    expect(readdirSync(folder)).not.toContain('no');
  });
});

test('what openssl needs to read the file is told', async () => {
  const { notes } = await encrypt({
    method: 'openssl',
    input: write('input', plain),
    output: join(folder, 'told.enc'),
    key: offer.password(),
  });
  expect(notes?.join()).toContain('openssl enc -d -aes-256-cbc -md sha256 -pbkdf2 -iter 600000');
});

async function encrypt(job: Omit<EncryptJob, 'kind'>) {
  const outcome = await runJob({ kind: 'encrypt', ...job }, quietContext());
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.message}`);
  return outcome.value;
}

async function decrypt(job: Omit<DecryptJob, 'kind'>) {
  const outcome = await runJob({ kind: 'decrypt', ...job }, quietContext());
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.message}`);
  return outcome.value;
}

async function failure(job: Omit<DecryptJob, 'kind'>) {
  const outcome = await runJob({ kind: 'decrypt', ...job }, quietContext());
  if (outcome.ok) throw new Error('expected a failure');
  return outcome.failure;
}

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
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
