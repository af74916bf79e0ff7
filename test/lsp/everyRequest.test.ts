import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../server/src/protocol.ts';
import { toUri } from '../../server/src/uris.ts';
import { LspClient, type Message } from '../support/lspClient.ts';

const clients: LspClient[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const it of clients.splice(0)) await it.stop();
  for (const it of folders.splice(0)) rmSync(it, { recursive: true, force: true });
});

type Capabilities = Record<string, unknown>;
type Params = Record<string, unknown>;

async function started(params: Params): Promise<{ client: LspClient; capabilities: Capabilities }> {
  const client = await LspClient.start();
  clients.push(client);
  const { capabilities } = await client.request<{ capabilities: Capabilities }>('initialize', {
    processId: null,
    rootUri: null,
    capabilities: {},
    ...params,
  });
  client.notify('initialized', {});
  return { client, capabilities };
}

/** Everything that a client can say of itself, as far as an answer depends on it. */
const able = {
  capabilities: {
    workspace: {
      applyEdit: true,
      workspaceEdit: { documentChanges: true, resourceOperations: ['create'], changeAnnotationSupport: {} },
    },
    textDocument: {
      hover: { contentFormat: ['markdown'] },
      completion: {
        completionItem: {
          snippetSupport: true,
          documentationFormat: ['markdown'],
          insertTextModeSupport: { valueSet: [1, 2] },
          resolveSupport: { properties: ['additionalTextEdits'] },
        },
      },
      rename: { prepareSupport: true },
      diagnostic: {},
      documentSymbol: { hierarchicalDocumentSymbolSupport: true },
      codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: ['quickfix', 'source', 'refactor'] } } },
    },
  },
  initializationOptions: {
    clientCommands: [
      'restorable.generateKeyAt',
      'restorable.testRestore',
      'restorable.editDecoded',
      'restorable.showReferences',
    ],
  },
};
const unable = {};

interface Request {
  method: string;
  /** Starts a worker for an archive, whatever document is open: asked once. */
  isOfArchive?: boolean;
  /** About one document: nothing is answered where nobody knows it. */
  isOfDocument: boolean;
  params(at: { uri: string; line: number; character: number }): Params;
}

const place = ({ uri, line, character }: { uri: string; line: number; character: number }) => ({
  textDocument: { uri },
  position: { line, character },
});
const stretch = ({ uri, line, character }: { uri: string; line: number; character: number }) => ({
  textDocument: { uri },
  range: { start: { line, character }, end: { line: line + 1, character } },
});
const ofDocument = (method: string, params: Request['params'] = place): Request => ({
  method,
  isOfDocument: true,
  params,
});

/** What a client may ask when the server announces a capability. One that is not in here fails the test below. */
const REQUESTS: Record<string, (value: never) => Request[]> = {
  positionEncoding: () => [],
  textDocumentSync: () => [],
  workspace: () => [],
  definitionProvider: () => [ofDocument('textDocument/definition')],
  referencesProvider: () => [
    ofDocument('textDocument/references', (at) => ({ ...place(at), context: { includeDeclaration: true } })),
  ],
  documentHighlightProvider: () => [ofDocument('textDocument/documentHighlight')],
  renameProvider: (value: true | { prepareProvider?: boolean }) => [
    ofDocument('textDocument/rename', (at) => ({ ...place(at), newName: 'repo9' })),
    ...(value !== true && value.prepareProvider ? [ofDocument('textDocument/prepareRename')] : []),
  ],
  hoverProvider: () => [ofDocument('textDocument/hover')],
  completionProvider: () => [ofDocument('textDocument/completion')],
  signatureHelpProvider: () => [ofDocument('textDocument/signatureHelp')],
  documentSymbolProvider: () => [ofDocument('textDocument/documentSymbol')],
  workspaceSymbolProvider: () => [{ method: 'workspace/symbol', isOfDocument: false, params: () => ({ query: 'x' }) }],
  codeLensProvider: () => [ofDocument('textDocument/codeLens')],
  codeActionProvider: () => [
    ofDocument('textDocument/codeAction', (at) => ({ ...stretch(at), context: { diagnostics: [] } })),
    ofDocument('textDocument/codeAction', (at) => ({
      ...stretch(at),
      context: { diagnostics: [], only: ['refactor', 'source.fixAll'] },
    })),
  ],
  foldingRangeProvider: () => [ofDocument('textDocument/foldingRange')],
  selectionRangeProvider: () => [
    ofDocument('textDocument/selectionRange', (at) => ({ ...place(at), positions: [place(at).position] })),
  ],
  documentLinkProvider: () => [ofDocument('textDocument/documentLink')],
  inlayHintProvider: () => [ofDocument('textDocument/inlayHint', stretch)],
  semanticTokensProvider: () => [
    ofDocument('textDocument/semanticTokens/full'),
    ofDocument('textDocument/semanticTokens/range', stretch),
  ],
  documentFormattingProvider: () => [
    ofDocument('textDocument/formatting', (at) => ({ ...place(at), options: { tabSize: 2, insertSpaces: true } })),
  ],
  documentRangeFormattingProvider: () => [
    ofDocument('textDocument/rangeFormatting', (at) => ({
      ...stretch(at),
      options: { tabSize: 2, insertSpaces: true },
    })),
  ],
  diagnosticProvider: () => [
    ofDocument('textDocument/diagnostic'),
    { method: 'workspace/diagnostic', isOfDocument: false, params: () => ({ previousResultIds: [] }) },
  ],
  executeCommandProvider: ({ commands }: { commands: string[] }) =>
    commands.map((command) => ({
      method: 'workspace/executeCommand',
      isOfDocument: false,
      isOfArchive: command === COMMANDS.testRestore || command === COMMANDS.inspect,
      params: (at) => ({ command, arguments: [{ ...place(at), uri: at.uri, key: 'pgbackrest', archive: '/nowhere' }] }),
    })),
};

