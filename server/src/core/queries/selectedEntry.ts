import type { Query } from '../index.ts';
import type { Place } from '../part.ts';
import type { Resource } from '../resource.ts';
import { type SecretEntry, SecretResource } from '../resources/secret.ts';
import type { Selector } from '../resources/stackgres.ts';

/** The Secrets that a selector can mean, the likeliest first; several where bases and overlays, or namespaces, are left open. */
export function selectedSecrets(selector: Selector, query: Query): SecretResource[] {
  const reference = selector.secret;
  if (!reference || reference.symbol.name === '') return [];
  // A SecretProviderClass defines names without being a Secret of that name.
  return query
    .ranked(reference.symbol, reference.at.part.uri)
    .map((it) => it.resource)
    .filter((it) => it instanceof SecretResource);
}

/** The entry that a selector means, where its value can be seen; an opaque one is nobody's business. */
export function selectedEntry(selector: Selector | undefined, query: Query): SecretEntry | undefined {
  const name = selector?.entry?.symbol.name;
  if (!selector || !name) return undefined;
  for (const it of selectedSecrets(selector, query)) {
    const entry = it.entry(name);
    if (entry) return entry.isOpaque ? undefined : entry;
  }
  return undefined;
}

/** Where the value stands, without the line feeds at its end; the entry's name where there is nothing to mark. */
export function valuePlace(entry: SecretEntry, span?: { start: number; end: number }): Place {
  const text = entry.text;
  if (text?.isExact && span && span.end > span.start) return text.place(span.start, span.end);
  const shown = entry.source?.isExact ? entry.source : undefined;
  const first = shown?.text.match(/\S[^\n]*/);
  if (!shown || !first) return entry.keyPlace;
  // A value of many lines (an armored key) is marked by its first.
  return shown.place(first.index!, first.index! + first[0].trimEnd().length);
}

/** Objects that live side by side: a missing namespace fits all. */
export function isSameNamespace(a: Resource, b: Resource): boolean {
  return a.namespace === undefined || b.namespace === undefined || a.namespace === b.namespace;
}
