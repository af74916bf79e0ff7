import { isPartial } from '../queries/partialManifest.ts';
import { schemaProblems } from '../queries/schemaProblems.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'missing-field',
  summary: 'An object has the fields that its kind demands.',
  why: 'The API server or the webhook of the operator refuses the object: the storage, the backup or the cluster never comes to be.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['G2', 'G4', 'G5', 'G7', 'G21', 'G22', 'G23', 'P23', 'P32', 'P65', 'C15'],
  kinds: ['Document'],
  bad: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups}
    spec:
      type: s3
      s3:
      ^^ error missing-field
        awsCredentials: {useIAMRole: true}
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
  check(document, { report, query }) {
    // Behind a syntax error everything is missing.
    if (document.parsed.errors.length > 0) return;
    for (const resource of document.resources) {
      const missing = schemaProblems(resource).filter((it) => it.problem.isMissing);
      if (missing.length === 0 || isPartial(resource, query)) continue;
      for (const { problem, at } of missing) report(at, problem.message);
    }
  },
});
