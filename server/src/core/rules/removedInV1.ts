import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'removed-in-v1',
  summary: 'What v1 of PostgresCluster no longer has is not in it.',
  why: 'The API server refuses a PostgresCluster of v1 with log-path in global ("pgbackrest log-path must be set via the various log.path fields in the spec") or with userInterface. Under v1beta1 both are still taken.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['C6', 'C19'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          global: {log-path: /pgdata/log}
                   ^^^^^^^^ error removed-in-v1: in v1 the log path is set in the log.path fields of the spec
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
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
    if (cluster.product !== 'crunchy' || !cluster.apiVersion.endsWith('/v1')) return;
    for (const it of cluster.own?.global ?? []) {
      if (it.resolved.canonical === 'log-path')
        report(it.keyPlace, 'in v1 the log path is set in the log.path fields of the spec');
    }
    const pgAdmin = cluster.node.get('spec.userInterface');
    if (pgAdmin) report(pgAdmin.keyPlace, 'v1 has no userInterface: pgAdmin is an object of its own');
  },
});
