import { isOpaque } from '../opaque.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'restore-backup',
  summary: 'A cluster is restored from a backup that is complete and of its own major version.',
  why: 'The operator stops with an event at the SGCluster, and the cluster gets no Pods. An SGBackup that does not exist makes the start script fail again and again.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G33'],
  kinds: ['SGCluster'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: copy, namespace: db}
    spec:
      instances: 1
      postgres: {version: "16"}
      initialData:
        restore:
          fromBackup:
            name: nightly
                  ^^^^^^^ error restore-backup: SGBackup db/nightly is Failed, only a Completed one can be restored
    #- /backup.yaml
    apiVersion: stackgres.io/v1
    kind: SGBackup
    metadata: {name: nightly, namespace: db}
    spec: {sgCluster: main}
    status:
      process: {status: Failed}
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: copy, namespace: db}
    spec:
      instances: 1
      postgres: {version: "16"}
      initialData:
        restore:
          fromBackup:
            name: nightly
    #- /backup.yaml
    apiVersion: stackgres.io/v1
    kind: SGBackup
    metadata: {name: nightly, namespace: db}
    spec: {sgCluster: main}
    status:
      process: {status: Completed}
      backupInformation: {postgresVersion: "160003"}
    #- /main.yaml
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 1
  `,
  check(cluster, { report, query }) {
    const reference = cluster.facts.find((it) => it.path === 'spec.initialData.restore.fromBackup.name');
    if (!reference || reference.symbol.name === '' || isOpaque(reference.symbol.name)) return;
    const backup = query.resolve(reference)?.resource;
    if (!backup) {
      // A cluster was restored from it once; the manifest stays when the backup is long gone.
      const elsewhere = query.resources('SGBackup').find((it) => it.name === reference.symbol.name);
      if (elsewhere)
        report(
          reference.at,
          `${elsewhere.title} is in namespace ${elsewhere.namespace}, and must be in ${cluster.namespace}, beside the cluster`,
          { severity: 'warning', related: [{ at: elsewhere.namePlace, message: elsewhere.title }] },
        );
      return;
    }
    const related = [{ at: backup.namePlace, message: backup.title }];
    const status = backup.node.textAt('status.process.status');
    if (status && status !== 'Completed' && !isOpaque(status))
      report(reference.at, `${backup.title} is ${status}, only a Completed one can be restored`, { related });
    const number = /^(\d{2,})\d{4}$/.exec(backup.node.textAt('status.backupInformation.postgresVersion') ?? '')?.[1];
    const wanted = /^\d+/.exec(cluster.node.textAt('spec.postgres.version') ?? '')?.[0];
    if (number && wanted && Number(number) !== Number(wanted))
      report(reference.at, `${backup.title} was made by PostgreSQL ${number}, the cluster is to run ${wanted}`, {
        related,
      });
  },
});
