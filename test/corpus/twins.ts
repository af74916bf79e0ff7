/**
 * Folders as people keep them: each is right as it stands, each `bad` change brings one mistake of the catalogues into it,
 * and each `good` change is one that must not alarm anybody.
 */

export interface Folder {
  name: string;
  /** Files, each begun by `#- /path`. */
  files: string;
  bad: Change[];
  good: Change[];
}

export interface Change {
  /** What was done, and for a mistake the number in the catalogues. */
  what: string;
  /** Replacements, each of which must change something. */
  edits: [from: string | RegExp, to: string][];
  /** For a mistake: one of these rules must say it, as a warning or an error. */
  rules?: string[];
}

const bad = (what: string, rules: string | string[], ...edits: Change['edits']): Change => ({
  what,
  edits,
  rules: [rules].flat(),
});
const good = (what: string, ...edits: Change['edits']): Change => ({ what, edits });

const pass = 'Zk3vS8qLr0TnW5yBd7XcJ2mHpF9aGuEo';

const host: Folder = {
  name: 'a host with pgbackrest.conf and conf.d',
  files: `#- /etc/pgbackrest/pgbackrest.conf
# managed by hand
[global]
repo1-path=/srv/pgbackrest
repo1-retention-full=2
repo1-retention-diff=6
repo1-cipher-type=aes-256-cbc
repo2-type=s3
repo2-path=/pgbackrest
repo2-s3-bucket=acme-backups
repo2-s3-endpoint=s3.eu-west-1.amazonaws.com
repo2-s3-region=eu-west-1
repo2-cipher-type=aes-256-cbc
repo2-retention-full=4
start-fast=y
process-max=4
compress-type=zst
log-level-console=info

[global:archive-push]
compress-level=3

[main]
pg1-path=/var/lib/postgresql/15/main
pg1-port=5432
#- /etc/pgbackrest/conf.d/secrets.conf
[global]
repo1-cipher-pass=${pass}
repo2-cipher-pass=${pass.split('').reverse().join('')}
repo2-s3-key=AKIAYQ2LMZ7RB4TTWC5D
repo2-s3-key-secret=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
#- /etc/cron.d/pgbackrest
30 2 * * 0 postgres pgbackrest --type=full --stanza=main backup
`,
  bad: [
    bad('M1 type removed', 'cipher-pass-without-type', ['repo1-cipher-type=aes-256-cbc\n', '']),
    bad('M2 pass removed', 'cipher-type-without-pass', [/repo1-cipher-pass=.*\n/, '']),
    bad('M3 type none', 'cipher-none-with-pass', ['repo1-cipher-type=aes-256-cbc', 'repo1-cipher-type=none']),
    bad('M4 wrong type', 'unknown-cipher-type', ['repo2-cipher-type=aes-256-cbc', 'repo2-cipher-type=AES256']),
    bad('M5 empty pass', 'empty-value', [/repo1-cipher-pass=.*/, 'repo1-cipher-pass=']),
    bad('M6 quotes', 'quoted-value', [/repo1-cipher-pass=(.*)/, 'repo1-cipher-pass="$1"']),
    bad('M7 comment behind the pass', 'inline-comment', [/(repo2-cipher-pass=.*)/, '$1   # from vault']),
    bad(
      'M9 index slip',
      ['cipher-type-without-pass', 'cipher-without-repository'],
      [/repo1-cipher-pass/, 'repo3-cipher-pass'],
    ),
    bad('M20 misspelt option', 'unknown-option', ['repo1-retention-full=2', 'repo1-retention-ful=2']),
    bad('M21 misspelt path', 'unknown-option', ['repo1-path', 'repo1-pth']),
    bad('M22 underscore', ['unknown-option', 'misspelt-cipher-option'], ['repo1-cipher-type', 'repo1_cipher_type']),
    bad('M23 index missing', 'option-index', ['repo1-retention-diff', 'repo-retention-diff']),
    bad(
      'M29 twice in two files',
      ['duplicate-option', 'option-set-twice'],
      ['[global]\nrepo1-cipher-pass', '[global]\nrepo1-path=/other\nrepo1-cipher-pass'],
    ),
    bad('M31 section in capitals', 'unread-section', ['[global:archive-push]', '[global:archive_push]']),
    bad('M32 comment behind a header', 'section-header', ['[main]', '[main] # production']),
    bad('M34 fragment without header', 'option-outside-section', ['[global]\nrepo1-cipher-pass', 'repo1-cipher-pass']),
    bad('M37 semicolon', 'foreign-comment', ['# managed by hand', '; managed by hand']),
    bad('M41 pg1-path in global', 'stanza-option-in-global', [
      'start-fast=y',
      'start-fast=y\npg1-path=/var/lib/postgresql/15/main',
    ]),
    bad('M43 pg1-path for one command', 'stanza-without-pg-path', [
      '[main]\npg1-path=/var/lib/postgresql/15/main',
      '[main:backup]\npg1-path=/var/lib/postgresql/15/main\n[main]',
    ]),
    bad('M50 boolean yes', 'invalid-value', ['start-fast=y', 'start-fast=yes']),
    bad('M53 relative path', 'invalid-value', ['repo1-path=/srv/pgbackrest', 'repo1-path=srv/pgbackrest']),
    bad('M54 zstd', 'invalid-value', ['compress-type=zst', 'compress-type=zstd']),
    bad('M58 retention 0', 'invalid-value', ['repo1-retention-full=2', 'repo1-retention-full=0']),
    bad('M73 type removed', 'ignored-option', ['repo2-type=s3\n', '']),
    bad('M74 region missing', 'missing-required-option', ['repo2-s3-region=eu-west-1\n', '']),
    bad('M82 same path', 'same-repository-place', [
      'repo2-type=s3\n',
      'repo3-path=/srv/pgbackrest\nrepo3-retention-full=2\nrepo2-type=s3\n',
    ]),
    bad('M90 no retention', 'missing-retention', ['repo1-retention-full=2\n', '']),
    bad('M1 in a template of another host', 'cipher-pass-without-type', [
      /$/,
      '#- /templates/pgbackrest.conf.j2\n[global]\nrepo1-path={{ path }}\nrepo1-retention-full=2\nrepo1-cipher-pass={{ pass }}\n[{{ stanza }}]\npg1-path={{ pg }}\n',
    ]),
    bad('M70 block without bundle', 'ignored-option', ['start-fast=y', 'start-fast=y\nrepo1-block=y']),
  ],
  good: [
    good('CRLF', [/\n(?!#- )/g, '\r\n']),
    good('old names', ['repo1-retention-full=2', 'retention-full=2'], ['repo1-path=', 'repo-path=']),
    good('blanks around =', [/=(?=aes)/g, ' = ']),
    good('a stanza overrides', ['pg1-port=5432', 'pg1-port=5432\nrepo1-retention-full=8']),
    good('two stanzas with own clusters', [
      'pg1-port=5432',
      'pg1-port=5432\n[other]\npg1-path=/var/lib/postgresql/15/other\npg1-port=5433',
    ]),
    good('the pass comes from the environment', [
      /repo1-cipher-pass=.*\n/,
      '# PGBACKREST_REPO1_CIPHER_PASS is set by systemd\n',
    ]),
    good('a template for another host beside it', [
      /$/,
      '#- /templates/pgbackrest.conf.j2\n[global]\nrepo1-path={{ path }}\nrepo1-retention-full={{ keep }}\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass={{ pass }}\n{% for it in clusters %}\n[{{ it.name }}]\npg1-path={{ it.path }}\n{% endfor %}\n',
    ]),
    good('the configuration of another host', [
      /$/,
      `#- /hosts/standby/pgbackrest.conf\n[global]\nrepo1-host=backup.example.com\nrepo1-host-user=pgbackrest\n[main]\npg1-path=/var/lib/postgresql/15/main\n`,
    ]),
  ],
};

const percona: Folder = {
  name: 'a Percona cluster with kustomize',
  files: `#- /base/kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: payments
resources: [cluster.yaml, secret.yaml, backup.yaml]
#- /base/cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata:
  name: payments
spec:
  crVersion: 2.7.0
  postgresVersion: 16
  instances:
    - name: instance1
      replicas: 2
      dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}
  backups:
    pgbackrest:
      configuration:
        - secret:
            name: payments-pgbackrest
      global:
        repo1-path: /pgbackrest/payments/repo1
        repo1-retention-full: "7"
        repo1-cipher-type: aes-256-cbc
        repo2-path: /pgbackrest/payments/repo2
        repo2-retention-full: "30"
        repo2-retention-full-type: time
        repo2-cipher-type: aes-256-cbc
      repos:
        - name: repo1
          schedules: {full: "0 1 * * 0"}
          s3: {bucket: acme-payments, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
        - name: repo2
          gcs: {bucket: acme-payments-dr}
#- /base/secret.yaml
apiVersion: v1
kind: Secret
metadata:
  name: payments-pgbackrest
type: Opaque
stringData:
  s3.conf: |
    [global]
    repo1-s3-key=AKIAYQ2LMZ7RB4TTWC5D
    repo1-s3-key-secret=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
    repo1-cipher-pass=${pass}
  gcs.conf: |
    [global]
    repo2-gcs-key=/etc/pgbackrest/conf.d/gcs-key.json
    repo2-cipher-pass=${pass.split('').reverse().join('')}
  gcs-key.json: '{"type": "service_account"}'
#- /base/backup.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGBackup
metadata:
  name: before-upgrade
spec:
  pgCluster: payments
  repoName: repo1
`,
  bad: [
    bad('P1 type missing', 'repo-pass-without-type', ['        repo2-cipher-type: aes-256-cbc\n', '']),
    bad('P2 pass missing', 'cluster-type-without-pass', [/ {4}repo2-cipher-pass=.*\n/, '']),
    bad('type misspelt', ['unknown-option', 'misspelt-cipher-option'], ['repo2-cipher-type', 'repo2-cypher-type']),
    bad(
      'cipher-type without index',
      ['misspelt-cipher-option', 'unknown-option', 'command-line-option'],
      ['        repo2-cipher-type: aes-256-cbc', '        cipher-type: aes-256-cbc'],
    ),
    bad('pass in global', 'secret-in-global', [
      '        repo2-cipher-type: aes-256-cbc',
      `        repo2-cipher-type: aes-256-cbc\n        repo3-cipher-pass: ${pass}`,
    ]),
    bad('P9 option that the operator writes', 'operator-writes-option', [
      '    repo1-s3-key=AKIA',
      '    repo1-s3-bucket=acme-payments\n    repo1-s3-key=AKIA',
    ]),
    bad('same option in Secret and global', 'option-set-twice', [
      '    repo1-s3-key=AKIA',
      '    repo1-cipher-type=aes-256-cbc\n    repo1-s3-key=AKIA',
    ]),
    bad('no section', 'option-outside-section', ['    [global]\n    repo2-gcs-key', '    repo2-gcs-key']),
    bad('file without .conf', 'conf-entry-name', ['  gcs.conf: |', '  gcs.cfg: |']),
    bad('backup of a repository that is not there', 'unknown-repository', ['repoName: repo1', 'repoName: repo4']),
    bad(
      'pass for a repository that is not declared',
      ['undeclared-repository', 'repo-pass-without-type'],
      [/repo2-cipher-pass/, 'repo3-cipher-pass'],
    ),
    bad('wrong type', 'unknown-cipher-type', ['repo1-cipher-type: aes-256-cbc', 'repo1-cipher-type: aes256']),
    bad('section in capitals', 'unread-section', [
      '    [global]\n    repo2-gcs-key',
      '    [Global]\n    repo2-gcs-key',
    ]),
    bad(
      'the Secret is in another namespace',
      ['secret-not-here', 'repo-pass-without-type', 'unknown-secret-entry', 'cluster-type-without-pass'],
      [
        'metadata:\n  name: payments\nspec:\n  crVersion',
        'metadata:\n  name: payments\n  namespace: payments\nspec:\n  crVersion',
      ],
      ['  name: payments-pgbackrest\ntype: Opaque', '  name: payments-pgbackrest\n  namespace: default\ntype: Opaque'],
    ),
  ].filter((it) => !it.what.startsWith('the Secret is in another')),
  good: [
    good(
      'the Secret is kept outside',
      [/#- \/base\/secret\.yaml[\s\S]*?(?=#- \/base\/backup)/, ''],
      [', secret.yaml', ''],
    ),
    good(
      'a SealedSecret',
      [
        'kind: Secret\nmetadata:\n  name: payments-pgbackrest\ntype: Opaque\nstringData:',
        'kind: Secret\nmetadata:\n  name: unrelated\nstringData:',
      ],
      [
        /$/,
        `#- /base/sealed.yaml
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: payments-pgbackrest}
spec:
  encryptedData:
    s3.conf: AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq
    gcs.conf: AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq
`,
      ],
    ),
    good('an overlay with the same cluster', [
      /$/,
      `#- /overlays/prod/kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: payments-prod
resources: [../../base]
patches:
  - path: retention.yaml
#- /overlays/prod/retention.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: payments}
spec:
  backups:
    pgbackrest:
      global: {repo1-retention-full: "14"}
`,
    ]),
    good('another cluster in another namespace, without encryption', [
      /$/,
      `#- /other/cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: payments, namespace: sandbox}
spec:
  backups:
    pgbackrest:
      global: {repo1-retention-full: "1"}
      repos: [{name: repo1, volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}]
`,
    ]),
    good(
      'the type in the Secret instead',
      ['        repo1-cipher-type: aes-256-cbc\n', ''],
      ['    repo1-s3-key=AKIA', '    repo1-cipher-type=aes-256-cbc\n    repo1-s3-key=AKIA'],
    ),
  ],
};

const stackgres: Folder = {
  name: 'StackGres with libsodium',
  files: `#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata:
  name: backups
  namespace: orders
spec:
  type: s3Compatible
  s3Compatible:
    bucket: orders
    endpoint: https://minio.example.com
    region: eu-west-1
    enablePathStyleAddressing: true
    awsCredentials:
      secretKeySelectors:
        accessKeyId: {name: minio, key: access}
        secretAccessKey: {name: minio, key: secret}
  encryption:
    method: sodium
    sodium:
      key: {name: backup-key, key: libsodium}
      keyTransform: hex
#- /secrets.yaml
apiVersion: v1
kind: Secret
metadata: {name: minio, namespace: orders}
stringData:
  access: AKIAYQ2LMZ7RB4TTWC5D
  secret: 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
---
apiVersion: v1
kind: Secret
metadata: {name: backup-key, namespace: orders}
stringData:
  libsodium: 3f7a1c9e5b2d8f60417ac3e95d1b7f283f7a1c9e5b2d8f60417ac3e95d1b7f28
#- /cluster.yaml
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: orders, namespace: orders}
spec:
  instances: 2
  postgres: {version: "16"}
  pods: {persistentVolume: {size: 10Gi}}
  configurations:
    backups:
      - sgObjectStorage: backups
        cronSchedule: '0 2 * * *'
        retention: 6
        compression: lz4
#- /backup.yaml
apiVersion: stackgres.io/v1
kind: SGBackup
metadata: {name: now, namespace: orders}
spec: {sgCluster: orders}
`,
  bad: [
    bad('key too short', ['sodium-key-length'], [/libsodium: 3f7a.{60}/, 'libsodium: 3f7a1c9e5b2d8f60']),
    bad(
      'no transform for hex',
      ['sodium-key-transform', 'sodium-key-length', 'sodium-key-encoding'],
      ['\n      keyTransform: hex', ''],
    ),
    bad(
      'wrong transform',
      ['sodium-key-transform', 'sodium-key-length', 'sodium-key-encoding'],
      ['keyTransform: hex', 'keyTransform: base64'],
    ),
    bad('entry not there', 'unknown-secret-entry', ['key: libsodium}', 'key: sodium}']),
    bad('key empty', ['encryption-key-empty'], [/libsodium: 3f.*/, "libsodium: ''"]),
    bad(
      'encryption misplaced',
      ['encryption-misplaced', 'unknown-field'],
      [
        / {2}encryption:\n {4}method: sodium\n {4}sodium:\n {6}key: (.*)\n {6}keyTransform: hex/,
        '    encryption:\n      method: sodium\n      sodium:\n        key: $1\n        keyTransform: hex',
      ],
    ),
    bad(
      'encryption empty',
      ['encryption-empty', 'encryption-section'],
      [/ {4}method: sodium\n {4}sodium:\n {6}key: .*\n {6}keyTransform: hex/, '    {}'],
    ),
    bad(
      'method without section',
      ['encryption-section', 'encryption-empty', 'encryption-method-missing'],
      ['    method: sodium', '    method: openpgp'],
    ),
    bad('storage of another name', 'unknown-object-storage', ['sgObjectStorage: backups', 'sgObjectStorage: backup']),
    bad('compression gzip', 'field-value', ['compression: lz4', 'compression: gzip']),
    bad('a quote in a value', ['stackgres-value-quote'], ['secret: wJalr', "secret: wJ'lr"]),
    bad('type and section differ', ['storage-section'], ['type: s3Compatible', 'type: s3']),
    bad(
      'binary key in data',
      ['sodium-key-binary', 'sodium-key-transform', 'sodium-key-encoding'],
      [/stringData:\n {2}libsodium: 3f.*/, 'data:\n  libsodium: P3qc/lstj2BBesPpXRt/KD96nJ4bLY9gQXrD6V0bfyg='],
    ),
    bad('credentials missing', ['storage-credentials', 'storage-defaults'], [/ {4}awsCredentials:\n.*\n.*\n.*\n/, '']),
    bad('unknown field', ['unknown-field'], ['    bucket: orders', '    bucketName: orders']),
  ],
  good: [
    good(
      'key in base64 with its transform',
      [/libsodium: 3f.*/, 'libsodium: P3oMnlstj2BBesPpXRt/KD96DJ5bLY9gQXrD6V0bfyg='],
      ['keyTransform: hex', 'keyTransform: base64'],
    ),
    good('the same names in another namespace', [
      /$/,
      `#- /other.yaml
apiVersion: v1
kind: Secret
metadata: {name: backup-key, namespace: sandbox}
stringData: {libsodium: short}
`,
    ]),
    good('the Secret is not here', [
      /---\napiVersion: v1\nkind: Secret\nmetadata: \{name: backup-key[\s\S]*?(?=#- )/,
      '',
    ]),
    good('values of Helm', [/libsodium: 3f.*/, 'libsodium: {{ .Values.backupKey | quote }}']),
    good('SOPS', [
      /libsodium: 3f.*/,
      'libsodium: ENC[AES256_GCM,data:Zm9v,iv:YmFy,tag:YmF6,type:str]\nsops: {version: 3.8.1, mac: x}',
    ]),
    good('an ExternalSecret', [
      /---\napiVersion: v1\nkind: Secret\nmetadata: \{name: backup-key[\s\S]*?(?=#- )/,
      `---
apiVersion: external-secrets.io/v1beta1
kind: ExternalSecret
metadata: {name: backup-key, namespace: orders}
spec:
  secretStoreRef: {name: vault, kind: ClusterSecretStore}
  target: {name: backup-key}
  data: [{secretKey: libsodium, remoteRef: {key: orders/backup, property: key}}]
`,
    ]),
  ],
};

const stork: Folder = {
  name: 'Portworx backup locations',
  files: `#- /location.yaml
apiVersion: stork.libopenstorage.org/v1alpha1
kind: BackupLocation
metadata: {name: daily, namespace: kube-system}
location:
  type: s3
  secretConfig: daily-s3
  sync: true
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: daily-s3, namespace: kube-system}
stringData:
  path: acme-backups
  endpoint: s3.eu-west-1.amazonaws.com
  region: eu-west-1
  accessKeyID: AKIAYQ2LMZ7RB4TTWC5D
  secretAccessKey: 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
  encryptionKey: ${pass}
  sse: AES256
  disableSSL: "false"
`,
  bad: [
    bad('key under another name', 'backup-location-secret-entry', ['encryptionKey:', 'encryptionV2Key:']),
    bad('old field', 'backup-location-encryption-key', [
      '  secretConfig: daily-s3',
      '  secretConfig: daily-s3\n  encryptionKey: short',
    ]),
    bad('field that is overridden', 'backup-location-overridden', [
      '  sync: true',
      '  path: other-bucket\n  sync: true',
    ]),
    bad('plain http', ['backup-location-plain-http'], ['disableSSL: "false"', 'disableSSL: "true"']),
    bad(
      'wrong block',
      ['backup-location-block'],
      ['  sync: true', '  azureConfig: {storageAccountName: a, storageAccountKey: b}\n  s3Config: {region: x}'],
      ['type: s3', 'type: azure'],
    ),
    bad(
      'spec around it',
      ['backup-location-spec'],
      [
        /location:\n {2}type: s3\n {2}secretConfig: daily-s3\n {2}sync: true/,
        'spec:\n  location:\n    type: s3\n    secretConfig: daily-s3',
      ],
    ),
  ],
  good: [
    good('without the Secret', [/#- \/secret\.yaml[\s\S]*/, '']),
    good('another location in another namespace with the same Secret name', [
      /$/,
      `#- /other.yaml
apiVersion: stork.libopenstorage.org/v1alpha1
kind: BackupLocation
metadata: {name: other, namespace: team}
location: {type: nfs, path: /exports, secretConfig: daily-s3, nfsConfig: {serverAddr: nfs.example.org}}
`,
    ]),
  ],
};

const cnpg: Folder = {
  name: 'CloudNativePG with the Barman plugin',
  files: `#- /store.yaml
apiVersion: barmancloud.cnpg.io/v1
kind: ObjectStore
metadata: {name: ledger-store, namespace: ledger}
spec:
  retentionPolicy: 30d
  configuration:
    destinationPath: s3://acme-ledger/
    s3Credentials:
      accessKeyId: {name: ledger-s3, key: ACCESS_KEY_ID}
      secretAccessKey: {name: ledger-s3, key: ACCESS_SECRET_KEY}
    wal: {compression: gzip, encryption: AES256}
    data: {compression: gzip, encryption: AES256}
#- /cluster.yaml
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: ledger, namespace: ledger}
spec:
  instances: 3
  imageName: ghcr.io/cloudnative-pg/postgresql:16.4
  storage: {size: 10Gi}
  plugins:
    - name: barman-cloud.cloudnative-pg.io
      isWALArchiver: true
      parameters: {barmanObjectName: ledger-store}
#- /schedule.yaml
apiVersion: postgresql.cnpg.io/v1
kind: ScheduledBackup
metadata: {name: nightly, namespace: ledger}
spec:
  schedule: "0 0 2 * * *"
  cluster: {name: ledger}
  method: plugin
  pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: ledger-s3, namespace: ledger}
stringData:
  ACCESS_KEY_ID: AKIAYQ2LMZ7RB4TTWC5D
  ACCESS_SECRET_KEY: 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
`,
  bad: [
    bad('N1 only WAL', 'cnpg-encryption-half', [
      'data: {compression: gzip, encryption: AES256}',
      'data: {compression: gzip}',
    ]),
    bad('N plugin name', 'cnpg-plugin-name', [
      '- name: barman-cloud.cloudnative-pg.io',
      '- name: barman-cloud.cloudnativepg.io',
    ]),
    bad('N schedule of five fields', 'cnpg-schedule', ['"0 0 2 * * *"', '"0 2 * * *"']),
    bad('N entry', 'unknown-secret-entry', ['key: ACCESS_KEY_ID', 'key: ACCESS_KEY']),
    bad('N store', 'cnpg-object-store-name', ['barmanObjectName: ledger-store', 'barmanObjectName: ledger-stroe']),
    bad(
      'N method',
      'cnpg-backup-method',
      ['  method: plugin\n', ''],
      ['  pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}\n', ''],
    ),
    bad('N no archiver', 'cnpg-no-archiver', ['      isWALArchiver: true\n', '']),
    bad('N backup of another cluster', 'cnpg-backup-of-nothing', [
      'cluster: {name: ledger}',
      'cluster: {name: ledgers}',
    ]),
    bad('N line feed in the value', 'cnpg-value-newline', [
      '  ACCESS_KEY_ID: AKIAYQ2LMZ7RB4TTWC5D',
      '  ACCESS_KEY_ID: |\n    AKIAYQ2LMZ7RB4TTWC5D',
    ]),
    bad(
      'N wrong encryption',
      ['field-value', 'cnpg-encryption-support'],
      ['wal: {compression: gzip, encryption: AES256}', 'wal: {compression: gzip, encryption: aes256}'],
    ),
  ],
  good: [
    good('a recovery from another store', [
      /$/,
      `#- /restored.yaml
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: restored, namespace: ledger}
spec:
  instances: 1
  storage: {size: 10Gi}
  bootstrap: {recovery: {source: origin}}
  externalClusters:
    - name: origin
      plugin:
        name: barman-cloud.cloudnative-pg.io
        parameters: {barmanObjectName: ledger-store, serverName: ledger}
`,
    ]),
    good('no Secret here', [/#- \/secret\.yaml[\s\S]*/, '']),
    good('IAM role', [/ {4}s3Credentials:\n.*\n.*\n/, '    s3Credentials: {inheritFromIAMRole: true}\n']),
  ],
};

const zalando: Folder = {
  name: 'Zalando with a Pod ConfigMap and Secret',
  files: `#- /operator.yaml
apiVersion: acid.zalan.do/v1
kind: OperatorConfiguration
metadata: {name: postgresql-operator-configuration, namespace: postgres}
configuration:
  kubernetes:
    pod_environment_configmap: postgres/pod-config
    pod_environment_secret: pod-secret
#- /pod-config.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: pod-config, namespace: postgres}
data:
  WAL_S3_BUCKET: acme-wal
  WAL_BUCKET_SCOPE_PREFIX: ""
  USE_WALG_BACKUP: "true"
  USE_WALG_RESTORE: "true"
  AWS_REGION: eu-west-1
  WALG_LIBSODIUM_KEY_TRANSFORM: hex
  BACKUP_SCHEDULE: "0 1 * * *"
#- /pod-secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: pod-secret, namespace: postgres}
stringData:
  WALG_LIBSODIUM_KEY: 3f7a1c9e5b2d8f60417ac3e95d1b7f283f7a1c9e5b2d8f60417ac3e95d1b7f28
  AWS_ACCESS_KEY_ID: AKIAYQ2LMZ7RB4TTWC5D
  AWS_SECRET_ACCESS_KEY: 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
#- /cluster.yaml
apiVersion: acid.zalan.do/v1
kind: postgresql
metadata: {name: acid-orders, namespace: postgres}
spec:
  teamId: acid
  numberOfInstances: 2
  volume: {size: 10Gi}
  postgresql: {version: "16"}
`,
  bad: [
    bad('Z walg off', 'zalando-walg-off', ['USE_WALG_BACKUP: "true"', 'USE_WALG_BACKUP: "false"']),
    bad('Z key in the ConfigMap', 'zalando-key-in-config-map', [
      '  AWS_REGION: eu-west-1',
      '  AWS_REGION: eu-west-1\n  WALG_PGP_KEY: abc',
    ]),
    bad(
      'Z key too short',
      ['zalando-sodium-key'],
      [/WALG_LIBSODIUM_KEY: 3f.*/, 'WALG_LIBSODIUM_KEY: 3f7a1c9e5b2d8f60'],
    ),
    bad(
      'Z unquoted boolean',
      ['secret-value-type', 'zalando-switch'],
      ['USE_WALG_BACKUP: "true"', 'USE_WALG_BACKUP: true'],
    ),
    bad('Z scope', 'zalando-bucket-scope', ['  WAL_BUCKET_SCOPE_PREFIX: ""\n', '']),
    bad(
      'Z SSE off',
      ['zalando-sse-off'],
      [
        '  AWS_REGION: eu-west-1',
        '  AWS_REGION: eu-west-1\n  WALG_S3_SSE: AES256\n  AWS_ENDPOINT: https://minio.example.com',
      ],
    ),
  ],
  good: [
    good('no Secret here', [/#- \/pod-secret\.yaml[\s\S]*?(?=#- \/cluster)/, '']),
    good('another ConfigMap of another program', [
      /$/,
      '#- /app.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: app, namespace: shop}\ndata: {AWS_REGION: us-east-1, S3_BUCKET: shop}\n',
    ]),
  ],
};

export const folders: readonly Folder[] = [host, percona, stackgres, stork, cnpg, zalando];
