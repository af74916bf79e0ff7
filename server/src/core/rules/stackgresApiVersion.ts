import { isOpaque } from '../opaque.ts';
import { fix, fixture, rule } from '../rule.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'stackgres-api-version',
  summary: 'A StackGres object has the apiVersion that its kind is served under.',
  why: 'The API server knows no such kind: "no matches for kind". Nothing is created.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G13'],
  kinds: ['SGObjectStorage', 'SGCluster', 'SGBackup'],
  bad: fixture`
    apiVersion: stackgres.io/v1
                ^^^^^^^^^^^^^^^ error stackgres-api-version: SGObjectStorage is served as stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups}
    spec:
      type: s3
      s3: {bucket: backups, awsCredentials: {useIAMRole: true}}
  `,
  good: fixture`
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups}
    spec:
      type: s3
      s3: {bucket: backups, awsCredentials: {useIAMRole: true}}
  `,
  check(resource, { report }) {
    const served = SERVED[resource.manifestKind];
    const node = resource.node.get('apiVersion');
    if (!served || !node || isOpaque(resource.apiVersion) || resource.apiVersion === served) return;
    report(node.usePlace, `${resource.manifestKind} is served as ${served}`, {
      fix: fix(`Change to ${served}`, replaceValue(node, served)),
    });
  },
});

/** The sharded kinds are still young and may move on. */
const SERVED: Record<string, string> = {
  SGObjectStorage: 'stackgres.io/v1beta1',
  SGCluster: 'stackgres.io/v1',
  SGBackup: 'stackgres.io/v1',
};
