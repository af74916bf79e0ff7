/** BackupLocations of Stork and Portworx Backup: what overrides what, and which uploads the policy of a bucket refuses. */

import { describe, expect, test } from 'vitest';
import { checkDiagnostics, checkFix, workspaceOf } from '../support/check.ts';

const location = (rest: string) =>
  `apiVersion: stork.libopenstorage.org/v1alpha1
kind: BackupLocation
metadata: {name: backups, namespace: kube-system}
location:
  type: s3
  path: my-bucket
${rest}`;
const s3 = '  s3Config: {region: eu-central-1, endpoint: s3.eu-central-1.amazonaws.com, useIam: true}';
const secret = (entries: string) => `#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: backups, namespace: kube-system}
stringData:
${entries}`;

/** Rules and severities, in the order of the file. */
function found(markup: string): string[] {
  const { workspace } = workspaceOf(markup);
  return [...workspace.findings().values()].flat().map((it) => `${it.severity} ${it.rule}: ${it.message}`);
}

describe('look-alikes are nobody’s business', () => {
  test.each(['kubedr.catalogicsoftware.com/v1alpha1', 'velero.io/v1', 'stork.libopenstorage.org.evil.com/v1'])(
    '%s',
    (group) => {
      expect(found(`apiVersion: ${group}\nkind: BackupLocation\nmetadata: {name: x}\nspec: {foo: bar}\n`)).toEqual([]);
    },
  );
});

test('a block below spec is moved to the top with everything in it', () => {
  checkFix(
    'Move location to the top',
    `apiVersion: stork.libopenstorage.org/v1alpha1
kind: BackupLocation
metadata: {name: backups}
spec:
  # the bucket of the backups
  location:
    type: s3
    path: backups
    s3Config:
      region: eu-central-1
      endpoint: s3.eu-central-1.amazonaws.com
`,
    `apiVersion: stork.libopenstorage.org/v1alpha1
kind: BackupLocation
metadata: {name: backups}
location:
  type: s3
  path: backups
  s3Config:
    region: eu-central-1
    endpoint: s3.eu-central-1.amazonaws.com
`.replace('location:\n', '# the bucket of the backups\nlocation:\n'),
  );
});

test('types and algorithms in other words lead to the right ones', () => {
  expect(found(location(`  s3Config: {region: r, endpoint: e, sse: aes256}`))).toEqual([
    'error field-value: sse must be AES256 or aws:kms, not aes256',
  ]);
  checkFix(
    'Change to google',
    'apiVersion: stork.libopenstorage.org/v1alpha1\nkind: BackupLocation\nmetadata: {name: b}\nlocation: {type: gcs, path: x}\n',
    'apiVersion: stork.libopenstorage.org/v1alpha1\nkind: BackupLocation\nmetadata: {name: b}\nlocation: {type: google, path: x}\n',
  );
});

test('a misspelt passphrase says that nothing is encrypted', () => {
  expect(found(location(`  encrytionV2Key: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n${s3}`))[0]).toContain(
    'encryptionV2Key was probably meant; without it Stork stores the resource files of backups in clear text',
  );
});

test('a name with capital letters is refused by the API server', () => {
  expect(found(location(s3).replace('name: backups', 'name: azureBackupLocation'))[0]).toMatch(/^error field-value/);
});

