import { misplacedEncryption } from '../queries/misplacedEncryption.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'encryption-misplaced',
  summary: 'encryption stands below spec of the SGObjectStorage.',
  why: 'In any other place kubectl refuses it; Helm, GitOps controllers and --validate=false drop it without a word, and base backups and WAL are stored in plain text.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G63'],
  kinds: ['SGObjectStorage', 'SGCluster'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3
      s3:
        bucket: backups
        awsCredentials: {useIAMRole: true}
        encryption:
        ^^^^^^^^^^ error encryption-misplaced: encryption has no effect here, it belongs below spec of the SGObjectStorage: backups will be stored unencrypted
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
  check(resource, { report }) {
    for (const it of misplacedEncryption(resource)) {
      report(
        it.keyPlace,
        'encryption has no effect here, it belongs below spec of the SGObjectStorage: backups will be stored unencrypted',
      );
    }
  },
});
