import { committedOwner } from '../queries/committed.ts';
import { isSameValue } from '../queries/encryptionKeys.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'immutable-secret',
  summary: 'An immutable Secret stays as it was applied, and a Secret keeps its type.',
  why: 'The API server refuses a change of the data of an immutable Secret or ConfigMap, of immutable itself, and of the type of a Secret. Tools that then delete and create it anew lose the old value for good.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K14'],
  kinds: ['Secret', 'ConfigMap'],
  committed: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app, namespace: db}
    immutable: true
    stringData: {token: one}
  `,
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app, namespace: db}
    immutable: true
    stringData: {token: two}
                 ^^^^^ error immutable-secret: Secret db/app is committed as immutable: the API server refuses another token
  `,
  good: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app, namespace: db}
    immutable: true
    stringData: {token: one}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: app-2, namespace: db}
    immutable: true
    stringData: {token: two}
  `,
  check(owner, { report, history }) {
    const past = committedOwner(owner, history.before);
    if (!past || owner.name === '' || owner.manifestKind !== past.manifestKind) return;
    if (!/^(?:Secret|ConfigMap)$/.test(owner.manifestKind) || owner.node.get('metadata') === undefined) return;
    const [type, oldType] = [owner, past].map((it) => it.node.textAt('type') || 'Opaque');
    if (owner.kind === 'Secret' && type !== oldType) {
      report(
        owner.node.get('type')?.place ?? owner.namePlace,
        `${owner.title} is committed with type ${oldType}: the API server refuses another type`,
      );
    }
    if (past.node.textAt('immutable') !== 'true') return;
    if (owner.node.textAt('immutable') !== 'true') {
      report(
        owner.node.get('immutable')?.keyPlace ?? owner.namePlace,
        `${owner.title} is committed as immutable: the API server refuses to make it mutable again`,
      );
    }
    for (const name of new Set([...owner.entries, ...past.entries].map((it) => it.name))) {
      const [now, old] = [owner.entry(name), past.entry(name)];
      if (now?.isOpaque || old?.isOpaque || now?.problem || old?.problem) continue;
      if (now && old && isSameValue(now, old)) continue;
      report(
        now?.keyPlace ?? owner.namePlace,
        `${owner.title} is committed as immutable: the API server refuses ${now ? 'another' : 'to remove'} ${name}`,
      );
    }
  },
});