describe('the Secret', () => {
  test('its values beat those of the location; equal ones are no news', () => {
    const text = location(`  secretConfig: backups\n${s3}`);
    expect(found(`${text}\n${secret('  region: eu-central-1')}`)).toEqual([]);
    expect(found(`${text}\n${secret('  region: us-east-1')}`)).toEqual([
      'warning backup-location-overridden: region has another value in Secret kube-system/backups, which wins',
    ]);
  });

  test('is looked for in the namespace of the location', () => {
    expect(
      found(
        `${location(`  secretConfig: backups\n${s3}`)}\n${secret('  path: my-bucket').replace('namespace: kube-system', 'namespace: other')}`,
      ),
    ).toEqual([
      'warning secret-not-here: Secret backups is in namespace other, and must be in kube-system, beside BackupLocation backups',
    ]);
  });

  test('may bring the region and the endpoint', () => {
    const text = location('  secretConfig: backups\n  s3Config: {useIam: true}');
    expect(found(`${text}\n${secret('  region: eu-central-1\n  endpoint: s3.example.org')}`)).toEqual([]);
    // A Secret that is not here may bring them too.
    expect(found(text)).toEqual(['hint secret-not-here: no manifest of Secret backups is in the workspace']);
  });

  test('of something else is not judged', () => {
    expect(found(secret('  encryptionV2Key: x\n  disableSSL: "no"'))).toEqual([]);
  });

  test('no value of it is said', () => {
    const said = found(
      `${location(`  secretConfig: backups\n  encryptionV2Key: inline-passphrase-abc\n${s3}`)}\n${secret('  encryptionKey: "secret-passphrase-xyz\\r\\n"')}`,
    );
    expect(said.length).toBeGreaterThan(1);
    expect(said.join()).not.toMatch(/passphrase-(?:abc|xyz)/);
  });

  test('one line feed at its end is cut by Stork, two are not', () => {
    const text = location(`  secretConfig: backups\n${s3}`);
    const key = '3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded';
    const about = (value: string) =>
      found(`${text}\n${secret(`  encryptionKey: "${value}"`)}`).filter((it) => it.includes('value-space'));
    expect(about(`${key}\\n`)).toEqual([]);
    expect(about(`${key}\\n\\n`)).toEqual([
      'warning backup-location-value-space: encryptionKey ends with a line break, which becomes a part of the passphrase',
    ]);
    expect(about(`${key}\\r\\n`)[0]).toContain('a carriage return');
  });
});

