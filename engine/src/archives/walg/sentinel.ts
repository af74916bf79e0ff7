/** What WAL-G records of a backup: the sentinel that proves it has ended, and `metadata.json` beside its tars. */

import { shown } from '../../contents/tar.ts';
import { type Failure, fail, RestoreError } from '../../failure.ts';
import type { BucketFiles } from './bucketFiles.ts';
import { isObject, type JsonObject, type JsonValue, parseExactJson, unsigned } from './exactJson.ts';
import { isBackupName, sentinelSuffix } from './names.ts';

export interface Tablespace {
  /** Its OID: the name of the link below `pg_tblspc`. */
  oid: string;
  /** Where it lay on the source. */
  location: string;
}

export interface BackupRecord {
  name: string;
  /** The sentinel's object. */
  object: string;
  startLsn: bigint | undefined;
  finishLsn: bigint | undefined;
  systemId: bigint | undefined;
  /** `150004`; undefined where it is not recorded. */
  pgVersion: number | undefined;
  startedAt: string | undefined;
  finishedAt: string | undefined;
  hostname: string | undefined;
  uncompressedBytes: bigint | undefined;
  compressedBytes: bigint | undefined;
  /** From `metadata.json`, which `backup-mark` rewrites; the sentinel's own word grows stale. */
  isPermanent: boolean | undefined;
  userData: JsonValue | undefined;
  /** Only for a delta. */
  delta: { from: string; fullName: string; fromLsn: bigint | undefined; count: number | undefined } | undefined;
  tablespaces: Tablespace[];
  /** From version 2 on `files_metadata.json` must be there, unless it was switched off. */
  version: number;
  hasFilesMetadata: boolean;
  /** WAL-G up to 1.1 kept the list of files in the sentinel. */
  hasOwnFileList: boolean;
  /** StackGres made a volume snapshot, and WAL-G archives only the WAL. */
  isVolumeSnapshot: boolean;
  /** What sentinel and metadata say differently, or metadata that cannot be read. */
  problems: Failure[];
}

/** Old sentinels hold the list of all files; what is larger than this is read by `readFileList` as a stream. */
const largestSentinel = 256 * 1024 * 1024;
const largestMetadata = 16 * 1024 * 1024;

/** @param folder `basebackups_005` */
export async function readRecord(files: BucketFiles, folder: string, name: string): Promise<BackupRecord> {
  const object = `${folder}/${name}${sentinelSuffix}`;
  const sentinel = await readObject(files, object, largestSentinel);
  const record = recordOf(name, object, sentinel);
  await addMetadata(files, folder, record);
  return record;
}

function recordOf(name: string, object: string, sentinel: JsonObject): BackupRecord {
  const number = (key: string) => numberIn(sentinel, key, object);
  const from = textIn(sentinel, 'DeltaFrom');
  const fullName = textIn(sentinel, 'DeltaFullName');
  // `IsIncremental` of WAL-G panics when only some of them are there.
  if (from !== undefined && (!isBackupName(from) || fullName === undefined || !isBackupName(fullName))) {
    fail('damaged', 'chain', `the sentinel of ${name} names a base that is none`, {
      path: object,
      hint: 'It was changed after the backup: copy it again.',
    });
  }
  const userData = sentinel.UserData;
  return {
    name,
    object,
    startLsn: number('LSN'),
    finishLsn: number('FinishLSN'),
    systemId: number('SystemIdentifier'),
    pgVersion: toNumber(number('PgVersion')),
    startedAt: timeIn(sentinel, 'StartTime'),
    finishedAt: timeIn(sentinel, 'FinishTime'),
    hostname: textIn(sentinel, 'Hostname'),
    uncompressedBytes: number('UncompressedSize'),
    compressedBytes: number('CompressedSize'),
    isPermanent: typeof sentinel.IsPermanent === 'boolean' ? sentinel.IsPermanent : undefined,
    userData,
    delta:
      from === undefined || fullName === undefined
        ? undefined
        : {
            from,
            fullName,
            fromLsn: number('DeltaLSN') ?? number('DeltaFromLSN'),
            count: toNumber(number('DeltaCount')),
          },
    tablespaces: tablespacesOf(sentinel.Spec ?? sentinel.spec, object),
    version: toNumber(number('Version')) ?? 1,
    hasFilesMetadata: sentinel.FilesMetadataDisabled !== true,
    hasOwnFileList: isObject(sentinel.Files),
    isVolumeSnapshot: userData === 'volume-snapshot',
    problems: [],
  };
}

