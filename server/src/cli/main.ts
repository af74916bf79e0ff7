/** The program `restorable`: finds the command, and turns what it throws into a message and an exit code. */

import { EXIT_CODE, RestoreError } from '../../../engine/src/failure.ts';
import { asksForHelp, oneOf, parseArguments, UsageError } from './arguments.ts';
import type { AnyCommand } from './command.ts';
import { commands } from './commands.ts';
import { sayFailure } from './failureMessage.ts';
import { describeCommand, describeProgram } from './help.ts';
import { processTerminal, type Terminal } from './terminal.ts';
import { version } from './version.ts';

export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && rest[0] === undefined)) {
    await terminal.print(describeProgram(terminal));
    return name === undefined ? EXIT_CODE.usage : 0;
  }
  if (name === '--version' || name === '-V') {
    await terminal.print(`${version}\n`);
    return 0;
  }
  let command: AnyCommand | undefined;
  try {
    if (name.startsWith('-')) {
      throw new UsageError(
        `the command comes first, then its options; ${name} is no command`,
        'See restorable --help.',
      );
    }
    const wanted = name === 'help' ? rest[0]! : name;
    command = await commands[oneOf(Object.keys(commands) as (keyof typeof commands)[], wanted, 'the command')].load();
    if (name === 'help' || asksForHelp(rest)) {
      await terminal.print(describeCommand(command, terminal));
      return 0;
    }
    return await command.run(parseArguments(command.options, rest) as never, terminal);
  } catch (error) {
    const code = explain(error, command, terminal);
    return command?.exitCodeOf?.(code) ?? code;
  }
}

/** A bug of ours is code 2 as well, so that no script takes it for a verdict about the archive. */
function explain(error: unknown, command: AnyCommand | undefined, terminal: Terminal): number {
  const paint = terminal.paintError;
  if (error instanceof UsageError) {
    const help = command ? `restorable ${command.name} --help` : 'restorable --help';
    terminal.say(`${paint('red', 'restorable:')} ${error.message}`);
    terminal.say(paint('dim', error.cure ?? `See ${help}.`));
    return EXIT_CODE.usage;
  }
  if (error instanceof RestoreError) {
    sayFailure(error.failure, terminal);
    return EXIT_CODE[error.failure.code];
  }
  // Only the name and the place in our code: a message may carry text from a file.
  const place = error instanceof Error ? (error.stack ?? '').split('\n').find((it) => /^\s+at /.test(it)) : undefined;
  terminal.say(`${paint('red', 'restorable:')} an error of the program itself: ${nameOf(error)}${place ?? ''}`);
  terminal.say('Please report it, with the command and this line.');
  return EXIT_CODE.usage;
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error && typeof error.code === 'string' ? `${error.name} ${error.code}` : error.name;
}

// `restorable check | head` closes our stdout early: that is no error of anybody.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

main(process.argv.slice(2), processTerminal()).then((code) => {
  process.exitCode = code;
});
