// biome-ignore-all lint/suspicious/noTemplateCurlyInString: LSP writes the places of a snippet like that
/**
 * Whole pieces of configuration that encrypt, for each product. What a person still has to fill in stands in angle brackets,
 * so that rules do not judge it. `${1:…}` are places to jump to.
 */

import type { ConfCompletion, ConfSurroundings } from './completeConf.ts';

type ConfSnippet = Omit<ConfCompletion, 'start' | 'end'>;

/** For a pgbackrest.conf: a further repository, encrypted from the start. */
export function encryptedRepositorySnippets(around: ConfSurroundings): ConfSnippet[] {
  const repo = `repo${nextNumber(around.repositories)}`;
  const cipher = [
    `${repo}-cipher-type=aes-256-cbc`,
    `${repo}-cipher-pass=\${8:<openssl rand -base64 48>}`,
    `${repo}-retention-full=\${9:2}`,
  ];
  if (around.isMounted) {
    return [
      snippet(`${repo} encrypted`, 'cipher type and pass', [
        `${repo}-cipher-type=aes-256-cbc`,
        `${repo}-cipher-pass=\${1:<openssl rand -base64 48>}`,
      ]),
    ];
  }
  return [
    snippet(`${repo} encrypted on S3`, 'a further repository', [
      `${repo}-type=s3`,
      `${repo}-path=/\${1:pgbackrest}`,
      `${repo}-s3-bucket=\${2:<bucket>}`,
      `${repo}-s3-endpoint=\${3:s3.eu-central-1.amazonaws.com}`,
      `${repo}-s3-region=\${4:eu-central-1}`,
      `${repo}-s3-key=\${5:<access key id>}`,
      `${repo}-s3-key-secret=\${6:<secret access key>}`,
      ...cipher,
    ]),
    snippet(`${repo} encrypted on a folder`, 'a further repository', [
      `${repo}-path=\${1:/backup/pgbackrest}`,
      ...cipher,
    ]),
  ];
}

/** The number that no repository has yet. */
export function nextNumber(numbers: readonly number[]): number {
  let next = 1;
  while (numbers.includes(next)) next++;
  return next;
}

export interface ManifestSnippet {
  label: string;
  detail: string;
  /** Lines without the indentation of the place. */
  lines: string[];
}

/** `spec.encryption` of an SGObjectStorage. */
export const storageEncryption: ManifestSnippet[] = [
  {
    label: 'encryption with libsodium',
    detail: 'a 32-byte key in a Secret',
    lines: [
      'encryption:',
      '  method: sodium',
      '  sodium:',
      '    keyTransform: hex',
      '    key:',
      '      name: ${1:backup-encryption}',
      '      key: ${2:key}',
    ],
  },
  {
    label: 'encryption with OpenPGP',
    detail: 'an armored private key in a Secret',
    lines: [
      'encryption:',
      '  method: openpgp',
      '  openpgp:',
      '    key:',
      '      name: ${1:backup-encryption}',
      '      key: ${2:private-key.asc}',
    ],
  },
];

/** `backups.pgbackrest` of Percona's and Crunchy's clusters. */
export function clusterEncryption(repo: string): ManifestSnippet[] {
  return [
    {
      label: `${repo} encrypted: global and configuration`,
      detail: 'the type here, the pass in a Secret',
      lines: [
        'configuration:',
        '  - secret:',
        '      name: ${1:<cluster>-pgbackrest}',
        'global:',
        `  ${repo}-cipher-type: aes-256-cbc`,
      ],
    },
  ];
}

/** An item of `repos` of Percona's and Crunchy's clusters. */
export function clusterRepositories(repo: string): ManifestSnippet[] {
  return [
    {
      label: `${repo} on S3`,
      detail: `its cipher: ${repo}-cipher-type in global, ${repo}-cipher-pass in the Secret`,
      lines: [
        `name: ${repo}`,
        's3:',
        '  bucket: ${1:<bucket>}',
        '  endpoint: ${2:s3.eu-central-1.amazonaws.com}',
        '  region: ${3:eu-central-1}',
      ],
    },
  ];
}

/** The credentials of an object store and the cipher pass, as the conf that a cluster of Percona or Crunchy mounts. */
function clusterSecret(namespace: string): string[] {
  return [
    '---',
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    '  name: ${1:shop}-pgbackrest',
    `  namespace: ${namespace}`,
    'type: Opaque',
    'stringData:',
    '  s3.conf: |',
    '    [global]',
    '    repo1-s3-key=${6:<access key id>}',
    '    repo1-s3-key-secret=${7:<secret access key>}',
    '    repo1-cipher-pass=${8:<openssl rand -base64 48>}',
  ];
}

