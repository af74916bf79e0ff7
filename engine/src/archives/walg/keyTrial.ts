/** Which of several keys opens what in a bucket: the first chunk of one tar of a backup, and of one WAL segment, tells. */

import { sniff, sniffBytes } from '../../contents/sniff.ts';
import { RestoreError } from '../../failure.ts';
import { type Sealed, tryKey } from '../../files/keyTrial.ts';
import { readStart } from '../../files/source.ts';
import { nothingToOpen, type TriedKey, uselessKey } from '../../files/triedKey.ts';
import type { KeyOffer } from '../../job.ts';
import type { RunContext } from '../../run-context.ts';
import { listBackups } from './backups.ts';
import { titleOf, type WalgBucket, type WalgFolder } from './bucket.ts';
import { BucketFiles } from './bucketFiles.ts';
import type { KeyAdvice, Manifests } from './manifests.ts';
import { splitExtension } from './names.ts';
import { isStoredPlain } from './storedObject.ts';
import { WalArchive } from './walArchive.ts';

/**
 * A key may have been changed between two backups: each backup answers for itself, up to `mostBackups` of an archive, the
 * oldest and the newest among them.
 *
 * @returns an answer for each key, in their order, and sentences on what none of them opens
 * @throws RestoreError as `tryKey`
 */
export async function tryKeysOnBucket(
  bucket: WalgBucket,
  keys: readonly KeyOffer[],
  { manifests, context, allowCostly }: { manifests: Manifests; context: RunContext; allowCostly: boolean },
): Promise<{ tried: TriedKey[]; problems: string[] }> {
  const samples: Sample[] = [];
  let isUnknown = false;
  for (const folder of bucket.folders) {
    const found = await samplesOf(folder, bucket.folders.length > 1, { manifests, context });
    samples.push(...found.samples);
    isUnknown ||= found.isUnknown;
  }
  const tried: TriedKey[] = [];
  const opened = new Set<Sample>();
  for (const offer of keys) {
    const { source } = offer;
    const fitting = samples.filter(({ isOpenpgp }) => (isOpenpgp ? OPENPGP_KINDS : SODIUM_KINDS).includes(offer.kind));
    if (samples.length === 0) {
      tried.push(
        isUnknown
          ? { source, opens: null, detail: 'nothing in it could be read to try the key on' }
          : { source, opens: false, detail: nothingToOpen },
      );
    } else if (fitting.length === 0) tried.push({ source, opens: false, detail: uselessKey });
    else tried.push(await tryOnSamples(offer, fitting, { signal: context.signal, allowCostly, opened }));
  }
  return { tried, problems: unopened(samples.filter((it) => !opened.has(it))) };
}

/** One sentence for everything that misses the same key. */
function unopened(samples: readonly Sample[]): string[] {
  const byAdvice = new Map<string, string[]>();
  for (const { title, advice } of samples) {
    if (advice) byAdvice.set(advice.said, [...(byAdvice.get(advice.said) ?? []), title]);
  }
  return [...byAdvice].map(([advice, titles]) => `None of the keys opens ${titles.join(', ')}. ${advice}`);
}

const OPENPGP_KINDS: readonly KeyOffer['kind'][] = ['openpgp', 'password'];
const SODIUM_KINDS: readonly KeyOffer['kind'][] = ['sodium'];
const mostBackups = 8;

interface Sample {
  /** What the object stands for: `backup base_000000010000000000000004`, `WAL`. */
  title: string;
  isOpenpgp: boolean;
  object: Sealed;
  /** Where the manifests say that its key is. */
  advice: KeyAdvice['backup'];
}

async function tryOnSamples(
  offer: KeyOffer,
  samples: readonly Sample[],
  { opened: all, ...options }: { signal: AbortSignal; allowCostly: boolean; opened: Set<Sample> },
): Promise<TriedKey> {
  const opened: string[] = [];
  const others: { title: string; tried: TriedKey }[] = [];
  let as = '';
  for (const sample of samples) {
    const { title, isOpenpgp, object } = sample;
    const tried = await tryKey(offer, object, { ...options, method: isOpenpgp ? 'openpgp' : 'sodium' });
    if (tried.opens) {
      opened.push(title);
      all.add(sample);
      as = tried.detail;
    } else others.push({ title, tried });
  }
  const [first] = others;
  if (first && opened.length === 0) {
    const isRefused = others.some(({ tried }) => tried.opens === false);
    const told = others.find(({ tried }) => tried.opens === (isRefused ? false : null)) ?? first;
    return { ...told.tried, opens: isRefused ? false : null };
  }
  const not = others.length > 0 ? `; not ${others.map((it) => it.title).join(', ')}` : '';
  return { source: offer.source, opens: true, detail: `${as}: opens ${opened.join(', ')}${not}` };
}

async function samplesOf(
  folder: WalgFolder,
  isOneOfMany: boolean,
  { manifests, context }: { manifests: Manifests; context: RunContext },
): Promise<{ samples: Sample[]; isUnknown: boolean }> {
  const files = new BucketFiles(folder.root, context);
  const samples: Sample[] = [];
  let isUnknown = false;
  const add = async (title: string, objects: readonly string[], advice: KeyAdvice['backup']) => {
    try {
      const sample = await firstEncrypted(files, objects, isOneOfMany ? `${titleOf(folder)}: ${title}` : title);
      if (sample) samples.push({ ...sample, advice });
    } catch (error) {
      if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
      isUnknown = true;
    }
  };
  const { finished, unfinished } = await listBackups(files, folder.backups);
  const known = manifests.backupsOf(folder, finished);
  const names = [...finished.map((it) => it.name).sort(), ...unfinished];
  for (const backup of spread(names, mostBackups)) {
    const tars = `${folder.backups}/${backup}/tar_partitions`;
    await add(
      `backup ${backup}`,
      ((await files.list(tars)) ?? []).map((it) => `${tars}/${it}`),
      manifests.adviceFor(folder, known.get(backup)).backup,
    );
  }
  const wal = await WalArchive.open(files, folder.wal);
  const newest = wal?.segments().at(-1);
  if (wal && newest !== undefined) {
    await add(
      `WAL ${newest}`,
      wal.find(newest).map((it) => it.object),
      manifests.adviceFor(folder, known.get(finished.at(-1)?.name ?? '')).wal,
    );
  }
  return { samples, isUnknown };
}

/** Tars of a backup are encrypted alike: the first that is no plain one stands for all. */
async function firstEncrypted(
  files: BucketFiles,
  objects: readonly string[],
  title: string,
): Promise<Omit<Sample, 'advice'> | undefined> {
  for (const name of objects) {
    const size = files.size(name);
    if (size === 0) continue;
    const start = await readStart(files.pathOf(name), sniffBytes, { signal: files.context.signal, name });
    const { compression } = splitExtension(name.slice(name.lastIndexOf('/') + 1));
    if (isStoredPlain(start, compression)) continue;
    const kind = sniff(start);
    return { title, isOpenpgp: kind === 'openpgp', object: { read: () => files.read(name), size } };
  }
  return undefined;
}

/** At most `most` of them, evenly, with the first and the last. */
function spread<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, index) => all[Math.round((index * (all.length - 1)) / (most - 1))] as T);
}
