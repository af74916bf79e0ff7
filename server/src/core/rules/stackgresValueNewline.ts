import { walgValue } from '../keys/walgValue.ts';
import { selectedEntry } from '../queries/selectedEntry.ts';
import { type SecretEntry, withoutFinalBreak } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'stackgres-value-newline',
  summary: 'A key, a passphrase or a credential ends without a line break.',
  why: 'StackGres drops line feeds at the end, so backups work. wal-g on another machine takes the same value as it is: with hex it refuses the key, with none the line break becomes a part of it. `echo` and a literal block `|` add one, `printf %s` and `|-` do not.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['K9', 'pains P85'],
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
      key: |
      ^^^ information stackgres-value-newline: the value ends with a line break: StackGres drops it, wal-g elsewhere does not
        3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
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
    const seen = new Set<SecretEntry>();
    for (const selector of storage.selectors) {
      // Files and armored keys end with a line break, and should.
      if (/serviceAccountJSON|caCertificate|openpgp\.key$/.test(selector.path)) continue;
      const entry = selectedEntry(selector, query);
      if (!entry?.bytes || seen.has(entry)) continue;
      seen.add(entry);
      const value = walgValue(entry.bytes);
      if (value.lostNewlines === 0 || value.isAltered || value.text === '') continue;
      report(entry.keyPlace, 'the value ends with a line break: StackGres drops it, wal-g elsewhere does not', {
        fix: fix('Take the line break off the end', withoutFinalBreak(entry), { isSafe: true }),
        related: [{ at: selector.node.place, message: `${storage.title} uses this value` }],
      });
    }
  },
});
