/**
 * Passes and keys that stand where everybody reads them, in a cluster's `global` or in a ConfigMap, move into a Secret that
 * the cluster mounts. They are gone from where they stood, and pgBackRest reads what it read before.
 */

import type { Query } from '../index.ts';
import type { Edit } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { type Change, lineRemoval } from '../pgbackrest/confChange.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { PgbackrestScope, PostgresClusterResource } from '../resources/postgresCluster.ts';
import { ConfigMapResource } from '../resources/secret.ts';
import type { YamlNode } from '../yaml/node.ts';
import { type ClusterConfiguration, clusterConfiguration, clustersThatMount } from './clusterConfiguration.ts';
import type { Refactoring } from './refactorings.ts';
import { type SecretReceiver, secretReceiver } from './secretReceiver.ts';

export type ClusterScope = { cluster: PostgresClusterResource; scope: PgbackrestScope };

export interface MoveToSecret extends Refactoring {
  moved: readonly Setting[];
}

/** @param where the conf or the `global` that holds the setting */
export function movesToSecret(setting: Setting, where: Conf | ClusterScope, query: Query): MoveToSecret[] {
  const configuration = configurationOf(where, query);
  if (!configuration || !setting.group?.startsWith('repo')) return [];
  const all = settingsOf(where).filter((it) => it.scope.command === undefined && isSection(it, setting));
  const secrets = all.filter(isSecret);
  const chosen = isSecret(setting)
    ? [setting]
    : setting.resolved.name === 'repo-cipher-type'
      ? secrets.filter((it) => it.resolved.name === 'repo-cipher-pass' && it.group === setting.group)
      : [];
  if (chosen.length !== 1 || !all.includes(setting)) return [];
  const [pass] = chosen;
  const type =
    pass!.resolved.name === 'repo-cipher-pass'
      ? all.find((it) => it.resolved.name === 'repo-cipher-type' && it.group === pass!.group)
      : undefined;
  return [
    ...moves(`Move ${pass!.key}`, [pass!], where, configuration, query),
    ...(type ? moves(`Move ${type.key} and ${pass!.key}`, [type, pass!], where, configuration, query) : []),
    ...(secrets.length > 1 ? moves('Move all passes and keys', secrets, where, configuration, query) : []),
  ];
}

function moves(
  title: string,
  settings: readonly Setting[],
  where: Conf | ClusterScope,
  configuration: ClusterConfiguration,
  query: Query,
): MoveToSecret[] {
  const section = sectionOf(settings[0]!);
  const receiver = secretReceiver(configuration, settings[0]!.group!, query, section);
  if (!receiver || !settings.every((it) => canGo(it, where, receiver, configuration))) return [];
  const lines = settings.flatMap((it) => [...commentsOf(it), `${it.key}=${it.value}`]);
  const removal = removalOf(settings, where);
  const edits = receiver.edits(lines);
  if (!removal || !edits) return [];
  const found: MoveToSecret[] = [
    { title: `${title} into ${receiver.title}`, kind: 'extract', edits: [...removal, ...edits], moved: settings },
  ];
  const file = receiver.asFile?.(lines);
  if (file) {
    const name = decodeURIComponent(file.newFile.uri.slice(file.newFile.uri.lastIndexOf('/') + 1));
    found.push({
      title: `${title} into ${receiver.title} in ${name}`,
      kind: 'extract',
      edits: [...removal, ...file.edits],
      newFile: file.newFile,
      moved: settings,
    });
  }
  return found;
}

/** What the one cluster reads that is meant; undefined where there is none, or more than one. */
function configurationOf(where: Conf | ClusterScope, query: Query): ClusterConfiguration | undefined {
  if ('scope' in where)
    return isWhole(where, query) ? clusterConfiguration(where.cluster, where.scope, query) : undefined;
  if (!(where.entry?.secret instanceof ConfigMapResource) || where.tree.hasOpaqueLines || !where.text.isExact)
    return undefined;
  const [only, ...others] = clustersThatMount(where, query);
  return only && others.length === 0 && isWhole(only, query) ? only : undefined;
}

