import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'metadata-text',
  summary: 'Names, labels and annotations are text.',
  why: 'Without quotes YAML reads 123, true or 1e3 as a number or a boolean, and the API server refuses the object: names, and the values of labels and annotations, are text.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K29'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: 123}
                     ^^^ error metadata-text: this is a number for YAML, and must be text
    stringData: {a: b}
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: "123"}
    stringData: {a: b}
  `,
  check(owner, { report }) {
    const metadata = owner.node.get('metadata');
    const values = [
      metadata?.get('name'),
      metadata?.get('namespace'),
      ...(metadata?.get('labels')?.entries() ?? []),
      ...(metadata?.get('annotations')?.entries() ?? []),
    ];
    for (const it of values) {
      if (!it?.type || it.type === 'string' || it.type === 'null' || it.hasForeignTag) continue;
      const what = it.type === 'boolean' ? 'a boolean' : 'a number';
      report(it.place, `this is ${what} for YAML, and must be text`, {
        fix: fix('Put it in quotes', [{ at: it.place, newText: JSON.stringify(it.text) }], { isSafe: true }),
      });
    }
  },
});
