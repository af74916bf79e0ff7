/**
 * crypto_secretstream_xchacha20poly1305 of libsodium, one chunk at a time, by whatever runs it fastest here: libsodium's own
 * machine code (the add-on sodium-native), the ChaCha20-Poly1305 of Node's OpenSSL, or libsodium in WebAssembly. All three
 * work on the same state and give the same bytes; the tests compare them.
 */

import { createCipheriv, createDecipheriv, getCiphers } from 'node:crypto';
import type Sodium from 'libsodium-wrappers';
import type { StateAddress } from 'libsodium-wrappers';
import { copyOf } from '../bytes.ts';
import { addOn, headerBytes, type StreamCipher, stateBytes } from './secretstreamAddOn.ts';

export { headerBytes };

/** `k` 32 bytes, nonce 12 bytes (a little-endian counter of 4, then the inonce of 8), 8 bytes unused: the struct of libsodium. */
export type SecretstreamState = Uint8Array;

/** What a chunk is longer when encrypted: one byte of tag, 16 of MAC. */
export const overheadBytes = 17;

export const TAG = { message: 0, push: 1, rekey: 2, final: 3 } as const;

export interface Secretstream extends StreamCipher {
  readonly name: 'add-on' | 'OpenSSL' | 'WebAssembly';
}

/** The fastest that runs here. The others need libsodium in WebAssembly for the rare steps, which takes a while to load. */
export async function fastestSecretstream(): Promise<Secretstream> {
  fastest ??= throughAddOn();
  if (fastest) return fastest;
  await loadLibrary();
  fastest = throughOpenssl() ?? throughWebAssembly;
  return fastest;
}

let fastest: Secretstream | undefined;
let sodium: typeof Sodium;

async function loadLibrary(): Promise<void> {
  const library = (await import('libsodium-wrappers')).default;
  await library.ready;
  sodium = library;
}

/** Every implementation that runs here, for the tests that compare them. */
export async function allSecretstreams(): Promise<Secretstream[]> {
  await loadLibrary();
  return [throughAddOn(), throughOpenssl(), throughWebAssembly].filter((it) => it !== undefined);
}

function stateOf(header: Uint8Array, key: Uint8Array): SecretstreamState {
  const place = address(sodium.crypto_secretstream_xchacha20poly1305_init_pull(header, key));
  const state = memory().slice(place, place + stateBytes);
  release(place);
  return state;
}

function newStream(key: Uint8Array): { header: Uint8Array; state: SecretstreamState } {
  const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(key);
  release(address(state));
  return { header, state: stateOf(header, key) };
}

/**
 * Tag and plaintext of a chunk that did not authenticate, for a guess at the cause. Never to be passed on.
 *
 * A chunk is what ChaCha20-Poly1305 (RFC 8439) makes of 64 bytes `tag, 0, …, 0` and the data, of which only the first of
 * the 64 is stored: encrypting zeros with the state's key and nonce gives the key stream for both.
 */
export async function lookInto(
  state: SecretstreamState,
  chunk: Uint8Array,
): Promise<{ tag: number; message: Uint8Array }> {
  await loadLibrary();
  const length = chunk.length - overheadBytes;
  const keyStream = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
    new Uint8Array(blockBytes + length),
    null,
    null,
    state.subarray(32, 44),
    state.subarray(0, 32),
  );
  const message = copyOf(chunk.subarray(1, 1 + length));
  for (let index = 0; index < length; index++)
    message[index] = (message[index] as number) ^ (keyStream[blockBytes + index] as number);
  const tag = (chunk[0] as number) ^ (keyStream[0] as number);
  keyStream.fill(0);
  return { tag, message };
}

/** The tag stands in a block of its own (crypto_secretstream_xchacha20poly1305_push: `block`). */
const blockBytes = 64;
const macBytes = 16;

function throughAddOn(): Secretstream | undefined {
  const native = addOn();
  return native && { name: 'add-on', ...native };
}

/**
 * A chunk is ChaCha20-Poly1305 (RFC 8439) over the tag's block and the data, with one difference: libsodium pads the data
 * to 16 bytes with the number of bytes that lie over, not with what is missing. For lengths that are a multiple of 8 both
 * are the same; other lengths (a last chunk) go through WebAssembly.
 *
 * undefined where the OpenSSL below has not got the ciphers (BoringSSL in editors).
 */
