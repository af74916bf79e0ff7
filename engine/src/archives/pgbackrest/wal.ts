/** The WAL archive of a repository: finds segments, walks their names in order, and proves their contents. */

import { createHash } from 'node:crypto';
import { ByteReader, drain } from '../../bytes.ts';
import { type Compression, decompress } from '../../compress/compression.ts';
import { lsnText, segmentBegin } from '../../contents/walRecords.ts';
import {
  longHeaderBytes,
  readSegmentHeader,
  type SegmentHeader,
  type SegmentRecords,
  walkSegment,
} from '../../contents/walSegment.ts';
import { decryptPgbackrest, headerBytes } from '../../crypto/pgbackrest.ts';
import { at, type Failure, fail, RestoreError } from '../../failure.ts';
import type { Secret } from '../../secret.ts';
import { type ByteText, readable } from './byteText.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';

/** A WAL segment as it lies in the archive. */
export interface StoredSegment {
  /** 24 hexadecimal digits: timeline, log, segment. */
  segment: string;
  /** The object, relative to the repository. */
  object: ByteText;
  /** SHA-1 of the contents, from the object's name. */
  checksum: string;
  compression: Compression;
}

const COMPRESSION: Record<string, Compression | undefined> = {
  '': 'none',
  '.gz': 'gz',
  '.lz4': 'lz4',
  '.zst': 'zst',
  '.bz2': 'bz2',
};

/** The WAL of one database version: `archive/STANZA/15-1`. Folders are listed once. */
export class WalArchive {
  readonly #files: RepositoryFiles;
  readonly #folder: ByteText;
  readonly #pass: Secret | undefined;
  readonly #listed = new Map<ByteText, ByteText[] | undefined>();

  constructor(files: RepositoryFiles, folder: ByteText, pass: Secret | undefined) {
    this.#files = files;
    this.#folder = folder;
    this.#pass = pass;
  }

  /**
   * The object of a segment; undefined when the archive has none.
   *
   * @throws RestoreError `damaged` when there are several with different contents, `unsupported` for a compression of old
   */
  async find(segment: string): Promise<StoredSegment | undefined> {
    const folder = `${this.#folder}/${segment.slice(0, 16)}`;
    if (!this.#listed.has(folder)) {
      this.#listed.clear();
      this.#listed.set(folder, await this.#files.list(folder));
    }
    const found: StoredSegment[] = [];
    for (const name of this.#listed.get(folder) ?? []) {
      if (!name.startsWith(segment)) continue;
      const [, checksum, extension] = /^-([0-9a-f]{40})(\.[a-z0-9]+)?$/.exec(name.slice(segment.length)) ?? [];
      if (checksum === undefined) continue;
      const object = `${folder}/${name}`;
      const compression = COMPRESSION[extension ?? ''];
      if (compression === undefined) {
        if (extension === '.xz') fail('unsupported', 'wal', 'it is compressed with xz', { path: readable(object) });
        continue;
      }
      found.push({ segment, object, checksum, compression });
    }
    const [first] = found;
    if (first && found.some((it) => it.checksum !== first.checksum)) {
      fail('damaged', 'wal', `the archive has ${found.length} different contents for WAL segment ${segment}`, {
        path: readable(first.object),
        hint: 'Two clusters archive into one stanza, or an archive_command overwrote it: find out which one is right.',
      });
    }
    return first;
  }

  /**
   * The contents of a segment. When they have all come, they match the checksum, and `judge` found nothing wrong with them.
   *
   * @param judge what is wrong with contents that match their checksum; undefined for nothing
   */
  async *checked(
    stored: StoredSegment,
    judge: (header: SegmentHeader | undefined, bytes: number) => Failure | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = new ByteReader(this.contents(stored));
    try {
      const header = readSegmentHeader(await reader.peek(longHeaderBytes));
      let bytes = 0;
      for await (const piece of reader.rest()) {
        bytes += piece.length;
        yield piece;
      }
      const problem = judge(header, bytes);
      if (problem) throw new RestoreError({ ...problem, path: readable(stored.object) });
    } finally {
      await reader.close();
    }
  }

  /** The contents of a segment; throws as `check`. */
  async *contents(stored: StoredSegment): AsyncGenerator<Uint8Array, void, undefined> {
    const { object, checksum, compression, segment } = stored;
    const hash = createHash('sha1');
    try {
      const bytes = this.#files.read(object);
      const compressed = this.#pass ? decryptPgbackrest(bytes, this.#pass, { isKeyProven: true }) : bytes;
      for await (const piece of decompress(compressed, compression)) {
        hash.update(piece);
        yield piece;
      }
      if (hash.digest('hex') !== checksum) {
        fail('damaged', 'wal', `WAL segment ${segment} does not match the SHA-1 in its name`, {
          offset: 0,
          hint: 'Copy it again from the repository; without it recovery stops before this segment.',
        });
      }
    } catch (error) {
      throw at(readable(object), this.#pass ? behindHeader(error) : error);
    }
  }

  /**
   * Reads a whole segment, compares it with the SHA-1 in its name, and walks its records.
   *
   * @param start where in the WAL the walk begins; undefined, or in another segment: with what the segment begins with
   * @returns `records` undefined when it does not start as WAL
   * @throws RestoreError with the object's path: `damaged`, `truncated`, `incomplete` when it has vanished, `io`
   */
  async check(
    stored: StoredSegment,
    start?: bigint,
  ): Promise<{ header: SegmentHeader | undefined; bytes: number; records: SegmentRecords | undefined }> {
    const reader = new ByteReader(this.contents(stored));
    try {
      const header = readSegmentHeader(await reader.peek(longHeaderBytes));
      if (!header) return { header, bytes: await drain(reader.rest()), records: undefined };
      return { header, ...(await walkSegment(reader, stored.segment, { header, start })) };
    } finally {
      await reader.close();
    }
  }
}

/** What is wrong with a segment whose contents match its checksum. */
export function segmentProblem(
  segment: string,
  { header, bytes, systemId }: { header: SegmentHeader | undefined; bytes: number; systemId: bigint | undefined },
): Failure | undefined {
  const failure = (message: string): Failure => ({ code: 'damaged', stage: 'wal', offset: 0, message });
  if (!header) return failure(`WAL segment ${segment} does not start as WAL`);
  if (systemId !== undefined && header.systemId !== systemId)
    return failure(`WAL segment ${segment} is of another cluster`);
  const begin = segmentBegin(segment, header.segmentBytes);
  if (header.begin !== begin) {
    return failure(`WAL segment ${segment} was written for ${lsnText(header.begin)}, not for ${lsnText(begin)}`);
  }
  if (bytes !== header.segmentBytes) {
    return failure(`WAL segment ${segment} has ${bytes} bytes instead of ${header.segmentBytes}`);
  }
  return undefined;
}

/** The name of the segment that follows, on the same timeline. */
export function nextSegment(segment: string, segmentBytes: number): string {
  const perLog = 2 ** 32 / segmentBytes;
  let log = Number.parseInt(segment.slice(8, 16), 16);
  let number = Number.parseInt(segment.slice(16), 16) + 1;
  if (number >= perLog) {
    number = 0;
    log++;
  }
  return `${segment.slice(0, 8)}${hex(log)}${hex(number)}`;
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}

function behindHeader(error: unknown): unknown {
  if (!(error instanceof RestoreError) || error.failure.stage !== 'decompress') return error;
  const { failure } = error;
  return new RestoreError({ ...failure, offset: (failure.offset ?? 0) + headerBytes });
}
