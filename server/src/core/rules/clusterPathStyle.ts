import { isOpaque } from '../opaque.ts';
import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { addGlobalOption } from '../resources/postgresCluster.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'cluster-path-style',
  summary: 'A cluster asks MinIO and its like for buckets by path.',
  why: "With the default style pgBackRest asks for https://BUCKET.ENDPOINT. A server of one's own has no such name in DNS: the first command fails with an unknown host.",
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P35'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: 'minio.db.svc:9000', region: x}
                                               ^^^^^^^^^^^^^^^^^ hint cluster-path-style: a server of this kind usually needs repo1-s3-uri-style: path
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          global: {repo1-s3-uri-style: path}
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: 'minio.db.svc:9000', region: x}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: keys, namespace: db}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report, query }) {
    for (const scope of cluster.scopes) {
      const configuration = clusterConfiguration(cluster, scope, query);
      for (const repo of scope.repos) {
        const endpoint = repo.node.get('s3.endpoint');
        const host = (endpoint?.text ?? '').replace(/^https?:\/\//, '').replace(/[:/].*$/, '');
        const key = `${repo.name}-s3-uri-style`;
        if (
          !endpoint ||
          host === '' ||
          isOpaque(host) ||
          configuration.settings.some((it) => it.resolved.canonical === key)
        )
          continue;
        if (!/^\d+(?:\.\d+){3}$|^[^.]+$|minio|\.(?:local|internal|lan|svc)$/i.test(host)) continue;
        const mapped = endpoint.mapped;
        report(
          mapped ? mapped.place(0, mapped.text.length) : endpoint.place,
          `a server of this kind usually needs ${key}: path`,
          {
            fix: fix(`Add ${key}: path`, addGlobalOption(scope, key, 'path')),
          },
        );
      }
    }
  },
});
