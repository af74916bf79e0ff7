import type { Query } from '../index.ts';
import type { Edit } from '../part.ts';
import { headOf, movedEntry } from '../queries/newManifest.ts';
import type { StackGresBackupConfigResource } from '../resources/stackgres.ts';
import { fix, fixture, rule } from '../rule.ts';

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
  check(config, { report, target, query }) {
    const version = /^v?1\.(\d+)/.exec(target.stackgres ?? '')?.[1];
    if (version !== undefined && Number(version) < 7) return;
    report(
      config.node.get('kind')!.place,
      'SGBackupConfig was removed in StackGres 1.7: SGObjectStorage and configurations.backups of the cluster take its place',
      // Without a target the operator may be as old as the manifest.
      { severity: target.stackgres ? 'error' : 'warning', fix: convert(config, query) },
    );
  },
});

/** The storage becomes an SGObjectStorage of the same name; schedule and retention go to the clusters that name the old object. */
function convert(config: StackGresBackupConfigResource, query: Query) {
  const { node, part, name, namespace } = config;
  const storage = node.get('spec.storage');
  const spec = storage && movedEntry(storage, 'spec', 0);
  if (!spec || name === '' || node.isFlow) return undefined;
  const base = node.get('spec.baseBackups');
  const settings = ['cronSchedule', 'retention', 'compression'].flatMap((it) => {
    const value = base?.get(it);
    return value?.text ? [`${it}: ${part.text.slice(value.place.start, value.place.end)}`] : [];
  });
  const { start, end } = node.place;
  const whole = part.text.slice(start, end);
  const edits: Edit[] = [
    {
      at: part.place(start, start + whole.trimEnd().length),
      newText: [...headOf('stackgres.io/v1beta1', 'SGObjectStorage', name, namespace), ...spec].join('\n'),
    },
  ];
  for (const cluster of query.resources('SGCluster')) {
    const reference = cluster.node.get('spec.configurations.sgBackupConfig');
    if (reference?.text !== name || cluster.namespace !== namespace) continue;
    if (cluster.node.get('spec.configurations')?.isFlow || !reference.key) return undefined;
    const pad = ' '.repeat(reference.column);
    const entry = [`backups:`, `${pad}- sgObjectStorage: ${name}`, ...settings.map((it) => `${pad}  ${it}`)];
    const { start: from } = reference.keyPlace;
    edits.push({ at: cluster.part.place(from, reference.place.end), newText: entry.join('\n') });
  }
  return fix(`Make SGObjectStorage ${name} of it`, edits);
}
