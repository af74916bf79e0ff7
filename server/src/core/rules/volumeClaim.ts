import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'volume-claim',
  summary: 'The volume of a repository says how it is mounted and how large it is.',
  why: 'The API server refuses a volumeClaimSpec without accessModes or without a storage request ("missing accessModes", "missing storage request"); older versions take it, and the claim made from it is refused.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['C16'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          repos:
            - name: repo1
              volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce]}}
                       ^^^^^^^^^^^^^^^ error volume-claim: the claim has no resources.requests.storage
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          repos:
            - name: repo1
              volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
  `,
  check(cluster, { report }) {
    for (const repo of cluster.own?.repos ?? []) {
      const claim = repo.node.get('volume.volumeClaimSpec');
      if (!claim?.isMap || claim.get('dataSource') || claim.get('volumeName')) continue;
      const missing = [
        ...((claim.get('accessModes')?.items().length ?? 0) > 0 ? [] : ['accessModes']),
        ...(claim.get('resources.requests.storage') ? [] : ['resources.requests.storage']),
      ];
      if (missing.length > 0) report(claim.keyPlace, `the claim has no ${missing.join(' and no ')}`);
    }
  },
});
