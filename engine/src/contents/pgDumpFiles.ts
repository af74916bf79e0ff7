/** A dump whose data lie in files beside its table of contents: the tar and the directory format of pg_dump. */

import { type ByteReader, collect, tap } from '../bytes.ts';
import { fail } from '../failure.ts';
import type { CheckedContents } from './checkContents.ts';
import { consume, type DumpConsumer, DumpData, describeDump, isCopied, named } from './pgDump.ts';
import { type DumpToc, readToc, type TocEntry } from './pgDumpToc.ts';
import { shown } from './tar.ts';

/** A line per large object: a hundred million of them. */
const largestList = 2 * 1024 * 1024 * 1024;

export class DumpFiles {
  readonly toc: DumpToc;
  readonly #entries = new Map<string, TocEntry>();
  readonly #seen = new Set<string>();
  /** Large objects that a list names, with the list. */
  readonly #listed = new Map<string, string>();
  #rows = 0;
  readonly #consumer: DumpConsumer | undefined;

  constructor(toc: DumpToc, consumer?: DumpConsumer) {
    this.toc = toc;
    this.#consumer = consumer;
    for (const entry of toc.entries) if (entry.fileName !== undefined) this.#entries.set(entry.fileName, entry);
  }

  /**
   * Reads a file to its end.
   *
   * @param name without the ending of its compression
   * @param contents decompressed
   * @param offset where the file begins in the tar
   * @throws RestoreError `truncated` when the rows of a table do not end as they must, `damaged` for a list that is none
   */
  async file(name: string, contents: AsyncIterable<Uint8Array>, offset?: number): Promise<void> {
    if (this.#seen.has(name))
      fail('damaged', 'contents', `${shown(name)} is in the dump twice`, {
        offset,
        hint: 'Nobody can tell which is right.',
      });
    this.#seen.add(name);
    const entry = this.#entries.get(name);
    if (isList(name)) await this.#readList(name, contents, offset);
    else if (entry && entry.description !== 'BLOBS') {
      const data = new DumpData(entry);
      await consume(tap(contents, data), (it) => this.#consumer?.data(entry, it));
      data.demandEnd(offset ?? 0);
      this.#rows += data.rows;
    } else {
      const [, oid] = /^blob_(\d+)\.dat$/.exec(name) ?? [];
      await consume(contents, (it) => (oid === undefined ? undefined : this.#consumer?.largeObject(Number(oid), it)));
    }
  }

  /**
   * All files were read.
   *
   * @param closing how that ends, as the end of a sentence: `… and CLOSING`
   * @throws RestoreError `incomplete` when one is not there
   */
  finish(closing: string): CheckedContents {
    const { toc } = this;
    // Up to PostgreSQL 16 the list of all large objects is blobs.toc, which their entry in the tar format does not name.
    const lists = [...this.#seen].some(isList);
    const missing = toc.entries.find(
      ({ description, fileName }) =>
        fileName !== undefined && !this.#seen.has(fileName) && !(description === 'BLOBS' && lists),
    );
    if (missing?.fileName !== undefined) absent(missing.fileName, `the data of ${named(missing)}`);
    for (const [file, list] of this.#listed)
      if (!this.#seen.has(file)) absent(file, `a large object that ${list} names`);
    return {
      isWhole: true,
      because: `all ${toc.entries.length} entries of the pg_dump archive and ${closing}`,
      shows: 'not',
      files: { total: this.#seen.size, verified: this.#seen.size, failed: [] },
      notes: [describeDump(toc, isCopied(toc) ? this.#rows : undefined)],
    };
  }

  /** Lines of an oid and the name of its file. */
  async #readList(name: string, contents: AsyncIterable<Uint8Array>, offset: number | undefined): Promise<void> {
    const damaged = () =>
      fail('damaged', 'contents', `${name} is no list of large objects`, {
        offset,
        hint: 'Use another copy of the dump.',
      });
    const text = Buffer.from(await collect(contents, largestList, damaged)).toString('latin1');
    if (text !== '' && !text.endsWith('\n')) {
      fail('truncated', 'contents', `${name} ends inside a line`, { offset, hint: 'Copy the dump again.' });
    }
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const [, file] = /^\d+ (blob_\d+\.dat)(?:\.\w+)?$/.exec(line.trimEnd()) ?? [];
      this.#listed.set(file ?? damaged(), name);
    }
  }
}

/** Reads `toc.dat`; the files follow. Throws as `readToc`. */
export async function openDumpFiles(head: ByteReader, consumer?: DumpConsumer): Promise<DumpFiles> {
  const toc = await readToc(head, { keepsStatements: consumer !== undefined });
  await consumer?.toc(toc);
  return new DumpFiles(toc, consumer);
}

/** From PostgreSQL 17 on there are several, `blobs_ID.toc`. */
function isList(name: string): boolean {
  return /^blobs(?:_\d+)?\.toc$/.test(name);
}

function absent(file: string, what: string): never {
  fail('incomplete', 'contents', `the dump does not hold ${shown(file)}, ${what}`, {
    path: shown(file),
    hint: 'The dump was changed after it was made, or not all of it was copied: use another copy.',
  });
}
