import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { archiveCommands } from './archiveCommands.ts';
import { disk } from './disk.ts';
import type { Machine } from './machine.ts';
import { Past } from './past.ts';
import { type Server, type ServerOptions, startServer } from './server.ts';

const machine: Machine = { disk, past: (workspace) => new Past(workspace), archives: archiveCommands };

/**
 * Serves on the transport that the process was started for: `--stdio`, `--node-ipc`, `--socket=PORT` or `--pipe=NAME`.
 * With stdio, standard output belongs to the protocol from here on.
 *
 * @throws Error when the arguments name no transport
 */
export function serve(options: Omit<ServerOptions, 'machine'> = {}): Server {
  const connection = createConnection(ProposedFeatures.all);
  // The last resort: a bug costs an answer, never the editor's server. Messages may quote documents and stay out of the log.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      const code = (error as NodeJS.ErrnoException | undefined)?.code;
      // Nobody listens any more.
      if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || code === 'ERR_IPC_CHANNEL_CLOSED') process.exit(1);
      connection.console.error(`${event}: ${error instanceof Error ? error.name : 'unknown'}`);
    });
  }
  return startServer(connection, { ...options, machine });
}
