import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { addGlobalOption } from '../resources/postgresCluster.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'plain-wal-under-pg-tde',
  summary: 'WAL that pg_tde encrypts is encrypted in the repository too.',
  why: 'With WAL encryption of pg_tde the operator archives through a wrapper that decrypts each file before pgBackRest gets it. Without repoN-cipher-type the bucket holds in clear what the disk of the database does not.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P50'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod, namespace: db}
    spec:
      extensions: {pg_tde: {enabled: true, walEncryption: true}}
      backups:
        pgbackrest:
          global: {repo1-s3-key-type: auto}
          repos:
            - name: repo1
                    ^^^^^ warning plain-wal-under-pg-tde: pg_tde encrypts the WAL of this cluster, and repo1 gets it decrypted: set repo1-cipher-type
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod, namespace: db}
    spec:
      extensions: {pg_tde: {enabled: true, walEncryption: true}}
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          global: {repo1-cipher-type: aes-256-cbc}
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: keys, namespace: db}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report, query }) {
    const scope = cluster.own;
    if (!scope || cluster.node.textAt('spec.extensions.pg_tde.walEncryption') !== 'true') return;
    const { settings, unseen } = clusterConfiguration(cluster, scope, query);
    for (const { name, nameNode, node } of scope.repos) {
      const key = `${name}-cipher-type`;
      const type = settings.find((it) => it.resolved.canonical === key);
      if (type && type.value !== 'none') continue;
      report(
        nameNode?.place ?? node.keyPlace,
        `pg_tde encrypts the WAL of this cluster, and ${name} gets it decrypted: set ${key}`,
        {
          severity: unseen.length > 0 ? 'information' : 'warning',
          fix:
            type || unseen.length > 0
              ? undefined
              : fix(
                  `Add ${key}: aes-256-cbc, which needs ${name}-cipher-pass`,
                  addGlobalOption(scope, key, 'aes-256-cbc'),
                ),
        },
      );
    }
  },
});
