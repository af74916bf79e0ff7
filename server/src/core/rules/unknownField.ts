import { misplacedEncryption } from '../queries/misplacedEncryption.ts';
import { schemaProblems } from '../queries/schemaProblems.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'unknown-field',
  summary: 'Every field of an object is one that its kind has.',
  why: 'kubectl refuses an unknown field; Helm, GitOps controllers and --validate=false drop it without a word. An encryption block under the wrong name is then no encryption. A BackupLocation has no schema in the cluster: whatever Stork does not know, it passes over.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['G11', 'P31', 'W4'],
  kinds: ['Document'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups}
    spec:
      type: s3
      s3:
        bucket: backups
        awsCredentials: {useIAMRole: true}
      encrypton:
      ^^^^^^^^^ error unknown-field
        method: sodium
  `,
  good: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups}
    spec:
      type: s3
      s3:
        bucket: backups
        awsCredentials: {useIAMRole: true}
  `,
  check(document, { report }) {
    for (const resource of document.resources) {
      // encryption-misplaced says more about these.
      const misplaced = misplacedEncryption(resource).map((it) => it.keyPlace.start);
      for (const { problem, node, at } of schemaProblems(resource)) {
        if (problem.keyword !== 'additionalProperties' && problem.keyword !== 'nearMiss') continue;
        if (misplaced.includes(at.start)) continue;
        const { replacement } = problem;
        report(at, problem.message, {
          fix:
            replacement && node.key
              ? fix(`Change to ${replacement}`, [{ at: node.keyPlace, newText: replacement }])
              : undefined,
        });
      }
    }
  },
});
