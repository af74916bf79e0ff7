// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders are what is tested
/** Zalando's operator: variables from a ConfigMap, a Secret and the cluster itself, seen together as Spilo sees them. */

import { describe, expect, test } from 'vitest';
import { checkFix, workspaceOf } from '../support/check.ts';

const hex = '3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded';
const map = (entries: string) =>
  `#- /config.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: pod-config, namespace: db}\ndata:\n  WAL_S3_BUCKET: backups\n  WAL_BUCKET_SCOPE_PREFIX: ""\n${entries}`;
const secret = (entries: string, container = 'stringData') =>
  `#- /secret.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: pod-secret, namespace: db}\n${container}:\n${entries}`;
const cluster = (rest: string) =>
  `#- /cluster.yaml\napiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata: {name: team-main, namespace: db}\nspec:\n  teamId: team\n  numberOfInstances: 2\n  postgresql: {version: "16"}\n  volume: {size: 1Gi}\n${rest}`;
const key = `  WALG_LIBSODIUM_KEY: ${hex}\n  WALG_LIBSODIUM_KEY_TRANSFORM: hex\n`;
const on = '  USE_WALG_BACKUP: "true"\n';

function found(markup: string): string[] {
  const { workspace } = workspaceOf(markup);
  return [...workspace.findings().values()].flat().map((it) => `${it.severity} ${it.rule}: ${it.message}`);
}
const rulesOf = (markup: string) => found(markup).map((it) => it.split(':')[0]);

describe('what is no environment of Pods is nobody’s business', () => {
  test('a ConfigMap of another program', () => {
    expect(
      found(
        '#- /c.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata:\n  AWS_REGION: x\n  AWS_ENDPOINT: https://s3.amazonaws.com\n  AWS_SECRET_ACCESS_KEY: abc\n',
      ),
    ).toEqual([]);
  });

  test('a Secret with a key for WAL-G in a workspace without Zalando’s operator', () => {
    expect(found(secret(`  WALG_LIBSODIUM_KEY: ${hex}\n`))).toEqual([]);
  });

  test('a postgresql of another group', () => {
    expect(
      found('apiVersion: acid.zalan.do/v2\nkind: postgresql\nmetadata: {name: x}\nspec: {clone: {timestamp: no}}\n'),
    ).toEqual([]);
  });

  test('the configuration of the operator itself', () => {
    expect(
      found(
        '#- /c.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-operator}\ndata:\n  docker_image: spilo\n  wal_s3_bucket: backups\n  kube_iam_role: x\n',
      ),
    ).toEqual([]);
  });
});

describe('WAL-G or WAL-E', () => {
  test('the switch in the ConfigMap counts for the key in the Secret', () => {
    expect(found(`${map(on)}${secret(key)}`)).toEqual([]);
    expect(rulesOf(`${map('')}${secret(key)}`)).toEqual(['error zalando-walg-off']);
  });

  test('the switch of the cluster counts too', () => {
    expect(
      found(`${map('')}${secret(key)}${cluster('  env:\n    - name: USE_WALG_BACKUP\n      value: "true"\n')}`),
    ).toEqual([]);
  });

  test('only "true" is true', () => {
    expect(rulesOf(`${map('  USE_WALG_BACKUP: "True"\n')}${secret(key)}`)).toEqual([
      'warning zalando-switch',
      'error zalando-walg-off',
    ]);
    expect(found(`${map('  USE_WALG_BACKUP: "${USE_WALG}"\n')}${secret(key)}`)).toEqual([]);
  });

  test('Google storage has no WAL-E', () => {
    expect(found(`${map('  WAL_GS_BUCKET: b\n')}${secret(key)}`)).toEqual([]);
  });

  test('a Secret that somebody else fills may hold the switch', () => {
    const external =
      '#- /external.yaml\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: more, namespace: db}\nspec:\n  target: {name: more}\n  dataFrom: [{extract: {key: x}}]\n';
    const text = `${map('')}${secret(key)}${external}${cluster('  envFrom: [{secretRef: {name: more}}]\n')}`;
    expect(rulesOf(text).filter((it) => it?.startsWith('error'))).toEqual([]);
  });

  test('the switch is added beside the key, whatever holds it', () => {
    checkFix(
      'Add USE_WALG_BACKUP',
      `${map('')}${secret(key)}`,
      `${map('')}${secret(`${key}  USE_WALG_BACKUP: "true"\n`)}`,
    );
    const env = `  env:\n    - name: WALG_LIBSODIUM_KEY\n      value: ${hex}\n    - name: WALG_LIBSODIUM_KEY_TRANSFORM\n      value: hex\n`;
    checkFix(
      'Add USE_WALG_BACKUP',
      `${map('')}${cluster(env)}`,
      `${map('')}${cluster(env.replace('    - name: WALG_LIBSODIUM_KEY\n', '    - name: USE_WALG_BACKUP\n      value: "true"\n    - name: WALG_LIBSODIUM_KEY\n'))}`,
    );
  });
});

