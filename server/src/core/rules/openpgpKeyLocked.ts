import { EXAMPLE_PASSPHRASE, exampleLockedKey, indented } from '../keys/exampleKeys.ts';
import { openpgpKeyOf } from '../queries/openpgpKey.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'openpgp-key-locked',
  summary: 'A private key that is locked with a passphrase needs keyPassphrase.',
  why: 'Backups need only the public half of the key and succeed; the passphrase is asked for when they are read. Every restore, new replica and standby fails with "openpgp: incorrect key".',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G66'],
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
      ^^^^^^^^^^^ error openpgp-key-locked: the private key is locked with a passphrase, and the entry passphrase of Secret db/backup-key is empty: backups can be made but not restored
        ${indented(exampleLockedKey(), 8)}
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
        ${indented(exampleLockedKey(), 8)}
      passphrase: ${EXAMPLE_PASSPHRASE}
  `,
  check(storage, context) {
    const key = openpgpKeyOf(storage, context);
    const locked = key?.examination?.keys.some((it) => it.isLocked);
    if (!key || !locked || key.passphrase.state === 'given' || key.passphrase.state === 'unseen') return;
    const where =
      key.passphrase.state === 'empty'
        ? `the entry ${key.passphrase.entry.name} of ${key.passphrase.entry.secret.title} is empty`
        : `${storage.title} has no keyPassphrase`;
    context.report(
      key.entry.keyPlace,
      `the private key is locked with a passphrase, and ${where}: backups can be made but not restored`,
      {
        related: [
          {
            at:
              key.passphrase.state === 'empty'
                ? key.passphrase.entry.keyPlace
                : storage.encryption!.get('openpgp')!.keyPlace,
            message: where,
          },
        ],
      },
    );
  },
});
