import type { Part } from '../part.ts';
import { Resource } from '../resource.ts';
import type { YamlNode } from '../yaml/node.ts';
import type { Selector } from './stackgres.ts';

/** The plugin that replaces the in-tree barmanObjectStore. */
export const BARMAN_PLUGIN = 'barman-cloud.cloudnative-pg.io';

/** Every place of a store that names a Secret's entry. */
const SECRET_SELECTORS = [
  's3Credentials.accessKeyId',
  's3Credentials.secretAccessKey',
  's3Credentials.region',
  's3Credentials.sessionToken',
  'azureCredentials.connectionString',
  'azureCredentials.storageAccount',
  'azureCredentials.storageKey',
  'azureCredentials.storageSasToken',
  'googleCredentials.applicationCredentials',
  'endpointCA',
];

/** A `barmanObjectStore` of a Cluster, or the `configuration` of an ObjectStore. */
export interface BarmanStore {
  /** `own` is written to; `external` is only read, for recovery. */
  role: 'own' | 'external';
  path: string;
  node: YamlNode;
  /** The name of the external cluster. */
  externalName: string | undefined;
}

/** One use of a plugin: an entry of `plugins`, or the `plugin` of an external cluster. */
export interface PluginUse {
  role: 'own' | 'external';
  path: string;
  node: YamlNode;
  name: string;
  isEnabled: boolean;
  isArchiver: boolean;
  externalName: string | undefined;
}

export class CnpgClusterResource extends Resource {
  readonly kind = 'CnpgCluster' as const;
  readonly stores: BarmanStore[] = [];
  readonly plugins: PluginUse[] = [];
  readonly selectors: Selector[] = [];

  get ownStore(): BarmanStore | undefined {
    return this.stores.find((it) => it.role === 'own');
  }

  /** The enabled entries of `plugins` that are the Barman Cloud plugin. */
  get barmanPlugins(): PluginUse[] {
    return this.plugins.filter((it) => it.role === 'own' && it.isEnabled && it.name === BARMAN_PLUGIN);
  }

  get externalClusters(): readonly YamlNode[] {
    return this.node.get('spec.externalClusters')?.items() ?? [];
  }
}

/** barmancloud.cnpg.io ObjectStore. */
export class CnpgObjectStoreResource extends Resource {
  readonly kind = 'CnpgObjectStore' as const;
  readonly stores: BarmanStore[] = [];
  readonly selectors: Selector[] = [];

  get configuration(): YamlNode | undefined {
    return this.node.get('spec.configuration');
  }
}

/** Backup and ScheduledBackup. */
export class CnpgBackupResource extends Resource {
  readonly kind = 'CnpgBackup' as const;
}

export function readCnpgCluster(part: Part, node: YamlNode, apiVersion: string, kind: string): CnpgClusterResource {
  const cluster = new CnpgClusterResource(part, node, apiVersion, kind);
  cluster.define({ kind: 'cluster', name: cluster.name, owner: 'cnpg' }, node.get('metadata.name'), 'metadata.name');
  addStore(cluster, node.get('spec.backup.barmanObjectStore'), 'spec.backup.barmanObjectStore', undefined);
  for (const [i, it] of (node.get('spec.plugins')?.items() ?? []).entries())
    addPlugin(cluster, it, `spec.plugins[${i}]`, undefined);
  for (const [i, it] of cluster.externalClusters.entries()) {
    const name = it.textAt('name') ?? '';
    addStore(cluster, it.get('barmanObjectStore'), `spec.externalClusters[${i}].barmanObjectStore`, name);
    const plugin = it.get('plugin');
    if (plugin?.isMap) addPlugin(cluster, plugin, `spec.externalClusters[${i}].plugin`, name);
  }
  const backup = 'spec.bootstrap.recovery.backup.name';
  cluster.refer({ kind: 'backup', owner: 'cnpg' }, node.get(backup), backup);
  return cluster;
}

export function readCnpgObjectStore(
  part: Part,
  node: YamlNode,
  apiVersion: string,
  kind: string,
): CnpgObjectStoreResource {
  const store = new CnpgObjectStoreResource(part, node, apiVersion, kind);
  store.define({ kind: 'objectStorage', name: store.name, owner: 'cnpg' }, node.get('metadata.name'), 'metadata.name');
  addStore(store, store.configuration, 'spec.configuration', undefined);
  return store;
}

export function readCnpgBackup(part: Part, node: YamlNode, apiVersion: string, kind: string): CnpgBackupResource {
  const backup = new CnpgBackupResource(part, node, apiVersion, kind);
  if (kind === 'Backup')
    backup.define({ kind: 'backup', name: backup.name, owner: 'cnpg' }, node.get('metadata.name'), 'metadata.name');
  backup.refer({ kind: 'cluster', owner: 'cnpg' }, node.get('spec.cluster.name'), 'spec.cluster.name');
  return backup;
}

function addStore(
  resource: CnpgClusterResource | CnpgObjectStoreResource,
  node: YamlNode | undefined,
  path: string,
  externalName: string | undefined,
): void {
  if (!node?.isMap) return;
  resource.stores.push({ role: externalName === undefined ? 'own' : 'external', path, node, externalName });
  for (const selector of SECRET_SELECTORS) {
    const map = node.get(selector);
    if (!map?.isMap) continue;
    const full = `${path}.${selector}`;
    const name = map.get('name');
    resource.selectors.push({
      path: full,
      node: map,
      secret: resource.refer({ kind: 'secret' }, name, `${full}.name`),
      entry: resource.refer({ kind: 'secretEntry', owner: name?.text ?? '' }, map.get('key'), `${full}.key`),
    });
  }
}

function addPlugin(cluster: CnpgClusterResource, node: YamlNode, path: string, externalName: string | undefined): void {
  const name = node.textAt('name') ?? '';
  cluster.plugins.push({
    role: externalName === undefined ? 'own' : 'external',
    path,
    node,
    name,
    isEnabled: node.textAt('enabled') !== 'false',
    isArchiver: node.textAt('isWALArchiver') === 'true',
    externalName,
  });
  if (name !== BARMAN_PLUGIN) return;
  cluster.refer(
    { kind: 'objectStorage', owner: 'cnpg' },
    node.get('parameters.barmanObjectName'),
    `${path}.parameters.barmanObjectName`,
  );
}
