import { isOpaque } from '../opaque.ts';
import { BARMAN_PLUGIN } from '../resources/cnpg.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'cnpg-recovery-server-name',
  summary: 'An external cluster that is restored through the plugin names its server.',
  why: 'Without serverName the plugin looks for the backups under the name of the new cluster, not under that of the external one, and finds none, unless both have the same name.',
  severity: 'information',
  confidence: 'likely',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N26'],
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
      bootstrap: {recovery: {source: origin}}
      externalClusters:
        - name: origin
          plugin:
            name: barman-cloud.cloudnative-pg.io
            parameters: {barmanObjectName: older}
                                           ^^^^^ information cnpg-recovery-server-name: without serverName backups of main are looked for, the name of this cluster
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
  check(cluster, { report }) {
    const source = cluster.node.textAt('spec.bootstrap.recovery.source');
    for (const plugin of cluster.plugins) {
      const store = plugin.node.get('parameters.barmanObjectName');
      if (plugin.name !== BARMAN_PLUGIN || !source || plugin.externalName !== source || !store?.text) continue;
      if (plugin.node.textAt('parameters.serverName') || isOpaque(cluster.name) || cluster.name === '') continue;
      report(store.usePlace, `without serverName backups of ${cluster.name} are looked for, the name of this cluster`);
    }
  },
});
