import type { Query } from '../index.ts';
import type { Resource } from '../resource.ts';
import { CnpgClusterResource } from '../resources/cnpg.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { resolvePath } from './clusterConfiguration.ts';

/**
 * A manifest that is not applied as it stands: a patch that Kustomize merges into another one, or the part of a status
 * that a test waits for. It holds only what it changes, so nothing in it is missing.
 */
export function isPartial(resource: Resource, query: Query): boolean {
  if (resource.node.get('metadata.name') === undefined) return true;
  const isCluster = resource instanceof PostgresClusterResource || resource instanceof CnpgClusterResource;
  if (isCluster && resource.node.get('spec.instances') === undefined) return true;
  if (resource.node.get('spec') === undefined && resource.node.get('status') !== undefined) return true;
  const { uri } = resource.part;
  if (/patch|assert|overlay/i.test(uri.slice(uri.lastIndexOf('/')))) return true;
  return query.resources('Kustomization').some((it) => {
    const named = [
      ...(it.node.get('patchesStrategicMerge')?.items() ?? []).map((item) => item.text),
      ...(it.node.get('patches')?.items() ?? []).map((item) => item.textAt('path')),
    ];
    return named.some((path) => path !== undefined && !path.includes('\n') && resolvePath(it.part.uri, path) === uri);
  });
}
