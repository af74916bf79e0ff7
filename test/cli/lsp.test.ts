import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { program, restorable } from './program.ts';

test('lsp --stdio is the language server: it answers, finds, and ends when told', async () => {
  const child = spawn(process.execPath, [await program(), 'lsp', '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let received = '';
  child.stdout.setEncoding('utf8').on('data', (it: string) => {
    received += it;
  });
  const send = (message: object) => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
  const until = async (text: string) => {
    while (!received.includes(text)) await once(child.stdout, 'data');
  };
  send({ id: 1, method: 'initialize', params: { processId: null, rootUri: null, capabilities: {} } });
  await until('"capabilities"');
  send({ method: 'initialized', params: {} });
  const textDocument = {
    uri: 'file:///w/pgbackrest.conf',
    languageId: 'pgbackrest',
    version: 1,
    text: '[global]\nrepo1-cypher-type=aes-256-cbc\n',
  };
  send({ method: 'textDocument/didOpen', params: { textDocument } });
  await until('misspelt-cipher-option');
  expect(received).toMatch(/^Content-Length: \d+\r\n/);
  send({ id: 2, method: 'shutdown' });
  await until('"id":2');
  send({ method: 'exit' });
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(0);
});

test('lsp takes no path', async () => {
  const { code, stderr } = await restorable(['lsp', '--stdio', 'deploy']);
  expect(stderr).toContain('lsp takes no path');
  expect(code).toBe(2);
});
