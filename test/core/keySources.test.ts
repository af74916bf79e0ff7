import { expect, test } from 'vitest';
import { configuredArchives, configuredKeys, wipeKeys } from '../../server/src/core/queries/keySources.ts';
import { workspaceOf } from '../support/check.ts';
import { ROOT } from '../support/markup.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const armored = '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabcd\n-----END PGP PRIVATE KEY BLOCK-----\n';

const files = `#- /etc/pgbackrest/pgbackrest.conf
[global]
repo1-path=/backup
repo1-cipher-type=aes-256-cbc
repo2-path=/other
repo3-type=s3
[demo]
pg1-path=/x
repo1-cipher-pass=pass of demo
[shop]
pg1-path=/y
#- /etc/pgbackrest/conf.d/pass.conf
[global]
repo1-cipher-pass=pass of all
#- /k8s/cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      configuration: [{secret: {name: p}}]
      global: {repo1-cipher-type: aes-256-cbc}
      repos: [{name: repo1}, {name: repo2}]
#- /k8s/secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: p}
data:
  s3.conf: ${base64('[global]\nrepo1-cipher-pass=in base64\n')}
#- /k8s/storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s, namespace: db}
spec: {encryption: {method: sodium, sodium: {keyTransform: hex, key: {name: keys, key: k}}}}
---
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: o, namespace: db}
spec: {encryption: {method: openpgp, openpgp: {key: {name: keys, key: asc}, keyPassphrase: {name: keys, key: pw}}}}
#- /k8s/keys.yaml
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: db}
stringData:
  k: "${'ab'.repeat(32)}\\n"
  asc: ${JSON.stringify(armored)}
  pw: secret
#- /k8s/stray.yaml
apiVersion: v1
kind: Secret
metadata: {name: stray}
stringData:
  hex: ${'01'.repeat(32)}
  b64: ${base64('x'.repeat(32))}
  other: nothing
  templated: "{{ .Values.key }}"
`;

const text = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString() : undefined);

test('every key of the configuration is found with what it is for', () => {
  const { workspace } = workspaceOf(files, { rules: [] });
  const keys = configuredKeys(workspace).map(({ source, kind, bytes, repo, stanza, keyTransform, passphrase }) => ({
    source,
    kind,
    ...{ text: text(bytes), repo, stanza, keyTransform, passphrase: text(passphrase) },
  }));
  expect(keys).toEqual([
    {
      source: 'pgbackrest.conf, repo1-cipher-pass',
      kind: 'pgbackrest-pass',
      text: 'pass of demo',
      repo: 1,
      stanza: 'demo',
    },
    { source: 'pass.conf, repo1-cipher-pass', kind: 'pgbackrest-pass', text: 'pass of all', repo: 1 },
    { source: 's3.conf in Secret p, repo1-cipher-pass', kind: 'pgbackrest-pass', text: 'in base64', repo: 1 },
    { source: 'Secret db/keys, entry k', kind: 'sodium', text: 'ab'.repeat(32), keyTransform: 'hex' },
    { source: 'Secret db/keys, entry asc', kind: 'openpgp', text: armored, passphrase: 'secret' },
    { source: 'Secret stray, entry hex', kind: 'sodium', text: '01'.repeat(32), keyTransform: 'hex' },
    { source: 'Secret stray, entry b64', kind: 'sodium', text: base64('x'.repeat(32)), keyTransform: 'base64' },
  ]);
});

test('some files hold only their own keys, and those that they name', () => {
  const { workspace } = workspaceOf(files, { rules: [] });
  const sources = (name: string) => configuredKeys(workspace, new Set([`${ROOT}${name}`])).map((it) => it.source);
  expect(sources('/k8s/storage.yaml')).toEqual(['Secret db/keys, entry k', 'Secret db/keys, entry asc']);
  expect(sources('/k8s/secret.yaml')).toEqual(['s3.conf in Secret p, repo1-cipher-pass']);
  expect(sources('/etc/pgbackrest/conf.d/pass.conf')).toEqual(['pass.conf, repo1-cipher-pass']);
  expect(sources('/nowhere')).toEqual([]);
});

test('archives: repositories per stanza and cluster, and storages, each with its keys', () => {
  const { workspace } = workspaceOf(files, { rules: [] });
  const archives = configuredArchives(workspace).map((it) =>
    [it.label, it.path ?? '-', it.isEncrypted ? 'encrypted' : 'plain', ...it.keys.map((key) => key.source)].join(' | '),
  );
  expect(archives).toEqual([
    'repo1 of stanza demo (pgbackrest.conf) | /backup | encrypted | pgbackrest.conf, repo1-cipher-pass | pass.conf, repo1-cipher-pass',
    'repo2 of stanza demo (pgbackrest.conf) | /other | plain',
    'repo3 of stanza demo (pgbackrest.conf) | - | plain',
    'repo1 of stanza shop (pgbackrest.conf) | /backup | encrypted | pass.conf, repo1-cipher-pass',
    'repo2 of stanza shop (pgbackrest.conf) | /other | plain',
    'repo3 of stanza shop (pgbackrest.conf) | - | plain',
    'repo1 of PerconaPGCluster prod | - | encrypted | s3.conf in Secret p, repo1-cipher-pass',
    'repo2 of PerconaPGCluster prod | - | plain',
    'SGObjectStorage db/s | - | encrypted | Secret db/keys, entry k',
    'SGObjectStorage db/o | - | encrypted | Secret db/keys, entry asc',
  ]);
});

test('bytes are copies: wiping them leaves the workspace as it was', () => {
  const { workspace } = workspaceOf(files, { rules: [] });
  const first = configuredKeys(workspace);
  wipeKeys(first);
  expect(first.every((it) => it.bytes.every((byte) => byte === 0))).toBe(true);
  expect(text(configuredKeys(workspace)[4]?.passphrase)).toBe('secret');
});
