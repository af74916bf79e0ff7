import { exampleStubKey, indented } from '../keys/exampleKeys.ts';
import { openpgpKeyOf } from '../queries/openpgpKey.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'openpgp-key-stub',
  summary: 'The block holds the secret half of every key.',
  why: 'With a passphrase, WAL-G opens the primary key and all subkeys, and stops at one that was left out of the export ("dummy key found"). Without the secret encryption subkey nothing can be read at all. Backups are made all the same: only the restore fails.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G68', 'pains P82'],
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
      ^^^^^^^^^^^ error openpgp-key-stub: the primary key is a stub (gpg --export-secret-subkeys), and with a passphrase WAL-G wants the whole secret key: export it with gpg --export-secret-keys
        ${indented(exampleStubKey(), 8)}
      passphrase: any text
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
        ${indented(exampleStubKey(), 8)}
      passphrase: ""
  `,
  check(storage, context) {
    const key = openpgpKeyOf(storage, context);
    if (key?.armor.first?.type !== 'private') return;
    const facts = key.examination?.keys ?? [];
    const hasNoSecret = facts.some((it) => it.isPrivate && !it.canDecrypt && it.encryption === 'possible');
    const isStub = key.passphrase.state === 'given' && facts.some((it) => it.isPrimaryStub);
    const message = hasNoSecret
      ? 'the secret half of the encryption key was left out of the export: backups can be made but not restored'
      : isStub
        ? 'the primary key is a stub (gpg --export-secret-subkeys), and with a passphrase WAL-G wants the whole secret key: export it with gpg --export-secret-keys'
        : undefined;
    if (!message) return;
    context.report(key.entry.keyPlace, message, {
      related: [
        { at: storage.selector('encryption.openpgp.key')!.node.place, message: `${storage.title} uses this key` },
      ],
    });
  },
});
