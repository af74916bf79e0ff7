import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { cloudPlace, PostgresClusterResource } from '../resources/postgresCluster.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'source-cipher',
  summary: 'A clone from an encrypted repository repeats its cipher type and pass.',
  why: 'dataSource.pgbackrest inherits nothing from backups: without the type and the pass the restore job reads the encrypted repository as plain text and fails with a syntax error that says Salted__.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P21', 'P22', 'pains P29'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    #- /prod.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
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
    #- /clone.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: clone}
    spec:
      dataSource:
        pgbackrest:
          stanza: db
          global: {repo1-path: /pgbackrest/repo1}
          repo:
            name: repo1
                  ^^^^^ error source-cipher: this is the encrypted repository repo1 of PostgresCluster prod, but dataSource.pgbackrest has no repo1-cipher-type
            s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    #- /prod.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
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
    #- /clone.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: clone}
    spec:
      dataSource:
        pgbackrest:
          stanza: db
          configuration:
            - secret: {name: prod-pgbackrest}
          global: {repo1-path: /pgbackrest/repo1, repo1-cipher-type: aes-256-cbc}
          repo:
            name: repo1
            s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: prod-pgbackrest}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report, query }) {
    const scope = cluster.scopes.find((it) => it.role === 'dataSource');
    const repo = scope?.repos[0];
    if (!scope || !repo?.nameNode || cluster.node.get('spec.dataSource.postgresCluster')?.isMap) return;
    const configuration = clusterConfiguration(cluster, scope, query);
    if (configuration.unseen.length > 0) return;
    const settings = configuration.repositories().find((it) => it.name === repo.name);
    if (settings?.option('cipher-type')) return;
    const place = cloudPlace(scope, repo.name, settings?.option('path')?.value);
    for (const other of place === undefined ? [] : query.usersOf(place)) {
      if (!(other instanceof PostgresClusterResource) || !other.own) continue;
      const theirs = clusterConfiguration(other, other.own, query);
      for (const source of theirs.repositories()) {
        const type = source.option('cipher-type');
        if (!type || type.value === 'none' || cloudPlace(other.own, source.name) !== place) continue;
        report(
          repo.nameNode.place,
          `this is the encrypted repository ${source.name} of ${other.title}, but dataSource.pgbackrest has no ${repo.name}-cipher-type`,
          {
            related: [{ at: type.keyPlace, message: 'encrypted here' }],
          },
        );
        return;
      }
    }
  },
});
