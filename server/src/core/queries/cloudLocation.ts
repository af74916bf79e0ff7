import type { ClusterConfiguration } from './clusterConfiguration.ts';

/**
 * Where a cloud repository of a cluster lies, in one text: kind, endpoint, bucket and path. Two repositories with the same
 * text are one. undefined for volumes, and where a renderer still has to fill a part of it.
 */
export function cloudLocation(configuration: ClusterConfiguration, repository: string): string | undefined {
  const repo = configuration.scope.repos.find((it) => it.name === repository);
  const kind = (['s3', 'gcs', 'azure'] as const).find((it) => repo?.node.get(it)?.isMap);
  if (!repo || !kind || repo.node.get('volume')?.isMap) return undefined;
  const store = repo.node.get(kind);
  const bucket = store?.textAt('bucket') ?? store?.textAt('container');
  const path = configuration
    .repositories()
    .find((it) => it.name === repository)
    ?.option('path')?.value;
  const endpoint = (store?.textAt('endpoint') ?? '').replace(/^https?:\/\//, '').replace(/\/$/, '');
  // The operator's default path is the same for every cluster: that is how two of them end in one folder.
  const text = [kind, endpoint, bucket ?? '', (path ?? `/pgbackrest/${repository}`).replace(/\/$/, '')].join(' ');
  return bucket && !/[${<%]/.test(text) ? text : undefined;
}
