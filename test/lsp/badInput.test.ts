import { afterEach, describe, expect, test } from 'vitest';
import { LspClient } from '../support/lspClient.ts';

/** Generous: what is meant is that nobody waits for ever. The design's budget is measured by `npm run bench`. */
const limitMs = 120_000;

const clients: LspClient[] = [];
afterEach(async () => {
  for (const it of clients.splice(0)) await it.stop();
}, 120_000);

async function initialised(params: Record<string, unknown> = {}): Promise<LspClient> {
  const client = await LspClient.initialised(params);
  clients.push(client);
  return client;
}

const uri = 'file:///nowhere/manifest.yaml';
const QUESTIONS = [
  'textDocument/hover',
  'textDocument/completion',
  'textDocument/definition',
  'textDocument/references',
  'textDocument/documentHighlight',
  'textDocument/prepareRename',
  'textDocument/rename',
  'textDocument/documentSymbol',
  'textDocument/codeLens',
  'textDocument/codeAction',
] as const;

function paramsOf(document: string, line: number, character: number) {
  const position = { line, character };
  const range = { start: position, end: position };
  return { textDocument: { uri: document }, position, range, context: { diagnostics: [] }, newName: 'x' };
}

/** Asks everything at a place; the answers may be empty, but must come, and must be no internal error. */
async function askAll(client: LspClient, document: string, line: number, character: number): Promise<void> {
  const answers = await Promise.race([
    Promise.all(QUESTIONS.map((it) => client.exchange(it, paramsOf(document, line, character)))),
    new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error(`no answer in ${limitMs} ms`)), limitMs).unref(),
    ),
  ]);
  for (const { error } of answers) if (error) expect(error.code).toBe(-32803);
}

async function isAlive(client: LspClient): Promise<void> {
  const fresh = 'file:///nowhere/alive/pgbackrest.conf';
  client.open(fresh, '[global]\nrepo1-path=/x\nrepo1-cipher-type=aes-256-cbc\n', 'conf');
  await client.finding(fresh, 'cipher-type-without-pass');
  // A handler that failed says so in the log.
  const errors = client.received.filter(
    (it) => it.method === 'window/logMessage' && (it.params as { type: number }).type === 1,
  );
  expect(errors.map((it) => (it.params as { message: string }).message)).toEqual([]);
}

const manifest = `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      configuration: [{secret: {name: p}}]
      global: {repo2-retention-full: "2"}
      repos:
        - name: repo2
          s3: {bucket: b, endpoint: e, region: r}
---
apiVersion: v1
kind: Secret
metadata: {name: p}
data:
  s3.conf: ${Buffer.from('[global]\nrepo2-cipher-pass=äöü😀\n').toString('base64')}
`;

