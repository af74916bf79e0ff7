import { fix, fixture, rule } from '../rule.ts';
import { removeEntry } from '../yaml/entryEdits.ts';

export default rule({
  id: 'credentials-ignored',
  summary: 'A storage says once how to log in.',
  why: 'With useIAMRole or fetchCredentialsFromMetadataService the selectors are not used; for gcs their Secret must exist all the same.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G82'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3
      s3:
        bucket: backups
        awsCredentials:
          useIAMRole: true
          secretKeySelectors:
          ^^^^^^^^^^^^^^^^^^ warning credentials-ignored: useIAMRole is true: these are not used
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
  `,
  good: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3
      s3:
        bucket: backups
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
  check(storage, { report }) {
    for (const [path, flag] of [
      ['spec.s3.awsCredentials', 'useIAMRole'],
      ['spec.gcs.gcpCredentials', 'fetchCredentialsFromMetadataService'],
    ] as const) {
      const credentials = storage.node.get(path);
      const selectors = credentials?.get('secretKeySelectors');
      if (!credentials || !selectors?.isMap || credentials.textAt(flag) !== 'true') continue;
      report(selectors.keyPlace, `${flag} is true: these are not used`, {
        tags: ['unnecessary'],
        fix: fix('Remove secretKeySelectors', removeEntry(credentials, selectors)),
        related: [{ at: credentials.get(flag)!.keyPlace, message: flag }],
      });
    }
  },
});
