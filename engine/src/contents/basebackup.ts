/**
 * A backup of pg_basebackup, member by member: held against its manifest as pg_verifybackup does, with the WAL that makes
 * it consistent. Knows neither tars nor folders: whoever reads them tells each file in whatever order they come.
 */

import { createHash } from 'node:crypto';
import { createCRC32, type IHasher } from 'hash-wasm';
import { readControlFile } from '../archives/pgbackrest/pgControl.ts';
import { ByteReader, collect, copyOf } from '../bytes.ts';
import { counted } from '../counted.ts';
import { fail } from '../failure.ts';
import type { FileFailure } from '../report.ts';
import {
  type BackupManifest,
  isOutsideManifest,
  largestManifest,
  lsn,
  type ManifestAlgorithm,
  readBackupManifest,
  type WalRange,
} from './backupManifest.ts';
import type { CheckedContents } from './checkContents.ts';
import { shown } from './tar.ts';
import { WalChain } from './walChain.ts';
import { lsnText, segmentName, type WalStop } from './walRecords.ts';
import { areRead, longHeaderBytes, readSegmentHeader, walkSegment } from './walSegment.ts';

/** The files whose contents are looked at are a page or a few lines. */
const largestKept = 1024 * 1024;
const mostFailures = 1_000;

interface SeenFile {
  size: number;
  /** In hexadecimal, by algorithm: those that the manifest names, or else the likely ones. */
  sums: ReadonlyMap<ManifestAlgorithm, string>;
}

/** The WAL of a backup on one timeline. */
interface Walk {
  timeline: number;
  start: bigint;
  chain: WalChain;
}

interface SeenSegment {
  size: number;
  systemId: bigint | undefined;
  segmentBytes: number | undefined;
}

export class BasebackupCheck {
  #manifest: BackupManifest | undefined;
  /** Before the manifest is known, files wait here for it. */
  readonly #waiting = new Map<string, SeenFile>();
  readonly #seen = new Set<string>();
  readonly #segments = new Map<string, SeenSegment>();
  readonly #failed: FileFailure[] = [];
  readonly #algorithms: ManifestAlgorithm[] = [];
  #failedCount = 0;
  #verified = 0;
  #uncompared = 0;
  #total = 0;
  #label: BackupLabel | undefined;
  #version: string | undefined;
  #systemId: bigint | undefined;
  #hasWalFiles = false;
  #hasIncrementalFiles = false;
  readonly #walks: Walk[] = [];
  #unread: string | undefined;
  readonly #likely: readonly ManifestAlgorithm[];
  #unmade: ManifestAlgorithm | undefined;
  #crc: IHasher | undefined;

  /**
   * @param likely the checksums to make before the manifest says which: where it comes last (a tar on standard output),
   *   making all that there are would take several times as long as making the usual ones
   */
  constructor(likely: readonly ManifestAlgorithm[] = ['CRC32C', 'SHA256']) {
    this.#likely = likely;
  }

