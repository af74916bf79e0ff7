/** The committed counterpart of what stands in a file now: by name, so that a file may have been moved. */

import type { Query } from '../index.ts';
import { type Conf, confOfEntry } from '../pgbackrest/conf.ts';
import type { Resource } from '../resource.ts';
import { type PgbackrestScope, PostgresClusterResource } from '../resources/postgresCluster.ts';
import { ConfigMapResource, SecretResource } from '../resources/secret.ts';

/** Undefined where the object is new, or stands in a file that is as it was committed. */
export function committedResource<R extends Resource>(
  resource: R,
  before: Query,
  type: abstract new (...args: never[]) => R,
): R | undefined {
  const candidates = before
    .resources(resource.manifestKind)
    .filter((it): it is R => it instanceof type && it.name === resource.name && it.namespace === resource.namespace);
  return candidates.find((it) => it.part.uri === resource.part.uri) ?? candidates[0];
}

export function committedConf(conf: Conf, before: Query): Conf | undefined {
  if (!conf.entry) {
    const { uri } = conf.part;
    return before.confsInFolder(uri.slice(0, uri.lastIndexOf('/'))).find((it) => it.part.uri === uri);
  }
  const owner = conf.entry.secret;
  const old = committedOwner(owner, before)?.entry(conf.entry.name);
  return old && confOfEntry(old);
}

export function committedOwner(
  owner: SecretResource | ConfigMapResource,
  before: Query,
): SecretResource | ConfigMapResource | undefined {
  return owner instanceof SecretResource
    ? committedResource(owner, before, SecretResource)
    : committedResource(owner, before, ConfigMapResource);
}

export function committedScope(
  cluster: PostgresClusterResource,
  { role }: PgbackrestScope,
  before: Query,
): PgbackrestScope | undefined {
  return committedResource(cluster, before, PostgresClusterResource)?.scopes.find((it) => it.role === role);
}
