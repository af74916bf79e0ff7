import { fixture, rule } from '../rule.ts';

const KINDS = ['volume', 'azure', 'gcs', 's3'] as const;

export default rule({
  id: 'repository-storage',
  summary: 'A repository has exactly one kind of storage.',
  why: 'The schema allows several, but the operator uses one without a word (volume before azure, gcs and s3): what was meant for the bucket stays on a disk of the cluster that it should outlive. With none it refuses the cluster.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P27', 'P28'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      instances: [{replicas: 1, dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
      postgresVersion: 16
      backups:
        pgbackrest:
          repos:
            - name: repo1
              volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
              ^^ error repository-storage: repo1 has both volume and s3: only volume is used
            - name: repo2
                    ^^^^^ error repository-storage: repo2 has no storage: it needs one of volume, s3, gcs and azure
              schedules: {full: "0 1 * * 0"}
  `,
  good: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      instances: [{replicas: 1, dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
      postgresVersion: 16
      backups:
        pgbackrest:
          global: {repo2-s3-key-type: auto}
          repos:
            - name: repo1
              volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
            - name: repo2
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
              schedules: {full: "0 1 * * 0"}
  `,
  check(cluster, { report }) {
    // A patch over another manifest may bring the schedules only.
    const isWhole = cluster.node.get('spec.instances') !== undefined;
    for (const scope of cluster.scopes) {
      for (const repo of scope.repos) {
        const found = KINDS.filter((it) => repo.node.get(it) && !repo.node.get(it)!.isNull);
        const [used, ...ignored] = found;
        for (const it of ignored) {
          report(repo.node.get(it)!.keyPlace, `${repo.name} has both ${used} and ${it}: only ${used} is used`);
        }
        if (used || !isWhole || !repo.nameNode || repo.node.entries().some((it) => it.key?.text === '')) continue;
        report(repo.nameNode.place, `${repo.name} has no storage: it needs one of volume, s3, gcs and azure`);
      }
    }
  },
});