async function addMetadata(files: BucketFiles, folder: string, record: BackupRecord): Promise<void> {
  const object = `${folder}/${record.name}/metadata.json`;
  let metadata: JsonObject;
  try {
    if (!(await files.has(object))) {
      if (record.version >= 2) record.problems.push({ ...missingMetadata, path: object });
      return;
    }
    metadata = await readObject(files, object, largestMetadata);
  } catch (error) {
    if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
    record.problems.push(error.failure);
    return;
  }
  if (typeof metadata.is_permanent === 'boolean') record.isPermanent = metadata.is_permanent;
  if (metadata.user_data !== undefined) record.userData = metadata.user_data;
  record.isVolumeSnapshot ||= record.userData === 'volume-snapshot';
  record.startedAt ??= timeIn(metadata, 'start_time');
  record.finishedAt ??= timeIn(metadata, 'finish_time');
  record.hostname ??= textIn(metadata, 'hostname');
  record.pgVersion ??= toNumber(unsigned(metadata.pg_version));
  const same: [string, string, 'startLsn' | 'finishLsn' | 'systemId'][] = [
    ['start_lsn', 'start LSN', 'startLsn'],
    ['finish_lsn', 'stop LSN', 'finishLsn'],
    ['system_identifier', 'system identifier', 'systemId'],
  ];
  for (const [key, what, field] of same) {
    const inSentinel = record[field];
    const inMetadata = unsigned(metadata[key]);
    if (inSentinel === undefined) record[field] = inMetadata;
    if (inMetadata === undefined || inSentinel === undefined || inMetadata === inSentinel) continue;
    // jq, which StackGres uses for snapshots, may round identifiers.
    if (record.isVolumeSnapshot && key === 'system_identifier') continue;
    record.problems.push({
      code: 'damaged',
      stage: 'contents',
      path: object,
      message: `metadata.json and the sentinel of ${record.name} name another ${what}`,
      hint: 'One of them is of another backup: copy the folder again.',
    });
  }
}

const missingMetadata = {
  code: 'incomplete',
  stage: 'open',
  message: 'metadata.json is missing, which WAL-G writes beside the tars of every backup',
  hint: 'Copy the folder of the backup again. WAL-G restores without it, but cannot list or mark the backup.',
} satisfies Failure;

async function readObject(files: BucketFiles, object: string, limit: number): Promise<JsonObject> {
  const bytes = await files.readSmall(object, limit);
  if (bytes.length === 0) {
    fail('truncated', 'contents', `${object} is empty`, { path: object, offset: 0, hint: 'Copy it again.' });
  }
  const value = parseExactJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  if (isObject(value)) return value;
  const isCut = bytes[0] === 0x7b && !/\}\s*$/.test(Buffer.from(bytes.subarray(-64)).toString('latin1'));
  return fail(
    isCut ? 'truncated' : 'damaged',
    'contents',
    `${object} is ${isCut ? 'cut off' : 'no JSON as WAL-G writes it'}`,
    {
      path: object,
      hint: 'WAL-G never encrypts or compresses this object: copy it again.',
    },
  );
}

function tablespacesOf(spec: JsonValue | undefined, object: string): Tablespace[] {
  if (!isObject(spec)) return [];
  const names = Array.isArray(spec.tablespaces) ? spec.tablespaces : [];
  return names.map((oid) => {
    const entry = typeof oid === 'string' ? spec[oid] : undefined;
    if (typeof oid !== 'string' || !/^[0-9]+$/.test(oid) || !isObject(entry)) {
      return fail('damaged', 'contents', `the tablespaces in ${object} cannot be read`, { path: object });
    }
    return { oid, location: typeof entry.loc === 'string' ? shown(entry.loc) : '' };
  });
}

function numberIn(object: JsonObject, key: string, path: string): bigint | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  return (
    unsigned(value) ??
    fail('damaged', 'contents', `${key} in ${path} is no number that WAL-G writes`, {
      path,
      hint: 'It was changed after the backup: copy it again.',
    })
  );
}

function textIn(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** RFC 3339; Go writes 0001-01-01 for no time at all. */
function timeIn(object: JsonObject, key: string): string | undefined {
  const text = textIn(object, key);
  return text === undefined || Number.isNaN(Date.parse(text)) || text.startsWith('0001-') ? undefined : text;
}

function toNumber(value: bigint | undefined): number | undefined {
  return value === undefined || value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(value);
}
