import type { Fix } from '../finding.ts';
import type { Query } from '../index.ts';
import { walgValue } from '../keys/walgValue.ts';
import { generatedSodiumKey } from '../queries/generatedKey.ts';
import { selectedEntry } from '../queries/selectedEntry.ts';
import { sodiumKeyOf } from '../queries/sodiumKey.ts';
import type { ObjectStorageResource } from '../resources/stackgres.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'encryption-key-empty',
  summary: 'The encryption key of a storage is not empty.',
  why: 'WAL-G takes an empty key for none: base backups and WAL are stored in plain text, without any message. A shell line such as key=$(openssl …) makes an empty key where openssl is missing.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G49'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
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
      key: ""
      ^^^ error encryption-key-empty: the key is empty: SGObjectStorage db/backups stores its backups unencrypted
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
    for (const section of storage.encryptionSections) {
      const selector = storage.selector(`encryption.${section}.key`);
      const entry = selectedEntry(selector, query);
      if (!entry?.bytes || walgValue(entry.bytes).text !== '') continue;
      report(entry.keyPlace, `the key is empty: ${storage.title} stores its backups unencrypted`, {
        fix: section === 'sodium' ? generated(storage, query) : undefined,
        related: [{ at: selector!.node.place, message: `${storage.title} uses this key` }],
      });
    }
  },
});

/** In the form that keyTransform reads; without one, hex, which is then said too. */
function generated(storage: ObjectStorageResource, query: Query): Fix | undefined {
  const key = sodiumKeyOf(storage, query);
  if (!key?.transform) return undefined;
  const title = 'Generate a 32-byte key here';
  if (key.transform !== 'none') return generatedSodiumKey(key.entry, key.transform, title);
  // In one file the new text of one change would move the place of the other.
  if (key.entry.secret.part.uri === storage.part.uri) return undefined;
  return generatedSodiumKey(key.entry, 'hex', `${title} and set keyTransform: hex`, key.setTransform('hex'));
}
