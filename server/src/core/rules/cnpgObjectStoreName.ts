import { nearestName } from '../nearest.ts';
import { isOpaque } from '../opaque.ts';
import { isSameNamespace } from '../queries/selectedEntry.ts';
import { BARMAN_PLUGIN } from '../resources/cnpg.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'cnpg-object-store-name',
  summary: 'The plugin of a cluster names an ObjectStore of its namespace.',
  why: 'Without barmanObjectName the plugin stops with "no reference to barmanObjectName have been included", with a name that is not there it finds no object: no WAL is archived, and the disk of the database fills up.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N8'],
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
                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error cnpg-object-store-name: the plugin needs the parameter barmanObjectName, the name of an ObjectStore
          isWALArchiver: true
          parameters: {serverName: main}
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
    const stores = query.resources('ObjectStore');
    for (const plugin of cluster.plugins) {
      if (plugin.name !== BARMAN_PLUGIN || !plugin.isEnabled) continue;
      const parameters = plugin.node.get('parameters');
      const node = parameters?.get('barmanObjectName');
      if (!node || node.isNull || node.text === '') {
        if (parameters && !parameters.isMap && !parameters.isNull) continue;
        report(
          (node ?? plugin.node.get('name')!).keyPlace.start === plugin.node.get('name')!.keyPlace.start
            ? plugin.node.get('name')!.place
            : node!.keyPlace,
          'the plugin needs the parameter barmanObjectName, the name of an ObjectStore',
        );
        continue;
      }
      const reference = cluster.facts.find((it) => it.path === `${plugin.path}.parameters.barmanObjectName`);
      if (!reference || isOpaque(reference.symbol.name) || query.definitionsOf(reference.symbol).length > 0) continue;
      const { name } = reference.symbol;
      const elsewhere = stores.find((it) => it.name === name);
      if (elsewhere) {
        report(
          reference.at,
          `ObjectStore ${name} is in namespace ${elsewhere.namespace}, and must be in ${cluster.namespace}, beside the Cluster`,
          { severity: 'warning', related: [{ at: elsewhere.namePlace, message: elsewhere.title }] },
        );
        continue;
      }
      const beside = stores.filter((it) => it.name !== '' && isSameNamespace(it, cluster));
      const near = nearestName(
        beside.map((it) => it.name),
        name,
      );
      const missing = `no manifest of ObjectStore ${name} is in the workspace`;
      if (near === undefined) report(reference.at, missing, { severity: 'hint' });
      else
        report(reference.at, `${missing}; ${near} is`, {
          severity: 'warning',
          fix: fix(`Change to ${near}`, [{ at: reference.at, newText: near }]),
        });
    }
  },
});
