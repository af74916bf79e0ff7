/**
 * A ConfigMap with pgBackRest configurations becomes a Secret: two words of it change, and one of each cluster that mounts
 * it. The other way is not offered: nothing that was protected loses its protection.
 */

import type { Edit } from '../part.ts';
import { confOfEntry } from '../pgbackrest/conf.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import type { ConfigMapResource } from '../resources/secret.ts';
import type { Workspace } from '../workspace.ts';
import type { Refactoring } from './refactorings.ts';

export function configMapToSecret(map: ConfigMapResource, workspace: Workspace): Refactoring[] {
  const { node, part, name, namespace } = map;
  const kind = node.get('kind');
  const data = node.get('data');
  if (map.apiVersion !== 'v1' || map.manifestKind !== 'ConfigMap' || map.isManagedElsewhere || name === '') return [];
  if (!kind || !data?.key || data.isNull || node.get('binaryData') || node.get('stringData')) return [];
  if (map.entries.length === 0 || !map.entries.every((it) => confOfEntry(it))) return [];
  const query = workspace.query();
  if (query.definitionsOf({ kind: 'secret', name, namespace }).length > 0) return [];
  const references = query.referencesTo({ kind: 'configMap', name, namespace });
  const mounts: Edit[] = [];
  for (const reference of references) {
    const { resource } = reference;
    if (!(resource instanceof PostgresClusterResource)) return [];
    const source = resource.scopes.flatMap((it) => it.configuration).find((it) => it.reference === reference);
    const key = source?.node.get('configMap')?.key;
    if (!key) return [];
    mounts.push({ at: key.place, newText: withQuotesOf(key.part.text[key.place.start], 'secret') });
  }
  if (mounts.length === 0 || isNamedElsewhere(map, workspace)) return [];
  const users = [...new Set(references.map((it) => it.resource.title))];
  const edits: Edit[] = [
    { at: kind.place, newText: withQuotesOf(part.text[kind.place.start], 'Secret') },
    { at: data.key.place, newText: withQuotesOf(part.text[data.key.place.start], 'stringData') },
    ...mounts,
  ];
  return [{ title: `Make ${map.title} a Secret, and let ${users.join(' and ')} mount that`, kind: 'rewrite', edits }];
}

/** Somebody whose kind we do not read may mount it: a Deployment would wait for it for ever. */
function isNamedElsewhere(map: ConfigMapResource, workspace: Workspace): boolean {
  const name = new RegExp(`(?<![\\w.-])${map.name.replace(/[.]/g, '\\.')}(?![\\w-])`);
  return workspace.uris.some((uri) =>
    workspace.units(uri).some(({ part, resources }) => {
      if (part.language !== 'yaml' || resources.some((it) => it === map || it instanceof PostgresClusterResource))
        return false;
      return /configMap/i.test(part.text) && name.test(part.text);
    }),
  );
}

function withQuotesOf(first: string | undefined, word: string): string {
  return first === '"' || first === "'" ? first + word + first : word;
}
