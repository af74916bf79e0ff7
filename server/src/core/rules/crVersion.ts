import { compareReleases } from '../pgbackrest/options.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'cr-version',
  summary: 'A field of a newer operator is used with the crVersion that switches it on.',
  why: 'The API server knows the fields of the newest operator that was installed. What the operator does with them is decided by crVersion: with an older one the field is taken and has no effect. Variables for pgBackRest reach the repository host from 2.8.0 on, the Jobs from 2.9.0 on.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P63'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod, namespace: db}
    spec:
      crVersion: 2.7.0
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          env: [{name: PGBACKREST_LOG_LEVEL_CONSOLE, value: info}]
          ^^^ warning cr-version: with crVersion 2.7.0 these variables reach nothing: 2.8.0
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod, namespace: db}
    spec:
      crVersion: 2.9.0
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          env: [{name: PGBACKREST_LOG_LEVEL_CONSOLE, value: info}]
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
    const version = cluster.node.textAt('spec.crVersion') ?? '';
    if (cluster.product !== 'percona' || !/^\d+\.\d+\.\d+$/.test(version) || compareReleases(version, '2.8.0') >= 0)
      return;
    for (const field of ['env', 'envFrom']) {
      const node = cluster.own?.node.get(field);
      if (node) report(node.keyPlace, `with crVersion ${version} these variables reach nothing: 2.8.0`);
    }
  },
});
