/**
 * Block incremental (pgBackRest 2.46 and later): a file is stored as the blocks that changed, packed into super blocks,
 * and a map that says for every block of the file in which backup it lies.
 *
 * Format: pgBackRest `command/backup/blockMap.c`; numbers are varints of 7 bits, low first.
 */

import { fail } from '../../failure.ts';

/** A run of blocks of the file that lie in one super block. */
export interface BlockRun {
  /** Index into the manifest's list of references. */
  reference: number;
  /** 0 for an object of its own. */
  bundle: number;
  superBlock: { offset: number; storedSize: number; plainSize: number };
  /** Number of the first block within the super block; `checksums.length / checksumSize` blocks follow. */
  firstBlock: number;
  count: number;
  /** The block checksums one after the other. */
  checksums: Uint8Array;
}

export interface BlockForm {
  blockSize: number;
  checksumSize: number;
  /** How many labels the manifest refers to. */
  references: number;
  /** Bytes of the restored file: bounds what a map may claim. */
  fileSize: number;
}

/** Super blocks are 1 MiB and a block at most; what is far larger would only exhaust memory. */
export const largestSuperBlockBytes = 64 * 1024 * 1024;

/**
 * The runs in the order of the file: the blocks they hold are the file's blocks, one after the other.
 *
 * @throws RestoreError `damaged` when the map does not follow the grammar, `hostile` when it claims what cannot be,
 *   `unsupported` for another version of it
 */
export function readBlockMap(map: Uint8Array, form: BlockForm): BlockRun[] {
  const { blockSize, checksumSize, references, fileSize } = form;
  if (blockSize < 1 || checksumSize < 1 || checksumSize > 16) damaged('its block or checksum size cannot be');
  const mostBlocks = Math.ceil(fileSize / blockSize);
  const reader = new MapReader(map);
  if (reader.number() !== 0) {
    fail('unsupported', 'contents', 'the block map has a version that is not known', {
      reason: 'newer-format',
      hint: 'A newer pgBackRest wrote it: look for a newer Restorable.',
    });
  }
  const states = new Map<number, ReferenceState>();
  const runs: BlockRun[] = [];
  let blocks = 0;
  let lastStored = 0;
  for (let isLastGroup = false; !isLastGroup; ) {
    const group = reader.number();
    isLastGroup = (group & 1) !== 0;
    const reference = Math.floor(group / 8);
    if (reference >= references) damaged('it refers to a backup that the manifest does not list');
    let state = states.get(reference);
    let isContinued = false;
    if (state === undefined) {
      const bundle = group & 2 ? reader.number() : 0;
      const offset = group & 4 ? reader.number() : 0;
      state = { bundle, plainSize: blockSize, next: offset, offset, storedSize: 0, block: 0 };
      states.set(reference, state);
    } else if (group & 2) {
      isContinued = true;
    } else {
      state.next = state.offset + state.storedSize + (group & 4 ? reader.number() : 0);
    }

    for (let isLast = false; !isLast; ) {
      let total: number | undefined;
      if (isContinued) {
        isLast = (group & 4) !== 0;
        total = reader.number();
      } else {
        const word = reader.number();
        isLast = (word & 1) !== 0;
        const value = Math.floor(word / 8);
        const stored = lastStored === 0 ? value : lastStored + unzigzag(value);
        if (word & 2) {
          const size = reader.number();
          state.plainSize = Math.floor(size / 2) * blockSize + (size & 1 ? reader.number() : 0);
        }
        if (stored < 1 || state.plainSize < 1 || state.plainSize > largestSuperBlockBytes) {
          fail('hostile', 'contents', 'a super block of the map has a size that cannot be');
        }
        state.offset = state.next;
        state.storedSize = stored;
        state.block = 0;
        if (word & 4) total = reader.number();
      }
      lastStored = state.storedSize;
      const inSuperBlock = Math.ceil(state.plainSize / blockSize);
      const count = total === undefined ? inSuperBlock : Math.floor(total / 2) + 1;
      if (total !== undefined && total & 1) state.block += reader.number();
      if (state.block + count > inSuperBlock) damaged('it takes more blocks from a super block than are in it');
      blocks += count;
      if (blocks > mostBlocks) damaged('it has more blocks than the file');
      runs.push({
        reference,
        bundle: state.bundle,
        superBlock: { offset: state.offset, storedSize: state.storedSize, plainSize: state.plainSize },
        firstBlock: state.block,
        count,
        checksums: reader.bytes(count * checksumSize),
      });
      state.block += count;
      state.next = state.offset + state.storedSize;
      isContinued = false;
    }
  }
  if (!reader.isAtEnd) damaged('something follows its last group');
  if (blocks !== mostBlocks) damaged(`it has ${blocks} blocks, the file has ${mostBlocks}`);
  return runs;
}

/** What the map has said so far of one backup. */
interface ReferenceState {
  bundle: number;
  plainSize: number;
  /** Where the next super block of this backup starts. */
  next: number;
  /** The super block that was named last. */
  offset: number;
  storedSize: number;
  block: number;
}

class MapReader {
  readonly #map: Uint8Array;
  #at = 0;

  constructor(map: Uint8Array) {
    this.#map = map;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#map.length;
  }

  /** A varint; larger ones than 2^53 cannot be sizes or places. The low bits are exact for `&` up to 2^31. */
  number(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.#map[this.#at++];
      if (byte === undefined) return damaged('it ends in the middle');
      value += (byte & 0x7f) * factor;
      if (!Number.isSafeInteger(value)) fail('hostile', 'contents', 'a number of the block map is too large');
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }

  bytes(length: number): Uint8Array {
    if (this.#at + length > this.#map.length) damaged('it ends in the middle');
    this.#at += length;
    return this.#map.subarray(this.#at - length, this.#at);
  }
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function damaged(what: string): never {
  fail('damaged', 'contents', `the block map is damaged: ${what}`);
}
