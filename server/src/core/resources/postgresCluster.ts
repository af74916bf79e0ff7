import type { Fact } from '../facts.ts';
import type { Edit, Part } from '../part.ts';
import { type Setting, settingsOfMap } from '../pgbackrest/setting.ts';
import { Resource } from '../resource.ts';
import { addEntry } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

/** `backups.pgbackrest`, or a data source that has its own `configuration` and `global`. */
export interface PgbackrestScope {
  role: 'own' | 'dataSource';
  path: string;
  node: YamlNode;
  /** The declared repositories: `repos[]`, or the one `repo` of a data source. */
  repos: { name: string; nameNode: YamlNode | undefined; node: YamlNode }[];
  /** The options of `global`, as the operator writes them into [global]. */
  global: Setting[];
  globalNode: YamlNode | undefined;
  configuration: ConfigurationSource[];
}

/** The options of one `global`; rules about options look at them as they look at those of a conf. */
export class GlobalOptions {
  readonly kind = 'pgbackrest.global' as const;

  constructor(
    readonly cluster: PostgresClusterResource,
    readonly scope: PgbackrestScope,
  ) {}

  get settings(): Setting[] {
    return this.scope.global;
  }
}

/** One projected source of conf files. */
export interface ConfigurationSource {
  node: YamlNode;
  kind: 'secret' | 'configMap' | 'other';
  name: string;
  reference: Fact | undefined;
  /** With `items`, only these entries become files, under the name of `path`. */
  items: { key: string; path: string; node: YamlNode }[] | undefined;
  isOptional: boolean;
}

/** PerconaPGCluster (and what it becomes inside: a PostgresCluster), and Crunchy's PostgresCluster. */
export class PostgresClusterResource extends Resource {
  readonly kind = 'PostgresCluster' as const;
  product: 'percona' | 'crunchy' = 'crunchy';
  readonly scopes: PgbackrestScope[] = [];

  get own(): PgbackrestScope | undefined {
    return this.scopes.find((it) => it.role === 'own');
  }
}

/** PerconaPGBackup and PerconaPGRestore: they name a cluster and one of its repositories. */
export class PostgresBackupResource extends Resource {
  readonly kind = 'PostgresBackup' as const;
  cluster = '';
}

export function readPostgresCluster(
  part: Part,
  node: YamlNode,
  apiVersion: string,
  kind: string,
): PostgresClusterResource {
  const cluster = new PostgresClusterResource(part, node, apiVersion, kind);
  cluster.product = kind === 'PerconaPGCluster' ? 'percona' : 'crunchy';
  cluster.define(
    { kind: 'cluster', name: cluster.name, owner: 'postgres' },
    node.get('metadata.name'),
    'metadata.name',
  );
  readScope(cluster, 'spec.backups.pgbackrest', 'own');
  readScope(cluster, 'spec.dataSource.pgbackrest', 'dataSource');
  const owner = cluster.name;
  for (const path of [
    'spec.backups.pgbackrest.manual.repoName',
    'spec.backups.pgbackrest.restore.repoName',
    'spec.standby.repoName',
  ]) {
    cluster.refer({ kind: 'repository', owner }, node.get(path), path);
  }
  const source = node.get('spec.dataSource.postgresCluster');
  const sourceName = source?.get('clusterName');
  const namespace = source?.textAt('clusterNamespace') || cluster.namespace;
  cluster.refer(
    { kind: 'cluster', owner: 'postgres', namespace },
    sourceName,
    'spec.dataSource.postgresCluster.clusterName',
  );
  cluster.refer(
    { kind: 'repository', owner: sourceName?.text ?? owner, namespace },
    source?.get('repoName'),
    'spec.dataSource.postgresCluster.repoName',
  );
  return cluster;
}

export function readPostgresBackup(
  part: Part,
  node: YamlNode,
  apiVersion: string,
  kind: string,
): PostgresBackupResource {
  const backup = new PostgresBackupResource(part, node, apiVersion, kind);
  const cluster = node.get('spec.pgCluster');
  backup.cluster = cluster?.text ?? '';
  backup.refer({ kind: 'cluster', owner: 'postgres' }, cluster, 'spec.pgCluster');
  backup.refer({ kind: 'repository', owner: backup.cluster }, node.get('spec.repoName'), 'spec.repoName');
  return backup;
}

