import { EXAMPLE_PASSPHRASE, exampleLockedKey, indented } from '../keys/exampleKeys.ts';
import { openpgpKeyOf } from '../queries/openpgpKey.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'openpgp-passphrase-wrong',
  summary: 'keyPassphrase opens the private key.',
  why: 'Backups need only the public half of the key and succeed; the passphrase is asked for when they are read. Every restore, new replica and standby fails: "private key checksum failure", later "incorrect key".',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G67'],
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
        ${indented(exampleLockedKey(), 8)}
      passphrase: the passphrase of another key
      ^^^^^^^^^^ error openpgp-passphrase-wrong: this passphrase does not open the private key (entry private.asc of Secret db/backup-key): backups can be made but not restored
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
        ${indented(exampleLockedKey(), 8)}
      passphrase: ${EXAMPLE_PASSPHRASE}
  `,
  check(storage, context) {
    const key = openpgpKeyOf(storage, context);
    if (key?.passphrase.state !== 'given' || !key.examination?.keys.some((it) => it.unlocks === false)) return;
    const blank = /^\s|[ \t]$/.test(key.passphrase.entry.text?.text ?? '') ? ' (it begins or ends with a blank)' : '';
    context.report(
      key.passphrase.entry.keyPlace,
      `this passphrase does not open the private key (entry ${key.entry.name} of ${key.entry.secret.title})${blank}: backups can be made but not restored`,
      { related: [{ at: key.entry.keyPlace, message: 'the private key' }] },
    );
  },
});
