/**
 * Twice as many objects take twice the work, also where all of them refer to one thing or have one name. Work is counted, not
 * timed: how often the rules look into a manifest.
 */

import { afterEach, expect, test, vi } from 'vitest';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import { YamlNode } from '../../server/src/core/yaml/node.ts';

const secret = (name: string) => `apiVersion: v1
kind: Secret
metadata: {name: ${name}, namespace: db}
stringData: {key: "${'0f'.repeat(32)}", id: a, secret: b}
`;

const storage = (name: string, keys: string) => `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: ${name}, namespace: db}
spec:
  type: s3Compatible
  s3Compatible:
    bucket: backups
    endpoint: http://minio:9000
    awsCredentials:
      secretKeySelectors:
        accessKeyId: {name: ${keys}, key: id}
        secretAccessKey: {name: ${keys}, key: secret}
  encryption:
    method: sodium
    sodium: {key: {name: ${keys}, key: key}, keyTransform: hex}
`;

const cluster = (name: string, storageName: string) => `apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: ${name}, namespace: db}
spec:
  configurations:
    backups:
    - sgObjectStorage: ${storageName}
      cronSchedule: 0 5 * * *
      path: /same
`;

const cloudNative = `apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: main, namespace: db}
spec:
  instances: 3
  storage: {size: 1Gi}
  bootstrap: {recovery: {source: origin}}
  externalClusters:
    - name: origin
      connectionParameters: {host: other}
`;

const zalando = `apiVersion: acid.zalan.do/v1
kind: postgresql
metadata: {name: acid-main, namespace: db}
spec:
  teamId: acid
  numberOfInstances: 1
  postgresql: {version: "16"}
  volume: {size: 1Gi}
  env:
    - {name: WALG_LIBSODIUM_KEY, value: ${'0f'.repeat(32)}}
    - {name: USE_WALG_BACKUP, value: "true"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: pod-config, namespace: db}
data: {WAL_S3_BUCKET: backups, USE_WALG_BACKUP: "true"}
---
apiVersion: acid.zalan.do/v1
kind: OperatorConfiguration
metadata: {name: operator, namespace: db}
configuration:
  kubernetes: {pod_environment_configmap: pod-config}
`;

const each = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i));

afterEach(() => vi.restoreAllMocks());

/** Looks into manifests for all findings of a file. */
function looks(documents: readonly string[]): number {
  const get = vi.spyOn(YamlNode.prototype, 'get');
  const entries = vi.spyOn(YamlNode.prototype, 'entries');
  const workspace = new Workspace(allRules);
  workspace.setFile('file:///all.yaml', documents.join('---\n'));
  workspace.findings();
  const count = get.mock.calls.length + entries.mock.calls.length;
  vi.restoreAllMocks();
  return count;
}

test.each([
  [
    'clusters on one path of one storage',
    (n: number) => [storage('one', 'keys'), ...each(n, (i) => cluster(`c${i}`, 'one'))],
  ],
  ['copies of one cluster', (n: number) => each(n, () => cluster('one', 'one'))],
  ['clusters whose storages are not here', (n: number) => each(n, (i) => cluster(`c${i}`, `storage-${i}`))],
  ['storages that use one Secret', (n: number) => [secret('keys'), ...each(n, (i) => storage(`s${i}`, 'keys'))]],
  ['Secrets of one name', (n: number) => [storage('one', 'keys'), ...each(n, () => secret('keys'))]],
  ['copies of a cluster of CloudNativePG', (n: number) => each(n, () => cloudNative)],
  ['copies of a cluster of Zalando with its environment', (n: number) => each(n, () => zalando)],
])('%s', (_, shape) => {
  const some = looks(shape(60));
  const twice = looks(shape(120));
  expect(twice / some).toBeLessThan(2.3);
});

test('of many clusters on one path, each is told a few others', () => {
  const workspace = new Workspace(allRules);
  const clusters = each(30, (i) => cluster(`c${i}`, 'one'));
  workspace.setFile('file:///all.yaml', [storage('one', 'keys'), ...clusters].join('---\n'));
  const told = workspace
    .findings()
    .get('file:///all.yaml')!
    .filter((it) => it.rule === 'shared-backup-path');
  expect(told.length).toBe(30 * 5);
});
