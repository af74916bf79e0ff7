/** Completion and hover in a `.restorablerc`: its settings, the rules by their ids, severities and versions. */

import { Part } from '../part.ts';
import type { AnyRule } from '../rule.ts';
import type { Path } from '../schema.ts';
import { RULE_SEVERITIES, type RuleSeverity, TARGETS } from '../settings.ts';
import type { Workspace } from '../workspace.ts';
import { parseYaml } from '../yaml/parse.ts';
import type { Completion } from './completion.ts';
import type { Hover } from './hover.ts';
import { colonAfter, columnOf, findMarker, item, MARKER, type MarkedSpot, type Word, wordAt } from './wordAtCursor.ts';

const SETTINGS = {
  ignore:
    'Globs of files that are read but not judged, relative to the folder of this file: `*` stays within one step, `**` spans steps, `{a,b}` chooses. One without a slash fits at any depth.',
  severity: 'How loudly a rule speaks, by its id: `off`, `hint`, `information`, `warning` or `error`.',
  target: 'The versions that the configuration is for. Without them it is judged as the newest would.',
} as const;

type SettingName = keyof typeof SETTINGS;

const SEVERITY_MEANING: Readonly<Record<RuleSeverity, string>> = {
  off: 'The rule says nothing.',
  hint: 'Dots under the place, in no list.',
  information: 'Told, and never a reason to fail.',
  warning: 'Told; `check` fails with `--fail-on warning`.',
  error: 'Told; `check` fails.',
};

const TARGET_MEANING: Readonly<Record<(typeof TARGETS)[number], { text: string; versions: readonly string[] }>> = {
  pgbackrest: {
    text: 'The pgBackRest that reads the configuration: options that it does not know are told.',
    // Releases of the long-lived distributions.
    versions: ['2.45', '2.50', '2.55.1', '2.59.1'],
  },
  stackgres: {
    text: 'The StackGres operator that gets the manifests: fields and methods that it does not know are told.',
    versions: ['1.15', '1.16', '1.17', '1.18'],
  },
};

