import { afterEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../server/src/protocol.ts';
import { LspClient } from '../support/lspClient.ts';

const clients: LspClient[] = [];
afterEach(async () => {
  for (const it of clients.splice(0)) await it.stop();
});

async function initialised(params: Record<string, unknown> = {}): Promise<LspClient> {
  const client = await LspClient.initialised(params);
  clients.push(client);
  return client;
}

const able = {
  capabilities: {
    workspace: { applyEdit: true, workspaceEdit: { documentChanges: true, resourceOperations: ['create'] } },
    textDocument: {
      hover: { contentFormat: ['markdown'] },
      completion: { completionItem: { snippetSupport: true, documentationFormat: ['markdown'] } },
      rename: { prepareSupport: true },
      documentSymbol: { hierarchicalDocumentSymbolSupport: true },
      codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: ['quickfix', 'source', 'refactor'] } } },
    },
  },
};

const base64 = (text: string) => Buffer.from(text).toString('base64');
const conf = '[global]\nrepo1-path=/x\nrepo1-retention-full=2\nrepo1-cipher-typ=aes-256-cbc\n[demo]\npg1-path=/y\n';
const uri = 'file:///nowhere/pgbackrest.conf';

interface WorkspaceEdit {
  changes?: Record<string, { newText: string }[]>;
  documentChanges?: { textDocument: { uri: string; version: number | null }; edits: { newText: string }[] }[];
}

