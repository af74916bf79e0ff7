import { isPartial } from '../queries/partialManifest.ts';
import { fix, fixture, rule } from '../rule.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'storage-defaults',
  summary: 'An s3Compatible storage says endpoint, bucket and credentials itself.',
  why: 'When the storage is created, the operator fills in what is missing from a MinIO for demonstrations: type s3Compatible, bucket stackgres, endpoint http://minio:9000, the Secret minio. Uploads go nowhere, or to a server that nobody meant.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G48'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3Compatible
      s3Compatible:
      ^^^^^^^^^^^^ warning storage-defaults: endpoint is not set: StackGres fills in http://minio:9000
        bucket: backups
        region: eu
        enablePathStyleAddressing: true
        awsCredentials:
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
  `,
  good: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3Compatible
      s3Compatible:
        bucket: backups
        endpoint: https://s3.example.org
        awsCredentials:
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      accessKeyId: AKIAXXXXXXXXXXXXXXXX
      secretAccessKey: abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(storage, { report, query }) {
    const spec = storage.node.get('spec');
    if (!spec?.isMap || isPartial(storage, query)) return;
    const type = spec.get('type');
    const sections = storage.sections;
    if (!type || type.isNull) {
      const only = sections.length === 1 ? sections[0]!.type : undefined;
      // A section of another type beside the default type is refused; see storage-section.
      report(
        spec.keyPlace,
        `type is not set: StackGres takes s3Compatible${only === 's3Compatible' ? '' : ' and fills in a MinIO for demonstrations'}`,
        {
          severity: only && only !== 's3Compatible' ? 'error' : 'warning',
          fix: only
            ? fix(`Set type: ${only}`, type ? replaceValue(type, only) : addEntry(spec, 'type', only))
            : undefined,
        },
      );
      return;
    }
    if (type.text !== 's3Compatible') return;
    const section = sections.find((it) => it.type === 's3Compatible')?.node;
    if (!section) {
      if (sections.length === 0)
        report(type.usePlace, 'there is no s3Compatible section: StackGres fills in a MinIO for demonstrations');
      return;
    }
    for (const [path, value] of DEFAULTS) {
      const node = section.get(path);
      if (node && !node.isNull) continue;
      report(section.keyPlace, `${path} is not set: StackGres fills in ${value}`);
    }
  },
});

/** What is filled in and cannot be meant; region and path-style addressing are filled in too, but rarely hurt. */
const DEFAULTS: [string, string][] = [
  ['bucket', 'stackgres'],
  ['endpoint', 'http://minio:9000'],
  ['awsCredentials.secretKeySelectors.accessKeyId', 'entry accesskey of Secret minio'],
  ['awsCredentials.secretKeySelectors.secretAccessKey', 'entry secretkey of Secret minio'],
];
