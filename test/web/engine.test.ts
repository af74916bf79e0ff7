import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DecryptJob, EncryptJob, GeneratedKey, Inspection, Job, KeyOffer, Outcome } from '../../engine/src/job.ts';
import { runInWebWorker } from '../../engine/src/web/pool.ts';
import { parseVector, type Vector } from '../support/vector.ts';
import { WebWorker, webBundle } from '../support/webWorker.ts';

let bundle: string;
beforeAll(async () => {
  bundle = await webBundle('engine');
}, 120_000);

let thread: WebWorker | undefined;
afterAll(() => thread?.terminate());

/** Through the front door that the extension uses. One thread does all jobs: to start it is what takes longest. */
async function run<J extends Job>(
  job: J,
  input?: Uint8Array,
): Promise<{ outcome: Outcome<J['kind']>; output?: Uint8Array }> {
  thread ??= new WebWorker(bundle);
  const shared = thread;
  const scope = globalThis as { Worker?: unknown };
  scope.Worker = class {
    set onmessage(listener: (event: { data: unknown }) => void) {
      shared.onmessage = (data) => listener({ data });
    }
    set onerror(listener: (event: unknown) => void) {
      shared.onerror = listener;
    }
    postMessage(message: unknown) {
      shared.postMessage(message);
    }
    terminate() {}
  };
  const done = await runInWebWorker(job, { worker: 'engine.js', ...(input && { input: Uint8Array.from(input) }) });
  return { outcome: done.outcome, ...(done.output && { output: done.output }) };
}

/** Hundreds of derivations are tried, each hundreds of thousands of rounds: on one thread that takes a minute. */
const SLOW = 'openssl-wrong-password';

/** Ciphers that a browser has not; on a machine they come from OpenSSL. */
const NOT_IN_BROWSER = ['openpgp-password-camellia'];

const kit = new URL('../vectors/testkit/', import.meta.url);
const vectors = readdirSync(kit)
  .sort()
  .map((name) => ({ name, vector: parseVector(readFileSync(new URL(name, kit))) }))
  .filter(({ name, vector }) => !vector.isFolder && vector.key !== undefined && name !== SLOW);

describe('the testkit: a browser opens what a machine opens, and refuses what it refuses', () => {
  test.each(vectors)(
    '$name',
    async ({ name, vector }) => {
      const job: DecryptJob = {
        kind: 'decrypt',
        input: `/backups/${vector.file}`,
        output: '/backups/plain',
        key: offerOf(vector),
      };
      const { outcome, output } = await run(job, vector.payload);
      const decrypted = outcome.ok ? 'none' : outcome.failure.code;
      // What is wrong with the contents only, decrypting does not say.
      if (NOT_IN_BROWSER.includes(name)) expect(decrypted).toBe('unsupported');
      else if (vector.decrypted === 'yes') expect(decrypted).toBe('none');
      else expect(decrypted).toBe(vector.code);
      expect(output !== undefined).toBe(outcome.ok);
      if (outcome.ok) expect(output).toHaveLength(outcome.value.bytesWritten);
    },
    120_000,
  );
});

describe('what is encrypted in a browser is decrypted there, and by the engine on a machine', () => {
  // Many pieces of whatever size, no two of them alike.
  const lines = Array.from({ length: 200_000 }, (_, row) => `${row}\trow\n`);
  const text = new TextEncoder().encode(lines.join(''));
  const keys: [EncryptJob['method'], KeyOffer][] = [
    ['openssl', offer('password', 'correct horse')],
    ['gpg', offer('password', 'correct horse')],
    ['pgbackrest', offer('pgbackrest-pass', 'correct horse battery staple')],
    ['sodium', { ...offer('sodium', '0123456789abcdef'.repeat(4)), keyTransform: 'hex' }],
  ];
  test.each(keys)('%s', async (method, key) => {
    const encrypted = await run({ kind: 'encrypt', method, input: '/plain.sql', output: '/stored', key }, text);
    expect(encrypted.outcome).toMatchObject({ ok: true });
    const job: DecryptJob = { kind: 'decrypt', method, input: '/stored', output: '/again.sql', key };
    const opened = await run(job, encrypted.output!);
    expect(opened.outcome).toMatchObject({ ok: true, value: { bytesWritten: text.length } });
    expect(Buffer.from(opened.output!).equals(Buffer.from(text))).toBe(true);

    // Said, or everything usual would be tried, for a minute.
    const openssl = { cipher: 'aes-256-cbc', digest: 'sha256', pbkdf2: true, iterations: 600_000 } as const;
    const wrong = await run(
      { ...job, ...(method === 'openssl' && { openssl }), key: { ...key, bytes: key.bytes.map((it) => it ^ 1) } },
      encrypted.output!,
    );
    expect(wrong.outcome.ok).toBe(false);
    expect(wrong.output).toBeUndefined();
  });
});

