import { join } from 'node:path';
import { UsageError } from '../arguments.ts';
import { command } from '../command.ts';

export const lsp = command({
  name: 'lsp',
  summary: 'be the language server of an editor',
  usage: ['lsp --stdio'],
  description: [
    'Speaks the Language Server Protocol on stdin and stdout, for every editor that has a client: findings while you type, completion, hover, definitions, rename. It needs no settings and no request beyond the protocol.',
  ],
  options: {
    stdio: { kind: 'flag', help: 'speak on stdin and stdout (the only way there is, and what most editors pass)' },
    clientProcessId: { kind: 'text', value: 'PID', help: 'end when this process ends' },
  },
  examples: [
    {
      line: "vim.lsp.start({ name = 'restorable', cmd = { 'restorable', 'lsp', '--stdio' } })",
      what: 'in Neovim',
    },
  ],
  async run({ positionals }) {
    if (positionals.length > 0) throw new UsageError('lsp takes no path: the editor says what to look at');
    // The server lives in a bundle of its own beside this one, and reads the transport from the arguments.
    if (!process.argv.includes('--stdio')) process.argv.push('--stdio');
    require(join(__dirname, 'server.js'));
    return new Promise<number>(() => undefined);
  },
});
