import type { Severity } from './finding.ts';
import { nearestName } from './nearest.ts';
import type { Part, Place } from './part.ts';
import type { Targets } from './rule.ts';
import type { YamlNode } from './yaml/node.ts';
import { parseYaml } from './yaml/parse.ts';

/** What a workspace wants to have told, and how loudly: from `.restorablerc`, or from the settings of an editor. */
export interface Settings {
  /** Findings in files that match are not told; the files are read all the same. */
  ignore: string[];
  /** By rule. */
  severity: Map<string, RuleSeverity>;
  targets: Targets;
}

export type RuleSeverity = Severity | 'off';

export const RULE_SEVERITIES = ['off', 'hint', 'information', 'warning', 'error'] as const satisfies RuleSeverity[];
export const TARGETS = ['pgbackrest', 'stackgres'] as const satisfies (keyof Targets)[];

export function noSettings(): Settings {
  return { ignore: [], severity: new Map(), targets: {} };
}

/** A `.restorablerc`: settings for the files of its folder and below, in YAML or JSON. */
export class SettingsFile {
  readonly kind = 'Settings' as const;
  readonly settings: Settings = noSettings();
  readonly problems: SettingsProblem[] = [];
  /** The names of rules in `severity`, for somebody who knows which there are. */
  readonly ruleNames: { name: string; at: Place }[] = [];

  constructor(readonly part: Part) {
    this.#read();
  }

  /** With a slash at the end. */
  get folder(): string {
    return this.part.uri.slice(0, this.part.uri.lastIndexOf('/') + 1);
  }

  #read(): void {
    const parsed = parseYaml(this.part);
    if (!parsed) {
      this.#say(this.part.whole, 'these settings cannot be read: write them without placeholders');
      return;
    }
    const { root, errors } = parsed;
    const [error] = errors;
    if (error) this.#say(error.at, `this is neither YAML nor JSON: ${error.message}`);
    if (root.isNull) return;
    if (!root.isMap) {
      if (!error) this.#say(root.place, 'settings are a map with ignore, severity and target');
      return;
    }
    for (const it of root.entries()) {
      const name = it.key?.text ?? '';
      if (name === 'ignore') this.#readIgnore(it);
      else if (name === 'severity') this.#readSeverity(it);
      else if (name === 'target') this.#readTarget(it);
      else if (name !== '$schema') this.#unknown(it, name, ['ignore', 'severity', 'target']);
    }
  }

  #readIgnore(node: YamlNode): void {
    if (node.isNull) return;
    if (!node.isList) {
      this.#say(node.place, 'ignore is a list of globs, e.g. - examples/**');
      return;
    }
    for (const it of node.items()) {
      if (it.type === 'string' && it.text) this.settings.ignore.push(it.text);
      else this.#say(it.place, 'a glob is text, e.g. examples/**');
    }
  }

  #readSeverity(node: YamlNode): void {
    if (node.isNull) return;
    if (!node.isMap) {
      this.#say(node.place, 'severity is a map from rule to severity, e.g. weak-cipher-pass: off');
      return;
    }
    for (const it of node.entries()) {
      const name = it.key?.text ?? '';
      this.ruleNames.push({ name, at: it.keyPlace });
      // `off` without quotes is a boolean for YAML 1.1; everybody means the word.
      const severity = RULE_SEVERITIES.find((known) => known === it.text?.toLowerCase());
      if (severity) this.settings.severity.set(name, severity);
      else this.#choice(it, 'the severity of a rule', RULE_SEVERITIES);
    }
  }

  #readTarget(node: YamlNode): void {
    if (node.isNull) return;
    if (!node.isMap) {
      this.#say(node.place, 'target is a map from product to version, e.g. pgbackrest: "2.45"');
      return;
    }
    for (const it of node.entries()) {
      const name = TARGETS.find((known) => known === it.key?.text);
      if (!name) this.#unknown(it, it.key?.text ?? '', TARGETS);
      else if (/^\d+(?:\.\d+){0,2}$/.test(it.text ?? '')) this.settings.targets[name] = it.text!;
      else
        this.#say(
          it.place,
          `a version is numbers and dots, e.g. ${name}: "${name === 'pgbackrest' ? '2.45' : '1.15'}"`,
        );
    }
  }

  #choice(node: YamlNode, what: string, known: readonly string[]): void {
    const near = nearestName(known, node.text ?? '');
    this.problems.push({ at: node.place, message: `${what} is ${orList(known)}`, replacement: near });
  }

  #unknown(node: YamlNode, name: string, known: readonly string[]): void {
    const near = nearestName(known, name);
    this.problems.push({
      at: node.keyPlace,
      message: `there is no setting ${name}${near ? `; did you mean ${near}?` : `: known are ${orList(known)}`}`,
      replacement: near,
    });
  }

  #say(at: Place, message: string): void {
    this.problems.push({ at, message, replacement: undefined });
  }
}

export interface SettingsProblem {
  at: Place;
  message: string;
  /** What is meant most probably, to be written at the place. */
  replacement: string | undefined;
}

/** What a settings file is called, the first that is there counts. */
export const SETTINGS_NAMES = ['.restorablerc', '.restorablerc.yaml', '.restorablerc.yml', '.restorablerc.json'];

export function isSettingsFile(uri: string): boolean {
  return /\/\.restorablerc(?:\.ya?ml|\.json)?$/.test(uri);
}

function orList(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
