import { isPartial } from '../queries/partialManifest.ts';
import { fix, fixture, rule } from '../rule.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'encryption-method-missing',
  summary: 'encryption says its method.',
  why: 'The releases up to 1.18.6 encrypt as soon as a section is there, although the documentation says that nothing is encrypted without a method. Say what is meant, before a release does what its documentation says.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G60', 'pains P38'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
      ^^^^^^^^^^ warning encryption-method-missing: method is not set: today StackGres encrypts with sodium all the same, its documentation says it does not
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex
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
    const encryption = storage.encryption;
    const method = encryption?.get('method');
    const sections = storage.encryptionSections;
    if (!encryption || sections.length !== 1 || (method && !method.isNull) || isPartial(storage, query)) return;
    const only = sections[0]!;
    report(
      encryption.keyPlace,
      `method is not set: today StackGres encrypts with ${only} all the same, its documentation says it does not`,
      {
        fix: fix(`Set method: ${only}`, method ? replaceValue(method, only) : addEntry(encryption, 'method', only), {
          isSafe: true,
        }),
      },
    );
  },
});
