import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'empty-entry',
  summary: 'An entry of a Secret has a value.',
  why: 'A key with nothing behind its colon is null, and Kubernetes makes an empty entry of it: the file is there and holds nothing, so that credentials are missing (error 37) or a key is empty, and then nothing is encrypted.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K8'],
  kinds: ['Secret'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: keys, namespace: db}
    stringData:
      s3.conf:
      ^^^^^^^ warning empty-entry: nothing stands behind this name: the entry is empty
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: keys, namespace: db}
    stringData:
      s3.conf: |
        [global]
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(secret, { report, query }) {
    if (secret.manifestKind !== 'Secret' || secret.isManagedElsewhere) return;
    for (const entry of secret.entries) {
      if (!entry.node?.isNull || entry.node.hasForeignTag) continue;
      // Written as null on purpose: a patch that takes the entry away.
      if (/^(?:null|~)/.test(secret.part.text.slice(entry.node.usePlace.start, entry.node.usePlace.end))) continue;
      const users = query.referencesTo({
        kind: 'secretEntry',
        name: entry.name,
        owner: secret.name,
        namespace: secret.namespace,
      });
      // A storage's empty key is worse, and told by encryption-key-empty.
      if (users.some((it) => it.path.includes('encryption.'))) continue;
      // Elsewhere nobody is known to want a value.
      if (users.length === 0 && !entry.name.endsWith('.conf')) continue;
      report(entry.keyPlace, 'nothing stands behind this name: the entry is empty');
    }
  },
});
