import { CnpgObjectStoreResource } from '../resources/cnpg.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { addEntry, removeEntry } from '../yaml/entryEdits.ts';

export default rule({
  id: 'cnpg-retention-ignored',
  summary: 'With the plugin the retention stands in the ObjectStore.',
  why: 'backup.retentionPolicy of a Cluster counts only for its own barmanObjectStore. With the plugin the webhook warns and nothing is ever deleted, until the bucket is full.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N20'],
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
        retentionPolicy: 30d
        ^^^^^^^^^^^^^^^ warning cnpg-retention-ignored: nothing is deleted: with the plugin the retention stands in the ObjectStore
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
      retentionPolicy: 30d
  `,
  check(cluster, { report, query }) {
    const backup = cluster.node.get('spec.backup');
    const retention = backup?.get('retentionPolicy');
    const [plugin] = cluster.barmanPlugins;
    if (!backup || !retention || retention.isNull || !plugin || backup.get('barmanObjectStore')) return;
    const reference = cluster.facts.find((it) => it.path === `${plugin.path}.parameters.barmanObjectName`);
    const store = reference && query.resolve(reference)?.resource;
    const spec = store instanceof CnpgObjectStoreResource ? store.node.get('spec') : undefined;
    const isAlone = backup.entries().length === 1;
    const removal = isAlone ? removeEntry(cluster.node.get('spec')!, backup) : removeEntry(backup, retention);
    const addition =
      spec && !spec.get('retentionPolicy')
        ? addEntry(spec, 'retentionPolicy', plainOrQuoted(retention.text ?? ''))
        : undefined;
    report(retention.keyPlace, 'nothing is deleted: with the plugin the retention stands in the ObjectStore', {
      fix: removal && addition ? fix(`Move it to ${store!.title}`, [...removal, ...addition]) : undefined,
    });
  },
});
