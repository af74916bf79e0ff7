import type { SecretEntry } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { removeEntry } from '../yaml/entryEdits.ts';

export default rule({
  id: 'secret-entry-twice',
  summary: 'Every entry of a Secret or ConfigMap stands there once.',
  why: 'Of two equal keys kubectl takes the last one, other programs refuse the file. An entry in data and in stringData gets the value of stringData; after the next kubectl apply the two differ.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['K10', 'K11'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: Secret
    metadata: {name: app}
    data:
      password: Y2hhbmdlbWU=
      ^^^^^^^^ warning secret-entry-twice: password stands in stringData too, and that one wins
    stringData:
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
    if (owner.isManagedElsewhere) return;
    const lastOf = new Map<string, SecretEntry>();
    for (const it of owner.entries) lastOf.set(`${it.container} ${it.name}`, it);
    // Taking an entry out of thousands looks at all of them.
    const isFew = owner.entries.length < 500;
    for (const entry of owner.entries) {
      const map =
        entry.node?.key &&
        owner.node.get(
          owner.manifestKind === 'ConfigMap' && entry.container === 'stringData' ? 'data' : entry.container,
        );
      if (!map?.isMap) continue;
      const later = lastOf.get(`${entry.container} ${entry.name}`);
      if (later && later !== entry) {
        report(
          entry.keyPlace,
          `${entry.name} stands here twice: kubectl takes the last one, other programs refuse the file`,
          {
            related: [{ at: later.keyPlace, message: 'the one that counts' }],
            fix: isFew ? fix('Remove this one', removeEntry(map, entry.node!)) : undefined,
          },
        );
        continue;
      }
      const winner = entry.container === 'data' ? lastOf.get(`stringData ${entry.name}`) : undefined;
      if (!winner) continue;
      report(entry.keyPlace, `${entry.name} stands in stringData too, and that one wins`, {
        related: [{ at: winner.keyPlace, message: 'the one that counts' }],
        fix: isFew
          ? fix(`Remove ${entry.name} from data`, removeEntry(map, entry.node!) ?? removeEntry(owner.node, map))
          : undefined,
      });
    }
  },
});
