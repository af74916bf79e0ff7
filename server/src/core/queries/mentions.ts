/**
 * What the name under the cursor means, and everywhere else where the same thing is named: Secrets and their entries,
 * storages, clusters, backups by their facts; repositories also by every `repoN-…` option that reaches the same cluster,
 * in its `global` as in the confs that it mounts, down into base64.
 */

import { type Fact, isSameSymbol, type SymbolKind, type SymbolName } from '../facts.ts';
import type { Query } from '../index.ts';
import type { Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { type PgbackrestScope, PostgresClusterResource } from '../resources/postgresCluster.ts';
import type { MappedText } from '../text/mappedText.ts';
import type { Workspace } from '../workspace.ts';
import { clusterConfiguration } from './clusterConfiguration.ts';
import { readingsOf } from './confReading.ts';

/** One place where something is named. */
export interface Mention {
  kind: SymbolKind;
  name: string;
  role: 'definition' | 'reference';
  at: Place;
  /** How the name is replaced: in the text of the file, or inside a text that stands there in another form. */
  inside: { text: MappedText; start: number; end: number } | undefined;
  /** What says it; undefined for an option. */
  fact: Fact | undefined;
  setting: Setting | undefined;
}

/** The thing under the cursor with all its mentions, the one under the cursor among them. */
export interface Mentioned {
  kind: SymbolKind;
  name: string;
  here: Mention;
  mentions: Mention[];
  /** Repositories only: where the name counts, for looking whether another one is taken. */
  world: RepositoryWorld | undefined;
}

/** Scopes of clusters and confs whose options reach the same pgBackRest processes. */
export interface RepositoryWorld {
  scopes: { cluster: PostgresClusterResource; scope: PgbackrestScope }[];
  confs: Conf[];
}

/** undefined where no name that we know stands. */
export function mentionedAt(workspace: Workspace, uri: string, offset: number): Mentioned | undefined {
  const unit = workspace.unitAt(uri, offset);
  if (!unit) return undefined;
  const query = workspace.query();
  const facts = unit.resources.flatMap((it) => it.facts);
  const fact = smallest(
    facts.filter((it) => it.symbol.name !== '' && it.at.start <= unit.offset && unit.offset <= it.at.end),
  );
  if (fact && fact.symbol.kind !== 'repository') return mentionedByFact(fact, query);
  if (fact) return repository(fact.symbol.name, mentionOfFact(fact), worldOfFact(fact, query), query);

  for (const conf of unit.confs) {
    const setting = conf.settings.find((it) => isOn(it.groupPlace, unit.offset));
    const name = setting && repositoryOf(setting);
    if (name)
      return repository(name, mentionOfSetting(setting, name), worldOf({ confs: [conf], scopes: [] }, query), query);
  }
  for (const cluster of unit.resources) {
    if (!(cluster instanceof PostgresClusterResource)) continue;
    for (const scope of cluster.scopes) {
      const setting = scope.global.find((it) => isOn(it.groupPlace, unit.offset));
      const name = setting && repositoryOf(setting);
      if (!name) continue;
      const world = worldOf({ confs: [], scopes: [{ cluster, scope }] }, query);
      return repository(name, mentionOfSetting(setting, name), world, query);
    }
  }
  return undefined;
}

/** Where it is defined. A repository of a pgbackrest.conf has no definition: the option that says where it lies stands for it. */
export function definition(workspace: Workspace, uri: string, offset: number): Place[] {
  const mentioned = mentionedAt(workspace, uri, offset);
  if (!mentioned) return [];
  const defined = mentioned.mentions.filter((it) => it.role === 'definition');
  if (defined.length > 0) return defined.map((it) => it.at);
  const options = mentioned.mentions.filter((it) => it.setting);
  const where = options.find((it) => /-(?:path|type|host|bucket|container)$/.test(it.setting!.resolved.name));
  const first = where ?? options[0];
  return first ? [first.at] : [];
}

export function references(
  workspace: Workspace,
  uri: string,
  offset: number,
  options: { includeDefinitions: boolean },
): Place[] {
  const mentions = mentionedAt(workspace, uri, offset)?.mentions ?? [];
  return mentions.filter((it) => options.includeDefinitions || it.role === 'reference').map((it) => it.at);
}

/** The mentions in the file at hand. */
export function highlights(workspace: Workspace, uri: string, offset: number): { at: Place; isDefinition: boolean }[] {
  const mentions = mentionedAt(workspace, uri, offset)?.mentions ?? [];
  return mentions
    .filter((it) => it.at.part.uri === uri)
    .map((it) => ({ at: it.at, isDefinition: it.role === 'definition' }));
}

/** Everything around a repository that shares its number, starting from some of it. */
export function worldOf(start: RepositoryWorld, query: Query): RepositoryWorld {
  const scopes = new Map<PgbackrestScope, RepositoryWorld['scopes'][number]>();
  const confs = new Set<Conf>();
  const groups = new Set<string>();
  const waiting: RepositoryWorld = { scopes: [...start.scopes], confs: [...start.confs] };
  while (waiting.scopes.length > 0 || waiting.confs.length > 0) {
    const conf = waiting.confs.pop();
    if (conf && !confs.has(conf)) {
      confs.add(conf);
      for (const reading of readingsOf(conf, query)) {
        waiting.confs.push(...reading.confs);
        if (reading.cluster) waiting.scopes.push({ cluster: reading.cluster.cluster, scope: reading.cluster.scope });
      }
    }
    const it = waiting.scopes.pop();
    if (!it || scopes.has(it.scope)) continue;
    scopes.set(it.scope, it);
    waiting.confs.push(...clusterConfiguration(it.cluster, it.scope, query).confs.map((mounted) => mounted.conf));
    // A base and its overlays are one cluster.
    const group = `${it.cluster.namespace ?? ''}/${it.cluster.name} ${it.scope.role}`;
    if (groups.has(group)) continue;
    groups.add(group);
    for (const same of samePostgresClusters(it.cluster, query)) {
      const scope = same.scopes.find((other) => other.role === it.scope.role);
      if (scope) waiting.scopes.push({ cluster: same, scope });
    }
  }
  return { scopes: [...scopes.values()], confs: [...confs] };
}

/** The owner that repository facts of a scope have. */
export function repositoryOwner(cluster: PostgresClusterResource, scope: PgbackrestScope): string {
  return scope.role === 'own' ? cluster.name : `${cluster.name}.dataSource`;
}

/** `repo2` for an option of repo2, also for a misspelt one. */
export function repositoryOf(setting: Setting): string | undefined {
  if (setting.group) return setting.group.startsWith('repo') ? setting.group : undefined;
  return /^(repo[0-9]+)-/.exec(setting.key)?.[1];
}

function mentionedByFact(here: Fact, query: Query): Mentioned {
  // A name without a namespace takes that of the definition it means.
  const meant = here.role === 'definition' ? here : (query.resolve(here) ?? here);
  const symbol: SymbolName = {
    ...meant.symbol,
    namespace: meant.symbol.namespace ?? here.symbol.namespace,
  };
  const definitions = query.definitionsOf(symbol);
  const references = query.referencesTo(symbol).filter((it) => {
    if (it === here) return true;
    const resolved = query.resolve(it);
    return !resolved || definitions.includes(resolved);
  });
  const mentions = [...definitions, ...references].map(mentionOfFact);
  const kind = here.symbol.kind;
  return { kind, name: here.symbol.name, here: mentionOfFact(here), mentions, world: undefined };
}

function repository(name: string, here: Mention, world: RepositoryWorld, query: Query): Mentioned {
  const mentions: Mention[] = [];
  const seen = new Set<string | Fact>();
  const addFact = (it: Fact) => {
    if (seen.has(it)) return;
    seen.add(it);
    mentions.push(mentionOfFact(it));
  };
  for (const { cluster, scope } of world.scopes) {
    const owner = repositoryOwner(cluster, scope);
    const symbol = { kind: 'repository' as const, name, owner, namespace: cluster.namespace };
    const id = `${owner} ${cluster.namespace ?? ''}`;
    if (seen.has(id)) continue;
    seen.add(id);
    for (const it of query.definitionsOf(symbol)) addFact(it);
    for (const it of query.referencesTo(symbol)) addFact(it);
  }
  // A reference to a cluster that is not here still agrees with the others that name the same cluster.
  if (world.scopes.length === 0 && here.fact) {
    for (const it of query.referencesTo(here.fact.symbol)) addFact(it);
  }
  for (const { scope } of world.scopes) {
    for (const it of scope.global) if (repositoryOf(it) === name) mentions.push(mentionOfSetting(it, name));
  }
  for (const conf of world.confs) {
    for (const it of conf.settings) if (repositoryOf(it) === name) mentions.push(mentionOfSetting(it, name));
  }
  return { kind: 'repository', name, here, mentions, world };
}

function worldOfFact(fact: Fact, query: Query): RepositoryWorld {
  const owner = fact.symbol.owner ?? '';
  const isDataSource = owner.endsWith('.dataSource');
  const role = isDataSource ? 'dataSource' : 'own';
  const cluster = {
    kind: 'cluster' as const,
    owner: 'postgres',
    name: isDataSource ? owner.slice(0, -'.dataSource'.length) : owner,
    namespace: fact.symbol.namespace,
  };
  const scopes = query.definitionsOf(cluster).flatMap(({ resource }) => {
    if (!(resource instanceof PostgresClusterResource)) return [];
    return resource.scopes.filter((it) => it.role === role).map((scope) => ({ cluster: resource, scope }));
  });
  return worldOf({ scopes, confs: [] }, query);
}

function samePostgresClusters(cluster: PostgresClusterResource, query: Query): PostgresClusterResource[] {
  if (cluster.name === '') return [];
  const symbol = { kind: 'cluster' as const, owner: 'postgres', name: cluster.name, namespace: cluster.namespace };
  return query
    .definitionsOf(symbol)
    .filter((it) => isSameSymbol(it.symbol, symbol))
    .map((it) => it.resource)
    .filter((it) => it instanceof PostgresClusterResource);
}

function mentionOfFact(fact: Fact): Mention {
  const { symbol, role, at } = fact;
  return { kind: symbol.kind, name: symbol.name, role, at, inside: undefined, fact, setting: undefined };
}

function mentionOfSetting(setting: Setting, name: string): Mention {
  const at = setting.groupPlace ?? setting.keyPlace;
  const { origin } = setting;
  const length = /^(?:repo)[0-9]*(?=-)/.exec(setting.key)?.[0].length ?? 0;
  const inside =
    origin.kind === 'conf'
      ? { text: origin.text, start: origin.option.keyStart, end: origin.option.keyStart + length }
      : undefined;
  return { kind: 'repository', name, role: 'reference', at, inside, fact: undefined, setting };
}

function smallest(facts: Fact[]): Fact | undefined {
  return facts.toSorted((a, b) => a.at.end - a.at.start - (b.at.end - b.at.start))[0];
}

function isOn(place: Place | undefined, offset: number): boolean {
  return place !== undefined && place.start <= offset && offset <= place.end;
}
