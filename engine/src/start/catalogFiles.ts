/**
 * Names of roles and databases from the files of a data directory, for a cluster in which neither `postgres` can log in
 * nor a database of that name exists. Only candidates: rows that were deleted may be among them.
 *
 * Format: PostgreSQL `storage/bufpage.h` and `access/htup_details.h`; the two catalogs have fixed columns first, which are
 * the oid (before version 12 hidden in the row's header) and the name in 64 bytes.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';

const pageBytes = 8192;
const nameBytes = 64;
const databaseCatalog = 1262;
const roleCatalog = 1260;
const bootstrapRole = 10;
const hasOid = 0x0008;
const isUsed = 1;

/** The role that initdb made comes first. Empty where the files cannot be read. */
export function namesOfCatalog(data: string, version: number): { roles: string[]; databases: string[] } {
  const files = mappedFiles(path.join(data, 'global/pg_filenode.map'));
  const read = (catalog: number) => rowsOf(path.join(data, 'global', String(files.get(catalog) ?? catalog)), version);
  const roles = read(roleCatalog).sort((a, b) => Number(b.oid === bootstrapRole) - Number(a.oid === bootstrapRole));
  return { roles: names(roles), databases: names(read(databaseCatalog)) };
}

interface Row {
  oid: number;
  name: string;
}

/** `utils/cache/relmapper.c`: a magic number, how many, and pairs of a catalog's oid and its file's number. */
function mappedFiles(file: string): Map<number, number> {
  const found = new Map<number, number>();
  const bytes = contents(file);
  if (bytes.length < 8 || bytes.readInt32LE(0) !== 0x592717) return found;
  const count = Math.min(bytes.readInt32LE(4), (bytes.length - 8) >> 3);
  for (let index = 0; index < count; index++) {
    found.set(bytes.readUInt32LE(8 + index * 8), bytes.readUInt32LE(12 + index * 8));
  }
  return found;
}

function rowsOf(file: string, version: number): Row[] {
  const rows: Row[] = [];
  const bytes = contents(file);
  for (let start = 0; start + pageBytes <= bytes.length; start += pageBytes) {
    const page = bytes.subarray(start, start + pageBytes);
    const lower = Math.min(page.readUInt16LE(12), pageBytes);
    for (let pointer = 24; pointer + 4 <= lower; pointer += 4) {
      const item = page.readUInt32LE(pointer);
      const offset = item & 0x7fff;
      const row = page.subarray(offset, offset + (item >>> 17));
      if (((item >>> 15) & 3) === isUsed) rows.push(...readRow(row, version));
    }
  }
  return rows;
}

function readRow(row: Buffer, version: number): Row[] {
  if (row.length < 24) return [];
  const header = row.readUInt8(22);
  const isHidden = version < 120_000;
  const nameStart = header + (isHidden ? 0 : 4);
  if (header < 24 || row.length < nameStart + nameBytes) return [];
  const oid = !isHidden ? row.readUInt32LE(header) : row.readUInt16LE(20) & hasOid ? row.readUInt32LE(header - 4) : 0;
  const name = row.subarray(nameStart, nameStart + nameBytes);
  return [{ oid, name: name.subarray(0, Math.max(0, name.indexOf(0))).toString('utf8') }];
}

function names(rows: Row[]): string[] {
  return [...new Set(rows.map((it) => it.name).filter((it) => it !== ''))].slice(0, 1000);
}

function contents(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
