import type { Fact } from '../facts.ts';
import { nearestName } from '../nearest.ts';
import { type PostgresBackupResource, PostgresClusterResource } from '../resources/postgresCluster.ts';
import { fix, fixture, type RuleContext, rule } from '../rule.ts';

export default rule({
  id: 'unknown-repository',
  summary: 'A repository that is named belongs to the cluster that is meant.',
  why: "The operator answers 'repo not defined' for ever: a backup never starts, and a restore waits in Starting with the cluster already stopped.",
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P25'],
  kinds: ['PostgresBackup', 'PostgresCluster'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          manual: {repoName: repo3}
                             ^^^^^ error unknown-repository: PerconaPGCluster prod has no repo3, only repo1 and repo2
          repos:
            - name: repo1
              volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
            - name: repo2
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /backup.yaml
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGBackup
    metadata: {name: first}
    spec:
      pgCluster: prod
      repoName: repo4
                ^^^^^ error unknown-repository: PerconaPGCluster prod has no repo4, only repo1 and repo2
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          manual: {repoName: repo2}
          repos:
            - name: repo1
              volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
            - name: repo2
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /backup.yaml
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGBackup
    metadata: {name: first}
    spec:
      pgCluster: prod
      repoName: repo2
    ---
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGBackup
    metadata: {name: of-a-cluster-that-is-not-here}
    spec:
      pgCluster: other
      repoName: repo4
  `,
  check(resource, context) {
    for (const fact of resource.facts) {
      if (fact.role !== 'reference' || fact.symbol.kind !== 'repository') continue;
      const clusters = clustersMeant(resource, fact, context);
      if (clusters.length === 0 || clusters.some((it) => knows(it, fact.symbol.name))) continue;
      const cluster = clusters[0]!;
      const names = cluster.own?.repos.map((it) => it.name) ?? [];
      const list = names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
      const likely = names.length === 1 ? names[0] : nearestName(names, fact.symbol.name);
      context.report(
        fact.at,
        `${cluster.title} has no ${fact.symbol.name || 'repository without a name'}, only ${list}`,
        {
          related: [{ at: cluster.own?.node.get('repos')?.keyPlace ?? cluster.namePlace, message: 'its repositories' }],
          fix: likely ? fix(`Change to ${likely}`, [{ at: fact.at, newText: likely }]) : undefined,
        },
      );
    }
  },
});

/** Every cluster of that name that can be meant: with a namespace left open, that may be several. */
function clustersMeant(resource: PostgresBackupResource | PostgresClusterResource, fact: Fact, { query }: RuleContext) {
  const isOwn = resource instanceof PostgresClusterResource && fact.symbol.owner === resource.name;
  if (isOwn && !fact.path.startsWith('spec.dataSource')) return [resource].filter(hasRepositories);
  const symbol = {
    kind: 'cluster' as const,
    owner: 'postgres',
    name: fact.symbol.owner ?? '',
    namespace: fact.symbol.namespace,
  };
  return query
    .definitionsOf(symbol)
    .map((it) => it.resource)
    .filter((it) => it instanceof PostgresClusterResource)
    .filter(hasRepositories);
}

/** A patch without repos, or with names that a renderer fills, says nothing about which there are. */
function hasRepositories(cluster: PostgresClusterResource): boolean {
  const names = cluster.own?.repos.map((it) => it.name) ?? [];
  return names.length > 0 && names.every((it) => /^repo\d+$/.test(it));
}

function knows(cluster: PostgresClusterResource, name: string): boolean {
  // A name that is filled later is nobody's mistake.
  return /[${<]/.test(name) || (cluster.own?.repos.some((it) => it.name === name) ?? false);
}
