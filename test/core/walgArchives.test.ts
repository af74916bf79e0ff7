import { describe, expect, test } from 'vitest';
import { walgArchives } from '../../server/src/core/queries/walgArchives.ts';
import { workspaceOf } from '../support/check.ts';

const of = (markup: string) => walgArchives(workspaceOf(markup, { rules: [] }).workspace);
const path = 'sgbackups.stackgres.io/shop/orders/2026-01-31-10-00-00/15';

const sodium = 'encryption: {method: sodium, sodium: {key: {name: keys, key: k}, keyTransform: hex}}';
const storage = (encryption = sodium) => `#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: store, namespace: shop}
spec: {type: gcs, ${encryption}}
`;
const cluster = `#- /cluster.yaml
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: orders, namespace: shop}
spec: {configurations: {backups: [{sgObjectStorage: store}]}}
status: {backupPaths: [${path}]}
`;
const secret = (entries: string) => `#- /keys.yaml
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}
${entries}
`;
const backup = (status: string, owner = 'orders') => `#- /backup.yaml
apiVersion: stackgres.io/v1
kind: SGBackup
metadata: {name: nightly, namespace: shop}
spec: {sgCluster: ${owner}}
status: ${status}
`;
const completed = `{internalName: base_000000010000000000000004, backupPath: ${path}, process: {status: Completed}, backupInformation: {systemIdentifier: "7710732156905849906"}, sgBackupConfig: {storage: {type: gcs, ${sodium}}}}`;

test('a backup is known by its name, its cluster and the identifier of PostgreSQL', () => {
  expect(of(backup(completed))).toMatchObject([
    {
      path,
      cluster: 'shop/orders',
      backup: {
        label: 'base_000000010000000000000004',
        title: 'SGBackup shop/nightly',
        systemId: '7710732156905849906',
      },
      isEncrypted: true,
    },
  ]);
  expect(of(backup(completed))[0]?.backup).not.toHaveProperty('flaw');
  expect(of(backup(completed, 'prod.orders'))[0]?.cluster).toBe('prod/orders');
});

test.each([
  ['{process: {status: Failed}}', 'it is Failed'],
  ['{process: {status: Running}}', 'it is Running'],
  [`{internalName: base_000000010000000000000004, process: {status: Failed}}`, 'it is Failed'],
  ['{}', 'its manifest has no status.internalName, as only the one in the cluster has'],
])('a backup with the status %s is none to restore from', (status, flaw) => {
  expect(of(backup(status))[0]?.backup).toMatchObject({ flaw });
});

test('the parts of a sharded cluster and of its backup have names of their own', () => {
  const found = of(`#- /sharded.yaml
apiVersion: stackgres.io/v1alpha1
kind: SGShardedCluster
metadata: {name: big, namespace: shop}
spec: {shards: {clusters: 2}, configurations: {backups: [{sgObjectStorage: store, paths: [a, b, c]}]}}
---
apiVersion: stackgres.io/v1
kind: SGShardedBackup
metadata: {name: weekly, namespace: shop}
spec: {sgShardedCluster: big}
status: {sgBackups: [weekly-coord, weekly-shard0]}
`);
  expect(found.slice(0, 3).map((it) => [it.path, it.cluster])).toEqual([
    ['a', 'shop/big-coord'],
    ['b', 'shop/big-shard0'],
    ['c', 'shop/big-shard1'],
  ]);
  expect(found[3]?.backup?.flaw).toBe('it stands for the SGBackups weekly-coord, weekly-shard0');
});

describe('where the key is, and what keeps it from being offered', () => {
  const advice = (...parts: string[]) => of(parts.join('')).find((it) => !it.backup)?.keyAdvice?.said;
  const names =
    'SGObjectStorage shop/store (storage.yaml: spec.encryption.sodium.key) names the entry k of Secret shop/keys';
  const fetching = 'kubectl get secret --namespace shop keys -o yaml';

  test.each<[string, string[], string[]]>([
    ['no Secret', [], [`${names}, which is in none of the files`, fetching]],
    ['another entry', [secret('stringData: {key: x}')], [names, 'keys.yaml has no such entry, only key', fetching]],
    ['an empty value', [secret('stringData: {k: ""}')], [`${names}, which is empty in keys.yaml`]],
    ['a value for a renderer', [secret('stringData: {k: "{{ .Values.key }}"}')], ['comes from elsewhere', fetching]],
    ['a value', [secret('stringData: {k: very-secret}')], [`${names}; if that was changed since`]],
  ])('%s', (_, secrets, expected) => {
    const found = advice(storage(), cluster, ...secrets);
    for (const it of expected) expect(found).toContain(it);
    expect(found).not.toContain('very-secret');
  });

  test('is known to be here or not', () => {
    const isHere = (...parts: string[]) =>
      of([storage(), ...parts].join('')).find((it) => !it.backup)?.keyAdvice?.isHere;
    expect(isHere(cluster, secret('stringData: {k: x}'))).toBe(true);
    expect(isHere(cluster)).toBe(false);
  });

  test('a storage that is missing, or encrypts nothing', () => {
    expect(advice(cluster)).toBe(
      'SGCluster shop/orders (cluster.yaml: spec.configurations.backups[0].sgObjectStorage) names the SGObjectStorage store, which is in none of the files: it would say which Secret holds the key.',
    );
    expect(advice(storage('gcs: {}'), cluster)).toContain('(storage.yaml: spec.encryption) encrypts nothing');
  });

  test('a passphrase counts as a key', () => {
    const openpgp = `encryption: {openpgp: {key: {name: keys, key: k}, keyPassphrase: {name: keys, key: pass}}}`;
    expect(advice(storage(openpgp), cluster, secret('stringData: {k: x}'))).toContain(
      '(storage.yaml: spec.encryption.openpgp.keyPassphrase) names the entry pass of Secret shop/keys, but the Secret in keys.yaml has no such entry, only k',
    );
  });

  test('a backup speaks of the copy of the storage that it keeps', () => {
    expect(of(backup(completed))[0]?.keyAdvice?.said).toContain(
      'SGBackup shop/nightly (backup.yaml: status.sgBackupConfig.storage.encryption.sodium.key) names',
    );
  });
});
