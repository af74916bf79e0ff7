/** What Stork makes of a BackupLocation: its fields, overridden by the entries of the Secret that it names. */

import type { Query } from '../index.ts';
import { isOpaque } from '../opaque.ts';
import type { Place } from '../part.ts';
import { type SecretEntry, SecretResource } from '../resources/secret.ts';
import { BackupLocationResource, LOCATION_SECRET_ENTRIES } from '../resources/stork.ts';
import type { YamlNode } from '../yaml/node.ts';
import { valuePlace } from './selectedEntry.ts';

/** The value of a field that is in force, where it can be seen. */
export interface LocationValue {
  /** Go reads it as it is, without one line feed at the end where it comes from the Secret. */
  text: string;
  at: Place;
  node: YamlNode | undefined;
  entry: SecretEntry | undefined;
}

/** The Secrets that `location.secretConfig` can mean, the likeliest first; undefined where it names none. */
export function locationSecrets(location: BackupLocationResource, query: Query): SecretResource[] | undefined {
  const reference = location.facts.find((it) => it.path === 'location.secretConfig');
  if (!reference) return undefined;
  return query
    .ranked(reference.symbol, location.part.uri)
    .map((it) => it.resource)
    .filter((it) => it instanceof SecretResource);
}

/** The locations that read this Secret. */
export function locationsOfSecret(secret: SecretResource, query: Query): readonly BackupLocationResource[] {
  if (secret.name === '') return [];
  const symbol = { kind: 'secret', name: secret.name, namespace: secret.namespace } as const;
  return query.fromReferences(symbol, 'locations', (references) =>
    references
      .filter((it) => it.path === 'location.secretConfig')
      .map((it) => it.resource)
      .filter((it) => it instanceof BackupLocationResource),
  );
}

/** The entry of the Secret that beats a field below `location`, where it is seen to be there. */
export function overridingEntry(
  location: BackupLocationResource,
  field: string,
  query: Query,
): { entry: SecretEntry; text: string | undefined } | undefined {
  const name = LOCATION_SECRET_ENTRIES.find((it) => it.field === field)?.entry;
  if (name === undefined) return undefined;
  for (const secret of locationSecrets(location, query) ?? []) {
    const entry = secret.entry(name);
    if (entry) return { entry, text: entry.isOpaque ? undefined : asStorkReads(entry) };
  }
  return undefined;
}

/**
 * The value of a field below `location` that is in force. `unseen` where a Secret decides that is not here, or a value that
 * somebody else fills; undefined where nothing sets the field.
 */
export function locationValue(
  location: BackupLocationResource,
  field: string,
  query: Query,
): LocationValue | 'unseen' | undefined {
  const secrets = locationSecrets(location, query);
  if (secrets && LOCATION_SECRET_ENTRIES.some((it) => it.field === field)) {
    const overriding = overridingEntry(location, field, query);
    if (overriding?.text === undefined && overriding) return 'unseen';
    if (overriding?.text !== undefined)
      return { text: overriding.text, at: valuePlace(overriding.entry), node: undefined, entry: overriding.entry };
    if (secrets.length === 0 || secrets.some((it) => it.hasUnknownEntries)) return 'unseen';
  }
  const node = location.location?.get(field);
  if (!node || node.isNull) return undefined;
  const text = node.text ?? '';
  if (isOpaque(text)) return 'unseen';
  return text === '' ? undefined : { text, at: node.place, node, entry: undefined };
}

/** One line feed at the end is cut, and only one (strings.TrimSuffix). */
export function asStorkReads(entry: SecretEntry): string | undefined {
  if (!entry.bytes) return undefined;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(entry.bytes).replace(/\n$/, '');
}
