/** What can be written at a place of a pgbackrest.conf. Offsets are into the conf's own text. */

import type { Conf } from '../pgbackrest/conf.ts';
import { type Scope, scopeOf } from '../pgbackrest/confFile.ts';
import { EffectiveOptions } from '../pgbackrest/effective.ts';
import {
  allCommands,
  allOptions,
  definitionAt,
  fullName,
  indexMax,
  isReadBy,
  type OptionDefinition,
  type Release,
  resolveOption,
} from '../pgbackrest/options.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { Workspace } from '../workspace.ts';
import type { Completion } from './completion.ts';
import { readingsOf } from './confReading.ts';
import { optionText, optionType } from './optionText.ts';
import { encryptedRepositorySnippets } from './snippets.ts';

export type ConfCompletion = Omit<Completion, 'at'> & { start: number; end: number };

/** What is known around a conf when it is written. */
export interface ConfSurroundings {
  /** The options that are read together with it, its own among them. */
  settings: readonly Setting[];
  /** Numbers of the repositories that are spoken of: options, and the `repos` of clusters. */
  repositories: readonly number[];
  stanzas: readonly string[];
  /** The operator says where a repository lies; the conf adds keys and the cipher. */
  isMounted: boolean;
  target: Release | undefined;
}

export function surroundingsOf(conf: Conf, workspace: Workspace): ConfSurroundings {
  const readings = readingsOf(conf, workspace.query());
  const settings = [...new Set(readings.flatMap((it) => it.settings))];
  const declared = readings.flatMap((it) => it.cluster?.scope.repos.map((repo) => repo.name) ?? []);
  const stanzas = readings.flatMap((it) => it.stanzas).filter((it) => it !== undefined);
  return {
    settings,
    repositories: repositoryNumbers(settings, declared),
    stanzas: [...new Set(stanzas)],
    isMounted: readings.some((it) => it.cluster !== undefined),
    target: workspace.targets.pgbackrest,
  };
}

/** In order; of names such as `repo2` and of options that carry a number. */
export function repositoryNumbers(settings: readonly Setting[], names: readonly string[]): number[] {
  const groups = [...settings.map((it) => it.group), ...names];
  const numbers = groups.map((it) => Number(/^repo([0-9]+)$/.exec(it ?? '')?.[1])).filter((it) => it >= 1);
  return [...new Set(numbers)].sort((a, b) => a - b);
}

export function completeConf(text: string, index: number, around: ConfSurroundings): ConfCompletion[] {
  const lineStart = text.lastIndexOf('\n', index - 1) + 1;
  const newline = text.indexOf('\n', index);
  const line = text.slice(lineStart, newline < 0 ? text.length : newline).trimEnd();
  const before = text.slice(lineStart, index);
  const start = lineStart + /^[\uFEFF \t]*/.exec(before)![0].length;
  const typed = text.slice(start, index);
  if (typed.startsWith('#')) return [];
  if (typed.startsWith('[')) {
    const end = Math.max(index, lineStart + line.length);
    return sections(text, around).map((it) => ({ ...it, start, end }));
  }
  const scope = scopeAt(text, lineStart);
  const equals = before.indexOf('=');
  if (equals >= 0) {
    const key = before.slice(0, equals).trim();
    const valueStart = lineStart + equals + 1 + /^[ \t]*/.exec(line.slice(equals + 1))![0].length;
    const end = Math.max(index, lineStart + line.length);
    return valuesOf(key, around).map((it) => ({ ...it, start: Math.min(valueStart, index), end }));
  }
  const word = /^[A-Za-z0-9_-]*/.exec(text.slice(index))![0].length;
  const hasEquals = /^[ \t]*=/.test(text.slice(index + word));
  const end = index + word;
  if (!scope) return sections(text, around).map((it) => ({ ...it, start, end }));
  const taken = keysInSection(text, lineStart);
  const keys = optionsAt({ scope, typed, taken, around }).map((it) => ({
    ...it,
    newText: hasEquals ? it.label : `${it.label}=`,
    start,
    end,
  }));
  if (hasEquals || scope.command !== undefined) return keys;
  const snippets = encryptedRepositorySnippets(around).map((it) => ({ ...it, start, end }));
  return [...keys, ...snippets];
}

