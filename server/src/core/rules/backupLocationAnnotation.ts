import { editDistance } from '../nearest.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'backup-location-annotation',
  summary: 'Annotations for Stork begin with stork.libopenstorage.org/.',
  why: 'An annotation of another group is nobody’s: with a slip in stork.libopenstorage.org/skipresource the BackupLocation, keys and all, is itself taken into backups.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W22'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata:
      name: backups
      namespace: kube-system
      annotations:
        stork.libopenstorage.ord/skipresource: "true"
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning backup-location-annotation: Stork does not read this annotation: its group is stork.libopenstorage.org
    location:
      type: s3
      path: backups
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
  `,
  good: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata:
      name: backups
      namespace: kube-system
      annotations:
        stork.libopenstorage.org/skipresource: "true"
    location:
      type: s3
      path: backups
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
  `,
  check(resource, { report }) {
    for (const it of resource.node.get('metadata.annotations')?.entries() ?? []) {
      const [group, name] = (it.key?.text ?? '').split('/');
      if (!group || !name || group === GROUP || editDistance(group, GROUP, 2) > 2) continue;
      report(it.keyPlace, `Stork does not read this annotation: its group is ${GROUP}`, {
        fix: fix(`Change to ${GROUP}/${name}`, [{ at: it.keyPlace, newText: `${GROUP}/${name}` }]),
      });
    }
  },
});

const GROUP = 'stork.libopenstorage.org';