describe('the policy of the bucket', () => {
  const policy = (condition: string, more: Record<string, unknown> = {}) =>
    `#- /policy.json\n${JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'S',
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:PutObject',
          Resource: 'arn:aws:s3:::my-bucket/*',
          Condition: JSON.parse(condition),
          ...more,
        },
      ],
    })}`;
  const header = 's3:x-amz-server-side-encryption';
  const refused = (sse: string | undefined, condition: string, more?: Record<string, unknown>) => {
    const text = location(
      `  s3Config: {region: eu-central-1, endpoint: s3.amazonaws.com, useIam: true${sse ? `, sse: "${sse}"` : ''}}`,
    );
    return found(`${text}\n${policy(condition, more)}`).some((it) =>
      it.startsWith('error bucket-policy-denies-upload'),
    );
  };

  // none, AES256, aws:kms
  test.each([
    [`{"Null": {"${header}": "true"}}`, true, false, false],
    [`{"StringNotEquals": {"${header}": "AES256"}}`, true, false, true],
    [`{"StringNotEquals": {"${header}": "aws:kms"}}`, true, true, false],
    [`{"StringNotEquals": {"${header}": ["aws:kms", "AES256"]}}`, true, false, false],
    [`{"StringNotLike": {"S3:X-Amz-Server-Side-Encryption": "aws:*"}}`, true, true, false],
    [`{"ForAnyValue:StringNotEquals": {"${header}": "AES256"}}`, false, false, true],
    [`{"StringNotEquals": {"${header}-aws-kms-key-id": "arn:aws:kms:x:1:key/a"}}`, true, true, true],
    [`{"StringEquals": {"${header}": "AES256"}}`, false, true, false],
    // Two conditions must both hold: this is AWS's own way to write "none or AES256".
    [`{"Null": {"${header}": "false"}, "StringNotEquals": {"${header}": "AES256"}}`, false, false, true],
    // Who sends it decides: not seen here.
    [
      `{"Null": {"${header}": "true"}, "StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/x"}}`,
      false,
      false,
      false,
    ],
  ])('%s', (condition, none, aes, kms) => {
    expect([refused(undefined, condition), refused('AES256', condition), refused('aws:kms', condition)]).toEqual([
      none,
      aes,
      kms,
    ]);
  });

  test('counts only for its bucket, for uploads, for everybody, and where it denies', () => {
    const missing = `{"Null": {"${header}": "true"}}`;
    expect(refused(undefined, missing, { Action: ['s3:GetObject', 's3:Put*'] })).toBe(true);
    expect(refused(undefined, missing, { Action: 's3:*' })).toBe(true);
    expect(refused(undefined, missing, { Action: 's3:GetObject' })).toBe(false);
    expect(refused(undefined, missing, { Resource: 'arn:aws:s3:::other/*' })).toBe(false);
    expect(refused(undefined, missing, { Resource: 'arn:aws:s3:::my-*/*' })).toBe(true);
    expect(refused(undefined, missing, { Resource: 'arn:aws:s3:::my-bucket/folder/*' })).toBe(false);
    expect(refused(undefined, missing, { Principal: { AWS: '*' } })).toBe(true);
    expect(refused(undefined, missing, { Principal: { AWS: 'arn:aws:iam::1:user/x' } })).toBe(false);
    expect(refused(undefined, missing, { Effect: 'Allow' })).toBe(false);
  });

  test('an absent header under …IfExists is told quietly', () => {
    const text = location(s3);
    expect(
      found(`${text}\n${policy(`{"StringNotEqualsIfExists": {"${header}": "AES256"}}`)}`).map((it) => it.split(':')[0]),
    ).toEqual(['information bucket-policy-denies-upload']);
  });

  test('that demands TLS refuses disableSSL', () => {
    const text = location('  s3Config: {region: r, endpoint: "minio:9000", useIam: true, disableSSL: true}');
    expect(found(`${text}\n${policy('{"Bool": {"aws:SecureTransport": "false"}}', { Action: 's3:*' })}`)).toEqual([
      'error bucket-policy-denies-upload: bucket my-bucket refuses plain HTTP (S in policy.json): every upload ends with AccessDenied',
    ]);
  });

  test('the header is added to the location, or where the Secret has it', () => {
    const tail = policy(`{"StringNotEquals": {"${header}": "AES256"}}`);
    checkFix(
      'Set sse: AES256',
      `${location('  s3Config:\n    region: r\n    endpoint: e\n')}\n${tail}`,
      `${location('  s3Config:\n    region: r\n    endpoint: e\n    sse: AES256\n')}\n${tail}`,
      { rule: 'bucket-policy-denies-upload' },
    );
    checkFix(
      'Set sse: AES256',
      `${location(`  secretConfig: backups`)}\n${secret('  sse: aws:kms')}\n${tail}`,
      `${location(`  secretConfig: backups`)}\n${secret('  sse: AES256')}\n${tail}`,
      { rule: 'bucket-policy-denies-upload' },
    );
  });

  test('pgBackRest cannot send AES256, and a customer key is no answer to a policy', () => {
    const conf = (more: string) =>
      `#- /pgbackrest.conf\n[global]\nrepo1-type=s3\nrepo1-s3-bucket=my-bucket\nrepo1-s3-endpoint=s3.amazonaws.com\nrepo1-s3-region=eu-central-1\nrepo1-s3-key-type=auto\nrepo1-path=/b\nrepo1-retention-full=2\n${more}\n[main]\npg1-path=/var/lib/postgresql/15/main\n`;
    const about = (text: string) => found(text).filter((it) => it.includes('bucket-policy'));
    const aes = policy(`{"StringNotEquals": {"${header}": "AES256"}}`);
    expect(about(`${conf('')}${aes}`)[0]).toContain(
      'repo1 sends none: pgBackRest cannot send AES256, only aws:kms or a customer key: the policy must change',
    );
    expect(about(`${conf('repo1-s3-kms-key-id=alias/x')}${aes}`)[0]).toContain('refuses uploads with aws:kms');
    const kms = policy(`{"StringNotEquals": {"${header}": "aws:kms"}}`);
    expect(about(`${conf('repo1-s3-kms-key-id=alias/x')}${kms}`)).toEqual([]);
    expect(about(`${conf('')}${kms}`)[0]).toContain('set repo1-s3-kms-key-id');
  });

  test('a cluster whose options are partly elsewhere is not judged', () => {
    const cluster = (configuration: string) => `#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  instances: [{name: a}]
  backups:
    pgbackrest:
${configuration}      repos:
        - name: repo1
          s3: {bucket: my-bucket, endpoint: s3.amazonaws.com, region: eu-west-1}
`;
    const kms = policy(`{"StringNotEquals": {"${header}": "aws:kms"}}`);
    const about = (text: string) => found(text).filter((it) => it.includes('bucket-policy'));
    expect(about(`${cluster('')}${kms}`).length).toBe(1);
    expect(about(`${cluster('      configuration: [{secret: {name: elsewhere}}]\n')}${kms}`)).toEqual([]);
  });
});

test('places of a Secret in base64 are exact', () => {
  checkDiagnostics(
    `${location('  secretConfig: backups')}
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: backups, namespace: kube-system}
data:
  disableSSL: bm8=
              ^^^^ error backup-location-secret-value: Stork reads disableSSL as true, false, 1, 0, t or f, and stops at anything else
`,
    { only: 'backup-location-secret-value' },
  );
});
