import { isOpaque } from '../opaque.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'backup-location-clear-text',
  summary: 'Passphrases and credentials of a BackupLocation stand in a Secret.',
  why: 'Everybody who may read the location, or the repository of the manifests, has the key to all backups; storkctl hides only some of the fields. The Secret named by secretConfig can hold them: encryptionKey, accessKeyID, secretAccessKey, storageAccountKey, clientSecret, accountKey. Only repositoryPassword has to stand here.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W20'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      encryptionV2Key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
      ^^^^^^^^^^^^^^^ information backup-location-clear-text: encryptionV2Key stands here in clear text; a Secret named by secretConfig can hold it, as encryptionKey
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
  `,
  good: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      secretConfig: backups
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backups, namespace: kube-system}
    stringData:
      encryptionKey: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  check(resource, { report }) {
    for (const [field, entry] of SENSITIVE) {
      const node = resource.location?.get(field);
      const text = node?.text;
      if (!node || !text || isOpaque(text) || node.hasForeignTag) continue;
      // A KMS key's name is no secret, and another rule's.
      if (/^arn:/.test(text)) continue;
      const name = node.key?.text;
      const as = entry === name ? '' : `, as ${entry}`;
      report(node.keyPlace, `${name} stands here in clear text; a Secret named by secretConfig can hold it${as}`);
    }
  },
});

const SENSITIVE: [field: string, entry: string][] = [
  ['encryptionV2Key', 'encryptionKey'],
  ['s3Config.secretAccessKey', 'secretAccessKey'],
  ['azureConfig.storageAccountKey', 'storageAccountKey'],
  ['azureConfig.clientSecret', 'clientSecret'],
  ['googleConfig.accountKey', 'accountKey'],
];