export function completeSettings(workspace: Workspace, part: Part, offset: number): Completion[] {
  const word = wordAt(part, offset);
  const isAlone = isBlank(part, word);
  if (isAlone) return settingNames(word, []);
  const readings =
    word.isFirst || /[{,]\s*["']?$/.test(part.text.slice(0, word.start)) ? [`${MARKER}: `, MARKER] : [MARKER];
  const found = new Map<string, Completion>();
  for (const marker of readings) {
    if (marker !== MARKER && (colonAfter(word) === '' || word.isQuoted)) continue;
    const text = part.text.slice(0, word.start) + marker + part.text.slice(word.end);
    const { root } = parseYaml(new Part(part.uri, text, part.start, 'yaml')) ?? {};
    const spot = root && findMarker(root);
    for (const it of spot ? itemsAt(workspace, part, spot, word) : [])
      if (!found.has(it.label)) found.set(it.label, it);
  }
  return [...found.values()];
}

function itemsAt(workspace: Workspace, part: Part, { path, parent, isKey }: MarkedSpot, word: Word): Completion[] {
  const present = parent.entries().flatMap((it) => it.key?.text ?? []);
  const [setting] = path;
  const isJson = parent.isFlow;
  if (path.length === 1) return isKey ? settingNames(word, present, isJson) : [];
  if (setting === 'severity' && path.length === 2) {
    return isKey ? ruleNames(workspace, word, present, isJson) : severities(workspace, String(path[1]), word, isJson);
  }
  if (setting === 'target' && path.length === 2) {
    if (isKey) {
      const left = TARGETS.filter((it) => !present.includes(it));
      return left.map((it, rank) =>
        item(it, 'field', word, { rank, documentation: TARGET_MEANING[it].text, newText: key(it, word, isJson) }),
      );
    }
    const target = TARGETS.find((it) => it === path[1]);
    const versions = target ? TARGET_MEANING[target].versions : [];
    // Without quotes 2.50 would be a number, and the same as 2.5.
    return versions.map((it, i) =>
      item(it, 'value', word, { rank: versions.length - i, newText: word.isQuoted ? it : `"${it}"` }),
    );
  }
  if (setting === 'ignore' && path.length === 2 && !isKey) {
    return folders(workspace, part).map((it, rank) =>
      item(it, 'value', word, { rank, newText: word.isQuoted || !isJson ? it : `"${it}"` }),
    );
  }
  return [];
}

function settingNames(word: Word, present: readonly string[], isJson = false): Completion[] {
  const names = (Object.keys(SETTINGS) as SettingName[]).filter((it) => !present.includes(it));
  const indent = ' '.repeat(columnOf(word) + 2);
  return names.map((it, rank) => {
    const below = it === 'ignore' ? `\n${indent}- ` : `\n${indent}`;
    const newText = isJson || word.isQuoted || colonAfter(word) === '' ? key(it, word, isJson) : `${it}:${below}`;
    return item(it, 'field', word, { rank, documentation: SETTINGS[it], newText });
  });
}

function ruleNames(workspace: Workspace, word: Word, present: readonly string[], isJson: boolean): Completion[] {
  return workspace.rules
    .filter((it) => !present.includes(it.id))
    .map((it) =>
      item(it.id, 'name', word, {
        rank: 0,
        detail: `${it.severity} · ${it.product}`,
        documentation: ruleText(it),
        newText: key(it.id, word, isJson),
      }),
    );
}

function severities(workspace: Workspace, id: string, word: Word, isJson: boolean): Completion[] {
  const rule = workspace.rules.find((it) => it.id === id);
  return RULE_SEVERITIES.map((it, rank) =>
    item(it, 'value', word, {
      rank,
      detail: rule?.severity === it ? 'default' : undefined,
      documentation: SEVERITY_MEANING[it],
      // For YAML 1.1 a bare `off` is false; here everybody means the word.
      newText: isJson && !word.isQuoted ? `"${it}"` : it,
    }),
  );
}

/** The folders beside the settings file and below, two steps deep. */
function folders(workspace: Workspace, { uri }: Part): string[] {
  const base = uri.slice(0, uri.lastIndexOf('/') + 1);
  const found = new Set<string>();
  for (const it of workspace.uris) {
    if (!it.startsWith(base)) continue;
    const steps = decodeURIComponent(it.slice(base.length)).split('/').slice(0, -1);
    for (const depth of [1, 2]) if (steps.length >= depth) found.add(`${steps.slice(0, depth).join('/')}/**`);
  }
  return [...found].sort();
}

export function hoverSettings(workspace: Workspace, part: Part, offset: number): Hover | undefined {
  const { root } = parseYaml(part) ?? {};
  const found = root?.at(offset);
  if (!found) return undefined;
  const at = found.isKey ? found.node.keyPlace : found.node.usePlace;
  const text = found.isKey ? keyText(workspace, found.path) : valueText(workspace, found.path, found.node.text);
  return text === undefined ? undefined : { at, text };
}

function keyText(workspace: Workspace, path: Path): string | undefined {
  const [setting, name] = path.map(String);
  if (path.length === 1) return isSetting(setting) ? `**${setting}**\n\n${SETTINGS[setting]}` : undefined;
  if (path.length !== 2) return undefined;
  if (setting === 'severity') {
    const rule = workspace.rules.find((it) => it.id === name);
    return rule && ruleText(rule);
  }
  const target = setting === 'target' ? TARGETS.find((it) => it === name) : undefined;
  return target && `**${target}**\n\n${TARGET_MEANING[target].text}`;
}

function valueText(workspace: Workspace, path: Path, text: string | undefined): string | undefined {
  if (path[0] !== 'severity' || path.length !== 2) return undefined;
  const severity = RULE_SEVERITIES.find((it) => it === text?.toLowerCase());
  if (!severity) return undefined;
  const rule = workspace.rules.find((it) => it.id === path[1]);
  return `**${severity}**: ${SEVERITY_MEANING[severity]}${rule ? `\n\nOtherwise ${rule.id} is told as ${rule.severity}.` : ''}`;
}

function ruleText({ id, severity, product, summary, why }: AnyRule): string {
  return [`**${id}** · ${severity} · ${product}`, summary, why].join('\n\n');
}

function isSetting(name: string | undefined): name is SettingName {
  return name !== undefined && Object.hasOwn(SETTINGS, name);
}

function key(name: string, word: Word, isJson: boolean): string {
  if (word.isQuoted) return name;
  return `${isJson ? `"${name}"` : name}${colonAfter(word)}`;
}

function isBlank(part: Part, word: Word): boolean {
  const rest = part.text.slice(0, word.start) + part.text.slice(word.end);
  return columnOf(word) === 0 && rest.split('\n').every((it) => /^\s*(?:#.*|---.*)?$/.test(it));
}