function requestsOf(capabilities: Capabilities): Request[] {
  return Object.entries(capabilities).flatMap(([name, value]) => {
    const made = REQUESTS[name];
    if (!made) throw new Error(`the server announces ${name}, and no test here knows what a client then asks`);
    return made(value as never);
  });
}

/** Errors that are meant: bad parameters, not now, a sentence for the user, the text has changed. */
const MEANT = [-32602, -32600, -32803, -32801, -32002];

function expectSensible({ method }: Request, { error, result }: Message): void {
  if (!error) {
    expect(result, method).not.toBeUndefined();
    return;
  }
  expect(MEANT, `${method}: ${error.code} ${error.message}`).toContain(error.code);
  expect(error.message).toMatch(/\w{3,} \w+/);
  expect(error.message, method).not.toMatch(/undefined|\[object|Cannot read|is not a function/);
}

function isEmpty(answer: unknown): boolean {
  if (answer === null) return true;
  if (Array.isArray(answer)) return answer.length === 0;
  const { items, data } = answer as { items?: unknown[]; data?: unknown[] };
  return (items ?? data ?? [1]).length === 0;
}

const CONF = '[global]\nrepo1-path=/x\nrepo1-retention-full=2\nrepo1-cipher-type=aes-256-cbc\n[demo]\npg1-path=/y\n';
const MANIFEST = `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      configuration: [{secret: {name: p}}]
      global: {repo2-cipher-pass: abcdefghijklmnopqrstuvwxyz}
      repos:
        - name: repo2
          s3: {bucket: b, endpoint: e, region: r}
---
apiVersion: v1
kind: Secret
metadata: {name: p}
data:
  s3.conf: |
    ${Buffer.from(`[global]\nrepo2-s3-key=äöü😀\n# ${'x'.repeat(90)}\n`)
      .toString('base64')
      .replace(/(.{76})/g, '$1\n    ')}
