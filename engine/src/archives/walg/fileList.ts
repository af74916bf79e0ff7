/**
 * `files_metadata.json` (in old backups the sentinel itself): which files a backup holds, in which tar each lies, and which
 * of them are increments. It grows with the number of files and is read as a stream, entry by entry.
 */

import { fail } from '../../failure.ts';
import { isObject, type JsonValue, parseExactJson } from './exactJson.ts';

export interface ListedFile {
  /** `/base/1/1259`. */
  path: string;
  isIncremented: boolean;
  /** Unchanged since the base: in none of the tars. */
  isSkipped: boolean;
  corruptBlocks: number;
}

export interface FileList {
  files: Map<string, ListedFile>;
  /** Paths by tar object; empty where WAL-G did not record it. */
  tars: Map<string, string[]>;
}

/** An entry larger than this is none that WAL-G writes: the paths of one tar of a gigabyte are some megabytes. */
const largestEntry = 256 * 1024 * 1024;

/** @throws RestoreError with `object` as path: `truncated`, `damaged` */
export async function readFileList(input: AsyncIterable<Uint8Array>, object: string): Promise<FileList> {
  const list: FileList = { files: new Map(), tars: new Map() };
  const entries = new EntryReader(object);
  for await (const piece of input) {
    for (const { section, text } of entries.feed(piece)) addEntry(list, section, text, object);
  }
  entries.end();
  return list;
}

function addEntry(list: FileList, section: string, text: string, object: string): void {
  const entry = parseExactJson(`{${text}}`);
  const [[key, value] = []] = isObject(entry) ? Object.entries(entry) : [];
  if (key === undefined || value === undefined) damaged(object);
  if (section === 'Files') {
    if (!isObject(value)) damaged(object);
    list.files.set(key, {
      path: key,
      isIncremented: value.IsIncremented === true,
      isSkipped: value.IsSkipped === true,
      corruptBlocks: corruptBlocks(value.CorruptBlocks),
    });
  } else if (Array.isArray(value)) {
    // The same string as in `files`, so that a million paths are in memory once.
    list.tars.set(
      key,
      value.map((it) => (typeof it === 'string' ? (list.files.get(it)?.path ?? it) : damaged(object))),
    );
  } else if (value !== null) {
    damaged(object);
  }
}

function corruptBlocks(value: JsonValue | undefined): number {
  if (!isObject(value)) return 0;
  return typeof value.CorruptBlocksCount === 'number' ? value.CorruptBlocksCount : 0;
}

function damaged(object: string): never {
  fail('damaged', 'contents', `${object} is not as WAL-G writes it`, {
    path: object,
    hint: 'WAL-G never encrypts or compresses this object: copy it again.',
  });
}

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/** Cuts the entries of the sections `Files` and `TarFileSets` out of one JSON object, without making all of it a value. */
class EntryReader {
  readonly #object: string;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #hasEnded = false;
  #offset = 0;
  /** The text of a key or entry that goes over the border of a piece. */
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  /** Where the key or entry under way begins in the present piece; -1: none is under way. */
  #start = -1;
  #section: string | undefined;

  constructor(object: string) {
    this.#object = object;
  }

  /** The entries that have come to their end: `"key":value`. */
  *feed(piece: Uint8Array): Generator<{ section: string; text: string }> {
    if (this.#start >= 0) this.#start = 0;
    for (let index = 0; index < piece.length; index++) {
      const byte = piece[index] as number;
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === backslash) this.#isEscaped = true;
        else if (byte === quote) this.#isInString = false;
        if (this.#isInString || this.#depth !== 1 || this.#section !== undefined || this.#start < 0) continue;
        this.#section = this.#keyText(piece, index + 1);
        continue;
      }
      switch (byte) {
        case quote:
          this.#isInString = true;
          if (this.#start < 0 && this.#depth >= 1) this.#begin(index);
          break;
        case openBrace:
        case openBracket:
          if (this.#hasEnded || (this.#depth === 0 && byte === openBracket)) damaged(this.#object);
          this.#depth++;
          // A value of the first level that is an object: its entries begin inside.
          if (this.#depth === 2) this.#start = -1;
          break;
        case comma:
        case closeBrace:
        case closeBracket:
          if (this.#depth === 2 && byte !== closeBracket && this.#start >= 0) {
            const text = this.#take(piece, index);
            if (this.#section === 'Files' || this.#section === 'TarFileSets') yield { section: this.#section, text };
          }
          if (byte !== comma) this.#depth--;
          if (this.#depth < 0) damaged(this.#object);
          if (this.#depth === 0) this.#hasEnded = true;
          if (this.#depth <= 1 && (byte === comma || this.#depth === 0)) {
            this.#section = undefined;
            this.#drop();
          }
          break;
        default:
          if (this.#hasEnded && byte > 0x20) damaged(this.#object);
          if (this.#depth === 0 && byte > 0x20) damaged(this.#object);
      }
    }
    this.#offset += piece.length;
    if (this.#start >= 0) this.#keep(piece.subarray(this.#start));
  }

  end(): void {
    if (this.#hasEnded) return;
    fail('truncated', 'contents', `${this.#object} is cut off after ${this.#offset} bytes`, {
      path: this.#object,
      offset: this.#offset,
      hint: 'Copy it again: without it, nobody knows which files belong to the backup.',
    });
  }

  #begin(index: number): void {
    this.#start = index;
  }

  /** At depth 1, the name of a section; what follows it is no entry of its own. */
  #keyText(piece: Uint8Array, end: number): string {
    const text = this.#take(piece, end);
    const key = parseExactJson(text);
    return typeof key === 'string' ? key : damaged(this.#object);
  }

  #take(piece: Uint8Array, end: number): string {
    const last = piece.subarray(this.#start, end);
    const bytes = this.#kept.length === 0 ? last : Buffer.concat([...this.#kept, last]);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    this.#drop();
    return text;
  }

  #drop(): void {
    this.#start = -1;
    this.#kept = [];
    this.#keptBytes = 0;
  }

  #keep(bytes: Uint8Array): void {
    // Of what is not wanted, nothing is kept.
    const isWanted = this.#section === undefined || this.#section === 'Files' || this.#section === 'TarFileSets';
    if (!isWanted) return;
    this.#kept.push(Uint8Array.from(bytes));
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > largestEntry) {
      fail('hostile', 'contents', `an entry of ${this.#object} is far too large`, { path: this.#object });
    }
  }
}
