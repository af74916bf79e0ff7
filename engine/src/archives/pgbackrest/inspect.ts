/** What a repository shows without any key: names, sizes and first bytes say a lot. */

import { startsWith } from '../../bytes.ts';
import { saltedMagic } from '../../crypto/pgbackrest.ts';
import { RestoreError } from '../../failure.ts';
import { nothingToOpen, type TriedKey, uselessKey } from '../../files/triedKey.ts';
import type { Inspection, KeyOffer } from '../../job.ts';
import type { RunContext } from '../../run-context.ts';
import { isLabel, readBackupInfo } from './backupInfo.ts';
import { type ByteText, readable, toByteText } from './byteText.ts';
import { loadInfo } from './infoSource.ts';
import { type Location, stanzasOf } from './locate.ts';
import { RepositoryFiles } from './repositoryFiles.ts';
import { type PassTrial, tryPasses } from './repositoryPass.ts';
import { walInventories } from './walInventory.ts';

/** @param keys each pass among them is tried on the info files of every stanza, also one that is meant for another */
export async function inspectLocation(
  location: Location,
  context: RunContext,
  keys: readonly KeyOffer[] = [],
): Promise<Inspection> {
  const files = new RepositoryFiles(location.root, context);
  const inspection: Inspection = {
    path: location.root,
    format: 'pgbackrest',
    isEncrypted: null,
    facts: [],
    opensWith: [],
    problems: [],
  };
  if (location.isPart) {
    inspection.problems.push(
      'This is a part of a repository: copy the whole, with archive/ and backup/ of the stanza.',
    );
    return inspection;
  }
  const stanzas = await stanzasOf(location.root);
  inspection.facts.push(
    ['Repository', location.root],
    [stanzas.length === 1 ? 'Stanza' : 'Stanzas', stanzas.join(', ')],
  );
  for (const stanza of stanzas)
    await inspectStanza(files, toByteText(Buffer.from(stanza)), inspection, stanzas.length > 1);
  if (inspection.isEncrypted)
    inspection.opensWith.push("the repository's cipher pass (repo-cipher-pass in pgbackrest.conf)");
  if (keys.length > 0) inspection.keys = await tryKeys(files, stanzas, keys, inspection.isEncrypted !== false);
  return inspection;
}

async function tryKeys(
  files: RepositoryFiles,
  stanzas: readonly string[],
  keys: readonly KeyOffer[],
  isEncrypted: boolean,
): Promise<TriedKey[]> {
  const passes = keys.filter(({ kind }) => kind === 'pgbackrest-pass' || kind === 'password');
  const trials = new Map<KeyOffer, { stanza: string; trial: PassTrial }[]>(passes.map((it) => [it, []]));
  for (const stanza of isEncrypted ? stanzas : []) {
    const found = await tryPasses(files, toByteText(Buffer.from(stanza)), passes);
    for (const [index, trial] of found.entries()) trials.get(passes[index] as KeyOffer)?.push({ stanza, trial });
  }
  return keys.map((offer) => {
    const { source } = offer;
    if (!isEncrypted) return { source, opens: false, detail: nothingToOpen };
    const tried = trials.get(offer);
    return tried === undefined ? { source, opens: false, detail: uselessKey } : summarise(source, tried);
  });
}

const INFO_FILES = ['archive.info', 'backup.info'] as const;

/** `opens archive.info and backup.info of the stanza demo; not of other`. */
function summarise(source: string, tried: { stanza: string; trial: PassTrial }[]): TriedKey {
  const sentences: string[] = [];
  const closed: string[] = [];
  let isSome = false;
  for (const { stanza, trial } of tried) {
    const opened = INFO_FILES.filter((it) => trial[it]);
    const refused = INFO_FILES.filter((it) => trial[it] === false);
    if (opened.length === 0) {
      if (refused.length > 0) closed.push(stanza);
      continue;
    }
    isSome = true;
    const but = refused.length > 0 ? `, but not ${refused.join(' and ')}` : '';
    sentences.push(`opens ${opened.join(' and ')}${but} of the stanza ${stanza}`);
  }
  if (isSome) return { source, opens: true, detail: [...sentences, ...closed.map((it) => `not ${it}`)].join('; ') };
  const variant = tried.map(({ trial }) => trial.variant).find((it) => it !== undefined);
  if (closed.length === 0) return { source, opens: null, detail: 'no info file of the repository is encrypted' };
  return {
    source,
    opens: false,
    detail: variant === undefined ? 'it opens no info file' : `it opens no info file as it is, but would ${variant}`,
  };
}

