import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type BackupSpec,
  buildBucket,
  controlFile,
  deltaBackup,
  type FileListJson,
  full,
  fullBackup,
  segmentBytes,
  sodiumOffer,
  systemId,
  temporaryFolder,
  testOne,
  testRestore,
} from './walgBucket.ts';

const tars = (name: string) => `basebackups_005/${name}/tar_partitions`;
const listed = (change: (list: FileListJson) => void) => (list: FileListJson) => {
  change(list);
  return list;
};
const lsn = (segment: number) => BigInt(segment * segmentBytes + 40);

describe('lists that do not fit what is stored', () => {
  test.each<[string, BackupSpec[], string, string, boolean]>([
    [
      'a file of a tar is in none of them',
      [
        fullBackup({
          list: listed((it) => {
            delete it.Files['/empty'];
            it.TarFileSets = {};
          }),
        }),
      ],
      'incomplete',
      "the tar holds empty, which the backup's list of files does not have",
      false,
    ],
    [
      'a file is in the list of a tar only',
      [fullBackup({ list: listed((it) => delete it.Files['/empty']) })],
      'damaged',
      "empty is in the list of part_004.tar.gz, but the backup's list of files does not have it",
      false,
    ],
    [
      'a changed file is called unchanged',
      [
        fullBackup(),
        deltaBackup({
          list: listed((it) => {
            it.Files['/empty'] = { IsIncremented: false, IsSkipped: true };
          }),
        }),
      ],
      'damaged',
      "empty is in the list of part_001.tar.gz, but the backup's list of files leaves it to the base of the delta",
      false,
    ],
    [
      'changed pages are called the whole file',
      [fullBackup(), deltaBackup({ incremented: [] })],
      'damaged',
      'base/1/1259 holds only changed pages, and the list takes it for the whole file',
      true,
    ],
  ])('%s', async (_, backups, code, message, isComplete) => {
    const to = path.join(temporaryFolder(), 'restored');
    const { failure, verdict, restoredTo } = await testOne(await buildBucket({ backups }), { to });
    expect(failure).toMatchObject({ code, message: expect.stringContaining(message), hint: expect.any(String) });
    expect(verdict).toMatchObject({ complete: isComplete, restorable: false });
    expect(restoredTo).toBeNull();
  });

  test('a tar that no list knows would be unpacked over the others', async () => {
    const bucket = await buildBucket();
    const folder = path.join(bucket, tars(full));
    copyFileSync(path.join(folder, 'part_001.tar.gz'), path.join(folder, 'part_009.tar.gz'));
    const { failure } = await testOne(bucket);
    expect(failure).toMatchObject({ code: 'damaged', path: `${tars(full)}/part_009.tar.gz` });
  });

  test('two tars that were exchanged are told from a list that was changed', async () => {
    const bucket = await buildBucket();
    const [one, two, kept] = ['part_001.tar.gz', 'part_004.tar.gz', 'kept'].map((it) =>
      path.join(bucket, tars(full), it),
    ) as [string, string, string];
    renameSync(one, kept);
    renameSync(two, one);
    renameSync(kept, two);
    const { failure } = await testOne(bucket);
    expect(failure).toMatchObject({ code: 'damaged', message: expect.stringMatching(/belong into another one$/) });
  });
});

describe('objects of another backup of the same cluster and key', () => {
  test.each([
    ['an older pg_control', 3, 'is older than that of backup_label, 0/400028'],
    ['a newer pg_control', 9, 'is later than the end of the backup'],
  ])('%s', async (_, segment, message) => {
    const { pg_control: _1, ...others } = fullBackup().tars;
    const control = [{ name: '/global/pg_control', contents: controlFile(systemId, segment) }];
    const backup = fullBackup({ tars: { ...others, pg_control: control } });
    const { failure, verdict } = await testOne(await buildBucket({ backups: [backup] }));
    expect(failure).toMatchObject({ code: 'damaged', message: expect.stringContaining(message) });
    expect(verdict.restorable).toBe(false);
  });

  test('a whole backup under the name of another', async () => {
    const bucket = await buildBucket();
    const folder = path.join(bucket, 'basebackups_005');
    for (const name of readdirSync(folder)) {
      renameSync(path.join(folder, name), path.join(folder, name.replace(full, 'base_000000010000000000000006')));
    }
    const { failure } = await testOne(bucket);
    expect(failure).toMatchObject({
      code: 'damaged',
      message:
        'backup_label starts in WAL segment 000000010000000000000004, the name base_000000010000000000000006 says another one',
    });
  });
});

