/** libsodium secretstream as WAL-G writes it: a 24-byte header, then chunks of 8192 bytes, the last one marked as final. */

import sodium, { type StateAddress } from 'libsodium-wrappers';
import { ByteReader, copyOf } from '../bytes.ts';
import { looksMeaningful } from '../contents/sniff.ts';
import { fail } from '../failure.ts';

export const headerBytes = 24;
export const chunkBytes = 8_192;
/** What a chunk is longer when encrypted: one byte of tag, 16 of MAC. */
export const overheadBytes = 17;
const encryptedChunkBytes = chunkBytes + overheadBytes;

/**
 * What the length of a file alone says, without any key: the last chunk carries 0 to 8191 bytes, so a whole stream is
 * 24 + 8209 n + 17 … 8208 bytes long. `cut` names what is missing at the end.
 */
export function sodiumLength(
  bytes: number,
): { isPossible: true; plainBytes: number } | { isPossible: false; cut: string } {
  if (bytes < headerBytes + overheadBytes)
    return { isPossible: false, cut: `a stream has at least ${headerBytes + overheadBytes} bytes, this one ${bytes}` };
  const last = (bytes - headerBytes) % encryptedChunkBytes;
  if (last === 0)
    return { isPossible: false, cut: 'it ends at the border of a chunk, where the final chunk should begin' };
  if (last < overheadBytes)
    return { isPossible: false, cut: `its last chunk has ${last} bytes, ${overheadBytes} is the least` };
  return {
    isPossible: true,
    plainBytes: Math.floor((bytes - headerBytes) / encryptedChunkBytes) * chunkBytes + last - overheadBytes,
  };
}

/**
 * Decrypts what WAL-G wrote with libsodium: a 24-byte header, then chunks of 8192 bytes of plaintext that are 17 bytes
 * longer when encrypted; the last is shorter, even empty, and tagged as final.
 *
 * Format: wal-g `internal/crypto/libsodium/{reader,writer}.go`. Its reader takes a file cut at a chunk border for
 * complete; we ask for the final tag, and that nothing follows it.
 *
 * @param key exactly 32 bytes; wiped by the caller
 * @param size the length of the whole input where it is known: a cut is then told from a wrong key before anything is read
 * @throws RestoreError `wrong-key` if the first chunk does not authenticate (and what it decrypts to is noise),
 *   `damaged` (with the chunk's offset in the encrypted file) if a later one does not,
 *   `truncated` if the input ends before the stream says so. Never yields a byte of an unauthenticated chunk.
 */
export async function* decryptSodium(
  input: AsyncIterable<Uint8Array>,
  key: Uint8Array,
  size?: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  await sodium.ready;
  const reader = new ByteReader(input);
  let pull: PullState | undefined;
  try {
    const header = await readHeader(reader, size);
    pull = startPull(header, key);
    for (let index = 0; ; index++) {
      const offset = reader.offset;
      const chunk = await reader.read(encryptedChunkBytes);
      if (chunk.length === 0) failCut(offset, 'the final chunk is missing');
      if (chunk.length < overheadBytes)
        failCut(offset, `its last chunk has ${chunk.length} bytes, ${overheadBytes} is the least`);
      const opened = pull.open(chunk);
      if (opened === undefined) failUnauthenticated(pull, chunk, { index, offset });
      if (opened.message.length > 0) yield opened.message;
      if (opened.tag === sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL) {
        await demandEnd(reader);
        return;
      }
      // An authentic short chunk that is not the last cannot come from WAL-G, but then the end is still to come.
      if (chunk.length < encryptedChunkBytes) failCut(reader.offset, 'the final chunk is missing');
    }
  } finally {
    pull?.wipe();
    await reader.close();
  }
}

/** First bytes of a stream that `sodiumFit` wants to see: the header and one full chunk, less where the stream is shorter. */
export const sodiumStartBytes = headerBytes + encryptedChunkBytes;

/**
 * Whether a key belongs to a stream, from its first bytes: `opens` is proven by the first chunk's MAC, `looks` is the
 * case of a first chunk that is changed or cut but decrypts to something that makes sense.
 */
export async function sodiumFit(start: Uint8Array, key: Uint8Array): Promise<'opens' | 'looks' | 'no'> {
  if (start.length < headerBytes + overheadBytes) return 'no';
  await sodium.ready;
  const pull = startPull(start.subarray(0, headerBytes), key);
  const chunk = start.subarray(headerBytes, sodiumStartBytes);
  try {
    const opened = pull.open(chunk);
    opened?.message.fill(0);
    if (opened) return 'opens';
    return makesSense(pull, chunk).isMeaningful ? 'looks' : 'no';
  } finally {
    pull.wipe();
  }
}

/**
 * Encrypts as WAL-G does: full chunks of 8192 bytes, then a final one of 0 to 8191. An empty input gives a header and
 * an empty final chunk, which WAL-G reads (its own writer leaves out the header there, and then cannot).
 *
 * @param key exactly 32 bytes; wiped by the caller
 */
export async function* encryptSodium(
  input: AsyncIterable<Uint8Array>,
  key: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  await sodium.ready;
  const reader = new ByteReader(input);
  const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(key);
  try {
    yield header;
    for (;;) {
      const chunk = await reader.read(chunkBytes);
      const isFinal = chunk.length < chunkBytes;
      const tag = isFinal
        ? sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
        : sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
      yield sodium.crypto_secretstream_xchacha20poly1305_push(state, chunk, null, tag);
      if (isFinal) return;
    }
  } finally {
    release(state);
    await reader.close();
  }
}

/** wal-g `writer.go`: `Close` without any `Write` pushes a final chunk from a state that is all zeros; always these bytes. */
const EMPTY_WITHOUT_HEADER = Uint8Array.from(Buffer.from('9c08f276d1f4bc1e88fd630d9ff14d74bf', 'hex'));