function throughOpenssl(): Secretstream | undefined {
  const ciphers = getCiphers();
  if (!ciphers.includes('chacha20-poly1305') || !ciphers.includes('chacha20')) return undefined;
  const options = { authTagLength: macBytes };
  const zeros = new Uint8Array(blockBytes);
  // Used again and again; the thread works on one chunk at a time.
  const block = new Uint8Array(blockBytes);
  const initial = new Uint8Array(16);
  return {
    name: 'OpenSSL',
    stateOf,
    newStream,
    pull(state, chunk, message) {
      if (message.length % 8 !== 0) return throughWebAssembly.pull(state, chunk, message);
      const key = state.subarray(0, 32);
      const nonce = state.subarray(32, 44);
      // Block 0 makes the key of Poly1305, block 1 is the tag's; all but its first byte were never stored.
      initial.set([1, 0, 0, 0]);
      initial.set(nonce, 4);
      block.set(createCipheriv('chacha20', key, initial).update(zeros));
      block[0] = chunk[0] as number;
      const mac = chunk.subarray(chunk.length - macBytes);
      const decipher = createDecipheriv('chacha20-poly1305', key, nonce, options);
      decipher.setAuthTag(mac);
      const tag = decipher.update(block)[0] as number;
      const plain = decipher.update(chunk.subarray(1, chunk.length - macBytes));
      try {
        decipher.final();
      } catch {
        plain.fill(0);
        return undefined;
      }
      message.set(plain);
      advance(state, mac, tag);
      return tag;
    },
    push(state, message, tag, chunk) {
      if (message.length % 8 !== 0) return throughWebAssembly.push(state, message, tag, chunk);
      const cipher = createCipheriv('chacha20-poly1305', state.subarray(0, 32), state.subarray(32, 44), options);
      block.fill(0);
      block[0] = tag;
      chunk[0] = cipher.update(block)[0] as number;
      chunk.set(cipher.update(message), 1);
      cipher.final();
      const mac = cipher.getAuthTag();
      chunk.set(mac, chunk.length - macBytes);
      advance(state, mac, tag);
    },
  };
}

/** To the next chunk: its MAC goes into the nonce, the counter goes up, and the key changes after a rekey tag or when the counter is used up. */
function advance(state: SecretstreamState, mac: Uint8Array, tag: number): void {
  for (let index = 0; index < 8; index++) state[36 + index] = (state[36 + index] as number) ^ (mac[index] as number);
  let carry = 1;
  for (let index = 32; index < 36; index++) {
    carry += state[index] as number;
    state[index] = carry & 0xff;
    carry >>= 8;
  }
  if ((tag & TAG.rekey) === 0 && carry === 0) return;
  inLibrary(state, (place) => raw()._crypto_secretstream_xchacha20poly1305_rekey(place));
}

const throughWebAssembly: Secretstream = {
  name: 'WebAssembly',
  stateOf,
  newStream,
  pull(state, chunk, message) {
    return inLibrary(state, (place) => {
      const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(place as unknown as StateAddress, chunk, null);
      if (!opened) return undefined;
      message.set(opened.message);
      return opened.tag;
    });
  },
  push(state, message, tag, chunk) {
    inLibrary(state, (place) => {
      chunk.set(
        sodium.crypto_secretstream_xchacha20poly1305_push(place as unknown as StateAddress, message, null, tag),
      );
    });
  },
};

/** Lends the state to the library: it works on its own memory, where no key must stay. */
function inLibrary<T>(state: SecretstreamState, work: (place: number) => T): T {
  const place = raw()._malloc(stateBytes);
  try {
    memory().set(state, place);
    const result = work(place);
    state.set(memory().subarray(place, place + stateBytes));
    return result;
  } finally {
    release(place);
  }
}

function release(place: number): void {
  memory().fill(0, place, place + stateBytes);
  raw()._free(place);
}

interface RawLibrary {
  HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(place: number): void;
  _crypto_secretstream_xchacha20poly1305_rekey(state: number): void;
}

function raw(): RawLibrary {
  return (sodium as unknown as { libsodium: RawLibrary }).libsodium;
}

function memory(): Uint8Array {
  return raw().HEAPU8;
}

/** The types speak of an object, the library hands out the number itself. */
function address(state: StateAddress): number {
  return typeof state === 'number' ? state : state.address;
}
