import { createCipheriv, createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import sodium from 'libsodium-wrappers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fastestSecretstream, TAG } from '../../../engine/src/crypto/secretstream.ts';
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
    await collected(encryptSodium(pieces(stream, 524_288), own));
    expect(own).toEqual(key);
  });
});

describe('a file', () => {
  const text = (bytes: string) => new TextEncoder().encode(bytes);
  const keyOffer = (): KeyOffer => ({ kind: 'sodium', source: 'a', bytes: text('ab'.repeat(32)) });

  test('that is decrypted through lanes is on the disk what it was, though memory is used again and again', async () => {
    const file = (name: string) => path.join(scratch, name);
    const sql = text('CREATE TABLE backups (id bigint, name text);\n'.repeat(40));
    const plain = Buffer.concat([sql, noise(13 * batchBytes + 77, 14)]);
    writeFileSync(file('plain'), plain);
    const encrypt = { kind: 'encrypt', method: 'sodium', input: file('plain'), output: file('stored') } as const;
    expect(await runJob({ ...encrypt, key: keyOffer() }, quietContext())).toMatchObject({ ok: true });
    for (const decrypts of [undefined, source()]) {
      const before = opened;
      useLanes(decrypts);
      const decrypt = { kind: 'decrypt', input: file('stored'), output: file('again'), overwrite: true } as const;
      expect(await runJob({ ...decrypt, key: keyOffer() }, quietContext())).toMatchObject({ ok: true });
      expect(sha256(readFileSync(file('again')))).toBe(sha256(plain));
      expect(opened - before).toBe(decrypts ? 1 : 0);
    }
  }, 120_000);
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
    const work = { key: key.slice(), chunkBytes };
    const workFor = await prepareWork();
    workFor(work).wipe();
    expect(work.key).toEqual(new Uint8Array(32));
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
    open(most) {
      const lanes = threads.open(most);
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
  const { header, state } = secretstream.newStream(key);
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
