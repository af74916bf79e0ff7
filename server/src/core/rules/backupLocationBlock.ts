import { LOCATION_BLOCKS } from '../resources/stork.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'backup-location-block',
  summary: 'A BackupLocation has the block of its type.',
  why: 'Stork reads only the block that belongs to type. What stands in another one is ignored without a word: credentials, endpoint and server-side encryption with it.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W15'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: azure
      path: backups
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
      ^^^^^^^^ warning backup-location-block: type is azure, so Stork does not read s3Config; azureConfig is what it reads
  `,
  good: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
  `,
  check({ type, location }, { report }) {
    if (!type) return;
    const own = LOCATION_BLOCKS[type];
    for (const block of Object.values(LOCATION_BLOCKS)) {
      const node = location?.get(block);
      if (block === own || !node?.isMap || node.entries().length === 0) continue;
      report(node.keyPlace, `type is ${type}, so Stork does not read ${block}; ${own} is what it reads`);
    }
  },
});
