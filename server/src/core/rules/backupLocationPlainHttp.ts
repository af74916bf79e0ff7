import { locationValue } from '../queries/backupLocation.ts';
import { setText } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'backup-location-plain-http',
  summary: 'A BackupLocation at AWS is reached over TLS.',
  why: 'With disableSSL everything but the encrypted resource files travels readable through the internet. AWS takes plain HTTP unless the policy of the bucket asks for aws:SecureTransport, as recommended ones do.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W23'],
  kinds: ['BackupLocation'],
  bad: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      s3Config:
        region: eu-central-1
        endpoint: s3.eu-central-1.amazonaws.com
        useIam: true
        disableSSL: true
                    ^^^^ warning backup-location-plain-http: backups travel to s3.eu-central-1.amazonaws.com without TLS
  `,
  good: fixture`
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      s3Config:
        region: eu-central-1
        endpoint: s3.eu-central-1.amazonaws.com
        useIam: true
        disableSSL: false
  `,
  check(resource, { report, query }) {
    if (resource.type !== 's3') return;
    const disabled = locationValue(resource, 's3Config.disableSSL', query);
    const endpoint = locationValue(resource, 's3Config.endpoint', query);
    if (!disabled || disabled === 'unseen' || !/^(?:1|t|true)$/i.test(disabled.text) || endpoint === 'unseen') return;
    const host = endpoint?.text ?? 's3.amazonaws.com';
    if (!/\.amazonaws\.com(?:\.cn)?(?::\d+)?$/i.test(host)) return;
    report(disabled.at, `backups travel to ${host} without TLS`, {
      fix: fix(
        'Change to false',
        disabled.node ? replaceValue(disabled.node, 'false') : disabled.entry && setText(disabled.entry, 'false'),
      ),
    });
  },
});
