import { test } from 'vitest';
import { checkFix } from '../support/check.ts';

test('an in-tree store of CloudNativePG becomes an ObjectStore, comments and all', () => {
  checkFix(
    'Make ObjectStore main',
    `apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: main, namespace: db}
spec:
  instances: 3
  backup:
    barmanObjectStore:
      destinationPath: s3://backups/main
      # by the role of the node
      s3Credentials:
        inheritFromIAMRole: true
    retentionPolicy: 30d
  storage: {size: 1Gi}
`,
    `apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: main, namespace: db}
spec:
  instances: 3
  plugins:
    - name: barman-cloud.cloudnative-pg.io
      isWALArchiver: true
      parameters:
        barmanObjectName: main
  storage: {size: 1Gi}
---
apiVersion: barmancloud.cnpg.io/v1
kind: ObjectStore
metadata:
  name: main
  namespace: db
spec:
  retentionPolicy: "30d"
  configuration:
    destinationPath: s3://backups/main
    # by the role of the node
    s3Credentials:
      inheritFromIAMRole: true
`,
  );
});

test('an SGBackupConfig becomes an SGObjectStorage, and its schedule goes to the clusters that use it', () => {
  checkFix(
    'Make SGObjectStorage old',
    `#- /config.yaml
apiVersion: stackgres.io/v1
kind: SGBackupConfig
metadata:
  name: old
  namespace: db
spec:
  baseBackups:
    cronSchedule: '0 2 * * *'
    retention: 7
  storage:
    type: gcs
    gcs:
      bucket: backups
      gcpCredentials: {fetchCredentialsFromMetadataService: true}
#- /cluster.yaml
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: app, namespace: db}
spec:
  instances: 1
  postgres: {version: '16'}
  pods: {persistentVolume: {size: 5Gi}}
  configurations:
    sgBackupConfig: old
`,
    `#- /config.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata:
  name: old
  namespace: db
spec:
  type: gcs
  gcs:
    bucket: backups
    gcpCredentials: {fetchCredentialsFromMetadataService: true}
#- /cluster.yaml
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: app, namespace: db}
spec:
  instances: 1
  postgres: {version: '16'}
  pods: {persistentVolume: {size: 5Gi}}
  configurations:
    backups:
    - sgObjectStorage: old
      cronSchedule: '0 2 * * *'
      retention: 7
`,
    { rule: 'sg-backup-config-gone' },
  );
});

test('a key of a BackupLocation moves into a Secret', () => {
  checkFix(
    'Move it into Secret minio',
    `apiVersion: stork.libopenstorage.org/v1alpha1
kind: BackupLocation
metadata: {name: minio, namespace: db}
location:
  type: s3
  path: backups
  s3Config:
    region: eu-west-1
    endpoint: s3.amazonaws.com
    secretAccessKey: abcdefghijabcdefghijabcdefghijabcdefghij
`,
    `apiVersion: stork.libopenstorage.org/v1alpha1
kind: BackupLocation
metadata: {name: minio, namespace: db}
location:
  secretConfig: minio
  type: s3
  path: backups
  s3Config:
    region: eu-west-1
    endpoint: s3.amazonaws.com
---
apiVersion: v1
kind: Secret
metadata:
  name: minio
  namespace: db
stringData:
  secretAccessKey: "abcdefghijabcdefghijabcdefghijabcdefghij"
`,
  );
});

test('an empty encryption of CloudNativePG goes', () => {
  checkFix(
    'Remove encryption',
    `apiVersion: barmancloud.cnpg.io/v1
kind: ObjectStore
metadata: {name: store, namespace: db}
spec:
  configuration:
    destinationPath: s3://backups/pg
    s3Credentials: {inheritFromIAMRole: true}
    wal:
      compression: gzip
      encryption: ""
`,
    `apiVersion: barmancloud.cnpg.io/v1
kind: ObjectStore
metadata: {name: store, namespace: db}
spec:
  configuration:
    destinationPath: s3://backups/pg
    s3Credentials: {inheritFromIAMRole: true}
    wal:
      compression: gzip
`,
  );
});
