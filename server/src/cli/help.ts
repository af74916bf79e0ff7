import { alignRows, describeOptions, wrapWords } from './arguments.ts';
import type { AnyCommand } from './command.ts';
import { commands } from './commands.ts';
import type { Terminal } from './terminal.ts';

/** `restorable --help` */
export function describeProgram({ width, paint }: Terminal): string {
  const head = (text: string) => paint('bold', text);
  const list = Object.entries(commands).map(([left, it]) => ({ left, help: it.summary }));
  return `${[
    'Backup configuration that you can prove restores.',
    '',
    `${head('Usage:')} restorable COMMAND [OPTIONS]`,
    '',
    head('Commands:'),
    ...alignRows(list, width),
    '',
    head('Options:'),
    ...alignRows(
      [
        { left: '-h, --help', help: 'show this help, or the help of a command' },
        { left: '-V, --version', help: 'show the version' },
      ],
      width,
    ),
    '',
    'restorable COMMAND --help says more, with examples.',
  ].join('\n')}\n`;
}

/** `restorable COMMAND --help` */
export function describeCommand(command: AnyCommand, { width, paint }: Terminal): string {
  const head = (text: string) => paint('bold', text);
  const examples = command.examples.flatMap(({ line, what }) => [paint('dim', `  # ${what}`), `  ${line}`]);
  const exitCodes = command.exitCodes ?? [];
  return `${[
    `${command.summary[0]!.toUpperCase()}${command.summary.slice(1)}.`,
    '',
    ...command.usage.map((it, index) => `${index === 0 ? head('Usage:') : '      '} restorable ${it}`),
    ...command.description.flatMap((it) => ['', ...wrapWords(it, width)]),
    '',
    head('Options:'),
    ...describeOptions(command.options, width),
    '',
    head(command.examples.length === 1 ? 'Example:' : 'Examples:'),
    ...examples,
    ...(exitCodes.length > 0 ? ['', head('Exit codes:'), ...alignRows(exitCodes, width)] : []),
  ].join('\n')}\n`;
}
