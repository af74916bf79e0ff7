import { fixture, rule } from '../rule.ts';

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
  check(cluster, { report }) {
    const store = cluster.ownStore;
    if (!store?.node.key) return;
    report(
      store.node.keyPlace,
      'barmanObjectStore is gone in CloudNativePG 1.31: an ObjectStore and the plugin take its place',
      { tags: ['deprecated'] },
    );
  },
});
