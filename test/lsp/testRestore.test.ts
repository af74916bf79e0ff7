import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Report } from '../../engine/src/report.ts';
import { COMMANDS } from '../../server/src/protocol.ts';
import { toUri } from '../../server/src/uris.ts';
import { LspClient } from '../support/lspClient.ts';

const clients: LspClient[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const it of clients.splice(0)) await it.stop();
  for (const it of folders.splice(0)) rmSync(it, { recursive: true, force: true });
});

const archive = resolve('examples/archives/wal-g-sodium/part_001.tar.lz4');
const key = readFileSync('examples/archives/keys/wal-g-sodium.hex', 'utf8').trim();

const manifests = (hex: string) => `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: backup, namespace: db}
spec:
  type: gcs
  encryption: {method: sodium, sodium: {keyTransform: hex, key: {name: keys, key: k}}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: db}
data:
  k: ${Buffer.from(hex).toString('base64')}
`;

async function workspaceWith(hex: string): Promise<{ client: LspClient; uri: string }> {
  const path = mkdtempSync(join(tmpdir(), 'restorable restore-'));
  folders.push(path);
  writeFileSync(join(path, 'storage.yaml'), manifests(hex));
  const client = await LspClient.initialised({ rootUri: toUri(path) });
  clients.push(client);
  const uri = `${toUri(path)}/storage.yaml`;
  client.open(uri, manifests(hex));
  return { client, uri };
}

test('an archive is proven with the key of the workspace, with progress in bytes, and no key on the wire', async () => {
  const { client, uri } = await workspaceWith(key);
  const [report] = await client.request<Report[]>('workspace/executeCommand', {
    command: COMMANDS.testRestore,
    arguments: [{ archive, configuration: [uri] }],
    workDoneToken: 'proof',
  });
  expect(report).toMatchObject({
    verdict: { decrypted: true, authentic: true },
    keys: [{ source: 'Secret db/keys, entry k' }],
    failure: null,
  });
  const progress = client.received
    .filter((it) => it.method === '$/progress')
    .map((it) => it.params as { token: string; value: { kind: string; bytes?: number } });
  expect(progress.every((it) => it.token === 'proof')).toBe(true);
  expect(progress.map((it) => it.value.kind)).toEqual(['begin', ...progress.slice(2).map(() => 'report'), 'end']);
  expect(progress.findLast((it) => it.value.kind === 'report')?.value.bytes).toBeGreaterThan(0);
  for (const it of [key, Buffer.from(key).toString('base64')]) expect(client.output + client.stderr).not.toContain(it);
});

test('another key is a wrong key, said in the report or as an error, and the server lives on', async () => {
  const { client, uri } = await workspaceWith('00'.repeat(32));
  const answer = await client.exchange('workspace/executeCommand', {
    command: COMMANDS.testRestore,
    arguments: [{ archive, configuration: [uri] }],
  });
  expect(JSON.stringify(answer.result ?? answer.error)).toContain('wrong-key');
  const inspection = await client.request('workspace/executeCommand', {
    command: COMMANDS.inspect,
    arguments: [{ archive }],
  });
  expect(inspection).toMatchObject({ path: archive });
});

test('can be cancelled by the request', async () => {
  const { client, uri } = await workspaceWith(key);
  const id = client.nextId;
  const answer = client.exchange('workspace/executeCommand', {
    command: COMMANDS.testRestore,
    arguments: [{ archive, configuration: [uri] }],
  });
  client.notify('$/cancelRequest', { id });
  const { result, error } = await answer;
  // A small archive may be through before the cancel is read.
  if (error) expect(error.code).toBe(-32800);
  else expect(result).toMatchObject([{ failure: null }]);
});

test('a file is decrypted with the key of a Secret, which stays in the server', async () => {
  const { client, uri } = await workspaceWith(key);
  const output = join(folders.at(-1)!, 'part_001.tar.lz4');
  const answer = await client.request('workspace/executeCommand', {
    command: COMMANDS.decrypt,
    arguments: [{ input: archive, output, configuration: [uri] }],
  });
  expect(answer).toMatchObject({ source: 'Secret db/keys, entry k', isAuthentic: true });
  // An lz4 frame begins with its magic number.
  expect(readFileSync(output).subarray(0, 4)).toEqual(Buffer.from([0x04, 0x22, 0x4d, 0x18]));
  for (const it of [key, Buffer.from(key).toString('base64')]) expect(client.output + client.stderr).not.toContain(it);
});

test('a file that no key of the workspace opens is not written', async () => {
  const { client } = await workspaceWith('00'.repeat(32));
  const output = join(folders.at(-1)!, 'out');
  const { error } = await client.exchange('workspace/executeCommand', {
    command: COMMANDS.decrypt,
    arguments: [{ input: archive, output }],
  });
  expect(error?.message).toContain('Secret db/keys, entry k does not open it');
  expect(existsSync(output)).toBe(false);
});

test('an inspection says which key of the workspace opens the archive', async () => {
  const { client, uri } = await workspaceWith(key);
  const inspection = await client.request('workspace/executeCommand', {
    command: COMMANDS.inspect,
    arguments: [{ archive, configuration: [uri] }],
  });
  expect(inspection).toMatchObject({ keys: [{ source: 'Secret db/keys, entry k', opens: true }] });
});

test('a backup of a bucket is chosen by the name that its manifest gives, and the Secret it misses is named', async () => {
  const bucket = resolve('test/engine/walgArchives/stackgres');
  const path = 'sgbackups.stackgres.io/shop/orders/2026-01-31-10-00-00/15';
  const backup = `apiVersion: stackgres.io/v1
kind: SGBackup
metadata: {name: nightly, namespace: shop}
spec: {sgCluster: orders}
status:
  internalName: base_000000010000000000000014
  backupPath: ${path}
  process: {status: Completed}
  sgBackupConfig:
    storage: {type: gcs, encryption: {method: sodium, sodium: {keyTransform: hex, key: {name: keys, key: k}}}}
`;
  const { client } = await workspaceWith(key);
  client.open(`${toUri(folders.at(-1)!)}/backup.yaml`, backup);
  const [report] = await client.request<Report[]>('workspace/executeCommand', {
    command: COMMANDS.testRestore,
    arguments: [{ archive: bucket, backup: 'nightly' }],
  });
  expect(report?.backup).toMatchObject({ title: 'SGBackup shop/nightly', cluster: 'orders' });
  expect(report?.failure).toMatchObject({ code: 'wrong-key', hint: expect.stringContaining('Secret shop/keys') });
  const inspection = await client.request<{ facts: [string, string][] }>('workspace/executeCommand', {
    command: COMMANDS.inspect,
    arguments: [{ archive: bucket, configuration: [] }],
  });
  expect(new Map(inspection.facts).get('Backup')).toContain('SGBackup shop/nightly');
});
