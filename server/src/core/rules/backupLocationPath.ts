import { locationValue } from '../queries/backupLocation.ts';
import { setText } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'backup-location-path',
  summary: 'path of a BackupLocation is the bare name of the bucket or container.',
  why: 'Stork takes the text as the name of the bucket: with s3:// in front or a folder behind it is no valid name, and every upload fails.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W13'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: s3://backups/stork
            ^^^^^^^^^^^^^^^^^^ error backup-location-path: path is the bare name of the bucket, without s3:// and without a folder
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
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
    const { type } = resource;
    if (!type || type === 'nfs') return;
    const path = locationValue(resource, 'path', query);
    if (!path || path === 'unseen' || !path.text.includes('/')) return;
    const scheme = /^([a-z0-9+.-]+:\/\/)/i.exec(path.text)?.[1];
    const bare =
      path.text
        .slice(scheme?.length ?? 0)
        .replace(/^\/+/, '')
        .split('/')[0] ?? '';
    const hasFolder = path.text
      .slice(scheme?.length ?? 0)
      .replace(/^\/+|\/+$/g, '')
      .includes('/');
    const thing = type === 'azure' ? 'container' : 'bucket';
    const without = [
      scheme && `without ${scheme}`,
      hasFolder && 'without a folder',
      !scheme && !hasFolder && 'without a slash',
    ]
      .filter(Boolean)
      .join(' and ');
    // An address of https://host/bucket has the bucket elsewhere.
    const isSure = bare !== '' && !/^https?:/i.test(scheme ?? '');
    report(path.at, `path is the bare name of the ${thing}, ${without}`, {
      fix: isSure
        ? fix(
            `Change to ${bare}`,
            path.node ? replaceValue(path.node, plainOrQuoted(bare)) : path.entry && setText(path.entry, bare),
          )
        : undefined,
    });
  },
});
