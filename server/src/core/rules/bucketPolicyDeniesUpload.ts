import type { Query } from '../index.ts';
import type { SubjectOf } from '../kinds.ts';
import { acceptedSse, denial } from '../queries/bucketPolicy.ts';
import {
  type PlannedUpload,
  uploadsOfCluster,
  uploadsOfConf,
  uploadsOfEnvironment,
  uploadsOfLocation,
  uploadsOfStorage,
  uploadsOfStore,
} from '../queries/uploads.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'bucket-policy-denies-upload',
  summary: 'What a backup tool uploads is not refused by the policy of its bucket.',
  why: 'S3 holds the policy against the header that the request itself carries, before the default encryption of the bucket is applied: a bucket that encrypts everything by default still answers AccessDenied to an upload without the header. A negated condition (StringNotEquals) also holds where the header is missing.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['P66', 'W5', 'W7', 'W23', 'Z10'],
  kinds: [
    'BackupLocation',
    'SGObjectStorage',
    'PostgresCluster',
    'pgbackrest.conf',
    'CnpgCluster',
    'CnpgObjectStore',
    'ConfigMap',
    'ZalandoCluster',
  ],
  bad: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: my-backup-bucket
            ^^^^^^^^^^^^^^^^ error bucket-policy-denies-upload: bucket my-backup-bucket refuses uploads without the header x-amz-server-side-encryption (OnlyEncrypted in policy.json), and this location sends none: set sse: AES256
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}
    #- /policy.json
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "OnlyEncrypted",
          "Effect": "Deny",
          "Principal": "*",
          "Action": "s3:PutObject",
          "Resource": "arn:aws:s3:::my-backup-bucket/*",
          "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
        }
      ]
    }
  `,
  good: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: my-backup-bucket
      s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true, sse: AES256}
    #- /policy.json
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "OnlyEncrypted",
          "Effect": "Deny",
          "Principal": "*",
          "Action": "s3:PutObject",
          "Resource": "arn:aws:s3:::my-backup-bucket/*",
          "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
        }
      ]
    }
  `,
  check(subject, { report, query }) {
    let isTlsSaid = false;
    for (const planned of uploadsOf(subject, query)) {
      const { upload } = planned;
      const refusal = denial(upload, query);
      if (!refusal) continue;
      const { policy, statement, confidence } = refusal;
      const source = `${statement.name} in ${policy.fileName}`;
      const options = {
        severity: confidence === 'likely' ? ('information' as const) : ('error' as const),
        related: [{ at: statement.at, message: 'the statement that refuses it' }],
      };
      const isAboutTls = !upload.isTls && denial({ ...upload, isTls: true }, query)?.statement !== statement;
      if (isAboutTls) {
        if (isTlsSaid) continue;
        isTlsSaid = true;
        report(
          planned.httpAt ?? planned.bucketAt,
          `bucket ${upload.bucket} refuses plain HTTP (${source}): every upload ends with AccessDenied`,
          options,
        );
        continue;
      }
      const { advice, fix } = planned.cure(acceptedSse({ ...upload, isTls: true }, query));
      const what = upload.sse === 'sse-c' ? 'uploads with a customer key' : `uploads with ${upload.sse}`;
      report(
        planned.sseAt ?? planned.bucketAt,
        upload.sse
          ? `bucket ${upload.bucket} refuses ${what} (${source}): ${advice}`
          : `bucket ${upload.bucket} refuses uploads without the header x-amz-server-side-encryption (${source}), and ${planned.sender} sends none: ${advice}`,
        { ...options, fix },
      );
    }
  },
});

function uploadsOf(
  subject: SubjectOf[
    | 'BackupLocation'
    | 'SGObjectStorage'
    | 'PostgresCluster'
    | 'pgbackrest.conf'
    | 'CnpgCluster'
    | 'CnpgObjectStore'
    | 'ConfigMap'
    | 'ZalandoCluster'],
  query: Query,
): PlannedUpload[] {
  switch (subject.kind) {
    case 'BackupLocation':
      return uploadsOfLocation(subject, query);
    case 'SGObjectStorage':
      return uploadsOfStorage(subject);
    case 'PostgresCluster':
      return uploadsOfCluster(subject, query);
    case 'CnpgCluster':
    case 'CnpgObjectStore':
      return uploadsOfStore(subject);
    case 'ConfigMap':
    case 'ZalandoCluster':
      return uploadsOfEnvironment(subject, query);
    default:
      return uploadsOfConf(subject);
  }
}
