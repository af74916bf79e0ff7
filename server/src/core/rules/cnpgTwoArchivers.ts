import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'cnpg-two-archivers',
  summary: 'One thing archives the WAL of a cluster: a plugin or barmanObjectStore.',
  why: 'The webhook refuses the Cluster: a plugin that is the archiver cannot stand beside barmanObjectStore, nor two archivers beside each other.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N24'],
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
      backup:
        barmanObjectStore:
        ^^^^^^^^^^^^^^^^^ error cnpg-two-archivers: barmanObjectStore cannot stand beside the plugin barman-cloud.cloudnative-pg.io, which archives the WAL
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
    const archivers = cluster.plugins.filter((it) => it.role === 'own' && it.isEnabled && it.isArchiver);
    const [first, second] = archivers;
    if (!first) return;
    const related = [{ at: first.node.get('isWALArchiver')!.keyPlace, message: 'the archiver' }];
    if (second)
      report(second.node.get('isWALArchiver')!.keyPlace, `${first.name} archives the WAL already`, { related });
    const store = cluster.ownStore;
    if (store)
      report(
        store.node.keyPlace,
        `barmanObjectStore cannot stand beside the plugin ${first.name}, which archives the WAL`,
        { related },
      );
  },
});
