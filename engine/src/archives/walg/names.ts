/** The names that WAL-G gives to objects, and what they say. */

import type { Compression } from '../../compress/compression.ts';

/** Folders as every version names them; WAL-E wrote other numbers. */
const BACKUPS_FOLDER = /^basebackups_\d{3}$/;
const WAL_FOLDER = /^wal_\d{3}$/;

export const sentinelSuffix = '_backup_stop_sentinel.json';

/** `base_` and the first WAL segment, the base's own after `_D_` for a delta, the offset that WAL-E put at the end. */
const BACKUP_NAME = /^base_[0-9A-F]{24}(?:_D_[0-9A-F]{24})?(?:_[0-9A-F]{8})?$/;

export function isBackupsFolder(name: string): boolean {
  return BACKUPS_FOLDER.test(name);
}

export function isWalFolder(name: string): boolean {
  return WAL_FOLDER.test(name);
}

export function isBackupName(name: string): boolean {
  return BACKUP_NAME.test(name);
}

/** The timeline that a backup or a WAL segment belongs to. */
export function timelineOf(name: string): number {
  return Number.parseInt(name.replace(/^base_/, '').slice(0, 8), 16);
}

/** The first WAL segment of a backup, from its name. */
export function firstSegmentOf(backup: string): string {
  return backup.slice('base_'.length, 'base_'.length + 24);
}

/** The extensions of WAL-G's codecs, in the order in which it looks for a WAL object. */
const EXTENSIONS: readonly [extension: string, compression: Compression][] = [
  ['.lz4', 'lz4'],
  ['.lzma', 'lzma'],
  ['.gz', 'gz'],
  // WAL-G 3.0.8 wrote a dot and nothing behind it for `none`.
  ['.', 'none'],
  ['.br', 'br'],
  ['.zst', 'zst'],
  ['.lzo', 'lzo'],
  ['', 'none'],
];

/** What is left of an object's name without the extension of its codec. */
export function splitExtension(name: string): { base: string; compression: Compression } {
  for (const [extension, compression] of EXTENSIONS) {
    if (extension !== '' && name.endsWith(extension)) return { base: name.slice(0, -extension.length), compression };
  }
  return { base: name, compression: 'none' };
}

/** Every name under which a WAL file may lie, in WAL-G's order. */
export function storedNames(file: string): { name: string; compression: Compression }[] {
  return EXTENSIONS.map(([extension, compression]) => ({ name: file + extension, compression }));
}

export type WalKind = 'segment' | 'partial' | 'history' | 'mark' | 'delta' | 'metadata' | 'other';

/** @param base a name without the codec's extension */
export function walKind(base: string): WalKind {
  if (/^[0-9A-F]{24}$/.test(base)) return 'segment';
  if (/^[0-9A-F]{24}\.partial$/.test(base)) return 'partial';
  if (/^[0-9A-F]{8}\.history$/.test(base)) return 'history';
  if (/^[0-9A-F]{24}\.[0-9A-F]{8}\.backup$/.test(base)) return 'mark';
  if (/^[0-9A-F]{24}_delta$/.test(base)) return 'delta';
  // One for each object that was pushed, or (bulk) one for the segments whose names differ in the last digit only.
  if (/^(?:[0-9A-F]{23,24}(?:\.partial|\.[0-9A-F]{8}\.backup)?|[0-9A-F]{8}\.history)\.json$/.test(base))
    return 'metadata';
  return 'other';
}

/** The segment that holds this byte of WAL, as PostgreSQL names it. */
export function segmentAt(lsn: bigint, timeline: number, segmentBytes: number): string {
  const number = lsn / BigInt(segmentBytes);
  const perLog = (1n << 32n) / BigInt(segmentBytes);
  return hex(timeline) + hex(number / perLog) + hex(number % perLog);
}

/** The sizes that initdb takes, the usual one first. */
const SEGMENT_SIZES = [16, 64, 32, 128, 256, 512, 1024, 8, 4, 2, 1].map((it) => it * 1024 * 1024);

/** The size of WAL segments that fits a backup's name and where it starts; the usual one where none does. */
export function segmentBytesOf(backup: string, startLsn: bigint | undefined): number {
  const [usual = 0] = SEGMENT_SIZES;
  if (startLsn === undefined) return usual;
  const first = firstSegmentOf(backup);
  return SEGMENT_SIZES.find((it) => segmentAt(startLsn, timelineOf(backup), it) === first) ?? usual;
}

/** Where a segment begins. */
export function segmentStart(segment: string, segmentBytes: number): bigint {
  const log = BigInt(`0x${segment.slice(8, 16)}`);
  return log * (1n << 32n) + BigInt(`0x${segment.slice(16, 24)}`) * BigInt(segmentBytes);
}

/** `16/B374D848`, as PostgreSQL prints it. */
export function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}

/** undefined for what is no LSN. */
export function parseLsn(text: string): bigint | undefined {
  const [, high, low] = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text) ?? [];
  return high === undefined || low === undefined ? undefined : (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** 90604 is 9.6, 150004 is 15. */
export function majorOf(version: number): string {
  const major = Math.floor(version / 10_000);
  return major >= 10 ? String(major) : `${major}.${Math.floor(version / 100) % 100}`;
}

function hex(value: number | bigint): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}