function clusterBackups(): string[] {
  return [
    '  backups:',
    '    pgbackrest:',
    '      configuration:',
    '        - secret:',
    '            name: ${1:shop}-pgbackrest',
    '      global:',
    '        repo1-cipher-type: aes-256-cbc',
    '        repo1-path: /pgbackrest/${2:databases}/${1:shop}',
    '        repo1-retention-full: "${9:14}"',
    '      repos:',
    '        - name: repo1',
    '          schedules:',
    '            full: 0 1 * * 0',
    '            differential: 0 1 * * 1-6',
    '          s3:',
    '            bucket: ${3:<bucket>}',
    '            endpoint: ${4:s3.eu-central-1.amazonaws.com}',
    '            region: ${5:eu-central-1}',
  ];
}

const instances = [
  '  postgresVersion: 17',
  '  instances:',
  '    - name: instance1',
  '      replicas: 3',
  '      dataVolumeClaimSpec:',
  '        accessModes: [ReadWriteOnce]',
  '        resources:',
  '          requests:',
  '            storage: 20Gi',
];

const metadata = ['metadata:', '  name: ${1:shop}', '  namespace: ${2:databases}'];

/** Whole manifests, for an empty document. With what they name, so that nothing is missing but what only a person knows. */
export const documents: ManifestSnippet[] = [
  {
    label: 'SGObjectStorage, encrypted with libsodium',
    detail: 'StackGres: storage, credentials and key',
    lines: [
      'apiVersion: stackgres.io/v1beta1',
      'kind: SGObjectStorage',
      'metadata:',
      '  name: ${1:backup}',
      '  namespace: ${2:databases}',
      'spec:',
      '  type: s3',
      '  s3:',
      '    bucket: ${3:<bucket>}',
      '    region: ${4:eu-central-1}',
      '    awsCredentials:',
      '      secretKeySelectors:',
      '        accessKeyId: {name: ${1:backup}-credentials, key: accessKeyId}',
      '        secretAccessKey: {name: ${1:backup}-credentials, key: secretAccessKey}',
      '  encryption:',
      '    method: sodium',
      '    sodium:',
      '      keyTransform: hex',
      '      key: {name: ${1:backup}-encryption, key: key}',
      '---',
      'apiVersion: v1',
      'kind: Secret',
      'metadata:',
      '  name: ${1:backup}-credentials',
      '  namespace: ${2:databases}',
      'type: Opaque',
      'stringData:',
      '  accessKeyId: ${5:<access key id>}',
      '  secretAccessKey: ${6:<secret access key>}',
      '---',
      'apiVersion: v1',
      'kind: Secret',
      'metadata:',
      '  name: ${1:backup}-encryption',
      '  namespace: ${2:databases}',
      'type: Opaque',
      'stringData:',
      '  key: "${7:<openssl rand -hex 32>}"',
    ],
  },
  {
    label: 'PerconaPGCluster with an encrypted repository',
    detail: 'Percona: cluster, and the Secret with credentials and pass',
    lines: [
      'apiVersion: pgv2.percona.com/v2',
      'kind: PerconaPGCluster',
      ...metadata,
      'spec:',
      '  crVersion: 2.7.0',
      ...instances,
      '  proxy:',
      '    pgBouncer:',
      '      replicas: 2',
      ...clusterBackups(),
      ...clusterSecret('${2:databases}'),
    ],
  },
  {
    label: 'PostgresCluster with an encrypted repository',
    detail: 'Crunchy: cluster, and the Secret with credentials and pass',
    lines: [
      'apiVersion: postgres-operator.crunchydata.com/v1beta1',
      'kind: PostgresCluster',
      ...metadata,
      'spec:',
      ...instances,
      ...clusterBackups(),
      ...clusterSecret('${2:databases}'),
    ],
  },
  {
    label: 'Cluster of CloudNativePG with an encrypted ObjectStore',
    detail: 'CloudNativePG: server-side encryption, by the Barman plugin',
    lines: [
      'apiVersion: postgresql.cnpg.io/v1',
      'kind: Cluster',
      ...metadata,
      'spec:',
      '  instances: 3',
      '  storage:',
      '    size: 20Gi',
      '  plugins:',
      '    - name: barman-cloud.cloudnative-pg.io',
      '      isWALArchiver: true',
      '      parameters:',
      '        barmanObjectName: ${1:shop}',
      '---',
      'apiVersion: barmancloud.cnpg.io/v1',
      'kind: ObjectStore',
      ...metadata,
      'spec:',
      '  retentionPolicy: ${3:30d}',
      '  configuration:',
      '    destinationPath: s3://${4:<bucket>}/${1:shop}',
      '    s3Credentials:',
      '      accessKeyId: {name: ${1:shop}-credentials, key: accessKeyId}',
      '      secretAccessKey: {name: ${1:shop}-credentials, key: secretAccessKey}',
      '    wal:',
      '      compression: gzip',
      '      encryption: AES256',
      '    data:',
      '      compression: gzip',
      '      encryption: AES256',
      '---',
      'apiVersion: postgresql.cnpg.io/v1',
      'kind: ScheduledBackup',
      ...metadata,
      'spec:',
      '  schedule: 0 0 1 * * *',
      '  method: plugin',
      '  pluginConfiguration:',
      '    name: barman-cloud.cloudnative-pg.io',
      '  cluster:',
      '    name: ${1:shop}',
      '---',
      'apiVersion: v1',
      'kind: Secret',
      'metadata:',
      '  name: ${1:shop}-credentials',
      '  namespace: ${2:databases}',
      'type: Opaque',
      'stringData:',
      '  accessKeyId: ${5:<access key id>}',
      '  secretAccessKey: ${6:<secret access key>}',
    ],
  },
  {
    label: 'Pod environment of Zalando’s operator, encrypted with libsodium',
    detail: 'Zalando: what pod_environment_configmap and pod_environment_secret name',
    lines: [
      'apiVersion: acid.zalan.do/v1',
      'kind: OperatorConfiguration',
      'metadata:',
      '  name: ${1:postgres-operator}',
      '  namespace: ${2:databases}',
      'configuration:',
      '  kubernetes:',
      '    pod_environment_configmap: ${2:databases}/pod-environment',
      '    pod_environment_secret: pod-environment',
      '---',
      'apiVersion: v1',
      'kind: ConfigMap',
      'metadata:',
      '  name: pod-environment',
      '  namespace: ${2:databases}',
      'data:',
      '  WAL_S3_BUCKET: ${3:<bucket>}',
      '  WAL_BUCKET_SCOPE_PREFIX: ""',
      '  AWS_REGION: ${4:eu-central-1}',
      '  USE_WALG_BACKUP: "true"',
      '  USE_WALG_RESTORE: "true"',
      '  CLONE_USE_WALG_RESTORE: "true"',
      '  BACKUP_SCHEDULE: 0 1 * * *',
      '  BACKUP_NUM_TO_RETAIN: "${5:14}"',
      '---',
      'apiVersion: v1',
      'kind: Secret',
      'metadata:',
      '  name: pod-environment',
      '  namespace: ${2:databases}',
      'type: Opaque',
      'stringData:',
      '  AWS_ACCESS_KEY_ID: ${6:<access key id>}',
      '  AWS_SECRET_ACCESS_KEY: ${7:<secret access key>}',
      '  WALG_LIBSODIUM_KEY: "${8:<openssl rand -hex 32>}"',
      '  WALG_LIBSODIUM_KEY_TRANSFORM: hex',
    ],
  },
  {
    label: 'BackupLocation, encrypted',
    detail: 'Stork: location, and the Secret with credentials and passphrase',
    lines: [
      'apiVersion: stork.libopenstorage.org/v1alpha1',
      'kind: BackupLocation',
      'metadata:',
      '  name: ${1:backups}',
      '  namespace: ${2:kube-system}',
      'location:',
      '  type: s3',
      '  path: ${3:<bucket>}',
      '  secretConfig: ${1:backups}',
      '  s3Config:',
      '    region: ${4:eu-central-1}',
      '    endpoint: ${5:s3.eu-central-1.amazonaws.com}',
      '---',
      'apiVersion: v1',
      'kind: Secret',
      'metadata:',
      '  name: ${1:backups}',
      '  namespace: ${2:kube-system}',
      'type: Opaque',
      'stringData:',
      '  accessKeyID: ${6:<access key id>}',
      '  secretAccessKey: ${7:<secret access key>}',
      '  encryptionKey: "${8:<openssl rand -hex 32>}"',
    ],
  },
  {
    label: 'Secret with a pgBackRest cipher pass',
    detail: 'Percona and Crunchy: goes with repo1-cipher-type in the cluster’s global',
    lines: [
      'apiVersion: v1',
      'kind: Secret',
      'metadata:',
      '  name: ${1:<cluster>-pgbackrest}',
      '  namespace: ${2:databases}',
      'type: Opaque',
      'stringData:',
      '  cipher.conf: |',
      '    [global]',
      '    ${3:repo1}-cipher-pass=${4:<openssl rand -base64 48>}',
    ],
  },
];

function snippet(label: string, detail: string, lines: string[]): ConfSnippet {
  return {
    label,
    kind: 'snippet',
    detail,
    documentation: ['```ini', ...lines.map((it) => it.replace(/\$\{\d+:([^}]*)\}/g, '$1')), '```'].join('\n'),
    newText: lines.join('\n'),
    isSnippet: true,
    rank: 5,
  };
}
