/** What is told while the files of a workspace are still being read. The test decides when they have been read. */

import { PassThrough } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { createConnection, createProtocolConnection, type ProtocolConnection } from 'vscode-languageserver/node';
import type { FileSource, FoundFiles } from '../../server/src/lsp/fileSource.ts';
import type { Machine } from '../../server/src/lsp/machine.ts';
import { startServer } from '../../server/src/lsp/server.ts';

const root = 'file:///workspace';
const uri = `${root}/cluster.yaml`;

/** One mistake that is one whatever other files say, and a name that another file may define. */
const cluster = `apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: main, namespace: db}
spec:
  configurations:
    backups:
      - sgObjectStorage: backups
        cronSchedule: [every night]
`;
const storage = `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: backups, namespace: db}
spec:
  type: gcs
  gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
`;

interface Published {
  uri: string;
  rules: string[];
}

const clients: ProtocolConnection[] = [];
afterEach(() => {
  for (const it of clients.splice(0)) it.dispose();
});

/** A server whose disk is read when `finish` is called. `settings`: a file that can be read by its name before. */
async function serverWithSlowDisk(capabilities: object = {}, settings: Record<string, string> = {}) {
  let finish = (_: FoundFiles['files']) => {};
  const read = new Promise<FoundFiles['files']>((done) => {
    finish = done;
  });
  const disk: FileSource = {
    folder: (it) => it,
    async *below() {
      yield { files: await read, problems: [] };
    },
    read: async (it) => settings[it],
  };
  const machine = { disk, past: () => ({ expire() {}, tell: async () => {} }) } as unknown as Machine;
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  startServer(createConnection(toServer, toClient), { machine });
  const client = createProtocolConnection(toClient, toServer);
  clients.push(client);
  const published: Published[] = [];
  const watchers = new Set<() => void>();
  client.onNotification(
    'textDocument/publishDiagnostics',
    (params: { uri: string; diagnostics: { code: string }[] }) => {
      published.push({ uri: params.uri, rules: params.diagnostics.map((it) => it.code) });
      for (const it of watchers) it();
    },
  );
  let answerSettings = (_: unknown) => {};
  const answered = new Promise((done) => {
    answerSettings = done;
  });
  client.onRequest('workspace/configuration', async () => [await answered]);
  client.listen();
  await client.sendRequest('initialize', { processId: null, rootUri: root, capabilities });
  void client.sendNotification('initialized', {});
  return {
    published,
    finish,
    answerSettings,
    open: (text: string) =>
      client.sendNotification('textDocument/didOpen', {
        textDocument: { uri, languageId: 'yaml', version: 1, text },
      }),
    close: () => client.sendNotification('textDocument/didClose', { textDocument: { uri } }),
    request: (method: string, params: object) => client.sendRequest(method, params),
    until: (fits: (last: Published) => boolean) =>
      new Promise<Published>((done) => {
        const look = () => {
          const last = published.at(-1);
          if (!last || !fits(last)) return;
          watchers.delete(look);
          done(last);
        };
        watchers.add(look);
        look();
      }),
  };
}

test('what is certain is told before the other files are read, and what depends on them afterwards', async () => {
  const server = await serverWithSlowDisk();
  await server.open(cluster);
  const first = await server.until(() => true);
  expect(first).toEqual({ uri, rules: ['field-value'] });
  server.finish([]);
  const all = await server.until((it) => it.rules.length > 1);
  expect(all.rules).toContain('unknown-object-storage');
});

test('a name that another file defines is never told as unknown', async () => {
  const server = await serverWithSlowDisk();
  await server.open(cluster);
  await server.until(() => true);
  server.finish([{ uri: `${root}/storage.yaml`, text: storage }]);
  await server.close();
  await server.until((it) => it.rules.length === 0);
  expect(server.published.flatMap((it) => it.rules)).not.toContain('unknown-object-storage');
});

test('the settings file above a document is heeded from the first finding on', async () => {
  const settings = { [`${root}/.restorablerc`]: 'severity: {field-value: off}\n' };
  const server = await serverWithSlowDisk({}, settings);
  await server.open(cluster);
  server.finish([]);
  await server.until((it) => it.rules.includes('unknown-object-storage'));
  expect(server.published.flatMap((it) => it.rules)).not.toContain('field-value');
});

test('nothing is told before the client has said its settings', async () => {
  const server = await serverWithSlowDisk({ workspace: { configuration: true } });
  await server.open(cluster);
  server.finish([]);
  // Every file is read by now, and the client has still not answered.
  await server.request('restorable/nothing', {}).catch(() => undefined);
  expect(server.published).toEqual([]);
  server.answerSettings({ severity: { 'field-value': 'off' } });
  await server.until((it) => it.rules.includes('unknown-object-storage'));
  expect(server.published.flatMap((it) => it.rules)).not.toContain('field-value');
});

test('a client that never says its settings gets its findings all the same', async () => {
  const server = await serverWithSlowDisk({ workspace: { configuration: true } });
  await server.open(cluster);
  server.finish([]);
  await server.until((it) => it.rules.includes('unknown-object-storage'));
}, 180_000);
