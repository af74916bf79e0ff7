/** What lanes do to their batches, in the memory of the batch itself. Knows nothing of threads. */

import { createCipheriv, createDecipheriv } from 'node:crypto';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { aesCfbCipher, type Decipher } from '../crypto/cfb.ts';
import type { ChunkCipher } from '../crypto/secretstreamAddOn.ts';
import type { Batch, LaneKind, LaneWork, WorkedBatch } from './lanes.ts';

export interface BatchWork {
  run(batch: Batch): WorkedBatch;
  /** Overwrites its secrets. */
  wipe(): void;
}

const overheadBytes = 17;
const blockBytes = 16;
const stateBytes = 52;
const keyBytes = 32;
const nonceBytes = 12;
/** Bits of a secretstream's tag: with this one its key changes (TAG.rekey, and TAG.final holds it). */
const rekeyBit = 2;

/** Loads what the work needs. */
export async function prepareWork(kind: LaneKind): Promise<(work: LaneWork) => BatchWork> {
  nowhere ??= await openNowhere();
  const chunkCipher = kind.endsWith('secretstream') ? await fastestChunkCipher() : undefined;
  return (work) => {
    switch (work.kind) {
      case 'open secretstream':
        return openChunks(chunkCipher as ChunkCipher, work);
      case 'seal secretstream':
        return sealChunks(chunkCipher as ChunkCipher, work);
      case 'decipher':
        return /-cfb$/.test(work.cipher) ? decipherCfb(work) : decipherBlocks(work);
      case 'encipher':
        return encipherBlocks(work);
    }
  };
}

/** The add-on needs nothing else; a lane that has it starts without the library. */
async function fastestChunkCipher(): Promise<ChunkCipher> {
  const { addOn } = await import('../crypto/secretstreamAddOn.ts');
  return addOn() ?? (await import('../crypto/secretstream.ts')).fastestSecretstream();
}

type Of<K extends LaneKind> = Extract<LaneWork, { kind: K }>;

/** Stops in front of a chunk that does not open, and of one behind which the key changes: what follows is not for lanes. */
function openChunks(cipher: ChunkCipher, { key, chunkBytes }: Of<'open secretstream'>): BatchWork {
  const state = new Uint8Array(stateBytes);
  const nonce = state.subarray(keyBytes, keyBytes + nonceBytes);
  const before = new Uint8Array(nonceBytes);
  const storedBytes = chunkBytes + overheadBytes;
  return {
    run({ memory, start, end, place }) {
      const bytes = new Uint8Array(memory);
      state.set(key);
      nonce.set(place);
      let at = start;
      let to = 0;
      for (; at < end; at += storedBytes, to += chunkBytes) {
        before.set(nonce);
        const tag = cipher.pull(state, bytes.subarray(at, at + storedBytes), bytes.subarray(to, to + chunkBytes));
        if (tag === undefined || (tag & rekeyBit) !== 0) {
          nonce.set(before);
          break;
        }
      }
      return { memory, from: 0, to, stoppedAt: at, place: nonce.slice() };
    },
    wipe() {
      key.fill(0);
      state.fill(0);
    },
  };
}

function sealChunks(cipher: ChunkCipher, { key, nonce, chunkBytes }: Of<'seal secretstream'>): BatchWork {
  const state = new Uint8Array(stateBytes);
  state.set(key);
  state.set(nonce, keyBytes);
  key.fill(0);
  const storedBytes = chunkBytes + overheadBytes;
  return {
    run({ memory, start, end }) {
      const bytes = new Uint8Array(memory);
      let to = 0;
      for (let at = start; at < end; at += chunkBytes, to += storedBytes)
        cipher.push(state, bytes.subarray(at, at + chunkBytes), 0, bytes.subarray(to, to + storedBytes));
      return { memory, from: 0, to, stoppedAt: end, place: state.slice(keyBytes, keyBytes + nonceBytes) };
    },
    wipe: () => void state.fill(0),
  };
}

/** Large enough that a call costs nothing, small enough that what comes out of it stays in the cache. */
const stepBytes = 128 * 1024;

/**
 * A cipher returns fresh memory with every call, by the gigabyte; left to the collector it is gone to the system and comes
 * back page by page, which takes longer than AES. What is sent where nobody listens is free at once, and the next call gets
 * the same memory, still warm.
 */
function release(bytes: Uint8Array): void {
  nowhere?.postMessage(undefined, [bytes.buffer as ArrayBuffer]);
}

let nowhere: MessagePort | undefined;

/** Resolves when the other end is really closed: until then, what is sent would wait there. */
function openNowhere(): Promise<MessagePort> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.once('close', () => resolve(port1));
    port2.close();
  });
}

function decipherBlocks({ cipher, key }: Of<'decipher'>): BatchWork {
  return {
    run(batch) {
      return throughCipher(createDecipheriv(cipher, key, batch.place).setAutoPadding(false), batch);
    },
    wipe: () => void key.fill(0),
  };
}

function encipherBlocks({ cipher, key, iv }: Of<'encipher'>): BatchWork {
  const running = /-cfb$/.test(cipher) ? aesCfbCipher(key, iv) : createCipheriv(cipher, key, iv).setAutoPadding(false);
  key.fill(0);
  return {
    run(batch) {
      const done = throughCipher(running, batch);
      return { ...done, place: new Uint8Array(batch.memory).slice(batch.end - blockBytes, batch.end) };
    },
    wipe: () => undefined,
  };
}

function throughCipher(cipher: Pick<Decipher, 'update'>, { memory, start, end, place }: Batch): WorkedBatch {
  const bytes = new Uint8Array(memory);
  for (let at = start; at < end; at += stepBytes) {
    const made = cipher.update(bytes.subarray(at, Math.min(at + stepBytes, end)));
    bytes.set(made, at);
    release(made);
  }
  return { memory, from: start, to: end, stoppedAt: end, place };
}

const wordBytes = 8;

/**
 * CFB as in `crypto/cfb.ts`: the key stream of a block is the encryption of the ciphertext before it. From the end to the
 * start, since each step needs the last block of the one before it as it came.
 */
function decipherCfb({ cipher, key }: Of<'decipher'>): BatchWork {
  const ecb = createCipheriv(cipher.replace(/cfb$/, 'ecb'), key, null).setAutoPadding(false);
  key.fill(0);
  return {
    run({ memory, start, end, place }) {
      const bytes = new Uint8Array(memory);
      bytes.set(place, start - blockBytes);
      for (let at = start + Math.floor((end - start - 1) / stepBytes) * stepBytes; at >= start; at -= stepBytes) {
        const length = Math.min(stepBytes, end - at);
        const keyStream = ecb.update(bytes.subarray(at - blockBytes, at - blockBytes + length));
        const words = new BigUint64Array(memory, at, length / wordBytes);
        const keyWords = new BigUint64Array(keyStream.buffer, keyStream.byteOffset, length / wordBytes);
        for (let index = 0; index < words.length; index++)
          words[index] = (words[index] as bigint) ^ (keyWords[index] as bigint);
        release(keyStream);
      }
      return { memory, from: start, to: end, stoppedAt: end, place };
    },
    wipe: () => undefined,
  };
}
