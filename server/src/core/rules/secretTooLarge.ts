import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'secret-too-large',
  summary: 'A Secret or ConfigMap has at most 1 MiB.',
  why: 'The API server refuses a Secret whose decoded values are larger than 1,048,576 bytes together. A ConfigMap has the same limit. A keyring or a bundle of certificates may grow into it.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K13'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: bundle}
               ^^^^ error secret-too-large: the values of Secret bundle have 1,100,000 bytes, and 1,048,576 are allowed
    stringData: {ca.crt: ${'abcdefghij'.repeat(110_000)}}
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: bundle}
    stringData: {ca.crt: ${'abcdefghij'.repeat(10)}}
  `,
  check(owner, { report }) {
    if (!/^(?:Secret|ConfigMap)$/.test(owner.manifestKind) || owner.part.text.length < LIMIT) return;
    const size = owner.entries.reduce((sum, it) => sum + (it.bytes?.length ?? 0), 0);
    if (size <= LIMIT) return;
    const name = owner.node.get('metadata.name');
    report(
      name?.keyPlace ?? owner.namePlace,
      `the values of ${owner.title} have ${size.toLocaleString('en')} bytes, and ${LIMIT.toLocaleString('en')} are allowed`,
    );
  },
});

const LIMIT = 1_048_576;
