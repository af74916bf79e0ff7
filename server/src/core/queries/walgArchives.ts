/** What StackGres' manifests say of the archives of WAL-G in a bucket: where they lie, what their backups are called. */

import { ObjectStorageResource, StackGresBackupResource, StackGresClusterResource } from '../resources/stackgres.ts';
import type { Workspace } from '../workspace.ts';
import type { YamlNode } from '../yaml/node.ts';

/** Fits what the engine takes (`KnownArchive`). */
export interface ConfiguredWalgArchive {
  /** Below the bucket and its prefix; undefined: not recorded. */
  path: string | undefined;
  /** WAL-G's name of a backup, and the name of its SGBackup. */
  backup?: { label: string; title: string };
  /** undefined where the storage cannot be seen. */
  isEncrypted?: boolean;
}

/** One for every path of a cluster, and one for every backup. */
export function walgArchives(workspace: Workspace): ConfiguredWalgArchive[] {
  const found: ConfiguredWalgArchive[] = [];
  const resources = workspace.uris.flatMap((uri) => workspace.units(uri)).flatMap((it) => it.resources);
  const storages = resources.filter((it) => it instanceof ObjectStorageResource);
  for (const resource of resources) {
    if (resource instanceof StackGresClusterResource) {
      const names = resource.backups.map((it) => it.get('sgObjectStorage')?.text);
      const own = storages.filter((it) => names.includes(it.name) && fits(it.namespace, resource.namespace));
      // Of several storages of one name, in namespaces that are left open, nobody knows which is meant.
      const encryption = own.length === 1 ? isEncrypted(own[0]?.encryption) : undefined;
      for (const path of pathsOf(resource)) {
        found.push({ path, ...(encryption !== undefined && { isEncrypted: encryption }) });
      }
    } else if (resource instanceof StackGresBackupResource) {
      const label = resource.node.get('status.internalName')?.text;
      const path = resource.node.get('status.backupPath')?.text || undefined;
      const storage = resource.node.get('status.sgBackupConfig.storage');
      if (!label && path === undefined) continue;
      found.push({
        path,
        ...(label && { backup: { label, title: resource.title } }),
        ...(storage?.isMap && { isEncrypted: isEncrypted(storage.get('encryption')) }),
      });
    }
  }
  return found;
}

/** Those that are recorded, and those that are configured; without either, the operator makes one that begins like this. */
function pathsOf(cluster: StackGresClusterResource): string[] {
  const paths = new Set<string>();
  for (const it of cluster.node.get('status.backupPaths')?.items() ?? []) if (it.text) paths.add(it.text);
  for (const it of cluster.backups) {
    const path = it.get('path')?.text;
    if (path) paths.add(path);
    for (const shard of it.get('paths')?.items() ?? []) if (shard.text) paths.add(shard.text);
  }
  if (paths.size === 0 && cluster.backups.length > 0 && cluster.name !== '') {
    paths.add(`sgbackups.stackgres.io/${cluster.namespace ?? '*'}/${cluster.name}/*/*`);
  }
  return [...paths];
}

function isEncrypted(encryption: YamlNode | undefined): boolean {
  return encryption?.get('sodium')?.isMap === true || encryption?.get('openpgp')?.isMap === true;
}

function fits(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}
