import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'backups-ignored',
  summary: 'A cluster has one backups entry.',
  why: 'StackGres uses the first entry only: what the others name is never written to.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G76'],
  kinds: ['SGCluster'],
  bad: fixture`
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 1
      configurations:
        backups:
          - sgObjectStorage: backups
            cronSchedule: 0 1 * * *
          - sgObjectStorage: offsite
            ^^^^^^^^^^^^^^^ warning backups-ignored: StackGres uses only the first backups entry: nothing is ever written to offsite
            cronSchedule: 0 2 * * *
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 1
      configurations:
        backups:
          - sgObjectStorage: backups
            cronSchedule: 0 1 * * *
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
  `,
  check(cluster, { report }) {
    const [first, ...others] = cluster.backups;
    for (const it of others) {
      const storage = it.get('sgObjectStorage');
      const at = storage?.keyPlace ?? it.entries()[0]?.keyPlace ?? it.place;
      report(
        at,
        `StackGres uses only the first backups entry: ${storage?.text ? `nothing is ever written to ${storage.text}` : 'this one is ignored'}`,
        {
          tags: ['unnecessary'],
          related: [{ at: first!.get('sgObjectStorage')?.place ?? first!.place, message: 'the entry in use' }],
        },
      );
    }
  },
});
