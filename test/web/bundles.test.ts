import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebWorker, webBundle } from '../support/webWorker.ts';

const NAMES = ['client', 'server', 'engine'] as const;
const bundles = new Map<string, string>();
beforeAll(async () => {
  for (const name of NAMES) bundles.set(name, await webBundle(name));
}, 120_000);

describe('a bundle for the browser', () => {
  test.each(NAMES)('%s loads nothing but the editor, and makes no code of text', (name) => {
    const bundle = bundles.get(name)!;
    const loaded = [...bundle.matchAll(/(?<![.\w$])require\(\s*["']([^"']+)["']\s*\)/g)].map((it) => it[1]!);
    expect(loaded.filter((it) => it !== 'vscode')).toEqual([]);
    expect(bundle).not.toMatch(/["']node:[a-z/]+["']/);
    expect(bundle).not.toMatch(/(?<![.\w$])eval\(|(?<![.\w$])new Function\(/);
  });

  test('the manifest names it', () => {
    const { browser } = JSON.parse(readFileSync('package.json', 'utf8')) as { browser: string };
    expect(browser).toBe('./dist/web/client.js');
  });
});

interface Message {
  id?: number;
  method?: string;
  params?: { uri?: string; diagnostics?: { code: string }[] };
  result?: { capabilities?: object };
}

describe('the language server in a Web Worker', () => {
  let worker: WebWorker;
  const received: Message[] = [];
  const asked: string[] = [];
  let told: () => void = () => undefined;
  const FILES: Record<string, string> = {
    'vscode-vfs://github/o/r/a.pgbackrest.conf':
      '[global]\nrepo1-path=/x\nrepo1-cipher-pass=3nWc2c4vTzUq0m7Qd1yWc5hLr8pXk9Jb\n',
    'vscode-vfs://github/o/r/notes.txt': 'nothing of ours\n',
  };
  const FOLDERS: Record<string, { name: string; uri: string; kind: string }[]> = {
    'vscode-vfs://github/o/r': [
      { name: 'node_modules', uri: 'vscode-vfs://github/o/r/node_modules', kind: 'folder' },
      { name: 'gone', uri: 'vscode-vfs://github/o/r/gone', kind: 'folder' },
      { name: 'notes.txt', uri: 'vscode-vfs://github/o/r/notes.txt', kind: 'file' },
      { name: 'a.pgbackrest.conf', uri: 'vscode-vfs://github/o/r/a.pgbackrest.conf', kind: 'file' },
    ],
  };

  beforeAll(() => {
    worker = new WebWorker(bundles.get('server')!);
    worker.onmessage = (data) => {
      const message = data as Message;
      received.push(message);
      if (message.method !== undefined && message.id !== undefined) answer(message);
      told();
    };
  });
  afterAll(() => worker?.terminate());

  function answer({ id, method, params }: Message): void {
    const uri = params?.uri ?? '';
    asked.push(`${method} ${uri}`);
    const known: Record<string, () => unknown> = {
      'restorable/client/listFolder': () => (FOLDERS[uri] ? { entries: FOLDERS[uri] } : { problem: 'FileNotFound' }),
      'restorable/client/readFile': () =>
        FILES[uri] !== undefined ? { text: FILES[uri] } : { problem: 'FileNotFound' },
      'workspace/configuration': () => [null],
    };
    worker.postMessage({ jsonrpc: '2.0', id, result: known[method!]?.() ?? null });
  }

  async function until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (worker.error) throw worker.error;
      await new Promise<void>((resolve) => {
        told = resolve;
      });
    }
  }

  test('finds what is wrong in files that only the client can read, and says which folders it cannot', async () => {
    worker.postMessage({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        processId: null,
        capabilities: {},
        rootUri: null,
        workspaceFolders: [{ uri: 'vscode-vfs://github/o/r', name: 'r' }],
        initializationOptions: { readsFiles: true },
      },
    });
    await until(() => received.find((it) => it.id === 1 && it.result?.capabilities));
    worker.postMessage({ jsonrpc: '2.0', method: 'initialized', params: {} });
    const found = await until(() =>
      received.find(
        ({ method, params }) => method === 'textDocument/publishDiagnostics' && (params?.diagnostics?.length ?? 0) > 0,
      ),
    );
    expect(found.params?.uri).toBe('vscode-vfs://github/o/r/a.pgbackrest.conf');
    expect(found.params?.diagnostics?.map((it) => it.code)).toContain('cipher-pass-without-type');
    expect(asked).not.toContain('restorable/client/listFolder vscode-vfs://github/o/r/node_modules');
    expect(asked).not.toContain('restorable/client/readFile vscode-vfs://github/o/r/notes.txt');
    await until(() => received.find((it) => JSON.stringify(it).includes('gone cannot be read')));
  }, 60_000);

  test('a command that needs a machine says so', async () => {
    const params = { command: 'restorable.server.testRestore', arguments: [{ archive: '/x' }] };
    worker.postMessage({ jsonrpc: '2.0', id: 2, method: 'workspace/executeCommand', params });
    const answered = await until(() => received.find((it) => it.id === 2 && 'error' in it));
    expect(JSON.stringify(answered)).toContain('cannot be tested in a browser');
  }, 60_000);
});