  /** Says which checksums to make. */
  useManifest(manifest: BackupManifest): void {
    this.#manifest = manifest;
    for (const [path, seen] of this.#waiting) this.#compare(path, seen);
    this.#waiting.clear();
  }

  get manifest(): BackupManifest | undefined {
    return this.#manifest;
  }

  /** Major version, from PG_VERSION; undefined before it was seen. */
  get version(): string | undefined {
    return this.#version;
  }

  /** By its label, and by its files: a label can be lost, or come from elsewhere. */
  get isIncremental(): boolean {
    return this.#hasIncrementalFiles || (this.#label?.isIncremental ?? false);
  }

  /**
   * A file of the backup, its contents read to their end.
   *
   * @param path in the data directory; what lies in a tablespace is `pg_tblspc/OID/…`
   */
  async file(path: string, contents: AsyncIterable<Uint8Array>): Promise<void> {
    if (path === 'backup_manifest') {
      this.useManifest(readBackupManifest(await whole(path, contents, largestManifest)));
      return;
    }
    this.#total++;
    this.#hasIncrementalFiles ||= /^(?:base|global|pg_tblspc)\/(?:[^/]+\/)*INCREMENTAL\.\d+[^/]*$/.test(path);
    const [, segment] = /^pg_wal\/([0-9A-F]{24})$/.exec(path) ?? [];
    if (segment !== undefined) return this.#readSegment(segment, contents);
    const sums: { name: ManifestAlgorithm; sum: RunningSum }[] = [];
    for (const name of this.#algorithmsFor(path)) sums.push({ name, sum: await this.#startSum(name) });
    const kept: Uint8Array[] | undefined = KEPT.has(path) ? [] : undefined;
    let size = 0;
    for await (const piece of contents) {
      size += piece.length;
      for (const { sum } of sums) sum.update(piece);
      if (kept && size <= largestKept) kept.push(piece);
    }
    if (kept && size <= largestKept) this.#keep(path, Buffer.concat(kept));
    const seen = { size, sums: new Map(sums.map(({ name, sum }) => [name, sum.digest()])) };
    if (this.#manifest) this.#compare(path, seen);
    else if (!isOutsideManifest(path)) this.#waiting.set(path, seen);
  }

  /** Whether anything but a label was there: WAL-G keeps that in a tar of its own. */
  get isMoreThanLabel(): boolean {
    return this.#total > 2 || this.#version !== undefined || this.#manifest !== undefined;
  }

  /** Everything was read: what the files prove together, or in `failure` what is wrong with them. */
  finish(): CheckedContents {
    if (this.#manifest) this.#demandFiles(this.#manifest);
    this.#demandControl();
    const wal = this.#judgeWal();
    const notes = this.#describe();
    const [first] = this.#failed;
    if (first) {
      const others = this.#failedCount > 1 ? ` (and ${this.#failedCount - 1} more)` : '';
      return {
        isWhole: null,
        because: first.message,
        shows: 'not',
        files: { total: this.#total, verified: this.#verified, failed: this.#failed },
        notes,
        failure: {
          code: first.code,
          stage: 'contents',
          path: first.path,
          ...(first.offset !== null && { offset: first.offset }),
          message: `${first.message}${others}`,
          hint:
            first.code === 'incomplete'
              ? 'Copy the whole backup again, with all of its files; if they were never there, use another backup.'
              : 'The backup is not what pg_basebackup wrote: copy it again, or use another one.',
        },
      };
    }
    const files = { total: this.#total, verified: this.#manifest ? this.#verified : 0, failed: [] };
    const unmade = this.#unmade && { unmadeSums: this.#unmade };
    const open = (because: string, gap = because): CheckedContents => ({
      isWhole: null,
      because,
      shows: 'not',
      files,
      notes,
      gap: { because: gap, isClosedByEncryption: false },
      ...unmade,
    });
    if (!this.#manifest) {
      return open(
        `the backup has no manifest: that all of its ${this.#total} files are there and unchanged cannot be proven`,
      );
    }
    const compared =
      this.#uncompared === 0
        ? `all ${this.#verified} files have the size and the checksum that backup_manifest records`
        : `all ${this.#verified} files have the size that backup_manifest records, ${this.#uncompared} of them without a checksum that could be compared`;
    if (this.isIncremental) {
      const gap =
        'this is an incremental backup: it restores only together with the backups before it (pg_combinebackup)';
      return open(`${compared}; but ${gap}`, gap);
    }
    if (!wal.isThere) return open(`${compared}; ${wal.because}`, wal.because);
    return {
      isWhole: true,
      because: `${compared}, and ${wal.because}`,
      shows: this.#uncompared === 0 ? 'by checksum' : 'not',
      files,
      notes,
      ...unmade,
    };
  }

  async #readSegment(segment: string, contents: AsyncIterable<Uint8Array>): Promise<void> {
    const reader = new ByteReader(contents);
    const header = readSegmentHeader(copyOf(await reader.peek(longHeaderBytes)));
    const walk = header && this.#walkThrough(segment, header.segmentBytes);
    if (walk) {
      const { records } = await walkSegment(reader, segment, { header, start: walk.start });
      if (areRead(records)) walk.chain.add(records);
      else this.#unread ??= records.unread;
    } else {
      await reader.skip(Number.POSITIVE_INFINITY);
    }
    this.#hasWalFiles = true;
    this.#segments.set(segment, {
      size: reader.offset,
      systemId: header?.systemId,
      segmentBytes: header?.segmentBytes,
    });
  }

  /** Who reads the records of this segment: a walk that begins or goes on in it. Segments come in order, as they are named. */
  #walkThrough(segment: string, segmentBytes: number): Walk | undefined {
    const isNext = ({ timeline, chain }: Walk) =>
      segmentName(chain.next(segmentBytes) ?? 0n, { timeline, segmentBytes }) === segment;
    const goesOn = this.#walks.find(isNext);
    if (goesOn) return goesOn;
    // Where the manifest comes last, the label knows where the WAL begins.
    const begins = this.#manifest?.walRanges ?? (this.#label?.walStart ? [this.#label.walStart] : []);
    for (const { timeline, start } of begins) {
      if (segmentName(start, { timeline, segmentBytes }) !== segment) continue;
      const walk = { timeline, start, chain: new WalChain(start) };
      this.#walks.push(walk);
      return walk;
    }
    return undefined;
  }

  #algorithmsFor(path: string): ManifestAlgorithm[] {
    if (isOutsideManifest(path)) return [];
    if (!this.#manifest) return [...this.#likely];
    const algorithm = this.#manifest.files.get(path)?.checksum?.algorithm;
    return algorithm === undefined ? [] : [algorithm];
  }

  async #startSum(algorithm: ManifestAlgorithm): Promise<RunningSum> {
    if (algorithm !== 'CRC32C') {
      const hash = createHash(algorithm.toLowerCase());
      return { update: (bytes) => hash.update(bytes), digest: () => hash.digest('hex') };
    }
    // One for all files, which come one after the other: making it costs more than a small file.
    this.#crc ??= await createCRC32(0x82f63b78);
    const crc = this.#crc.init();
    return {
      update: (bytes) => crc.update(bytes),
      // The manifest has the four bytes as they lie in memory, the low one first.
      digest: () => Buffer.from(crc.digest('hex'), 'hex').reverse().toString('hex'),
    };
  }

  #compare(path: string, seen: SeenFile): void {
    if (isOutsideManifest(path)) return;
    const problem = this.#problemOf(path, seen);
    this.#seen.add(path);
    if (problem !== undefined) this.#failFile(path, 'damaged', problem);
    else this.#verified++;
  }

