import { committedResource } from '../queries/committed.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { fixture, rule } from '../rule.ts';

const spec = `
      instances:
        - {name: a, dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
      postgresVersion: 16`;

const backups = `
      backups:
        pgbackrest:
          repos:
            - name: repo1
              volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`;

export default rule({
  id: 'removed-backups',
  summary: 'The backups of a cluster are not removed by leaving their section out.',
  why: 'The operator of Crunchy does not delete backups on a slip of the pen: without the annotation authorizeBackupRemoval it stops reconciling them and waits. Archiving goes on with the settings that the Pods have, and no later change of the cluster reaches them.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['C10'],
  kinds: ['PostgresCluster'],
  committed: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:${spec}${backups}
  `,
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
                     ^^^^ warning removed-backups: PostgresCluster db/prod is committed with backups: without the annotation postgres-operator.crunchydata.com/authorizeBackupRemoval the operator waits
    spec:${spec}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:${spec}${backups}
  `,
  check(resource, { report, history }) {
    if (resource.product !== 'crunchy' || resource.own || resource.name === '' || !resource.node.get('spec')) return;
    const past = committedResource(resource, history.before, PostgresClusterResource);
    if (!past?.own) return;
    const annotation = 'postgres-operator.crunchydata.com/authorizeBackupRemoval';
    if (resource.node.get(['metadata', 'annotations', annotation])) return;
    report(
      resource.namePlace,
      `${resource.title} is committed with backups: without the annotation ${annotation} the operator waits`,
    );
  },
});
