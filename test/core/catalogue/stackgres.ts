/** A text for every numbered mistake of StackGres manifests, by number. */

const hex = '4f1c2b9a7d3e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8';
const base64 = 'TxwrmnyT5fYHGCk6S1xtfo+QobLD1OX2BxgpOktcbX4=';

const s3 = `type: s3
  s3:
    bucket: backups
    awsCredentials: {useIAMRole: true}`;

const storage = (spec: string, meta = 'name: backups, namespace: db') =>
  `apiVersion: stackgres.io/v1beta1\nkind: SGObjectStorage\nmetadata: {${meta}}\nspec:\n  ${spec}\n`;

const sodium = (more = '') =>
  storage(`${s3}\n  encryption:\n    method: sodium\n    sodium:\n      key: {name: backup, key: key}\n${more}`);

const openpgp = (more = '') =>
  storage(
    `${s3}\n  encryption:\n    method: openpgp\n    openpgp:\n      key: {name: backup, key: key}\n      keyPassphrase: {name: backup, key: pass}\n${more}`,
  );

const secret = (entries: string, container = 'stringData') =>
  `---\napiVersion: v1\nkind: Secret\nmetadata: {name: backup, namespace: db}\n${container}:\n${entries}\n`;

const cluster = (spec: string) =>
  `apiVersion: stackgres.io/v1\nkind: SGCluster\nmetadata: {name: app, namespace: db}\nspec:\n  instances: 1\n  postgres: {version: '16'}\n  pods:\n    persistentVolume: {size: 5Gi}\n${spec}\n`;

const backups = (spec: string) => cluster(`  configurations:\n    backups:\n      - sgObjectStorage: backups\n${spec}`);

const key = (value: string, transform?: string) =>
  sodium(transform ? `      keyTransform: ${transform}\n` : '') + secret(`  key: ${value}`);

const compatible = (more: string) =>
  storage(
    `type: s3Compatible\n  s3Compatible:\n    bucket: backups\n    region: eu\n    enablePathStyleAddressing: true\n    awsCredentials:\n      secretKeySelectors:\n        accessKeyId: {name: s3, key: id}\n        secretAccessKey: {name: s3, key: secret}\n    ${more}`,
  );

const backup = (spec: string, name = 'nightly') =>
  `apiVersion: stackgres.io/v1\nkind: SGBackup\nmetadata: {name: ${name}, namespace: db}\nspec:\n${spec}\n`;

