/**
 * The server with what real editors say of themselves: `initialize` as Emacs, Helix and Neovim sent it (recorded), and as
 * Zed's source builds it. Each then does what a person does in that editor.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { LspClient } from '../support/lspClient.ts';

const folder = 'test/lsp/clients';
const uri = 'file:///w/pgbackrest.conf';
const conf =
  '# é\n[global]\nrepo1-path=/x\nrepo1-retention-full=2\nrepo1-cipher-typ=aes-256-cbc\n[demo]\npg1-path=/y\n';

interface Capabilities {
  textDocument?: {
    hover?: { contentFormat?: string[] };
    formatting?: { dynamicRegistration?: boolean };
    publishDiagnostics?: object;
    documentSymbol?: { hierarchicalDocumentSymbolSupport?: boolean };
  };
}

let client: LspClient | undefined;
afterEach(async () => {
  await client?.stop();
  client = undefined;
});

for (const name of readdirSync(folder)) {
  const params = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as { capabilities: Capabilities };
  const { textDocument } = params.capabilities;

  describe(name.replace('.json', ''), () => {
    test('is told, helped and let go', async () => {
      client = await LspClient.initialised(params as never);
      client.open(uri, conf, 'conf');
      const told = (await client.finding(uri, 'misspelt-cipher-option')).diagnostics[0]!;
      expect(told.range).toEqual({ start: { line: 4, character: 0 }, end: { line: 4, character: 16 } });

      const document = { textDocument: { uri } };
      const hover = await client.request<{ contents: { kind: string } }>('textDocument/hover', {
        ...document,
        position: { line: 2, character: 3 },
      });
      expect(hover.contents.kind).toBe(
        textDocument?.hover?.contentFormat?.includes('markdown') ? 'markdown' : 'plaintext',
      );

      const actions = await client.request<{ title: string; edit: { changes?: object; documentChanges?: object[] } }[]>(
        'textDocument/codeAction',
        { ...document, range: told.range, context: { diagnostics: [told] } },
      );
      const fix = actions.find((it) => it.title === 'Rename to repo1-cipher-type');
      expect(JSON.stringify(fix?.edit)).toContain('repo1-cipher-type');

      const completion = await client.request<{ items: { label: string }[] }>('textDocument/completion', {
        ...document,
        position: { line: 4, character: 6 },
      });
      expect(completion.items.map((it) => it.label)).toContain('repo1-cipher-type');

      const symbols = await client.request<{ name: string; children?: unknown; location?: unknown }[]>(
        'textDocument/documentSymbol',
        document,
      );
      const isTree = textDocument?.documentSymbol?.hierarchicalDocumentSymbolSupport === true;
      expect(symbols.every((it) => (isTree ? it.location === undefined : it.location !== undefined))).toBe(true);

      client.notify('textDocument/didChange', {
        textDocument: { uri, version: 2 },
        contentChanges: [
          {
            range: { start: { line: 4, character: 14 }, end: { line: 4, character: 16 } },
            text: 'ype\nrepo1-cipher-pass=QWxsIHRoYXQgZ2xpdHRlcnMgaXMgbm90IGdvbGQsIG5vdCBhdCBhbGwh\n#',
          },
        ],
      });
      await client.without(uri, 'misspelt-cipher-option');
      expect(client.stderr).toBe('');
    });

    test('is asked nothing that it does not know', async () => {
      client = await LspClient.initialised(params as never);
      client.open(uri, conf, 'conf');
      await client.finding(uri, 'misspelt-cipher-option');
      const asked = client.received
        .filter((it) => it.method !== undefined && it.id !== undefined)
        .map((it) => JSON.stringify(it.params));
      const mayRegister = (method: string, can: boolean | undefined) => {
        if (!can) expect(asked.some((it) => it.includes(method))).toBe(false);
      };
      mayRegister('textDocument/formatting', textDocument?.formatting?.dynamicRegistration);
      expect(client.received.some((it) => it.method === 'workspace/diagnostic/refresh')).toBe(false);
    });
  });
}
