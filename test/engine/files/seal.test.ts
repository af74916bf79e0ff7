/** What is not proven yet lies on the disk sealed: nobody finds a byte of it, whatever happens before the proof. */

import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
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
    expect(await decrypt(output, watching(nothing))).toMatchObject({ ok: false, failure: { code: 'damaged' } });
    expect(readdirSync(folder)).not.toContain(`${name}.changed`);
  });
});

describe('while a file is test-restored into a folder', () => {
  const pass = Buffer.from('correct horse');
  const stored = (name: string) => join(folder, name);
  const target = () => join(folder, 'restored');
  afterEach(() => rmSync(target(), { recursive: true, force: true }));

  const testRestore = (archive: string, context: RunContext, kind: 'password' | 'sodium' = 'password') => {
    const bytes = kind === 'password' ? Uint8Array.from(pass) : Buffer.from('ab'.repeat(32));
    return runJob({ kind: 'test-restore', archive, to: target(), keys: [{ kind, source: 'k', bytes }] }, context);
  };
  /** Everything that lies beside the target while it is made. */
  const unfinished = () =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((it) => it.isFile() && it.parentPath.includes('.restored.restorable-'))
      .map((it) => join(it.parentPath, it.name));

  test('what is proven at the end cannot be read before, and lies there afterwards', async () => {
    writeFileSync(stored('a.sql.gpg'), await all(encryptWithPassword(once(plain), pass)));
    let looked = 0;
    const context = watching(() => {
      for (const it of unfinished()) {
        const bytes = readFileSync(it);
        if (bytes.length > 0) looked++;
        expect(bytes.includes(marker.slice(0, 12))).toBe(false);
      }
      expect(readdirSync(folder)).not.toContain('restored');
    });
    const outcome = await testRestore(stored('a.sql.gpg'), context);
    expect(outcome).toMatchObject({ ok: true, value: [{ verdict: { authentic: true }, restoredTo: target() }] });
    expect(looked).toBeGreaterThan(0);
    expect(readdirSync(target())).toEqual(['a.sql']);
    expect(readFileSync(join(target(), 'a.sql')).equals(plain)).toBe(true);
  });

  test('a changed one, and a wish to stop, leave nothing', async () => {
    const bytes = await all(encryptWithPassword(once(plain), pass));
    writeFileSync(stored('whole.gpg'), bytes);
    bytes[bytes.length - 60] = (bytes[bytes.length - 60] as number) ^ 1;
    writeFileSync(stored('changed.gpg'), bytes);
    let seen = 0;
    const seeing = watching(() => {
      seen = Math.max(seen, unfinished().length);
    });
    expect(await testRestore(stored('changed.gpg'), seeing)).toMatchObject({
      value: [{ failure: { code: 'damaged' } }],
    });
    expect(seen).toBe(1);
    expect(readdirSync(folder)).not.toContain('restored');

    const stop = new AbortController();
    const stopping = { ...watching(() => unfinished().length > 0 && stop.abort()), signal: stop.signal };
    expect(await testRestore(stored('whole.gpg'), stopping)).toMatchObject({
      ok: false,
      failure: { code: 'cancelled' },
    });
    expect(readdirSync(folder)).not.toContain('restored');
  });

  test('a tree lies in a folder that nobody else may enter until it is proven, and is gone when it is not', async () => {
    const tar = tarOf([1, 2, 3].map((it) => [`file-${it}`, plain]));
    const bytes = await all(encryptWithPassword(once(tar), pass));
    writeFileSync(stored('base.tar.gpg'), bytes);
    let seen = 0;
    const context = watching(() => {
      for (const it of staging()) {
        if (process.platform !== 'win32') expect(statSync(join(folder, it)).mode & 0o777).toBe(0o700);
        seen = Math.max(seen, unfinished().length);
      }
      expect(readdirSync(folder)).not.toContain('restored');
    });
    expect(await testRestore(stored('base.tar.gpg'), context)).toMatchObject({ value: [{ restoredTo: target() }] });
    expect(seen).toBeGreaterThan(1);
    expect(readdirSync(target()).sort()).toEqual(['file-1', 'file-2', 'file-3']);
    rmSync(target(), { recursive: true });

    bytes[bytes.length - 10] = (bytes[bytes.length - 10] as number) ^ 1;
    writeFileSync(stored('base.tar.gpg'), bytes);
    seen = 0;
    expect(await testRestore(stored('base.tar.gpg'), context)).toMatchObject({
      value: [{ failure: { code: 'damaged' } }],
    });
    expect(seen).toBeGreaterThan(1);
    expect(readdirSync(folder)).not.toContain('restored');
  });

  test('a name that has no room for more is no hindrance', async () => {
    const name = 'n'.repeat(251);
    writeFileSync(stored(`${name}.gpg`), await all(encryptWithPassword(once(plain), pass)));
    await testRestore(stored(`${name}.gpg`), watching(nothing));
    expect(readFileSync(join(target(), name)).equals(plain)).toBe(true);
  });

  describe('on a disk that becomes full', () => {
    const full = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    afterEach(() => {
      vi.restoreAllMocks();
      syncBuiltinESMExports();
    });

    test.each([
      ['while it is written', 2],
      ['while the proven plaintext takes the place of what was sealed', Math.ceil(plain.length / 262_144) + 8],
    ])('%s, the failure says so and nothing stays', async (_, wholeWrites) => {
      writeFileSync(stored('b.sql.gpg'), await all(encryptWithPassword(once(plain), pass)));
      const handle = await open(stored('b.sql.gpg'));
      const prototype = Object.getPrototypeOf(handle) as typeof handle;
      await handle.close();
      const { write } = prototype;
      let writes = 0;
      let unsealed = 0;
      vi.spyOn(prototype, 'write').mockImplementation(function (this: typeof handle, ...given: unknown[]) {
        const bytes = given[0] as Uint8Array;
        if (Buffer.from(bytes).includes(marker.slice(0, 12))) unsealed++;
        writes++;
        if (wholeWrites === 2 ? writes > wholeWrites : unsealed > 1) return Promise.reject(full()) as never;
        return Reflect.apply(write, this, given);
      } as typeof write);
      expect(await testRestore(stored('b.sql.gpg'), watching(nothing))).toMatchObject({
        ok: false,
        failure: {
          code: 'io',
          stage: 'write',
          message: `${join(target(), 'b.sql')}: the disk is full`,
          hint: expect.stringContaining('nothing was kept'),
        },
      });
      expect(unsealed).toBe(wholeWrites === 2 ? 0 : 2);
      expect(readdirSync(folder)).not.toContain('restored');
    });

    test('in the middle of a tree, the failure names the file and nothing stays', async () => {
      const tar = tarOf([1, 2, 3].map((it) => [`file-${it}`, plain]));
      writeFileSync(stored('c.tar.gpg'), await all(encryptWithPassword(once(tar), pass)));
      const { writeSync } = fs;
      let written = 0;
      vi.spyOn(fs, 'writeSync').mockImplementation(((...given: unknown[]) => {
        written += (given[1] as Uint8Array).length;
        if (written > 1.5 * plain.length) throw full();
        return Reflect.apply(writeSync, fs, given);
      }) as typeof writeSync);
      syncBuiltinESMExports();
      expect(await testRestore(stored('c.tar.gpg'), watching(nothing))).toMatchObject({
        failure: { code: 'io', message: `${join(target(), 'file-2')}: the disk is full` },
      });
      expect(readdirSync(folder)).not.toContain('restored');
    });
  });

  const isElsewhere = isThere('/dev/shm') && statSync('/dev/shm').dev !== statSync(tmpdir()).dev;
  test.skipIf(!isElsewhere)('the target may lie on another disk than the archive', async () => {
    const archive = stored('d.sql.gpg');
    writeFileSync(archive, await all(encryptWithPassword(once(plain), pass)));
    const there = mkdtempSync('/dev/shm/restorable-seal-');
    try {
      const to = join(there, 'new/folder');
      const keys = [{ kind: 'password' as const, source: 'k', bytes: Uint8Array.from(pass) }];
      const outcome = await runJob({ kind: 'test-restore', archive, keys, to }, watching(nothing));
      expect(outcome).toMatchObject({ ok: true, value: [{ restoredTo: to }] });
      expect(readFileSync(join(to, 'd.sql')).equals(plain)).toBe(true);
      expect(readdirSync(join(there, 'new'))).toEqual(['folder']);
    } finally {
      rmSync(there, { recursive: true });
    }
  });

  const mountPoint = emptyMountPoint();
  test.skipIf(mountPoint === undefined)('a mount point as the target is refused before any work', async () => {
    const job = { kind: 'test-restore' as const, archive: stored('never-read.gpg'), to: mountPoint ?? '', keys: [] };
    expect(await runJob(job, watching(nothing))).toMatchObject({
      ok: false,
      failure: { code: 'usage', message: `the target ${mountPoint} is a mount point`, hint: expect.any(String) },
    });
  });
});

const nothing = () => undefined;

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Of Linux; undefined where there is none. */
function emptyMountPoint(): string | undefined {
  if (!isThere('/proc/mounts')) return undefined;
  const places = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .flatMap((it) => it.split(' ')[1] ?? []);
  return places.find((it) => {
    try {
      return readdirSync(it).length === 0 && statSync(it).dev !== statSync(join(it, '..')).dev;
    } catch {
      return false;
    }
  });
}

/** A tar of plain files. */
function tarOf(files: [name: string, contents: Uint8Array][]): Buffer {
  const blocks = files.flatMap(([name, contents]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(
      `0000600\x000000000\x000000000\x00${contents.length.toString(8).padStart(11, '0')}\x0000000000000\x00`,
      100,
    );
    header.write('        0', 148);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, it) => total + it, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\x00 `, 148);
    return [header, contents, Buffer.alloc((512 - (contents.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

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
