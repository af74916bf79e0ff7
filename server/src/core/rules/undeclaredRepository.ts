import type { Setting } from '../pgbackrest/setting.ts';
import { clusterConfiguration, clustersThatMount } from '../queries/clusterConfiguration.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'undeclared-repository',
  summary: 'Options of a cluster are for repositories that the cluster declares.',
  why: 'pgBackRest sees one more repository, a local one inside the container: it is tried by stanza-create and archive-push, lost on restart, and the repository that was meant goes without the option. A cipher option under the wrong number leaves the real repository in plain text.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P4', 'P7', 'P57', 'pains P04'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          global:
            repo1-cipher-type: aes-256-cbc
            ^^^^^^^^^^^^^^^^^ error undeclared-repository: repo1-cipher-type is for repo1, but PostgresCluster prod has only repo2
            repo3-retention-full: "2"
            ^^^^^^^^^^^^^^^^^^^^ warning undeclared-repository: repo3-retention-full is for repo3, but PostgresCluster prod has only repo2
          repos:
            - name: repo2
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          configuration:
            - secret: {name: kept-elsewhere}
          global:
            repo2-cipher-type: aes-256-cbc
            repo2-retention-full: "2"
          repos:
            - name: repo2
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: kept-elsewhere}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report, query }) {
    for (const scope of cluster.scopes) {
      // A patch without repos says nothing about which there are.
      const declared = scope.repos.map((it) => it.name).filter((it) => /^repo\d+$/.test(it));
      if (declared.length === 0 || declared.length < scope.repos.length) continue;
      const configuration = clusterConfiguration(cluster, scope, query);
      for (const setting of configuration.settings) {
        const name = setting.group;
        if (!name?.startsWith('repo') || setting.resolved.problem || declared.includes(name)) continue;
        const isCipher = setting.resolved.name.startsWith('repo-cipher-');
        // A restore job reads one repository; what is written for others is only in the way when it is the wrong key.
        if (scope.role === 'dataSource' && (!isCipher || cluster.own?.repos.some((it) => it.name === name))) continue;
        if (isReadByAnother(setting, name)) continue;
        const only = declared.length === 1 ? declared[0] : undefined;
        const isFree =
          only && !configuration.settings.some((it) => it.group === only && it.resolved.name === setting.resolved.name);
        const list = declared.length === 1 ? `only ${declared[0]}` : declared.join(', ');
        report(setting.keyPlace, `${setting.key} is for ${name}, but ${cluster.title} has ${list}`, {
          severity: isCipher ? 'error' : 'warning',
          related: scope.repos.map((it) => ({
            at: it.nameNode?.place ?? it.node.place,
            message: `${it.name} is declared here`,
          })),
          fix: isFree
            ? fix(`Change to ${renumbered(setting, only)}`, setting.rename(renumbered(setting, only)))
            : undefined,
        });
      }

      /** One Secret may serve several clusters, or a cluster and its data source. */
      function isReadByAnother(setting: Setting, name: string): boolean {
        if (setting.origin.kind !== 'conf') return false;
        const mounted = configuration.confs.find((it) => it.conf.settings.includes(setting));
        if (!mounted) return false;
        return clustersThatMount(mounted.conf, query).some(
          (it) => it.scope !== scope && it.scope.repos.some((repo) => repo.name === name),
        );
      }
    }
  },
});

function renumbered(setting: Setting, name: string): string {
  return setting.key.replace(/^(?:repo\d*)(?=-)/, name);
}
