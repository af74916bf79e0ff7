import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'encryption-key-beside-credentials',
  summary: 'The encryption key is kept apart from the credentials of the storage.',
  why: 'Whoever reads the one Secret can fetch the backups and read them. When the key is the entry of the credentials itself, the next rotation of the credentials makes every backup unreadable.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G78', 'pains P92'],
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
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
      encryption:
        method: sodium
        sodium:
          key: {name: s3, key: encryptionKey}
                      ^^ hint encryption-key-beside-credentials: Secret s3 also holds the credentials of this storage: who reads it can fetch the backups and decrypt them
          keyTransform: hex
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
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
    #- /s3.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      accessKeyId: AKIAXXXXXXXXXXXXXXXX
      secretAccessKey: abcdefghijabcdefghijabcdefghijabcdefghij
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  check(storage, { report }) {
    const isEncryption = (path: string) => path.startsWith('spec.encryption.');
    const credentials = storage.selectors.filter((it) => !isEncryption(it.path) && !it.path.endsWith('caCertificate'));
    for (const section of storage.encryptionSections) {
      const key = storage.selector(`encryption.${section}.key`);
      const name = key?.secret?.symbol.name;
      if (!key?.secret || !name) continue;
      const entry = key.entry?.symbol.name;
      const shared = credentials.find((it) => it.secret?.symbol.name === name);
      const same = credentials.find(
        (it) => it.secret?.symbol.name === name && it.entry?.symbol.name === entry && entry,
      );
      if (same?.entry && key.entry) {
        report(
          key.entry.at,
          `the encryption key is the credentials of this storage: when they are rotated, every backup becomes unreadable`,
          {
            severity: 'warning',
            related: [{ at: same.entry.at, message: 'the same entry' }],
          },
        );
      } else if (shared?.secret) {
        report(
          key.secret.at,
          `Secret ${name} also holds the credentials of this storage: who reads it can fetch the backups and decrypt them`,
          { related: [{ at: shared.secret.at, message: 'the credentials' }] },
        );
      }
    }
  },
});
