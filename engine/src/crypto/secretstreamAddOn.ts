/** libsodium's own machine code for chunks of a secretstream: the add-on sodium-native, where it is installed. */

import { createRequire } from 'node:module';

/** One chunk of a secretstream at a time. Changes of the state are made in place. */
export interface ChunkCipher {
  /**
   * Opens one chunk into `message`, which is 17 bytes shorter. A chunk that does not authenticate leaves the state alone.
   *
   * @returns its tag; undefined when it does not authenticate, and `message` is then zeros or untouched
   */
  pull(state: Uint8Array, chunk: Uint8Array, message: Uint8Array): number | undefined;
  /** Encrypts one chunk into `chunk`, which is 17 bytes longer than the message. */
  push(state: Uint8Array, message: Uint8Array, tag: number, chunk: Uint8Array): void;
}

/** Chunks, and the state in front of the first one. */
export interface StreamCipher extends ChunkCipher {
  /** The state in front of the first chunk. The caller wipes it (`fill(0)`). @param header 24 bytes @param key 32 bytes */
  stateOf(header: Uint8Array, key: Uint8Array): Uint8Array;
  /** A new stream: its header, and as `stateOf`. */
  newStream(key: Uint8Array): { header: Uint8Array; state: Uint8Array };
}

/** What sodium-native exports of it. */
interface AddOn {
  crypto_secretstream_xchacha20poly1305_STATEBYTES: number;
  crypto_secretstream_xchacha20poly1305_init_pull(state: Uint8Array, header: Uint8Array, key: Uint8Array): void;
  crypto_secretstream_xchacha20poly1305_init_push(state: Uint8Array, header: Uint8Array, key: Uint8Array): void;
  crypto_secretstream_xchacha20poly1305_pull(
    state: Uint8Array,
    message: Uint8Array,
    tag: Uint8Array,
    chunk: Uint8Array,
    ad: null,
  ): number;
  crypto_secretstream_xchacha20poly1305_push(
    state: Uint8Array,
    chunk: Uint8Array,
    message: Uint8Array,
    ad: null,
    tag: number,
  ): number;
}

/** The struct of libsodium: key, nonce, padding. */
export const stateBytes = 52;
export const headerBytes = 24;

/** undefined where it is not installed, or has no build for this machine. */
export function addOn(): StreamCipher | undefined {
  try {
    const native = createRequire(import.meta.url)('sodium-native') as AddOn;
    if (native.crypto_secretstream_xchacha20poly1305_STATEBYTES !== stateBytes) return undefined;
    const tag = new Uint8Array(1);
    return {
      stateOf(header, key) {
        const state = new Uint8Array(stateBytes);
        native.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key);
        return state;
      },
      newStream(key) {
        const state = new Uint8Array(stateBytes);
        const header = new Uint8Array(headerBytes);
        native.crypto_secretstream_xchacha20poly1305_init_push(state, header, key);
        return { header, state };
      },
      pull(state, chunk, message) {
        try {
          native.crypto_secretstream_xchacha20poly1305_pull(state, message, tag, chunk, null);
          return tag[0];
        } catch {
          return undefined;
        }
      },
      push(state, message, tag, chunk) {
        native.crypto_secretstream_xchacha20poly1305_push(state, chunk, message, null, tag);
      },
    };
  } catch {
    return undefined;
  }
}