`;
const SETTINGS = 'severity:\n  weak-cipher-pass: off\ntarget: {pgbackrest: "2.45"}\n';

const DOCUMENTS: [uri: string, language: string, text: string][] = [
  ['file:///nowhere/pgbackrest.conf', 'conf', CONF],
  ['file:///nowhere/manifest.yaml', 'yaml', MANIFEST],
  ['file:///nowhere/deep/.restorablerc', 'yaml', SETTINGS],
];

/** Still there, still answering, and nothing went wrong unseen. */
async function expectAlive(client: LspClient): Promise<void> {
  client.open('file:///alive/pgbackrest.conf', CONF, 'conf');
  const hover = await client.request(
    'textDocument/hover',
    place({ uri: 'file:///alive/pgbackrest.conf', line: 1, character: 3 }),
  );
  expect(JSON.stringify(hover)).toContain('repo1-path');
  const failures = client.received.filter(
    (it) => it.method === 'window/logMessage' && (it.params as { type: number }).type === 1,
  );
  expect(failures.map((it) => (it.params as { message: string }).message)).toEqual([]);
}

describe.each([
  ['a client that can everything', able],
  ['a client that can nothing', unable],
])('%s: every request that the server announces', (_name, abilities) => {
  const ask = async (client: LspClient, all: Request[], at: { uri: string; line: number; character: number }) => {
    client.answers.set('workspace/applyEdit', () => ({ applied: false, failureReason: 'somebody was faster' }));
    const answers = await Promise.all(all.map((it) => client.exchange(it.method, it.params(at))));
    for (const [i, it] of all.entries()) expectSensible(it, answers[i]!);
    return answers;
  };

  test('in documents that were never open, that are closed, and that are none', async () => {
    const { client, capabilities } = await started(abilities);
    const all = requestsOf(capabilities);
    expect(all.length).toBeGreaterThan(20);
    for (const [uri, language, text] of DOCUMENTS) {
      client.open(uri, text, language);
      client.notify('textDocument/didClose', { textDocument: { uri } });
    }
    for (const uri of [
      DOCUMENTS[0]![0],
      DOCUMENTS[1]![0],
      'file:///never.yaml',
      'untitled:Untitled-1',
      'x',
      '',
      'file:///%zz',
    ]) {
      const asked = uri === DOCUMENTS[0]![0] ? all : all.filter((it) => !it.isOfArchive);
      const answers = await ask(client, asked, { uri, line: 1, character: 3 });
      for (const [i, it] of asked.entries()) {
        if (!it.isOfDocument || answers[i]!.error) continue;
        const isNothing = isEmpty(answers[i]!.result) || it.method === 'textDocument/selectionRange';
        expect([it.method, uri, isNothing]).toEqual([it.method, uri, true]);
      }
    }
    await expectAlive(client);
  });

  test('at positions outside of the text', async () => {
    const { client, capabilities } = await started(abilities);
    const all = requestsOf(capabilities).filter((it) => !it.isOfArchive);
    for (const [uri, language, text] of DOCUMENTS) {
      client.open(uri, text, language);
      for (const [line, character] of [
        [99_999, 0],
        [0, 99_999],
        [-1, -1],
        [1.5, 0.5],
        [2 ** 31, 2 ** 31],
      ] as const) {
        await ask(client, all, { uri, line, character });
      }
    }
    await expectAlive(client);
  });

  test('while a document is half typed, and while its versions go astray', async () => {
    const { client, capabilities } = await started(abilities);
    const all = requestsOf(capabilities).filter((it) => !it.isOfArchive);
    for (const [uri, language, text] of DOCUMENTS) {
      client.open(uri, '', language);
      let version = 1;
      for (let end = 0; end <= text.length; end += 29) {
        const cut = text.slice(0, end);
        // A version that was there before, none, and one that jumps: only the text counts.
        client.change(uri, [++version, 1, version + 100][end % 3]!, { text: cut });
        const lines = cut.split('\n');
        await ask(client, all, { uri, line: lines.length - 1, character: lines.at(-1)!.length });
      }
      client.change(uri, ++version, { text });
      const symbols = await client.request<unknown[]>('textDocument/documentSymbol', { textDocument: { uri } });
      if (!uri.endsWith('rc')) expect(symbols.length).toBeGreaterThan(0);
    }
    await expectAlive(client);
  });

  test('with parameters that are none', async () => {
    const { client, capabilities } = await started(abilities);
    const [uri] = DOCUMENTS[0]!;
    client.open(uri, CONF, 'conf');
    for (const { method } of requestsOf(capabilities)) {
      for (const params of [
        undefined,
        [],
        5,
        {},
        { textDocument: null },
        { textDocument: { uri: 5 } },
        { textDocument: { uri } },
        { command: 7, arguments: 'x' },
        { command: COMMANDS.writeEntry, arguments: [[], null, 5] },
      ]) {
        const { error } = await client.exchange(method, params);
        if (error) expect([...MEANT, -32603, -32601], `${method}: ${error.message}`).toContain(error.code);
        expect(error?.message ?? '', method).not.toMatch(/Cannot read/);
      }
    }
    await expectAlive(client);
  });

  test('is an error before initialize, and after shutdown', async () => {
    const { client: other, capabilities } = await started(abilities);
    const all = requestsOf(capabilities);
    const early = await LspClient.start();
    clients.push(early);
    for (const it of all) {
      const { error } = await early.exchange(it.method, it.params({ uri: DOCUMENTS[0]![0], line: 0, character: 0 }));
      expect([it.method, error?.code]).toEqual([it.method, -32002]);
    }
    await other.request('shutdown', undefined);
    for (const it of all) {
      const { error } = await other.exchange(it.method, it.params({ uri: DOCUMENTS[0]![0], line: 0, character: 0 }));
      expect([it.method, error?.code]).toEqual([it.method, -32600]);
    }
  });
});

describe('nothing is offered that a client cannot do', () => {
  const at = { uri: DOCUMENTS[1]![0], line: 7, character: 20 };
  const actionsOf = async (abilities: Params) => {
    const { client } = await started(abilities);
    client.open(at.uri, MANIFEST.replace(/^ *configuration.*\n/m, ''), 'yaml', 4);
    return client.request<
      {
        title: string;
        kind?: string;
        edit?: { changes?: object; documentChanges?: unknown[]; changeAnnotations?: object };
        command?: unknown;
      }[]
    >('textDocument/codeAction', {
      ...place(at),
      range: { start: { line: 6, character: 20 }, end: { line: 6, character: 20 } },
      context: { diagnostics: [], only: ['refactor'] },
    });
  };

  test('a client without code action literals gets commands that it runs, which no refactoring is', async () => {
    expect(await actionsOf(unable)).toEqual([]);
  });

  test('a client that cannot create files gets the Secret in the same file, one that can both, with names and versions', async () => {
    const literal = {
      codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: ['quickfix', 'refactor'] } } },
    };
    const poor = await actionsOf({ capabilities: { textDocument: literal } });
    expect(poor.map((it) => it.title)).toEqual([
      'Move repo2-cipher-pass into a new Secret prod-pgbackrest',
      'Add an encrypted repository: repo1, otherwise as repo2',
    ]);
    expect(Object.keys(poor[0]!.edit!.changes!)).toEqual([at.uri]);
    const rich = await actionsOf(able);
    expect(rich.map((it) => it.title)).toContain(
      'Move repo2-cipher-pass into a new Secret prod-pgbackrest in prod-pgbackrest.yaml',
    );
    expect(rich.map((it) => it.kind)).toEqual(expect.arrayContaining(['refactor.extract', 'refactor.rewrite']));
    const created = rich.find((it) => it.title.endsWith('.yaml'))!.edit!;
    expect(created.documentChanges).toMatchObject([
      { kind: 'create', uri: 'file:///nowhere/prod-pgbackrest.yaml', annotationId: 'refactoring' },
      { textDocument: { version: null } },
      { textDocument: { uri: at.uri, version: 4 } },
    ]);
    expect(created.changeAnnotations).toEqual({ refactoring: { label: expect.stringContaining('Move repo2') } });
  });

  test('a lens shows references where the client says that it can, and is a line to read elsewhere', async () => {
    const uri = 'file:///nowhere/s.yaml';
    const text = 'apiVersion: v1\nkind: Secret\nmetadata: {name: p}\nstringData: {a: b}\n';
    const lensOf = async (abilities: Params) => {
      const { client } = await started(abilities);
      client.open(DOCUMENTS[1]![0], MANIFEST.slice(0, MANIFEST.indexOf('---')));
      client.open(uri, text);
      const all = await client.request<{ command: { title: string; command: string; arguments?: unknown[] } }[]>(
        'textDocument/codeLens',
        { textDocument: { uri } },
      );
      return all.map((it) => it.command).find((it) => it.title.startsWith('used by'));
    };
    expect(await lensOf(unable)).toEqual({ title: 'used by 1 cluster', command: '' });
    expect(await lensOf(able)).toEqual({
      title: 'used by 1 cluster',
      command: 'restorable.showReferences',
      arguments: [
        uri,
        { line: 2, character: 17 },
        [{ uri: DOCUMENTS[1]![0], range: { start: { line: 6, character: 38 }, end: { line: 6, character: 39 } } }],
      ],
    });
  });
});

describe('renaming', () => {
  const uri = DOCUMENTS[0]![0];
  const params = (newName: unknown) => ({ ...place({ uri, line: 1, character: 2 }), newName });

  test('to an illegal or a taken name, or to nothing, is refused in a sentence', async () => {
    const { client } = await started(able);
    client.open(uri, `${CONF}[global:backup]\nrepo2-path=/z\n`, 'conf');
    const refused = async (newName: unknown) => (await client.exchange('textDocument/rename', params(newName))).error;
    for (const name of ['', ' ', 'repo0', 'repo257', 'repo1 ', 'Repo3', '../x', 'repo3\n', 'x'.repeat(10_000)]) {
      expect(await refused(name)).toMatchObject({ code: -32803, message: 'a repository is named repo1 to repo256' });
    }
    expect(await refused('repo2')).toMatchObject({
      code: -32803,
      message: expect.stringContaining('already has options of repo2'),
    });
    for (const name of [undefined, null, 5, {}]) expect(await refused(name)).toMatchObject({ code: -32602 });
  });

  test.each([
    ['with document versions', able],
    ['without', unable],
  ])('while the text changes is told, and gives no edits of an older text: %s', async (_name, abilities) => {
    const { client } = await started(abilities);
    client.open(uri, CONF, 'conf');
    await client.request('textDocument/hover', place({ uri, line: 0, character: 0 }));
    // In one piece, as they come from somebody who types on.
    client.process.stdin!.cork();
    const asked = client.exchange('textDocument/rename', params('repo3'));
    client.change(uri, 2, {
      range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
      text: '# new\n',
    });
    client.process.stdin!.uncork();
    const { error } = await asked;
    expect(error).toMatchObject({ code: -32801, message: expect.stringContaining('changed in the meantime') });
    const again = await client.exchange('textDocument/rename', {
      ...params('repo3'),
      position: { line: 2, character: 2 },
    });
    expect(JSON.stringify(again.result)).toContain('"repo3"');
  });
});

describe('two windows on the same files', () => {
  const conf = (repo: string) => CONF.replaceAll('repo1', repo);
  let folder: string;
  let path: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'restorable-windows-'));
    path = join(folder, 'pgbackrest.conf');
    return () => rmSync(folder, { recursive: true, force: true });
  });

  test('what one saves the other works with, but for a document that it has open itself', async () => {
    writeFileSync(path, CONF);
    const params = {
      capabilities: { workspace: { didChangeWatchedFiles: { dynamicRegistration: true } } },
      rootUri: toUri(folder),
    };
    const { client } = await started(params);
    const uri = toUri(path);
    await client.finding(uri, 'cipher-type-without-pass');
    const renamed = async (newName: string) =>
      JSON.stringify(
        (await client.exchange('textDocument/rename', { ...place({ uri, line: 1, character: 2 }), newName })).result,
      );
    expect(await renamed('repo2')).toContain('"repo2"');
    // The other window renamed it, and saved.
    writeFileSync(path, `# theirs\n${conf('repo5')}`);
    client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri, type: 2 }] });
    await client.until('the other window’s text', () =>
      client.published.get(uri)?.diagnostics.some((it) => it.message.includes('repo5')),
    );
    // Open here and changed: what is on the disk is not the truth any more.
    client.open(uri, conf('repo7'), 'conf');
    writeFileSync(path, conf('repo9'));
    client.notify('workspace/didChangeWatchedFiles', { changes: [{ uri, type: 2 }] });
    await client.until('the open text', () =>
      client.published.get(uri)?.diagnostics.some((it) => it.message.includes('repo7')),
    );
    expect(await renamed('repo8')).toContain('"line":1');
    await expectAlive(client);
  });
});

