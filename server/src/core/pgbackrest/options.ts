/**
 * What pgBackRest's options are, and which of them a key of a configuration file means. The facts come from
 * schemas/pgbackrest.schema.json (release 2.59.1, with the differences back to 2.45).
 * Values are read in values.ts; what options mean together is for rules.
 */

import * as generated from '../generated/pgbackrestOptions.ts';
import { nearestNames, type Speller, speller } from '../nearest.ts';
import { compareReleases, type Release } from './units.ts';

export type { Release } from './units.ts';
export { compareReleases } from './units.ts';

export type OptionType = 'boolean' | 'integer' | 'size' | 'time' | 'string' | 'path' | 'string-id' | 'list' | 'hash';

/** The option means something only while another one (of the same index) has a value, or one of these values. */
export interface Dependency {
  option: string;
  list?: readonly string[];
}

/** Lowest and highest value, both allowed, as one would write them in the file. */
export type Range = readonly [low: string, high: string];

/** What an option was like before a release; null means that it had none. */
export interface Change {
  before: Release;
  type?: OptionType;
  required?: boolean;
  boolLike?: boolean;
  internal?: boolean;
  beta?: boolean;
  default?: string | null;
  defaultByDepend?: Record<string, string> | null;
  allow?: readonly string[] | null;
  range?: Range | null;
  rangeByDepend?: Record<string, Range> | null;
  depend?: Dependency | null;
}

export interface DeprecatedName {
  name: string;
  /** Whether the old name carries a number: it must, it may (without it means 1), or it must not (and means 1). */
  index: 'required' | 'optional' | 'refused';
}

/** The facts of one option as the schema lists them: what is false, empty or absent there is left out. */
export interface OptionFacts {
  /** Without the index: `repo-path` is written repo1-path. */
  name: string;
  group?: 'repo' | 'pg';
  /** `stanza`: ignored with a warning in global sections. */
  section?: 'stanza';
  type: OptionType;
  /** pgBackRest stops (37) when there is no value although the dependency is met. */
  required?: boolean;
  /** The value is a secret: never on the command line, never in a message of ours. */
  secure?: boolean;
  internal?: boolean;
  /** A list of values that has y and n among them. */
  boolLike?: boolean;
  beta?: boolean;
  /** `--no-OPTION` exists on the command line. */
  negatable?: boolean;
  /** May be written without index, which then is 1. */
  acceptsUnindexed?: boolean;
  default?: string;
  defaultDynamic?: string;
  defaultByDepend?: Record<string, string>;
  allow?: readonly string[];
  /** Values that only some builds know, with the library they need. */
  allowWithLibrary?: Record<string, string>;
  range?: Range;
  rangeByDepend?: Record<string, Range>;
  depend?: Dependency;
  /** The value that holds while the dependency is not met. */
  dependDefault?: string;
  deprecated?: readonly DeprecatedName[];
  /** The first release after 2.45 that has the option. */
  since?: Release;
  /** Newest first. */
  changes?: readonly Change[];
  perCommand?: Record<string, { default?: string; required?: boolean; depend?: Dependency; dependDefault?: string }>;
  /** Commands that took the option before 2.58 and do not any more. */
  formerCommands?: readonly string[];
  /** Commands among those of today that take the option only since 2.55. */
  laterCommands?: readonly string[];
}

/** A row of the generated table. */
export interface OptionRow extends OptionFacts {
  /** Number of the set of commands. */
  commands: number;
  description: string;
  values?: Record<string, string>;
}

export interface OptionDefinition extends OptionFacts {
  /** The key may be repeated: every line adds a value. */
  multi: boolean;
  /** Commands that read the option. */
  commands: readonly string[];
  /** What it does and what bites, in our words. */
  description: string;
  /** What each allowed value means, where that is not plain. */
  values: Readonly<Record<string, string>>;
}

export interface CommandLineOnly {
  name: string;
  negatable?: boolean;
  since?: Release;
}

/** The newest release whose options we know; assumed where no target is given. */
export const latestRelease: Release = generated.release;
export const oldestRelease: Release = generated.oldestRelease;
/** Repositories and clusters are numbered from 1 to this. */
export const indexMax: number = generated.indexMax;

/** What is wrong with a key, by the first thing pgBackRest would stumble over. */
export type KeyProblem =
  | 'unknown'
  | 'too-long'
  | 'starts-with-dash'
  | 'starts-with-number'
  | 'index-out-of-range'
  | 'index-missing'
  | 'index-not-allowed'
  | 'index-required-for-deprecated'
  | 'negated'
  | 'not-negatable'
  | 'reset'
  | 'not-resettable'
  | 'command-line-only';