  #problemOf(path: string, { size, sums }: SeenFile): string | undefined {
    const expected = this.#manifest?.files.get(path);
    if (this.#seen.has(path)) return 'is in the backup twice';
    if (expected === undefined) return 'is in the backup, but not in its manifest';
    if (size !== expected.size) return `has ${size} bytes, the manifest records ${expected.size}`;
    const { checksum } = expected;
    const found = checksum && sums.get(checksum.algorithm);
    if (checksum === undefined || found === undefined) {
      this.#unmade ??= checksum?.algorithm;
      this.#uncompared++;
      return undefined;
    }
    if (!this.#algorithms.includes(checksum.algorithm)) this.#algorithms.push(checksum.algorithm);
    return found === checksum.hex ? undefined : `does not have the ${checksum.algorithm} checksum of the manifest`;
  }

  #demandFiles({ files }: BackupManifest): void {
    for (const path of files.keys()) {
      if (this.#seen.has(path) || isOutsideManifest(path)) continue;
      this.#failFile(path, 'incomplete', 'is in the manifest, but not in the backup');
    }
  }

  #failFile(path: string, code: FileFailure['code'], what: string, offset: number | null = null): void {
    this.#failedCount++;
    if (this.#failed.length >= mostFailures) return;
    const place = offset === null ? shown(path) : `${shown(path)}, byte ${offset}:`;
    this.#failed.push({ path: shown(path), code, offset, message: `${place} ${what}` });
  }

  #keep(path: string, bytes: Buffer): void {
    if (path === 'PG_VERSION') this.#version = /^\d+(?:\.\d+)?/.exec(bytes.toString('latin1'))?.[0];
    if (path === 'backup_label') this.#label = readBackupLabel(bytes.toString('utf8'));
    if (path !== 'global/pg_control') return;
    const control = readControlFile(bytes);
    this.#systemId = control?.systemId;
    if (control?.hasValidCrc === false) this.#failFile(path, 'damaged', 'does not have the CRC that it records');
  }

