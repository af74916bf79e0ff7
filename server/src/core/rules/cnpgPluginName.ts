import { editDistance } from '../nearest.ts';
import { isOpaque } from '../opaque.ts';
import { BARMAN_PLUGIN } from '../resources/cnpg.ts';
import { fix, fixture, rule } from '../rule.ts';
import { replaceValue } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'cnpg-plugin-name',
  summary: 'The Barman Cloud plugin is called barman-cloud.cloudnative-pg.io.',
  why: 'The operator looks plugins up by their full name: with another one it says that the requested plugin is not available, and the cluster is not reconciled any more.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N9'],
  kinds: ['CnpgCluster', 'CnpgBackup'],
  bad: fixture`
    apiVersion: postgresql.cnpg.io/v1
    kind: Cluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 3
      storage: {size: 1Gi}
      plugins:
        - name: barman-cloud
                ^^^^^^^^^^^^ error cnpg-plugin-name: there is no plugin barman-cloud: it is called barman-cloud.cloudnative-pg.io
          isWALArchiver: true
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
  check(resource, { report }) {
    const names: (YamlNode | undefined)[] =
      resource.kind === 'CnpgCluster'
        ? resource.plugins.map((it) => it.node.get('name'))
        : [resource.node.get('spec.pluginConfiguration.name')];
    for (const node of names) {
      const name = node?.text;
      if (!node || !name || name === BARMAN_PLUGIN || isOpaque(name)) continue;
      if (!OTHER_WORDS.includes(name.toLowerCase()) && editDistance(name, BARMAN_PLUGIN, 4) > 4) continue;
      report(node.place, `there is no plugin ${name}: it is called ${BARMAN_PLUGIN}`, {
        fix: fix(`Change to ${BARMAN_PLUGIN}`, replaceValue(node, BARMAN_PLUGIN)),
      });
    }
  },
});

const OTHER_WORDS = [
  'barman',
  'barman-cloud',
  'barmancloud',
  'barman-plugin',
  'barman-cloud-plugin',
  'plugin-barman-cloud',
  'barman-cloud.cnpg.io',
  'barmancloud.cnpg.io',
  'barman-cloud.cloudnative-pg',
  'barmanobjectstore',
];
