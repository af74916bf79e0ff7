import type { AnyCommand } from './command.ts';

/** Every command by its name. Each is loaded when it is asked for: `check` in an editor's hook must not wait for the others. */
export const commands = {
  check: {
    summary: 'find mistakes in backup configuration',
    load: async () => (await import('./commands/check.ts')).check,
  },
} satisfies Record<string, { summary: string; load: () => Promise<AnyCommand> }>;
