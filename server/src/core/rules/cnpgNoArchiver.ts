import { fix, fixture, rule } from '../rule.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'cnpg-no-archiver',
  summary: 'The Barman Cloud plugin of a cluster archives its WAL.',
  why: 'Without isWALArchiver: true no WAL leaves the cluster. Base backups are made, but one taken from a running server cannot be restored without its WAL, and no point in time after it at all.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N7'],
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
                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning cnpg-no-archiver: no WAL is archived: this plugin has no isWALArchiver: true
          parameters: {barmanObjectName: store}
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
    const [plugin] = cluster.barmanPlugins;
    if (!plugin || cluster.ownStore) return;
    const flag = plugin.node.get('isWALArchiver');
    // Of another text than true and false nothing is known here.
    if (cluster.plugins.some((it) => it.role === 'own' && it.isEnabled && it.isArchiver)) return;
    if (flag && !flag.isNull && flag.text !== 'false') return;
    report(plugin.node.get('name')!.place, 'no WAL is archived: this plugin has no isWALArchiver: true', {
      fix: fix(
        'Archive the WAL with this plugin',
        flag ? replaceValue(flag, 'true') : addEntry(plugin.node, 'isWALArchiver', 'true'),
      ),
    });
  },
});
