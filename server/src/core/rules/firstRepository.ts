import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'first-repository',
  summary: 'The repository that a cluster begins with is one that works without anything else.',
  why: 'Replicas are made from a backup in the first repository of the list, and until that backup exists no other backup and no schedule starts. When it is a bucket whose credentials are wrong, a volume behind it does not help.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P62'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          repos:
            - name: repo1
                    ^^^^^ hint first-repository: replicas and all other backups wait for repo1: put the volume first
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
            - name: repo2
              volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          repos:
            - name: repo2
              volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: keys, namespace: db}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report }) {
    const [first, ...others] = cluster.own?.repos ?? [];
    if (!first || first.node.get('volume')?.isMap || !['s3', 'gcs', 'azure'].some((it) => first.node.get(it)?.isMap))
      return;
    const volume = others.find((it) => it.node.get('volume')?.isMap);
    if (volume) {
      report(
        first.nameNode?.place ?? first.node.keyPlace,
        `replicas and all other backups wait for ${first.name}: put the volume first`,
      );
    }
  },
});