describe('texts', () => {
  const depth = 50_000;
  const texts: Record<string, string> = {
    empty: '',
    'only a BOM': '\ufeff',
    'with a BOM': `\ufeff${manifest}`,
    'with CRLF': manifest.replaceAll('\n', '\r\n'),
    'with tabs': manifest.replaceAll('  ', '\t'),
    binary: 'kind: Secret\u0000\u0001\ufffd\ud800\n'.repeat(2_000),
    'deep flow nesting': `apiVersion: v1\nkind: Secret\ndata: ${'['.repeat(depth)}`,
    'deep block nesting': `apiVersion: v1\nkind: Secret\n${Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')}`,
    'an alias bomb': `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nx0: &x0 [a, a, a, a, a, a, a, a, a]\n${Array.from({ length: 30 }, (_, i) => `x${i + 1}: &x${i + 1} [${`*x${i}, `.repeat(9)}]`).join('\n')}\ndata: {a: *x30}\n`,
    'an alias to itself': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: &a {b: *a, <<: *a}\n',
    'a Helm template': manifest.replace('name: prod', 'name: {{ .Values.name }}\n{{- if .x }}\n{{- end }}'),
    'unknown kinds': 'apiVersion: example.com/v1\nkind: SGObjectStorage\nmetadata: {name: x}\nspec: [1, 2]\n',
    'wrong types everywhere':
      'apiVersion: stackgres.io/v1beta1\nkind: SGObjectStorage\nmetadata: [x]\nspec: {encryption: {sodium: [1], openpgp: 5, method: {a: b}}, type: []}\n---\napiVersion: v1\nkind: Secret\nmetadata: 5\ndata: x\nstringData: [y]\n---\napiVersion: pgv2.percona.com/v2\nkind: PerconaPGCluster\nspec: {backups: {pgbackrest: {global: [a], repos: {a: b}, configuration: x}}}\n',
    'ten thousand separators': '---\n'.repeat(10_000),
  };
  for (const [name, text] of Object.entries(texts)) {
    test(`${name}: every question is answered`, async () => {
      const client = await initialised();
      client.open(uri, text);
      const lines = text.split('\n').length;
      for (const line of [0, 3, 4, 16, lines - 1]) await askAll(client, uri, line, 11);
      await isAlive(client);
    });
  }

  test('10 MB: a manifest that is no manifest any more, and a great many manifests', async () => {
    const client = await initialised();
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n';
    client.open('file:///nowhere/one.yaml', `${secret}  a: ${'QUJD'.repeat(2_600_000)}\n`);
    await askAll(client, 'file:///nowhere/one.yaml', 3, 2);
    const line = `  # ${'x'.repeat(97)}\n`;
    client.open('file:///nowhere/crds.yaml', `apiVersion: v1\nkind: List\nspec:\n${line.repeat(100_000)}`);
    await askAll(client, 'file:///nowhere/crds.yaml', 50_000, 2);
    client.open(
      'file:///nowhere/many.yaml',
      Array.from({ length: 23_000 }, (_, i) => `${manifest.replaceAll('name: p', `name: p${i}`)}---\n`).join(''),
    );
    await askAll(client, 'file:///nowhere/many.yaml', 200_000, 2);
    client.open('file:///nowhere/pgbackrest.conf', `[global]\n${'repo1-path=/x\n'.repeat(750_000)}`, 'conf');
    await askAll(client, 'file:///nowhere/pgbackrest.conf', 1, 2);
    await isAlive(client);
  }, 240_000);

  test('half-typed: every cut of a manifest, and every character typed on its own', async () => {
    const client = await initialised();
    client.open(uri, '');
    let version = 1;
    for (let end = 0; end <= manifest.length; end += 7) {
      const text = manifest.slice(0, end);
      client.change(uri, ++version, { text });
      const lines = text.split('\n');
      await askAll(client, uri, lines.length - 1, lines.at(-1)!.length);
    }
    let offset = 0;
    client.change(uri, ++version, { text: '' });
    for (const line of manifest.split('\n').slice(0, 6)) {
      for (const [character, text] of [...`${line}\n`].entries()) {
        const position = { line: manifest.slice(0, offset).split('\n').length - 1, character };
        client.change(uri, ++version, { range: { start: position, end: position }, text });
        offset++;
      }
    }
    await askAll(client, uri, 3, 2);
    await isAlive(client);
  });
});

describe('documents and positions', () => {
  test('closed, unknown and strange documents have no answers, and places outside are taken to the nearest', async () => {
    const client = await initialised();
    client.open(uri, manifest);
    for (const it of ['file:///unknown.yaml', 'untitled:Untitled-1', 'git:/x?y', 'nonsense', '', 'file:///%zz']) {
      await askAll(client, it, 0, 0);
    }
    for (const [line, character] of [
      [99_999, 0],
      [0, 99_999],
      [-1, -1],
      [1.5, 2.5],
      [2 ** 31, 2 ** 31],
    ] as const) {
      await askAll(client, uri, line, character);
    }
    client.notify('textDocument/didClose', { textDocument: { uri } });
    await askAll(client, uri, 1, 1);
    client.change(uri, 2, { text: 'x' });
    client.notify('textDocument/didClose', { textDocument: { uri } });
    client.notify('textDocument/didSave', { textDocument: { uri } });
    await isAlive(client);
  });

  test('changes that fit nothing leave a document behind that can be worked with', async () => {
    const client = await initialised();
    client.open(uri, manifest);
    const range = (a: number, b: number, c: number, d: number) => ({
      start: { line: a, character: b },
      end: { line: c, character: d },
    });
    client.change(uri, 2, { range: range(900, 0, 901, 5), text: '\n# end\n' });
    client.change(uri, 3, { range: range(5, 3, 2, 1), text: 'swapped' });
    client.change(uri, 4, { range: range(-5, -5, 0, 0), text: '# start\n' });
    client.change(uri, 5, { text: manifest }, { range: range(0, 0, 0, 0), text: '# again\n' });
    client.notify('textDocument/didChange', { textDocument: { uri, version: 6 }, contentChanges: [{ text: 5 }, {}] });
    client.open(uri, manifest, 'yaml', 7);
    await askAll(client, uri, 9, 17);
    await isAlive(client);
  });
});

