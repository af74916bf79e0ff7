import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { fix, fixture, rule } from '../rule.ts';

/** What the operators write into [global] of the same files for every repository of the kind. Facts: operators.md 1.3. */
const FROM_REPOS: Record<string, readonly string[]> = {
  s3: ['repo-type', 'repo-path', 'repo-s3-bucket', 'repo-s3-endpoint', 'repo-s3-region'],
  gcs: ['repo-type', 'repo-path', 'repo-gcs-bucket'],
  azure: ['repo-type', 'repo-path', 'repo-azure-container'],
  volume: [
    'repo-path',
    'repo-host',
    'repo-host-type',
    'repo-host-ca-file',
    'repo-host-cert-file',
    'repo-host-key-file',
    'repo-host-user',
  ],
};
const ALWAYS = new Set([
  'spool-path',
  'log-path',
  'tls-server-address',
  'tls-server-auth',
  'tls-server-ca-file',
  'tls-server-cert-file',
  'tls-server-key-file',
]);

export default rule({
  id: 'operator-writes-option',
  summary: 'A mounted conf does not repeat what the operator writes itself.',
  why: "The operator's conf and the Secret's conf are read as one file, and the same option twice is error 31 in every Pod: no archiving, no backup. A conf copied from a host that ran pgBackRest by itself brings these lines along.",
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P9', 'P60'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration:
            - secret: {name: prod-pgbackrest}
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest, namespace: db}
    stringData:
      s3.conf: |
        [global]
        repo1-s3-bucket=backups
        ^^^^^^^^^^^^^^^ error operator-writes-option: the operator writes repo1-s3-bucket itself, from repos of PostgresCluster db/prod
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration:
            - secret: {name: prod-pgbackrest}
          global:
            repo1-path: /pgbackrest/db/prod/repo1
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest, namespace: db}
    stringData:
      s3.conf: |
        [global]
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(cluster, { report, query }) {
    for (const scope of cluster.scopes) {
      const written = new Set<string>();
      for (const repo of scope.repos) {
        for (const [kind, options] of Object.entries(FROM_REPOS)) {
          if (repo.node.get(kind)) for (const it of options) written.add(it.replace(/^repo/, repo.name));
        }
      }
      for (const { conf } of clusterConfiguration(cluster, scope, query).confs) {
        for (const setting of conf.settings) {
          const { canonical, definition } = setting.resolved;
          if (!canonical || !definition || setting.scope.stanza !== undefined || setting.scope.command !== undefined)
            continue;
          if (!written.has(canonical) && !(scope.role === 'own' && ALWAYS.has(canonical))) continue;
          // An option that stands in `global` as well is told by option-set-twice.
          if (scope.global.some((it) => it.resolved.canonical === canonical)) continue;
          const source = written.has(canonical) ? `, from repos of ${cluster.title}` : '';
          report(setting.keyPlace, `the operator writes ${setting.key} itself${source}`, {
            fix: fix(`Remove ${setting.key}`, setting.remove()),
          });
        }
      }
    }
  },
});
