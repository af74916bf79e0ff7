import { examplePrivateKey, examplePublicKey, indented } from '../keys/exampleKeys.ts';
import { openpgpKeyOf } from '../queries/openpgpKey.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'openpgp-key-public',
  summary: 'The OpenPGP key of a storage is a private key.',
  why: 'Backups made with a public key succeed for years, and nothing in the cluster can read them: a restore, a new replica and a standby fail with "openpgp: incorrect key", and with a passphrase WAL-G crashes.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G65', 'pains P53'],
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
        method: openpgp
        openpgp:
          key: {name: backup-key, key: private.asc}
          keyPassphrase: {name: backup-key, key: passphrase}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      private.asc: |
      ^^^^^^^^^^^ error openpgp-key-public: this is a public key: SGObjectStorage db/backups makes backups that can never be restored
        ${indented(examplePublicKey(), 8)}
      passphrase: ""
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
        method: openpgp
        openpgp:
          key: {name: backup-key, key: private.asc}
          keyPassphrase: {name: backup-key, key: passphrase}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      private.asc: |
        ${indented(examplePrivateKey(), 8)}
      passphrase: ""
  `,
  check(storage, context) {
    const key = openpgpKeyOf(storage, context);
    if (key?.armor.first?.type !== 'public') return;
    const which =
      key.armor.blocks > 1 ? 'the first block, the only one that WAL-G reads, is a public key' : 'this is a public key';
    context.report(key.entry.keyPlace, `${which}: ${storage.title} makes backups that can never be restored`, {
      related: [
        { at: storage.selector('encryption.openpgp.key')!.node.place, message: `${storage.title} uses this key` },
      ],
    });
  },
});