/** What pgBackRest does about it: stop with error 31, or warn and go on as if the line were not there. */
export const effectOfKeyProblem = {
  unknown: 'ignored',
  'too-long': 'refused',
  'starts-with-dash': 'refused',
  'starts-with-number': 'refused',
  'index-out-of-range': 'refused',
  'index-missing': 'refused',
  'index-not-allowed': 'refused',
  'index-required-for-deprecated': 'refused',
  negated: 'ignored',
  'not-negatable': 'refused',
  reset: 'ignored',
  'not-resettable': 'refused',
  'command-line-only': 'ignored',
} satisfies Record<KeyProblem, 'refused' | 'ignored'>;

export interface Resolved {
  /** The key as it was given. */
  readonly key: string;
  /** The option that is meant; absent for unknown and command-line-only names. */
  readonly definition?: OptionDefinition;
  /** The option's name of today without index, or for an unknown key what is left without prefix and index. */
  readonly name: string;
  /** 1 to 256 for options of a group; 1 where an old spelling leaves it out. */
  readonly index?: number;
  /** An old name is used: pgBackRest accepts it without a word. */
  readonly isDeprecated: boolean;
  /** The name as it is spelt here, without index and prefix. */
  readonly spelling: string;
  /** The full key that pgBackRest takes this one for; two keys with the same one are duplicates. */
  readonly canonical?: string;
  readonly problem?: KeyProblem;
  /** Full keys the author may have meant, the likeliest first; empty for a key without problem. */
  readonly nearest: readonly string[];
}

/** Which option a key of a configuration file means, by pgBackRest's own steps (src/config/parse.c). Never throws. */
export function resolveOption(key: string): Resolved {
  if (utf8Length(key) > generated.nameMax) return unresolved(key, key, 'too-long');
  const prefix = key.startsWith('no-') ? 'no-' : key.startsWith('reset-') ? 'reset-' : '';
  const rest = key.slice(prefix.length);

  const dash = rest.indexOf('-');
  if (dash === 0) return unresolved(key, rest, 'starts-with-dash');
  let digits = dash;
  while (digits > 0 && isDigit(rest.charCodeAt(digits - 1))) digits--;
  if (digits === 0) return unresolved(key, rest, 'starts-with-number');
  const number = digits < dash ? rest.slice(digits, dash) : undefined;
  const index = number === undefined ? undefined : Number(number);
  const spelling = number === undefined ? rest : rest.slice(0, digits) + rest.slice(dash);
  if (index !== undefined && (index < 1 || index > indexMax))
    return unresolved(key, spelling, 'index-out-of-range', index);

  const option = byName.get(spelling);
  const old = option ? undefined : byOldName.get(spelling);
  if (!option && !old) {
    const cli = commandLineOnlyByName.get(spelling);
    if (!cli) return unresolved(key, spelling, 'unknown', index);
    if (index !== undefined) return unresolved(key, spelling, 'index-not-allowed', index);
    if (prefix === 'no-') return unresolved(key, spelling, cli.negatable ? 'negated' : 'not-negatable');
    return unresolved(key, spelling, prefix ? 'not-resettable' : 'command-line-only');
  }
  const definition = option ?? old!.definition;
  return new ResolvedKey(key, {
    definition,
    spelling,
    index: definition.group ? (index ?? 1) : undefined,
    isDeprecated: old !== undefined,
    problem: indexProblem(definition, old?.deprecated, index) ?? prefixProblem(definition, prefix),
  });
}

/** The option of that name, without index: `repo-path`. */
export function optionDefinition(name: string): OptionDefinition | undefined {
  return byName.get(name);
}

/** All options that may stand in a file, in alphabetical order of their names, the indexed ones last. */
export function allOptions(): readonly OptionDefinition[] {
  return definitions;
}

export function optionsOfGroup(group: 'repo' | 'pg'): readonly OptionDefinition[] {
  return definitions.filter((definition) => definition.group === group);
}

/** `repo-path` and 2 give repo2-path; an option without group has no index. */
export function fullName(definition: OptionDefinition, index = 1): string {
  return definition.group
    ? `${definition.group}${index}${definition.name.slice(definition.group.length)}`
    : definition.name;
}

/** Names that pgBackRest takes only on the command line or from the environment. */
export function commandLineOnly(): readonly CommandLineOnly[] {
  return generated.commandLineOnlyOptions;
}

export function isKnownCommand(command: string): boolean {
  return generated.commands.includes(command);
}

export function allCommands(): readonly string[] {
  return generated.commands;
}

/** Whether a command reads the option; in doubt (it did in 2.45) yes. */
export function isReadBy(definition: OptionDefinition, command: string): boolean {
  return definition.commands.includes(command) || (definition.formerCommands?.includes(command) ?? false);
}

/** Whether a command of that release reads the option. */
export function isReadAt(definition: OptionDefinition, command: string, target: Release): boolean {
  if (compareReleases(target, '2.58') < 0 && definition.formerCommands?.includes(command)) return true;
  if (compareReleases(target, '2.55') < 0 && definition.laterCommands?.includes(command)) return false;
  return definition.commands.includes(command);
}

