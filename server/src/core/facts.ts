import type { Place } from './part.ts';
import type { Resource } from './resource.ts';

/** What can be defined in one file and referred to from another. */
export type SymbolKind =
  | 'secret'
  | 'secretEntry'
  | 'configMap'
  | 'configMapEntry'
  | 'objectStorage'
  | 'cluster'
  | 'repository'
  | 'backup';

/**
 * A name that means something. `owner` is what it belongs to: the Secret of an entry, the cluster of a repository.
 * A missing namespace fits every namespace: the manifest takes the one it is applied to.
 */
export interface SymbolName {
  kind: SymbolKind;
  name: string;
  namespace?: string;
  owner?: string;
}

/** A definition or a reference found in one file. Plain data; judging is for rules. */
export interface Fact {
  role: 'definition' | 'reference';
  symbol: SymbolName;
  /** Exactly the name, so that rename can replace it; an empty name still has a place, completion lives on it. */
  at: Place;
  /** Where it stands in its resource: `spec.encryption.sodium.key`. */
  path: string;
  resource: Resource;
}

export function isSameSymbol(a: SymbolName, b: SymbolName): boolean {
  return (
    a.kind === b.kind &&
    a.name === b.name &&
    (a.owner ?? '') === (b.owner ?? '') &&
    (a.namespace === undefined || b.namespace === undefined || a.namespace === b.namespace)
  );
}
