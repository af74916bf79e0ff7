import { isOpaque } from '../opaque.ts';
import { overridingEntry } from '../queries/backupLocation.ts';
import { LOCATION_SECRET_ENTRIES } from '../resources/stork.ts';
import { fix, fixture, rule } from '../rule.ts';
import { removeEntry } from '../yaml/entryEdits.ts';

export default rule({
  id: 'backup-location-overridden',
  summary: 'What the Secret of a BackupLocation says does not stand in the location with another value.',
  why: 'The Secret beats the fields of the location, without a word (a comment in the code of Stork says the opposite). Backups go to the place, and are encrypted with the passphrase, that the Secret names.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W8'],
  kinds: ['BackupLocation'],
  bad: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      secretConfig: backups
      s3Config:
        endpoint: s3.eu-central-1.amazonaws.com
        region: eu-central-1
                ^^^^^^^^^^^^ warning backup-location-overridden: region has another value in Secret kube-system/backups, which wins
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backups, namespace: kube-system}
    stringData:
      region: us-east-1
  `,
  good: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      secretConfig: backups
      s3Config:
        endpoint: s3.us-east-1.amazonaws.com
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backups, namespace: kube-system}
    stringData:
      region: us-east-1
  `,
  check(resource, { report, query }) {
    for (const { field, entry: name, types } of LOCATION_SECRET_ENTRIES) {
      if (resource.type && !types.includes(resource.type)) continue;
      const node = resource.location?.get(field);
      const text = node?.text;
      if (!node || !text || isOpaque(text)) continue;
      const overriding = overridingEntry(resource, field, query);
      if (overriding?.text === undefined || overriding.text === text) continue;
      const { entry } = overriding;
      const called = node.key?.text === name ? '' : `, entry ${name}`;
      const parent = resource.location?.get(field.split('.').slice(0, -1));
      report(node.place, `${node.key?.text} has another value in ${entry.secret.title}${called}, which wins`, {
        fix: parent ? fix(`Remove ${node.key?.text} from the location`, removeEntry(parent, node)) : undefined,
        related: [{ at: entry.keyPlace, message: 'this value is in force' }],
      });
    }
  },
});
