/** What a value has to look like, while it is written: of an option in a conf, or in the `global` of a cluster. */

import type { OptionDefinition, Release } from '../pgbackrest/options.ts';
import { definitionAt, resolveOption } from '../pgbackrest/options.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import type { Workspace } from '../workspace.ts';
import { optionText, optionType } from './optionText.ts';

export interface ValueHint {
  /** `repo1-retention-full=whole number, 1 to 9999999`. */
  label: string;
  /** Markdown. */
  documentation: string;
  /** The stretches of the label that are written one after the other. */
  parts: { start: number; end: number }[];
  /** The one at the cursor. */
  active: number;
}

export function valueHint(workspace: Workspace, uri: string, offset: number): ValueHint | undefined {
  const unit = workspace.unitAt(uri, offset);
  if (!unit) return undefined;
  const target = workspace.targetsFor(uri).pgbackrest;
  for (const conf of unit.confs) {
    const { start, end } = conf.text.whole;
    if (unit.offset < start || unit.offset > end) continue;
    const index = conf.text.indexAt(unit.offset);
    if (index === undefined) continue;
    const text = conf.text.text;
    const line = text.slice(text.lastIndexOf('\n', index - 1) + 1, index);
    const [, key, value] = /^[ \t]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*=(.*)$/.exec(line) ?? [];
    return key === undefined ? undefined : hintFor(key, value!, target);
  }
  for (const resource of unit.resources) {
    if (!(resource instanceof PostgresClusterResource)) continue;
    for (const setting of resource.scopes.flatMap((it) => it.global)) {
      const { part, end } = setting.keyPlace;
      const [, behind] = /^["']?[ \t]*:(.*)/.exec(part.text.slice(end)) ?? [];
      const colon = part.text.indexOf(':', end);
      if (behind === undefined || unit.offset <= colon || unit.offset > colon + 1 + behind.length) continue;
      return hintFor(setting.key, part.text.slice(colon + 1, unit.offset), target);
    }
  }
  return undefined;
}

function hintFor(key: string, typed: string, target: Release | undefined): ValueHint | undefined {
  const { definition, index } = resolveOption(key);
  const option = definition && ((target ? definitionAt(definition, target) : undefined) ?? definition);
  if (!option) return undefined;
  const shape = shapeOf(option);
  const label = `${key}=${shape.join('=')}`;
  let start = key.length + 1;
  const parts = shape.map((it) => {
    const part = { start, end: start + it.length };
    start = part.end + 1;
    return part;
  });
  const active = Math.min(typed.split('=').length, parts.length) - 1;
  return { label, documentation: optionText(option, index, target), parts, active };
}

/** A pair has two parts, which the description names: `NAME=/path`. */
function shapeOf(option: OptionDefinition): string[] {
  if (option.type === 'hash') {
    const [, name = 'KEY', value = 'VALUE'] = /\b([A-Z][A-Z-]*)=(\/?[A-Za-z][A-Za-z-]*)/.exec(option.description) ?? [];
    return [name, value];
  }
  const range = option.range ? `, ${option.range[0]} to ${option.range[1]}` : '';
  return [`${optionType(option).replace(/: the key.*/, '')}${range}`];
}
