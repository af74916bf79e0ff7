import { locationValue } from '../queries/backupLocation.ts';
import { isPartial } from '../queries/partialManifest.ts';
import { fix, fixture, rule } from '../rule.ts';
import { addEntry } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

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
        fix: addDefaults(
          block,
          missing.filter((it) => block.get(it) === undefined),
        ),
      },
    );
  },
});

/** Both behind the last entry: as one insertion, since two at one place have no order. */
function addDefaults(block: YamlNode, missing: readonly string[]) {
  const edits = missing.map((it) => addEntry(block, it, DEFAULTS[it]!)?.[0]);
  const [first] = edits;
  if (!first || edits.includes(undefined)) return undefined;
  return fix(`Add the defaults without s3Config: ${missing.map((it) => `${it}: ${DEFAULTS[it]}`).join(', ')}`, [
    { at: first.at, newText: edits.map((it) => it!.newText).join('') },
  ]);
}

const DEFAULTS: Record<string, string> = { region: 'us-east-1', endpoint: 's3.amazonaws.com' };