  #demandControl(): void {
    if (this.#version === undefined || this.#systemId === undefined) {
      const name = this.#version === undefined ? 'PG_VERSION' : 'global/pg_control';
      if (!this.#failed.some((it) => it.path === name))
        this.#failFile(name, 'incomplete', 'is missing: PostgreSQL cannot start without it');
    }
    const recorded = this.#manifest?.systemId;
    if (recorded !== undefined && this.#systemId !== undefined && recorded !== this.#systemId)
      this.#failFile('backup_manifest', 'damaged', 'is of another cluster than the files');
  }

  /** The segments from the backup's start to its end, of each timeline. */
  #judgeWal(): { isThere: boolean; because: string } {
    const ranges = this.#manifest?.walRanges ?? [];
    const described = ranges.map((it) => `${lsnText(it.start)} to ${lsnText(it.end)}`).join(', ');
    if (ranges.length === 0) return { isThere: false, because: 'no WAL range is recorded' };
    if (!this.#hasWalFiles) {
      return {
        isThere: false,
        because: `the WAL from ${described} is not in it and has to come from your WAL archive`,
      };
    }
    const segmentBytes = [...this.#segments.values()].find((it) => it.segmentBytes !== undefined)?.segmentBytes;
    let count = 0;
    let records = 0;
    let areRead = true;
    for (const range of ranges) {
      const failedBefore = this.#failedCount;
      for (const name of segmentsOf(range, segmentBytes ?? 16 * 1024 * 1024)) {
        count++;
        const path = `pg_wal/${name}`;
        const segment = this.#segments.get(name);
        if (!segment) this.#failFile(path, 'incomplete', 'is missing: the backup cannot be made consistent without it');
        else if (segment.segmentBytes === undefined) this.#failFile(path, 'damaged', 'does not start as WAL');
        else if (segment.size !== segment.segmentBytes)
          this.#failFile(path, 'truncated', `has ${segment.size} of its ${segment.segmentBytes} bytes`);
        else if (this.#systemId !== undefined && segment.systemId !== this.#systemId)
          this.#failFile(path, 'damaged', 'is of another cluster');
      }
      if (this.#failedCount > failedBefore) continue;
      const chain = this.#walks.find((it) => it.timeline === range.timeline && it.start === range.start)?.chain;
      records += chain?.records ?? 0;
      if (chain?.stop && chain.reached < range.end) this.#failWal(chain.stop, range.end);
      else areRead &&= chain !== undefined && chain.reached >= range.end;
    }
    const segments = `the ${count === 1 ? 'segment' : `${count} segments`} of WAL from ${described} ${count === 1 ? 'is' : 'are'} there`;
    if (this.#unread)
      return { isThere: false, because: `${segments}, but the records in it were not read: ${this.#unread}` };
    if (!areRead) return { isThere: false, because: `${segments}, but not in order: the records in it were not read` };
    return { isThere: true, because: `${segments}, its ${counted(records, 'record')} unchanged and in their order` };
  }

  #failWal({ code, segment, offset, message }: WalStop, end: bigint): void {
    this.#failFile(`pg_wal/${segment}`, code, `${message}; the backup needs it up to ${lsnText(end)}`, offset);
  }

  #describe(): string[] {
    const made = this.#label?.startTime ? `, started ${this.#label.startTime}` : '';
    const kind = this.isIncremental ? 'an incremental backup' : 'a backup';
    const checksums = this.#algorithms.length > 0 ? `, checksums ${this.#algorithms.join(' and ')}` : '';
    return this.#version === undefined
      ? []
      : [`${kind} of PostgreSQL ${this.#version} by pg_basebackup${made}${checksums}`];
  }
}

/** First members of a tar that make it worth to reckon checksums from the start. */
export function beginsBasebackup(path: string): boolean {
  return path === 'backup_label' || path === 'tablespace_map';
}

const KEPT = new Set(['PG_VERSION', 'backup_label', 'global/pg_control']);

interface BackupLabel {
  isIncremental: boolean;
  /** Where recovery begins to read. */
  walStart: Pick<WalRange, 'timeline' | 'start'> | undefined;
  startTime: string | undefined;
}

function readBackupLabel(text: string): BackupLabel {
  const [, start, file] =
    /^START WAL LOCATION: ([0-9A-F]{1,8}\/[0-9A-F]{1,8}) \(file ([0-9A-F]{24})\)/m.exec(text) ?? [];
  return {
    walStart: start && file ? { timeline: Number.parseInt(file.slice(0, 8), 16), start: lsn(start) } : undefined,
    isIncremental: /^INCREMENTAL FROM LSN:/m.test(text),
    startTime: /^START TIME: ([\d-]+ [\d:]+ ?\w*)/m.exec(text)?.[1],
  };
}

/** Names of the segments that hold a range; its end is the byte behind the last one. */
function* segmentsOf({ timeline, start, end }: WalRange, segmentBytes: number): Generator<string> {
  const size = BigInt(segmentBytes);
  const last = end > start ? (end - 1n) / size : start / size;
  if (last - start / size > 1_000_000n)
    fail('damaged', 'contents', 'backup_manifest records more WAL than a backup can need', {
      hint: 'Use another backup.',
    });
  for (let number = start / size; number <= last; number++)
    yield segmentName(number * size, { timeline, segmentBytes });
}

interface RunningSum {
  update(bytes: Uint8Array): unknown;
  digest(): string;
}

async function whole(path: string, contents: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  return collect(contents, limit, () =>
    fail('hostile', 'contents', `${path} is larger than any manifest`, { hint: 'Use another backup.' }),
  );
}
