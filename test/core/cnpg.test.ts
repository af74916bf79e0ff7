// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders are what is tested
/** CloudNativePG: stores, plugins, schedules and recovery; their fixes, and what must be left alone. */

import { describe, expect, test } from 'vitest';
import { checkFix, workspaceOf } from '../support/check.ts';

const cluster = (rest: string, more = '') =>
  `#- /cluster.yaml\napiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: main, namespace: db${more}}\nspec:\n  instances: 3\n  storage: {size: 1Gi}\n${rest}`;
const store = (rest: string) =>
  `#- /store.yaml\napiVersion: barmancloud.cnpg.io/v1\nkind: ObjectStore\nmetadata: {name: store, namespace: db}\nspec:\n  configuration:\n    destinationPath: s3://backups/main\n    s3Credentials: {inheritFromIAMRole: true}\n${rest}`;
const plugin =
  '  plugins:\n    - name: barman-cloud.cloudnative-pg.io\n      isWALArchiver: true\n      parameters: {barmanObjectName: store}\n';
const schedule = (text: string, rest = '') =>
  `#- /backup.yaml\napiVersion: postgresql.cnpg.io/v1\nkind: ScheduledBackup\nmetadata: {name: b, namespace: db}\nspec:\n  schedule: ${text}\n  cluster: {name: main}\n${rest}`;

function found(markup: string): string[] {
  const { workspace } = workspaceOf(markup);
  return [...workspace.findings().values()].flat().map((it) => `${it.severity} ${it.rule}: ${it.message}`);
}
const rulesOf = (markup: string) => found(markup).map((it) => it.split(':')[0]!.split(' ')[1]);

describe('look-alikes are nobody’s business', () => {
  test.each([
    ['postgresql.k8s.enterprisedb.io/v1', 'Cluster'],
    ['cluster.x-k8s.io/v1beta1', 'Cluster'],
    ['velero.io/v1', 'Backup'],
    ['postgresql.cnpg.io.example.org/v1', 'Cluster'],
    ['objectbucket.io/v1', 'ObjectStore'],
  ])('%s %s', (group, kind) => {
    expect(
      found(`apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: x}\nspec: {barmanObjectStore: {encryption: no}}\n`),
    ).toEqual([]);
  });
});

test('another plugin is none of our business', () => {
  expect(
    found(
      cluster(
        '  plugins:\n    - name: cnpg-extensions.yandex.cloud\n      isWALArchiver: true\n      parameters: {backupConfig: x}\n',
      ),
    ),
  ).toEqual([]);
});

describe('schedules', () => {
  test.each([
    ['"0 0 2 * * *"', undefined],
    ['"@daily"', undefined],
    ['"@every 1h"', undefined],
    ['"${SCHEDULE}"', undefined],
    ['"50 * * * *"', 'second 50 of every minute'],
    ['"0 2 * * *"', 'second 0 of minute 2 of every hour'],
    ['"*/5 * * * *"', 'seconds */5 of every minute'],
    ['"0 2 * *"', 'this one has 4'],
  ])('%s', (text, said) => {
    const findings = found(
      `${schedule(text, '  method: plugin\n  pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}\n')}${cluster(plugin)}${store('')}`,
    );
    if (said === undefined) expect(findings).toEqual([]);
    else expect(findings[0]).toContain(said);
  });

  test('get their seconds', () => {
    const tail = `  method: plugin\n  pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}\n${cluster(plugin)}${store('')}`;
    checkFix('0 seconds', `${schedule('"0 2 * * *"', tail)}`, `${schedule('"0 0 2 * * *"', tail)}`);
  });
});

describe('methods', () => {
  test('a backup of a cluster with the plugin is made with the plugin', () => {
    const others = `${cluster(plugin)}${store('')}`;
    checkFix(
      'Make it with the plugin',
      `${schedule('"@daily"')}${others}`,
      `${schedule('"@daily"', '  method: plugin\n  pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}\n')}${others}`,
    );
  });

  test('plugin needs its name', () => {
    expect(found(`${schedule('"@daily"', '  method: plugin\n')}${cluster(plugin)}${store('')}`)).toEqual([
      'error cnpg-backup-method: method plugin needs pluginConfiguration with the name of the plugin',
    ]);
  });

  test('a store that an overlay brings is taken into account', () => {
    const base = cluster('');
    const overlay =
      '#- /overlay/cluster.yaml\napiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: main}\nspec:\n  backup:\n    barmanObjectStore: {destinationPath: s3://b/x, s3Credentials: {inheritFromIAMRole: true}}\n';
    expect(rulesOf(`${schedule('"@daily"')}${base}`)).toContain('cnpg-backup-method');
    expect(rulesOf(`${schedule('"@daily"')}${base}${overlay}`)).not.toContain('cnpg-backup-method');
  });
});

