import type { PostgresBackupResource, PostgresClusterResource } from '../resources/postgresCluster.ts';
import type { YamlNode } from '../yaml/node.ts';

/** The lists of options for pgBackRest's commands in a cluster, a backup or a restore. */
export function optionLists(
  resource: PostgresBackupResource | PostgresClusterResource,
): { list: YamlNode; isRestore: boolean; isCloud: boolean }[] {
  const found =
    resource.kind === 'PostgresBackup'
      ? [{ path: 'spec.options', isRestore: resource.manifestKind.endsWith('Restore') }]
      : [
          { path: 'spec.backups.pgbackrest.manual.options', isRestore: false },
          { path: 'spec.backups.pgbackrest.restore.options', isRestore: true },
          { path: 'spec.dataSource.pgbackrest.options', isRestore: true },
          { path: 'spec.dataSource.postgresCluster.options', isRestore: true },
        ];
  return found.flatMap(({ path, isRestore }) => {
    const list = resource.node.get(path);
    return list?.isList ? [{ list, isRestore, isCloud: isCloudBackup(resource, path) }] : [];
  });
}

/** Backups into a cloud run in a Job without a shell. */
function isCloudBackup(resource: PostgresBackupResource | PostgresClusterResource, path: string): boolean {
  if (resource.kind !== 'PostgresCluster' || !path.includes('.manual.')) return false;
  const name = resource.node.textAt('spec.backups.pgbackrest.manual.repoName');
  const repo = resource.own?.repos.find((it) => it.name === name);
  return repo !== undefined && !repo.node.get('volume')?.isMap;
}
