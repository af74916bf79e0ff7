import { createCipheriv, createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import sodium from 'libsodium-wrappers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openOpenpgp } from '../../../engine/src/crypto/openpgp.ts';
import { encryptWithPassword } from '../../../engine/src/crypto/openpgpEncrypt.ts';
import {
  decryptOpenssl,
  decryptWithRawKey,
  derive,
  encryptOpenssl,
  type OpensslScheme,
} from '../../../engine/src/crypto/openssl.ts';
import { fastestSecretstream, newStream, stateOf, TAG } from '../../../engine/src/crypto/secretstream.ts';
import {
  chunkBytes,
  decryptSodium,
  encryptSodium,
  headerBytes,
  overheadBytes,
} from '../../../engine/src/crypto/sodium.ts';
import { RestoreError } from '../../../engine/src/failure.ts';
import { readFile } from '../../../engine/src/files/source.ts';
import type { KeyOffer } from '../../../engine/src/job.ts';
import { prepareWork } from '../../../engine/src/lanes/batchWork.ts';
import { type LaneSource, useLanes } from '../../../engine/src/lanes/lanes.ts';
import { laneThreads, laneThreadsOf } from '../../../engine/src/lanes/laneThreads.ts';
import { runJob } from '../../../engine/src/run.ts';
import { quietContext } from '../../../engine/src/run-context.ts';
import { pieces, watched } from '../pieces.ts';

const folder = path.resolve(import.meta.dirname, '../../../node_modules/.cache/restorable-test');
const program = path.join(folder, 'cipherLane.cjs');
const scratch = mkdtempSync(path.join(tmpdir(), 'restorable-lanes-'));
const chunk = chunkBytes + overheadBytes;
/** Chunks and bytes that a lane gets at once. */
const batchChunks = 128;
const batchBytes = 1024 * 1024;
const key = Uint8Array.from({ length: 32 }, (_, index) => index * 5);
const password = new TextEncoder().encode('a pass phrase for the tests');

let opened = 0;
let closed = 0;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [path.resolve(import.meta.dirname, '../../../engine/src/lanes/cipherLane.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    conditions: ['node', 'require'],
    mainFields: ['main', 'module'],
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'importMetaUrl' },
    logLevel: 'silent',
  });
  await sodium.ready;
});
afterEach(() => {
  useLanes(undefined);
  // Whatever became of a stream, none of its threads is left.
  expect(closed).toBe(opened);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('a libsodium stream through lanes', () => {
  test('is the same as without, whatever its length and its pieces', async () => {
    for (const chunks of [1, batchChunks - 1, batchChunks, batchChunks + 1, 5 * batchChunks]) {
      for (const odd of [0, 1]) {
        const plain = noise(chunks * chunkBytes + odd, chunks);
        const stream = await sealed(plain);
        for (const size of [524_288, chunk * batchChunks, 99_991]) {
          const isLent = size !== 524_288;
          const found = await inLanes(() => decryptSodium(pieces(stream, size), key, { isLent }));
          expect(found).toEqual({ failure: undefined, bytes: plain.length, sha256: sha256(plain) });
        }
      }
    }
  }, 300_000);

  test('is what libsodium itself makes of it', async () => {
    const plain = noise(2 * batchBytes + 12_345, 1);
    const stream = await sealed(plain);
    const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(stream.subarray(0, headerBytes), key);
    const theirs: Uint8Array[] = [];
    for (let at = headerBytes; at < stream.length; at += chunk) {
      const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, stream.subarray(at, at + chunk), null);
      theirs.push((opened || { message: new Uint8Array(0) }).message);
    }
    const ours = await inLanes(() => decryptSodium(pieces(stream, 524_288), key));
    expect(ours.sha256).toBe(sha256(Buffer.concat(theirs)));
  }, 120_000);

  test('written through a lane opens with libsodium, whatever its length', async () => {
    for (const length of [0, batchBytes - 1, batchBytes, batchBytes + 1, 3 * batchBytes + 5]) {
      const plain = noise(length, length);
      for (const isLent of [false, true]) {
        useLanes(source());
        const stream = await collected(encryptSodium(pieces(plain, 400_000), key, { isLent }));
        useLanes(undefined);
        expect(stream.length).toBe(24 + chunk * Math.floor(length / chunkBytes) + 17 + (length % chunkBytes));
        const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(stream.subarray(0, headerBytes), key);
        let tag: number = TAG.message;
        const hash = createHash('sha256');
        for (let at = headerBytes; at < stream.length; at += chunk) {
          expect(tag).toBe(TAG.message);
          const found = sodium.crypto_secretstream_xchacha20poly1305_pull(state, stream.subarray(at, at + chunk), null);
          if (!found) throw new Error(`the chunk at ${at} does not open`);
          hash.update(found.message);
          tag = found.tag;
        }
        expect(tag).toBe(TAG.final);
        expect(hash.digest('hex')).toBe(sha256(plain));
      }
    }
  }, 300_000);

  test('damaged at any border is reported as without: code, place, words, and what came before', async () => {
    const chunks = 5 * batchChunks + 3;
    const stream = await sealed(noise(chunks * chunkBytes + 100, 2));
    const at = (index: number) => headerBytes + index * chunk;
    const damaged: [string, Uint8Array][] = [];
    for (const index of [0, batchChunks - 1, batchChunks, 3 * batchChunks + 1, chunks]) {
      const end = Math.min(at(index + 1), stream.length);
      // The tag, the data, the part of the MAC that the next nonce depends on, and the part that it does not.
      for (const place of [at(index), at(index) + 50, end - 16, end - 1])
        damaged.push([`bit at ${place}`, changed(stream, place)]);
    }
    for (const index of [1, 2 * batchChunks, chunks]) {
      for (const near of [-1, 0, 17])
        damaged.push([`cut ${near} of chunk ${index}`, stream.subarray(0, at(index) + near)]);
      const before = stream.subarray(0, at(index));
      damaged.push([`without chunk ${index}`, Buffer.concat([before, stream.subarray(at(index) + chunk)])]);
      damaged.push([`chunk ${index} twice`, Buffer.concat([before, stream.subarray(at(index - 1))])]);
    }
    damaged.push(['appended', Buffer.concat([stream, new Uint8Array(3 * batchBytes)])]);
    for (const [what, bytes] of damaged) {
      const expected = await alone(() => decryptSodium(pieces(bytes, 524_288), key));
      const found = await inLanes(() => decryptSodium(pieces(bytes, 524_288), key, { isLent: true }));
      expect(expected.failure, what).toBeDefined();
      expect({ what, ...found }).toEqual({ what, ...expected });
    }
  }, 300_000);

  test('that changes its key on the way, or ends in the middle, is read as without', async () => {
    const at = (index: number) => headerBytes + index * chunk;
    for (const [tag, index] of [
      [TAG.push, 5],
      [TAG.rekey, 5],
      [TAG.rekey, batchChunks - 1],
      [TAG.rekey, batchChunks],
      [TAG.final, batchChunks + 3],
    ] as const) {
      const chunks = 4 * batchChunks;
      const stream = await sealedWith(noise(chunks * chunkBytes + 9, 3), new Map([[index, tag]]));
      for (const bytes of [stream, changed(stream, at(3 * batchChunks + 1) + 7), changed(stream, at(index) + 7)]) {
        const expected = await alone(() => decryptSodium(pieces(bytes, 524_288), key));
        expect(await inLanes(() => decryptSodium(pieces(bytes, 524_288), key))).toEqual(expected);
        if (bytes === stream) expect(expected.failure === undefined).toBe(tag !== TAG.final);
      }
    }
  }, 120_000);

  test('with another key gives nothing', async () => {
    const stream = await sealed(noise(3 * batchBytes, 4));
    const found = await inLanes(() => decryptSodium(pieces(stream, 524_288), new Uint8Array(32).fill(1)));
    expect(found).toMatchObject({ failure: { code: 'wrong-key', offset: headerBytes }, bytes: 0 });
  });

  test('leaves the key alone that it was given', async () => {
    const own = key.slice();
    const stream = await sealed(noise(3 * batchBytes, 4));
    await inLanes(() => decryptSodium(pieces(stream, 524_288), own));
    await inLanes(() => encryptSodium(pieces(stream, 524_288), own));
    expect(own).toEqual(key);
  });
});

describe('openssl enc through a lane', () => {
  const ciphers = ['aes-192-cbc', 'aes-256-cbc', 'aes-256-ctr', 'aes-256-cfb', 'aes-256-ofb', 'des-ede3-cbc'] as const;
  test.each(ciphers)(
    '%s is the same as without, whatever its length and its pieces',
    async (cipher) => {
      const scheme: OpensslScheme = { cipher, digest: 'sha256', iterations: undefined };
      for (const length of [
        0,
        1,
        15,
        batchBytes - 17,
        batchBytes - 1,
        batchBytes,
        batchBytes + 1,
        4 * batchBytes + 5,
      ]) {
        const plain = noise(length, 5);
        const stored = await collected(encryptOpenssl(pieces(plain, 300_000), password, scheme));
        for (const size of [524_288, 99_991]) {
          for (const isLent of [false, true]) {
            const found = await inLanes(() => decryptOpenssl(pieces(stored, size), password, scheme, { isLent }));
            expect(found).toEqual({ failure: undefined, bytes: length, sha256: sha256(plain) });
          }
        }
      }
    },
    300_000,
  );

  test.each(ciphers)(
    '%s written through a lane is what OpenSSL makes of it',
    async (cipher) => {
      const scheme: OpensslScheme = { cipher, digest: 'sha256', iterations: undefined };
      const keyBytes = cipher.startsWith('des') ? 24 : Number(cipher.slice(4, 7)) / 8;
      for (const length of [1, batchBytes, batchBytes + 1, 3 * batchBytes + 5]) {
        const plain = noise(length, 12);
        for (const [size, isLent] of [
          [300_000, false],
          [99_991, true],
        ] as const) {
          useLanes(source());
          const stored = await collected(encryptOpenssl(pieces(plain, size), password, scheme, { isLent }));
          useLanes(undefined);
          const derived = await derive(password, stored.subarray(8, 16), scheme);
          const iv = derived.subarray(keyBytes, keyBytes + (cipher.startsWith('des') ? 8 : 16));
          const theirs = createCipheriv(cipher, derived.subarray(0, keyBytes), iv);
          expect(sha256(stored.subarray(16))).toBe(sha256(Buffer.concat([theirs.update(plain), theirs.final()])));
        }
      }
    },
    120_000,
  );

  test('counts on when the counter overflows', async () => {
    const plain = noise(3 * batchBytes + 77, 6);
    for (const iv of [
      new Uint8Array(16).fill(0xff),
      Uint8Array.from({ length: 16 }, (_, at) => (at < 12 ? 7 : 0xff)),
    ]) {
      const stored = createCipheriv('aes-256-ctr', key, iv).update(plain);
      const found = await inLanes(() => decryptWithRawKey(pieces(stored, 524_288), { cipher: 'aes-256-ctr', key, iv }));
      expect(found.sha256).toBe(sha256(plain));
    }
  });

  test('cut or changed at its end is reported as without', async () => {
    const scheme: OpensslScheme = { cipher: 'aes-256-cbc', digest: 'sha256', iterations: undefined };
    const stored = await collected(encryptOpenssl(pieces(noise(3 * batchBytes, 7), 300_000), password, scheme));
    const start = 16;
    const cuts = [2 * batchBytes + start, 2 * batchBytes + start - 1, 2 * batchBytes + start + 16, stored.length - 16];
    for (const bytes of [...cuts.map((it) => stored.subarray(0, it)), changed(stored, stored.length - 1)]) {
      const expected = await alone(() => decryptOpenssl(pieces(bytes, 524_288), password, scheme));
      expect(expected.failure?.code).toBe('truncated');
      const found = await inLanes(() => decryptOpenssl(pieces(bytes, 524_288), password, scheme));
      expect(found).toEqual(expected);
    }
  });
});

describe('an OpenPGP message through a lane', () => {
  const plainOf = async (input: AsyncIterable<Uint8Array>, isLent: boolean) =>
    (await openOpenpgp(input, [{ kind: 'password', bytes: password }], { isLent })).plain;

  test('is the same as without, whatever its length and its pieces', async () => {
    for (const length of [1, batchBytes - 100, batchBytes, batchBytes + 1, 4 * batchBytes + 5]) {
      const plain = noise(length, 8);
      const stored = await collected(encryptWithPassword(pieces(plain, 300_000), password));
      for (const size of [524_288, 99_991]) {
        for (const isLent of [false, true]) {
          const found = await inLanes(async () => plainOf(pieces(stored, size), isLent));
          expect(found).toEqual({ failure: undefined, bytes: length, sha256: sha256(plain) });
        }
      }
    }
  }, 300_000);

  test('written through a lane opens without', async () => {
    for (const length of [1, batchBytes - 30, batchBytes + 1, 3 * batchBytes + 5]) {
      const plain = noise(length, 13);
      for (const size of [300_000, 99_991]) {
        useLanes(source());
        const stored = await collected(encryptWithPassword(pieces(plain, size), password));
        useLanes(undefined);
        const found = await alone(async () => plainOf(pieces(stored, 524_288), false));
        expect(found).toEqual({ failure: undefined, bytes: length, sha256: sha256(plain) });
      }
    }
  }, 120_000);

  test('changed or cut anywhere is reported as without', async () => {
    const stored = await collected(encryptWithPassword(pieces(noise(3 * batchBytes, 9), 300_000), password));
    const places = [200_000, batchBytes - 1, batchBytes + 40, 2 * batchBytes, stored.length - 30, stored.length - 1];
    const damaged = places.flatMap((place) => [changed(stored, place), stored.subarray(0, place)]);
    for (const bytes of damaged) {
      const expected = await alone(async () => plainOf(pieces(bytes, 524_288), false));
      expect(['damaged', 'truncated']).toContain(expected.failure?.code);
      const found = await inLanes(async () => plainOf(pieces(bytes, 524_288), false));
      expect(found.failure).toEqual(expected.failure);
    }
  }, 120_000);
});

describe('a file', () => {
  const text = (bytes: string) => new TextEncoder().encode(bytes);
  const keys: Record<string, () => KeyOffer> = {
    sodium: () => ({ kind: 'sodium', source: 'a', bytes: text('ab'.repeat(32)) }),
    openpgp: () => ({ kind: 'password', source: 'b', bytes: text('correct horse\n') }),
    openssl: () => ({ kind: 'password', source: 'c', bytes: text('correct horse\n') }),
  };

  test.each(['sodium', 'openpgp', 'openssl'] as const)(
    'that %s encrypts and decrypts through lanes is on the disk what it was, though memory is used again and again',
    async (method) => {
      const file = (name: string) => path.join(scratch, `${method}-${name}`);
      // Few rounds: it is not the password that is tested here.
      const openssl = { iterations: 1_000, pbkdf2: true, digest: 'sha256' } as const;
      const sql = text('CREATE TABLE backups (id bigint, name text);\n'.repeat(40));
      const plain = Buffer.concat([sql, noise(13 * batchBytes + 77, 14)]);
      writeFileSync(file('plain'), plain);
      for (const [encrypts, decrypts] of [
        [source(), undefined],
        [undefined, source()],
        [source(), source()],
      ]) {
        const before = opened;
        useLanes(encrypts);
        const encrypt = {
          kind: 'encrypt',
          method,
          input: file('plain'),
          output: file('stored'),
          overwrite: true,
        } as const;
        expect(await runJob({ ...encrypt, openssl, key: keys[method]!() }, quietContext())).toMatchObject({ ok: true });
        useLanes(decrypts);
        const decrypt = { kind: 'decrypt', input: file('stored'), output: file('again'), overwrite: true } as const;
        expect(await runJob({ ...decrypt, openssl, key: keys[method]!() }, quietContext())).toMatchObject({ ok: true });
        expect(sha256(readFileSync(file('again')))).toBe(sha256(plain));
        expect(opened - before).toBe((encrypts ? 1 : 0) + (decrypts ? 1 : 0));
      }
    },
    120_000,
  );
});

describe('lanes', () => {
  test('are gone when a stream is left early, and its input is closed', async () => {
    const stream = await sealed(noise(6 * batchBytes, 10));
    for (const most of [0, 1, 3]) {
      const input = watched(pieces(stream, 524_288));
      useLanes(source());
      let seen = 0;
      for await (const _ of decryptSodium(input.stream, key)) if (seen++ === most) break;
      expect(input.closed()).toBe(1);
      expect(closed).toBe(opened);
    }
  });

  test('are gone when the input fails, and all that was read before has come out', async () => {
    const stream = await sealed(noise(6 * batchBytes, 10));
    for (const until of [batchBytes / 2, 2 * batchBytes + 4, 4 * batchBytes]) {
      const failing = () => failingAfter(pieces(stream.subarray(0, until), 100_000));
      const expected = await alone(() => decryptSodium(failing(), key));
      expect(expected.failure).toMatchObject({ code: 'io', message: 'the disk is gone' });
      expect(await inLanes(() => decryptSodium(failing(), key))).toEqual(expected);
    }
  });

  test('are gone when the work is stopped', async () => {
    const file = path.join(scratch, 'sealed');
    writeFileSync(file, await sealed(noise(8 * batchBytes, 10)));
    const stop = new AbortController();
    const found = await inLanes(() => {
      let seen = 0;
      const onBytes = (delta: number) => {
        seen += delta;
        if (seen > 3 * batchBytes) stop.abort();
      };
      return decryptSodium(readFile(file, { signal: stop.signal, onBytes, isLent: true }), key, { isLent: true });
    });
    expect(found.failure?.code).toBe('cancelled');
  });

  test('serve one stream at a time; another does without', async () => {
    const plain = noise(3 * batchBytes, 11);
    const stream = await sealed(plain);
    const before = opened;
    useLanes(source());
    const both = await Promise.all([1, 2].map(() => collected(decryptSodium(pieces(stream, 524_288), key))));
    for (const it of both) expect(sha256(it)).toBe(sha256(plain));
    expect(opened).toBe(before + 1);
    await collected(decryptSodium(pieces(stream, 524_288), key));
    expect(opened).toBe(before + 2);
  });

  test('that do not start are done without', async () => {
    const broken = path.join(scratch, 'broken.cjs');
    writeFileSync(broken, 'throw new Error("no")');
    const plain = noise(3 * batchBytes, 11);
    const stream = await sealed(plain);
    useLanes(source(broken));
    expect(sha256(await collected(decryptSodium(pieces(stream, 524_288), key)))).toBe(sha256(plain));
    expect(laneThreads(path.join(scratch, 'missing.js'))).toBeUndefined();
  });

  test('that die in the middle end the stream with an error, not with silence', async () => {
    const dying = path.join(scratch, 'dying.cjs');
    writeFileSync(
      dying,
      `const { parentPort } = require('node:worker_threads');
       parentPort.on('message', (it) => { if (it.type === 'batch') process.exit(1); });
       parentPort.postMessage({ type: 'ready' });`,
    );
    const stream = await sealed(noise(6 * batchBytes, 11));
    useLanes(source(dying));
    await expect(collected(decryptSodium(pieces(stream, 524_288), key))).rejects.toThrow('a thread of the engine');
  });

  test('are not called for a stream that is short', async () => {
    const before = opened;
    const stream = await sealed(noise(3 * batchBytes, 11));
    useLanes({ ...source(), worthFrom: 16 * batchBytes });
    await collected(decryptSodium(pieces(stream, 524_288), key));
    expect(opened).toBe(before);
  });

  test('overwrite the keys that they were given', async () => {
    const works = [
      { kind: 'open secretstream', key: key.slice(), chunkBytes },
      { kind: 'seal secretstream', key: key.slice(), nonce: new Uint8Array(12), chunkBytes },
      { kind: 'decipher', cipher: 'aes-256-cbc', key: key.slice() },
      { kind: 'decipher', cipher: 'aes-256-cfb', key: key.slice() },
      { kind: 'encipher', cipher: 'aes-256-cbc', key: key.slice(), iv: new Uint8Array(16) },
    ] as const;
    for (const work of works) {
      const workFor = await prepareWork(work.kind);
      workFor(work).wipe();
      expect(work.key).toEqual(new Uint8Array(32));
    }
  });
});

interface Outcome {
  failure: RestoreError['failure'] | undefined;
  bytes: number;
  sha256: string;
}

type Stream = () => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;

/** Real threads from the first byte on; counts who opens and closes them. */
function source(from = program): LaneSource {
  const threads = laneThreadsOf({ program: from, most: 2, worthFrom: 0, isWaitedFor: true });
  return {
    ...threads,
    open(kind, most) {
      const lanes = threads.open(kind, most);
      if (lanes === undefined) return undefined;
      opened++;
      let isClosed = false;
      return {
        get count() {
          return lanes.count;
        },
        get isReady() {
          return lanes.isReady;
        },
        started: lanes.started,
        begin: (work) => lanes.begin(work),
        run: (batch) => lanes.run(batch),
        async close() {
          await lanes.close();
          if (!isClosed) closed++;
          isClosed = true;
        },
      };
    },
  };
}

async function inLanes(stream: Stream): Promise<Outcome> {
  useLanes(source());
  try {
    return await alone(stream);
  } finally {
    useLanes(undefined);
  }
}

/** A piece is looked at when the next one is there: that long it must hold, lent or not. */
async function alone(stream: Stream): Promise<Outcome> {
  const hash = createHash('sha256');
  let bytes = 0;
  let last = new Uint8Array(0) as Uint8Array;
  const take = (next: Uint8Array) => {
    hash.update(last);
    bytes += last.length;
    last = next;
  };
  let failure: RestoreError['failure'] | undefined;
  try {
    for await (const piece of await stream()) take(piece);
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error;
    failure = error.failure;
  }
  take(new Uint8Array(0));
  return { failure, bytes, sha256: hash.digest('hex') };
}

async function collected(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of stream) parts.push(Uint8Array.from(piece));
  return new Uint8Array(Buffer.concat(parts));
}