describe('stores', () => {
  const configuration = (text: string) =>
    found(
      `#- /store.yaml\napiVersion: barmancloud.cnpg.io/v1\nkind: ObjectStore\nmetadata: {name: store}\nspec:\n  configuration:\n${text}`,
    );

  test('an empty or misspelt encryption is refused', () => {
    expect(found(store('    wal: {encryption: ""}\n    data: {encryption: SSE-S3}\n'))).toEqual([
      'error field-value: encryption must be AES256 or aws:kms',
      'error field-value: encryption must be AES256 or aws:kms, not SSE-S3',
    ]);
  });

  test('region is an entry of a Secret', () => {
    expect(
      configuration(
        '    destinationPath: s3://b/x\n    s3Credentials: {inheritFromIAMRole: true, region: eu-west-1}\n',
      ),
    ).toEqual(['error field-value: region must be a map with name and key, not text']);
  });

  test.each([
    ['s3Credentials: {}', 'needs accessKeyId and secretAccessKey'],
    ['s3Credentials: {inheritFromIAMRole: true, accessKeyId: {name: s, key: k}}', 'one of them must go'],
    ['azureCredentials: {storageKey: {name: s, key: k}}', 'needs storageAccount'],
    [
      'azureCredentials: {inheritFromAzureAD: true, storageSasToken: {name: s, key: k}}',
      'storageSasToken and inheritFromAzureAD',
    ],
    ['azureCredentials: {connectionString: {name: s, key: k}, storageAccount: {name: s, key: k}}', 'stands alone'],
    ['googleCredentials: {gkeEnvironment: false}', 'needs applicationCredentials'],
    ['wal: {maxParallel: 2}', 'has no credentials'],
  ])('credentials: %s', (credentials, said) => {
    const all = configuration(
      `    destinationPath: ${/azure/.test(credentials) ? 'https://a.blob.core.windows.net/c' : /google/.test(credentials) ? 'gs://b' : 's3://b'}\n    ${credentials}\n`,
    );
    expect(all.filter((it) => it.startsWith('error'))).toEqual([expect.stringContaining(said)]);
  });

  test.each([
    ['s3://b/x', 's3Credentials: {inheritFromIAMRole: true}', undefined],
    ['b/x', 's3Credentials: {inheritFromIAMRole: true}', 's3://'],
    ['gcs://b/x', 'googleCredentials: {gkeEnvironment: true}', 'gs://'],
    ['azure://a/c', 'azureCredentials: {inheritFromAzureAD: true}', 'https://ACCOUNT'],
    ['http://127.0.0.1:10000/a/c', 'azureCredentials: {inheritFromAzureAD: true}', undefined],
    ['${BUCKET}', 's3Credentials: {inheritFromIAMRole: true}', undefined],
  ])('destinationPath %s with %s', (path, credentials, said) => {
    const all = configuration(`    destinationPath: ${path}\n    ${credentials}\n`);
    expect(all).toEqual(said === undefined ? [] : [expect.stringContaining(said)]);
  });

  test.each([
    ['https://minio:9000', undefined],
    ['http://minio:9000/', undefined],
    ['https://x.supabase.co/storage/v1/s3', undefined],
    ['minio:9000', 'begins with https://'],
    ['https://s3.example.org/backups', 'without the bucket'],
    ['https://backups.s3.eu-central-1.amazonaws.com', 'without the bucket'],
    ['${ENDPOINT}', undefined],
  ])('endpointURL %s', (url, said) => {
    const all = found(store(`    endpointURL: "${url}"\n`));
    expect(all).toEqual(said === undefined ? [] : [expect.stringContaining(said)]);
  });

  test('the missing half of the encryption is added where its section is, or with a new one', () => {
    checkFix(
      'too',
      store('    wal: {encryption: AES256}\n'),
      store('    wal: {encryption: AES256}\n    data: {encryption: AES256}\n'),
    );
    checkFix(
      'too',
      store('    data:\n      encryption: aws:kms\n    wal:\n      maxParallel: 2\n'),
      store('    data:\n      encryption: aws:kms\n    wal:\n      maxParallel: 2\n      encryption: aws:kms\n'),
    );
  });

  test('a server name moves into the one cluster that uses the store', () => {
    checkFix(
      'Move it to Cluster db/main',
      `${cluster(plugin)}${store('    serverName: older\n')}`,
      `${cluster(plugin.replace('{barmanObjectName: store}', '{barmanObjectName: store, serverName: older}'))}${store('')}`,
    );
  });

  test('the policy of the bucket is held against each half', () => {
    const policy =
      '#- /policy.json\n{"Statement": [{"Sid": "S", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::backups/*", "Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}}}]}';
    const all = found(`${store('    wal: {encryption: AES256}\n')}${policy}`);
    expect(all.filter((it) => it.includes('bucket-policy'))).toEqual([
      'error bucket-policy-denies-upload: bucket backups refuses uploads without the header x-amz-server-side-encryption (S in policy.json), and a base backup sends none: set data.encryption: AES256',
    ]);
    expect(found(`${store('    wal: {encryption: AES256}\n    data: {encryption: AES256}\n')}${policy}`)).toEqual([]);
  });

  test('an entry that the Secret does not have is found', () => {
    const text = store('').replace(
      '{inheritFromIAMRole: true}',
      '{accessKeyId: {name: s3, key: ID}, secretAccessKey: {name: s3, key: SECRET_ACCESS_KEY}}',
    );
    expect(
      found(
        `${text}#- /secret.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: s3, namespace: db}\nstringData: {ID: AKIAXXXXXXXXXXXXXXXX, ACCESS_SECRET_KEY: abcdefghijabcdefghijabcdefghijabcdefghij}\n`,
      ),
    ).toEqual(['error unknown-secret-entry: Secret db/s3 has no entry SECRET_ACCESS_KEY, only ID, ACCESS_SECRET_KEY']);
  });

  test('UTF-16 is written as UTF-8', () => {
    const text = store('').replace(
      '{inheritFromIAMRole: true}',
      '{accessKeyId: {name: s3, key: id}, secretAccessKey: {name: s3, key: id}}',
    );
    const secret = (value: string) =>
      `#- /secret.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: s3, namespace: db}\ndata:\n  id: ${value}\n`;
    const utf16 = Buffer.from('\ufeffAKIAXXXXXXXXXXXXXXXX', 'utf16le').toString('base64');
    checkFix(
      'Write it as UTF-8',
      `${text}${secret(utf16)}`,
      `${text}${secret(Buffer.from('AKIAXXXXXXXXXXXXXXXX').toString('base64'))}`,
      { rule: 'cnpg-value-newline' },
    );
  });
});