describe('what a sentinel does not say', () => {
  const bare = { LSN: null, FinishLSN: null, SystemIdentifier: undefined, PgVersion: undefined };
  const recorded = {
    start_lsn: lsn(4),
    finish_lsn: lsn(5),
    system_identifier: systemId,
    pg_version: 150004,
  };

  test('metadata.json says', async () => {
    const bucket = await buildBucket({ backups: [fullBackup({ sentinel: bare, metadata: recorded })] });
    const { verdict, backup } = await testOne(bucket);
    expect(verdict.complete).toBe(true);
    expect(backup).toMatchObject({
      startLsn: '0/400028',
      finishLsn: '0/500028',
      systemId: String(systemId),
      postgresql: '15',
    });
    const other = { ...recorded, system_identifier: 5n };
    const lying = await testOne(await buildBucket({ backups: [fullBackup({ sentinel: bare, metadata: other })] }));
    expect(lying.failure).toMatchObject({ code: 'damaged', message: expect.stringContaining('another cluster') });
  });

  test('leaves open whether the WAL is complete, when nobody says where the backup ended', async () => {
    const bucket = await buildBucket({ backups: [fullBackup({ sentinel: bare })] });
    const { failure, verdict, because } = await testOne(bucket);
    expect(failure).toBeNull();
    expect(verdict.complete).toBeNull();
    expect(because.complete).toBe(
      'the backup does not record where it ended: how far its WAL has to go cannot be told',
    );
  });

  test.each([
    ['null', 'damaged', 'is no JSON as WAL-G writes it'],
    ['\0\x01 noise', 'damaged', 'is no JSON as WAL-G writes it'],
    ['{"LSN": 123', 'truncated', 'is cut off'],
  ])('%j is called what it is', async (text, code, message) => {
    const bucket = await buildBucket();
    writeFileSync(path.join(bucket, `basebackups_005/${full}_backup_stop_sentinel.json`), text);
    const { failure } = await testOne(bucket);
    expect(failure).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe('encrypted and plain objects side by side', () => {
  /** Encrypted, but for one tar. */
  async function mixture(): Promise<string> {
    const bucket = await buildBucket({ isEncrypted: true });
    const plain = await buildBucket();
    const name = `${tars(full)}/part_004.tar.gz`;
    copyFileSync(path.join(plain, name), path.join(bucket, name));
    return bucket;
  }

  test('are not authentic together, even where the manifests expect no encryption', async () => {
    const known = [{ path: undefined, backup: { label: full, title: 'SGBackup db/x' }, isEncrypted: false }];
    const [report] = await testRestore(await mixture(), { keys: [sodiumOffer()], known });
    expect(report?.failure).toBeNull();
    expect(report?.verdict).toMatchObject({ decrypted: true, authentic: null });
    expect(report?.because.authentic).toMatch(/^1 object of [0-9]+ are not encrypted/);
  });

  test('nor is a WAL archive of which a part is plain', async () => {
    const bucket = await buildBucket({ isEncrypted: true });
    const plain = await buildBucket();
    const wal = 'wal_005/000000010000000000000008.gz';
    copyFileSync(path.join(plain, wal), path.join(bucket, wal));
    const reports = await testRestore(bucket, { keys: [sodiumOffer()], expectEncrypted: false, backup: 'all' });
    expect(reports.map((it) => it.verdict.authentic)).toEqual([true, null]);
  });

  test('zstd without a checksum, as old versions wrote it, proves no byte', async () => {
    const list = listed((it) => {
      it.TarFileSets = Object.fromEntries(Object.entries(it.TarFileSets).map(([tar, paths]) => [`${tar}.zst`, paths]));
    });
    const bucket = await buildBucket({ codec: 'none', backups: [fullBackup({ list })] });
    for (const folder of [tars(full), 'wal_005']) {
      for (const name of readdirSync(path.join(bucket, folder))) {
        const place = path.join(bucket, folder, name);
        writeFileSync(`${place}.zst`, framed(readFileSync(place)));
        rmSync(place);
      }
    }
    const { failure, verdict, because } = await testOne(bucket);
    expect(failure).toBeNull();
    expect(verdict).toMatchObject({ complete: true, restorable: null });
    expect(because.restorable).toContain('(zst) are not encrypted and have no checksum');
  });
});

/** A frame of zstd whose blocks are stored as they are, and which has no checksum. */
function framed(bytes: Uint8Array): Uint8Array {
  const blockBytes = 65_536;
  const pieces: Uint8Array[] = [Buffer.from('28b52ffd0058', 'hex')];
  for (let at = 0; at === 0 || at < bytes.length; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes);
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | (at + blockBytes >= bytes.length ? 1 : 0), 0, 3);
    pieces.push(header, block);
  }
  return Buffer.concat(pieces);
}
