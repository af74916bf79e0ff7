/** What lanes do to their batches, in the memory of the batch itself. Knows nothing of threads. */

import { addOn, type ChunkCipher, stateBytes } from '../crypto/secretstreamAddOn.ts';
import type { Batch, LaneWork, WorkedBatch } from './lanes.ts';

export interface BatchWork {
  run(batch: Batch): WorkedBatch;
  /** Overwrites its secrets. */
  wipe(): void;
}

const overheadBytes = 17;
const keyBytes = 32;
const nonceBytes = 12;
/** Bits of a secretstream's tag: with this one its key changes (TAG.rekey, and TAG.final holds it). */
const rekeyBit = 2;

/** Loads what the work needs. The add-on needs nothing else: a lane that has it starts without the library. */
export async function prepareWork(): Promise<(work: LaneWork) => BatchWork> {
  const cipher = addOn() ?? (await (await import('../crypto/secretstream.ts')).fastestSecretstream());
  return (work) => openChunks(cipher, work);
}

/** Stops in front of a chunk that does not open, and of one behind which the key changes: what follows is not for lanes. */
function openChunks(cipher: ChunkCipher, { key, chunkBytes }: LaneWork): BatchWork {
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
      return { memory, bytes: to, stoppedAt: at, place: nonce.slice() };
    },
    wipe() {
      key.fill(0);
      state.fill(0);
    },
  };
}
