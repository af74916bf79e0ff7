import { describe, expect, test } from 'vitest';
import { type BlockForm, readBlockMap } from '../../engine/src/archives/pgbackrest/blockMap.ts';
import { crc32c, readControlFile, withInvalidCheckpoint } from '../../engine/src/archives/pgbackrest/pgControl.ts';
import { autoConf, recoveryConf } from '../../engine/src/archives/pgbackrest/recovery.ts';
import { nextSegment } from '../../engine/src/archives/pgbackrest/wal.ts';
import { readSegmentHeader } from '../../engine/src/contents/walSegment.ts';
import { RestoreError } from '../../engine/src/failure.ts';
import { controlFile, systemId } from './pgbackrestRepository.ts';

/** The map of a real file of pgBackRest 2.59: pg_data/base/16384/16399_fsm, 32768 bytes in blocks of 8192. */
const map = Buffer.from(
  '00160190ff01d71608020a2be853d9e70151dd921bea1e019102c914903a7e3699f2170101ffd6be4ce891',
  'hex',
);
const form: BlockForm = { blockSize: 8192, checksumSize: 6, references: 4, fileSize: 32_768 };

describe('a block map', () => {
  test('says for every block where it lies', () => {
    const runs = readBlockMap(map, form);
    const older = { offset: 32_656, storedSize: 362, plainSize: 32_768 };
    const own = { offset: 273, storedSize: 197, plainSize: 8192 };
    expect(
      runs.map(({ reference, bundle, superBlock, firstBlock, count }) => ({
        reference,
        bundle,
        superBlock,
        firstBlock,
        count,
      })),
    ).toEqual([
      { reference: 2, bundle: 1, superBlock: older, firstBlock: 0, count: 2 },
      { reference: 3, bundle: 1, superBlock: own, firstBlock: 0, count: 1 },
      { reference: 2, bundle: 1, superBlock: older, firstBlock: 3, count: 1 },
    ]);
    expect(runs.map((it) => Buffer.from(it.checksums).toString('hex'))).toEqual([
      '0a2be853d9e70151dd921bea',
      '903a7e3699f2',
      'ffd6be4ce891',
    ]);
  });

  test('cut anywhere, or longer, is refused', () => {
    for (let length = 0; length < map.length; length++) {
      expect(() => readBlockMap(map.subarray(0, length), form), `${length} bytes`).toThrow(RestoreError);
    }
    expect(() => readBlockMap(Buffer.concat([map, Buffer.of(0)]), form)).toThrow(/follows its last group/);
  });

  test('with any bit flipped is refused or says something else, and never runs away', () => {
    for (let bit = 0; bit < map.length * 8; bit++) {
      const flipped = Buffer.from(map);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        expect(readBlockMap(flipped, form)).not.toEqual(readBlockMap(map, form));
      } catch (error) {
        expect(error).toBeInstanceOf(RestoreError);
      }
    }
  });

  test('of noise never crashes', () => {
    let state = 1;
    for (let round = 0; round < 3000; round++) {
      const noise = Uint8Array.from({ length: 1 + (round % 60) }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state >>> 24;
      });
      noise[0] = 0;
      try {
        readBlockMap(noise, form);
      } catch (error) {
        expect(error).toBeInstanceOf(RestoreError);
      }
    }
  });

  test('that refers to a backup that is not listed, or needs another file size, is refused', () => {
    expect(() => readBlockMap(map, { ...form, references: 3 })).toThrow(/does not list/);
    expect(() => readBlockMap(map, { ...form, fileSize: 8192 })).toThrow(/more blocks than the file/);
    expect(() => readBlockMap(map, { ...form, fileSize: 100_000 })).toThrow(/4 blocks, the file has 13/);
    expect(() => readBlockMap(Buffer.concat([Buffer.of(1), map.subarray(1)]), form)).toThrow(/version/);
  });
});

describe('pg_control', () => {
  test('has the CRC-32C of the standard', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  test('is read, and changed only where pgBackRest changes it', () => {
    const before = controlFile();
    expect(readControlFile(before)).toEqual({
      systemId,
      controlVersion: 1300,
      catalogVersion: 202209061,
      checkpoint: 0x2000060n,
      hasValidCrc: true,
    });
    const after = withInvalidCheckpoint(before) ?? Buffer.alloc(0);
    expect(after.readBigUInt64LE(32)).toBe(0xdeadn);
    expect(readControlFile(after)?.hasValidCrc).toBe(true);
    const changed = [...after.keys()].filter((index) => after[index] !== before[index]);
    expect(changed.every((index) => (index >= 32 && index < 40) || (index >= 288 && index < 292))).toBe(true);
  });

  test('of an unknown version is left alone; of no version is no control file', () => {
    const unknown = controlFile();
    unknown.writeUInt32LE(1902, 8);
    expect(withInvalidCheckpoint(unknown)).toBeUndefined();
    expect(readControlFile(unknown)?.hasValidCrc).toBeUndefined();
    expect(readControlFile(Buffer.alloc(8192))).toBeUndefined();
    expect(readControlFile(Buffer.alloc(512))).toBeUndefined();
  });
});

describe('WAL segments', () => {
  test('follow each other over the end of a log file, for every segment size', () => {
    expect(nextSegment('000000010000000000000002', 2 ** 24)).toBe('000000010000000000000003');
    expect(nextSegment('0000000100000000000000FF', 2 ** 24)).toBe('000000010000000100000000');
    expect(nextSegment('000000010000000000000FFF', 2 ** 20)).toBe('000000010000000100000000');
    expect(nextSegment('0000000A00000001000000FE', 2 ** 24)).toBe('0000000A00000001000000FF');
    expect(nextSegment('000000010000000900000003', 2 ** 30)).toBe('000000010000000A00000000');
  });

  test('start with a header that says the cluster and the size', () => {
    const start = Buffer.alloc(40);
    start.writeUInt16LE(2, 2);
    start.writeBigUInt64LE(systemId, 24);
    start.writeUInt32LE(2 ** 24, 32);
    expect(readSegmentHeader(start)).toMatchObject({ systemId, segmentBytes: 2 ** 24 });
    expect(readSegmentHeader(start.subarray(0, 39))).toBeUndefined();
    start.writeUInt32LE(3 * 2 ** 20, 32);
    expect(readSegmentHeader(start)).toBeUndefined();
    expect(readSegmentHeader(Buffer.alloc(40))).toBeUndefined();
  });
});

describe('recovery settings', () => {
  const now = new Date(2026, 10, 21, 21, 2, 2);
  const settings: [string, string][] = [['restore_command', 'pgbackrest --stanza=demo archive-get %f "%p"']];

  test('make targets of an earlier restore comments and stand at the end', () => {
    expect(autoConf("a = 1\n recovery_target_time = 'x'\nrecovery_targets = 2\n\n", settings, now)).toBe(
      `a = 1
# Removed by pgBackRest restore on 2026-11-21 21:02:02 #  recovery_target_time = 'x'
recovery_targets = 2

# Recovery settings generated by pgBackRest restore on 2026-11-21 21:02:02
restore_command = 'pgbackrest --stanza=demo archive-get %f "%p"'
`,
    );
  });

  test('need no file that was there, and none at all after an offline backup', () => {
    expect(autoConf(undefined, settings, now)).toBe(recoveryConf(settings, now));
    expect(autoConf('a = 1\n', undefined, now)).toBe('a = 1\n');
  });
});
