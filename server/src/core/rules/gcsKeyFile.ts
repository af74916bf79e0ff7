import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { SecretResource } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'gcs-key-file',
  summary: 'The key file of Google Cloud is mounted beside the confs, and is none of them.',
  why: 'Everything in conf.d that ends in .conf is read as options: a JSON file there is error 29 for every command. Under another name the operator mounts it at /etc/pgbackrest/conf.d/NAME, and repoN-gcs-key must say exactly that: elsewhere nothing is found (error 55).',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P40'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: gcs}}]
          repos:
            - name: repo1
              gcs: {bucket: backups}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: gcs, namespace: db}
    stringData:
      gcs-key.conf: '{"type": "service_account", "project_id": "p"}'
      ^^^^^^^^^^^^ error gcs-key-file: pgBackRest reads this JSON as options, since its name ends in .conf
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: gcs}}]
          repos:
            - name: repo1
              gcs: {bucket: backups}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: gcs, namespace: db}
    stringData:
      gcs-key.json: '{"type": "service_account", "project_id": "p"}'
      gcs.conf: |
        [global]
        repo1-gcs-key=/etc/pgbackrest/conf.d/gcs-key.json
  `,
  check(cluster, { report, query }) {
    for (const scope of cluster.scopes) {
      for (const source of scope.configuration) {
        const owner = source.reference && query.resolve(source.reference)?.resource;
        if (!(owner instanceof SecretResource)) continue;
        for (const entry of owner.entries) {
          const file = source.items ? source.items.find((it) => it.key === entry.name)?.path : entry.name;
          if (!file?.endsWith('.conf') || !/^\s*\{\s*"/.test(entry.text?.text ?? '')) continue;
          const better = entry.name.replace(/\.conf$/, '.json');
          report(entry.keyPlace, 'pgBackRest reads this JSON as options, since its name ends in .conf', {
            fix: source.items ? undefined : fix(`Call it ${better}`, [{ at: entry.keyPlace, newText: better }]),
          });
        }
      }
      for (const setting of clusterConfiguration(cluster, scope, query).settings) {
        if (setting.resolved.name !== 'repo-gcs-key' || setting.isOpaque || !setting.value.startsWith('/')) continue;
        if (setting.value.startsWith('/etc/pgbackrest/conf.d/')) continue;
        const name = setting.value.slice(setting.value.lastIndexOf('/') + 1);
        report(setting.valuePlace, 'the operator mounts files of Secrets at /etc/pgbackrest/conf.d', {
          // A volume of the author's own may be mounted elsewhere.
          severity: 'warning',
          fix: fix(`Change to /etc/pgbackrest/conf.d/${name}`, setting.setValue(`/etc/pgbackrest/conf.d/${name}`)),
        });
      }
    }
  },
});
