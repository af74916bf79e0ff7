/** What hover and completion say about one of pgBackRest's options. Markdown; never a value that is a secret. */

import {
  definitionAt,
  holdsSecret,
  latestRelease,
  type OptionDefinition,
  optionDefinition,
  type Range,
  type Release,
} from '../pgbackrest/options.ts';
import type { Setting } from '../pgbackrest/setting.ts';

const TYPE_TEXT: Record<OptionDefinition['type'], string> = {
  boolean: 'y or n',
  integer: 'whole number',
  size: 'size, as in 128MiB',
  time: 'time, as in 30m',
  string: 'text',
  path: 'absolute path',
  'string-id': 'one of a list',
  list: 'list: the key is repeated for each value',
  hash: 'KEY=VALUE: the key is repeated for each',
};

/** In a few words, for a line beside the name. */
export function optionType(definition: OptionDefinition): string {
  if (definition.secure) return 'secret';
  if (definition.allow && definition.allow.length > 0) return definition.allow.join(' | ');
  return TYPE_TEXT[definition.type];
}

/**
 * The whole documentation of an option for the release that will read it.
 * @param index its number, where it is written with one: sentences about repoN- then speak of that repository
 */
export function optionText(definition: OptionDefinition, index?: number, target: Release = latestRelease): string {
  const option = definitionAt(definition, target) ?? definition;
  const paragraphs = [numbered(definition.description, option, index)];
  const values = allowed(option).map((it) => numbered(it, option, index));
  if (values.length > 0) paragraphs.push(values.join('\n'));
  const facts = factsOf(option, definition, index, target);
  if (facts.length > 0) paragraphs.push(facts.map((it) => `- ${it}`).join('\n'));
  return paragraphs.join('\n\n');
}

/** A value as it may be shown: `aes-256-cbc`, or for a secret only how long it is. */
export function shownValue(setting: Setting): string {
  if (setting.isOpaque) return 'filled in by somebody else';
  if (holdsSecret(setting.resolved)) {
    return setting.value === '' ? 'empty' : `«secret», ${count(setting.value.length, 'character')}`;
  }
  if (setting.value === '') return 'empty';
  return code(setting.value.length > 80 ? `${setting.value.slice(0, 80)}…` : setting.value);
}

/** Inline code, whatever stands in it. */
export function code(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.includes('`') ? `\`\` ${line} \`\`` : `\`${line}\``;
}

export function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}

function allowed({ allow, values, type, default: fallback }: OptionDefinition): string[] {
  if (!allow || allow.length === 0 || (type === 'boolean' && Object.keys(values).length === 0)) return [];
  return allow.map((it) => {
    const meaning = values[it];
    return `- \`${it}\`${it === fallback ? ' (default)' : ''}${meaning ? `: ${meaning}` : ''}`;
  });
}

function factsOf(
  option: OptionDefinition,
  newest: OptionDefinition,
  index: number | undefined,
  target: Release,
): string[] {
  const facts: string[] = [];
  const range = rangeText(option.range);
  if (!option.allow || option.allow.length === 0) {
    facts.push(`Value: ${TYPE_TEXT[option.type]}${range ? `, ${range}` : ''}`);
  }
  for (const [value, limits] of Object.entries(option.rangeByDepend ?? {})) {
    facts.push(`With ${code(`${keyOf(option.depend?.option ?? '', option, index)}=${value}`)}: ${rangeText(limits)}`);
  }
  const fallback = option.default ?? option.defaultDynamic;
  const isMarked = option.default !== undefined && option.allow?.includes(option.default) && option.type !== 'boolean';
  if (fallback !== undefined && !isMarked) {
    facts.push(`Default: ${option.default === undefined ? fallback : code(fallback)}`);
  }
  for (const [value, byDepend] of Object.entries(option.defaultByDepend ?? {})) {
    facts.push(
      `Default with ${code(`${keyOf(option.depend?.option ?? '', option, index)}=${value}`)}: ${code(byDepend)}`,
    );
  }
  if (option.depend) {
    const key = keyOf(option.depend.option, option, index);
    const list = option.depend.list?.map((it) => code(it)).join(' or ');
    facts.push(`Counts only with ${code(key)}${list ? ` = ${list}` : ''}; otherwise it is dropped without a word`);
  }
  if (option.required && fallback === undefined) facts.push('Needed: without it pgBackRest stops');
  if (option.section === 'stanza') facts.push('Belongs into a stanza’s section, not into `[global]`');
  if (option.secure) facts.push('A secret: never on a command line');
  if (newest.since) facts.push(`Since pgBackRest ${newest.since}`);
  if (definitionAt(newest, target) === undefined) facts.push(`Unknown to pgBackRest ${target}, which is your target`);
  const old = option.deprecated?.map((it) => code(it.name)).join(', ');
  if (old) facts.push(`Old names: ${old}`);
  return facts;
}

function rangeText(range: Range | undefined): string {
  return range ? `${range[0]} to ${range[1]}` : '';
}

/** `repo-type` beside an option of repo2 is repo2-type. */
function keyOf(name: string, beside: OptionDefinition, index: number | undefined): string {
  const group = optionDefinition(name)?.group;
  return group && group === beside.group ? name.replace(group, `${group}${index ?? 'N'}`) : name;
}

/** Descriptions speak of repoN- and pgN-; beside a number they speak of that one. */
function numbered(text: string, { group }: OptionDefinition, index: number | undefined): string {
  return group && index !== undefined ? text.replaceAll(`${group}N-`, `${group}${index}-`) : text;
}
