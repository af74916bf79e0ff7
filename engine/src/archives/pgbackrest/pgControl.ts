/**
 * `global/pg_control`: tells whether a restored cluster is the one that was backed up, and is changed as pgBackRest
 * changes it, so that PostgreSQL cannot start from it without `backup_label`.
 *
 * Format: PostgreSQL `catalog/pg_control.h`, little endian: system id at 0, control version at 8, catalog version at 12,
 * the last checkpoint at 32, and a CRC-32C over everything before itself.
 */

export interface ControlFile {
  systemId: bigint;
  controlVersion: number;
  catalogVersion: number;
  /** Where the last checkpoint lies in the WAL. */
  checkpoint: bigint;
  /** undefined when the place of the CRC is not known for this version. */
  hasValidCrc: boolean | undefined;
}

/** Bytes before the CRC, by control version: 9.6, 10, 11, 12, 13 to 16, 17, 18. */
const CRC_OFFSET: Record<number, number> = {
  960: 256,
  1002: 288,
  1100: 280,
  1201: 288,
  1300: 288,
  1700: 288,
  1800: 292,
};

export const controlFileBytes = 8192;
const checkpointOffset = 32;
/** What pgBackRest 2.51 and later write in place of the last checkpoint of an online backup. */
const invalidCheckpoint = 0xdeadn;

/** undefined when the bytes are no control file of any version. */
export function readControlFile(bytes: Buffer): ControlFile | undefined {
  if (bytes.length !== controlFileBytes) return undefined;
  const controlVersion = bytes.readUInt32LE(8);
  if (controlVersion < 800 || controlVersion > 9999) return undefined;
  const crcOffset = CRC_OFFSET[controlVersion];
  return {
    systemId: bytes.readBigUInt64LE(0),
    controlVersion,
    catalogVersion: bytes.readUInt32LE(12),
    checkpoint: bytes.readBigUInt64LE(checkpointOffset),
    hasValidCrc:
      crcOffset === undefined ? undefined : bytes.readUInt32LE(crcOffset) === crc32c(bytes.subarray(0, crcOffset)),
  };
}

/** A copy with an invalid checkpoint and a new CRC; undefined when the version is not known and it must stay as it is. */
export function withInvalidCheckpoint(bytes: Buffer): Buffer | undefined {
  const crcOffset = CRC_OFFSET[bytes.readUInt32LE(8)];
  if (crcOffset === undefined) return undefined;
  const changed = Buffer.from(bytes);
  changed.writeBigUInt64LE(invalidCheckpoint, checkpointOffset);
  changed.writeUInt32LE(crc32c(changed.subarray(0, crcOffset)), crcOffset);
  return changed;
}

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
  return ~crc >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});