describe('a client that sends garbage', () => {
  test('gets errors of the protocol, and the next one is answered', async () => {
    const client = await initialised();
    client.open(uri, manifest);
    const garbage = [
      undefined,
      null,
      [],
      5,
      {},
      { textDocument: null },
      { textDocument: { uri: 5 } },
      { textDocument: { uri } },
    ];
    for (const method of QUESTIONS) {
      for (const params of garbage) {
        const { error } = await client.exchange(method, params);
        if (error) expect([-32602, -32600, -32603]).toContain(error.code);
        // The library itself reads params before it asks us.
        if (params !== null) expect(error?.message ?? '').not.toMatch(/Cannot read/);
      }
    }
    for (const method of [
      'textDocument/didOpen',
      'textDocument/didChange',
      'textDocument/didClose',
      'workspace/didChangeWatchedFiles',
      'workspace/didChangeConfiguration',
      'workspace/didChangeWorkspaceFolders',
      'window/workDoneProgress/cancel',
    ]) {
      for (const params of garbage) client.notify(method, params);
    }
    expect((await client.exchange('nonsense/method', {})).error?.code).toBe(-32601);
    client.notify('nonsense/notification', {});
    client.notify('$/cancelRequest', { id: 424242 });
    await askAll(client, uri, 9, 17);
    client.published.clear();
    const fresh = 'file:///nowhere/alive/pgbackrest.conf';
    client.open(fresh, '[global]\nrepo1-path=/x\nrepo1-cipher-type=aes-256-cbc\n', 'conf');
    await client.finding(fresh, 'cipher-type-without-pass');
  });

  test('may initialise with garbage', async () => {
    for (const params of [
      { capabilities: {}, rootUri: 'nonsense', workspaceFolders: null },
      {
        capabilities: { general: { positionEncodings: 'x' } },
        rootUri: 5,
        workspaceFolders: [5, {}],
        initializationOptions: 'x',
      },
    ]) {
      const client = await LspClient.start();
      clients.push(client);
      const { error } = await client.exchange('initialize', params);
      expect(error).toBeUndefined();
      client.notify('initialized', {});
      await isAlive(client);
    }
  });

  test('that sends no JSON is not answered, and the server lives on or ends in an orderly way', async () => {
    const client = await initialised();
    const body = '{not json';
    client.process.stdin!.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
    await isAlive(client);
  });

  test('gets nothing before initialize and nothing after shutdown', async () => {
    const client = await LspClient.start();
    clients.push(client);
    expect((await client.exchange('textDocument/hover', paramsOf(uri, 0, 0))).error?.code).toBe(-32002);
  });
});

test('standard output holds nothing but the protocol, and the process ends when it is told', async () => {
  const client = await LspClient.initialised();
  client.open(uri, manifest);
  await askAll(client, uri, 1, 1);
  await client.stop();
  expect(client.exitCode).toBe(0);
  expect(client.stderr).toBe('');
});

test('without a transport it says how it is started', async () => {
  const client = await LspClient.start([]);
  const code = await new Promise((resolve) => client.process.once('exit', resolve));
  expect(code).toBe(2);
  expect(client.stderr).toContain('--stdio');
  expect(client.output).toBe('');
});
