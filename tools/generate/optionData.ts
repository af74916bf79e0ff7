/** Turns schemas/pgbackrest.schema.json into the data behind server/src/core/pgbackrest/options.ts. */

import type { OptionRow } from '../../server/src/core/pgbackrest/options.ts';
import type { Generator } from './generator.ts';
import { generatedFrom } from './generator.ts';
import { optionSchemas, tableFacts } from './pgbackrestSchema.ts';

export const optionData: Generator = {
  files: () => [{ path: 'server/src/core/generated/pgbackrestOptions.ts', text: text() }],
};

function text(): string {
  const commandSets: string[][] = [];
  const rows = optionSchemas().map(({ schema, facts }): OptionRow => {
    const { commands, ...rest } = facts;
    return {
      ...rest,
      commands: setNumber(commandSets, commands),
      description: schema.description,
      values: schema['x-values'],
    };
  });
  const { release, oldestRelease, indexMax, nameMax, commands, commandLineOnly } = tableFacts;
  return [
    generatedFrom('schemas/pgbackrest.schema.json'),
    "import type { CommandLineOnly, OptionRow } from '../pgbackrest/options.ts';\n\n",
    `export const release = ${JSON.stringify(release)};\n`,
    `export const oldestRelease = ${JSON.stringify(oldestRelease)};\n`,
    `export const indexMax = ${indexMax};\n`,
    `export const nameMax = ${nameMax};\n`,
    `export const commands: readonly string[] = ${JSON.stringify(commands)};\n`,
    `export const commandLineOnlyOptions: readonly CommandLineOnly[] = ${JSON.stringify(commandLineOnly)};\n`,
    `export const commandSets: readonly (readonly string[])[] = ${lines(commandSets)};\n`,
    `export const rows: readonly OptionRow[] = ${lines(rows)};\n`,
  ].join('');
}

/** Many options are valid for the same commands: each set is stored once and named by its place. */
function setNumber(sets: string[][], commands: string[]): number {
  const key = commands.join();
  const known = sets.findIndex((set) => set.join() === key);
  return known >= 0 ? known : sets.push(commands) - 1;
}

function lines(items: unknown[]): string {
  return `[\n${items.map((item) => `  ${JSON.stringify(item)},\n`).join('')}]`;
}
