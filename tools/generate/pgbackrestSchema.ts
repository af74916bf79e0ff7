/** Reads schemas/pgbackrest.schema.json and makes sure that its two halves, JSON Schema and facts, say the same. */

import { readFileSync } from 'node:fs';
import type { CommandLineOnly, OptionFacts } from '../../server/src/core/pgbackrest/options.ts';
import { parseSize, parseTime } from '../../server/src/core/pgbackrest/units.ts';

export interface OptionSchema {
  description: string;
  enum?: (string | number)[];
  minimum?: number;
  maximum?: number;
  'x-values'?: Record<string, string>;
  'x-pgbackrest': OptionFacts & { commands: string[] };
}

interface TableFacts {
  release: string;
  oldestRelease: string;
  indexMax: number;
  nameMax: number;
  commands: string[];
  commandLineOnly: CommandLineOnly[];
}

interface PgbackrestSchema {
  'x-pgbackrest': TableFacts;
  properties: Record<string, OptionSchema>;
  patternProperties: Record<string, OptionSchema>;
}

const source = new URL('../../schemas/pgbackrest.schema.json', import.meta.url);
const table = JSON.parse(readFileSync(source, 'utf8')) as PgbackrestSchema;

export const tableFacts = table['x-pgbackrest'];

/** All options in the order of the schema. @throws Error when a key, range or list contradicts the option's facts. */
export function optionSchemas(): { key: string; schema: OptionSchema; facts: OptionSchema['x-pgbackrest'] }[] {
  return [...Object.entries(table.properties), ...Object.entries(table.patternProperties)].map(([key, schema]) => {
    const facts = schema['x-pgbackrest'];
    for (const contradiction of contradictions(key, schema))
      throw new Error(`pgbackrest.schema.json: ${facts.name}: ${contradiction}`);
    return { key, schema, facts };
  });
}

function* contradictions(key: string, schema: OptionSchema): Iterable<string> {
  const facts = schema['x-pgbackrest'];
  const { group, name } = facts;
  if (group ? !new RegExp(key).test(name.replace(group, `${group}1`)) : key !== name) yield 'key and name differ';
  if (!schema.description) yield 'no description';
  const count = (text: string) =>
    facts.type === 'size' ? parseSize(text) : facts.type === 'time' ? parseTime(text) : Number(text);
  const ranges = facts.range ? [facts.range] : Object.values(facts.rangeByDepend ?? {});
  if (ranges.length > 0) {
    if (schema.minimum !== Math.min(...ranges.map(([low]) => count(low) ?? Number.NaN)))
      yield 'minimum and range differ';
    if (schema.maximum !== Math.max(...ranges.map(([, high]) => count(high) ?? Number.NaN)))
      yield 'maximum and range differ';
  }
  const allowed = facts.type === 'size' ? facts.allow?.map(count) : facts.allow;
  if (allowed && allowed.join() !== schema.enum?.join()) yield 'enum and allow differ';
  for (const value of Object.keys(schema['x-values'] ?? {})) {
    if (!schema.enum?.includes(value)) yield `x-values explains ${value}, which is not allowed`;
  }
}
