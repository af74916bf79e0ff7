import { fix, fixture, rule } from '../rule.ts';
import { removeEntry } from '../yaml/entryEdits.ts';

export default rule({
  id: 'restore-target',
  summary: 'A restore has one target, and none that is ignored.',
  why: 'The webhook of the operator refuses two targets. targetInclusive is handed to the Pod under a name that its script does not read: the restore goes on as if it were not there.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G25', 'G74'],
  kinds: ['SGCluster'],
  bad: fixture`
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 1
      postgres: {version: "16"}
      initialData:
        restore:
          fromBackup:
            name: nightly
            targetXid: "4711"
            targetLsn: 0/3000000
            ^^^^^^^^^ error restore-target: targetXid is set too: only one target may be given
  `,
  good: fixture`
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 1
      postgres: {version: "16"}
      initialData:
        restore:
          fromBackup:
            name: nightly
            pointInTimeRecovery: {restoreToTimestamp: "2026-01-31T10:00:00Z"}
  `,
  check(cluster, { report }) {
    const backup = cluster.node.get('spec.initialData.restore.fromBackup');
    const [first, ...others] = TARGETS.flatMap((it) => backup?.get(it) ?? []).filter((it) => !it.isNull);
    for (const it of others) {
      report(it.keyPlace, `${first!.key!.text} is set too: only one target may be given`, {
        fix: fix(`Remove ${it.key!.text}`, removeEntry(backup!, it)),
        related: [{ at: first!.keyPlace, message: 'the other target' }],
      });
    }
    const inclusive = backup?.get('targetInclusive');
    if (inclusive && !inclusive.isNull) {
      report(inclusive.keyPlace, 'targetInclusive has no effect in the releases up to 1.18.6', {
        severity: 'warning',
        fix: fix('Remove targetInclusive', removeEntry(backup!, inclusive)),
      });
    }
    const uid = backup?.get('uid');
    if (uid && !uid.isNull) report(uid.keyPlace, 'uid is no longer accepted: name the SGBackup by its name');
  },
});

/** At most one of these; `target: immediate` stands outside of the rule. */
const TARGETS = ['targetName', 'targetXid', 'targetLsn', 'pointInTimeRecovery'];
