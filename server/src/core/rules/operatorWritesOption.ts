import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { operatorOptions } from '../queries/operatorOptions.ts';
import { fix, fixture, rule } from '../rule.ts';

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
      const written = operatorOptions(scope).filter((it) => it.section === 'global' && it.key !== 'archive-async');
      for (const setting of scope.role === 'own' ? scope.global : []) {
        const { canonical } = setting.resolved;
        if (!canonical?.startsWith('tls-server-')) continue;
        report(setting.keyPlace, `the operator writes ${setting.key} itself`, {
          fix: fix(`Remove ${setting.key}`, setting.remove()),
        });
      }
      for (const { conf } of clusterConfiguration(cluster, scope, query).confs) {
        for (const setting of conf.settings) {
          const { canonical, definition } = setting.resolved;
          if (!canonical || !definition || setting.scope.stanza !== undefined || setting.scope.command !== undefined)
            continue;
          const same = written.find((it) => it.key === canonical);
          if (!same) continue;
          // An option that stands in `global` as well is told by option-set-twice.
          if (scope.global.some((it) => it.resolved.canonical === canonical)) continue;
          const source = same.node ? `, from repos of ${cluster.title}` : '';
          report(setting.keyPlace, `the operator writes ${setting.key} itself${source}`, {
            fix: fix(`Remove ${setting.key}`, setting.remove()),
          });
        }
      }
    }
  },
});