/** The options that may stand in a section, as items without text and place. */
export function optionsAt({
  scope,
  typed,
  taken,
  around,
  accepts = () => true,
}: {
  scope: Scope;
  typed: string;
  taken: ReadonlySet<string>;
  around: ConfSurroundings;
  accepts?: (definition: OptionDefinition) => boolean;
}): Omit<ConfCompletion, 'newText' | 'start' | 'end'>[] {
  const numbered = /^(repo|pg)([0-9]+)/.exec(typed);
  const typedNumber = Number(numbered?.[2]);
  const effective = new EffectiveOptions(around.settings, scope.stanza ?? around.stanzas[0], around.target);
  const clusters = [...new Set(around.settings.map((it) => Number(/^pg([0-9]+)$/.exec(it.group ?? '')?.[1])))];
  return allOptions().flatMap((definition) => {
    if (definition.internal || !accepts(definition)) return [];
    if (around.target && !definitionAt(definition, around.target)) return [];
    if (definition.section === 'stanza' && scope.stanza === undefined) return [];
    if (scope.command !== undefined && !isReadBy(definition, scope.command)) return [];
    const numbers =
      definition.group === undefined
        ? [undefined]
        : numbered?.[1] === definition.group && typedNumber >= 1 && typedNumber <= indexMax
          ? [typedNumber]
          : definition.group === 'repo'
            ? around.repositories.length > 0
              ? around.repositories
              : [1]
            : clusters.some((it) => it >= 1)
              ? clusters.filter((it) => it >= 1).sort((a, b) => a - b)
              : [1];
    return numbers.flatMap((number) => {
      const label = fullName(definition, number);
      if (taken.has(label) && !definition.multi) return [];
      return [
        {
          label,
          kind: 'option' as const,
          detail: optionType(definition),
          documentation: optionText(definition, number, around.target),
          isSnippet: false,
          rank: rankOf(definition, number, effective),
        },
      ];
    });
  });
}

/** The values of an option, as items without place. */
export function valuesOf(key: string, around: ConfSurroundings): Omit<ConfCompletion, 'start' | 'end'>[] {
  const { definition, index } = resolveOption(key);
  if (!definition || definition.secure) return [];
  const option = (around.target ? definitionAt(definition, around.target) : undefined) ?? definition;
  const allowed = option.allow ?? (option.type === 'boolean' ? ['y', 'n'] : []);
  const items = allowed.map((value, i) => ({
    label: value,
    kind: 'value' as const,
    detail: value === option.default ? 'default' : undefined,
    documentation: option.values[value]?.replaceAll(`${option.group}N-`, `${option.group}${index ?? 1}-`),
    newText: value,
    isSnippet: false,
    // Who asks for the cipher wants one.
    rank: option.name === 'repo-cipher-type' && value !== 'none' ? -1 : i,
  }));
  if (items.length > 0 || option.default === undefined) return items;
  return [
    {
      label: option.default,
      kind: 'value',
      detail: 'default',
      documentation: optionText(option, index, around.target),
      newText: option.default,
      isSnippet: false,
      rank: 0,
    },
  ];
}

/** What is missing for encryption first, then what a repository cannot do without, last what would be dropped. */
function rankOf(definition: OptionDefinition, number: number | undefined, effective: EffectiveOptions): number {
  const { name } = definition;
  if (number !== undefined && name.startsWith('repo-cipher-')) {
    const type = effective.setting(`repo${number}-cipher-type`);
    const pass = effective.setting(`repo${number}-cipher-pass`);
    if (name === 'repo-cipher-type') return type ? 2 : pass ? 0 : 1;
    return pass ? 2 : type && type.value !== 'none' ? 0 : 2;
  }
  if (effective.unmet(definition, number)) return 4;
  if (definition.required && definition.default === undefined) return 1;
  return definition.beta || definition.deprecated?.some((it) => it.name === name) ? 3 : 2;
}

function sections(text: string, around: ConfSurroundings): Omit<ConfCompletion, 'start' | 'end'>[] {
  const present = new Set([...text.matchAll(/^[ \t]*\[([^\]\n]*)\]/gm)].map((it) => it[1]!));
  const stanzas = around.stanzas.length > 0 ? around.stanzas : ['demo'];
  const section = (name: string, detail: string, rank: number) => ({
    label: `[${name}]`,
    kind: 'section' as const,
    detail,
    newText: `[${name}]`,
    isSnippet: false,
    rank,
  });
  const bases = [section('global', 'options for every stanza', 0)];
  for (const it of stanzas) bases.push(section(it, `options for stanza ${it}`, 1));
  for (const command of ['archive-push', 'archive-get', 'backup', 'restore', ...allCommands()]) {
    const rank = command.startsWith('archive-') || command === 'backup' || command === 'restore' ? 2 : 3;
    bases.push(section(`global:${command}`, `options for ${command} alone`, rank));
  }
  const seen = new Set<string>();
  return bases.filter((it) => {
    if (seen.has(it.label) || present.has(it.label.slice(1, -1))) return false;
    seen.add(it.label);
    return true;
  });
}

/** The section that a line belongs to; undefined above the first header. */
function scopeAt(text: string, lineStart: number): Scope | undefined {
  const headers = [...text.slice(0, lineStart).matchAll(/^[\uFEFF \t]*\[([^\]\n]*)\]/gm)];
  const last = headers.at(-1)?.[1];
  return last === undefined ? undefined : scopeOf(last);
}

/** The full keys of the section's other lines. */
function keysInSection(text: string, lineStart: number): Set<string> {
  const above = text.slice(0, lineStart);
  const sectionStart = Math.max(above.lastIndexOf('\n['), 0);
  const rest = text.indexOf('\n', lineStart);
  const below = rest < 0 ? '' : text.slice(rest).split(/\n[ \t]*\[/)[0]!;
  const keys = new Set<string>();
  for (const it of `${above.slice(sectionStart)}\n${below}`.matchAll(/^[ \t]*([A-Za-z][A-Za-z0-9_-]*)[ \t]*=/gm)) {
    keys.add(resolveOption(it[1]!).canonical ?? it[1]!);
  }
  return keys;
}
