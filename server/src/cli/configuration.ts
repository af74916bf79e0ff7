/** The keys that configuration files hold, ready to be offered to the engine. */

import { resolve } from 'node:path';
import type { KeyOffer, KnownArchive } from '../../../engine/src/job.ts';
import { configuredArchives, configuredKeys, wipeKeys } from '../core/queries/keySources.ts';
import { walgArchives } from '../core/queries/walgArchives.ts';
import { Workspace } from '../core/workspace.ts';
import { load } from '../loader.ts';
import { UsageError } from './arguments.ts';
import { harmless } from './terminal.ts';
import { readWalgKeys } from './walgSettings.ts';

export interface Configuration {
  /** Every key that was found; the caller wipes them. */
  offers: KeyOffer[];
  /** The archive is meant to be encrypted: that it can be read without a key is then a surprise. */
  isEncrypted: boolean;
  /** What StackGres' manifests say of archives and backups. */
  known: KnownArchive[];
}

/**
 * @param paths files or folders
 * @param archive where the archive lies: a repository of that path speaks for it alone
 * @throws UsageError when a path cannot be read, or nothing there configures a backup
 */
export async function readConfiguration(paths: readonly string[], archive: string): Promise<Configuration> {
  const loaded = await load(paths);
  const [problem] = loaded.problems;
  if (problem) {
    throw new UsageError(`--config: ${harmless(problem.message)}`, 'Name a pgbackrest.conf, a manifest, or a folder.');
  }
  // No rules: what is wrong with the configuration is for `check` to say.
  const workspace = new Workspace([]);
  for (const it of loaded.files) workspace.setFile(it.uri, it.text);
  const keys = configuredKeys(workspace);
  const archives = configuredArchives(workspace);
  const known = walgArchives(workspace);
  const walg = await readWalgKeys(paths);
  if (keys.length === 0 && archives.length === 0 && known.length === 0 && walg === undefined) {
    throw new UsageError(
      `--config: nothing in ${harmless(paths.join(', '))} configures a backup`,
      'Name the files that hold the keys: pgbackrest.conf, manifests together with their Secrets, or the environment of WAL-G.',
    );
  }
  const own = archives.filter((it) => it.path !== undefined && resolve(it.path) === resolve(archive));
  const meant = own.length > 0 ? own : archives;
  // A pass without a type is believed to encrypt: that is the mistake which has to come to light.
  const isEncrypted =
    (meant.length > 0 || walg !== undefined) &&
    meant.every((it) => it.isEncrypted || it.keys.length > 0) &&
    walg?.isEncrypted !== false;
  for (const it of archives) wipeKeys(it.keys);
  return {
    offers: [
      ...keys.map(({ kind, source, bytes, keyTransform, passphrase, repo, stanza }) => ({
        kind,
        source,
        bytes,
        ...(keyTransform && { keyTransform }),
        ...(passphrase && { passphrase }),
        ...(repo !== undefined && { repo }),
        ...(stanza !== undefined && { stanza }),
      })),
      ...(walg?.offers ?? []),
    ],
    isEncrypted,
    known,
  };
}