export const stackgresExamples: Record<string, string> = {
  G1: storage('type: minio'),
  G2: storage('type: s3\n  s3: {bucket: b}'),
  G3: storage(s3.replace('bucket: backups', 'bucket: /backups')),
  G4: storage(`${s3}\n  encryption:\n    method: sodium\n    sodium: {keyTransform: hex}`),
  G5: storage(
    'type: s3\n  s3:\n    bucket: b\n    awsCredentials:\n      secretKeySelectors:\n        accessKeyId: {name: s3}\n        secretAccessKey: {name: s3, key: secret}',
  ),
  G6: storage(`${s3}\n  encryption:\n    method: sodium\n    sodium: {key: backup-encryption-key}`),
  G7: cluster('  configurations:\n    backups:\n      - retention: 7'),
  G8: backups('        compression: gzip'),
  G9: backups('        retention: 0'),
  G10: cluster('  configurations:\n    backups: {sgObjectStorage: s, retention: 5}'),
  G11: storage(`${s3}\n  encrytion:\n    method: sodium`),
  G12: backup('  sgCluster: app', 'Nightly.2026'),
  G13: storage(s3).replace('v1beta1', 'v1'),
  'G13 sg-backup-config-gone':
    'apiVersion: stackgres.io/v1\nkind: SGBackupConfig\nmetadata: {name: old, namespace: db}\nspec:\n  baseBackups: {retention: 5}\n  storage:\n    type: s3\n    s3: {bucket: b, awsCredentials: {useIAMRole: true}}',
  G14: storage(s3.replace('type: s3', 'type: gcs')),
  G15: storage(
    `${s3}\n  s3Compatible:\n    bucket: backups\n    awsCredentials:\n      secretKeySelectors:\n        accessKeyId: {name: s3, key: id}\n        secretAccessKey: {name: s3, key: secret}`,
  ),
  G16: sodium().replace('method: sodium', 'method: libsodium'),
  G17: storage(`${s3}\n  encryption:\n    method: sodium\n    openpgp:\n      key: {name: b, key: k}`),
  G18: sodium('    openpgp:\n      key: {name: backup, key: pgp}\n      keyPassphrase: {name: backup, key: pass}\n'),
  G19: sodium('      keyTransform: HEX\n'),
  G20: sodium().replace('{name: backup, key: key}', '{name: "", key: key}'),
  G21: storage('type: s3\n  s3: {bucket: b, awsCredentials: {}}'),
  G22: storage('type: gcs\n  gcs: {bucket: b, gcpCredentials: {}}'),
  G23: storage('type: azureBlob\n  azureBlob: {bucket: b, azureCredentials: {}}'),
  G24: compatible('endpoint: minio:9000'),
  G25: cluster(
    '  initialData:\n    restore:\n      fromBackup: {name: nightly, pointInTimeRecovery: {restoreToTimestamp: 2026-01-01 10:00}}',
  ),
  G26: openpgp().replace('      keyPassphrase: {name: backup, key: pass}\n', ''),
  G27: sodium(),
  G28: sodium() + secret(`  other: ${hex}`),
  G29: sodium() + secret(`  key: ${hex}`).replace('namespace: db', 'namespace: default'),
  'G29 unknown-object-storage': `${backups('')}---\n${storage(s3).replace('namespace: db', 'namespace: default')}`,
  G30: `${backups('')}---\n${storage(s3).replace('name: backups', 'name: s3-backups')}`,
  G31: storage(
    'type: azureBlob\n  azureBlob:\n    bucket: b\n    azureCredentials:\n      secretKeySelectors:\n        storageAccount: {name: "", key: ""}\n        accessKey: {name: az, key: k}',
  ),
  G32: compatible('endpoint: http://my_minio:9000'),
  G33: `${cluster('  initialData:\n    restore:\n      fromBackup: {name: nightly}')}---\n${backup('  sgCluster: old')}status: {process: {status: Failed}}`,
  G34: `${cluster('')}---\n${backup('  sgCluster: app')}`,
  G36: key('secret123', 'none'),
  G37: key(hex.slice(0, 32), 'hex'),
  G38: key(`0x${hex}`, 'hex'),
  G39: key(hex, 'base64'),
  G40: key(base64, 'hex'),
  G41: key(base64.replace('+', '-').replaceAll('/', '_'), 'base64'),
  'G41 sodium-key-length': key('TxwrmnyT5fYHGCk6S1xtfo+QobLD1OX2', 'base64'),
  G42: key(Buffer.from(hex).toString('base64'), 'hex'),
  G43: sodium('      keyTransform: hex\n') + secret(`  key: ${hex}`, 'data'),
  G44: sodium('      keyTransform: base64\n') + secret(`  key: ${base64}`, 'data'),
  G45: key('01234567890123456789012345678901'),
  G46: openpgp() + secret(`  key: x\n  pass: it's`),
  G47: openpgp() + secret(`  key: ${Buffer.from('not a key').toString('base64')}\n  pass: something`),
  G48: storage(
    'type: s3Compatible\n  s3Compatible:\n    bucket: b\n    awsCredentials:\n      secretKeySelectors:\n        accessKeyId: {name: s3, key: id}\n        secretAccessKey: {name: s3, key: secret}',
  ),
  G49: key('""', 'hex'),
  G52: `${storage(
    'type: s3\n  s3:\n    bucket: b\n    awsCredentials:\n      secretKeySelectors:\n        accessKeyId: {name: backup, key: id}\n        secretAccessKey: {name: backup, key: secret}',
  )}${secret('  id: wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl\n  secret: AKIAIOSFODNN7ABCDEFG')}`,
  G53: `${compatible('endpoint: https://minio.example.net\n    awsCredentials2: {}')
    .replace('\n    awsCredentials2: {}', '')
    .replace(
      'secretAccessKey: {name: s3, key: secret}',
      'secretAccessKey: {name: s3, key: secret}\n        caCertificate: {name: backup, key: ca.crt}',
    )}${secret('  ca.crt: MIIDdzCCAl+gAwIBAgIE')}`,
  G54: key(hex),
  G55: key(base64),
  G56: key('abcdefghijklmnopqrstuvwxyz0123456789ABCD', 'none'),
  G57: key('abcdefghijklmnopqrstuvwxyz01', 'none'),
  G58: key('correct horse battery staple now', 'none'),
  G59: sodium() + secret(`  key: ${Buffer.from(hex, 'hex').toString('base64')}`, 'data'),
  G60: sodium().replace('    method: sodium\n', ''),
  G61: storage(
    `${s3}\n  encryption:\n    sodium:\n      key: {name: b, key: k}\n    openpgp:\n      key: {name: b, key: p}\n      keyPassphrase: {name: b, key: q}`,
  ),
  G62: storage(`${s3}\n  encryption: {}`),
  G63: storage(`${s3}\n    encryption:\n      method: sodium\n      sodium:\n        key: {name: b, key: k}`),
  G72: `${backup('  sgCluster: app')}status:\n  sgBackupConfig:\n    storage:\n      type: s3\n      s3: {bucket: b, awsCredentials: {useIAMRole: true}}\n      encryption:\n        method: sodium\n        sodium:\n          key: {name: backup, key: key}`,
  G73: `${backups('        useVolumeSnapshot: true')}---\n${sodium()}`,
  G74: cluster('  initialData:\n    restore:\n      fromBackup: {name: nightly, targetInclusive: true}'),
  G75: `${backups('        path: /same')}---\n${backups('        path: /same').replace('name: app', 'name: other')}`,
  G76: cluster('  configurations:\n    backups:\n      - sgObjectStorage: backups\n      - sgObjectStorage: second'),
  G77: backups(''),
  G78: `${storage(
    `type: s3\n  s3:\n    bucket: b\n    awsCredentials:\n      secretKeySelectors:\n        accessKeyId: {name: backup, key: id}\n        secretAccessKey: {name: backup, key: secret}\n  encryption:\n    method: sodium\n    sodium:\n      key: {name: backup, key: key}\n      keyTransform: hex`,
  )}${secret(`  id: AKIAIOSFODNN7ABCDEFG\n  secret: wJalrXUtnFEMIK7MDENGbPxRfiCYabcdefghijkl\n  key: ${hex}`)}`,
  G79:
    cluster('  initialData:\n    restore:\n      fromBackup: {name: nightly}') +
    `---\n${backup('  sgCluster: app')}status:\n  process: {status: Completed}\n  sgBackupConfig:\n    storage:\n      type: s3\n      s3: {bucket: b, awsCredentials: {useIAMRole: true}}\n      encryption:\n        method: sodium\n        sodium:\n          key: {name: backup, key: key}`,
  G81: storage(s3.replace('bucket: backups', 'bucket: s3://backups/')),
  G82: storage(
    'type: s3\n  s3:\n    bucket: b\n    awsCredentials:\n      useIAMRole: true\n      secretKeySelectors:\n        accessKeyId: {name: s3, key: id}\n        secretAccessKey: {name: s3, key: secret}',
  ),
};
