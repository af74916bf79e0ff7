import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { toUri } from '../../server/src/uris.ts';
import { LspClient } from '../support/lspClient.ts';

const clients: LspClient[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const it of clients.splice(0)) await it.stop();
  for (const it of folders.splice(0)) rmSync(it, { recursive: true, force: true });
});

async function initialised(params: Record<string, unknown> = {}): Promise<LspClient> {
  const client = await LspClient.initialised(params);
  clients.push(client);
  return client;
}

function folderWith(files: Record<string, string>): { path: string; uri: string } {
  const path = mkdtempSync(join(tmpdir(), 'restorable lsp ä-'));
  folders.push(path);
  for (const [name, text] of Object.entries(files)) write(path, name, text);
  return { path, uri: toUri(path) };
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), text);
}

const PASS = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const TYPE_ONLY = '[global]\nrepo1-path=/r\nrepo1-cipher-type=aes-256-cbc\n';
const BOTH = `${TYPE_ONLY}repo1-cipher-pass=${PASS}\n`;

const cluster = (global: string) => `apiVersion: postgres-operator.crunchydata.com/v1beta1
kind: PostgresCluster
metadata: {name: hippo, namespace: db}
spec:
  backups:
    pgbackrest:
      configuration:
        - secret: {name: hippo-pgbackrest}
      global:
        ${global}
        repo1-retention-full: "2"
      repos:
        - name: repo1
          s3: {bucket: b, endpoint: e.example.com, region: r}
`;
const secret = `apiVersion: v1
kind: Secret
metadata: {name: hippo-pgbackrest, namespace: db}
data:
  s3.conf: ${Buffer.from(`[global]\nrepo1-s3-key=AKIAXXXXXXXXXXXXXXXX\nrepo1-s3-key-secret=${'x'.repeat(40)}\nrepo1-cipher-pass=${PASS}\n`).toString('base64')}
`;

describe('a client that can nothing gets findings', () => {
  test('on open, on change, and they go away', async () => {
    const client = await initialised();
    const uri = 'file:///nowhere/pgbackrest.conf';
    client.open(uri, TYPE_ONLY, 'conf');
    const published = await client.finding(uri, 'cipher-type-without-pass');
    expect(published.version).toBe(1);
    expect(published.diagnostics[0]).toMatchObject({
      range: { start: { line: 2, character: 0 }, end: { line: 2, character: 17 } },
      severity: 1,
      source: 'restorable',
      message: 'repo1 has a cipher type but no repo1-cipher-pass',
    });
    // What the client did not ask for is not sent.
    expect(Object.keys(published.diagnostics[0]!)).not.toContain('codeDescription');

    const end = { line: 3, character: 0 };
    client.change(uri, 2, { range: { start: end, end }, text: `repo1-cipher-pass=${PASS}\n` });
    expect((await client.without(uri, 'cipher-type-without-pass')).version).toBe(2);
    client.change(uri, 3, { text: TYPE_ONLY });
    await client.finding(uri, 'cipher-type-without-pass');
    client.notify('textDocument/didClose', { textDocument: { uri } });
    await client.without(uri, 'cipher-type-without-pass');
  });

  test('for files that nobody opened, inside base64, and again when another file changes on the disk', async () => {
    const { path, uri } = folderWith({ 'k8s/cluster.yaml': cluster('# none'), 'k8s/ä secret.yaml': secret });
    const client = await initialised({ rootUri: uri });
    const secretUri = `${uri}/k8s/%C3%A4%20secret.yaml`;
    const published = await client.finding(secretUri, 'repo-pass-without-type');
    expect(published.version).toBeUndefined();
    expect(published.diagnostics[0]!.range.start.line).toBe(4);

    const clusterUri = `${uri}/k8s/cluster.yaml`;
    client.open(clusterUri, cluster('repo1-cipher-type: aes-256-cbc'));
    await client.without(secretUri, 'repo-pass-without-type');
    // Closing brings back what lies on the disk.
    client.notify('textDocument/didClose', { textDocument: { uri: clusterUri } });
    await client.finding(secretUri, 'repo-pass-without-type');

    write(path, 'k8s/cluster.yaml', cluster('repo1-cipher-type: aes-256-cbc'));
    client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: clusterUri, type: 2 }] });
    await client.without(secretUri, 'repo-pass-without-type');
    write(path, 'k8s/cluster.yaml', cluster('# none'));
    client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: clusterUri, type: 2 }] });
    await client.finding(secretUri, 'repo-pass-without-type');

    // A folder that goes takes its findings along.
    rmSync(join(path, 'k8s'), { recursive: true });
    client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri: `${uri}/k8s`, type: 3 }] });
    await client.without(secretUri, 'repo-pass-without-type');
  });

  test('also when it never tells that a file changed', async () => {
    const { path, uri } = folderWith({ 'pgbackrest.conf': TYPE_ONLY, 'gone/pgbackrest.conf': TYPE_ONLY });
    const client = await initialised({ rootPath: path });
    await client.finding(`${uri}/pgbackrest.conf`, 'cipher-type-without-pass');
    await client.finding(`${uri}/gone/pgbackrest.conf`, 'cipher-type-without-pass');
    write(path, 'pgbackrest.conf', BOTH);
    rmSync(join(path, 'gone/pgbackrest.conf'));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    client.notify('textDocument/didSave', { textDocument: { uri: 'file:///any' } });
    await client.without(`${uri}/pgbackrest.conf`, 'cipher-type-without-pass');
    await client.without(`${uri}/gone/pgbackrest.conf`, 'cipher-type-without-pass');
  });
});

