/**
 * `backup_manifest`, which pg_basebackup writes since PostgreSQL 13: every file with its size and checksum, the WAL that is
 * needed, and a checksum over itself.
 *
 * Format: "Backup Manifest Format" of PostgreSQL's documentation, versions 1 and 2 (17 and later).
 */

import { createHash } from 'node:crypto';
import { fail } from '../failure.ts';

export interface BackupManifest {
  /** Cluster-wide identifier; version 2 only. */
  systemId: bigint | undefined;
  /** By path, `base/5/1259` or `pg_tblspc/OID/…`. */
  files: ReadonlyMap<string, ManifestFile>;
  walRanges: WalRange[];
}

export interface ManifestFile {
  size: number;
  /** undefined: made with `--manifest-checksums=none`. */
  checksum: { algorithm: ManifestAlgorithm; hex: string } | undefined;
}

export type ManifestAlgorithm = 'CRC32C' | 'SHA224' | 'SHA256' | 'SHA384' | 'SHA512';

export interface WalRange {
  timeline: number;
  start: bigint;
  end: bigint;
}

/** A million files take 150 MB. */
export const largestManifest = 1024 * 1024 * 1024;

const hint =
  'Without a right manifest nothing shows whether the backup is whole: copy it again, or use another backup.';

/**
 * @throws RestoreError stage `contents`: `truncated` when its end is missing, `damaged` when its own checksum does not
 *   match or it cannot be read, `unsupported` for a version that is not known
 */
export function readBackupManifest(bytes: Uint8Array): BackupManifest {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const checksumStart = buffer.lastIndexOf('"Manifest-Checksum"');
  const last = /^"Manifest-Checksum"\s*:\s*"([0-9a-f]{64})"\s*\}\s*$/.exec(
    checksumStart < 0 ? '' : buffer.toString('latin1', checksumStart),
  );
  const [, recorded] = last ?? [];
  if (recorded === undefined) {
    fail('truncated', 'contents', 'backup_manifest ends without its own checksum', { offset: bytes.length, hint });
  }
  if (createHash('sha256').update(buffer.subarray(0, checksumStart)).digest('hex') !== recorded)
    fail('damaged', 'contents', 'the checksum of backup_manifest does not match', { offset: checksumStart, hint });
  const text = buffer.toString('utf8');
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch {
    damaged('is no JSON');
  }
  if (!isRecord(manifest)) damaged('is no JSON object');
  const version = manifest['PostgreSQL-Backup-Manifest-Version'];
  if (version !== 1 && version !== 2) {
    fail('unsupported', 'contents', `backup_manifest has the version ${String(version).slice(0, 20)}`, {
      hint: 'Versions 1 and 2 are known: it was made by a newer PostgreSQL. Check it with the pg_verifybackup of that.',
    });
  }
  // Larger than a number of JavaScript can hold exactly.
  const [, systemId] = /"System-Identifier"\s*:\s*(\d{1,20})/.exec(text.slice(0, 4_096)) ?? [];
  return {
    systemId: version === 2 && systemId !== undefined ? BigInt(systemId) : undefined,
    files: readFiles(manifest.Files),
    walRanges: readRanges(manifest['WAL-Ranges']),
  };
}

/** What pg_verifybackup does not look for either: it changes, or is made, between the backup and its check. */
export function isOutsideManifest(path: string): boolean {
  return (
    /^pg_wal(?:\/|$)/.test(path) ||
    ['backup_manifest', 'postgresql.auto.conf', 'recovery.signal', 'standby.signal', 'standby.done'].includes(path)
  );
}

function readFiles(entries: unknown): Map<string, ManifestFile> {
  if (!Array.isArray(entries)) damaged('lists no files');
  const files = new Map<string, ManifestFile>();
  for (const entry of entries as unknown[]) {
    if (!isRecord(entry)) damaged('lists a file that is none');
    const path = pathOf(entry);
    const { Size: size } = entry;
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) damaged('lists a file without a size');
    if (files.has(path)) damaged('lists a file twice');
    files.set(path, { size, checksum: checksumOf(entry) });
  }
  return files;
}

function pathOf({ Path: path, 'Encoded-Path': encoded }: Record<string, unknown>): string {
  if (typeof path === 'string' && encoded === undefined) return path;
  // Names that are no UTF-8, in hexadecimal; read as tar.ts reads names.
  if (typeof encoded === 'string' && path === undefined && /^(?:[0-9a-f]{2})+$/i.test(encoded))
    return Buffer.from(encoded, 'hex').toString('utf8');
  return damaged('lists a file without a name');
}

const HEX_DIGITS: Record<ManifestAlgorithm, number> = { CRC32C: 8, SHA224: 56, SHA256: 64, SHA384: 96, SHA512: 128 };

function checksumOf(entry: Record<string, unknown>): ManifestFile['checksum'] {
  const { 'Checksum-Algorithm': algorithm, Checksum: hex } = entry;
  if (algorithm === undefined && hex === undefined) return undefined;
  const digits = HEX_DIGITS[algorithm as ManifestAlgorithm];
  if (digits === undefined || typeof hex !== 'string' || hex.length !== digits || !/^[0-9a-f]+$/i.test(hex))
    damaged('lists a checksum of a kind that does not exist');
  return { algorithm: algorithm as ManifestAlgorithm, hex: hex.toLowerCase() };
}

function readRanges(ranges: unknown): WalRange[] {
  if (!Array.isArray(ranges)) damaged('lists no WAL');
  return (ranges as unknown[]).map((range) => {
    if (!isRecord(range)) damaged('lists WAL that is none');
    const { Timeline: timeline, 'Start-LSN': start, 'End-LSN': end } = range;
    if (typeof timeline !== 'number' || !Number.isInteger(timeline) || timeline < 1 || timeline > 0xffffffff)
      damaged('lists WAL without a timeline');
    return { timeline, start: lsn(start), end: lsn(end) };
  });
}

/** `0/2000028`: two halves of 32 bits. */
export function lsn(text: unknown): bigint {
  const [, high, low] = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(String(text)) ?? [];
  if (high === undefined || low === undefined) return damaged('lists WAL with a place that is none');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(what: string): never {
  fail('damaged', 'contents', `backup_manifest ${what}`, { hint });
}
