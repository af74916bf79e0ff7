import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'too-large-to-check',
  summary: 'A file holds no more manifests than can be checked while somebody types.',
  why: 'Of one file, the first 3,000 manifests and two million characters of them are checked; what stands behind them is not, so that the editor answers at once. Nothing is known about it: split the file, and check the parts.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  kinds: ['Document'],
  bad: fixture`
    apiVersion: v1
    ^^^^^^^^^^^^^^ information too-large-to-check: not checked: this file holds more manifests than can be checked at once
    kind: Secret
    metadata: {name: huge}
    stringData: {password: ${'x'.repeat(2_000_001)}}
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: small}
    stringData: {password: correct-horse}
  `,
  check({ isPassedOver, part }, { report }) {
    if (!isPassedOver) return;
    const start = part.text.search(/^[^\s#-].*$/m);
    const at = Math.max(0, start);
    const end = part.text.indexOf('\n', at);
    report(
      part.place(at, end < 0 ? part.text.length : end),
      'not checked: this file holds more manifests than can be checked at once',
    );
  },
});