describe('a client that can more', () => {
  test('is told pages, related places and data, and what to watch', async () => {
    const { uri } = folderWith({ 'cluster.yaml': cluster('# none'), 'secret.yaml': secret });
    const client = await initialised({
      workspaceFolders: [{ uri, name: 'w' }],
      capabilities: {
        workspace: { didChangeWatchedFiles: { dynamicRegistration: true }, configuration: true },
        textDocument: {
          publishDiagnostics: { relatedInformation: true, codeDescriptionSupport: true, dataSupport: true },
        },
      },
    });
    const { diagnostics } = await client.finding(`${uri}/secret.yaml`, 'repo-pass-without-type');
    expect(diagnostics[0]).toMatchObject({
      codeDescription: { href: expect.stringMatching(/^https:.*\/repo-pass-without-type\.md$/) },
      relatedInformation: [{ location: { uri: `${uri}/cluster.yaml` } }],
      data: { rule: 'repo-pass-without-type' },
    });
    const registered = client.received.find((it) => it.method === 'client/registerCapability');
    expect(JSON.stringify(registered?.params)).toContain('workspace/didChangeWatchedFiles');
    expect(client.received.some((it) => it.method === 'workspace/configuration')).toBe(true);
  });

  test('may write its URIs in its own way and is answered in that way', async () => {
    const { path, uri } = folderWith({ 'a (1)/pgbackrest.conf': TYPE_ONLY });
    const client = await initialised({ rootUri: uri });
    const ours = toUri(join(path, 'a (1)/pgbackrest.conf'));
    await client.finding(ours, 'cipher-type-without-pass');
    const theirs = ours.replace('(', '%28').replace(')', '%29');
    client.open(theirs, TYPE_ONLY, 'pgbackrest-conf', 7);
    expect((await client.finding(theirs, 'cipher-type-without-pass')).version).toBe(7);
    // Not twice for one file.
    await client.without(ours, 'cipher-type-without-pass');
  });

  test('may ask for findings of open files only', async () => {
    const { uri } = folderWith({ 'a/pgbackrest.conf': TYPE_ONLY, 'b/pgbackrest.conf': TYPE_ONLY });
    const client = await initialised({ rootUri: uri });
    await client.finding(`${uri}/b/pgbackrest.conf`, 'cipher-type-without-pass');
    client.open(`${uri}/a/pgbackrest.conf`, TYPE_ONLY, 'conf');
    client.notify('workspace/didChangeConfiguration', {
      settings: { restorable: { diagnostics: { scope: 'openFiles' } } },
    });
    await client.without(`${uri}/b/pgbackrest.conf`, 'cipher-type-without-pass');
    await client.finding(`${uri}/a/pgbackrest.conf`, 'cipher-type-without-pass');
  });

  test('may count characters in bytes', async () => {
    const client = await initialised({ capabilities: { general: { positionEncodings: ['utf-8'] } } });
    const uri = 'file:///nowhere/s.yaml';
    client.open(
      uri,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {"ä": "ö", a.conf: "[global]\\nrepo1-cipher-type=aes-256-cbc"}\n`,
    );
    const { diagnostics } = await client.until('findings', () => {
      const it = client.published.get(uri);
      return it && it.diagnostics.length > 0 ? it : undefined;
    });
    const found = diagnostics.find((it) => it.code === 'cipher-type-without-pass');
    // 38 in UTF-16: two characters of two bytes stand before it.
    expect(found?.range.start).toEqual({ line: 3, character: 44 });
  });

  test('hears of a file only when something changed', async () => {
    const { uri } = folderWith({ 'a/pgbackrest.conf': TYPE_ONLY, 'b/pgbackrest.conf': TYPE_ONLY });
    const client = await initialised({ rootUri: uri });
    const a = `${uri}/a/pgbackrest.conf`;
    await client.finding(`${uri}/b/pgbackrest.conf`, 'cipher-type-without-pass');
    client.open(a, TYPE_ONLY, 'conf');
    await client.until('the version', () => client.published.get(a)?.version === 1);
    const before = client.received.length;
    client.change(a, 2, { text: `${TYPE_ONLY}# a comment behind it\n` });
    client.change(a, 3, { text: BOTH });
    await client.without(a, 'cipher-type-without-pass');
    expect(client.received.slice(before).map((it) => (it.params as { uri: string }).uri)).toEqual([a]);
  });
});

test('a secret is in no message and no log', async () => {
  const { uri } = folderWith({ 'cluster.yaml': cluster('# none'), 'secret.yaml': secret });
  const client = await initialised({ rootUri: uri });
  await client.finding(`${uri}/secret.yaml`, 'repo-pass-without-type');
  client.open(`${uri}/secret.yaml`, secret);
  await client.until('the version', () => client.published.get(`${uri}/secret.yaml`)?.version === 1);
  for (const it of [PASS, 'AKIAXXXXXXXXXXXXXXXX', Buffer.from(PASS).toString('base64').slice(4, 40)]) {
    expect(client.output).not.toContain(it);
    expect(client.stderr).not.toContain(it);
  }
});
