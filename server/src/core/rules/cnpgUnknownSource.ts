import type { Fact } from '../facts.ts';
import { nearestName } from '../nearest.ts';
import { isOpaque } from '../opaque.ts';
import { isPartial } from '../queries/partialManifest.ts';
import { CnpgClusterResource } from '../resources/cnpg.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'cnpg-unknown-source',
  summary:
    'The source that a cluster is restored from or follows is one of its externalClusters, and says how to reach it.',
  why: 'The webhook refuses the Cluster: "External cluster … not found". An external cluster needs connectionParameters, a plugin or barmanObjectStore.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N27'],
  kinds: ['CnpgCluster'],
  bad: fixture`
    apiVersion: postgresql.cnpg.io/v1
    kind: Cluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 3
      storage: {size: 1Gi}
      plugins:
        - name: barman-cloud.cloudnative-pg.io
          isWALArchiver: true
          parameters: {barmanObjectName: store}
      bootstrap: {recovery: {source: orgin}}
                                     ^^^^^ error cnpg-unknown-source: there is no external cluster orgin, only origin
      externalClusters:
        - name: origin
          plugin:
            name: barman-cloud.cloudnative-pg.io
            parameters: {barmanObjectName: store, serverName: older}
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: postgresql.cnpg.io/v1
    kind: Cluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 3
      storage: {size: 1Gi}
      plugins:
        - name: barman-cloud.cloudnative-pg.io
          isWALArchiver: true
          parameters: {barmanObjectName: store}
      bootstrap: {recovery: {source: origin}}
      externalClusters:
        - name: origin
          plugin:
            name: barman-cloud.cloudnative-pg.io
            parameters: {barmanObjectName: store, serverName: older}
    #- /store.yaml
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
  `,
  check(cluster, { report, query }) {
    if (isPartial(cluster, query)) return;
    // A base and its overlays make one cluster together.
    const symbol = { kind: 'cluster', name: cluster.name, namespace: cluster.namespace, owner: 'cnpg' } as const;
    const together = query.fromDefinitions(symbol, 'external clusters', externalClustersOf);
    const isAlone = together.parts === 0 || (together.parts === 1 && together.first === cluster);
    const names = together.parts === 0 ? namesOf(cluster) : together.names;
    for (const path of SOURCES) {
      const source = cluster.node.get(path);
      const name = source?.text;
      if (!source || !name || isOpaque(name) || names.includes(name) || names.some((it) => isOpaque(it))) continue;
      const list = cluster.node.get('spec.externalClusters');
      if (list && !list.isList && !list.isNull) continue;
      const near = nearestName(names, name) ?? (names.length === 1 ? names[0] : undefined);
      const only = names.length === 0 ? ': externalClusters has none' : `, only ${names.join(', ')}`;
      report(source.usePlace, `there is no external cluster ${name}${only}`, {
        fix: near ? fix(`Change to ${near}`, replaceValue(source, plainOrQuoted(near))) : undefined,
      });
    }
    for (const external of cluster.externalClusters) {
      const isReachable = WAYS.some((it) => external.get(it)?.isNull === false);
      const name = external.get('name');
      if (!external.isMap || isReachable || !name?.text || !isAlone) continue;
      if (external.entries().some((it) => !/^\w+$/.test(it.key?.text ?? ''))) continue;
      report(name.place, `external cluster ${name.text} needs connectionParameters, plugin or barmanObjectStore`);
    }
  },
});

const SOURCES = ['spec.bootstrap.recovery.source', 'spec.bootstrap.pg_basebackup.source', 'spec.replica.source'];
const WAYS = ['connectionParameters', 'plugin', 'barmanObjectStore'];

function externalClustersOf(definitions: readonly Fact[]) {
  const parts = definitions.map((it) => it.resource).filter((it) => it instanceof CnpgClusterResource);
  return { parts: parts.length, first: parts[0], names: parts.flatMap(namesOf) };
}

function namesOf(cluster: CnpgClusterResource): string[] {
  return cluster.externalClusters.map((it) => it.textAt('name') ?? '');
}