async function* failingAfter(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* input;
  throw new RestoreError({ code: 'io', stage: 'open', message: 'the disk is gone' });
}

function sealed(plain: Uint8Array): Promise<Uint8Array> {
  return collected(encryptSodium(pieces(plain, Number.POSITIVE_INFINITY), key));
}

/** As `sealed`, with other tags for some of the chunks. */
async function sealedWith(plain: Uint8Array, tags: ReadonlyMap<number, number>): Promise<Uint8Array> {
  const secretstream = await fastestSecretstream();
  const { header } = newStream(key);
  const state = stateOf(header, key);
  const parts: Uint8Array[] = [header];
  for (let index = 0; index * chunkBytes <= plain.length; index++) {
    const message = plain.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    const isLast = message.length < chunkBytes;
    const sealedChunk = new Uint8Array(message.length + overheadBytes);
    secretstream.push(state, message, isLast ? TAG.final : (tags.get(index) ?? TAG.message), sealedChunk);
    parts.push(sealedChunk);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function changed(bytes: Uint8Array, place: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[place] = (copy[place] as number) ^ 1;
  return copy;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The same in every run. */
function noise(length: number, seed: number): Uint8Array {
  const stream = createCipheriv('aes-128-ctr', new Uint8Array(16).fill(seed & 0xff), new Uint8Array(16));
  return new Uint8Array(stream.update(new Uint8Array(length)));
}
