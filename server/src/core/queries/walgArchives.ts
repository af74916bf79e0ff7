/** What StackGres' manifests say of the archives of WAL-G in a bucket: where they lie, whose they are, what opens them. */

import type { Query } from '../index.ts';
import {
  ObjectStorageResource,
  type Selector,
  StackGresBackupResource,
  StackGresClusterResource,
} from '../resources/stackgres.ts';
import type { Workspace } from '../workspace.ts';
import type { YamlNode } from '../yaml/node.ts';
import { selectedSecrets } from './selectedEntry.ts';

/** Fits what the engine takes (`KnownArchive`). */
export interface ConfiguredWalgArchive {
  /** Below the bucket and its prefix; undefined: not recorded. */
  path: string | undefined;
  /** `shop/orders`. */
  cluster?: string;
  backup?: {
    /** WAL-G's name of the backup; undefined where it has none. */
    label: string | undefined;
    /** `SGBackup shop/nightly`. */
    title: string;
    systemId?: string;
    /** Why there is no such backup, or why StackGres would not restore it: `it is Failed`. */
    flaw?: string;
  };
  /** undefined where the storage cannot be seen. */
  isEncrypted?: boolean;
  /** Which key should open it: sentences. Names only, no values. `isHere`: otherwise they say how to get it. */
  keyAdvice?: { said: string; isHere: boolean };
}

/** One for every path of a cluster, and one for every backup. */
export function walgArchives(workspace: Workspace): ConfiguredWalgArchive[] {
  const query = workspace.query();
  const resources = workspace.uris.flatMap((uri) => workspace.units(uri)).flatMap((it) => it.resources);
  const storages = resources.filter((it) => it instanceof ObjectStorageResource);
  return resources.flatMap((it) => {
    if (it instanceof StackGresClusterResource) return archivesOfCluster(it, storages, query);
    return it instanceof StackGresBackupResource ? archiveOfBackup(it, query) : [];
  });
}

function archivesOfCluster(
  cluster: StackGresClusterResource,
  storages: readonly ObjectStorageResource[],
  query: Query,
): ConfiguredWalgArchive[] {
  // The operator looks at the first entry alone.
  const name = cluster.backups[0]?.get('sgObjectStorage')?.text;
  const own = storages.filter((it) => it.name === name && fits(it.namespace, cluster.namespace));
  // Of several storages of one name, in namespaces that are left open, nobody knows which is meant.
  const storage = own.length === 1 ? own[0] : undefined;
  const unseen = name
    ? `${cluster.title} (${placeOf(cluster, 'spec.configurations.backups[0].sgObjectStorage')}) names the SGObjectStorage ${name}, ${
        own.length === 0 ? 'which is in none of the files' : 'of which the files hold several'
      }: it would say which Secret holds the key.`
    : undefined;
  const advice = storage
    ? adviceOf(storage, query)
    : unseen === undefined
      ? undefined
      : { said: unseen, isHere: false };
  return pathsOf(cluster).map(({ path, title }) => ({
    path,
    cluster: title,
    ...(storage && { isEncrypted: isEncrypted(storage.encryption) }),
    ...(advice && { keyAdvice: advice }),
  }));
}

function archiveOfBackup(backup: StackGresBackupResource, query: Query): ConfiguredWalgArchive[] {
  const status = backup.node.get('status');
  const label = status?.get('internalName')?.text || undefined;
  const path = status?.get('backupPath')?.text || undefined;
  const storage = status?.get('sgBackupConfig.storage');
  const systemId = status?.get('backupInformation.systemIdentifier')?.text;
  const owner = backup.node.get('spec.sgCluster')?.text;
  const flaw = flawOf(backup, label);
  return [
    {
      path,
      // `namespace.cluster` marks a copy of a backup that was made in another namespace.
      ...(owner && { cluster: owner.includes('.') ? owner.replace('.', '/') : inNamespace(backup.namespace, owner) }),
      backup: { label, title: backup.title, ...(systemId && { systemId }), ...(flaw !== undefined && { flaw }) },
      ...(storage?.isMap && {
        isEncrypted: isEncrypted(storage.get('encryption')),
        keyAdvice: adviceOf(backup, query),
      }),
    },
  ];
}

function flawOf(backup: StackGresBackupResource, label: string | undefined): string | undefined {
  if (backup.manifestKind === 'SGShardedBackup') {
    const parts = (backup.node.get('status.sgBackups')?.items() ?? []).flatMap((it) => it.text || []);
    return parts.length > 0
      ? `it stands for the SGBackups ${parts.join(', ')}`
      : 'it stands for one SGBackup of each shard';
  }
  const state = backup.node.get('status.process.status')?.text;
  if (state && state !== 'Completed') return `it is ${state}`;
  return label === undefined
    ? 'its manifest has no status.internalName, as only the one in the cluster has'
    : undefined;
}

