import { isOpaque } from '../opaque.ts';
import { isPartial } from '../queries/partialManifest.ts';
import { BARMAN_PLUGIN, CnpgClusterResource } from '../resources/cnpg.ts';
import { fix, fixture, rule } from '../rule.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'cnpg-backup-method',
  summary: 'A backup is made by the method that its cluster has.',
  why: 'An absent method means barmanObjectStore: on a cluster with the plugin every backup fails with "no barmanObjectStore section defined on the target cluster". The webhook refuses method plugin without pluginConfiguration.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N10', 'N11'],
  kinds: ['CnpgBackup'],
  bad: fixture`
    #- /backup.yaml
    apiVersion: postgresql.cnpg.io/v1
    kind: ScheduledBackup
    metadata: {name: daily, namespace: db}
    spec:
      schedule: "0 0 2 * * *"
      cluster: {name: main}
                      ^^^^ error cnpg-backup-method: without a method this backup wants barmanObjectStore, which Cluster db/main does not have: it has the plugin
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
  good: fixture`
    #- /backup.yaml
    apiVersion: postgresql.cnpg.io/v1
    kind: ScheduledBackup
    metadata: {name: daily, namespace: db}
    spec:
      schedule: "0 0 2 * * *"
      cluster: {name: main}
      method: plugin
      pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}
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
  check(backup, { report, query }) {
    const spec = backup.node.get('spec');
    const method = spec?.get('method');
    const text = method?.text ?? 'barmanObjectStore';
    if (!spec?.isMap || isOpaque(text) || isPartial(backup, query)) return;
    if (text === 'plugin') {
      if (spec.get('pluginConfiguration.name')?.text) return;
      const isThere = spec.get('pluginConfiguration') !== undefined;
      report(method!.place, 'method plugin needs pluginConfiguration with the name of the plugin', {
        fix: isThere
          ? undefined
          : fix('Add pluginConfiguration', addEntry(spec, 'pluginConfiguration', `{name: ${BARMAN_PLUGIN}}`)),
      });
      return;
    }
    if (text !== 'barmanObjectStore') return;
    const reference = backup.facts.find((it) => it.path === 'spec.cluster.name');
    if (!reference || reference.symbol.name === '') return;
    // A base and its overlays make one cluster together.
    const clusters = query
      .definitionsOf(reference.symbol)
      .map((it) => it.resource)
      .filter((it) => it instanceof CnpgClusterResource);
    const cluster = query.resolve(reference)?.resource;
    if (!cluster || clusters.length === 0) return;
    if (clusters.some((it) => it.node.get('spec.backup.barmanObjectStore') !== undefined)) return;
    if (clusters.every((it) => isPartial(it, query))) return;
    const hasPlugin = clusters.some((it) => it.barmanPlugins.length > 0);
    const hasSnapshots = clusters.some((it) => it.node.get('spec.backup.volumeSnapshot') !== undefined);
    const wants = method?.text
      ? 'this backup wants barmanObjectStore'
      : 'without a method this backup wants barmanObjectStore';
    const has = hasPlugin ? ': it has the plugin' : hasSnapshots ? ': it has volumeSnapshot' : '';
    const wanted = hasPlugin ? 'plugin' : 'volumeSnapshot';
    const needsName = hasPlugin && !spec.get('pluginConfiguration');
    const name = `pluginConfiguration: {name: ${BARMAN_PLUGIN}}`;
    const between = spec.isFlow ? ', ' : `\n${' '.repeat(spec.entries().at(-1)?.column ?? 0)}`;
    const edits = method
      ? [
          ...replaceValue(method, wanted),
          ...((needsName && addEntry(spec, 'pluginConfiguration', `{name: ${BARMAN_PLUGIN}}`)) || []),
        ]
      : addEntry(spec, 'method', needsName ? `${wanted}${between}${name}` : wanted);
    report(method?.text ? method.place : reference.at, `${wants}, which ${cluster.title} does not have${has}`, {
      fix: hasPlugin || hasSnapshots ? fix(`Make it with ${hasPlugin ? 'the plugin' : wanted}`, edits) : undefined,
      related: [{ at: cluster.namePlace, message: cluster.title }],
    });
  },
});
