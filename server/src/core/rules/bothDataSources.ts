import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'both-data-sources',
  summary: 'A cluster is made from one data source.',
  why: 'With dataSource.postgresCluster present, dataSource.pgbackrest is ignored without a word: the clone comes from another backup than the author thinks.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P24'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: clone}
    spec:
      dataSource:
        postgresCluster: {clusterName: prod, repoName: repo1}
        pgbackrest:
        ^^^^^^^^^^ warning both-data-sources: ignored, because dataSource.postgresCluster is set
          stanza: db
          repo:
            name: repo1
            s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: clone}
    spec:
      dataSource:
        postgresCluster: {clusterName: prod, repoName: repo1}
  `,
  check(cluster, { report }) {
    const source = cluster.node.get('spec.dataSource');
    const ignored = source?.get('pgbackrest');
    if (!ignored?.isMap || !source?.get('postgresCluster')?.isMap) return;
    report(ignored.keyPlace, 'ignored, because dataSource.postgresCluster is set', { tags: ['unnecessary'] });
  },
});
