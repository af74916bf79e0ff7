import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'deleted-with-cluster',
  summary: 'Whoever deletes a cluster knows that its backups go with it.',
  why: 'The finalizer percona.com/delete-backups removes all repositories, those in buckets too, when the cluster is deleted. Nothing asks again, and an operator of GitOps that prunes a renamed cluster deletes it.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P64'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata:
      name: prod
      namespace: db
      finalizers: [percona.com/delete-backups]
                   ^^^^^^^^^^^^^^^^^^^^^^^^^^ information deleted-with-cluster: with this finalizer the backups are deleted together with the cluster
    spec: {crVersion: 2.8.0}
  `,
  good: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod, namespace: db, finalizers: [percona.com/delete-ssl]}
    spec: {crVersion: 2.8.0}
  `,
  check(cluster, { report }) {
    for (const it of cluster.node.get('metadata.finalizers')?.items() ?? []) {
      if (it.text === 'percona.com/delete-backups')
        report(it.place, 'with this finalizer the backups are deleted together with the cluster');
    }
  },
});
