import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'sg-backup-config-gone',
  summary: 'Backups are configured by SGObjectStorage and the cluster, not by SGBackupConfig.',
  why: 'SGBackupConfig went with StackGres 1.7: the API server answers "no matches for kind", and nothing is backed up. The storage is now an SGObjectStorage, schedule and retention stand in configurations.backups of the cluster. Encryption came later still, in 1.16.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G13'],
  kinds: ['SGBackupConfig'],
  bad: fixture`
    apiVersion: stackgres.io/v1
    kind: SGBackupConfig
          ^^^^^^^^^^^^^^ warning sg-backup-config-gone: SGBackupConfig was removed in StackGres 1.7: SGObjectStorage and configurations.backups of the cluster take its place
    metadata: {name: backups, namespace: db}
    spec:
      storage:
        type: gcs
        gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
  `,
  good: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
  `,
  check(config, { report, target }) {
    const version = /^v?1\.(\d+)/.exec(target.stackgres ?? '')?.[1];
    if (version !== undefined && Number(version) < 7) return;
    report(
      config.node.get('kind')!.place,
      'SGBackupConfig was removed in StackGres 1.7: SGObjectStorage and configurations.backups of the cluster take its place',
      // Without a target the operator may be as old as the manifest.
      { severity: target.stackgres ? 'error' : 'warning' },
    );
  },
});