async function inspectStanza(
  files: RepositoryFiles,
  stanza: ByteText,
  inspection: Inspection,
  isOneOfMany: boolean,
): Promise<void> {
  const name = (what: string) => (isOneOfMany ? `${readable(stanza)}: ${what}` : what);
  const archiveInfo = `archive/${stanza}/archive.info`;
  const backupInfo = `backup/${stanza}/backup.info`;
  const heads = [await head(files, archiveInfo), await head(files, backupInfo)];
  if (!heads[0])
    inspection.problems.push(`${readable(archiveInfo)} is missing: without archive/ no backup is complete.`);
  if (!heads[1])
    inspection.problems.push(`${readable(backupInfo)} is missing: without it no backup can be found or opened.`);
  const isEncrypted = heads.some((it) => it && startsWith(it, saltedMagic));
  inspection.isEncrypted = inspection.isEncrypted || isEncrypted;
  inspection.facts.push([name('Cipher'), isEncrypted ? 'aes-256-cbc (Salted__, key from SHA-1)' : 'none']);

  const folder = (await files.list(`backup/${stanza}`)) ?? [];
  const labels = folder.filter(isLabel);
  inspection.facts.push([
    name('Backups'),
    labels.length === 0 ? 'none' : `${labels.length}, ${labels[0]} to ${labels.at(-1)}`,
  ]);
  for (const label of labels) {
    const inside = (await files.list(`backup/${stanza}/${label}`)) ?? [];
    if (inside.includes('backup.manifest')) continue;
    inspection.problems.push(`Backup ${label} has no manifest: it did not come to its end.`);
  }
  if (!isEncrypted && heads[1]) await readPlainInfo(files, backupInfo, inspection, name);

  for (const { id, segments } of await walInventories(files, stanza)) {
    const range = `${segments.length} segments, ${segments[0]} to ${segments.at(-1)}`;
    inspection.facts.push([name(`WAL ${id}`), segments.length === 0 ? 'no segment' : range]);
  }
}

async function readPlainInfo(
  files: RepositoryFiles,
  backupInfo: ByteText,
  inspection: Inspection,
  name: (what: string) => string,
): Promise<void> {
  try {
    const info = readBackupInfo(
      await loadInfo(files, backupInfo, undefined, (it) => inspection.problems.push(it.message)),
    );
    inspection.facts.push([name('PostgreSQL'), info.current.version]);
    const newest = info.backups.at(-1);
    if (newest) {
      const at = new Date(newest.stoppedAt * 1000).toISOString();
      inspection.facts.push([
        name('Newest backup'),
        `${newest.label}, ${newest.type}, ${newest.size} bytes, ${at}, by pgBackRest ${newest.version}`,
      ]);
    } else {
      inspection.problems.push('backup.info lists no backup.');
    }
  } catch (error) {
    if (!(error instanceof RestoreError) || error.failure.code === 'cancelled') throw error;
    inspection.problems.push(`${readable(backupInfo)}: ${error.failure.message}`);
  }
}

async function head(files: RepositoryFiles, name: ByteText): Promise<Uint8Array | undefined> {
  for (const object of [name, `${name}.copy`]) {
    const size = await files.size(object);
    if (size === undefined) continue;
    for await (const piece of files.read(object, { length: Math.min(size, 16) })) return piece;
    return new Uint8Array(0);
  }
  return undefined;
}
