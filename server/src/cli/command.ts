import type { OptionTable, ParsedArguments } from './arguments.ts';
import type { Terminal } from './terminal.ts';

/** One command with everything its help says. */
export interface Command<O extends OptionTable = OptionTable> {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** What follows the program's name, one line per form. */
  usage: readonly string[];
  /** What a person has to know beyond the options; paragraphs. */
  description: readonly string[];
  options: O;
  examples: readonly { line: string; what: string }[];
  /** Exit codes in words, where they are more than 0 and 2. */
  exitCodes?: readonly { left: string; help: string }[];
  /** For a command whose caller reads exit codes its own way: what stands for a failure's usual code. */
  exitCodeOf?: (code: number) => number;
  /**
   * @returns the exit code
   * @throws UsageError, or RestoreError for a failure with a code of its own
   */
  run(parsed: ParsedArguments<O>, terminal: Terminal): Promise<number>;
}

/** Erases the options' types: the dispatcher parses with the same table that `run` was typed by. */
export type AnyCommand = Omit<Command, 'run'> & { run(parsed: never, terminal: Terminal): Promise<number> };

export function command<const O extends OptionTable>(it: Command<O>): AnyCommand {
  return it as unknown as AnyCommand;
}
