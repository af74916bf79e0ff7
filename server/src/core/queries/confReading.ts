import type { Query } from '../index.ts';
import { type Conf, confOfEntry } from '../pgbackrest/conf.ts';
import { EffectiveOptions } from '../pgbackrest/effective.ts';
import type { Release } from '../pgbackrest/options.ts';
import { type Repository, repositoriesOf } from '../pgbackrest/repository.ts';
import { stanzasOf } from '../pgbackrest/sections.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { type GlobalOptions, PostgresClusterResource } from '../resources/postgresCluster.ts';
import {
  type ClusterConfiguration,
  clusterConfiguration,
  clustersThatMount,
  operatorStanza,
  resolvePath,
} from './clusterConfiguration.ts';

/** Everything that one pgBackRest process reads together with a conf, as far as the workspace knows it. */
export interface ConfReading {
  /** All confs of the process in the order of reading, the one at hand among them. */
  confs: Conf[];
  /** The options of all of them; for a mounted conf also the `global` of its cluster. */
  settings: Setting[];
  /** The names that --stanza may have; a single undefined where no section names one. */
  stanzas: (string | undefined)[];
  /** The cluster whose Pods the conf lies in. Then the operator adds options of its own. */
  cluster: ClusterConfiguration | undefined;
  /**
   * true for a configuration that stands on its own: a pgbackrest.conf with its conf.d. false for a fragment, whose other
   * half (repository type, path, stanza) is in a file that is not here.
   */
  isWhole: boolean;
  /** A renderer fills whole lines: what is missing may be in them, and what stands twice may be in two branches. */
  hasOpaqueLines: boolean;
  /** That, or a comment says that options come from PGBACKREST_* variables or another file. */
  mayHoldMore: boolean;
  /** What a command with this --stanza may read of them; without one, [global] alone. */
  seenBy(stanza: string | undefined): readonly Setting[];
  /** The repositories for it. */
  repositories(stanza: string | undefined): Repository[];
  /** The values in force for it. */
  effective(stanza: string | undefined, target: Release | undefined): EffectiveOptions;
  /** A comment names the environment variable of this option: it is set there, and the author knows. */
  isInEnvironment(fullKey: string): boolean;
}

/** All options that one process reads together with these. */
export function settingsAround(options: Conf | GlobalOptions, query: Query): readonly Setting[] {
  if (options.kind === 'pgbackrest.global') return clusterConfiguration(options.cluster, options.scope, query).settings;
  return readingsOf(options, query)[0]?.settings ?? options.settings;
}

/** One reading for a file; one per cluster for a conf that clusters mount. */
export function readingsOf(conf: Conf, query: Query): ConfReading[] {
  let known = remembered.get(query);
  if (!known) {
    known = new Map();
    remembered.set(query, known);
  }
  query.again();
  let readings = known.get(conf);
  if (!readings) {
    readings = findReadings(conf, query);
    known.set(conf, readings);
  }
  return readings;
}

/** The repositories of every reading and stanza. The same setting comes up once per stanza. */
export function* repositoriesAround(
  conf: Conf,
  query: Query,
): Iterable<{ reading: ConfReading; stanza: string | undefined; repository: Repository; all: Repository[] }> {
  for (const reading of readingsOf(conf, query)) {
    for (const stanza of reading.stanzas) {
      const all = reading.repositories(stanza);
      for (const repository of all) yield { reading, stanza, repository, all };
    }
  }
}

/** ` for stanza demo`, for messages: empty where it is so for all stanzas that there are. */
export function forStanzas(stanzas: readonly (string | undefined)[], reading: ConfReading): string {
  if (stanzas.length === reading.stanzas.length) return '';
  return stanzas.length === 1
    ? ` for stanza ${stanzas[0]}`
    : ` for stanza ${stanzas[0]} and ${stanzas.length - 1} more`;
}

/** Every rule of one run asks the same. */
const remembered = new WeakMap<Query, Map<Conf, ConfReading[]>>();

function findReadings(conf: Conf, query: Query): ConfReading[] {
  const clusters = conf.entry ? clustersThatMount(conf, query) : clustersThatMountFile(conf, query);
  if (clusters.length > 0) {
    return clusters.map((cluster) => {
      const confs = cluster.confs.map((it) => it.conf);
      return { ...readingOf(confs, cluster.settings), stanzas: [operatorStanza], cluster, isWhole: false };
    });
  }
  const confs = conf.entry ? confsOfSecret(conf) : isGenerated(conf, query) ? [conf] : confsOfFolder(conf, query);
  return [
    readingOf(
      confs,
      confs.flatMap((it) => it.settings),
    ),
  ];
}

function readingOf(confs: Conf[], settings: Setting[]): ConfReading {
  const hasOpaqueLines = confs.some((it) => it.tree.hasOpaqueLines);
  const stanzas = stanzasOf(confs.flatMap((it) => it.tree.sections));
  const byStanza = groupByStanza(settings);
  const global = byStanza.get(undefined) ?? [];
  const seenBy = remember((stanza: string | undefined) =>
    stanza === undefined ? global : [...global, ...(byStanza.get(stanza) ?? [])],
  );
  return {
    confs,
    settings,
    seenBy,
    repositories: remember((stanza: string | undefined) => repositoriesOf(seenBy(stanza), stanza)),
    effective: remember(
      (stanza: string | undefined, target: Release | undefined) => new EffectiveOptions(seenBy(stanza), stanza, target),
    ),
    stanzas: stanzas.length > 0 ? stanzas : [undefined],
    cluster: undefined,
    isWhole: confs.some((it) => isMain(it)) || isSelfContained(settings),
    hasOpaqueLines,
    mayHoldMore: hasOpaqueLines || confs.some(speaksOfOtherSources),
    isInEnvironment: (fullKey) => {
      const variable = `PGBACKREST_${fullKey.toUpperCase().replaceAll('-', '_')}`;
      return confs.some((it) => commentsOf(it).some((comment) => comment.includes(variable)));
    },
  };
}

