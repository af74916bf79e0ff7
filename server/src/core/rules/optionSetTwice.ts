import type { Setting } from '../pgbackrest/setting.ts';
import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'option-set-twice',
  summary: 'An option of a cluster is set in one place: in global, or in one mounted conf.',
  why: 'All files are read as one, and pgBackRest refuses an option that stands twice in a section: error 31, "cannot be set multiple times", in every Pod.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P8', 'P20'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    #- /cluster.yaml
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
            ^^^^^^^^^^^^^^^^^ error option-set-twice: repo1-cipher-type is set twice: here and in s3.conf in Secret prod-pgbackrest
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      s3.conf: |
        [global]
        repo1-cipher-type=aes-256-cbc
        repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  good: fixture`
    #- /cluster.yaml
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
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      s3.conf: |
        [global]
        repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
        [db]
        process-max=2
  `,
  check(cluster, { report, query }) {
    for (const scope of cluster.scopes) {
      const { confs } = clusterConfiguration(cluster, scope, query);
      const first = new Map<string, { setting: Setting; where: string }>();
      for (const it of scope.global) first.set(identity(it), { setting: it, where: `global of ${cluster.title}` });
      for (const { conf } of confs) {
        // Twice in the same conf is the conf's own business.
        const own = new Set<string>();
        for (const setting of conf.settings) {
          const id = identity(setting);
          const isMulti = setting.resolved.definition?.multi ?? true;
          if (isMulti || own.has(id)) continue;
          own.add(id);
          const before = first.get(id);
          if (!before) {
            first.set(id, { setting, where: conf.title });
            continue;
          }
          // The cluster is where a reader can act; keep the type in global and the pass in the Secret.
          const isGlobalFirst = before.setting.origin.kind === 'global';
          const at = isGlobalFirst ? before.setting : setting;
          const removed = isGlobalFirst && setting.resolved.definition?.secure ? before.setting : setting;
          report(at.keyPlace, `${at.key} is set twice: here and in ${isGlobalFirst ? conf.title : before.where}`, {
            related: [{ at: (isGlobalFirst ? setting : before.setting).keyPlace, message: 'set here too' }],
            fix: fix(`Remove it from ${removed === setting ? conf.title : before.where}`, removed.remove()),
          });
        }
      }
    }
  },
});

/** The section's readers and the option that is meant; `repo-cipher-type` and `repo1-cipher-type` are one. */
function identity(setting: Setting): string {
  const { stanza = '', command = '' } = setting.scope;
  return `${stanza}:${command}:${setting.resolved.canonical ?? setting.key}`;
}