describe('the past of a checkout', () => {
  const PASS = [
    'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/',
    'Zz0d8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7Iz9',
  ];
  const text = (pass: string) =>
    `[global]\nrepo1-path=/x\nrepo1-retention-full=2\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${pass}\n[demo]\npg1-path=/y\n`;

  test('a pass that differs from the committed one is told while it is typed, and no longer when it is back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'restorable-past-'));
    folders.push(folder);
    const git = (...args: string[]) =>
      execFileSync(
        'git',
        ['-c', 'user.name=a', '-c', 'user.email=a@example.org', '-c', 'commit.gpgsign=false', ...args],
        {
          cwd: folder,
          env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
        },
      );
    const path = join(folder, 'pgbackrest.conf');
    writeFileSync(path, text(PASS[0]!));
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'one');
    const { client } = await started({ rootUri: toUri(folder) });
    const uri = toUri(path);
    client.open(uri, text(PASS[0]!), 'conf');
    client.change(uri, 2, { text: text(PASS[1]!) });
    const { diagnostics } = await client.finding(uri, 'changed-cipher');
    expect(diagnostics[0]?.range.start.line).toBe(4);
    for (const pass of PASS) expect(client.output).not.toContain(pass);
    // A cipher that is gone is told as well.
    client.change(uri, 3, { text: text(PASS[0]!).replace(/repo1-cipher.*\n/g, '') });
    await client.until('the finding about the type', () =>
      client.published
        .get(uri)
        ?.diagnostics.some((it) => it.code === 'changed-cipher' && !it.message.includes('pass has')),
    );
    client.change(uri, 4, { text: text(PASS[0]!) });
    await client.without(uri, 'changed-cipher');
    // Committed by somebody else, the new value is the one that counts.
    client.change(uri, 5, { text: text(PASS[1]!) });
    await client.finding(uri, 'changed-cipher');
    writeFileSync(path, text(PASS[1]!));
    git('commit', '-qam', 'two');
    client.notify('textDocument/didSave', { textDocument: { uri } });
    client.change(uri, 6, { text: `${text(PASS[1]!)}# end\n` });
    await client.without(uri, 'changed-cipher');
  });
});
