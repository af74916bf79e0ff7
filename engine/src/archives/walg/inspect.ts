/** What a bucket shows without any key: names, sentinels and first bytes say a lot. */

import { sniff, sniffBytes } from '../../contents/sniff.ts';
import { sodiumLength } from '../../crypto/sodium.ts';
import { RestoreError } from '../../failure.ts';
import { readStart } from '../../files/source.ts';
import type { Inspection } from '../../job.ts';
import type { RunContext } from '../../run-context.ts';
import { type ListedBackup, listBackups } from './backups.ts';
import { titleOf, type WalgBucket, type WalgFolder } from './bucket.ts';
import { BucketFiles } from './bucketFiles.ts';
import type { KnownBackup, Manifests } from './manifests.ts';
import { firstSegmentOf, lsnText, segmentAt, segmentBytesOf, splitExtension, timelineOf } from './names.ts';
import { isStoredPlain } from './storedObject.ts';
import { WalArchive } from './walArchive.ts';

interface Surroundings {
  manifests: Manifests;
  context: RunContext;
}

export async function inspectBucket(bucket: WalgBucket, path: string, around: Surroundings): Promise<Inspection> {
  const inspection: Inspection = {
    path,
    format: 'wal-g',
    isEncrypted: null,
    facts: [],
    opensWith: [],
    problems: [],
  };
  const isOneOfMany = bucket.folders.length > 1;
  if (isOneOfMany) inspection.facts.push(['Archives', `${bucket.folders.length} of WAL-G`]);
  for (const folder of bucket.folders) await inspectFolder(folder, inspection, isOneOfMany, around);
  return inspection;
}

async function inspectFolder(
  folder: WalgFolder,
  inspection: Inspection,
  isOneOfMany: boolean,
  { manifests, context }: Surroundings,
): Promise<void> {
  const files = new BucketFiles(folder.root, context);
  const { facts, problems } = inspection;
  const title = titleOf(folder);
  const name = (what: string) => (isOneOfMany ? `${title}: ${what}` : what);
  if (folder.stackgres) {
    const { namespace, cluster, startedAt, postgres } = folder.stackgres;
    facts.push([
      name('StackGres'),
      `cluster ${cluster} in namespace ${namespace}, PostgreSQL ${postgres}, since ${startedAt}`,
    ]);
  }
  const named = folder.stackgres ? folder.clusters.slice(1) : folder.clusters;
  if (named.length > 0) facts.push([name('Manifests'), `the archive of ${named.join(', ')}`]);
  if (isOneOfMany || folder.prefix !== '') facts.push([name('Folder'), folder.prefix || folder.root]);
  const { finished, unfinished } = await listBackups(files, folder.backups);
  if (folder.backups === undefined) problems.push(`${title}: basebackups_005/ is missing: there is only WAL.`);
  facts.push([name('Backups'), finished.length === 0 ? 'none' : String(finished.length)]);
  const known = manifests.backupsOf(folder, finished);
  for (const backup of finished) {
    await inspectBackup(files, folder, backup, { inspection, name, known: known.get(backup.name) });
  }
  for (const it of manifests.missingFrom(folder, finished)) problems.push(`${it}.`);
  for (const it of unfinished) {
    problems.push(`${it} has no sentinel: it did not come to its end, or is still being made.`);
  }
  await inspectWal(files, folder, { inspection, name });
}

interface Into {
  inspection: Inspection;
  name: (what: string) => string;
  known?: KnownBackup | undefined;
}

async function inspectBackup(
  files: BucketFiles,
  folder: WalgFolder,
  { name: backup, record, failure }: ListedBackup,
  { inspection, name, known }: Into,
): Promise<void> {
  if (!record) {
    inspection.problems.push(`${backup}: ${failure?.message ?? 'its sentinel cannot be read'}.`);
    return;
  }
  const { startLsn, finishLsn, uncompressedBytes, compressedBytes, delta } = record;
  const timeline = timelineOf(backup);
  const said = [
    known?.backup.title,
    record.finishedAt ? `ended ${record.finishedAt.slice(0, 19).replace('T', ' ')} UTC` : 'of unknown time',
    delta ? `delta to ${delta.from}` : 'full',
    uncompressedBytes === undefined
      ? undefined
      : `${bytes(uncompressedBytes)}${compressedBytes === undefined ? '' : `, ${bytes(compressedBytes)} stored`}`,
    startLsn === undefined
      ? undefined
      : `LSN ${lsnText(startLsn)} to ${finishLsn === undefined ? '?' : lsnText(finishLsn)}`,
    `WAL from ${firstSegmentOf(backup)}${finishLsn === undefined ? '' : ` to ${segmentAt(finishLsn - 1n, timeline, segmentBytesOf(backup, startLsn))}`}`,
    record.isPermanent === undefined ? undefined : record.isPermanent ? 'permanent' : 'not permanent',
    record.isVolumeSnapshot ? 'data in a volume snapshot' : undefined,
  ];
  const tars = `${folder.backups}/${backup}/tar_partitions`;
  const names = record.isVolumeSnapshot ? [] : ((await files.list(tars)) ?? []);
  const objects = names.map((it) => `${tars}/${it}`);
  said.push(await inspectObjects(files, objects, backup, inspection));
  inspection.facts.push([name('Backup'), [backup, ...said.filter((it) => it !== undefined)].join('; ')]);
  for (const it of record.problems) inspection.problems.push(`${backup}: ${it.message}.`);
  if (record.isVolumeSnapshot) return;
  if (names.length === 0) inspection.problems.push(`${backup} has no tars.`);
  for (const kind of ['pg_control', 'backup_label']) {
    const isThere = names.some((it) => it.startsWith(`${kind}.tar`));
    if (names.length > 0 && !isThere) inspection.problems.push(`${backup} has no ${kind}.tar.`);
  }
}

