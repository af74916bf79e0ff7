import type { Query } from '../index.ts';
import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { isPartial } from '../queries/partialManifest.ts';
import type { PgbackrestScope, PostgresClusterResource } from '../resources/postgresCluster.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'missing-credentials',
  summary: 'A repository in a cloud has credentials, or says how to get them.',
  why: 'The operator writes the bucket and endpoint and leaves the credentials to the author: without repoN-s3-key and repoN-s3-key-secret (repoN-gcs-key, repoN-azure-account and repoN-azure-key) every command stops with error 37, no WAL is archived, and the cluster never gets ready. A role of the cloud is chosen with repoN-s3-key-type, repoN-gcs-key-type or repoN-azure-key-type: it is not found by itself.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P36', 'P46'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      instances: [{name: a}]
      backups:
        pgbackrest:
          repos:
            - name: repo1
                    ^^^^^ error missing-credentials: nothing brings repo1-s3-key and repo1-s3-key-secret to pgBackRest
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      instances: [{name: a, dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
      postgresVersion: 16
      backups:
        pgbackrest:
          global: {repo1-s3-key-type: auto}
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  check(cluster, { report, query }) {
    if (isPartial(cluster, query)) return;
    for (const scope of cluster.scopes) {
      for (const { repo, missing } of lacking(cluster, scope, query)) {
        report(repo.nameNode?.place ?? repo.node.keyPlace, `nothing brings ${missing.join(' and ')} to pgBackRest`);
      }
    }
  },
});

const NEEDED = {
  s3: ['s3-key', 's3-key-secret'],
  gcs: ['gcs-key'],
  azure: ['azure-account', 'azure-key'],
} as const;

function lacking(cluster: PostgresClusterResource, scope: PgbackrestScope, query: Query) {
  const { unseen, hasEnvironment, settings, confs } = clusterConfiguration(cluster, scope, query);
  // What nobody can see here may hold them; what stands in another section is told there.
  if (unseen.length > 0 || hasEnvironment || confs.some(({ conf }) => conf.tree.problems.length > 0)) return [];
  // A data source of the operator takes them from the source cluster.
  if (scope.role === 'dataSource' && cluster.node.get('spec.dataSource.postgresCluster')) return [];
  return scope.repos.flatMap((repo) => {
    const kind = (['s3', 'gcs', 'azure'] as const).find((it) => repo.node.get(it)?.isMap);
    if (!kind || repo.node.get('volume')?.isMap) return [];
    const has = (option: string) => settings.some((it) => it.resolved.canonical === `${repo.name}-${option}`);
    const type = settings.find((it) => it.resolved.canonical === `${repo.name}-${kind}-key-type`);
    if (type && !/^(?:shared|service)$/.test(type.value)) return [];
    const missing = NEEDED[kind].filter((it) => !has(it)).map((it) => `${repo.name}-${it}`);
    // Under another name or number they are told where they stand.
    const isMisspelt = settings.some((it) => it.resolved.problem && missing.includes(it.resolved.nearest[0] ?? ''));
    const isOfOther = settings.some(
      (it) =>
        /-(?:s3-key|gcs-key|azure-account)$/.test(it.key) && !scope.repos.some((other) => other.name === it.group),
    );
    return missing.length === 0 || isMisspelt || isOfOther ? [] : [{ repo, missing }];
  });
}