describe('every feature over the protocol', () => {
  test('is announced as the client can take it', async () => {
    const client = await LspClient.start();
    clients.push(client);
    const { capabilities } = await client.request<{ capabilities: Record<string, unknown> }>('initialize', able);
    expect(capabilities).toMatchObject({
      positionEncoding: 'utf-16',
      renameProvider: { prepareProvider: true },
      codeActionProvider: {
        codeActionKinds: ['quickfix', 'refactor.extract', 'refactor.rewrite', 'source.fixAll.restorable'],
      },
      executeCommandProvider: { commands: Object.values(COMMANDS) },
    });
  });

  test('hover in Markdown, or in plain text where the client knows no better', async () => {
    const position = { line: 1, character: 3 };
    const rich = await initialised(able);
    rich.open(uri, conf, 'conf');
    const hover = await rich.request('textDocument/hover', { textDocument: { uri }, position });
    expect(hover).toMatchObject({
      contents: { kind: 'markdown', value: expect.stringContaining('**repo1-path**') },
      range: { start: { line: 1, character: 0 }, end: { line: 1, character: 10 } },
    });
    const poor = await initialised();
    poor.open(uri, conf, 'conf');
    const plain = await poor.request('textDocument/hover', { textDocument: { uri }, position });
    expect(plain).toMatchObject({ contents: { kind: 'plaintext', value: expect.stringMatching(/^repo1-path · /) } });
    expect(JSON.stringify(plain)).not.toMatch(/\*\*|`/);
  });

  test('completion with snippets, or without', async () => {
    const position = { line: 4, character: 0 };
    const text = conf.replace('[demo]', '\n[demo]');
    const items = async (client: LspClient) => {
      client.open(uri, text, 'conf');
      const list = await client.request<{ items: { label: string; textEdit: { newText: string } }[] }>(
        'textDocument/completion',
        { textDocument: { uri }, position },
      );
      return list.items;
    };
    const snippet = (all: Awaited<ReturnType<typeof items>>) => all.find((it) => it.label === 'repo2 encrypted on S3');
    const rich = await items(await initialised(able));
    expect(rich[0]).toMatchObject({ sortText: '00000', documentation: { kind: 'markdown' } });
    expect(snippet(rich)).toMatchObject({ insertTextFormat: 2 });
    expect(snippet(rich)?.textEdit.newText).toContain('$' + '{1:pgbackrest}');
    expect(snippet(await items(await initialised()))?.textEdit.newText).toContain('repo2-path=/pgbackrest\n');
  });

  test('rename with document versions, or as plain changes, and a sentence when refused', async () => {
    const params = { textDocument: { uri }, position: { line: 1, character: 2 }, newName: 'repo3' };
    const rich = await initialised(able);
    rich.open(uri, conf, 'conf', 5);
    expect(await rich.request('textDocument/prepareRename', params)).toMatchObject({ placeholder: 'repo1' });
    const edit = await rich.request<WorkspaceEdit>('textDocument/rename', params);
    expect(edit.documentChanges).toHaveLength(1);
    expect(edit.documentChanges?.[0]).toMatchObject({ textDocument: { uri, version: 5 } });
    expect(edit.documentChanges?.[0]?.edits.map((it) => it.newText)).toEqual(['repo3', 'repo3', 'repo3']);
    const refused = await rich.exchange('textDocument/rename', { ...params, newName: 'elsewhere' });
    expect(refused.error).toMatchObject({ code: -32803, message: 'a repository is named repo1 to repo256' });
    const poor = await initialised();
    poor.open(uri, conf, 'conf');
    expect((await poor.request<WorkspaceEdit>('textDocument/rename', params)).changes?.[uri]).toHaveLength(3);
  });

  test('quick fixes, and all safe ones at once', async () => {
    const client = await initialised(able);
    client.open(uri, conf, 'conf');
    const { diagnostics } = await client.until('findings', () => {
      const it = client.published.get(uri);
      return it?.diagnostics.some((diagnostic) => diagnostic.range.start.line === 3) ? it : undefined;
    });
    const misspelt = diagnostics.find((it) => it.range.start.line === 3)!;
    const actions = await client.request<{ title: string; kind: string; edit: WorkspaceEdit }[]>(
      'textDocument/codeAction',
      { textDocument: { uri }, range: misspelt.range, context: { diagnostics: [misspelt] } },
    );
    const fix = actions.find((it) => it.kind === 'quickfix');
    expect(fix).toMatchObject({ diagnostics: [{ code: misspelt.code }] });
    expect(fix?.edit.documentChanges?.[0]?.edits[0]?.newText).toContain('repo1-cipher-type');
    const context = { diagnostics: [], only: ['refactor'] };
    expect(
      await client.request('textDocument/codeAction', { textDocument: { uri }, range: misspelt.range, context }),
    ).toEqual([]);
  });

  test('symbols as a tree or flat, and over all files', async () => {
    const rich = await initialised(able);
    rich.open(uri, conf, 'conf');
    expect(await rich.request('textDocument/documentSymbol', { textDocument: { uri } })).toMatchObject([
      { name: '[global]', children: [{ name: 'repo1-path' }, {}, {}] },
      { name: '[demo]' },
    ]);
    rich.open('file:///nowhere/s.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: needle}\n');
    expect(await rich.request('workspace/symbol', { query: 'need' })).toMatchObject([
      { name: 'needle', containerName: 'Secret' },
    ]);
    const poor = await initialised();
    poor.open(uri, conf, 'conf');
    const flat = await poor.request<unknown[]>('textDocument/documentSymbol', { textDocument: { uri } });
    expect(flat).toHaveLength(6);
    expect(flat[1]).toMatchObject({ name: 'repo1-path', containerName: '[global]', location: { uri } });
  });

  test('lenses name commands of the client only when it says that it runs them', async () => {
    const text = '[global]\nrepo1-path=/x\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=\n';
    const lensesOf = async (params: Record<string, unknown>) => {
      const client = await initialised(params);
      client.open(uri, text, 'conf', 3);
      return client.request<{ command: { title: string; command: string; arguments?: unknown[] } }[]>(
        'textDocument/codeLens',
        { textDocument: { uri } },
      );
    };
    expect((await lensesOf({})).filter((it) => it.command.command !== '')).toEqual([]);
    const clientCommands = ['restorable.generateKeyAt', 'restorable.testRestore'];
    const commands = (await lensesOf({ initializationOptions: { clientCommands } })).map((it) => it.command);
    expect(commands.find((it) => it.title === 'Generate pass')).toEqual({
      title: 'Generate pass',
      command: 'restorable.generateKeyAt',
      arguments: [
        {
          key: 'pgbackrest',
          uri,
          range: { start: { line: 3, character: 18 }, end: { line: 3, character: 18 } },
          version: 3,
        },
      ],
    });
    expect(commands.find((it) => it.title === 'Test restore')?.arguments).toEqual([
      { archive: '/x', configuration: [uri] },
    ]);
  });

  test('definition, references and highlights', async () => {
    const client = await initialised();
    const a = 'file:///nowhere/a.yaml';
    const b = 'file:///nowhere/b.yaml';
    client.open(a, 'apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {k: x}\n');
    client.open(
      b,
      'apiVersion: stackgres.io/v1beta1\nkind: SGObjectStorage\nmetadata: {name: s}\nspec: {encryption: {sodium: {key: {name: keys, key: k}}}}\n',
    );
    const place = { textDocument: { uri: b }, position: { line: 3, character: 43 } };
    const target = { uri: a, range: { start: { line: 2, character: 17 }, end: { line: 2, character: 21 } } };
    expect(await client.request('textDocument/definition', place)).toEqual([target]);
    const context = { includeDeclaration: false };
    expect(await client.request('textDocument/references', { ...place, context })).toMatchObject([{ uri: b }]);
    expect(await client.request('textDocument/documentHighlight', place)).toHaveLength(1);
  });
});

describe('commands', () => {
  const secretUri = 'file:///nowhere/secret.yaml';
  const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  a: b # why\n';

  test('encode and decode a Secret through the client', async () => {
    const client = await initialised(able);
    const applied: WorkspaceEdit[] = [];
    client.answers.set('workspace/applyEdit', (params: { edit: WorkspaceEdit }) => {
      applied.push(params.edit);
      return { applied: true };
    });
    client.open(secretUri, secret);
    const result = await client.request('workspace/executeCommand', {
      command: COMMANDS.encodeSecret,
      arguments: [{ uri: secretUri, position: { line: 1, character: 0 } }],
    });
    expect(result).toEqual({ changed: ['a'], kept: [] });
    expect(applied[0]?.documentChanges?.[0]?.edits.map((it) => it.newText)).toEqual(['data', `${base64('b')} # why`]);
    const nothing = await client.exchange('workspace/executeCommand', {
      command: COMMANDS.decodeSecret,
      arguments: [{ uri: secretUri }],
    });
    expect(nothing.error?.message).toBe('there is nothing to change in this Secret');
  });

  test('another key is written with the versions of the documents that it was made for', async () => {
    const client = await initialised(able);
    const applied: WorkspaceEdit[] = [];
    client.answers.set('workspace/applyEdit', (params: { edit: WorkspaceEdit }) => {
      applied.push(params.edit);
      return { applied: true };
    });
    const old = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
    client.open(
      uri,
      `[global]\r\nrepo1-path=/x\r\nrepo1-cipher-type=aes-256-cbc\r\nrepo1-cipher-pass=${old}\r\n[demo]\r\npg1-path=/y\r\n`,
      'conf',
      7,
    );
    const result = await client.request('workspace/executeCommand', {
      command: COMMANDS.rotateKey,
      arguments: [
        {
          uri,
          position: { line: 3, character: 2 },
          key: 'Zz0d8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7Iz9',
        },
      ],
    });
    expect(result).toMatchObject({ title: expect.stringContaining('repo2'), files: [uri] });
    expect(applied[0]?.documentChanges).toMatchObject([{ textDocument: { uri, version: 7 } }]);
    const [edit] = applied[0]!.documentChanges![0]!.edits;
    expect(edit?.newText).toContain('repo2-cipher-pass=Zz0d8b');
    expect(edit?.newText.replaceAll('\r\n', '')).not.toContain('\n');
  });

  test('say what is wrong with their arguments', async () => {
    const client = await initialised();
    const message = async (command: string, ...args: unknown[]) =>
      (await client.exchange('workspace/executeCommand', { command, arguments: args })).error?.message;
    expect(await message('restorable.nonsense')).toBe('there is no command restorable.nonsense');
    expect(await message(COMMANDS.testRestore)).toBe('archive is missing');
    expect(await message(COMMANDS.inspect, { archive: 5 })).toBe('archive is missing');
    expect(await message(COMMANDS.keyTemplate, { key: 'x' })).toBe('key must be pgbackrest, sodium or openpgp');
    expect(await message(COMMANDS.encodeSecret, { uri: 'file:///gone' })).toContain('not open');
    client.open(secretUri, secret);
    expect(await message(COMMANDS.encodeSecret, { uri: secretUri })).toContain('does not let');
  });

  test('archives and key templates hold no key', async () => {
    const client = await initialised();
    client.open(uri, `${conf}repo1-cipher-pass=geheim-geheim-geheim\n`, 'conf');
    const archives = await client.request('workspace/executeCommand', { command: COMMANDS.archives, arguments: [] });
    expect(archives).toMatchObject([
      {
        label: 'repo1 of stanza demo (pgbackrest.conf)',
        uri,
        format: 'pgbackrest',
        keys: [{ source: 'pgbackrest.conf, repo1-cipher-pass', uri, kind: 'pgbackrest-pass' }],
      },
    ]);
    const template = await client.request<{ text: string }>('workspace/executeCommand', {
      command: COMMANDS.keyTemplate,
      arguments: [{ key: 'pgbackrest', uri }],
    });
    expect(template.text).toContain('repo1-cipher-pass=«key»');
    expect(client.output).not.toContain('geheim');
  });
});

describe('what follows from the text alone', () => {
  const secret = 'file:///nowhere/secret.yaml';
  const secretText = `apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  key: ${base64('0f'.repeat(32))}\n`;

  test('folds, selections, colours, hints and links are announced and answered', async () => {
    const client = await LspClient.start();
    clients.push(client);
    const { capabilities } = await client.request<{ capabilities: Record<string, unknown> }>('initialize', {
      capabilities: {},
    });
    client.notify('initialized', {});
    expect(capabilities).toMatchObject({
      foldingRangeProvider: true,
      selectionRangeProvider: true,
      documentLinkProvider: {},
      inlayHintProvider: true,
      documentFormattingProvider: true,
    });
    expect(capabilities).not.toHaveProperty('diagnosticProvider');
    client.open(uri, conf, 'conf');
    client.open(secret, secretText, 'yaml');
    const textDocument = { uri };
    expect(await client.request('textDocument/foldingRange', { textDocument })).toEqual([
      { startLine: 0, endLine: 3 },
      { startLine: 4, endLine: 5 },
    ]);
    expect(
      await client.request('textDocument/selectionRange', { textDocument, positions: [{ line: 1, character: 12 }] }),
    ).toMatchObject([
      { range: { start: { line: 1, character: 12 } }, parent: { range: { start: { line: 1, character: 11 } } } },
    ]);
    const { data } = await client.request<{ data: number[] }>('textDocument/semanticTokens/full', { textDocument });
    expect(data.slice(0, 10)).toEqual([0, 1, 6, 1, 0, 1, 0, 10, 2, 0]);
    const part = { start: { line: 4, character: 0 }, end: { line: 5, character: 0 } };
    const ranged = await client.request<{ data: number[] }>('textDocument/semanticTokens/range', {
      textDocument,
      range: part,
    });
    expect(ranged.data.slice(0, 5)).toEqual([4, 1, 4, 0, 2]);
    const whole = { start: { line: 0, character: 0 }, end: { line: 9, character: 0 } };
    expect(
      await client.request('textDocument/inlayHint', { textDocument: { uri: secret }, range: whole }),
    ).toMatchObject([{ label: '64 hex digits (32 bytes)', position: { line: 5 } }]);
    expect(await client.request('textDocument/documentLink', { textDocument })).toEqual([]);
  });

  test('formatting changes a conf and never YAML', async () => {
    const client = await initialised();
    client.open(uri, '[global]\n repo1-path = /x\n', 'conf');
    client.open(secret, 'a:    1\n', 'yaml');
    const options = { tabSize: 2, insertSpaces: true };
    expect(await client.request('textDocument/formatting', { textDocument: { uri }, options })).toEqual([
      { range: { start: { line: 1, character: 0 }, end: { line: 1, character: 16 } }, newText: 'repo1-path=/x' },
    ]);
    expect(await client.request('textDocument/formatting', { textDocument: { uri: secret }, options })).toEqual([]);
  });

  test('is registered for pgbackrest.conf alone where the client can be told so', async () => {
    const client = await initialised({ capabilities: { textDocument: { formatting: { dynamicRegistration: true } } } });
    await client.until('the registration', () =>
      client.received.some((it) => JSON.stringify(it).includes('textDocument/formatting')),
    );
    const asked = client.received
      .filter((it) => it.method === 'client/registerCapability')
      .map((it) => JSON.stringify(it.params));
    expect(asked.find((it) => it.includes('textDocument/formatting'))).toContain('pgbackrest-conf');
  });
});

describe('findings for a client that asks for them', () => {
  const pulling = {
    capabilities: { textDocument: { diagnostic: {} }, workspace: { diagnostics: { refreshSupport: true } } },
  };

  test('are answered, told unchanged when they are, and never sent unasked', async () => {
    const client = await initialised(pulling);
    client.open(uri, conf, 'conf');
    interface Report {
      kind: string;
      resultId: string;
      items: { code: string }[];
    }
    const first = await client.request<Report>('textDocument/diagnostic', { textDocument: { uri } });
    expect(first.kind).toBe('full');
    expect(first.items.map((it) => it.code)).toContain('misspelt-cipher-option');
    const again = await client.request<Report>('textDocument/diagnostic', {
      textDocument: { uri },
      previousResultId: first.resultId,
    });
    expect(again).toEqual({ kind: 'unchanged', resultId: first.resultId });
    const { items } = await client.request<{ items: (Report & { uri: string })[] }>('workspace/diagnostic', {
      previousResultIds: [
        { uri, value: 'old' },
        { uri: 'file:///gone.yaml', value: 'x' },
      ],
    });
    expect(items.find((it) => it.uri === uri)?.items).toHaveLength(first.items.length);
    expect(items.find((it) => it.uri === 'file:///gone.yaml')?.items).toEqual([]);
    await client.until('the refresh', () => client.received.some((it) => it.method === 'workspace/diagnostic/refresh'));
    expect(client.published.size).toBe(0);
  });
});
