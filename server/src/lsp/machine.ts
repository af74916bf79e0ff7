import type { CancellationToken, ProgressToken } from 'vscode-languageserver';
import type { Inspection } from '../../../engine/src/job.ts';
import type { Report } from '../../../engine/src/report.ts';
import type { Workspace } from '../core/workspace.ts';
import type { DecryptAnswer } from '../protocol.ts';
import type { CommandContext } from './commands.ts';
import type { FileSource } from './fileSource.ts';

/** What the server has where it runs as a program on a machine, and has not in a browser. */
export interface Machine {
  disk: FileSource;
  /** What is committed of a workspace's files. */
  past(workspace: Workspace): PastOfFolders;
  archives: ArchiveCommands;
}

export interface PastOfFolders {
  /** Something on the disk changed, the last commit perhaps. */
  expire(): void;
  /** Tells the workspace what was committed of the files in these folders. Never rejects. */
  tell(folders: readonly string[]): Promise<void>;
}

export interface ArchiveCommands {
  exists(path: string): boolean;
  /** @throws ResponseError as `executeCommand` */
  testRestore(
    context: CommandContext,
    argument: Record<string, unknown> | undefined,
    running: Running,
  ): Promise<Report[]>;
  /** @throws ResponseError as `executeCommand` */
  inspect(
    context: CommandContext,
    argument: Record<string, unknown> | undefined,
    token: CancellationToken,
  ): Promise<Inspection>;
  /** @throws ResponseError as `executeCommand` */
  decrypt(
    context: CommandContext,
    argument: Record<string, unknown> | undefined,
    running: Running,
  ): Promise<DecryptAnswer>;
}

/** A command that takes a while: how it tells its progress, and how it is stopped. */
export interface Running {
  progressToken: ProgressToken | undefined;
  token: CancellationToken;
  stops: Map<ProgressToken, AbortController>;
}
