/** The keys that configuration files hold, ready to be offered to the engine. */

import type { KeyOffer } from '../../../engine/src/job.ts';
import type { Conf } from '../core/pgbackrest/conf.ts';
import { selectedEntry } from '../core/queries/selectedEntry.ts';
import { transformOf } from '../core/queries/sodiumKey.ts';
import { ObjectStorageResource } from '../core/resources/stackgres.ts';
import { Workspace } from '../core/workspace.ts';
import { load } from '../loader.ts';
import { UsageError } from './arguments.ts';
import { harmless } from './terminal.ts';

export interface Configuration {
  /** Every key that was found; the caller wipes them. */
  offers: KeyOffer[];
  /** All that is configured here is meant to be encrypted: a plain archive is then a surprise. */
  isEncrypted: boolean;
}

/**
 * @param paths files or folders
 * @throws UsageError when one cannot be read, or none of them configures a backup
 */
export async function readConfiguration(paths: readonly string[]): Promise<Configuration> {
  const loaded = await load(paths);
  const [problem] = loaded.problems;
  if (problem) throw new UsageError(`--config: ${problem.message}`, 'Name a pgbackrest.conf, a manifest, or a folder.');
  // No rules: what is wrong with the configuration is for `check` to say.
  const workspace = new Workspace([]);
  for (const it of loaded.files) workspace.setFile(it.uri, it.text);
  const units = workspace.uris.flatMap((uri) => workspace.units(uri));
  const confs = units.flatMap((it) => it.confs);
  const storages = units.flatMap((it) => it.resources.filter((one) => one instanceof ObjectStorageResource));
  if (confs.length === 0 && storages.length === 0) {
    throw new UsageError(
      `--config: there is no pgbackrest.conf and no storage in ${harmless(paths.join(', '))}`,
      'Name the files that hold the keys: pgbackrest.conf, or manifests together with their Secrets.',
    );
  }
  const areEncrypted = [
    ...[...repositoriesByPlace(confs).values()],
    ...storages.map((it) => it.encryption?.get('sodium') !== undefined || it.encryption?.get('openpgp') !== undefined),
  ];
  return {
    offers: [...confs.flatMap(passesOf), ...storages.flatMap((it) => keysOf(it, workspace))],
    isEncrypted: areEncrypted.length > 0 && areEncrypted.every((it) => it),
  };
}

/** Whether each repository is meant to be encrypted: it has a type, or a pass that is believed to be enough. */
function repositoriesByPlace(confs: readonly Conf[]): Map<string, boolean> {
  const byPlace = new Map<string, boolean>();
  for (const conf of confs) {
    const place = conf.entry ? conf.title : conf.part.uri.replace(/(?:\/conf\.d)?\/[^/]*$/, '');
    for (const it of conf.settings) {
      if (it.resolved.definition?.group !== 'repo' || it.resolved.index === undefined) continue;
      const isCipher =
        (it.resolved.name === 'repo-cipher-type' && it.value !== 'none') || it.resolved.name === 'repo-cipher-pass';
      const repository = `${place} repo${it.resolved.index}`;
      byPlace.set(repository, (byPlace.get(repository) ?? false) || isCipher);
    }
  }
  return byPlace;
}

function passesOf(conf: Conf): KeyOffer[] {
  return conf.settings
    .filter((it) => it.resolved.name === 'repo-cipher-pass' && it.value !== '' && !it.isOpaque)
    .map((it) => ({
      kind: 'pgbackrest-pass',
      source: `${conf.title}, ${it.key}`,
      bytes: new TextEncoder().encode(it.value),
      ...(it.resolved.index !== undefined && { repo: it.resolved.index }),
      ...(it.scope.stanza !== undefined && { stanza: it.scope.stanza }),
    }));
}

function keysOf(storage: ObjectStorageResource, workspace: Workspace): KeyOffer[] {
  const query = workspace.query();
  const entryOf = (path: string) => selectedEntry(storage.selector(path), query);
  const offers: KeyOffer[] = [];
  const sodium = entryOf('encryption.sodium.key');
  const transform = transformOf(storage.encryption?.get('sodium.keyTransform'));
  if (sodium?.bytes) {
    offers.push({
      kind: 'sodium',
      source: `${sodium.secret.title}, entry ${sodium.name}`,
      bytes: sodium.bytes.slice(),
      ...(transform && { keyTransform: transform }),
    });
  }
  const openpgp = entryOf('encryption.openpgp.key');
  const passphrase = entryOf('encryption.openpgp.keyPassphrase');
  if (openpgp?.bytes) {
    offers.push({
      kind: 'openpgp',
      source: `${openpgp.secret.title}, entry ${openpgp.name}`,
      bytes: openpgp.bytes.slice(),
      ...(passphrase?.bytes && { passphrase: passphrase.bytes.slice() }),
    });
  }
  return offers;
}
