import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'stackgres-too-old',
  summary: 'Encryption needs StackGres 1.16 or later.',
  why: 'Older operators do not know the field: the API server drops it, and base backups and WAL are stored in plain text.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G64'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db, annotations: {stackgres.io/operatorVersion: "1.15"}}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
      ^^^^^^^^^^ error stackgres-too-old: this storage was written by StackGres 1.15, which does not know encryption: backups are stored unencrypted
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
  `,
  good: fixture`
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
  check(storage, { report, target }) {
    const encryption = storage.encryption;
    if (!encryption?.isMap || storage.encryptionSections.length === 0) return;
    const written = storage.node.textAt(['metadata', 'annotations', 'stackgres.io/operatorVersion']);
    const version = target.stackgres ?? written;
    const numbers = /^v?(\d+)\.(\d+)/.exec(version ?? '');
    if (!numbers || Number(numbers[1]) > 1 || Number(numbers[2]) >= 16) return;
    const which = target.stackgres
      ? `StackGres ${version} is the target, which`
      : `this storage was written by StackGres ${version}, which`;
    report(encryption.keyPlace, `${which} does not know encryption: backups are stored unencrypted`);
  },
});
