import { isPartial } from '../queries/partialManifest.ts';
import { STORAGE_TYPES } from '../resources/stackgres.ts';
import { fix, fixture, rule } from '../rule.ts';
import { removeEntry, replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'storage-section',
  summary: 'spec.type names the one storage section that is there.',
  why: 'The operator refuses the storage: the section of the type must be there, and no other. A storage that was already in use stays as it was.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G14', 'G15'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
            ^^^ error storage-section: type is gcs, but there is no gcs section, only s3
      s3: {bucket: backups, awsCredentials: {useIAMRole: true}}
  `,
  good: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3
      s3: {bucket: backups, awsCredentials: {useIAMRole: true}}
  `,
  check(storage, { report, query }) {
    const node = storage.node.get('spec.type');
    const type = STORAGE_TYPES.find((it) => it === node?.text);
    // A name that is none is the schema's to report.
    if (!node || !type || isPartial(storage, query)) return;
    const others = storage.sections.filter((it) => it.type !== type);
    const isThere = storage.sections.length > others.length;
    const spec = storage.node.get('spec')!;
    if (!isThere) {
      // On creation the operator fills in a whole s3Compatible section; see storage-defaults.
      if (type === 's3Compatible' && others.length === 0) return;
      const only = others.length > 0 ? `, only ${others.map((it) => it.type).join(' and ')}` : '';
      report(node.usePlace, `type is ${type}, but there is no ${type} section${only}`, {
        fix: others.length === 1 ? fix(`Set type: ${others[0]!.type}`, replaceValue(node, others[0]!.type)) : undefined,
        related: others.map((it) => ({ at: it.node.keyPlace, message: `the ${it.type} section` })),
      });
      return;
    }
    for (const it of others) {
      report(it.node.keyPlace, `type is ${type}: a ${it.type} section must not be there`, {
        fix: fix(`Remove the ${it.type} section`, removeEntry(spec, it.node)),
        related: [{ at: node.usePlace, message: `type: ${type}` }],
      });
    }
  },
});
