/** A command's options in one table: from it come the parsing, the messages about what was mistyped, and the help. */

import { parseArgs } from 'node:util';
import { nearestName } from '../core/nearest.ts';

export interface OptionSpecification {
  /** A flag says yes by being there; a text option takes the next argument or what follows its `=`. */
  kind: 'flag' | 'text';
  /** One letter, for `-o`. */
  short?: string;
  /** What stands for the value in the help: `FILE`. */
  value?: string;
  choices?: readonly string[];
  /** May be given several times; the values come as a list. */
  isList?: boolean;
  help: string;
}

export type OptionTable = Readonly<Record<string, OptionSpecification>>;

export type OptionValues<O extends OptionTable> = {
  [K in keyof O]: O[K] extends { kind: 'flag' }
    ? boolean
    : O[K] extends { isList: true }
      ? string[]
      : (O[K] extends { choices: readonly (infer Choice)[] } ? Choice : string) | undefined;
};

export interface ParsedArguments<O extends OptionTable> {
  options: OptionValues<O>;
  /** With the name of the option in whose wake each one stands: `--config a b` leaves b to be claimed by `config`. */
  positionals: { value: string; after: string | undefined }[];
}

/** What the user typed cannot be meant: exit code 2, and the sentence says what would be right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  constructor(
    message: string,
    readonly cure?: string,
  ) {
    super(message);
  }
}

/** @throws UsageError for an option that does not exist, a value that is missing or not of the choices */
export function parseArguments<const O extends OptionTable>(table: O, args: readonly string[]): ParsedArguments<O> {
  const all: OptionTable = { ...table, ...HELP };
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(all).map(([name, it]) => [
        name,
        { type: it.kind === 'flag' ? 'boolean' : 'string', multiple: true, ...(it.short && { short: it.short }) },
      ]),
    ),
  });
  const values: Record<string, boolean | string | string[] | undefined> = {};
  for (const [name, it] of Object.entries(all)) values[name] = it.kind === 'flag' ? false : it.isList ? [] : undefined;
  const positionals: ParsedArguments<O>['positionals'] = [];
  let after: string | undefined;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') after = undefined;
    if (token.kind === 'positional') positionals.push({ value: token.value, after });
    if (token.kind !== 'option') continue;
    const specification = Object.hasOwn(all, token.name) ? all[token.name] : undefined;
    if (!specification) throw unknownOption(token.rawName, all);
    if (specification.kind === 'flag') {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
      values[token.name] = true;
      after = undefined;
      continue;
    }
    const value = readValue(token, specification);
    const list = values[token.name];
    if (Array.isArray(list)) list.push(value);
    else values[token.name] = value;
    after = token.name;
  }
  return { options: values as OptionValues<O>, positionals };
}

/** Is `--help` among the arguments of a command, whatever else is wrong with them. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? undefined : end).some((it) => it === '--help' || it === '-h');
}

/** @throws UsageError that names the nearest of the known words */
export function oneOf<const T extends string>(known: readonly T[], given: string, what: string): T {
  const found = known.find((it) => it === given);
  if (found !== undefined) return found;
  const nearest = nearestName(known, given);
  throw new UsageError(
    `${what} '${given}' does not exist${nearest ? `; did you mean ${nearest}?` : ''}`,
    `Known: ${known.join(', ')}.`,
  );
}

/** The lines of an option table, aligned. */
export function describeOptions(table: OptionTable, width: number): string[] {
  const all: OptionTable = { ...table, ...HELP };
  const rows = Object.entries(all).map(([name, it]) => {
    const value = it.value ?? it.choices?.join('|');
    return { left: `${it.short ? `-${it.short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`, help: it.help };
  });
  return alignRows(rows, width);
}

/** Two columns; what is too long on the left stands on a line of its own. */
export function alignRows(rows: readonly { left: string; help: string }[], width: number): string[] {
  const column = Math.min(30, Math.max(...rows.map((it) => it.left.length)) + 2);
  return rows.flatMap(({ left, help }) => {
    const [first = '', ...rest] = wrapWords(help, Math.max(20, width - column - 2));
    const isLong = left.length > column - 2;
    return [
      ...(isLong ? [`  ${left}`, `  ${' '.repeat(column)}${first}`] : [`  ${left.padEnd(column)}${first}`]),
      ...rest.map((it) => `  ${' '.repeat(column)}${it}`),
    ];
  });
}

/** Breaks at blanks; a word that is longer than the width stays whole. */
export function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const HELP = { help: { kind: 'flag', short: 'h', help: 'show this help' } } as const satisfies OptionTable;

function unknownOption(rawName: string, table: OptionTable): UsageError {
  const name = rawName.replace(/^-+/, '');
  const names = Object.keys(table);
  const nearest = name.length > 1 ? nearestName(names, name) : undefined;
  const meant = nearest ? [nearest] : names.filter((it) => name.length > 1 && it.startsWith(name));
  const question = meant.length > 0 ? `; did you mean ${meant.map((it) => `--${it}`).join(' or ')}?` : '';
  return new UsageError(`there is no option ${rawName}${question}`);
}

function readValue(
  token: { rawName: string; value?: string | undefined; inlineValue?: boolean | undefined },
  { value: placeholder, choices }: OptionSpecification,
): string {
  const wanted = choices ? `one of ${choices.join(', ')}` : `a value: ${token.rawName} ${placeholder ?? 'VALUE'}`;
  if (token.value === undefined) throw new UsageError(`${token.rawName} needs ${wanted}`);
  // `--format --json`: the value was forgotten. A lone dash is stdin or stdout.
  if (!token.inlineValue && token.value.startsWith('-') && token.value !== '-') {
    throw new UsageError(
      `${token.rawName} needs ${wanted}`,
      `For a value that starts with a dash write ${token.rawName}=${token.value}.`,
    );
  }
  return choices ? oneOf(choices, token.value, `${token.rawName}`) : token.value;
}
