/** Proves that the WAL of a backup is all there, and can be replayed: from where it began to where it ended. */

import type { SegmentHeader } from '../../contents/walSegment.ts';
import { type Failure, RestoreError } from '../../failure.ts';
import { type FoundSegment, WalProof } from '../walProof.ts';
import { type ArchiveInfo, archiveId } from './archiveInfo.ts';
import { readable } from './byteText.ts';
import { Lanes } from './lanes.ts';
import type { Manifest } from './manifest.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';
import { nextSegment, type StoredSegment, segmentProblem, WalArchive } from './wal.ts';
import { followWal, type WalFollowed } from './walFollow.ts';

export interface WalResult {
  segments: number;
  verified: number;
  /** Bytes of WAL after decompression. */
  bytes: number;
  failures: Failure[];
  /** What the records in them are; all have been told to it. */
  proof: WalProof;
  /** What follows the backup, where it was asked for. */
  followed?: WalFollowed;
}

const defaultSegmentBytes = 16 * 1024 * 1024;
const mostSegments = 1_000_000;
/** Segments under way at once: decompression runs on other threads. */
const atOnce = 2;

/**
 * @param until `latest` follows the archive beyond the backup, to its newest segment
 * @throws RestoreError `cancelled`; whatever is wrong with the archive is in the result
 */
export async function checkWal(
  files: RepositoryFiles,
  manifest: Manifest,
  archive: ArchiveInfo,
  until: 'stop' | 'latest' = 'stop',
): Promise<WalResult> {
  const { wal, stanza, database, startPosition, stopPosition } = manifest;
  const proof = new WalProof({ start: startPosition, stop: stopPosition, version: database.version });
  const result: WalResult = { segments: 0, verified: 0, bytes: 0, failures: [], proof };
  if (!wal) return result;
  const ids = archive.history
    .filter((it) => it.systemId === database.systemId && it.version === database.version)
    .sort((a, b) => Number(b.id === database.id) - Number(a.id === database.id) || b.id - a.id)
    .map(archiveId);
  if (ids.length === 0) {
    result.failures.push({
      code: 'incomplete',
      stage: 'wal',
      path: `archive/${readable(stanza)}/archive.info`,
      message: 'the WAL archive is of another cluster than the backup',
      hint: 'Copy archive/ and backup/ of the same repository.',
    });
    return result;
  }
  const archives = ids.map((id) => new WalArchive(files, `archive/${stanza}/${id}`, archive.pass));
  const find = async (segment: string): Promise<{ from: WalArchive; stored: StoredSegment } | undefined> => {
    for (const from of archives) {
      const stored = await from.find(segment);
      if (stored) return { from, stored };
    }
    return undefined;
  };

  /** Checks one segment; returns its header. */
  const check = async (segment: string, tell: (found?: FoundSegment) => void): Promise<SegmentHeader | undefined> => {
    result.segments++;
    let read: FoundSegment | undefined;
    try {
      const found = await find(segment);
      if (!found) {
        result.failures.push(missing(segment, `archive/${stanza}/${ids[0]}`));
        return undefined;
      }
      const { header, bytes, records } = await found.from.check(found.stored, startPosition);
      const object = readable(found.stored.object);
      const problem = segmentProblem(segment, { header, bytes, systemId: database.systemId });
      if (problem) result.failures.push({ ...problem, path: object });
      else {
        result.verified++;
        read = records && { object, records };
      }
      result.bytes += bytes;
      return header;
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
      result.failures.push({ ...error.failure, message: `WAL segment ${segment}: ${error.failure.message}` });
      return undefined;
    } finally {
      tell(read);
    }
  };

  const first = await check(wal.start, proof.next());
  let atStop: FoundSegment | undefined;
  const keep = (found?: FoundSegment) => {
    atStop = found;
  };
  const last = wal.stop === wal.start ? first : await check(wal.stop, keep);
  const segmentBytes = (first ?? last)?.segmentBytes ?? defaultSegmentBytes;
  const lanes = new Lanes(atOnce);
  let segment = nextSegment(wal.start, segmentBytes);
  for (
    ;
    wal.stop !== wal.start && segment < wal.stop && result.segments < mostSegments;
    segment = nextSegment(segment, segmentBytes)
  ) {
    const next = segment;
    const tell = proof.next();
    await lanes.add(() => check(next, tell));
  }
  await lanes.end();
  if (wal.stop !== wal.start) proof.next()(atStop);
  if (wal.stop !== wal.start && segment !== wal.stop) {
    result.failures.push({
      code: 'hostile',
      stage: 'wal',
      path: readable(manifest.object),
      message: `no row of WAL segments leads from ${wal.start} to ${wal.stop}`,
    });
  }
  if (until === 'latest') {
    const followed = await followWal(files, {
      stanza,
      ids,
      pass: archive.pass,
      systemId: database.systemId,
      stop: wal.stop,
      stopPosition,
      segmentBytes,
      proof,
    });
    result.followed = followed;
    result.segments += followed.segments;
    result.verified += followed.verified;
    result.bytes += followed.bytes;
    result.failures.push(...followed.failures);
  }
  return result;
}

function missing(segment: string, folder: string): Failure {
  return {
    code: 'incomplete',
    stage: 'wal',
    path: `${readable(folder)}/${segment.slice(0, 16)}/${segment}`,
    message: `WAL segment ${segment} is missing; PostgreSQL cannot make the backup consistent without it`,
    hint: 'Copy archive/ together with backup/; if the segment was never archived, use another backup.',
  };
}
