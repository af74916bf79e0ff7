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
    for (const [i, entry] of owner.entries.entries()) {
      const map =
        entry.node?.key &&
        owner.node.get(
          owner.manifestKind === 'ConfigMap' && entry.container === 'stringData' ? 'data' : entry.container,
        );
      if (!map?.isMap) continue;
      const later = owner.entries.slice(i + 1).find((it) => it.name === entry.name && it.container === entry.container);
      if (later) {
        report(
          entry.keyPlace,
          `${entry.name} stands here twice: kubectl takes the last one, other programs refuse the file`,
          {
            related: [{ at: later.keyPlace, message: 'the one that counts' }],
            fix: fix('Remove this one', removeEntry(map, entry.node!)),
          },
        );
        continue;
      }
      const winner =
        entry.container === 'data'
          ? owner.entries.find((it) => it.name === entry.name && it.container === 'stringData')
          : undefined;
      if (!winner) continue;
      report(entry.keyPlace, `${entry.name} stands in stringData too, and that one wins`, {
        related: [{ at: winner.keyPlace, message: 'the one that counts' }],
        fix: fix(`Remove ${entry.name} from data`, removeEntry(map, entry.node!) ?? removeEntry(owner.node, map)),
      });
    }
  },
});
