import { locationValue } from '../queries/backupLocation.ts';
import { isPartial } from '../queries/partialManifest.ts';
import { fix, fixture, rule } from '../rule.ts';
import { addEntry } from '../yaml/entryEdits.ts';

export default rule({
  id: 'backup-location-defaults',
  summary: 'An s3Config names its region and its endpoint.',
  why: 'Stork fills in s3.amazonaws.com and us-east-1 only where there is no s3Config at all. With the block, and without region in it or in the Secret, the region is empty and the storage cannot be reached; an empty endpoint is that of AWS.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W9'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      s3Config:
      ^^^^^^^^ warning backup-location-defaults: s3Config has neither region nor endpoint, and with this block Stork has no default for them
        useIam: true
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
  check(resource, { report, query }) {
    const block = resource.location?.get('s3Config');
    if (!block?.isMap || resource.type !== 's3' || isPartial(resource, query)) return;
    const missing = ['region', 'endpoint'].filter(
      (it) => locationValue(resource, `s3Config.${it}`, query) === undefined,
    );
    if (missing.length === 0) return;
    const what = missing.length > 1 ? 'neither region nor endpoint' : `no ${missing[0]}`;
    report(
      block.keyPlace,
      `s3Config has ${what}, and with this block Stork has no default for ${missing.length > 1 ? 'them' : 'it'}`,
      {
        severity: missing.includes('region') ? 'warning' : 'information',
        fixes: missing
          .filter((it) => block.get(it) === undefined)
          .map((it) =>
            fix(`Add ${it}: ${DEFAULTS[it]}, the default without s3Config`, addEntry(block, it, DEFAULTS[it]!)),
          ),
      },
    );
  },
});

const DEFAULTS: Record<string, string> = { region: 'us-east-1', endpoint: 's3.amazonaws.com' };