describe('keys', () => {
  test('are made of random bytes', async () => {
    const first = await made({ kind: 'keygen', key: { kind: 'sodium', encoding: 'hex' } });
    const second = await made({ kind: 'keygen', key: { kind: 'sodium', encoding: 'hex' } });
    expect(new TextDecoder().decode(first.secret)).toMatch(/^[0-9a-f]{64}$/);
    expect(Buffer.from(first.secret).equals(Buffer.from(second.secret))).toBe(false);
    const pass = await made({ kind: 'keygen', key: { kind: 'pgbackrest' } });
    expect(Buffer.from(new TextDecoder().decode(pass.secret), 'base64')).toHaveLength(48);
  });

  test('of OpenPGP open what is encrypted for them', async () => {
    const key = await made({ kind: 'keygen', key: { kind: 'openpgp', type: 'curve25519', name: 'Backup' } });
    const forIt: KeyOffer = { kind: 'openpgp', source: 'test', bytes: new TextEncoder().encode(key.publicKey) };
    const text = new TextEncoder().encode('hello');
    const stored = await run({ kind: 'encrypt', method: 'openpgp', input: '/a', output: '/a.gpg', key: forIt }, text);
    const own: KeyOffer = { kind: 'openpgp', source: 'test', bytes: key.secret };
    const opened = await run({ kind: 'decrypt', input: '/a.gpg', output: '/b', key: own }, stored.output!);
    expect(opened.outcome).toMatchObject({ ok: true, value: { isAuthentic: true } });
    expect(new TextDecoder().decode(opened.output)).toBe('hello');
  });
});

test('a key that asks for OCB gets an MDC, since a browser has none, and that is said', async () => {
  const bytes = readFileSync(new URL('../vectors/openpgp/sequoia-rfc9580.asc', import.meta.url));
  const key: KeyOffer = { kind: 'openpgp', source: 'test', bytes: new Uint8Array(bytes) };
  const text = new TextEncoder().encode('hello');
  const job: EncryptJob = { kind: 'encrypt', method: 'openpgp', input: '/a', output: '/a.gpg', key };
  const stored = await run(job, text);
  expect(stored.outcome).toMatchObject({ ok: true, value: { integrity: 'mdc' } });
  expect(JSON.stringify(stored.outcome)).toContain('OCB is not available');
  const opened = await run({ kind: 'decrypt', input: '/a.gpg', output: '/b', key }, stored.output!);
  expect(opened.outcome).toMatchObject({ ok: true, value: { isAuthentic: true } });
  expect(new TextDecoder().decode(opened.output)).toBe('hello');
  const asked = await run({ ...job, integrity: 'seipd2' }, text);
  expect(asked.outcome).toMatchObject({ ok: false, failure: { code: 'unsupported' } });
});

test('a file is inspected without a key', async () => {
  const archive = new URL('../../examples/archives/shop.dump.gpg', import.meta.url);
  const { outcome } = await run({ kind: 'inspect', archive: '/shop.dump.gpg' }, readFileSync(archive));
  const { format, isEncrypted } = value<Inspection>(outcome);
  expect({ format, isEncrypted }).toEqual({ format: 'openpgp', isEncrypted: true });
});

test('what needs a machine says so', async () => {
  const restore = await run({ kind: 'test-restore', archive: '/x', keys: [] }, new Uint8Array([1]));
  expect(restore.outcome).toMatchObject({ ok: false, failure: { code: 'unsupported' } });
  const key = offer('pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const job: EncryptJob = { kind: 'encrypt', method: 'cms', input: '/x', output: '/y', key };
  expect((await run(job, new Uint8Array([1]))).outcome).toMatchObject({ ok: false });
});

async function made(job: Extract<Job, { kind: 'keygen' }>): Promise<GeneratedKey> {
  return value<GeneratedKey>((await run(job)).outcome);
}

function value<T>(outcome: Outcome<Job['kind']>): T {
  if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.message}`);
  return outcome.value as T;
}

function offer(kind: KeyOffer['kind'], text: string): KeyOffer {
  return { kind, source: 'test', bytes: new TextEncoder().encode(text) };
}

function offerOf({ key, passphrase }: Vector): KeyOffer {
  const [kind, text] = [key!.slice(0, key!.indexOf(' ')), key!.slice(key!.indexOf(' ') + 1)];
  const secret = passphrase === undefined ? {} : { passphrase: new TextEncoder().encode(passphrase) };
  switch (kind) {
    case 'sodium-hex':
      return { ...offer('sodium', text), keyTransform: 'hex' };
    case 'sodium-base64':
      return { ...offer('sodium', text), keyTransform: 'base64' };
    case 'openpgp':
      return { kind: 'openpgp', source: 'test', bytes: Buffer.from(text, 'base64'), ...secret };
    default:
      return offer('password', text);
  }
}
