/** What is not proven yet lies on the disk sealed: nobody finds a byte of it, whatever happens before the proof. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { once } from '../../../engine/src/bytes.ts';
import { encryptCms } from '../../../engine/src/crypto/cmsEncrypt.ts';
import { encryptWithPassword } from '../../../engine/src/crypto/openpgpEncrypt.ts';
import { openSpool } from '../../../engine/src/files/seal.ts';
import { stageFile } from '../../../engine/src/files/stagedFile.ts';
import { runJob } from '../../../engine/src/run.ts';
import type { RunContext } from '../../../engine/src/run-context.ts';
import { all } from '../pieces.ts';

const marker = 'a row of a table that nobody but its owner may read\n';
const plain = Buffer.from(marker.repeat(60_000));
const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../../vectors/cms/${name}`, import.meta.url)));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restorable-seal-'));
});
afterEach(() => expect(readdirSync(folder).filter((it) => it.includes('.restorable-'))).toEqual([]));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const staging = () => readdirSync(folder).filter((it) => it.includes('.restorable-'));

describe('a staged file that is sealed', () => {
  test.each([1, 1_000, 262_144, 262_145, plain.length])('holds noise until it is published: %d bytes', async (size) => {
    const path = join(folder, `sealed-${size}`);
    const file = await stageFile(path, false);
    file.seal();
    for (let start = 0; start < plain.length && start < 40 * size; start += size)
      await file.write(plain.subarray(start, start + size));
    const expected = plain.subarray(0, Math.min(plain.length, 40 * size));
    await settled(() => statSync(join(folder, staging()[0] as string)).size === expected.length);
    const [name = ''] = staging();
    const stored = readFileSync(join(folder, name));
    expect(stored.includes(marker.slice(0, 12))).toBe(false);
    if (process.platform !== 'win32') expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    await file.publish();
    await file.discard();
    expect(readFileSync(path).equals(expected)).toBe(true);
  });

  test('leaves nothing when it is discarded, and an empty one is empty', async () => {
    const file = await stageFile(join(folder, 'discarded'), false);
    file.seal();
    await file.write(plain);
    await file.discard();
    const empty = await stageFile(join(folder, 'empty'), false);
    empty.seal();
    await empty.publish();
    await empty.discard();
    expect(readdirSync(folder)).not.toContain('discarded');
    expect(statSync(join(folder, 'empty')).size).toBe(0);
  });
});

test('a spool gives back what was written, once and again, and leaves no name behind', async () => {
  const before = new Set(spools());
  const spool = await openSpool();
  for (let start = 0; start < plain.length; start += 77_777) await spool.write(plain.subarray(start, start + 77_777));
  if (process.platform !== 'win32') expect(spools().filter((it) => !before.has(it))).toEqual([]);
  for (let round = 0; round < 2; round++) {
    const pieces: Uint8Array[] = [];
    for await (const piece of spool.read()) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(plain)).toBe(true);
  }
  await spool.discard();
  expect(spools().filter((it) => !before.has(it))).toEqual([]);
});

describe.each([
  [
    'OpenPGP with MDC',
    'password' as const,
    Buffer.from('correct horse'),
    () => encryptWithPassword(once(plain), Buffer.from('correct horse')),
  ],
  ['CMS with AES-GCM', 'pem' as const, vector('rsa.key.pem'), () => encryptCms(once(plain), vector('rsa.cert.pem'))],
])('while %s is decrypted', (name, kind, key, encrypted) => {
  const input = () => join(folder, `${name}.enc`);
  const decrypt = (output: string, context: RunContext) =>
    runJob(
      { kind: 'decrypt', input: input(), output, key: { kind, source: 'k', bytes: Uint8Array.from(key) } },
      context,
    );

  test('nothing that can be read lies on the disk before the proof', async () => {
    writeFileSync(input(), await all(encrypted()));
    const output = join(folder, `${name}.plain`);
    let looked = 0;
    const context = watching(() => {
      for (const it of staging()) {
        const stored = readFileSync(join(folder, it));
        if (stored.length > 0) looked++;
        expect(stored.includes(marker.slice(0, 12))).toBe(false);
      }
    });
    expect(await decrypt(output, context)).toMatchObject({ ok: true, value: { isAuthentic: true } });
    expect(looked).toBeGreaterThan(0);
    expect(readFileSync(output).equals(plain)).toBe(true);
  });

  test('a changed one leaves nothing', async () => {
    const stored = await all(encrypted());
    // In the last of the data, in front of the proof.
    stored[stored.length - 60] = (stored[stored.length - 60] as number) ^ 1;
    writeFileSync(input(), stored);
    const output = join(folder, `${name}.changed`);
    expect(
      await decrypt(
        output,
        watching(() => undefined),
      ),
    ).toMatchObject({ ok: false, failure: { code: 'damaged' } });
    expect(readdirSync(folder)).not.toContain(`${name}.changed`);
  });
});

function watching(look: () => void): RunContext {
  return { signal: new AbortController().signal, progress: () => look(), expectBytes: () => undefined };
}

/** The disk works beside us: waits for what must come. */
async function settled(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setImmediate(resolve));
}

function spools(): string[] {
  return readdirSync(tmpdir()).filter((it) => /^restorable-[0-9a-f]{16}$/.test(it));
}
