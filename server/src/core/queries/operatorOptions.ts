/** The options that Percona's and Crunchy's operator writes itself, beside what the author gives. Facts: operators.md 1.3. */

import type { PgbackrestScope } from '../resources/postgresCluster.ts';
import type { YamlNode } from '../yaml/node.ts';

export interface OperatorOption {
  /** With index. */
  key: string;
  /** Where the value follows from the manifest or never changes; undefined: it depends on the Pod. */
  value: string | undefined;
  section: 'global' | 'stanza';
  /** The field of the manifest that it comes from. */
  node: YamlNode | undefined;
}

/** What reaches the database Pods. An option of `global` replaces the operator's of the same name. */
export function operatorOptions(scope: PgbackrestScope): OperatorOption[] {
  const written = scope.repos.flatMap(({ name, node }) =>
    Object.entries(OF_REPOSITORY).flatMap(([kind, options]) => {
      const field = node.get(kind);
      return field ? options.map((it) => ofRepository(name, it, field)) : [];
    }),
  );
  return scope.role === 'own' ? [...written, ...OF_EVERY_POD] : written;
}

/** By the kind of storage, with the field of it that gives the value. */
const OF_REPOSITORY: Record<string, readonly { option: string; field?: string; value?: string }[]> = {
  s3: [
    { option: 'type', value: 's3' },
    { option: 'path' },
    { option: 's3-bucket', field: 'bucket' },
    { option: 's3-endpoint', field: 'endpoint' },
    { option: 's3-region', field: 'region' },
  ],
  gcs: [{ option: 'type', value: 'gcs' }, { option: 'path' }, { option: 'gcs-bucket', field: 'bucket' }],
  azure: [{ option: 'type', value: 'azure' }, { option: 'path' }, { option: 'azure-container', field: 'container' }],
  volume: [
    { option: 'path' },
    { option: 'host', value: undefined },
    { option: 'host-type', value: 'tls' },
    { option: 'host-ca-file' },
    { option: 'host-cert-file' },
    { option: 'host-key-file' },
    { option: 'host-user' },
  ],
};

function ofRepository(
  name: string,
  { option, field, value }: { option: string; field?: string; value?: string },
  node: YamlNode,
): OperatorOption {
  const key = `${name}-${option}`;
  if (option === 'path') return { key, value: `/pgbackrest/${name}`, section: 'global', node };
  const from = field === undefined ? undefined : node.get(field);
  return { key, value: from ? from.text : value, section: 'global', node: from ?? node };
}

const ofPod = (key: string, value?: string, section: 'global' | 'stanza' = 'global'): OperatorOption => ({
  key,
  value,
  section,
  node: undefined,
});

const OF_EVERY_POD: readonly OperatorOption[] = [
  ofPod('archive-async', 'y'),
  ofPod('spool-path', '/pgdata/pgbackrest-spool'),
  ofPod('log-path', '/pgdata/pgbackrest/log'),
  ofPod('tls-server-address', '0.0.0.0'),
  ofPod('tls-server-auth'),
  ofPod('tls-server-ca-file'),
  ofPod('tls-server-cert-file'),
  ofPod('tls-server-key-file'),
  ofPod('pg1-path', undefined, 'stanza'),
  ofPod('pg1-port', undefined, 'stanza'),
  ofPod('pg1-socket-path', undefined, 'stanza'),
];
