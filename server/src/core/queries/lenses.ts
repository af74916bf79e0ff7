/** What is worth saying above a line: who uses it, what is not encrypted, and what can be done about it. */

import type { GenerateKeyAt } from '../finding.ts';
import type { Query } from '../index.ts';
import type { Place } from '../part.ts';
import type { Release } from '../pgbackrest/options.ts';
import type { Resource } from '../resource.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { type SecretEntry, SecretResource } from '../resources/secret.ts';
import { ObjectStorageResource, StackGresClusterResource } from '../resources/stackgres.ts';
import { viewScheme, type Workspace } from '../workspace.ts';
import { clusterConfiguration } from './clusterConfiguration.ts';
import { readingsOf } from './confReading.ts';
import { emptyKeyOf, emptyPassOf } from './emptyKeys.ts';
import { count } from './optionText.ts';
import { type RepositorySummary, summariesIn, summariesOf } from './repositorySummary.ts';

export interface Lens {
  at: Place;
  title: string;
  /** What a click does; nothing where absent. */
  action?:
    | { kind: 'references'; places: Place[] }
    | { kind: 'generateKey'; where: GenerateKeyAt }
    | { kind: 'editDecoded'; place: Place }
    | { kind: 'testRestore'; archive: string | undefined; uris: string[]; stanza: string | undefined };
}

export function lenses(workspace: Workspace, uri: string): Lens[] {
  const query = workspace.query();
  const found: Lens[] = [];
  for (const unit of workspace.units(uri)) {
    for (const resource of unit.resources) {
      if (resource instanceof ObjectStorageResource) found.push(...storageLenses(resource, query));
      if (resource instanceof SecretResource) found.push(...secretLenses(resource, query));
      if (resource instanceof PostgresClusterResource)
        found.push(...clusterLenses(resource, query, workspace.targets.pgbackrest));
    }
    for (const conf of unit.confs) {
      for (const setting of conf.settings) {
        const where = emptyPassOf(setting);
        if (where) found.push({ at: setting.keyPlace, title: 'Generate pass', action: { kind: 'generateKey', where } });
      }
      // Who mounts an entry decides what its options mean: in its view nothing can be said about that.
      if (conf.entry || uri.startsWith(viewScheme)) continue;
      for (const reading of readingsOf(conf, query)) {
        if (reading.cluster) continue;
        const seen = new Set<string>();
        for (const setting of conf.settings) {
          const { group, scope } = setting;
          if (!group?.startsWith('repo') || seen.has(group)) continue;
          seen.add(group);
          const stanza = scope.stanza ?? reading.stanzas[0];
          const summaries = summariesIn(reading, stanza, workspace.targets.pgbackrest);
          found.push(...summaryLens(setting.keyPlace, group, summaries));
          found.push({
            at: setting.keyPlace,
            title: 'Test restore',
            action: { kind: 'testRestore', ...folderOf(reading.settings, group, stanza), uris: [uri], stanza },
          });
        }
      }
    }
  }
  return found;
}

function storageLenses(storage: ObjectStorageResource, query: Query): Lens[] {
  const symbol = { kind: 'objectStorage' as const, name: storage.name, namespace: storage.namespace };
  const users = query.referencesTo(symbol).filter((it) => it.resource !== storage);
  const clusters = new Set(users.map((it) => it.resource)).size;
  const at = storage.namePlace;
  const found: Lens[] = [
    {
      at,
      title: clusters > 0 ? `used by ${count(clusters, 'cluster')}` : 'used by no cluster here',
      ...(users.length > 0 && { action: { kind: 'references' as const, places: users.map((it) => it.at) } }),
    },
  ];
  const { encryption } = storage;
  const isEncrypted = encryption?.get('sodium')?.isMap || encryption?.get('openpgp')?.isMap;
  // A patch holds only what it changes.
  if (!isEncrypted && storage.node.get('spec.type')) found.push({ at, title: 'NOT ENCRYPTED' });
  if (isEncrypted) {
    const secrets = storage.selectors.flatMap((it) =>
      it.secret ? (query.resolve(it.secret)?.resource.part.uri ?? []) : [],
    );
    const uris = [...new Set([storage.part.uri, ...secrets])];
    found.push({
      at,
      title: 'Test restore',
      action: { kind: 'testRestore', archive: undefined, uris, stanza: undefined },
    });
  }
  return found;
}

