import { ObjectStorageResource } from '../resources/stackgres.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'snapshot-not-encrypted',
  summary: 'Base backups of an encrypted storage are not VolumeSnapshots.',
  why: 'A VolumeSnapshot is made by the storage driver and lies outside the bucket: WAL-G encrypts only the WAL. Whoever can read the snapshots can read the database.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G73'],
  kinds: ['SGCluster'],
  bad: fixture`
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
            useVolumeSnapshot: true
                               ^^^^ warning snapshot-not-encrypted: VolumeSnapshots are not encrypted by SGObjectStorage db/backups: only the WAL is
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
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
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  check(cluster, { report, query }) {
    const entry = cluster.backups[0];
    const snapshots = entry?.get('useVolumeSnapshot');
    const reference = cluster.facts.find((it) => it.path === 'spec.configurations.backups[0].sgObjectStorage');
    if (snapshots?.text !== 'true' || !reference) return;
    const storage = query.resolve(reference)?.resource;
    if (!(storage instanceof ObjectStorageResource) || !storage.effectiveEncryption) return;
    report(snapshots.usePlace, `VolumeSnapshots are not encrypted by ${storage.title}: only the WAL is`, {
      related: [{ at: storage.encryption!.keyPlace, message: `encryption of ${storage.title}` }],
    });
  },
});