async function readHeader(reader: ByteReader, size: number | undefined): Promise<Uint8Array> {
  const header = await reader.read(headerBytes);
  if (header.length === 0) {
    fail('truncated', 'decrypt', 'the file is empty', {
      offset: 0,
      hint: 'The backup wrote nothing: look at its log, and take a new backup.',
    });
  }
  if (header.length === EMPTY_WITHOUT_HEADER.length && Buffer.compare(header, EMPTY_WITHOUT_HEADER) === 0) {
    fail(
      'truncated',
      'decrypt',
      'these 17 bytes are what WAL-G writes for an empty file: a final chunk without the header, encrypted with no key',
      {
        offset: 0,
        hint: 'There is nothing in it to restore, and WAL-G itself cannot read it either; the file behind it was empty.',
      },
    );
  }
  if (header.length < headerBytes) failCut(0, `it has ${header.length} bytes, the header alone has ${headerBytes}`);
  if (size !== undefined) {
    const length = sodiumLength(size);
    if (!length.isPossible) failCut(size, length.cut);
  }
  return header;
}

async function demandEnd(reader: ByteReader): Promise<void> {
  if (await reader.isAtEnd()) return;
  fail('damaged', 'decrypt', 'bytes follow the final chunk', {
    offset: reader.offset,
    hint: 'Something was appended to the archive; what comes before that place is authentic.',
  });
}

function failCut(offset: number, what: string): never {
  fail('truncated', 'decrypt', `the stream is cut off: ${what}`, {
    offset,
    hint: 'Copy the file again from the storage; if it is as short there, the backup is lost and a new one is needed.',
  });
}

/**
 * Says which of the three it most likely is that makes a chunk fail. The chunk is decrypted without its proof for that,
 * looked at and thrown away: the right key makes sense of it, a wrong one makes noise.
 */
function failUnauthenticated(pull: PullState, chunk: Uint8Array, place: { index: number; offset: number }): never {
  const { offset } = place;
  const { isMeaningful, isCut } = makesSense(pull, chunk);
  const keyFits = place.index > 0 || isMeaningful;
  if (!keyFits) {
    fail('wrong-key', 'decrypt', 'the first chunk does not authenticate with this key', {
      offset,
      hint: 'Use the key that was configured when the backup was made, with the same key transform (hex, base64 or none). A file that is no libsodium stream, or damaged at its start, looks the same.',
    });
  }
  if (isCut)
    failCut(
      offset + chunk.length,
      `${encryptedChunkBytes - chunk.length} bytes of the chunk at ${offset} and everything after it are missing`,
    );
  const isShort = chunk.length < encryptedChunkBytes;
  fail(
    'damaged',
    'decrypt',
    `${isShort ? 'the last chunk' : `chunk ${place.index}`} does not authenticate: it was changed${isShort ? ' or its end is missing' : ''}`,
    {
      offset,
      hint: 'The key is right, the file is not what was written: copy it again from the storage or use another backup.',
    },
  );
}

/** Looks at what an unauthenticated chunk decrypts to, and forgets it. */
function makesSense(pull: PullState, chunk: Uint8Array): { isMeaningful: boolean; isCut: boolean } {
  const { tag, message } = pull.look(chunk);
  const isMiddle = tag === sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
  const isFinal = tag === sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL;
  const isMeaningful = (isMiddle || isFinal) && looksMeaningful(message);
  message.fill(0);
  return { isMeaningful, isCut: isMiddle && chunk.length < encryptedChunkBytes };
}

interface PullState {
  /** undefined when the chunk does not authenticate; the state then stays as it was. */
  open(chunk: Uint8Array): { message: Uint8Array; tag: number } | undefined;
  /** Tag and plaintext of a chunk that did not authenticate, for a guess at the cause. Never to be passed on. */
  look(chunk: Uint8Array): { message: Uint8Array; tag: number };
  wipe(): void;
}

function startPull(header: Uint8Array, key: Uint8Array): PullState {
  const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(header, key);
  return {
    open: (chunk) => sodium.crypto_secretstream_xchacha20poly1305_pull(state, chunk, null) || undefined,
    look: (chunk) => look(state, chunk),
    wipe: () => release(state),
  };
}

/**
 * A chunk is what ChaCha20-Poly1305 (RFC 8439) makes of 64 bytes `tag, 0, …, 0` and the data, of which only the first of
 * the 64 is stored: encrypting zeros with the state's key and nonce gives the key stream for both.
 * State: `k` 32 bytes, nonce 12 bytes (crypto_secretstream_xchacha20poly1305_state).
 */
function look(state: StateAddress, chunk: Uint8Array): { message: Uint8Array; tag: number } {
  const place = address(state);
  const key = memory().slice(place, place + 32);
  const nonce = memory().slice(place + 32, place + 44);
  const length = chunk.length - overheadBytes;
  const keyStream = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
    new Uint8Array(64 + length),
    null,
    null,
    nonce,
    key,
  );
  key.fill(0);
  const message = copyOf(chunk.subarray(1, 1 + length));
  for (let index = 0; index < length; index++)
    message[index] = (message[index] as number) ^ (keyStream[64 + index] as number);
  const tag = (chunk[0] as number) ^ (keyStream[0] as number);
  keyStream.fill(0);
  return { message, tag };
}

const stateBytes = 52;

/** The library allocates the state in its own memory and never frees it; the key must not stay there. */
function release(state: StateAddress): void {
  const place = address(state);
  memory().fill(0, place, place + stateBytes);
  raw()._free(place);
}

interface RawLibrary {
  HEAPU8: Uint8Array;
  _free(address: number): void;
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
