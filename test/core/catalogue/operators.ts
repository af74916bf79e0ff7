/** A text for every numbered mistake of the other operators' manifests and of Kubernetes objects, by number. */

const pass = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const hex = '4f1c2b9a7d3e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8';
const s3 = 's3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}';
const credentials = 'repo1-s3-key=AKIAIOSFODNN7ABCDEFG\nrepo1-s3-key-secret=wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl';

const indent = (text: string, by: number) => text.replace(/^(?=.)/gm, ' '.repeat(by));

const percona = (pgbackrest: string, spec = '', name = 'prod') =>
  `apiVersion: pgv2.percona.com/v2\nkind: PerconaPGCluster\nmetadata: {name: ${name}}\nspec:\n  crVersion: 2.7.0\n  instances: [{name: a, dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]\n${spec}  backups:\n    pgbackrest:\n${indent(pgbackrest, 6)}\n`;

const cloud = (global: string, more = '') =>
  percona(
    `configuration:\n  - secret: {name: keys}\nglobal:\n  repo1-retention-full: "2"\n${indent(global, 2)}\n${more}repos:\n  - name: repo1\n    ${s3}`,
  );

const keys = (conf: string, entry = 's3.conf', container = 'stringData') =>
  `---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n${container}:\n  ${entry}: |\n${indent(conf, 4)}\n`;

const typed = 'repo1-cipher-type: aes-256-cbc';

const perconaBackup = (spec: string, kind = 'PerconaPGBackup') =>
  `apiVersion: pgv2.percona.com/v2\nkind: ${kind}\nmetadata: {name: b}\nspec:\n${indent(spec, 2)}\n`;

const crunchy = (pgbackrest: string, spec = '') =>
  `apiVersion: postgres-operator.crunchydata.com/v1beta1\nkind: PostgresCluster\nmetadata: {name: prod}\nspec:\n  postgresVersion: 16\n  instances: [{name: a, dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]\n${spec}  backups:\n    pgbackrest:\n${indent(pgbackrest, 6)}\n`;

const location = (body: string) =>
  `apiVersion: stork.libopenstorage.org/v1alpha1\nkind: BackupLocation\nmetadata: {name: minio, namespace: db}\nlocation:\n${indent(body, 2)}\n`;
const s3Config = 's3Config:\n  endpoint: s3.eu-west-1.amazonaws.com\n  region: eu-west-1';
const portworxSecret = (entries: string) =>
  `---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys, namespace: db}\nstringData:\n${indent(entries, 2)}\n`;

const store = (configuration: string, spec = '') =>
  `apiVersion: barmancloud.cnpg.io/v1\nkind: ObjectStore\nmetadata: {name: store, namespace: db}\nspec:\n${spec}  configuration:\n${indent(configuration, 4)}\n`;
const destination = 'destinationPath: s3://backups/pg\ns3Credentials:\n  inheritFromIAMRole: true';
const cnpg = (spec: string) =>
  `apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: app, namespace: db}\nspec:\n  instances: 3\n  storage: {size: 1Gi}\n${indent(spec, 2)}\n`;
const plugin =
  'plugins:\n  - name: barman-cloud.cloudnative-pg.io\n    isWALArchiver: true\n    parameters: {barmanObjectName: store}';
const cnpgBackup = (spec: string, kind = 'ScheduledBackup') =>
  `apiVersion: postgresql.cnpg.io/v1\nkind: ${kind}\nmetadata: {name: daily, namespace: db}\nspec:\n${indent(spec, 2)}\n`;

const zalando = (spec: string) =>
  `apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata: {name: acid-app, namespace: db}\nspec:\n  teamId: acid\n  numberOfInstances: 2\n  volume: {size: 1Gi}\n  postgresql: {version: "16"}\n${indent(spec, 2)}\n`;
