import { nearestName } from '../nearest.ts';
import { isOpaque } from '../opaque.ts';
import { isSameNamespace } from '../queries/selectedEntry.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'cnpg-backup-of-nothing',
  summary: 'The Cluster that a backup names, and the Backup that a cluster is restored from, are in the namespace.',
  why: 'A backup of a cluster that is not there waits for it for ever, without an error that anybody sees; a recovery from an unknown Backup never begins. Names never reach into another namespace.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'CloudNativePG',
  kinds: ['CnpgBackup', 'CnpgCluster'],
  bad: fixture`
    #- /backup.yaml
    apiVersion: postgresql.cnpg.io/v1
    kind: ScheduledBackup
    metadata: {name: daily, namespace: db}
    spec:
      schedule: "0 0 2 * * *"
      cluster: {name: mian}
                      ^^^^ warning cnpg-backup-of-nothing: no manifest of Cluster mian is in the workspace; Cluster db/main is
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
  check(resource, { report, query }) {
    for (const reference of resource.facts) {
      const { kind, name } = reference.symbol;
      if (reference.role !== 'reference' || (kind !== 'cluster' && kind !== 'backup')) continue;
      if (name === '' || isOpaque(name) || query.definitionsOf(reference.symbol).length > 0) continue;
      const what = kind === 'cluster' ? 'Cluster' : 'Backup';
      const all = query.resources(what).filter((it) => it.name !== '');
      const elsewhere = all.find((it) => it.name === name);
      const beside = all.filter((it) => isSameNamespace(it, resource));
      const near = elsewhere
        ? undefined
        : nearestName(
            beside.map((it) => it.name),
            name,
          );
      // `main-1` and `main-2` differ on purpose.
      const meant = near !== undefined && !/\d/.test(near + name) ? beside.find((it) => it.name === near) : undefined;
      if (elsewhere)
        report(
          reference.at,
          `${what} ${name} is in namespace ${elsewhere.namespace}, and must be in ${resource.namespace}, beside ${resource.manifestKind} ${resource.name}`,
          { severity: 'warning', related: [{ at: elsewhere.namePlace, message: elsewhere.title }] },
        );
      else if (meant)
        report(reference.at, `no manifest of ${what} ${name} is in the workspace; ${meant.title} is`, {
          severity: 'warning',
          fix: fix(`Change to ${meant.name}`, [{ at: reference.at, newText: meant.name }]),
          related: [{ at: meant.namePlace, message: meant.title }],
        });
      else report(reference.at, `no manifest of ${what} ${name} is in the workspace`);
    }
  },
});
