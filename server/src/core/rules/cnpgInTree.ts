import type { Query } from '../index.ts';
import { appendDocument, freeName, headOf, movedEntry } from '../queries/newManifest.ts';
import type { CnpgClusterResource } from '../resources/cnpg.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'cnpg-in-tree',
  summary: 'Backups of a cluster are made by the Barman Cloud plugin.',
  why: 'barmanObjectStore inside a Cluster is deprecated since CloudNativePG 1.26, and 1.31 no longer has it: after that upgrade nothing is archived any more. The plugin reads the same settings from an ObjectStore.',
  severity: 'hint',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N28'],
  kinds: ['CnpgCluster'],
  bad: fixture`
    apiVersion: postgresql.cnpg.io/v1
    kind: Cluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 3
      storage: {size: 1Gi}
      backup:
        barmanObjectStore:
        ^^^^^^^^^^^^^^^^^ hint cnpg-in-tree: barmanObjectStore is gone in CloudNativePG 1.31: an ObjectStore and the plugin take its place
          destinationPath: s3://backups/main
          s3Credentials: {inheritFromIAMRole: true}
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
    const store = cluster.ownStore;
    if (!store?.node.key) return;
    report(
      store.node.keyPlace,
      'barmanObjectStore is gone in CloudNativePG 1.31: an ObjectStore and the plugin take its place',
      { tags: ['deprecated'], fix: convert(cluster, query) },
    );
  },
});

/** The store becomes an object of its own, and `backup` the plugin that uses it. */
function convert(cluster: CnpgClusterResource, query: Query) {
  const { node, part, namespace } = cluster;
  const backup = node.get('spec.backup');
  const store = backup?.get('barmanObjectStore');
  if (!backup?.key || !store?.isMap || backup.isFlow || node.get('spec.plugins') || cluster.name === '')
    return undefined;
  const entries = backup.entries();
  // Volume snapshots and a target stay where they are; that is for a person.
  if (entries.some((it) => !/^(?:barmanObjectStore|retentionPolicy)$/.test(it.key?.text ?? ''))) return undefined;
  // In the plugin the name of the server is a parameter.
  if (store.get('serverName')) return undefined;
  const configuration = movedEntry(store, 'configuration', 2);
  if (!configuration) return undefined;
  const taken = query.resources('ObjectStore').map((it) => it.name);
  const name = freeName(cluster.name, (it) => taken.includes(it));
  const retention = backup.textAt('retentionPolicy');
  const pad = ' '.repeat(backup.column);
  const plugin = [
    'plugins:',
    `${pad}  - name: barman-cloud.cloudnative-pg.io`,
    `${pad}    isWALArchiver: true`,
    `${pad}    parameters:`,
    `${pad}      barmanObjectName: ${name}`,
  ];
  const { start } = backup.keyPlace;
  const end = start + part.text.slice(start, backup.entryPlace.end).trimEnd().length;
  return fix(`Make ObjectStore ${name} of it, and use the plugin`, [
    { at: part.place(start, end), newText: plugin.join('\n') },
    appendDocument(part, [
      ...headOf('barmancloud.cnpg.io/v1', 'ObjectStore', name, namespace),
      'spec:',
      ...(retention ? [`  retentionPolicy: ${JSON.stringify(retention)}`] : []),
      ...configuration,
    ]),
  ]);
}
