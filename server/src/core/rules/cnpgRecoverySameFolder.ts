import { isOpaque } from '../opaque.ts';
import { BARMAN_PLUGIN, type CnpgClusterResource } from '../resources/cnpg.ts';
import { fixture, rule } from '../rule.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'cnpg-recovery-same-folder',
  summary: 'A restored cluster does not archive into the folder that it is restored from.',
  why: 'The folder is not empty, so the check of the archive fails and the new cluster never starts: "Expected empty archive". With the check switched off (cnpg.io/skipEmptyWalArchiveCheck) two histories are mixed in one folder.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N25'],
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
                                         ^^^^^ warning cnpg-recovery-same-folder: this archives into main of ObjectStore store, from which the cluster is restored: give it a serverName of its own
      bootstrap: {recovery: {source: origin}}
      externalClusters:
        - name: origin
          plugin:
            name: barman-cloud.cloudnative-pg.io
            parameters: {barmanObjectName: store, serverName: main}
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
    if (!source || cluster.node.textAt(['metadata', 'annotations', 'cnpg.io/skipEmptyWalArchiveCheck']) === 'enabled')
      return;
    const folders = foldersOf(cluster);
    const external = folders.find((it) => it.externalName === source);
    const own = folders.find((it) => it.externalName === undefined);
    if (!own || !external || own.place !== external.place || own.server !== external.server) return;
    if (isOpaque(own.place) || isOpaque(own.server) || own.server === '') return;
    report(
      own.node.usePlace,
      `this archives into ${own.server} of ${own.place}, from which the cluster is restored: give it a serverName of its own`,
      { related: [{ at: external.node.usePlace, message: 'the source' }] },
    );
  },
});

interface Folder {
  externalName: string | undefined;
  place: string;
  server: string;
  node: YamlNode;
}

/** Where the cluster archives to, and where its external clusters lie. */
function foldersOf(cluster: CnpgClusterResource): Folder[] {
  const plugins = cluster.plugins.flatMap((it): Folder[] => {
    const name = it.node.get('parameters.barmanObjectName');
    if (it.name !== BARMAN_PLUGIN || !it.isEnabled || !name?.text) return [];
    const server = it.node.textAt('parameters.serverName') || cluster.name;
    return [{ externalName: it.externalName, place: `ObjectStore ${name.text}`, server, node: name }];
  });
  const stores = cluster.stores.flatMap((it): Folder[] => {
    const path = it.node.get('destinationPath');
    if (!path?.text) return [];
    // In-tree an external cluster's own name is its folder.
    const server = it.node.textAt('serverName') || it.externalName || cluster.name;
    const endpoint = it.node.textAt('endpointURL');
    const place = `${path.text.replace(/\/+$/, '')}${endpoint ? ` at ${endpoint}` : ''}`;
    return [{ externalName: it.externalName, place, server, node: path }];
  });
  return [...plugins, ...stores];
}
