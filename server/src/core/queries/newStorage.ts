/** The recipe for another key of StackGres: a new Secret and a new SGObjectStorage for it, the old ones as they were. */

import type { Fix } from '../finding.ts';
import type { Query } from '../index.ts';
import { type SecretEntry, type SecretResource, setText } from '../resources/secret.ts';
import { ObjectStorageResource } from '../resources/stackgres.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import type { YamlNode } from '../yaml/node.ts';
import { appendDocument, freeName, headOf } from './newManifest.ts';

/**
 * The committed value goes back into the Secret; the value that is here now goes into a new one, a copy of the storage names
 * it, and the clusters that used the storage use the copy. undefined where the texts cannot be copied as they stand.
 */
export function newStorage(of: {
  secret: SecretResource;
  entry: SecretEntry;
  oldText: string;
  query: Query;
}): Fix | undefined {
  const { secret, entry, oldText, query } = of;
  const { name, namespace } = secret;
  const value = entry.text?.text.trimEnd();
  const back = setText(entry, oldText);
  if (!back || value === undefined || secret.manifestKind !== 'Secret' || entry.container === 'generator')
    return undefined;
  const storages = query
    .referencesTo({ kind: 'secretEntry', name: entry.name, owner: name, namespace })
    .map((it) => it.resource)
    .filter((it): it is ObjectStorageResource => it instanceof ObjectStorageResource);
  const [storage] = storages;
  if (!storage || new Set(storages).size > 1) return undefined;
  const newSecret = nextName(name, 'secret', query);
  const newName = nextName(storage.name, 'objectStorage', query);
  const copy = copyOf(storage, newName, name, entry.name, newSecret);
  if (copy === undefined) return undefined;
  const manifest = [...headOf('v1', 'Secret', newSecret, namespace), 'stringData:', ...entryLines(entry.name, value)];
  return {
    title: `Keep Secret ${name} as it was committed, and use the new value in Secret ${newSecret} and SGObjectStorage ${newName}`,
    edits: [
      ...back,
      appendDocument(secret.part, manifest),
      appendDocument(storage.part, [copy]),
      ...clustersOf(storage, query).map((it) => ({ at: it.place, newText: newName })),
    ],
  };
}

function clustersOf(storage: ObjectStorageResource, query: Query): YamlNode[] {
  return query
    .referencesTo({ kind: 'objectStorage', name: storage.name, namespace: storage.namespace })
    .filter((it) => it.path.startsWith('spec.configurations.backups'))
    .flatMap((it) => {
      const index = Number(/\[(\d+)\]/.exec(it.path)?.[1]);
      const node = it.resource.node.get(['spec', 'configurations', 'backups', index, 'sgObjectStorage']);
      return node ? [node] : [];
    });
}

/** The storage's own text with another name, whose selector of the key names the other Secret. */
function copyOf(
  storage: ObjectStorageResource,
  newName: string,
  secret: string,
  entry: string,
  newSecret: string,
): string | undefined {
  const nameNode = storage.node.get('metadata.name');
  const { start, end } = storage.node.place;
  const changes = [nameNode && { node: nameNode, text: newName }];
  for (const it of storage.selectors) {
    if (!it.path.startsWith('spec.encryption.') || it.node.textAt('name') !== secret || it.node.textAt('key') !== entry)
      continue;
    const node = it.node.get('name');
    changes.push(node && { node, text: newSecret });
  }
  let text = storage.part.text;
  let last = end;
  for (const it of changes.toSorted((a, b) => (b?.node.place.start ?? 0) - (a?.node.place.start ?? 0))) {
    // What an anchor brings, or a flow map around everything, is not copied by its text.
    if (!it || it.node.place.start < start || it.node.place.end > last || storage.node.isFlow) return undefined;
    text = text.slice(0, it.node.place.start) + it.text + text.slice(it.node.place.end);
    last = it.node.place.start;
  }
  const grown = text.length - storage.part.text.length;
  return text.slice(start, end + grown).trimEnd();
}

function entryLines(name: string, value: string): string[] {
  const key = plainOrQuoted(name);
  return value.includes('\n')
    ? [`  ${key}: |`, ...value.split('\n').map((it) => (it === '' ? '' : `    ${it}`))]
    : [`  ${key}: ${JSON.stringify(value)}`];
}

/** `keys`, `keys-2`, `keys-3`: the next that nothing has. */
function nextName(name: string, kind: 'secret' | 'objectStorage', query: Query): string {
  const base = name.replace(/-\d+$/, '');
  return freeName(
    base === name ? `${name}-2` : base,
    (it) => it === name || query.definitionsOf({ kind, name: it }).length > 0,
  );
}
