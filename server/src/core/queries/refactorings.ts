/** What can be written in another way at a place, so that the same reaches pgBackRest: the one entry for editors. */

import type { Fix } from '../finding.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { ConfigMapResource, SecretResource } from '../resources/secret.ts';
import { viewScheme, type Workspace } from '../workspace.ts';
import { configMapToSecret } from './configMapToSecret.ts';
import { copiesOfRepository } from './encryptedCopy.ts';
import { entryAt } from './entryView.ts';
import { movesToSecret } from './passToSecret.ts';
import { decodeEntry, decodeSecret, encodeEntry, encodeSecret } from './secretEncoding.ts';

/** Its `edits` are right without the `command`; with it, the editor's front does all of it and makes the key as well. */
export interface Refactoring extends Omit<Fix, 'isSafe'> {
  /** `extract`: something gets a place of its own. `rewrite`: it stands where it stood, in another form. */
  kind: 'extract' | 'rewrite';
}

export function refactorings(workspace: Workspace, uri: string, offset: number): Refactoring[] {
  // A view shows one entry: what is written elsewhere for it would not be seen.
  if (uri.startsWith(viewScheme)) return [];
  const unit = workspace.unitAt(uri, offset);
  if (!unit) return [];
  const query = workspace.query();
  const found: Refactoring[] = [];
  const conf = unit.confs.find(({ text: { whole } }) => whole.start <= unit.offset && unit.offset <= whole.end);
  if (conf) {
    const setting = conf.settings.find((it) => isAround(it.keyPlace.start, it.valuePlace.end, unit.offset));
    if (setting) found.push(...movesToSecret(setting, conf, query), ...copiesOfRepository(setting.group, conf, query));
  }
  for (const resource of unit.resources) {
    if (!isAround(resource.node.place.start, resource.node.place.end, unit.offset)) continue;
    if (resource instanceof PostgresClusterResource) {
      for (const scope of resource.scopes) {
        const subject = { cluster: resource, scope };
        const setting = scope.global.find((it) => isAround(it.keyPlace.start, it.valuePlace.end, unit.offset));
        const repo = scope.repos.find(({ node: { usePlace } }) =>
          isAround(usePlace.start, trimmedEnd(unit.part.text, usePlace.end), unit.offset),
        );
        if (setting) found.push(...movesToSecret(setting, subject, query));
        found.push(...copiesOfRepository(setting?.group ?? repo?.name, subject, query));
      }
    }
    if (resource instanceof ConfigMapResource) found.push(...configMapToSecret(resource, workspace));
    if (resource instanceof SecretResource) found.push(...recodings(workspace, resource, uri, offset));
  }
  return found;
}

/** `stringData` to `data` and back: of the entry at the cursor, and of the whole Secret. */
function recodings(workspace: Workspace, secret: SecretResource, uri: string, offset: number): Refactoring[] {
  if (secret.manifestKind !== 'Secret' || secret.apiVersion !== 'v1') return [];
  const here = entryAt(workspace, uri, offset);
  const entry = secret.entries.length > 1 ? secret.entries.find((it) => it === here) : undefined;
  const ways = [
    ...(entry
      ? [
          [`Encode ${entry.name}: stringData to data`, encodeEntry(entry)] as const,
          [`Decode ${entry.name}: data to stringData`, decodeEntry(entry)] as const,
        ]
      : []),
    ['Encode the Secret: stringData to data', encodeSecret(secret)] as const,
    ['Decode the Secret: data to stringData', decodeSecret(secret)] as const,
  ];
  return ways.flatMap(([title, { edits }]) => (edits.length > 0 ? [{ title, kind: 'rewrite' as const, edits }] : []));
}

function isAround(start: number, end: number, offset: number): boolean {
  return start <= offset && offset <= end;
}

function trimmedEnd(text: string, end: number): number {
  let stop = end;
  while (stop > 0 && /\s/.test(text[stop - 1]!)) stop--;
  return stop;
}
