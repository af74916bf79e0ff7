import { isPartial } from '../queries/partialManifest.ts';
import { StackGresClusterResource } from '../resources/stackgres.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'backup-of-nothing',
  summary: 'An SGBackup is of a cluster that has backups configured.',
  why: 'The operator stops with "SGCluster … has no backup configured": the backup never begins.',
  severity: 'error',
  confidence: 'likely',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G34'],
  kinds: ['SGBackup'],
  bad: fixture`
    #- /backup.yaml
    apiVersion: stackgres.io/v1
    kind: SGBackup
    metadata: {name: nightly, namespace: db}
    spec:
      sgCluster: main
                 ^^^^ error backup-of-nothing: SGCluster db/main has no configurations.backups: there is nowhere to back up to
    #- /cluster.yaml
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 1
  `,
  good: fixture`
    #- /backup.yaml
    apiVersion: stackgres.io/v1
    kind: SGBackup
    metadata: {name: nightly, namespace: db}
    spec: {sgCluster: main}
    #- /cluster.yaml
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 1
      configurations:
        backups:
          - sgObjectStorage: backups
            cronSchedule: 0 1 * * *
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
  `,
  check(backup, { report, query }) {
    const reference = backup.facts.find((it) => it.path === 'spec.sgCluster' && it.symbol.kind === 'cluster');
    // What is done is done: the cluster may have been changed since.
    if (!reference || backup.node.textAt('status.process.status')) return;
    const clusters = query.definitionsOf(reference.symbol).map((it) => it.resource);
    const cluster = clusters[0];
    if (!(cluster instanceof StackGresClusterResource) || clusters.some((it) => isPartial(it, query))) return;
    // An overlay may bring what the base has not.
    if (clusters.length > 1 || cluster.backups.length > 0 || !cluster.node.get('spec')?.isMap) return;
    const backups = cluster.node.get('spec.configurations.backups');
    if (backups && !backups.isNull && !backups.isList) return;
    report(reference.at, `${cluster.title} has no configurations.backups: there is nowhere to back up to`, {
      related: [{ at: cluster.namePlace, message: cluster.title }],
    });
  },
});
