import { isPartial } from '../queries/partialManifest.ts';
import { fix, fixture, rule } from '../rule.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'no-base-backups',
  summary: 'A cluster with backups has a cronSchedule.',
  why: 'Without cronSchedule there is no CronJob: WAL is archived, but base backups are made only by hand. WAL without a base backup restores nothing.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G77'],
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
            ^^^^^^^^^^^^^^^ hint no-base-backups: cronSchedule is not set: no base backups are made by themselves
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
  check(cluster, { report, query }) {
    const entry = cluster.backups[0];
    const schedule = entry?.get('cronSchedule');
    if (!entry?.isMap || !entry.get('sgObjectStorage') || (schedule && !schedule.isNull) || isPartial(cluster, query))
      return;
    report(entry.get('sgObjectStorage')!.keyPlace, 'cronSchedule is not set: no base backups are made by themselves', {
      fix: fix(
        'Make one every night (0 3 * * *, UTC)',
        schedule ? replaceValue(schedule, '0 3 * * *') : addEntry(entry, 'cronSchedule', '0 3 * * *'),
      ),
    });
  },
});
