/** Timelines of a cluster: where each one branched off, and which way a recovery goes. */

import { fail } from '../../failure.ts';

/** A stretch of WAL on one timeline: byte positions, the end exclusive. */
export interface Branch {
  timeline: number;
  start: bigint;
  /** Where the next one branched off; undefined for the timeline itself. */
  end: bigint | undefined;
}

/**
 * A timeline's history, oldest first; the timeline itself last.
 *
 * Format: a line per ancestor with its number, the position where it was left, and a reason, divided by tabs; blank lines and
 * comments.
 *
 * @throws RestoreError `damaged` when it is none
 */
export function readTimelineHistory(timeline: number, text: string): Branch[] {
  const branches: Branch[] = [];
  let start = 0n;
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const [, number, position] = /^\s*(\d+)\s+([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8})(?:\s|$)/.exec(line) ?? [];
    const ancestor = Number(number);
    const end = readPosition(position ?? '');
    const isAfter = ancestor > (branches.at(-1)?.timeline ?? 0) && ancestor < timeline;
    if (end === undefined || !isAfter) fail('damaged', 'wal', 'it is no timeline history');
    branches.push({ timeline: ancestor, start, end });
    start = end;
  }
  branches.push({ timeline, start, end: undefined });
  return branches;
}

/** `0/1B00100` */
export function readPosition(text: string): bigint | undefined {
  const [, high, low] = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return undefined;
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function timelineOf(segment: string): number {
  return Number.parseInt(segment.slice(0, 8), 16);
}

/** Counts segments from the first one of the first log, whatever the timeline. */
export function numberOf(segment: string, segmentBytes: number): number {
  const perLog = 2 ** 32 / segmentBytes;
  return Number.parseInt(segment.slice(8, 16), 16) * perLog + Number.parseInt(segment.slice(16, 24), 16);
}

export function segmentName(timeline: number, number: number, segmentBytes: number): string {
  const perLog = 2 ** 32 / segmentBytes;
  return [timeline, Math.floor(number / perLog), number % perLog].map(hex).join('');
}

/** The segment that holds a position. */
export function segmentAt(position: bigint, segmentBytes: number): number {
  return Number(position / BigInt(segmentBytes));
}

/**
 * The newest timeline that a recovery from a backup can reach: one that left the backup's timeline after its end.
 *
 * @param backup where the backup ended, and on which timeline
 * @param histories of every timeline but the first
 */
export function reachable(backup: { timeline: number; end: bigint }, histories: Branch[][]): Branch[] {
  const own = { timeline: backup.timeline, start: 0n, end: undefined };
  const all = histories.filter((it) =>
    it.some(({ timeline, end }) => timeline === backup.timeline && (end === undefined || end >= backup.end)),
  );
  const newest = all.sort((a, b) => (a.at(-1)?.timeline ?? 0) - (b.at(-1)?.timeline ?? 0)).at(-1);
  return newest ?? [own];
}

/** Timelines that may hold a segment on this way, the newest first: PostgreSQL looks for it in this order. */
export function timelinesOf(number: number, way: Branch[], segmentBytes: number): number[] {
  return way
    .filter(({ start, end }) => {
      const isBegun = segmentAt(start, segmentBytes) <= number;
      return isBegun && (end === undefined || number <= segmentAt(end, segmentBytes));
    })
    .map((it) => it.timeline)
    .reverse();
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}
