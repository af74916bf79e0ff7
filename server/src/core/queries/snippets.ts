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

/** Whole manifests, for an empty document. */
export const documents: ManifestSnippet[] = [
  {
    label: 'SGObjectStorage, encrypted with libsodium',
    detail: 'StackGres: storage and the Secret with its key',
    lines: [
      'apiVersion: stackgres.io/v1beta1',
      'kind: SGObjectStorage',
      'metadata:',
      '  name: ${1:backup}',
      '  namespace: ${2:db}',
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
      '  name: ${1:backup}-encryption',
      '  namespace: ${2:db}',
      'type: Opaque',
      'stringData:',
      '  key: ${5:<openssl rand -hex 32>}',
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
      '  namespace: ${2:db}',
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