/** The option as a release saw it; undefined if that release had none of this name. */
export function definitionAt(definition: OptionDefinition, target: Release): OptionDefinition | undefined {
  if (definition.since && compareReleases(target, definition.since) < 0) return undefined;
  let at = definition;
  for (const { before, ...was } of definition.changes ?? []) {
    if (compareReleases(target, before) >= 0) continue;
    const entries = Object.entries(was).map(([field, value]) => [field, value ?? undefined]);
    at = { ...at, ...Object.fromEntries(entries) };
  }
  return at;
}

/** A value of this key must not be shown: a secret option, or an unknown key that may be meant for one. */
export function holdsSecret(resolved: Resolved): boolean {
  if (resolved.definition) return resolved.definition.secure === true;
  if (/pass|secret|token|key|credential|account|auth/i.test(resolved.key)) return true;
  return resolved.nearest.some((name) => resolveOption(name).definition?.secure);
}

/** Known commands that a misspelt section name may mean: `bakcup`. */
export function nearestCommands(command: string): string[] {
  return nearestNames(commandSpeller, command.toLowerCase().replaceAll('_', '-'), 3).map(({ name }) => name);
}

class ResolvedKey implements Resolved {
  readonly definition?: OptionDefinition;
  readonly name: string;
  readonly index?: number;
  readonly isDeprecated: boolean;
  readonly spelling: string;
  readonly canonical?: string;
  readonly problem?: KeyProblem;

  constructor(
    readonly key: string,
    of: Pick<Resolved, 'definition' | 'index' | 'isDeprecated' | 'spelling' | 'problem'>,
  ) {
    this.definition = of.definition;
    this.name = of.definition?.name ?? of.spelling;
    this.index = of.index;
    this.isDeprecated = of.isDeprecated;
    this.spelling = of.spelling;
    this.canonical = of.definition && fullName(of.definition, of.index);
    this.problem = of.problem;
  }

  // A search over all names: made only for those who show it.
  get nearest(): readonly string[] {
    if (!this.problem) return [];
    if (this.canonical) return [this.canonical];
    const found = nearestOptions(this.key);
    // `type` and `stanza` are what they are, only in the wrong place; `cipher-pass` was meant for a repository.
    return this.problem === 'command-line-only' ? found.filter(meansEncryption) : found;
  }
}

function unresolved(key: string, spelling: string, problem: KeyProblem, index?: number): Resolved {
  return new ResolvedKey(key, { spelling, problem, index, isDeprecated: false });
}

function indexProblem(
  definition: OptionDefinition,
  old: DeprecatedName | undefined,
  index: number | undefined,
): KeyProblem | undefined {
  if (old) {
    if (index !== undefined && old.index === 'refused') return 'index-not-allowed';
    return index === undefined && old.index === 'required' ? 'index-required-for-deprecated' : undefined;
  }
  if (!definition.group) return index === undefined ? undefined : 'index-not-allowed';
  return index === undefined && !definition.acceptsUnindexed ? 'index-missing' : undefined;
}