function groupByStanza(settings: readonly Setting[]): Map<string | undefined, Setting[]> {
  const groups = new Map<string | undefined, Setting[]>();
  for (const it of settings) {
    const group = groups.get(it.scope.stanza);
    if (group) group.push(it);
    else groups.set(it.scope.stanza, [it]);
  }
  return groups;
}

/** Every rule asks for the same stanzas; the target does not change within a run. */
function remember<A extends unknown[], T>(make: (stanza: string | undefined, ...rest: A) => T) {
  const known = new Map<string | undefined, T>();
  return (stanza: string | undefined, ...rest: A): T => {
    if (!known.has(stanza)) known.set(stanza, make(stanza, ...rest));
    return known.get(stanza)!;
  };
}

/** pgbackrest.conf itself, by its name. A Secret's entry needs more: operators mount fragments under any name. */
function isMain(conf: Conf): boolean {
  return !conf.entry && !/\/conf\.d\/[^/]*$/.test(conf.part.uri) && /pgbackrest[^/]*$/i.test(conf.part.uri);
}

/** It says both where the cluster is and where the repository is. */
function isSelfContained(settings: readonly Setting[]): boolean {
  const has = (pattern: RegExp) => settings.some((it) => pattern.test(it.resolved.name));
  return has(/^pg-path$/) && has(/^repo-(?:path|type|host|s3-bucket|azure-container|gcs-bucket|sftp-host)$/);
}

function speaksOfOtherSources(conf: Conf): boolean {
  return commentsOf(conf).some((it) => OTHER_SOURCES.test(it));
}

function commentsOf(conf: Conf): string[] {
  return conf.tree.comments.map(({ start, end }) => conf.text.text.slice(start, end));
}

/** How authors say it, in the languages seen so far. `.env` and `secrets.conf` count, `the secret is …` does too. */
const OTHER_SOURCES =
  /PGBACKREST_|\benv\b|environ|entorno|umgebung|conf\.d\b|\bsecrets?\b|\bvault\b|inject|envsubst|\bsops\b|docker-compose/i;

function confsOfFolder(conf: Conf, query: Query): Conf[] {
  const folder = folderOf(conf.part.uri);
  // Of conf.d pgBackRest reads what ends in .conf.
  const byName = (confs: Conf[]) =>
    confs
      .filter((it) => !/\/conf\.d\/[^/]+\.(?:cnf|ini|cfg|config|txt)$/i.test(it.part.uri))
      .toSorted((a, b) => (a.part.uri < b.part.uri ? -1 : 1));
  if (folder.endsWith('/conf.d')) {
    const main = query.confsInFolder(folderOf(folder)).filter((it) => it.part.uri.endsWith('/pgbackrest.conf'));
    return [...main, ...byName(query.confsInFolder(folder))];
  }
  if (!conf.part.uri.endsWith('/pgbackrest.conf')) return [conf];
  return [conf, ...byName(query.confsInFolder(`${folder}/conf.d`))];
}

/** The conf entries of the same Secret: whoever mounts one of them as a folder mounts all. */
function confsOfSecret(conf: Conf): Conf[] {
  const { secret, name } = conf.entry!;
  const names = [...new Set(secret.entries.map((it) => it.name))].filter((it) => it.endsWith('.conf') || it === name);
  return names
    .map((it) => {
      const entry = secret.entry(it);
      return it === name ? conf : entry && confOfEntry(entry);
    })
    .filter((it) => it !== undefined);
}

/** Names of Secrets and ConfigMaps that a kustomization makes of this file. */
function* generatedFrom(conf: Conf, query: Query): Iterable<{ kind: 'secret' | 'configMap'; name: string }> {
  for (const kustomization of query.resources('Kustomization')) {
    for (const kind of ['secret', 'configMap'] as const) {
      for (const generator of kustomization.node.get(`${kind}Generator`)?.items() ?? []) {
        for (const file of generator.get('files')?.items() ?? []) {
          const path = (file.text ?? '').replace(/^[^=]*=/, '');
          if (resolvePath(kustomization.part.uri, path) !== conf.part.uri) continue;
          yield { kind, name: generator.textAt('name') ?? '' };
        }
      }
    }
  }
}

function isGenerated(conf: Conf, query: Query): boolean {
  return !generatedFrom(conf, query)[Symbol.iterator]().next().done;
}

function clustersThatMountFile(conf: Conf, query: Query): ClusterConfiguration[] {
  const found: ClusterConfiguration[] = [];
  for (const symbol of generatedFrom(conf, query)) {
    for (const { resource } of query.referencesTo(symbol)) {
      if (!(resource instanceof PostgresClusterResource)) continue;
      for (const scope of resource.scopes) {
        const configuration = clusterConfiguration(resource, scope, query);
        if (configuration.confs.some((it) => it.conf === conf)) found.push(configuration);
      }
    }
  }
  return found;
}

function folderOf(uri: string): string {
  return uri.slice(0, uri.lastIndexOf('/'));
}
