import { addGlobalOption, cloudPlace, PostgresClusterResource } from '../resources/postgresCluster.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'shared-repository-path',
  summary: 'Two clusters do not write into the same folder of a bucket.',
  why: "Both have the stanza db. The second cluster's stanza-upgrade takes the first one's stanza over: backups of both mix, and later neither can be restored. Without repoN-path every cluster uses /pgbackrest/repoN.",
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P18'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: orders}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: kept-elsewhere}}]
          repos:
            - name: repo1
                    ^^^^^ warning shared-repository-path: PostgresCluster customers writes to the same folder of the same bucket (its repo1)
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: customers}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: kept-elsewhere}}]
          repos:
            - name: repo1
                    ^^^^^ warning shared-repository-path: PostgresCluster orders writes to the same folder of the same bucket (its repo1)
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: orders}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: kept-elsewhere}}]
          global: {repo1-path: /pgbackrest/orders/repo1}
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: customers}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: kept-elsewhere}}]
          global: {repo1-path: /pgbackrest/customers/repo1}
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: kept-elsewhere}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report, query }) {
    // A standby reads and later continues the repository of its primary: there, one folder is right.
    if (!cluster.own || !cluster.name || cluster.node.get('spec.standby')) return;
    for (const repo of cluster.own.repos) {
      const place = cloudPlace(cluster.own, repo.name);
      if (!place || !repo.nameNode) continue;
      for (const other of query.usersOf(place)) {
        if (!(other instanceof PostgresClusterResource) || other.manifestKind !== cluster.manifestKind) continue;
        if (other.name === '' || other.name === cluster.name || other.node.get('spec.standby')) continue;
        const same = other.own?.repos.find((it) => cloudPlace(other.own!, it.name) === place);
        if (!same) continue;
        const path = `/pgbackrest/${cluster.namespace ? `${cluster.namespace}/` : ''}${cluster.name}/${repo.name}`;
        const hasPath = cluster.own.global.some((it) => it.resolved.canonical === `${repo.name}-path`);
        report(repo.nameNode.place, `${other.title} writes to the same folder of the same bucket (its ${same.name})`, {
          related: [{ at: same.nameNode?.place ?? other.namePlace, message: `${same.name} of ${other.title}` }],
          fix: hasPath
            ? undefined
            : fix(
                `Give ${repo.name} its own folder (new repositories only)`,
                addGlobalOption(cluster.own, `${repo.name}-path`, path),
              ),
        });
        break;
      }
    }
  },
});
