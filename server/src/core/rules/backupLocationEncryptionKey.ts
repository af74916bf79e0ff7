import { isOpaque } from '../opaque.ts';
import type { Edit } from '../part.ts';
import { locationValue } from '../queries/backupLocation.ts';
import { fix, fixture, rule } from '../rule.ts';
import { removeEntry } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'backup-location-encryption-key',
  summary: 'The passphrase of a BackupLocation is location.encryptionV2Key, and nothing else.',
  why: 'location.encryptionKey is out of use: with any text in it every backup, restore and sync stops with "EncryptionKey is deprecated, use EncryptionKeyV2 instead". Below s3Config or cluster nobody reads a key: the resource files are stored in clear text without a word. An empty passphrase means no encryption.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W2', 'W4', 'pains P40'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      encryptionKey: "some long passphrase of mine"
      ^^^^^^^^^^^^^ error backup-location-encryption-key: encryptionKey is out of use, and every backup, restore and sync fails while it is here: the passphrase is encryptionV2Key
      s3Config:
        region: eu-central-1
        endpoint: s3.eu-central-1.amazonaws.com
        useIam: true
        encryptionKey: arn:aws:kms:eu-central-1:111122223333:key/1234abcd
        ^^^^^^^^^^^^^ error backup-location-encryption-key: s3Config has no encryptionKey and Stork does not read it: server-side encryption is sse, client-side encryption location.encryptionV2Key
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
  check(resource, { report, query }) {
    const { location } = resource;
    const old = location?.get('encryptionKey');
    if (old && !old.isNull && old.text !== '') {
      const isFree = location?.get('encryptionV2Key') === undefined && !isKmsKey(old);
      report(
        old.keyPlace,
        'encryptionKey is out of use, and every backup, restore and sync fails while it is here: the passphrase is encryptionV2Key',
        {
          fixes: [
            isFree ? fix('Rename to encryptionV2Key', [{ at: old.keyPlace, newText: 'encryptionV2Key' }]) : undefined,
            location && !isFree ? fix('Remove encryptionKey', removeEntry(location, old)) : undefined,
          ],
        },
      );
    }
    const own = location?.get('encryptionV2Key');
    if (own && isKmsKey(own))
      report(
        own.place,
        'a KMS key is no passphrase: Stork takes the ARN itself as the passphrase, and everybody who knows it can decrypt',
        { severity: 'warning' },
      );
    if (own && !own.isNull && own.text === '' && locationValue(resource, 'encryptionV2Key', query) === undefined)
      report(own.keyPlace, 'encryptionV2Key is empty: Stork stores the resource files of backups in clear text');
    const s3 = location?.get('s3Config');
    for (const name of UNREAD) {
      const key = s3?.get(name);
      if (!s3 || !key || key.isNull) continue;
      report(
        key.keyPlace,
        `s3Config has no ${name} and Stork does not read it: server-side encryption is sse, client-side encryption location.encryptionV2Key`,
        { fix: fix('Ask for encryption with the default KMS key', sseInstead(s3, key)) },
      );
    }
  },
});

const UNREAD = ['encryptionKey', 'encryptionV2Key', 'kmsKey', 'kmsKeyID', 'sseKmsKeyId'];

function isKmsKey(node: YamlNode): boolean {
  const text = node.text ?? '';
  return !isOpaque(text) && /^(?:arn:aws[\w-]*:kms:|alias\/)/.test(text);
}

function sseInstead(s3: YamlNode, key: YamlNode): Edit[] | undefined {
  if (s3.get('sse') || !isKmsKey(key)) return undefined;
  return [
    { at: key.keyPlace, newText: 'sse' },
    { at: key.place, newText: 'aws:kms' },
  ];
}
