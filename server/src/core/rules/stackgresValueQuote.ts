import { walgValue } from '../keys/walgValue.ts';
import { selectedEntry, valuePlace } from '../queries/selectedEntry.ts';
import type { SecretEntry } from '../resources/secret.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'stackgres-value-quote',
  summary: 'What StackGres hands to WAL-G has no single quote in it.',
  why: 'The start script of the Pod puts the value between single quotes and lets the shell read it: one quote is a syntax error and every WAL-G call fails, two vanish silently and leave another key, and crafted text runs as a command.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G46'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3
      s3:
        bucket: backups
        awsCredentials:
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      accessKeyId: AKIAXXXXXXXXXXXXXXXX
      secretAccessKey: abcdefghij'bcdefghijabcdefghijabcdefghij
                                 ^ error stackgres-value-quote: StackGres cannot carry a single quote in this value: the start script of the Pod breaks on it
  `,
  good: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: s3
      s3:
        bucket: backups
        awsCredentials:
          secretKeySelectors:
            accessKeyId: {name: s3, key: accessKeyId}
            secretAccessKey: {name: s3, key: secretAccessKey}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: s3, namespace: db}
    stringData:
      accessKeyId: AKIAXXXXXXXXXXXXXXXX
      secretAccessKey: abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(storage, { report, query }) {
    const seen = new Set<SecretEntry>();
    for (const selector of storage.selectors) {
      // These two become files, not variables.
      if (/serviceAccountJSON|caCertificate/.test(selector.path)) continue;
      const entry = selectedEntry(selector, query);
      if (!entry?.bytes || seen.has(entry)) continue;
      seen.add(entry);
      const { text, isAltered } = walgValue(entry.bytes);
      const at = text.indexOf("'");
      // Binary bytes are another rule's, and quotes in them mean nothing.
      if (at < 0 || isAltered) continue;
      const place = text.includes('\n') ? entry.keyPlace : valuePlace(entry, { start: at, end: at + 1 });
      report(place, 'StackGres cannot carry a single quote in this value: the start script of the Pod breaks on it', {
        related: [{ at: selector.node.place, message: `${storage.title} uses this value` }],
      });
    }
  },
});
