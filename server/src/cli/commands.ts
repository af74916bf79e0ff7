import type { AnyCommand } from './command.ts';

/** Every command by its name. Each is loaded when it is asked for: `check` in an editor's hook must not wait for the others. */
export const commands = {
  check: {
    summary: 'find mistakes in backup configuration',
    load: async () => (await import('./commands/check.ts')).check,
  },
  keygen: {
    summary: 'make a key, into a file or a Kubernetes Secret',
    load: async () => (await import('./commands/keygen.ts')).keygen,
  },
  secret: {
    summary: 'turn a Kubernetes Secret from stringData to data or back',
    load: async () => (await import('./commands/secret.ts')).secret,
  },
  encrypt: {
    summary: 'encrypt a file so that the real tool can read it',
    load: async () => (await import('./commands/encrypt.ts')).encrypt,
  },
  decrypt: {
    summary: 'decrypt a file',
    load: async () => (await import('./commands/decrypt.ts')).decrypt,
  },
  inspect: {
    summary: 'say what an archive is and which key would open it, without any key',
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  'test-restore': {
    summary: 'prove that an archive restores',
    load: async () => (await import('./commands/testRestore.ts')).testRestore,
  },
  'archive-get': {
    summary: 'give PostgreSQL one WAL file out of an archive, as its restore_command',
    load: async () => (await import('./commands/archiveGet.ts')).archiveGet,
  },
  lsp: {
    summary: 'be the language server of an editor',
    load: async () => (await import('./commands/lsp.ts')).lsp,
  },
} satisfies Record<string, { summary: string; load: () => Promise<AnyCommand> }>;
