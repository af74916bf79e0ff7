import { fix, fixture, rule } from '../rule.ts';
import { addEntry } from '../yaml/entryEdits.ts';

export default rule({
  id: 'zalando-logical-backup-sse',
  summary: 'The configuration of logical backups says which server-side encryption they ask for.',
  why: 'The reference of the operator names AES256 as the default of logical_backup_s3_sse, but neither its code nor its CRD has one: dumps are uploaded without the header and follow the bucket. They are never encrypted before the upload.',
  severity: 'hint',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z16'],
  kinds: ['ZalandoOperator', 'ConfigMap'],
  bad: fixture`
    apiVersion: acid.zalan.do/v1
    kind: OperatorConfiguration
    metadata: {name: operator}
    configuration:
      logical_backup:
        logical_backup_s3_bucket: dumps
        ^^^^^^^^^^^^^^^^^^^^^^^^ hint zalando-logical-backup-sse: dumps ask for no server-side encryption: logical_backup_s3_sse has no default
  `,
  good: fixture`
    apiVersion: acid.zalan.do/v1
    kind: OperatorConfiguration
    metadata: {name: operator}
    configuration:
      logical_backup:
        logical_backup_s3_bucket: dumps
        logical_backup_s3_sse: AES256
  `,
  check(resource, { report }) {
    const settings =
      resource.kind === 'ZalandoOperator'
        ? resource.node.get('configuration.logical_backup')
        : resource.node.get('data');
    const bucket = settings?.get('logical_backup_s3_bucket');
    if (!settings || !bucket?.text || settings.get('logical_backup_s3_sse')?.text) return;
    if (/^(?:gcs|az)$/.test(settings.textAt('logical_backup_provider') ?? '')) return;
    report(bucket.keyPlace, 'dumps ask for no server-side encryption: logical_backup_s3_sse has no default', {
      fix: settings.get('logical_backup_s3_sse')
        ? undefined
        : fix('Add logical_backup_s3_sse: AES256', addEntry(settings, 'logical_backup_s3_sse', 'AES256')),
    });
  },
});
