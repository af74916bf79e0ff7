import { asStorkReads, locationsOfSecret } from '../queries/backupLocation.ts';
import { valuePlace } from '../queries/selectedEntry.ts';
import { setText } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'backup-location-secret-value',
  summary: 'What the Secret of a BackupLocation says is something that Stork and the storage take.',
  why: 'disableSSL is read as Go reads booleans: yes, no or a blank make Stork stop with "error parsing disableSSL from Secret", and no location of the namespace is listed any more. sse goes to the storage unchecked, which refuses every upload. With an empty encryptionKey nothing is encrypted.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W6', 'W10'],
  kinds: ['Secret'],
  bad: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      secretConfig: backups
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backups, namespace: kube-system}
    stringData:
      disableSSL: "no"
                   ^^ error backup-location-secret-value: Stork reads disableSSL as true, false, 1, 0, t or f, and stops at anything else
      sse: SSE-S3
           ^^^^^^ error backup-location-secret-value: sse must be AES256 or aws:kms; the storage refuses every upload
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
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backups, namespace: kube-system}
    stringData:
      disableSSL: "false"
      sse: AES256
  `,
  check(secret, { report, query }) {
    const locations = locationsOfSecret(secret, query);
    if (locations.length === 0) return;
    const isS3 = locations.some((it) => it.type === 's3');
    const related = locations.map((it) => ({ at: it.namePlace, message: `${it.title} reads this Secret` }));
    const entryOf = (name: string) => {
      const entry = secret.entry(name);
      const text = entry && !entry.isOpaque ? asStorkReads(entry) : undefined;
      return entry && text !== undefined ? { entry, text } : undefined;
    };
    const key = entryOf('encryptionKey');
    if (key?.text === '')
      report(key.entry.keyPlace, 'encryptionKey is empty: Stork stores the resource files of backups in clear text', {
        related,
      });
    const plainHttp = isS3 ? entryOf('disableSSL') : undefined;
    // An empty value is parsed too, and refused.
    if (plainHttp && !/^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(plainHttp.text)) {
      const meant = BOOLEANS[plainHttp.text.trim().toLowerCase()];
      report(
        valuePlace(plainHttp.entry),
        'Stork reads disableSSL as true, false, 1, 0, t or f, and stops at anything else',
        { fix: meant ? fix(`Change to ${meant}`, setText(plainHttp.entry, meant)) : undefined, related },
      );
    }
    const sse = isS3 ? entryOf('sse') : undefined;
    if (sse && !/^(?:AES256|aws:kms)?$/.test(sse.text)) {
      const meant = SSE[sse.text.trim().toLowerCase()];
      report(valuePlace(sse.entry), 'sse must be AES256 or aws:kms; the storage refuses every upload', {
        fix: meant ? fix(`Change to ${meant}`, setText(sse.entry, meant)) : undefined,
        related,
      });
    }
  },
});

const BOOLEANS: Record<string, string> = {
  yes: 'true',
  on: 'true',
  true: 'true',
  no: 'false',
  off: 'false',
  false: 'false',
};

const SSE: Record<string, string> = {
  'sse-s3': 'AES256',
  aes256: 'AES256',
  'aes-256': 'AES256',
  aes: 'AES256',
  true: 'AES256',
  enabled: 'AES256',
  kms: 'aws:kms',
  'aws-kms': 'aws:kms',
  'sse-kms': 'aws:kms',
  'aws:kms': 'aws:kms',
};