describe('recovery', () => {
  const recovery = (external: string) =>
    `  bootstrap: {recovery: {source: origin}}\n  externalClusters:\n    - name: origin\n${external}`;

  test('a folder of its own is no matter', () => {
    const text = `${cluster(
      `${plugin}${recovery('      plugin: {name: barman-cloud.cloudnative-pg.io, parameters: {barmanObjectName: store, serverName: older}}\n')}`,
    )}${store('')}`;
    expect(found(text)).toEqual([]);
  });

  test('the check may be switched off on purpose', () => {
    const same = `${plugin}${recovery('      plugin: {name: barman-cloud.cloudnative-pg.io, parameters: {barmanObjectName: store, serverName: main}}\n')}`;
    expect(rulesOf(`${cluster(same)}${store('')}`)).toEqual(['cnpg-recovery-same-folder']);
    expect(found(`${cluster(same, ', annotations: {cnpg.io/skipEmptyWalArchiveCheck: enabled}')}${store('')}`)).toEqual(
      [],
    );
  });

  test('in-tree stores are compared by path, endpoint and server', () => {
    const own = (server: string) =>
      `  backup:\n    barmanObjectStore: {destinationPath: s3://b/, serverName: ${server}, s3Credentials: {inheritFromIAMRole: true}}\n`;
    const external = recovery(
      '      barmanObjectStore: {destinationPath: s3://b, s3Credentials: {inheritFromIAMRole: true}}\n',
    );
    expect(rulesOf(cluster(`${own('origin')}${external}`))).toContain('cnpg-recovery-same-folder');
    expect(rulesOf(cluster(`${own('main')}${external}`))).not.toContain('cnpg-recovery-same-folder');
  });

  test('a patch names only what it changes', () => {
    expect(
      found(
        '#- /patch.yaml\napiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: main}\nspec:\n  bootstrap: {recovery: {source: elsewhere}}\n',
      ),
    ).toEqual([]);
  });
});

test('two entries are made of one argument', () => {
  checkFix(
    'Make two entries',
    store('    data:\n      additionalCommandArgs:\n        - "-J 4"\n'),
    store('    data:\n      additionalCommandArgs:\n        - "-J"\n        - "4"\n'),
  );
});

test('the retention moves into the ObjectStore', () => {
  checkFix(
    'Move it to ObjectStore db/store',
    `${cluster(`${plugin}  backup:\n    retentionPolicy: 30d\n    target: primary\n`)}${store('')}`,
    `${cluster(`${plugin}  backup:\n    target: primary\n`)}${store('  retentionPolicy: "30d"\n')}`,
  );
});
