import { describe, expect, test } from 'vitest';
import { rotate, rotationTarget } from '../../server/src/core/queries/rotation.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { withCursor } from '../support/queries.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const oldPass = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const newPass = 'mRkl6nBKLTXFi2YC0lTWtg0UGTwz9Q4pXgd8oVE7ua5yJbHcSxNfZqPrvs1eIj3D';
const oldKey = '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4';
const newKey = '4d28f0fbc90f6afecebf08ca0d3cf6976bf05e0f5d4fb68d85769c07ff1403f4';

function rotated(markup: string, key: string) {
  const { workspace, uri, offset } = withCursor(markup);
  const result = rotate(workspace, { uri, offset, key, rules: allRules });
  if ('problem' in result) throw new Error(result.problem);
  const texts = Object.fromEntries(result.files.map((it) => [it.uri.replace('file:///w/', ''), it.text]));
  // What was written is right by all rules, and nothing that was there has gone.
  for (const it of result.files) workspace.setFile(it.uri, it.text);
  const loud = [...workspace.findings().values()]
    .flat()
    .filter((it) => it.severity === 'error' || it.severity === 'warning');
  expect(loud.map((it) => `${it.rule}: ${it.message}`)).toEqual([]);
  return { ...result, texts };
}

describe('another key', () => {
  test('for a host: a new repository beside the old one', () => {
    const { title, texts, target } = rotated(
      `#- /pgbackrest.conf
[global]
repo1-path=/var/lib/pgbackrest
repo1-cipher-type=aes-256-cbc
repo1-ci$0pher-pass=${oldPass}
repo1-retention-full=2
[demo]
pg1-path=/var/lib/postgresql/15/main
`,
      newPass,
    );
    expect(target).toEqual({ key: 'pgbackrest', title: 'repo1 in pgbackrest.conf' });
    expect(title).toBe('Keep repo1, and begin repo2 with the new values');
    const text = texts['pgbackrest.conf']!;
    expect(text).toContain(`repo1-cipher-pass=${oldPass}\n`);
    expect(text).toContain(`repo2-cipher-pass=${newPass}\n`);
    expect(text).toContain('repo2-cipher-type=aes-256-cbc\n');
    expect(text).toContain('repo2-path=/var/lib/pgbackrest-repo2\n');
    expect(text).toContain('repo2-retention-full=2\n');
  });

  test('for a cluster: options in global, an entry in repos, and the pass inside the base64 of the Secret', () => {
    const { texts } = rotated(
      `#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata:
  name: shop
  namespace: db
spec:
  crVersion: 2.7.0
  postgresVersion: 17
  instances:
    - name: instance1
      replicas: 3
      dataVolumeClaimSpec:
        accessModes: [ReadWriteOnce]
        resources: {requests: {storage: 20Gi}}
  proxy: {pgBouncer: {replicas: 2}}
  backups:
    pgbackrest:
      configuration:
        - secret:
            name: shop-pgbackrest
      global:
        repo1-cipher-type: aes-256-cbc
        repo1-path: /backups/shop
        repo1-retention-full: "14"
      repos:
        - name: re$0po1
          s3:
            bucket: shop-backups
            endpoint: s3.eu-central-1.amazonaws.com
            region: eu-central-1
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata:
  name: shop-pgbackrest
  namespace: db
data:
  s3.conf: ${base64(`[global]\nrepo1-s3-key=AKIAEXAMPLEEXAMPLE\nrepo1-s3-key-secret=made/up\nrepo1-cipher-pass=${oldPass}\n`)}
`,
      newPass,
    );
    expect(texts['cluster.yaml']).toContain('- name: repo2');
    expect(texts['cluster.yaml']).toMatch(/repo2-cipher-type: "?aes-256-cbc/);
    const conf = Buffer.from(/s3\.conf: (\S+)/.exec(texts['secret.yaml']!)![1]!, 'base64').toString();
    expect(conf).toContain(`repo1-cipher-pass=${oldPass}\n`);
    expect(conf).toContain(`repo2-cipher-pass=${newPass}\n`);
    expect(conf).toContain('repo2-s3-key=AKIAEXAMPLEEXAMPLE\n');
  });

  test('for StackGres: a new Secret, a new storage, and the clusters go over to it', () => {
    const { title, texts, target } = rotated(
      `#- /all.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata:
  name: dai$0ly
  namespace: db
spec:
  type: gcs
  gcs:
    bucket: b
    gcpCredentials:
      fetchCredentialsFromMetadataService: true
  encryption:
    method: sodium
    sodium:
      key: {name: keys, key: daily}
      keyTransform: hex
---
apiVersion: v1
kind: Secret
metadata:
  name: keys
  namespace: db
stringData:
  daily: "${oldKey}"
---
apiVersion: stackgres.io/v1
kind: SGCluster
metadata:
  name: c
  namespace: db
spec:
  instances: 1
  postgres: {version: "17"}
  pods: {persistentVolume: {size: 1Gi}}
  configurations:
    backups:
      - sgObjectStorage: daily
`,
      newKey,
    );
    expect(target).toMatchObject({ key: 'sodium', encoding: 'hex' });
    expect(title).toContain('SGObjectStorage daily-2');
    const text = texts['all.yaml']!;
    for (const it of [oldKey, newKey]) expect(text.split(it)).toHaveLength(2);
    expect(text).toContain('sgObjectStorage: daily-2');
  });

  test('is refused with a reason where there is nothing to rotate', () => {
    const problem = (markup: string) => {
      const { workspace, uri, offset } = withCursor(markup);
      const found = rotationTarget(workspace, uri, offset);
      return 'problem' in found ? found.problem : undefined;
    };
    expect(problem('#- /pgbackrest.conf\n[global]\nrepo1-pa$0th=/x\n')).toMatch(
      /repo1 in pgbackrest.conf has no cipher pass/,
    );
    expect(problem('#- /pgbackrest.conf\n[glo$0bal]\nrepo1-path=/x\n')).toMatch(/put the cursor on one/);
    expect(
      problem(
        '#- /a.yaml\napiVersion: stackgres.io/v1beta1\nkind: SGObjectStorage\nmetadata: {name: $0s}\nspec: {type: gcs}\n',
      ),
    ).toMatch(/is not encrypted/);
  });
});
