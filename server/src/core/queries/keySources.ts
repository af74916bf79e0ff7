/**
 * Where the configuration says that keys are, with their bytes, and which archives they belong to. The bytes are copies: who
 * asked wipes them. Nothing of this may be shown but `source`.
 */

import { walgValue } from '../keys/walgValue.ts';
import type { Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { EffectiveOptions } from '../pgbackrest/effective.ts';
import { holdsSecret } from '../pgbackrest/options.ts';
import { repositoriesOf } from '../pgbackrest/repository.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { type SecretEntry, SecretResource } from '../resources/secret.ts';
import { ObjectStorageResource, type Selector, StackGresBackupResource } from '../resources/stackgres.ts';
import { decodeBase64, utf8 } from '../text/base64.ts';
import type { Workspace } from '../workspace.ts';
import { clusterConfiguration } from './clusterConfiguration.ts';
import { readingsOf } from './confReading.ts';
import { repositoryState, repositoryStateIn } from './repositoryState.ts';
import { selectedEntry } from './selectedEntry.ts';
import { transformOf } from './sodiumKey.ts';

/** A key that the configuration holds; fits what the engine takes (`KeyOffer`). */
export interface ConfiguredKey {
  kind: 'pgbackrest-pass' | 'sodium' | 'openpgp';
  /** For people: `Secret db/backup, entry key`, `pgbackrest.conf, repo1-cipher-pass`. Holds no key material. */
  source: string;
  at: Place;
  /** Every file that has a say in it: that of the key, and that of the storage or cluster that names it. */
  uris: string[];
  bytes: Uint8Array;
  keyTransform?: 'hex' | 'base64' | 'none';
  passphrase?: Uint8Array;
  /** N of repoN-cipher-pass. */
  repo?: number;
  /** Only where the pass stands in a stanza's section. */
  stanza?: string;
}

/** A repository or storage that the configuration speaks of. */
export interface ConfiguredArchive {
  /** `repo1 of stanza db (pgbackrest.conf)`, `SGObjectStorage db/backup`. */
  label: string;
  uri: string;
  format: 'pgbackrest' | 'wal-g';
  /** The folder on the host that the configuration is for; undefined for other hosts and object stores. */
  path: string | undefined;
  stanza: string | undefined;
  repo: number | undefined;
  /** What the configuration says, not what lies there. */
  isEncrypted: boolean;
  keys: ConfiguredKey[];
}

/** Every key of the workspace, or of some of its files. */
export function configuredKeys(workspace: Workspace, only?: ReadonlySet<string>): ConfiguredKey[] {
  const keys = new Map<string, ConfiguredKey>();
  const add = (it: ConfiguredKey) => {
    const id = `${it.kind} ${it.at.part.uri} ${it.at.part.start + it.at.start} ${it.keyTransform ?? ''} ${it.repo ?? ''} ${it.stanza ?? ''}`;
    const known = keys.get(id);
    if (known) known.uris.push(...it.uris);
    else keys.set(id, it);
  };
  const named = new Set<SecretEntry>();
  for (const unit of unitsOf(workspace)) {
    for (const conf of unit.confs) for (const it of passesOf(conf)) add(it);
    for (const resource of unit.resources) {
      if (resource instanceof PostgresClusterResource) for (const it of passesInGlobal(resource)) add(it);
      if (resource instanceof ObjectStorageResource || resource instanceof StackGresBackupResource) {
        for (const { key, entry } of storageKeys(resource, workspace)) {
          named.add(entry);
          add(key);
        }
      }
    }
  }
  // A Secret whose storage is not here: the form of the key says what it is.
  for (const unit of unitsOf(workspace)) {
    for (const resource of unit.resources) {
      if (!(resource instanceof SecretResource)) continue;
      for (const entry of resource.entries) if (!named.has(entry)) for (const it of keyByForm(entry)) add(it);
    }
  }
  const all = [...keys.values()].map((it) => ({ ...it, uris: [...new Set(it.uris)] }));
  if (!only) return all;
  const chosen = all.filter((it) => it.uris.some((uri) => only.has(uri)));
  wipeKeys(all.filter((it) => !chosen.includes(it)));
  return chosen;
}

/** Every repository and storage, with the keys that are configured for it. The caller wipes the keys. */
export function configuredArchives(workspace: Workspace): ConfiguredArchive[] {
  const found = new Map<string, ConfiguredArchive>();
  for (const unit of unitsOf(workspace)) {
    for (const conf of unit.confs)
      for (const it of archivesOfConf(conf, workspace)) found.set(`${it.uri} ${it.label}`, it);
    for (const resource of unit.resources) {
      if (resource instanceof PostgresClusterResource) {
        for (const it of archivesOfCluster(resource, workspace)) found.set(`${it.uri} ${it.label}`, it);
      }
      if (!(resource instanceof ObjectStorageResource)) continue;
      const keys = storageKeys(resource, workspace).map((it) => it.key);
      const { encryption } = resource;
      found.set(resource.title, {
        label: resource.title,
        uri: resource.part.uri,
        format: 'wal-g',
        path: undefined,
        stanza: undefined,
        repo: undefined,
        isEncrypted: encryption?.get('sodium')?.isMap === true || encryption?.get('openpgp')?.isMap === true,
        keys,
      });
    }
  }
  return [...found.values()];
}

/** Overwrites the bytes; to be called by whoever asked for keys, when they are not needed any more. */
export function wipeKeys(keys: readonly ConfiguredKey[]): void {
  for (const { bytes, passphrase } of keys) {
    bytes.fill(0);
    passphrase?.fill(0);
  }
}

function unitsOf(workspace: Workspace) {
  return workspace.uris.flatMap((uri) => workspace.units(uri));
}

function passesOf(conf: Conf): ConfiguredKey[] {
  return conf.settings.flatMap((it) => passOf(it, conf.title, [conf.part.uri]) ?? []);
}

function passesInGlobal(cluster: PostgresClusterResource): ConfiguredKey[] {
  return cluster.scopes.flatMap((scope) =>
    scope.global.flatMap((it) => passOf(it, `global of ${cluster.title}`, [cluster.part.uri]) ?? []),
  );
}

function passOf(setting: Setting, title: string, uris: string[]): ConfiguredKey | undefined {
  const { resolved, value, scope } = setting;
  if (resolved.name !== 'repo-cipher-pass' || value === '' || setting.isOpaque || !holdsSecret(resolved))
    return undefined;
  const key: ConfiguredKey = {
    kind: 'pgbackrest-pass',
    source: `${title}, ${setting.key}`,
    at: setting.valuePlace,
    uris,
    bytes: new TextEncoder().encode(value),
  };
  if (resolved.index !== undefined) key.repo = resolved.index;
  if (scope.stanza !== undefined) key.stanza = scope.stanza;
  return key;
}

function archivesOfConf(conf: Conf, workspace: Workspace): ConfiguredArchive[] {
  const query = workspace.query();
  return readingsOf(conf, query).flatMap((reading) => {
    // The cluster that mounts it speaks for it; of several files that are read together, the first does.
    if (reading.cluster || reading.confs[0] !== conf) return [];
    return reading.stanzas.flatMap((stanza) =>
      repositoriesOf(reading.settings, stanza).map((repository): ConfiguredArchive => {
        const { name, index } = repository;
        const effective = new EffectiveOptions(reading.settings, stanza, workspace.targets.pgbackrest);
        const isHere =
          /^(?:posix|cifs)$/.test(effective.value('repo-type', index) ?? '') && !effective.has(`${name}-host`);
        const of = stanza === undefined ? '' : ` of stanza ${stanza}`;
        const state = repositoryStateIn(reading, stanza, name);
        const keys = reading.confs.flatMap(passesOf).filter((it) => it.repo === index && fits(it.stanza, stanza));
        return {
          label: `${name}${of} (${conf.title})`,
          uri: conf.part.uri,
          format: 'pgbackrest',
          path: isHere ? effective.value('repo-path', index) : undefined,
          stanza,
          repo: index,
          isEncrypted: state?.encryption === 'encrypted' || state?.encryption === 'pass-missing',
          keys,
        };
      }),
    );
  });
}

function archivesOfCluster(cluster: PostgresClusterResource, workspace: Workspace): ConfiguredArchive[] {
  const query = workspace.query();
  return cluster.scopes.flatMap((scope) => {
    if (scope.role !== 'own') return [];
    const configuration = clusterConfiguration(cluster, scope, query);
    return scope.repos.flatMap(({ name }): ConfiguredArchive[] => {
      const state = repositoryState(configuration, name);
      if (!state) return [];
      const passes = [...passesInGlobal(cluster), ...configuration.confs.flatMap((it) => passesOf(it.conf))];
      return [
        {
          label: `${name} of ${cluster.title}`,
          uri: cluster.part.uri,
          format: 'pgbackrest',
          path: undefined,
          stanza: undefined,
          repo: state.index,
          isEncrypted: state.encryption === 'encrypted' || state.type !== undefined,
          keys: passes.filter((it) => it.repo === state.index),
        },
      ];
    });
  });
}

function fits(pass: string | undefined, stanza: string | undefined): boolean {
  return pass === undefined || stanza === undefined || pass === stanza;
}

/** Of a storage, or of the copy of it that a backup keeps: the keys may have been changed since. */
function storageKeys(
  storage: ObjectStorageResource | StackGresBackupResource,
  workspace: Workspace,
): { key: ConfiguredKey; entry: SecretEntry }[] {
  const query = workspace.query();
  const base = storage instanceof ObjectStorageResource ? 'spec' : 'status.sgBackupConfig.storage';
  const selector = (path: string): Selector | undefined =>
    storage.selectors.find((it) => it.path === `${base}.${path}`);
  const found: { key: ConfiguredKey; entry: SecretEntry }[] = [];
  const sodium = selectedEntry(selector('encryption.sodium.key'), query);
  if (sodium?.bytes && sodium.bytes.length > 0) {
    const key = keyOf('sodium', sodium, storage.part.uri);
    key.bytes = new TextEncoder().encode(walgValue(sodium.bytes).text);
    const keyTransform = transformOf(storage.node.get(`${base}.encryption.sodium.keyTransform`));
    found.push({ key: keyTransform ? { ...key, keyTransform } : key, entry: sodium });
  }
  const openpgp = selectedEntry(selector('encryption.openpgp.key'), query);
  if (openpgp?.bytes && openpgp.bytes.length > 0) {
    const key = keyOf('openpgp', openpgp, storage.part.uri);
    const passphrase = selectedEntry(selector('encryption.openpgp.keyPassphrase'), query);
    if (passphrase?.bytes && passphrase.bytes.length > 0) {
      key.passphrase = new TextEncoder().encode(walgValue(passphrase.bytes).text);
      key.uris.push(passphrase.secret.part.uri);
    }
    found.push({ key, entry: openpgp });
  }
  return found;
}

/** 64 hex digits, base64 of 32 bytes, an armored private key: nothing else looks like that. */
function keyByForm(entry: SecretEntry): ConfiguredKey[] {
  if (!entry.bytes || entry.isOpaque || entry.bytes.length > 100_000) return [];
  const text = (utf8(entry.bytes) ?? '').trim();
  if (/^-----BEGIN PGP PRIVATE KEY BLOCK-----/.test(text)) {
    const key = keyOf('openpgp', entry);
    const passphrase = entry.secret.entries.find((it) => /pass/i.test(it.name) && it !== entry && it.bytes);
    if (passphrase?.bytes) key.passphrase = new TextEncoder().encode(walgValue(passphrase.bytes).text);
    return [key];
  }
  if (/^[0-9a-fA-F]{64}$/.test(text)) {
    return [{ ...keyOf('sodium', entry), bytes: new TextEncoder().encode(text), keyTransform: 'hex' }];
  }
  const { bytes, problem } = decodeBase64(text);
  if (text.length !== 44 || problem || bytes.length !== 32) return [];
  bytes.fill(0);
  return [{ ...keyOf('sodium', entry), bytes: new TextEncoder().encode(text), keyTransform: 'base64' }];
}

function keyOf(kind: ConfiguredKey['kind'], entry: SecretEntry, namedIn?: string): ConfiguredKey {
  const { secret } = entry;
  return {
    kind,
    source: `${secret.title}, entry ${entry.name}`,
    at: entry.source?.whole ?? entry.keyPlace,
    uris: namedIn === undefined ? [secret.part.uri] : [secret.part.uri, namedIn],
    bytes: entry.bytes!.slice(),
  };
}