/** A new option in `global`; where there is no `global` yet, one is made in front of the scope's other fields. */
export function addGlobalOption(scope: PgbackrestScope, key: string, value: string): Edit[] | undefined {
  if (scope.globalNode) return addEntry(scope.globalNode, key, value);
  const first = scope.node.entries()[0];
  if (!first || scope.node.isFlow || first.part !== scope.node.part) return undefined;
  const indent = ' '.repeat(first.column);
  const at = first.keyPlace.start;
  return [{ at: first.part.place(at, at), newText: `global:\n${indent}  ${key}: ${value}\n${indent}` }];
}

/**
 * Where a cloud repository lies, in one text: kind, endpoint, bucket and folder. Two repositories with the same text are one.
 * undefined for volumes, and where a renderer still has to fill a part of it.
 *
 * @param folder where `global` does not say it, e.g. from a conf that a data source mounts
 */
export function cloudPlace(scope: PgbackrestScope, repository: string, folder?: string): string | undefined {
  const repo = scope.repos.find((it) => it.name === repository);
  const kind = (['s3', 'gcs', 'azure'] as const).find((it) => repo?.node.get(it)?.isMap);
  if (!repo || !kind || repo.node.get('volume')?.isMap) return undefined;
  const store = repo.node.get(kind);
  const bucket = store?.textAt('bucket') ?? store?.textAt('container');
  const path = folder ?? scope.global.findLast((it) => it.resolved.canonical === `${repository}-path`)?.value;
  const endpoint = (store?.textAt('endpoint') ?? '').replace(/^https?:\/\//, '').replace(/\/$/, '');
  // The operator's default path is the same for every cluster: that is how two of them end in one folder.
  const text = [kind, endpoint, bucket ?? '', (path ?? `/pgbackrest/${repository}`).replace(/\/$/, '')].join(' ');
  return bucket && !/[${<%]/.test(text) ? text : undefined;
}

function readScope(cluster: PostgresClusterResource, path: string, role: PgbackrestScope['role']): void {
  const node = cluster.node.get(path);
  if (!node?.isMap) return;
  const globalNode = node.get('global');
  const scope: PgbackrestScope = {
    role,
    path,
    node,
    repos: [],
    globalNode,
    global: globalNode ? settingsOfMap(globalNode) : [],
    configuration: [],
  };
  const repos =
    role === 'own' ? (node.get('repos')?.items() ?? []) : [node.get('repo')].filter((it) => it !== undefined);
  for (const [i, it] of repos.entries()) {
    const nameNode = it.get('name');
    const name = nameNode?.text ?? '';
    scope.repos.push({ name, nameNode, node: it });
    // The repository of a data source is another cluster's; its name counts only inside the data source.
    const owner = role === 'own' ? cluster.name : `${cluster.name}.dataSource`;
    if (nameNode) cluster.define({ kind: 'repository', name, owner }, nameNode, `${path}.repos[${i}].name`);
    const place = role === 'own' ? cloudPlace(scope, name) : undefined;
    if (place) cluster.places.push(place);
  }
  for (const it of node.get('configuration')?.items() ?? [])
    scope.configuration.push(readSource(cluster, it, `${path}.configuration`));
  cluster.scopes.push(scope);
}

function readSource(cluster: PostgresClusterResource, node: YamlNode, path: string): ConfigurationSource {
  const kind = node.get('secret') ? 'secret' : node.get('configMap') ? 'configMap' : 'other';
  const map = kind === 'other' ? undefined : node.get(kind);
  const nameNode = map?.get('name');
  const name = nameNode?.text ?? '';
  const reference = kind === 'other' ? undefined : cluster.refer({ kind }, nameNode, `${path}.${kind}.name`);
  const items = map
    ?.get('items')
    ?.items()
    .map((it) => {
      const key = it.get('key');
      if (kind !== 'other') {
        cluster.refer(
          { kind: kind === 'secret' ? 'secretEntry' : 'configMapEntry', owner: name },
          key,
          `${path}.${kind}.items.key`,
        );
      }
      return { key: key?.text ?? '', path: it.textAt('path') ?? '', node: it };
    });
  return { node, kind, name, reference, items, isOptional: map?.textAt('optional') === 'true' };
}