/** Returns how they are stored: `libsodium, brotli`; undefined where nothing could be seen. */
async function inspectObjects(
  files: BucketFiles,
  objects: readonly string[],
  backup: string,
  inspection: Inspection,
): Promise<string | undefined> {
  const plain: string[] = [];
  const codecs = new Set<string>();
  const methods = new Set<string>();
  const encrypted: string[] = [];
  for (const object of objects) {
    try {
      const size = files.size(object);
      const shown = object.slice(object.lastIndexOf('/') + 1);
      if (size === 0) {
        inspection.problems.push(`${backup}: ${shown} is empty.`);
        continue;
      }
      const start = await readStart(files.pathOf(object), sniffBytes, { signal: files.context.signal });
      const { compression } = splitExtension(shown);
      codecs.add(compression === 'none' ? 'not compressed' : compression);
      if (isStoredPlain(start, compression)) {
        plain.push(shown);
        continue;
      }
      encrypted.push(shown);
      const isOpenpgp = sniff(start) === 'openpgp';
      methods.add(isOpenpgp ? 'OpenPGP' : 'libsodium');
      if (isOpenpgp) opensWith(inspection, 'the OpenPGP private key (WALG_PGP_KEY), and its passphrase if it has one');
      else {
        opensWith(inspection, 'the libsodium key (WALG_LIBSODIUM_KEY), with its key transform');
        const length = sodiumLength(size);
        if (!length.isPossible)
          inspection.problems.push(`${backup}: ${shown} is no whole libsodium stream: ${length.cut}.`);
      }
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
      inspection.problems.push(error.failure.message);
    }
  }
  if (encrypted.length > 0) inspection.isEncrypted = true;
  else if (plain.length > 0) inspection.isEncrypted ??= false;
  if (plain.length > 0 && encrypted.length > 0) {
    inspection.problems.push(
      `${backup}: ${plain.join(', ')} ${plain.length === 1 ? 'is' : 'are'} NOT encrypted, the other tars are.`,
    );
  }
  if (plain.length + encrypted.length === 0) return undefined;
  return [...(plain.length > 0 ? ['not encrypted', ...methods] : methods), ...codecs].join(', ');
}

async function inspectWal(files: BucketFiles, folder: WalgFolder, { inspection, name }: Into): Promise<void> {
  const wal = await WalArchive.open(files, folder.wal);
  if (!wal) {
    inspection.problems.push(`${titleOf(folder)}: wal_005/ is missing: without WAL no backup is complete.`);
    return;
  }
  const segments = wal.segments();
  for (const timeline of new Set(segments.map(timelineOf))) {
    const own = segments.filter((it) => timelineOf(it) === timeline);
    const range = `${own.length} segment${own.length === 1 ? '' : 's'}, ${own[0]} to ${own.at(-1)}`;
    inspection.facts.push([name(`WAL, timeline ${timeline}`), range]);
  }
  if (segments.length === 0) inspection.facts.push([name('WAL'), 'no segment']);
  const { histories, partials } = wal.others();
  if (histories.length > 0) inspection.facts.push([name('Histories'), histories.map((it) => it.file).join(', ')]);
  if (partials.length > 0) inspection.facts.push([name('Partial'), partials.map((it) => it.file).join(', ')]);
}

function opensWith(inspection: Inspection, key: string): void {
  if (!inspection.opensWith.includes(key)) inspection.opensWith.push(key);
}

function bytes(value: bigint): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let number = Number(value);
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) {
    number /= 1000;
    unit++;
  }
  return `${unit === 0 ? number : number.toFixed(1)} ${units[unit]}`;
}
