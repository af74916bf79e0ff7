/**
 * The files of a delta backup that hold only changed pages.
 *
 * Format (WAL-G `incremental_page_reader.go`), little endian: `wi1` and 0x55, the size of the whole file (8 bytes), for
 * OrioleDB the page size (2 bytes), the number of pages (4 bytes), their numbers, and the pages in the same order.
 */

import type { ByteReader } from '../../bytes.ts';
import { fail } from '../../failure.ts';
import type { FilePatch } from '../../sinks/sink.ts';

export interface Increment {
  /** Size of the file after it was applied. */
  fileBytes: number;
  pages: number;
  /** From this byte on every page is in the increment: what the base must reach at least. */
  coveredFrom: number;
}

const pageBytes = 8192;
const magic = [0x77, 0x69, 0x31, 0x55];
/** A segment of a relation has a gigabyte unless PostgreSQL was built otherwise; files of OrioleDB may be larger. */
const largestMap = 64 * 1024 * 1024;

/**
 * @param size the member's size in the tar
 * @param isOriole the file is of OrioleDB, whose pages have their own size
 * @throws RestoreError `damaged` when it is no increment, or its map contradicts itself
 */
export async function readIncrement(
  reader: ByteReader,
  { size, isOriole, target }: { size: number; isOriole: boolean; target: FilePatch | undefined },
): Promise<Increment> {
  const headerBytes = 4 + 8 + (isOriole ? 2 : 0) + 4;
  const header = await reader.read(headerBytes);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (header.length < headerBytes || magic.some((it, index) => header[index] !== it)) {
    refuse('it should hold the changed pages of a file, but does not begin as an increment (wi1)');
  }
  const fileBytes = Number(view.getBigUint64(4, true));
  const page = isOriole ? view.getUint16(12, true) : pageBytes;
  const pages = view.getUint32(headerBytes - 4, true);
  if (!Number.isSafeInteger(fileBytes) || page === 0) refuse('its header holds sizes that no file has');
  if (pages * 4 > largestMap || headerBytes + pages * (4 + page) !== size) {
    refuse(`it says that ${pages} pages follow, but has ${size} bytes`);
  }
  const map = Uint8Array.from(await reader.read(pages * 4));
  if (map.length < pages * 4) refuse('its map of pages is cut off');
  const numbers = new DataView(map.buffer);
  let last = -1;
  for (let index = 0; index < pages; index++) {
    const number = numbers.getUint32(index * 4, true);
    if (number <= last) refuse('its page numbers are not in order');
    if ((number + 1) * page > fileBytes) refuse(`page ${number} lies beyond the end of the file`);
    last = number;
  }
  target?.truncate(fileBytes);
  for (let index = 0; index < pages; index++) {
    let position = numbers.getUint32(index * 4, true) * page;
    const end = position + page;
    while (position < end) {
      const piece = await reader.next(end - position);
      if (piece === undefined) refuse('its pages are cut off');
      target?.writeAt(piece, position);
      position += piece.length;
    }
  }
  return { fileBytes, pages, coveredFrom: coveredFrom(numbers, pages, { fileBytes, page }) };
}

/** Bytes from which an increment of pages is known. */
export const incrementHeadBytes = 16;

/** Whether a file can only be an increment: no file of PostgreSQL begins like one, and has the size that it says. */
export function isIncrement(head: Uint8Array, size: number): boolean {
  if (head.length < incrementHeadBytes || magic.some((it, index) => head[index] !== it)) return false;
  const pages = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(12, true);
  return incrementHeadBytes + pages * (4 + pageBytes) === size;
}

function coveredFrom(
  numbers: DataView,
  pages: number,
  { fileBytes, page }: { fileBytes: number; page: number },
): number {
  let from = Math.floor(fileBytes / page);
  if (from * page < fileBytes) return fileBytes;
  for (let index = pages - 1; index >= 0 && numbers.getUint32(index * 4, true) === from - 1; index--) from--;
  return from * page;
}

function refuse(message: string): never {
  fail('damaged', 'contents', message, {
    hint: 'The tar is not of this delta backup, or its list of files is of another one: copy the whole backup again.',
  });
}