const operator = (kubernetes: string, more = '') =>
  `apiVersion: acid.zalan.do/v1\nkind: OperatorConfiguration\nmetadata: {name: operator, namespace: operator}\nconfiguration:\n  kubernetes:\n${indent(kubernetes, 4)}\n${more}`;
const map = (entries: string, kind = 'ConfigMap') =>
  `---\napiVersion: v1\nkind: ${kind}\nmetadata: {name: pod-config, namespace: operator}\n${kind === 'Secret' ? 'stringData' : 'data'}:\n${indent(entries, 2)}\n`;
const podMap = operator('pod_environment_configmap: operator/pod-config');

const secret = (body: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: s3, namespace: db}\n${body}\n`;

const denyWithoutSse = (condition: string) =>
  `#- /bucket-policy.json\n{"Version": "2012-10-17", "Statement": [{"Sid": "Deny", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::backups/*", "Condition": ${condition}}]}\n#- /manifest.yaml\n`;
const onlyAes = '{"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}';

export const operatorExamples: Record<string, string> = {
  P1: cloud('') + keys(`[global]\n${credentials}\nrepo1-cipher-pass=${pass}`),
  P2: cloud('cipher-type: aes-256-cbc') + keys(`[global]\n${credentials}`),
  P3: cloud('repo1-cypher-type: aes-256-cbc') + keys(`[global]\n${credentials}`),
  P4:
    percona(
      `configuration:\n  - secret: {name: keys}\nglobal:\n  repo1-cipher-type: aes-256-cbc\n  repo2-retention-full: "2"\nrepos:\n  - name: repo2\n    ${s3}`,
    ) + keys(`[global]\n${credentials.replaceAll('repo1', 'repo2')}\nrepo1-cipher-pass=${pass}`),
  P5:
    percona(
      `configuration:\n  - secret: {name: keys}\nglobal:\n  repo1-cipher-type: aes-256-cbc\nrepos:\n  - name: repo1\n    ${s3}\n  - name: repo2\n    ${s3.replace('backups', 'second')}`,
    ) + keys(`[global]\n${credentials}\nrepo2-cipher-pass=${pass}`),
  P6: cloud(typed) + keys(`[global]\n${credentials}`),
  P7: cloud('repo3-path: /x') + keys(`[global]\n${credentials}`),
  P8: cloud(typed) + keys(`[global]\n${credentials}\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${pass}`),
  P9: cloud(typed) + keys(`[global]\n${credentials}\nrepo1-cipher-pass=${pass}\nrepo1-s3-bucket=backups`),
  P10: cloud('') + keys(credentials),
  P11: cloud('') + keys(`[Global]\n${credentials}`),
  P12: cloud('') + keys(`[global]\n${credentials}\n[db]\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${pass}`),
  P13:
    cloud('') +
    keys(`[global]\n${credentials}\n[global:backup]\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${pass}`),
  P14: cloud(typed) + keys(`[global]\n${credentials}\nrepo1-cipher-pass=${pass}\nQ0Sd8bpZw4rXhT1uY6nEKg==`),
  P15: cloud(typed) + keys(`[global]\n${credentials}\nrepo1-cipher-pass="${pass}"`),
  P16: cloud(typed) + keys(`[global]\n${credentials}\nrepo1-cipher-pass=${pass} # strong`),
  P17: cloud(typed) + keys(`[global]\n${credentials}\nrepo1-cipher-pass=<YOUR_ENCRYPTION_KEY>`),
  P18: `${cloud('')}---\n${cloud('').replace('name: prod', 'name: other')}${keys(`[global]\n${credentials}`)}`,
  P20:
    percona(`configuration:\n  - secret: {name: keys}\n  - secret: {name: more}\nrepos:\n  - name: repo1\n    ${s3}`) +
    keys(`[global]\n${credentials}`) +
    keys(`[global]\n${credentials}`, 'cloud.conf').replace('name: keys', 'name: more'),
  P21: `${cloud(typed)}${keys(`[global]\n${credentials}\nrepo1-cipher-pass=${pass}`)}---\n${percona(
    `repos:\n  - name: repo1\n    volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`,
    `  dataSource:\n    pgbackrest:\n      stanza: db\n      configuration:\n        - secret: {name: plain}\n      global:\n        repo1-path: /pgbackrest/repo1\n      repo:\n        name: repo1\n        ${s3}\n`,
    'copy',
  )}${keys(`[global]\n${credentials}`).replace('name: keys', 'name: plain')}`,
  P22: `${cloud(typed)}${keys(`[global]\n${credentials}\nrepo1-cipher-pass=${pass}`)}---\n${percona(
    `repos:\n  - name: repo1\n    volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`,
    `  dataSource:\n    pgbackrest:\n      stanza: db\n      configuration:\n        - secret: {name: two}\n      global:\n        repo1-path: /pgbackrest/repo1\n      repo:\n        name: repo1\n        ${s3}\n`,
    'copy',
  )}${keys(`[global]\n${credentials.replaceAll('repo1', 'repo2')}\nrepo2-cipher-type=aes-256-cbc\nrepo2-cipher-pass=${pass}`).replace('name: keys', 'name: two')}`,
  P23: percona(
    `repos:\n  - name: repo1\n    ${s3}`,
    `  dataSource:\n    pgbackrest:\n      repo:\n        name: repo1\n        ${s3}\n`,
  ),
  P24: percona(
    `repos:\n  - name: repo1\n    ${s3}`,
    `  dataSource:\n    postgresCluster: {clusterName: old, repoName: repo1}\n    pgbackrest:\n      stanza: db\n      repo:\n        name: repo1\n        ${s3}\n`,
  ),
  P25: `${cloud('')}---\n${perconaBackup('pgCluster: prod\nrepoName: repo3')}`,
  P26: percona(`repos:\n  - name: repo5\n    ${s3}`),
  P27: percona(
    `repos:\n  - name: repo1\n    volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}\n    ${s3}`,
  ),
  P28: percona('repos:\n  - name: repo1\n    schedules: {full: "0 2 * * *"}'),
  P29: cloud('archive-async: yes'),
  P30: cloud('repo1-storage-verify-tls: "false"'),
  P31: percona(
    'repos:\n  - name: repo1\n    s3: {bucket: b, endpoint: s3.amazonaws.com, region: eu-west-1, uriStyle: path}',
  ),
  P32: percona('repos:\n  - name: repo1\n    s3: {bucket: b, region: eu-west-1}'),
  P33: percona('repos:\n  - name: repo1\n    s3: {bucket: b, endpoint: s3.amazonaws.com, region: ""}'),
  P34: percona('repos:\n  - name: repo1\n    s3: {bucket: b, endpoint: "http://minio:9000", region: x}'),
  P35: percona('repos:\n  - name: repo1\n    s3: {bucket: b, endpoint: "minio.db.svc:9000", region: x}'),
  P36: cloud('') + keys('[global]\nrepo1-s3-access-key=AKIAIOSFODNN7ABCDEFG'),
  P37: `${cloud('')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData:\n  repo1-s3-key: AKIAIOSFODNN7ABCDEFG\n  repo1-s3-key-secret: wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl\n`,
  P38: cloud('') + keys(`[global]\n${credentials}`, 's3.cnf'),
  P39: cloud('')
    .replace('- secret: {name: keys}', '- secret: {name: keys, items: [{key: s3.conf, path: s3}]}')
    .concat(keys(`[global]\n${credentials}`)),
  P40:
    percona('configuration:\n  - secret: {name: keys}\nrepos:\n  - name: repo1\n    gcs: {bucket: b}') +
    keys('{"type": "service_account", "project_id": "x"}', 'gcs-key.conf'),
  P41: `${cloud('')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData:\n  s3.conf: ${Buffer.from(`[global]\n${credentials}\n`).toString('base64')}\n`,
  P42: cloud('') + keys(`[global]\n${credentials}`, 's3.conf', 'data'),
  P43: `${cloud('')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata:\n  s3.conf: ${Buffer.from(`\uFEFF[global]\n${credentials}\n`).toString('base64')}\n`,
  P44: `${cloud('')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata:\n  s3.conf: ${Buffer.from(`[global]\\n${credentials.replace('\n', '\\n')}\n`).toString('base64')}\n`,
  P45: `${cloud('')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: kesy}\nstringData: {a: b}\n`,
  P46: percona(`repos:\n  - name: repo1\n    ${s3}`),
  P47: cloud(`${typed}\nrepo1-cipher-pass: ${pass}`),
  P50:
    percona(
      `repos:\n  - name: repo1\n    ${s3}\nconfiguration:\n  - secret: {name: keys}`,
      '  extensions:\n    pg_tde: {enabled: true, walEncryption: true}\n',
    ) + keys(`[global]\n${credentials}`),
  P51: `${cloud('')}---\n${perconaBackup(`pgCluster: prod\nrepoName: repo1\noptions:\n  - --repo1-cipher-pass=${pass}`, 'PerconaPGRestore')}`,
  P52: `${cloud('')}---\n${perconaBackup('pgCluster: prod\nrepoName: repo1\noptions:\n  - --repo=2', 'PerconaPGRestore')}`,
  P53: `${cloud('')}---\n${perconaBackup('pgCluster: prod\nrepoName: repo1\noptions:\n  - --type=time\n  - --target=2022-11-30 15:12:11+03', 'PerconaPGRestore')}`,
  P54: `${cloud('')}---\n${perconaBackup(`pgCluster: prod\nrepoName: repo1\noptions:\n  - --target="2022-11-30 15:12:11+03"`, 'PerconaPGRestore')}`,
  P55: cloud('repo1-retention-full-type: days'),
  P56: cloud('') + keys(`[global]\n${credentials}\nrepo-storage-verify-tls=n`),
  P57:
    percona(
      `configuration:\n  - secret: {name: keys}\nglobal:\n  repo-cipher-type: aes-256-cbc\nrepos:\n  - name: repo2\n    ${s3}`,
    ) + keys(`[global]\n${credentials.replaceAll('repo1', 'repo2')}\nrepo2-cipher-pass=${pass}`),
  P58: percona(`repos:\n  - name: repo1\n    schedules: {full: "0 0 2 * * *"}\n    ${s3}`),
  P59: percona(`repos:\n  - name: repo1\n    schedules: {full: ""}\n    ${s3}`),
  P60: cloud('tls-server-address: "*"'),
  P61: cloud('pg1-path: /pgdata'),
  P62: percona(
    `repos:\n  - name: repo1\n    ${s3}\n  - name: repo2\n    volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`,
  ),
  P63: cloud('', 'env:\n  - {name: PGBACKREST_LOG_LEVEL_CONSOLE, value: info}\n'),
  P64: cloud('').replace('{name: prod}', '{name: prod, finalizers: [percona.com/delete-backups]}'),
  P65: percona('repos: []'),
  P66: denyWithoutSse(onlyAes) + cloud('') + keys(`[global]\n${credentials}`),
  P67: cloud('repo1-s3-kms-key-id: arn:aws:kms:eu-west-1:111122223333:key/x') + keys(`[global]\n${credentials}`),

  C1: '#- /values.yaml\nname: hippo\nmultiBackupRepos:\n  - s3:\n      bucket: b\n      endpoint: e\n      region: r\n      encryptionPassphrase: secretsecretsecret\n',
  C2: '#- /values.yaml\nmultiBackupRepos:\n  - s3: {bucket: a, endpoint: e, region: r}\n  - s3: {bucket: b, endpoint: e, region: r}\n',
  C4: crunchy(`repos:\n  - name: repo12\n    ${s3}`),
  C5: crunchy(
    `repos:\n  - name: repo1\n    ${s3}`,
    '  dataSource:\n    pgbackrest:\n      stanza: db\n      repo:\n        name: repo1\n        volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}\n',
  ),
  C6: crunchy(`global: {log-path: /x}\nrepos:\n  - name: repo1\n    ${s3}`).replace('/v1beta1', '/v1'),
  C7: crunchy(`global: {repo1-path: /pgbackrest/repo1/backup/db/20230420-104207F}\nrepos:\n  - name: repo1\n    ${s3}`),
  C8: crunchy(
    'repos:\n  - name: repo1\n    s3: {bucket: b, endpoint: s3-website-eu-west-1.amazonaws.com, region: eu-west-1}',
  ),
  C9: crunchy(`global: {stanza: foo}\nrepos:\n  - name: repo1\n    ${s3}`),
  C11: crunchy(`repos:\n  - name: repo1\n    ${s3}`).replace(
    'metadata: {name: prod}',
    'metadata: {name: prod, annotations: {postgres-operator.crunchydata.com/pgbackrest-backup: now}}',
  ),
  C12: crunchy(`restore: {enabled: true, repoName: repo1}\nrepos:\n  - name: repo1\n    ${s3}`),
  C13: crunchy(
    `manual:\n  repoName: repo1\n  options:\n    - --type=full --annotation=a=b\nrepos:\n  - name: repo1\n    ${s3}`,
  ),
  C14: crunchy(
    `manual:\n  repoName: repo1\n  options:\n    - --annotation="x"="y"\nrepos:\n  - name: repo1\n    ${s3}`,
  ),
  C15: crunchy('global: {repo1-retention-full: "2"}'),
  C16: crunchy('repos:\n  - name: repo1\n    volume: {volumeClaimSpec: {accessModes: [ReadWriteOnce]}}'),
  C19: crunchy(`repos:\n  - name: repo1\n    ${s3}`, '  userInterface: {pgAdmin: {}}\n').replace('/v1beta1', '/v1'),

  W1: 'apiVersion: stork.libopenstorage.org/v1alpha1\nkind: BackupLocation\nmetadata: {name: minio}\nspec:\n  location: {type: s3, path: b}\n',
  W2: location(`type: s3\npath: b\nencryptionKey: x\n${s3Config}`),
  W3:
    location(`type: s3\npath: b\nsecretConfig: keys\n${s3Config}`) +
    portworxSecret('encryptionV2Key: abcdefghijklmnopqrst'),
  W4: location(`type: s3\npath: b\n${s3Config}\n  encryptionKey: arn:aws:kms:x`),
  W5: denyWithoutSse(onlyAes) + location(`type: s3\npath: backups\n${s3Config}`),
  W6: location(`type: s3\npath: b\n${s3Config}\n  sse: aes256`),
  W7: denyWithoutSse(onlyAes) + location(`type: s3\npath: backups\n${s3Config}\n  sse: aws:kms`),
  W8: location(`type: s3\npath: b\nsecretConfig: keys\n${s3Config}`) + portworxSecret('region: us-east-1'),
  W9: location('type: s3\npath: b\ns3Config: {sse: AES256}'),
  W10: location(`type: s3\npath: b\nsecretConfig: keys\n${s3Config}`) + portworxSecret('disableSSL: "yes"'),
  W11: location(`type: s3\npath: b\nsecretConfig: keys\n${s3Config}`) + portworxSecret('useIam: "true"'),
  W12:
    location(`type: s3\npath: b\nsecretConfig: keys\n${s3Config}`) +
    portworxSecret('accessKeyId: AKIAIOSFODNN7ABCDEFG'),
  W13: location(`type: s3\npath: s3://backups/dir\n${s3Config}`),
  W14: location('type: gcs\npath: b'),
  W15: location(`type: azure\npath: b\n${s3Config}`),
  W16: `${location(`type: s3\npath: b\n${s3Config}`)}cluster:\n  type: aws\n  secretConfig: keys\n`,
  W18:
    location(`type: s3\npath: b\nsecretConfig: keys\n${s3Config}`) +
    portworxSecret('encryptionKey: "abcdefghijklmnopqrst  "'),
  W20: location(
    `type: s3\npath: b\n${s3Config}\n  accessKeyID: AKIAIOSFODNN7ABCDEFG\n  secretAccessKey: wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl`,
  ),
  W21: location(`type: s3\npath: b\nsecretConfig: elsewhere\n${s3Config}`),
  W22: location(`type: s3\npath: b\n${s3Config}`).replace('name: minio', 'name: azureBackupLocation'),
  W23: location(`type: s3\npath: b\n${s3Config}\n  disableSSL: true`),

  N1: store(`${destination}\nwal: {encryption: AES256}`),
  N2: store(`${destination}\nwal: {encryption: ""}`),
  N3: store(`${destination}\ndata: {encryption: aes256}\nwal: {encryption: aes256}`),
  N4: store(
    `${destination}\nendpointURL: https://fsn1.your-objectstorage.com\ndata: {encryption: AES256}\nwal: {encryption: AES256}`,
  ),
  N6: store(`${destination}\nserverName: app`),
  N7: `${cnpg(plugin.replace('    isWALArchiver: true\n', ''))}---\n${store(destination)}`,
  N8: `${cnpg(plugin.replace('store', 'sotre'))}---\n${store(destination)}`,
  N9: `${cnpg(plugin.replace('barman-cloud.cloudnative-pg.io', 'barman-cloud'))}---\n${store(destination)}`,
  N10: `${cnpg(plugin)}---\n${store(destination)}---\n${cnpgBackup('schedule: 0 0 2 * * *\ncluster: {name: app}')}`,
  N11: `${cnpg(plugin)}---\n${store(destination)}---\n${cnpgBackup('schedule: 0 0 2 * * *\nmethod: plugin\ncluster: {name: app}')}`,
  N12: `${cnpg(plugin)}---\n${store(destination)}---\n${cnpgBackup('schedule: 0 2 * * *\nmethod: plugin\npluginConfiguration: {name: barman-cloud.cloudnative-pg.io}\ncluster: {name: app}')}`,
  N13: store(`${destination}\nendpointURL: https://id.r2.cloudflarestorage.com/backups`),
  N14: store(destination.replace('s3://backups/pg', 'gcs://backups/pg')),
  N15: store(destination.replace('s3://backups/pg', 's3://backups/pg/')),
  N16: store('destinationPath: s3://backups/pg\ns3Credentials:\n  inheritFromIAMRole: true\n  region: eu-west-1'),
  N17: store('destinationPath: s3://backups/pg\ns3Credentials:\n  accessKeyId: {name: s3, key: id}'),
  N18: `${store('destinationPath: s3://backups/pg\ns3Credentials:\n  accessKeyId: {name: s3, key: id}\n  secretAccessKey: {name: s3, key: secret}')}---\n${secret('stringData:\n  id: AKIAIOSFODNN7ABCDEFG\n  secret: |\n    wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl')}`,
  N19: `${store('destinationPath: s3://backups/pg\ns3Credentials:\n  accessKeyId: {name: s3, key: id}\n  secretAccessKey: {name: s3, key: SECRET_ACCESS_KEY}')}---\n${secret('stringData:\n  id: AKIAIOSFODNN7ABCDEFG\n  ACCESS_SECRET_KEY: wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl')}`,
  N20: `${cnpg(`backup: {retentionPolicy: 30d}\n${plugin}`)}---\n${store(destination)}`,
  N21: store(destination, '  retentionPolicy: 30 days\n'),
  N22: store(`${destination}\ndata:\n  additionalCommandArgs: ["--max-single-put-size 16777216"]`),
  N23: store(
    `${destination}\ndata:\n  encryption: AES256\n  additionalCommandArgs: ["--encryption=aws:kms"]\nwal: {encryption: AES256}`,
  ),
  N24: `${cnpg(`backup:\n  barmanObjectStore:\n    destinationPath: s3://b/x\n    s3Credentials: {inheritFromIAMRole: true}\n${plugin}`)}---\n${store(destination)}`,
  N25: `${cnpg(`${plugin}\nbootstrap: {recovery: {source: old}}\nexternalClusters:\n  - name: old\n    plugin:\n      name: barman-cloud.cloudnative-pg.io\n      parameters: {barmanObjectName: store, serverName: app}`)}---\n${store(destination)}`,
  N26: `${cnpg(`bootstrap: {recovery: {source: old}}\nexternalClusters:\n  - name: old\n    plugin:\n      name: barman-cloud.cloudnative-pg.io\n      parameters: {barmanObjectName: store}`)}---\n${store(destination)}`,
  N27: cnpg('bootstrap: {recovery: {source: gone}}\nexternalClusters: []'),
  N28: cnpg(
    'backup:\n  barmanObjectStore:\n    destinationPath: s3://b/x\n    s3Credentials: {inheritFromIAMRole: true}',
  ),

  Z1:
    podMap +
    map(`WALG_LIBSODIUM_KEY: ${hex}\nWALG_LIBSODIUM_KEY_TRANSFORM: hex\nWAL_S3_BUCKET: b\nUSE_WALG_BACKUP: "false"`),
  Z2: podMap + map('WALG_GPG_KEY_ID: ABCD\nUSE_WALG_BACKUP: "true"\nWAL_S3_BUCKET: b'),
  Z3: `${zalando('env:\n  - {name: WALG_LIBSODIUM_KEY, valueFrom: {secretKeyRef: {name: k, key: k}}}\nclone: {cluster: acid-old, uid: 0f0a1b2c-1111-2222-3333-444455556666, timestamp: "2026-01-01T10:00:00+00:00"}')}`,
  Z4:
    operator('pod_environment_secret: pod-config') +
    map(
      'WALG_PGP_KEY: |\n  -----BEGIN PGP PRIVATE KEY BLOCK-----\n\n  abcd\n  -----END PGP PRIVATE KEY BLOCK-----\nUSE_WALG_BACKUP: "true"',
      'Secret',
    ),
  Z5:
    operator('pod_environment_secret: pod-config') +
    map(`WALG_LIBSODIUM_KEY: ${hex}\nUSE_WALG_BACKUP: "true"`, 'Secret'),
  Z6: `${operator('pod_environment_secret: pod-config')}${map('USE_WALG_BACKUP: "true"', 'Secret')}---\n${zalando('')}`,
  Z7: podMap + map('wal_s3_bucket: b\nUSE_WALG_BACKUP: "true"'),
  Z8: podMap + map('USE_WALG_BACKUP: true\nBACKUP_NUM_TO_RETAIN: 5'),
  Z9: podMap + map('WAL_S3_BUCKET: b\nUSE_WALG_BACKUP: "true"'),
  Z10:
    podMap +
    map(
      'AWS_ENDPOINT: https://s3.eu-west-1.amazonaws.com\nUSE_WALG_BACKUP: "true"\nWAL_S3_BUCKET: b\nWALG_S3_SSE: AES256',
    ),
  Z11:
    podMap +
    map('AWS_REGION: eu-west-1\nWALE_S3_ENDPOINT: https+path://minio:9000\nWAL_S3_BUCKET: b\nUSE_WALG_BACKUP: "false"'),
  Z12: podMap + map(`WALG_LIBSODIUM_KEY: ${hex}\nWALG_LIBSODIUM_KEY_TRANSFORM: hex\nUSE_WALG_BACKUP: "true"`),
  Z13: zalando('clone: {cluster: acid-old, timestamp: "2026-01-01T10:00:00"}'),
  Z14: zalando(
    'clone: {cluster: acid-old, uid: 0f0a1b2c-1111-2222-3333-444455556666, timestamp: "2026-01-01T10:00:00+00:00", s3_access_key_id: AKIAIOSFODNN7ABCDEFG, s3_secret_access_key: wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl}',
  ),
  Z15: zalando('env:\n  - name: WALG_LIBSODIUM_KEY\n      valueFrom: {secretKeyRef: {name: k, key: k}}'),
  Z16: `${operator('pod_environment_configmap: operator/pod-config', '  logical_backup:\n    logical_backup_s3_bucket: b\n')}`,

  K1: secret('data:\n  k: >-\n    QUJDREVG\n    R0hJSktM'),
  K2: secret('data:\n  k: "QUJD REVG"'),
  K3: secret('data:\n  k: QUJDREU'),
  K4: secret('data:\n  k: -_-_QUJD'),
  K5: secret('data:\n  password: changeme'),
  K6: secret('data:\n  k: 12345678'),
  K7: secret('stringData:\n  disableSSL: false'),
  K8: `${cloud('')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData:\n  s3.conf:\n`,
  K9: `${store('destinationPath: s3://backups/pg\ns3Credentials:\n  accessKeyId: {name: s3, key: id}\n  secretAccessKey: {name: s3, key: secret}')}---\n${secret('stringData:\n  id: AKIAIOSFODNN7ABCDEFG\n  secret: |\n    wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl')}`,
  'K9 secret-value-newline': secret('data:\n  password: Y29ycmVjdGhvcnNlCg=='),
  K10: secret('data:\n  k: QUJDREVG\nstringData:\n  k: ABCDEF'),
  K11: secret('stringData:\n  k: one\n  k: two'),
  K12: secret('stringData:\n  conf.d/s3.conf: x'),
  K13: secret(`stringData:\n  k: ${'0123456789abcdef'.repeat(70_000)}`),
  K15: secret('stringdata:\n  k: x'),
  K16: `${podMap}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: pod-config, namespace: operator}\ndata:\n  s3.conf: ${Buffer.from('[global]\nrepo1-path=/x\n').toString('base64')}\n`,
  K17: `#- /kustomization.yaml\nsecretGenerator:\n  - name: keys\n    files: [s3.conf]\nresources: [cluster.yaml]\n#- /cluster.yaml\n${cloud('')}`,
  K18: `#- /kustomization.yaml\nnamePrefix: prod-\nresources: [cluster.yaml, secret.yaml]\n#- /cluster.yaml\n${cloud('')}#- /secret.yaml\n${keys(`[global]\n${credentials}`).replace('---\n', '')}`,
  K19: `#- /kustomization.yaml\ngeneratorOptions: {disableNameSuffixHash: true}\nsecretGenerator:\n  - name: keys\n    files: [pgbackrest-secret.ini]\nresources: [cluster.yaml]\n#- /cluster.yaml\n${cloud('')}`,
  K20: `#- /kustomization.yaml\ngeneratorOptions: {disableNameSuffixHash: true}\nsecretGenerator:\n  - name: keys\n    literals: ['s3.conf=[global]\\nrepo1-s3-key=x']\nresources: [cluster.yaml]\n#- /cluster.yaml\n${cloud('')}`,
  K27: 'apiVersion: v1\nkind: Secret\nmetadata:\n\tname: x\nstringData: {a: b}\n',
  K28: secret('data:\n  k: QUJDREVG\n    R0hJSktM'),
  K29: 'apiVersion: v1\nkind: Secret\nmetadata: {name: 123}\nstringData: {a: b}\n',
  K30: secret('stringData:\n  k: 010'),
};