function prefixProblem(definition: OptionDefinition, prefix: '' | 'no-' | 'reset-'): KeyProblem | undefined {
  if (prefix === 'reset-') return 'reset';
  if (prefix === 'no-') return definition.negatable ? 'negated' : 'not-negatable';
  return undefined;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

const definitions: readonly OptionDefinition[] = generated.rows.map(({ commands, values, ...facts }) => ({
  ...facts,
  multi: facts.type === 'list' || facts.type === 'hash',
  commands: generated.commandSets[commands]!,
  values: values ?? {},
}));

const byName = new Map(definitions.map((definition) => [definition.name, definition]));

const byOldName = new Map(
  definitions.flatMap((definition) =>
    (definition.deprecated ?? []).map((deprecated) => [deprecated.name, { definition, deprecated }] as const),
  ),
);

const commandLineOnlyByName = new Map(generated.commandLineOnlyOptions.map((option) => [option.name, option]));

const commandSpeller = speller(generated.commands);

/** What authors write for what pgBackRest calls otherwise. */
const otherWords: [RegExp, string][] = [
  [/\b(?:cypher|cihper|chiper|ciphre|encryption|encrypt|encrypted|crypto|crypt)\b/g, 'cipher'],
  [/\bcipher-cipher\b/g, 'cipher'],
  [/\b(?:password|passphrase|passwd|passphase|passcode|pwd)\b/g, 'pass'],
  [/\bcipher-(?:key|secret)\b/g, 'cipher-pass'],
  [/\bcipher-(?:algorithm|algo|method|mode)\b/g, 'cipher-type'],
  [/\b(?:dir|directory|folder)\b/g, 'path'],
  [/\bcompression\b/g, 'compress'],
  [/\b(?:access-key-id|access-key)\b/g, 'key'],
  [/\b(?:secret-access-key|secret-key)\b/g, 'key-secret'],
  [/\bretain\b/g, 'retention'],
];

const nearestCache = new Map<string, readonly string[]>();

/**
 * Full keys that a wrong key may mean: other case, underscores, a missing or misplaced index, a missing `repoN-`,
 * a letter too many or too few. An option that decides about encryption or holds a secret comes before an ordinary one
 * that is as near, since taking it for a typo of something harmless is what leaves backups in clear.
 */
function nearestOptions(key: string): readonly string[] {
  const known = nearestCache.get(key);
  if (known) return known;
  const found = searchOptions(key);
  if (nearestCache.size > 1_000) nearestCache.clear();
  nearestCache.set(key, found);
  return found;
}

function searchOptions(key: string): readonly string[] {
  if (key.length > 2 * generated.nameMax) return [];
  let { stem, index } = plainStem(key);
  for (const [other, word] of otherWords) stem = stem.replace(other, word);
  if (index !== undefined && (index < 1 || index > indexMax)) index = 1;

  const limit = stem.length <= 4 ? 1 : stem.length <= 9 ? 2 : 3;
  const best = new Map<OptionDefinition, number>();
  for (const { name, distance } of nearestNames(nameSpeller(), stem, limit)) {
    for (const { definition, penalty } of meanings.get(name)!) {
      const score = distance + penalty - (decidesAboutEncryption(definition) ? 1 : 0);
      if (score < (best.get(definition) ?? Number.POSITIVE_INFINITY)) best.set(definition, score);
    }
  }
  if (best.size === 0) for (const definition of alike(stem)) best.set(definition, 0);
  const ranked = [...best].sort(([, a], [, b]) => a - b);
  const nearest = ranked.filter(([, score]) => score <= ranked[0]![1] + 1).slice(0, 3);
  return nearest.map(([definition]) => fullName(definition, index)).filter((name) => name !== key);
}

/** `log-level` begins the names of three options; `repo1-compress-type` has an index that the option does not take. */
function alike(stem: string): OptionDefinition[] {
  const ungrouped = byName.get(stem.replace(/^(?:repo|pg)-/, ''));
  if (ungrouped) return [ungrouped];
  if (stem.length < 5) return [];
  const begun = [...meanings.keys()].filter((name) => name.startsWith(`${stem}-`));
  return begun.flatMap((name) => meanings.get(name)!.map(({ definition }) => definition));
}

/** The key as pgBackRest would spell it, cut into the name without index and the index, wherever that stands. */
function plainStem(key: string): { stem: string; index?: number } {
  const plain = key
    .trim()
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .replace(/^pgbackrest-/, '')
    .replace(/^(?:no|reset)-(?=.)/, '')
    .replace(/^(?:repository|repositories|repos)(?=\b|\d)/, 'repo')
    .replace(/^postgres(?:ql)?(?=\d|-\d)/, 'pg');
  const grouped = /^(repo|pg|db)-?(\d{1,3})-?([a-z].*)$/.exec(plain);
  if (grouped) return { stem: `${grouped[1]}-${grouped[3]}`, index: Number(grouped[2]) };
  const numbered = /^([a-z]+)(\d{1,3})-(.+)$/.exec(plain);
  // `s3-bucket` and `tls-cipher-12` keep their numbers.
  if (numbered && numbered[1] !== 's') return { stem: `${numbered[1]}-${numbered[3]}`, index: Number(numbered[2]) };
  return { stem: plain };
}

function decidesAboutEncryption(definition: OptionDefinition): boolean {
  return definition.secure === true || definition.name.startsWith('repo-cipher-');
}

function meansEncryption(key: string): boolean {
  return decidesAboutEncryption(resolveOption(key).definition!);
}

/** Every name one may come near to: today's, the old ones, and today's without its group (`cipher-type`). */
const meanings = new Map<string, { definition: OptionDefinition; penalty: number }[]>();
for (const definition of definitions) {
  mean(definition.name, definition, 0);
  if (definition.group) mean(definition.name.slice(definition.group.length + 1), definition, 0.5);
  for (const { name } of definition.deprecated ?? []) {
    mean(name, definition, 0.25);
    if (name.startsWith('repo-')) mean(name.slice('repo-'.length), definition, 0.75);
  }
}

function mean(name: string, definition: OptionDefinition, penalty: number): void {
  const known = meanings.get(name);
  if (known) known.push({ definition, penalty });
  else meanings.set(name, [{ definition, penalty }]);
}

let names: Speller | undefined;

function nameSpeller(): Speller {
  names ??= speller([...meanings.keys()]);
  return names;
}