describe('keys', () => {
  test('a key of the cluster is looked up in its Secret', () => {
    const env =
      '  env:\n    - name: USE_WALG_BACKUP\n      value: "true"\n    - name: WALG_LIBSODIUM_KEY\n      valueFrom: {secretKeyRef: {name: pod-secret, key: key}}\n    - name: WALG_LIBSODIUM_KEY_TRANSFORM\n      value: base64\n';
    const all = found(`${cluster(env)}${secret(`  key: ${hex}\n`)}`);
    expect(all).toEqual([
      'error zalando-sodium-key: the key is 48 bytes after base64, libsodium needs 32: it is 64 hex digits',
    ]);
    expect(all.join()).not.toContain(hex);
  });

  test('an entry that is not in the Secret is found', () => {
    const env =
      '  env:\n    - name: WALG_LIBSODIUM_KEY\n      valueFrom: {secretKeyRef: {name: pod-secret, key: kay}}\n';
    expect(rulesOf(`${cluster(env)}${secret(`  key: ${hex}\n`)}`)).toContain('error unknown-secret-entry');
  });

  test('the transform is set where the key is', () => {
    checkFix(
      'Set WALG_LIBSODIUM_KEY_TRANSFORM: hex',
      `${map(on)}${secret(`  WALG_LIBSODIUM_KEY: ${hex}\n`)}`,
      `${map(on)}${secret(`  WALG_LIBSODIUM_KEY: ${hex}\n  WALG_LIBSODIUM_KEY_TRANSFORM: "hex"\n`)}`,
    );
    const base64 = Buffer.from(hex).toString('base64');
    checkFix(
      'Set WALG_LIBSODIUM_KEY_TRANSFORM: hex',
      `${map(on)}${secret(`  WALG_LIBSODIUM_KEY: ${base64}\n`, 'data')}`,
      `${map(on)}${secret(`  WALG_LIBSODIUM_KEY: ${base64}\n  WALG_LIBSODIUM_KEY_TRANSFORM: aGV4\n`, 'data')}`,
    );
  });

  test('a line break at the end never reaches WAL-G', () => {
    expect(
      found(`${map(on)}${secret(`  WALG_LIBSODIUM_KEY: "${hex}\\n"\n  WALG_LIBSODIUM_KEY_TRANSFORM: hex\n`)}`),
    ).toEqual([]);
  });

  test('an armored key is joined', () => {
    const armor = (text: string) => `${map(on)}${secret(`  WALG_PGP_KEY: ${text}\n`)}`;
    checkFix('Join', armor('"-----BEGIN\\nabc\\n-----END\\n"'), armor('"-----BEGIN\\\\nabc\\\\n-----END\\n"'), {
      rule: 'zalando-key-lines',
    });
  });
});

describe('clones', () => {
  const clone =
    '  clone:\n    cluster: team-old\n    uid: 0c1e6a9e-52a5-4a3c-8d27-2f1c6a0f8a11\n    timestamp: "2026-01-31T08:00:00+00:00"\n';

  test('need the key under a name of their own', () => {
    expect(rulesOf(`${cluster(clone)}${map(on)}${secret(key)}`)).toEqual(['warning zalando-clone-key']);
    expect(found(`${cluster(clone)}${map(on)}${secret(key + key.replaceAll('WALG', 'CLONE_WALG'))}`)).toEqual([]);
  });

  test('without a timestamp copy the running cluster', () => {
    expect(found(`${cluster('  clone: {cluster: team-old}\n')}${map(on)}${secret(key)}`)).toEqual([]);
  });

  test('a timestamp needs its offset', () => {
    expect(found(cluster(clone.replace('+00:00', 'Z')))).toEqual([
      'error field-value: timestamp needs date, time and offset of the time zone: 2026-01-31T08:00:00+00:00 (Z is refused)',
    ]);
  });
});

test('an endpoint at AWS switches the encryption off that Spilo asks for there', () => {
  expect(found(map(`${on}  AWS_ENDPOINT: https://s3.eu-central-1.amazonaws.com\n`))).toEqual([
    'information zalando-sse-off: AWS needs no AWS_ENDPOINT, and it switches the server-side encryption off that Spilo asks for there',
  ]);
  expect(found(map(`${on}  AWS_ENDPOINT: https://minio.example.org\n`))).toEqual([]);
});

test('a setting of the operator becomes the variable that means the same', () => {
  checkFix('Rename to AWS_REGION', map(`${on}  aws_region: x\n`), map(`${on}  AWS_REGION: x\n`));
});

test('the name of the Secret has no namespace', () => {
  expect(
    found(
      'apiVersion: acid.zalan.do/v1\nkind: OperatorConfiguration\nmetadata: {name: o}\nconfiguration: {kubernetes: {pod_environment_secret: db/pod-secret}}\n',
    ),
  ).toEqual([
    'error zalando-secret-namespace: pod_environment_secret is a plain name; the Secret is looked for beside each cluster',
  ]);
});

describe('the policy of the bucket', () => {
  const policy = (wanted: string) =>
    `#- /policy.json\n{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::backups/*", "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "${wanted}"}}}}`;
  const refused = (entries: string, wanted: string) =>
    found(`${map(on + entries)}${policy(wanted)}`).filter((it) => it.includes('bucket-policy'));

  test('is met by the default of Spilo on AWS', () => {
    expect(refused('', 'AES256')).toEqual([]);
    expect(refused('', 'aws:kms')[0]).toContain(
      'refuses uploads with AES256 (statement 1 in policy.json): set WALG_S3_SSE: aws:kms',
    );
  });

  test('is not met with an endpoint, which switches the header off', () => {
    const endpoint = '  AWS_ENDPOINT: https://s3.eu-central-1.amazonaws.com\n';
    expect(refused(endpoint, 'AES256')[0]).toContain('Spilo sends none: set WALG_DISABLE_S3_SSE: "false"');
    expect(refused(`${endpoint}  WALG_DISABLE_S3_SSE: "false"\n`, 'AES256')).toEqual([]);
  });
});
