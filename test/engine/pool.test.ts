/** The pool with real worker threads, bundled as the product bundles them. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encryptSodium } from '../../engine/src/crypto/sodium.ts';
import { startAhead } from '../../engine/src/engineThread.ts';
import type { Job, KeyOffer, Progress } from '../../engine/src/job.ts';
import type { run as Run } from '../../engine/src/pool.ts';
import { all, pieces } from './pieces.ts';

const root = new URL('../../', import.meta.url).pathname;
const plainSize = 40_000_000;
let folder: string;
let run: typeof Run;
let archive: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'restorable-pool-'));
  await bundle('engine/src/worker.ts', 'worker.js');
  run = await poolIn(folder);
  archive = join(folder, 'big.enc');
  writeFileSync(archive, await all(encryptSodium(pieces(sample(plainSize), 1_000_000), new Uint8Array(32).fill(0xab))));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const offer = (): KeyOffer => ({ kind: 'sodium', source: 'a', bytes: new TextEncoder().encode('ab'.repeat(32)) });

describe('a job in a worker', () => {
  test('gives its result, and progress that grows to the end', async () => {
    const told: Progress[] = [];
    const key = offer();
    const started = performance.now();
    const outcome = await run(
      { kind: 'test-restore', archive, keys: [key] },
      { onProgress: (it) => told.push({ ...it }) },
    );
    const seconds = (performance.now() - started) / 1_000;
    expect(outcome).toMatchObject({
      ok: true,
      value: [{ verdict: { decrypted: true, authentic: true, complete: true } }],
    });
    const size = readFileSync(archive).length;
    expect(told.at(-1)).toEqual({ step: 'big.enc', bytes: size, total: size });
    expect(told.map((it) => it.bytes)).toEqual(told.map((it) => it.bytes).toSorted((one, other) => one - other));
    // Ten a second, and one at the end.
    expect(told.length).toBeLessThanOrEqual(seconds * 10 + 2);
    // The worker wiped its copy; ours is ours.
    expect(key.bytes.some((byte) => byte !== 0)).toBe(true);
  });

  test('takes the thread that was started ahead, once', async () => {
    startAhead(join(folder, 'worker.js'));
    for (let job = 0; job < 2; job++)
      expect(await run({ kind: 'test-restore', archive, keys: [offer()] })).toMatchObject({ ok: true });
  });

  test('does without a thread that ended before there was a job', async () => {
    const broken = join(folder, 'broken.js');
    writeFileSync(broken, 'throw new Error("no")');
    startAhead(broken);
    const job: Job = { kind: 'inspect', archive, keys: [] };
    await expect.poll(async () => (await run(job)).ok, { timeout: 60_000 }).toBe(true);
  });

  test('fails with the failure of the job', async () => {
    const outcome = await run({ kind: 'test-restore', archive: join(folder, 'nothing'), keys: [] });
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'io', hint: expect.any(String) } });
  });

  test('makes keys, several jobs at once', async () => {
    const outcomes = await Promise.all(
      [1, 2, 3].map(() =>
        run({
          kind: 'keygen',
          key: { kind: 'openpgp', type: 'curve25519', name: 'a', passphrase: new TextEncoder().encode('locked') },
        }),
      ),
    );
    const prints = outcomes.map((it) => (it.ok ? it.value.fingerprint : it.failure.message));
    expect(new Set(prints).size).toBe(3);
    for (const it of prints) expect(it).toMatch(/^[0-9A-F]{40}$/);
  });

  test('that is stopped ends with cancelled and leaves nothing behind', async () => {
    const stop = new AbortController();
    const target = join(folder, 'target');
    const outcome = await run(
      { kind: 'test-restore', archive, keys: [offer()], to: target },
      { signal: stop.signal, onProgress: () => stop.abort() },
    );
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
    expect(existsSync(target)).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  test('that is stopped before it starts does nothing', async () => {
    const stop = new AbortController();
    stop.abort();
    const outcome = await run(
      { kind: 'decrypt', input: archive, output: join(folder, 'out'), key: offer() },
      { signal: stop.signal },
    );
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'cancelled' } });
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });
});

describe('a worker that dies', () => {
  test.each([
    ['throws', 'throw new Error("with a secret in it")'],
    ['exits', 'process.exit(3)'],
    [
      'throws when it gets the job',
      'require("node:worker_threads").parentPort.on("message", () => { throw new TypeError("with a secret in it") })',
    ],
  ])('because it %s is a failure that says so, and never a wait without end', async (_, source) => {
    const place = mkdtempSync(join(folder, 'dying-'));
    writeFileSync(join(place, 'worker.js'), source);
    const outcome = await (await poolIn(place))({ kind: 'inspect', archive });
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'io', hint: expect.stringContaining('bug') } });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  test('without a worker at all is told to install again', async () => {
    const place = join(folder, 'empty');
    mkdirSync(place);
    expect(await (await poolIn(place))({ kind: 'inspect', archive })).toMatchObject({
      ok: false,
      failure: { code: 'io', hint: expect.stringContaining('Install') },
    });
  });
});

async function poolIn(place: string): Promise<typeof Run> {
  await bundle('engine/src/pool.ts', join(place, 'pool.js'));
  const loaded = createRequire(import.meta.url)(join(place, 'pool.js')) as { run: typeof Run };
  return loaded.run;
}

async function bundle(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, entry)],
    outfile: join(folder, outfile.replace(`${folder}/`, '')),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    conditions: ['node', 'require'],
    mainFields: ['main', 'module'],
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'silent',
  });
}

function leftovers(): string[] {
  return readdirSync(folder).filter((it) => it.includes('.restorable-'));
}

function sample(length: number): Uint8Array {
  const block = Buffer.concat(
    Array.from({ length: 512 }, (_, index) => createHash('sha512').update(`${index}`).digest()),
  );
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += block.length) bytes.set(block.subarray(0, length - start), start);
  return bytes;
}