/** A base and its overlays are one cluster: a list that one of them writes replaces that of the other. */
export function isWhole({ cluster }: Pick<ClusterScope, 'cluster'>, query: Query): boolean {
  const symbol = { kind: 'cluster' as const, owner: 'postgres', name: cluster.name, namespace: cluster.namespace };
  return cluster.name !== '' && query.definitionsOf(symbol).every((it) => it.resource === cluster);
}

function settingsOf(where: Conf | ClusterScope): readonly Setting[] {
  return 'scope' in where ? where.scope.global : where.settings;
}

function isSecret({ resolved, isOpaque, value }: Setting): boolean {
  return resolved.definition?.secure === true && !resolved.problem && !isOpaque && value !== '';
}

function isSection(a: Setting, b: Setting): boolean {
  return a.scope.stanza === b.scope.stanza;
}

function sectionOf({ origin }: Setting): string {
  return origin.kind === 'conf' ? origin.option.section.name : 'global';
}

/** What a line of a conf can say, that nobody else repeats, and that the receiver does not say already. */
function canGo(
  setting: Setting,
  where: Conf | ClusterScope,
  { conf }: SecretReceiver,
  { settings }: ClusterConfiguration,
): boolean {
  if (setting.value !== setting.value.trim() || /[\r\n]/.test(setting.value)) return false;
  const same = settings.filter((it) => it.resolved.canonical === setting.resolved.canonical);
  if (same.length > 1) return false;
  if (setting.origin.kind === 'conf') return conf?.conf !== where;
  const { node } = setting.origin;
  const raw = node.node;
  const isNamed = raw !== null && 'anchor' in raw && raw.anchor !== undefined;
  return !isNamed && node.usePlace.start === node.place.start;
}

/** A comment on the line of an entry goes with it; in a conf it needs a line of its own. */
function commentsOf({ origin }: Setting): string[] {
  if (origin.kind === 'conf' || origin.node.part.text[origin.node.place.start] === '|') return [];
  const { part, place } = origin.node;
  const comment = /^[ \t]+#[ \t]*(.*)/.exec(part.text.slice(place.end).split(/\r?\n/, 1)[0]!)?.[1]?.trim();
  return comment ? [`# ${comment}`] : [];
}

function removalOf(settings: readonly Setting[], where: Conf | ClusterScope): Edit[] | undefined {
  if (!('scope' in where)) {
    const changes: Change[] = [];
    for (const { origin } of settings) {
      if (origin.kind === 'conf') changes.push(lineRemoval(where.text.text, origin.option));
    }
    return changes.length === settings.length ? where.edits(...changes) : undefined;
  }
  const { globalNode, global } = where.scope;
  const removals = settings.map((it) => it.remove());
  if (!globalNode || removals.some((it) => it.length === 0)) return undefined;
  const edits = globalNode.isFlow && settings.length > 1 ? inFlow(globalNode, settings) : removals.flat();
  // Nothing behind `global:` would be null.
  if (settings.length === global.length && !globalNode.isFlow) {
    const { part } = globalNode;
    const colon = part.text.indexOf(':', globalNode.keyPlace.end) + 1;
    edits.unshift({ at: part.place(colon, colon), newText: ' {}' });
  }
  return edits;
}

/** Entries beside each other share the comma between them: the map is written anew without them. */
function inFlow(map: YamlNode, gone: readonly Setting[]): Edit[] {
  const starts = new Set(gone.map((it) => it.keyPlace.start));
  const left = map.entries().filter((it) => !starts.has(it.keyPlace.start));
  const { text } = map.part;
  const items = left.map((it) => text.slice(it.keyPlace.start, it.usePlace.end).trim());
  return [{ at: map.place, newText: `{${items.join(', ')}}` }];
}