/** Those that are recorded, and those that are configured; without either, the operator makes one that begins like this. */
function pathsOf(cluster: StackGresClusterResource): { path: string; title: string }[] {
  const isSharded = cluster.manifestKind === 'SGShardedCluster';
  const titleAt = (index: number) => inNamespace(cluster.namespace, isSharded ? partOf(cluster, index) : cluster.name);
  const paths = new Map<string, string>();
  const add = (nodes: readonly YamlNode[]) => {
    for (const [index, it] of nodes.entries()) if (it.text) paths.set(it.text, titleAt(index));
  };
  add(cluster.node.get('status.backupPaths')?.items() ?? []);
  for (const it of cluster.backups) {
    const path = it.get('path');
    if (path) add([path]);
    add(it.get('paths')?.items() ?? []);
  }
  if (paths.size === 0 && cluster.backups.length > 0 && cluster.name !== '') {
    const shards = Number(cluster.node.get('spec.shards.clusters')?.text ?? 0);
    const parts = isSharded ? Math.min(shards, mostShards) + 1 : 1;
    for (let index = 0; index < parts; index++) {
      const name = isSharded ? partOf(cluster, index) : cluster.name;
      paths.set(`sgbackups.stackgres.io/${cluster.namespace ?? '*'}/${name}/*/*`, titleAt(index));
    }
  }
  return [...paths].map(([path, title]) => ({ path, title }));
}

const mostShards = 1000;

/** A sharded cluster is made of ordinary ones: the coordinator first. */
function partOf(cluster: StackGresClusterResource, index: number): string {
  return index === 0 ? `${cluster.name}-coord` : `${cluster.name}-shard${index - 1}`;
}

/** Of a storage, or of the copy of it that a backup keeps. */
function adviceOf(
  holder: ObjectStorageResource | StackGresBackupResource,
  query: Query,
): NonNullable<ConfiguredWalgArchive['keyAdvice']> {
  const base = holder instanceof ObjectStorageResource ? 'spec' : 'status.sgBackupConfig.storage';
  const encryption = holder.node.get(`${base}.encryption`);
  const selectors = holder.selectors.filter((it) => it.path.startsWith(`${base}.encryption.`));
  if (!isEncrypted(encryption)) {
    const at = `${holder.title} (${placeOf(holder, `${base}.encryption`)})`;
    const said = `${at} encrypts nothing: the key is of other settings, before or after it. Look for them in the history of the manifests.`;
    return { said, isHere: false };
  }
  const whole = selectors.map((it) => lackOf(it, holder, query)).find((it) => it !== undefined);
  if (whole !== undefined) return { said: whole, isHere: false };
  const [first] = selectors;
  const what = first
    ? `${holder.title} (${placeOf(holder, first.path)}) names ${secretOf(first, holder)}`
    : holder.title;
  const said = `${what}; if that was changed since, look for the value of that day in its history, or in the vault it comes from.`;
  return { said, isHere: true };
}

/** What keeps a key from being offered; undefined where it was. */
function lackOf(
  selector: Selector,
  holder: ObjectStorageResource | StackGresBackupResource,
  query: Query,
): string | undefined {
  const name = selector.secret?.symbol.name ?? '';
  const entryName = selector.entry?.symbol.name ?? '';
  const at = `${holder.title} (${placeOf(holder, selector.path)})`;
  if (name === '' || entryName === '') return `${at} does not say which entry of which Secret holds the key.`;
  const namespace = holder.namespace === undefined ? '' : ` --namespace ${holder.namespace}`;
  const cure = `save the one from the cluster beside them, kubectl get secret${namespace} ${name} -o yaml, or offer the key with --key-file.`;
  const secrets = selectedSecrets(selector, query);
  if (secrets.length === 0) return `${at} names ${secretOf(selector, holder)}, which is in none of the files: ${cure}`;
  const entry = secrets.map((it) => it.entry(entryName)).find((it) => it !== undefined);
  if (!entry && secrets.every((it) => !it.hasUnknownEntries)) {
    const others = secrets.flatMap((it) => it.entries.map((other) => other.name));
    return `${at} names ${secretOf(selector, holder)}, but the Secret in ${fileOf(secrets[0]!)} has no such entry${others.length > 0 ? `, only ${others.join(', ')}` : ''}: ${cure}`;
  }
  if (!entry || entry.isOpaque) {
    return `${at} names ${secretOf(selector, holder)}, whose value is not in ${fileOf(secrets[0]!)} but comes from elsewhere: render the manifests (kustomize build, helm template), ${cure}`;
  }
  if (!entry.bytes)
    return `${at} names ${secretOf(selector, holder)}, whose value in ${fileOf(secrets[0]!)} cannot be read: ${cure}`;
  const isPassphrase = selector.path.endsWith('keyPassphrase');
  if (entry.bytes.length > 0 || isPassphrase) return undefined;
  return `${at} names ${secretOf(selector, holder)}, which is empty in ${fileOf(secrets[0]!)}: ${cure}`;
}

function secretOf(selector: Selector, holder: { namespace: string | undefined }): string {
  const name = inNamespace(holder.namespace, selector.secret?.symbol.name ?? '');
  return `the entry ${selector.entry?.symbol.name ?? ''} of Secret ${name}`;
}

/** `storage.yaml: spec.encryption.sodium.key`. */
function placeOf(resource: { part: { uri: string } }, path: string): string {
  return `${fileOf(resource)}: ${path}`;
}

function fileOf({ part }: { part: { uri: string } }): string {
  const name = part.uri.slice(part.uri.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function inNamespace(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function isEncrypted(encryption: YamlNode | undefined): boolean {
  return encryption?.get('sodium')?.isMap === true || encryption?.get('openpgp')?.isMap === true;
}

function fits(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}
