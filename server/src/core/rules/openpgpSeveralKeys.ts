import { examplePrivateKey, examplePublicKey, indented } from '../keys/exampleKeys.ts';
import { openpgpKeyOf } from '../queries/openpgpKey.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'openpgp-several-keys',
  summary: 'One entry holds one OpenPGP key.',
  why: 'Of several blocks WAL-G reads only the first: backups are not encrypted to the others, and their owners cannot read them. Of several keys in one block each becomes a recipient, and each private half must open with the one passphrase.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G69'],
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
      ^^^^^^^^^^^ warning openpgp-several-keys: the entry holds 2 OpenPGP blocks: WAL-G reads only the first
        ${indented(examplePrivateKey() + examplePublicKey(), 8)}
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
    if (key?.armor.first?.type !== 'private') return;
    const inBlock = key.examination?.keys.length ?? 1;
    const message =
      key.armor.blocks > 1
        ? `the entry holds ${key.armor.blocks} OpenPGP blocks: WAL-G reads only the first`
        : inBlock > 1
          ? `the block holds ${inBlock} keys: WAL-G encrypts to each of them, and the passphrase must open them all`
          : undefined;
    if (!message) return;
    context.report(key.entry.keyPlace, message, {
      related: [
        { at: storage.selector('encryption.openpgp.key')!.node.place, message: `${storage.title} uses this key` },
      ],
    });
  },
});
