import type { Part } from '../part.ts';
import { Resource } from '../resource.ts';
import type { YamlNode } from '../yaml/node.ts';

/** What `location.type` may say, with the block that holds the rest. */
export const LOCATION_BLOCKS = {
  s3: 's3Config',
  azure: 'azureConfig',
  google: 'googleConfig',
  nfs: 'nfsConfig',
} as const;

export type LocationType = keyof typeof LOCATION_BLOCKS;

/**
 * Every entry that Stork reads of the Secret named by `location.secretConfig`, with the field below `location` that it
 * overrides and the types that read it (stork `pkg/apis/stork/v1alpha1/backuplocation.go`, UpdateFromSecret and its like).
 */
export const LOCATION_SECRET_ENTRIES: readonly { entry: string; field: string; types: readonly LocationType[] }[] = [
  { entry: 'encryptionKey', field: 'encryptionV2Key', types: ['s3', 'azure', 'google', 'nfs'] },
  { entry: 'path', field: 'path', types: ['s3', 'azure', 'google', 'nfs'] },
  ...['endpoint', 'accessKeyID', 'secretAccessKey', 'region', 'disableSSL', 'storageClass', 'sse'].map(of('s3')),
  ...[
    'storageAccountName',
    'storageAccountKey',
    'environment',
    'resourceGroupName',
    'tenantID',
    'subscriptionID',
    'clientID',
    'clientSecret',
  ].map(of('azure')),
  ...['projectID', 'accountKey'].map(of('google')),
  ...['serverAddr', 'subPath', 'mountOptions', 'nfsIOTimeoutInSecs'].map(of('nfs')),
];

function of(type: LocationType) {
  return (entry: string) => ({ entry, field: `${LOCATION_BLOCKS[type]}.${entry}`, types: [type] });
}

/** Stork's and Portworx Backup's place for backups: no spec, `location` and `cluster` stand at the top. */
export class BackupLocationResource extends Resource {
  readonly kind = 'BackupLocation' as const;

  get location(): YamlNode | undefined {
    return this.node.get('location');
  }

  /** One of Stork's types; undefined for any other text. */
  get type(): LocationType | undefined {
    const text = this.node.textAt('location.type');
    return text !== undefined && Object.hasOwn(LOCATION_BLOCKS, text) ? (text as LocationType) : undefined;
  }
}

export function readBackupLocation(
  part: Part,
  node: YamlNode,
  apiVersion: string,
  kind: string,
): BackupLocationResource {
  const location = new BackupLocationResource(part, node, apiVersion, kind);
  for (const path of ['location.secretConfig', 'cluster.secretConfig']) {
    // An empty name means: no Secret.
    if (node.textAt(path)) location.refer({ kind: 'secret' }, node.get(path), path);
  }
  return location;
}
