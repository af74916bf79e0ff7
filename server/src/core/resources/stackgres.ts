import type { Fact } from '../facts.ts';
import type { Part } from '../part.ts';
import { Resource } from '../resource.ts';
import type { YamlNode } from '../yaml/node.ts';

/** Every place of an SGObjectStorage's spec that names a Secret's entry, below `spec`. */
const SECRET_SELECTORS = [
  'encryption.sodium.key',
  'encryption.openpgp.key',
  'encryption.openpgp.keyPassphrase',
  's3.awsCredentials.secretKeySelectors.accessKeyId',
  's3.awsCredentials.secretKeySelectors.secretAccessKey',
  's3Compatible.awsCredentials.secretKeySelectors.accessKeyId',
  's3Compatible.awsCredentials.secretKeySelectors.secretAccessKey',
  's3Compatible.awsCredentials.secretKeySelectors.caCertificate',
  'gcs.gcpCredentials.secretKeySelectors.serviceAccountJSON',
  'azureBlob.azureCredentials.secretKeySelectors.storageAccount',
  'azureBlob.azureCredentials.secretKeySelectors.accessKey',
];

/** What `spec.type` may say; the section of the same name holds the rest. */
export const STORAGE_TYPES = ['s3', 's3Compatible', 'gcs', 'azureBlob'] as const;
export type StorageType = (typeof STORAGE_TYPES)[number];

/** A `{name, key}` selector with the facts made from it. */
export interface Selector {
  path: string;
  node: YamlNode;
  secret: Fact | undefined;
  entry: Fact | undefined;
}

export class ObjectStorageResource extends Resource {
  readonly kind = 'SGObjectStorage' as const;
  readonly selectors: Selector[] = [];

  get encryption(): YamlNode | undefined {
    return this.node.get('spec.encryption');
  }

  /** The storage sections that are there, in the order of the file. */
  get sections(): { type: StorageType; node: YamlNode }[] {
    const all = this.node.get('spec')?.entries() ?? [];
    return all.flatMap((node) => {
      const type = STORAGE_TYPES.find((it) => it === node.key?.text);
      return type && !node.isNull ? [{ type, node }] : [];
    });
  }

  /** Which of the two sections the operator makes variables of; it asks the sections, never `method`. */
  get encryptionSections(): ('sodium' | 'openpgp')[] {
    return (['sodium', 'openpgp'] as const).filter((it) => this.encryption?.get(it)?.isMap);
  }

  /** What WAL-G really encrypts with: OpenPGP wins where both sections are given. */
  get effectiveEncryption(): 'sodium' | 'openpgp' | undefined {
    return this.encryptionSections.at(-1);
  }

  selector(path: string): Selector | undefined {
    return this.selectors.find((it) => it.path === `spec.${path}`);
  }
}

export class StackGresClusterResource extends Resource {
  readonly kind = 'SGCluster' as const;

  get backups(): readonly YamlNode[] {
    return this.node.get('spec.configurations.backups')?.items() ?? [];
  }
}

export class StackGresBackupResource extends Resource {
  readonly kind = 'SGBackup' as const;
  /** Of the storage as it was when the backup was made. */
  readonly selectors: Selector[] = [];
}

/** Of StackGres up to 1.6: schedule and storage in one object. */
export class StackGresBackupConfigResource extends Resource {
  readonly kind = 'SGBackupConfig' as const;
  readonly selectors: Selector[] = [];
}

export function readStackGresBackupConfig(
  part: Part,
  node: YamlNode,
  apiVersion: string,
  kind: string,
): StackGresBackupConfigResource {
  const config = new StackGresBackupConfigResource(part, node, apiVersion, kind);
  readSelectors(config, node.get('spec.storage'), 'spec.storage', config.selectors);
  return config;
}

export function readObjectStorage(part: Part, node: YamlNode, apiVersion: string, kind: string): ObjectStorageResource {
  const storage = new ObjectStorageResource(part, node, apiVersion, kind);
  storage.define({ kind: 'objectStorage', name: storage.name }, node.get('metadata.name'), 'metadata.name');
  readSelectors(storage, node.get('spec'), 'spec', storage.selectors);
  return storage;
}

/** SGCluster and SGShardedCluster: the storages, backups and Secrets that they name. */
export function readStackGresCluster(
  part: Part,
  node: YamlNode,
  apiVersion: string,
  kind: string,
): StackGresClusterResource {
  const cluster = new StackGresClusterResource(part, node, apiVersion, kind);
  cluster.define(
    { kind: 'cluster', name: cluster.name, owner: 'stackgres' },
    node.get('metadata.name'),
    'metadata.name',
  );
  for (const [i, it] of cluster.backups.entries()) {
    cluster.refer(
      { kind: 'objectStorage' },
      it.get('sgObjectStorage'),
      `spec.configurations.backups[${i}].sgObjectStorage`,
    );
  }
  const replicated = 'spec.replicateFrom.storage.sgObjectStorage';
  cluster.refer({ kind: 'objectStorage' }, node.get(replicated), replicated);
  const restored = 'spec.initialData.restore.fromBackup.name';
  cluster.refer({ kind: 'backup', owner: 'stackgres' }, node.get(restored), restored);
  return cluster;
}

/** SGBackup and SGShardedBackup; the copy of the storage's spec in its status keeps naming Secrets for ever. */
export function readStackGresBackup(
  part: Part,
  node: YamlNode,
  apiVersion: string,
  kind: string,
): StackGresBackupResource {
  const backup = new StackGresBackupResource(part, node, apiVersion, kind);
  backup.define({ kind: 'backup', name: backup.name, owner: 'stackgres' }, node.get('metadata.name'), 'metadata.name');
  const cluster = node.get('spec.sgCluster');
  const text = cluster?.text ?? '';
  // `namespace.cluster` marks a copy of a backup that was made in another namespace.
  if (!text.includes('.')) backup.refer({ kind: 'cluster', owner: 'stackgres' }, cluster, 'spec.sgCluster');
  if (kind === 'SGShardedBackup') {
    const path = 'spec.sgShardedCluster';
    backup.refer({ kind: 'cluster', owner: 'stackgres' }, node.get(path), path);
  }
  readSelectors(backup, node.get('status.sgBackupConfig.storage'), 'status.sgBackupConfig.storage', backup.selectors);
  return backup;
}

function readSelectors(resource: Resource, spec: YamlNode | undefined, base: string, into: Selector[]): void {
  for (const path of SECRET_SELECTORS) {
    const node = spec?.get(path);
    if (!node?.isMap) continue;
    const full = `${base}.${path}`;
    const name = node.get('name');
    into.push({
      path: full,
      node,
      secret: resource.refer({ kind: 'secret' }, name, `${full}.name`),
      entry: resource.refer({ kind: 'secretEntry', owner: name?.text ?? '' }, node.get('key'), `${full}.key`),
    });
  }
}
