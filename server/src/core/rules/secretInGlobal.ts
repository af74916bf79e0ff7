import { movesToSecret } from '../queries/passToSecret.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'secret-in-global',
  summary: 'Passes and keys stand in a Secret, not in global of the cluster.',
  why: 'It works, and that is the trouble: the operator writes global into a ConfigMap in clear text, and everybody who may read the cluster, its events or the repository of the manifests has the key to all backups.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P47', 'pains P34'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          global:
            repo1-cipher-type: aes-256-cbc
            repo1-cipher-pass: Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
            ^^^^^^^^^^^^^^^^^ error secret-in-global: repo1-cipher-pass stands in clear text in the cluster and in the ConfigMap made from it
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          configuration:
            - secret: {name: prod-pgbackrest}
          global:
            repo1-cipher-type: aes-256-cbc
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: prod-pgbackrest}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report, query }) {
    for (const scope of cluster.scopes) {
      for (const setting of scope.global) {
        if (!setting.resolved.definition?.secure || setting.isOpaque || setting.value === '') continue;
        const message = `${setting.key} stands in clear text in the cluster and in the ConfigMap made from it`;
        const moves = movesToSecret(setting, { cluster, scope }, query).filter((it) => it.moved.length === 1);
        report(setting.keyPlace, message, {
          fixes: moves.map(({ title, edits, newFile }) => ({ title, edits, ...(newFile && { newFile }) })),
        });
      }
    }
  },
});