function secretLenses(secret: SecretResource, query: Query): Lens[] {
  const found: Lens[] = [];
  const references = query.referencesTo({ kind: 'secret', name: secret.name, namespace: secret.namespace });
  if (secret.name !== '' && references.length > 0) {
    found.push({
      at: secret.namePlace,
      title: `used by ${usersText([...new Set(references.map((it) => it.resource))])}`,
      action: { kind: 'references', places: references.map((it) => it.at) },
    });
  }
  for (const entry of secret.entries) {
    const where = emptyKeyOf(entry, query);
    if (where) found.push(generateLens(entry, where));
    if (holdsDocument(entry)) {
      found.push({ at: entry.keyPlace, title: 'Edit decoded', action: { kind: 'editDecoded', place: entry.keyPlace } });
    }
  }
  return found;
}

/** Base64 that somebody would want to read: a configuration, a key in armor, any text of several lines. */
function holdsDocument({ container, isOpaque, text }: SecretEntry): boolean {
  if (container !== 'data' || isOpaque || !text) return false;
  return text.text.trimEnd().includes('\n');
}

/** `1 cluster and 2 storages`. */
function usersText(users: readonly Resource[]): string {
  const clusters = users.filter(
    (it) => it instanceof PostgresClusterResource || it instanceof StackGresClusterResource,
  );
  const storages = users.filter((it) => it instanceof ObjectStorageResource);
  const others = users.length - clusters.length - storages.length;
  return [
    clusters.length > 0 ? count(clusters.length, 'cluster') : undefined,
    storages.length > 0 ? count(storages.length, 'storage') : undefined,
    others > 0 ? count(others, 'object') : undefined,
  ]
    .filter((it) => it !== undefined)
    .join(' and ');
}

function generateLens(entry: SecretEntry, where: GenerateKeyAt): Lens {
  return { at: entry.keyPlace, title: 'Generate key', action: { kind: 'generateKey', where } };
}

function clusterLenses(cluster: PostgresClusterResource, query: Query, target: Release | undefined): Lens[] {
  return cluster.scopes.flatMap((scope) => {
    if (scope.role !== 'own') return [];
    const summaries = summariesOf(clusterConfiguration(cluster, scope, query), target);
    return scope.repos.flatMap(({ name, nameNode }) => (nameNode ? summaryLens(nameNode.place, name, summaries) : []));
  });
}

/** Loud where encryption was meant: a pass that is ignored, or a repository in the clear beside one that is encrypted. */
function summaryLens(at: Place, name: string, all: readonly RepositorySummary[]): Lens[] {
  const summary = all.find((it) => it.name === name);
  if (!summary) return [];
  const isMeant = all.some((it) => it !== summary && /^(?:encrypted|pass-missing)$/.test(it.encryption));
  const isLoud = summary.encryption !== 'plain' || isMeant;
  return [{ at, title: isLoud ? summary.text : summary.text.replace('NOT ENCRYPTED', 'not encrypted') }];
}

/** The folder of a repository that lies on the host of the configuration. */
function folderOf(
  settings: readonly {
    group: string | undefined;
    resolved: { name: string };
    value: string;
    scope: { stanza?: string };
  }[],
  group: string,
  stanza: string | undefined,
): { archive: string | undefined } {
  const own = settings.filter(
    (it) => it.group === group && (it.scope.stanza === undefined || it.scope.stanza === stanza),
  );
  const value = (name: string) => own.find((it) => it.resolved.name === name)?.value;
  const isHere = /^(?:posix|cifs)$/.test(value('repo-type') ?? 'posix') && value('repo-host') === undefined;
  return { archive: isHere ? value('repo-path') : undefined };
}
