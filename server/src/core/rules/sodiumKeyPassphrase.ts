import { valuePlace } from '../queries/selectedEntry.ts';
import { sodiumKeyOf } from '../queries/sodiumKey.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'sodium-key-passphrase',
  summary: 'A libsodium key comes from a random generator, not from a person.',
  why: 'WAL-G uses the text itself as the key: no key derivation slows down whoever tries words and phrases against a copy of the bucket.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G58'],
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
          keyTransform: none
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: correct horse battery staple now
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning sodium-key-passphrase: the key looks like a passphrase that a person thought up: WAL-G takes it as it is, no key derivation takes place
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
    const key = sodiumKeyOf(storage, query);
    if (key?.problem?.kind !== 'passphrase') return;
    report(valuePlace(key.entry), key.problem.message, {
      related: [{ at: key.transformPlace, message: `${storage.title} uses this key` }],
    });
  },
});
