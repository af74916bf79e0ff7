/** What a repository shows without any key: names, sizes and first bytes say a lot. */

import { startsWith } from '../../bytes.ts';
import { saltedMagic } from '../../crypto/pgbackrest.ts';
import { RestoreError } from '../../failure.ts';
import type { Inspection } from '../../job.ts';
import type { RunContext } from '../../run-context.ts';
import { isLabel, readBackupInfo } from './backupInfo.ts';
import { type ByteText, readable, toByteText } from './byteText.ts';
import { loadInfo } from './infoSource.ts';
import { type Location, stanzasOf } from './locate.ts';
import { RepositoryFiles } from './repositoryFiles.ts';
import { walInventories } from './walInventory.ts';

export async function inspectLocation(location: Location, context: RunContext): Promise<Inspection> {
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
  return inspection;
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
