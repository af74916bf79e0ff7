import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'manual-half',
  summary: 'A backup or restore by hand has both its halves: the settings and the annotation.',
  why: 'The operator of Crunchy starts a backup by hand when the annotation pgbackrest-backup has a new value and spec.backups.pgbackrest.manual says how, and a restore in place when restore.enabled is true and the annotation pgbackrest-restore has a new value. With one half nothing happens; a restore that stays enabled starts again with the next value of the annotation.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['C11', 'C12'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          restore: {enabled: true, repoName: repo1}
                    ^^^^^^^ hint manual-half: without the annotation postgres-operator.crunchydata.com/pgbackrest-restore nothing is restored, and with it each new value restores again
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          restore: {enabled: false, repoName: repo1}
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: keys, namespace: db}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report }) {
    if (cluster.product !== 'crunchy' || !cluster.own) return;
    const prefix = 'postgres-operator.crunchydata.com/pgbackrest';
    const annotation = (name: string) => cluster.node.get(['metadata', 'annotations', `${prefix}-${name}`]);
    const manual = cluster.own.node.get('manual');
    const backup = annotation('backup');
    if (backup && !manual) {
      report(backup.keyPlace, 'without backups.pgbackrest.manual this annotation starts nothing', {
        severity: 'warning',
      });
    }
    const enabled = cluster.own.node.get('restore.enabled');
    if (enabled?.text === 'true' && !annotation('restore')) {
      report(
        enabled.keyPlace,
        `without the annotation ${prefix}-restore nothing is restored, and with it each new value restores again`,
      );
    }
  },
});
