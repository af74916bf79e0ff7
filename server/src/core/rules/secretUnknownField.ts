import { nearestName } from '../nearest.ts';
import { isOpaque } from '../opaque.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'secret-unknown-field',
  summary: 'A Secret or ConfigMap has only the fields that Kubernetes knows.',
  why: 'kubectl refuses an unknown field; Helm, GitOps controllers and --validate=false drop it without a word: the Secret is there, and empty.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K15'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringdata:
    ^^^^^^^^^^ error secret-unknown-field: a Secret has no field stringdata: what stands below it is lost
      password: hunter2-hunter2
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    stringData:
      password: hunter2-hunter2
  `,
  check(owner, { report }) {
    const known = FIELDS[owner.manifestKind];
    // The generators of a kustomization are Secrets too, of another shape.
    if (!known || owner.node.get('kind') === undefined) return;
    for (const node of owner.node.entries()) {
      const name = node.key?.text ?? '';
      if (known.includes(name) || name === 'sops' || name === '' || isOpaque(name)) continue;
      const plain = name.toLowerCase().replace(/[^a-z]/g, '');
      const meant =
        owner.manifestKind === 'ConfigMap' && plain === 'stringdata'
          ? 'data'
          : (known.find((it) => it.toLowerCase() === plain) ?? nearestName(known, name));
      const isFree = meant !== undefined && owner.node.get(meant) === undefined;
      report(node.keyPlace, `a ${owner.manifestKind} has no field ${name}: what stands below it is lost`, {
        fix: isFree ? fix(`Change to ${meant}`, [{ at: node.keyPlace, newText: meant }]) : undefined,
      });
    }
  },
});

const FIELDS: Record<string, string[]> = {
  Secret: ['apiVersion', 'kind', 'metadata', 'type', 'immutable', 'data', 'stringData'],
  ConfigMap: ['apiVersion', 'kind', 'metadata', 'immutable', 'data', 'binaryData'],
};
