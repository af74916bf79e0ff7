import type { Query } from '../index.ts';
import { type Conf, confOfEntry } from '../pgbackrest/conf.ts';
import { type Repository, repositoriesOf } from '../pgbackrest/repository.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import {
  type ConfigurationSource,
  type PgbackrestScope,
  PostgresClusterResource,
} from '../resources/postgresCluster.ts';
import { ConfigMapResource, type SecretEntry, SecretResource } from '../resources/secret.ts';

/** A conf file as it lies in the Pods of a cluster, with the source that brings it. */
export interface MountedConf {
  conf: Conf;
  fileName: string;
  source: ConfigurationSource;
}

/** Everything that reaches pgBackRest for one scope of a cluster, as far as the workspace knows it. */
export interface ClusterConfiguration {
  cluster: PostgresClusterResource;
  scope: PgbackrestScope;
  confs: MountedConf[];
  /** `global` of the cluster and the options of all mounted confs. */
  settings: Setting[];
  /**
   * Sources whose content is not here: a Secret that lives only in the cluster, sealed or external values, an entry that a
   * renderer fills, environment variables. What they hold may excuse what seems to be missing.
   */
  unseen: ConfigurationSource[];
  /** Environment variables reach the Pods of this scope: they beat every file. */
  hasEnvironment: boolean;
  repositories(): Repository[];
}

/** The operator runs every command with --stanza=db (facts: operators.md 1.2). */
export const operatorStanza = 'db';

/** What pgBackRest reads in the Pods: the author's sources in order, then the operator's own files. Facts: operators.md 1.2. */
export function clusterConfiguration(
  cluster: PostgresClusterResource,
  scope: PgbackrestScope,
  query: Query,
): ClusterConfiguration {
  const confs: MountedConf[] = [];
  const unseen: ConfigurationSource[] = [];
  for (const source of scope.configuration) {
    const mounted = mountedConfs(source, query);
    if (mounted.isUnseen) unseen.push(source);
    for (const it of mounted.confs) {
      // One folder: of two files of the same name the later source wins.
      const same = confs.findIndex((other) => other.fileName === it.fileName);
      if (same >= 0) confs.splice(same, 1);
      confs.push(it);
    }
  }
  const settings = [...scope.global, ...confs.flatMap((it) => it.conf.settings)];
  return {
    cluster,
    scope,
    confs,
    settings,
    unseen,
    hasEnvironment: scope.node.get('env') !== undefined || scope.node.get('envFrom') !== undefined,
    repositories: () => repositoriesOf(settings, operatorStanza),
  };
}

/** The clusters (and data sources) in whose Pods this conf lies. */
export function clustersThatMount(conf: Conf, query: Query): ClusterConfiguration[] {
  const owner = conf.entry?.secret;
  if (!owner) return [];
  const symbol = {
    kind: owner instanceof SecretResource ? ('secret' as const) : ('configMap' as const),
    name: owner.name,
    namespace: owner.namespace,
  };
  const found: ClusterConfiguration[] = [];
  for (const reference of query.referencesTo(symbol)) {
    if (!(reference.resource instanceof PostgresClusterResource)) continue;
    if (query.resolve(reference)?.resource !== owner) continue;
    const cluster = reference.resource;
    for (const scope of cluster.scopes) {
      if (!scope.configuration.some((it) => it.reference === reference)) continue;
      const configuration = clusterConfiguration(cluster, scope, query);
      if (configuration.confs.some((it) => it.conf === conf)) found.push(configuration);
    }
  }
  return found;
}

function mountedConfs(source: ConfigurationSource, query: Query): { confs: MountedConf[]; isUnseen: boolean } {
  if (!source.reference) return { confs: [], isUnseen: true };
  const definition = query.resolve(source.reference);
  const owner = definition?.resource;
  if (!(owner instanceof SecretResource || owner instanceof ConfigMapResource)) return { confs: [], isUnseen: true };
  let isUnseen = owner instanceof SecretResource && owner.hasUnknownEntries;
  const confs: MountedConf[] = [];
  const files = source.items
    ? source.items.map((it) => ({ entry: owner.entry(it.key), fileName: it.path }))
    : [...new Set(owner.entries.map((it) => it.name))].map((it) => ({ entry: owner.entry(it), fileName: it }));
  for (const { entry, fileName } of files) {
    if (!/.\.conf$/.test(fileName) || !entry) continue;
    const conf = confOfMounted(entry, query);
    if (conf) confs.push({ conf, fileName, source });
    if (!conf ? entry.isOpaque || entry.file !== undefined : conf.tree.hasOpaqueLines) isUnseen = true;
  }
  return { confs, isUnseen };
}

/** The conf in an entry; for a generator's entry, the file that Kustomize puts there. */
function confOfMounted(entry: SecretEntry, query: Query): Conf | undefined {
  if (entry.file === undefined) return confOfEntry(entry);
  const uri = resolvePath(entry.secret.part.uri, entry.file);
  return query.confsInFolder(uri.slice(0, uri.lastIndexOf('/'))).find((it) => it.part.uri === uri);
}

/** A path relative to the file that names it. */
export function resolvePath(fromUri: string, path: string): string {
  const steps = fromUri.split('/').slice(0, -1);
  for (const step of path.split('/')) {
    if (step === '..') steps.pop();
    else if (step !== '.' && step !== '') steps.push(encodeURIComponent(step));
  }
  return steps.join('/');
}
