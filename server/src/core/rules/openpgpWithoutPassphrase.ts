import { examplePrivateKey, indented } from '../keys/exampleKeys.ts';
import { openpgpKeyOf } from '../queries/openpgpKey.ts';
import { fix, fixture, rule } from '../rule.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'openpgp-without-passphrase',
  summary: 'A storage with openpgp names a keyPassphrase, even for a key without one.',
  why: 'The operator (1.16.0 to 1.18.6) stumbles over the absent selector: it stops working on every cluster that uses this storage (ClusterConfigFailed), a new cluster gets no Pods, and restores fail alike. An empty entry will do for a key that is not locked.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G26'],
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
        ^^^^^^^ error openpgp-without-passphrase: StackGres up to 1.18.6 needs keyPassphrase, also for a key without a passphrase: its entry may be empty
          key: {name: backup-key, key: private.asc}
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
    const section = storage.encryption?.get('openpgp');
    const passphrase = section?.get('keyPassphrase');
    if (!section?.isMap || (passphrase && !passphrase.isNull)) return;
    // A locked key has a worse problem of its own, and the same cure.
    if (openpgpKeyOf(storage, context)?.examination?.keys.some((it) => it.isLocked)) return;
    const name = section.textAt('key.name') || 'backup-key';
    context.report(
      section.keyPlace,
      'StackGres up to 1.18.6 needs keyPassphrase, also for a key without a passphrase: its entry may be empty',
      {
        fix: fix(
          'Add keyPassphrase',
          passphrase
            ? replaceValue(passphrase, `{name: ${name}, key: passphrase}`)
            : addEntry(section, 'keyPassphrase', `{name: ${name}, key: passphrase}`),
        ),
      },
    );
  },
});
