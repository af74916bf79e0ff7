import { isPartial } from '../queries/partialManifest.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'encryption-empty',
  summary: 'encryption says how to encrypt.',
  why: 'An encryption without method and section is accepted and does nothing: base backups and WAL are stored in plain text.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G62'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption: {}
      ^^^^^^^^^^ warning encryption-empty: nothing stands in encryption: backups are stored unencrypted
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
  check(storage, { report, query }) {
    const encryption = storage.encryption;
    if (!encryption || encryption.hasForeignTag || isPartial(storage, query)) return;
    const isEmpty = encryption.isNull || (encryption.isMap && encryption.entries().every((it) => it.isNull));
    if (isEmpty) report(encryption.keyPlace, 'nothing stands in encryption: backups are stored unencrypted');
  },
});
