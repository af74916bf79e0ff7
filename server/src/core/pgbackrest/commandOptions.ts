/**
 * What one command of pgBackRest makes of everything that is written for it: which options are in force and from which
 * line, which lines do nothing and why, and whether the command starts at all. Follows pgBackRest's own steps (facts:
 * src/config/{parse,load}.c); test/interop/confComparison.test.ts compares it with the program.
 *
 * Rules judge a configuration for all its commands at once, and tell more than the program does; see effective.ts for them.
 */

import type { ConfProblem, ConfProblemCode, Scope } from './confFile.ts';
import {
  allOptions,
  compareReleases,
  definitionAt,
  effectOfKeyProblem,
  fullName,
  isReadAt,
  latestRelease,
  type OptionDefinition,
  optionDefinition,
  type Release,
  type Resolved,
} from './options.ts';
import { readValue } from './values.ts';

/** A key with a value, wherever it is written; a `Setting` is one. */
export interface Line {
  key: string;
  resolved: Resolved;
  value: string;
  /** true where a renderer still has to fill the value: it may be anything. */
  isOpaque: boolean;
  scope: Scope;
}

export interface CommandRun<L extends Line> {
  command: string;
  /** As in --stanza. */
  stanza: string | undefined;
  /** What the files hold, in the order in which they are read. */
  lines: readonly L[];
  /** Variables PGBACKREST_*, under the keys of the options: they beat every file. */
  environment?: readonly L[];
  /** Options given as arguments, under their full names: they beat everything. */
  given?: readonly string[];
  target?: Release;
}

/** An option that counts, with the line that gives it; several for a list. */
export interface OptionInForce<L extends Line> {
  /** With its index: `repo1-path`. */
  name: string;
  definition: OptionDefinition;
  lines: readonly [L, ...L[]];
  source: 'environment' | 'file';
}

/** A line that this command does not act upon. */
export interface DroppedLine<L extends Line> {
  line: L;
  reason:
    | { kind: 'unknown' }
    | { kind: 'negated' }
    | { kind: 'command-line-only' }
    | { kind: 'other-command' }
    | { kind: 'stanza-only' }
    | { kind: 'given' }
    /** A stronger place has the option. */
    | { kind: 'overridden'; by: L }
    /** The option it depends on has no value, or another one; `isSet` when a line gives it, not a default. */
    | {
        kind: 'unmet';
        decider: string;
        list: readonly string[] | undefined;
        current: string | undefined;
        isSet: boolean;
      };
  /** pgBackRest warns; otherwise it says nothing. */
  isWarned: boolean;
}

/** Why the command stops, with pgBackRest's error number. */
export interface Refusal<L extends Line> {
  code: 27 | 31 | 32 | 37;
  /** No final dot, and nothing of a secret. */
  message: string;
  line?: L;
  /** For 37: the option that is missing. */
  missing?: string;
}

export interface CommandOptions<L extends Line> {
  inForce: OptionInForce<L>[];
  dropped: DroppedLine<L>[];
  /** In the order in which pgBackRest comes to them: it stops at the first. */
  refusals: Refusal<L>[];
  /** The repositories that the command uses, by the numbers under which they are written. */
  repositories: number[];
  /**
   * A peculiarity of pgBackRest: when of several numbers only one counts, and it is not the first, it goes by number 1 from
   * then on (`repo4` becomes repo1).
   */
  renumbered: { repo?: number; pg?: number };
  /** The value that counts, or the default; undefined where there is none. Without index: `repo-path`, 1. */
  value(name: string, index?: number): string | undefined;
}

export function commandOptions<L extends Line>(run: CommandRun<L>): CommandOptions<L> {
  return new Reader(run).read();
}

/** Error number with which pgBackRest refuses a file whose lines it cannot read; undefined where it takes the line for an unknown key. */
export function syntaxErrorOf({ code, start, end }: ConfProblem, text: string): 29 | 42 | undefined {
  if (code === 'line-too-long') return 42;
  const hasEquals = text.slice(start, end).includes('=');
  return takenForKey.has(code) && hasEquals ? undefined : 29;
}

const takenForKey = new Set<ConfProblemCode>(['foreign-comment', 'wrapped-value']);

/** Commands that run for all stanzas, or for none. */
const withoutStanza = new Set([
  'info',
  'repo-get',
  'repo-ls',
  'repo-put',
  'repo-rm',
  'server',
  'server-ping',
  'start',
  'stop',
  'version',
  'help',
]);

/** true where the command stops without --stanza. */
export function needsStanza(command: string, target: Release = latestRelease): boolean {
  return !withoutStanza.has(command) && !(command === 'check' && compareReleases(target, '2.48') >= 0);
}

interface Found<L extends Line> {
  lines: [L, ...L[]];
  source: 'environment' | 'file';
}

/** One option of one index after its dependency was looked at. */
interface Evaluated {
  /** Absent: it has no value, and decides nothing. */
  value: string | undefined;
  /** A renderer decides. */
  isOpen: boolean;
  /** true where a line gives the value. */
  isWritten: boolean;
}

class Reader<L extends Line> {
  readonly target: Release;
  readonly #inForce: OptionInForce<L>[] = [];
  readonly #dropped: DroppedLine<L>[] = [];
  readonly #refusals: Refusal<L>[] = [];
  readonly #found = new Map<string, Found<L>>();
  readonly #given: ReadonlySet<string>;
  readonly #evaluated = new Map<string, Evaluated>();

  constructor(private readonly run: CommandRun<L>) {
    this.target = run.target ?? latestRelease;
    this.#given = new Set(run.given);
  }

  read(): CommandOptions<L> {
    const { run } = this;
    if (run.stanza === undefined && needsStanza(run.command, this.target)) {
      this.#refuse(37, `${run.command} needs --stanza`, undefined, 'stanza');
    }
    this.#readLayer(run.environment ?? [], 'environment', {});
    const { stanza, command } = run;
    const sections: Scope[] = [{ command }, {}];
    if (stanza !== undefined) sections.unshift({ stanza, command }, { stanza });
    for (const section of sections) {
      const lines = run.lines.filter(
        ({ scope }) => scope.stanza === section.stanza && scope.command === section.command,
      );
      this.#readLayer(lines, 'file', section);
    }
    const indexes = { repo: this.#indexes('repo'), pg: this.#indexes('pg') };
    for (const definition of definitionsFor(run.command, this.target)) {
      const of = definition.group ? indexes[definition.group] : [undefined];
      for (const index of of) this.#evaluate(definition, index);
    }
    const repositories = this.#kept(indexes.repo, 'repo');
    const clusters = this.#kept(indexes.pg, 'pg');
    this.#checkTogether(repositories, clusters);
    const renumbered = (all: readonly number[], kept: readonly number[]) =>
      kept.length === 1 && all.length > 1 && kept[0] !== all[0] && kept[0] !== 1 ? kept[0] : undefined;
    return {
      inForce: this.#inForce,
      dropped: this.#dropped,
      refusals: this.#refusals,
      repositories,
      renumbered: { repo: renumbered(indexes.repo, repositories), pg: renumbered(indexes.pg, clusters) },
      value: (name, index) => this.#value(name, index),
    };
  }

  #readLayer(lines: readonly L[], source: 'environment' | 'file', section: Scope): void {
    const byKey = new Map<string, [L, ...L[]]>();
    for (const it of lines) {
      const same = byKey.get(it.key);
      if (same) same.push(it);
      else byKey.set(it.key, [it]);
    }
    const inSection = new Map<string, L>();
    for (const [key, [line, ...more]] of byKey) {
      const { definition: newest, problem, canonical } = line.resolved;
      const drop = (reason: DroppedLine<L>['reason'], isWarned: boolean) => {
        for (const it of [line, ...more]) this.#dropped.push({ line: it, reason, isWarned });
      };
      if (problem === 'index-out-of-range' && this.#isZeroUnseen(line)) {
        drop({ kind: 'other-command' }, false);
        continue;
      }
      if (problem && effectOfKeyProblem[problem] === 'refused') {
        this.#refuse(31, `${key} is no name of an option`, line);
        continue;
      }
      const definition = newest && definitionAt(newest, this.target);
      if (problem === 'negated' || problem === 'reset') {
        drop({ kind: 'negated' }, true);
        continue;
      }
      if (problem === 'command-line-only') {
        drop({ kind: 'command-line-only' }, source === 'file');
        continue;
      }
      if (!definition || canonical === undefined) {
        drop({ kind: 'unknown' }, true);
        continue;
      }
      if (source === 'file') {
        const twin = inSection.get(canonical);
        if (twin) {
          this.#refuse(31, `${key} and ${twin.key} are the same option`, line);
          continue;
        }
        inSection.set(canonical, line);
      }
      if (!isReadAt(definition, this.run.command, this.target)) {
        drop({ kind: 'other-command' }, section.command !== undefined);
        continue;
      }
      if (definition.section === 'stanza' && source === 'file' && section.stanza === undefined) {
        drop({ kind: 'stanza-only' }, true);
        continue;
      }
      if (source === 'environment' && line.value === '' && !line.isOpaque) {
        this.#refuse(32, `${key} has no value`, line);
        continue;
      }
      if (this.#given.has(canonical)) {
        drop({ kind: 'given' }, false);
        continue;
      }
      const stronger = this.#found.get(canonical);
      if (stronger) {
        drop({ kind: 'overridden', by: stronger.lines[0] }, false);
        continue;
      }
      this.#found.set(canonical, { lines: [line, ...more], source });
      if (more.length > 0 && !definition.multi) this.#refuse(31, `${key} is set ${more.length + 1} times`, line);
      else if (more.length === 0 && line.value === '' && !line.isOpaque) this.#refuse(32, `${key} has no value`, line);
      else if (definition.type === 'boolean' && !line.isOpaque && line.value !== 'y' && line.value !== 'n') {
        this.#refuse(32, `${key} takes y or n`, line);
      }
    }
  }

  /** Before 2.56 nobody looked at an index of 0 until the option was used: pgBackRest crashed then, and only then. */
  #isZeroUnseen({ resolved }: L): boolean {
    if (resolved.index !== 0 || compareReleases(this.target, '2.56') >= 0) return false;
    const newest = optionDefinition(resolved.name);
    const definition = newest && definitionAt(newest, this.target);
    return !definition || !isReadAt(definition, this.run.command, this.target);
  }

  /**
   * The numbers that the command looks at. pg1 always counts, and takes the place of the highest one where it is not
   * written (a peculiarity of pgBackRest: pg2 and pg3 alone mean pg1 and pg2).
   */
  #indexes(group: 'repo' | 'pg'): number[] {
    const written = new Set<number>();
    for (const { lines } of this.#found.values()) {
      const { definition, index } = lines[0].resolved;
      if (definition?.group === group && index !== undefined) written.add(index);
    }
    for (const it of this.#given) {
      const index = new RegExp(`^${group}(\\d+)-`).exec(it)?.[1];
      if (index) written.add(Number(index));
    }
    if (written.size === 0) return [1];
    const sorted = [...written].sort((a, b) => a - b);
    return group === 'pg' ? [1, ...sorted.filter((it) => it !== 1)].slice(0, sorted.length) : sorted;
  }

  /** Numbers under which only options stand that do not count are forgotten. */
  #kept(indexes: readonly number[], group: 'repo' | 'pg'): number[] {
    const used = new Set(
      this.#inForce.filter((it) => it.definition.group === group).map((it) => it.lines[0].resolved.index),
    );
    for (const it of this.#given) {
      const index = new RegExp(`^${group}(\\d+)-`).exec(it)?.[1];
      if (index) used.add(Number(index));
    }
    const kept = indexes.filter((it) => used.has(it));
    return kept.length > 0 ? kept : [1];
  }

  #evaluate(definition: OptionDefinition, index: number | undefined): Evaluated {
    const name = fullName(definition, index);
    let known = this.#evaluated.get(name);
    if (!known) {
      // An option that came to depend on itself would otherwise never end.
      this.#evaluated.set(name, { value: undefined, isOpen: true, isWritten: false });
      known = this.#judge(definition, index, name);
      this.#evaluated.set(name, known);
    }
    return known;
  }

  #judge(definition: OptionDefinition, index: number | undefined, name: string): Evaluated {
    const found = this.#found.get(name);
    const special = definition.perCommand?.[this.run.command];
    const depend = special?.depend ?? definition.depend;
    let isOpen = false;
    if (depend) {
      const decider = this.#decider(depend.option, index);
      const isMet =
        decider.isOpen ||
        (decider.value !== undefined && (depend.list === undefined || depend.list.includes(decider.value)));
      isOpen = decider.isOpen;
      if (!isMet) {
        for (const line of found?.lines ?? []) {
          const reason = {
            kind: 'unmet' as const,
            decider: deciderName(depend.option, index),
            list: depend.list,
            current: decider.value,
            isSet: decider.isWritten,
          };
          this.#dropped.push({ line, reason, isWarned: false });
        }
        return { value: special?.dependDefault ?? definition.dependDefault, isOpen: false, isWritten: false };
      }
    }
    if (found) {
      const [first] = found.lines;
      this.#inForce.push({ name, definition, lines: found.lines, source: found.source });
      // The option that allows the others.
      const isAllowed = definition.name === 'beta' || this.#found.get('beta')?.lines[0].value === 'y';
      if (definition.beta && !isAllowed) this.#refuse(31, `${name} needs --beta in this release`, first);
      // What stands twice was refused already.
      const values = definition.multi || found.lines.length === 1 ? found.lines : [];
      for (const line of values) this.#judgeValue(definition, line, name, index, found.source);
      return { value: first.value, isOpen: isOpen || first.isOpaque, isWritten: true };
    }
    if (this.#given.has(name)) return { value: '', isOpen: true, isWritten: true };
    const value = special?.default ?? this.#defaultOf(definition, index);
    if (value === undefined && !definition.defaultDynamic && !isOpen) {
      if (special?.required ?? definition.required) this.#refuse(37, `${name} is missing`, undefined, name);
    }
    return { value, isOpen, isWritten: false };
  }

  #judgeValue(
    definition: OptionDefinition,
    line: L,
    name: string,
    index: number | undefined,
    source: 'environment' | 'file',
  ): void {
    // Told when the sections were read.
    if (line.isOpaque || definition.type === 'boolean') return;
    if (line.value === '' && (!definition.multi || source === 'file')) {
      if (definition.type === 'hash') this.#refuse(31, `${name} takes KEY=VALUE`, line);
      return;
    }
    const siblings = (sibling: string) => {
      const { value, isOpen } = this.#decider(sibling, index);
      return isOpen ? '' : value;
    };
    // The environment cuts lists and hashes at colons.
    const values = source === 'environment' && definition.multi ? line.value.split(':') : [line.value];
    for (const text of values) {
      const { problems } = readValue(line.resolved.definition!, text, { key: line.key, siblings, target: this.target });
      const problem = problems.find((it) => it.effect === 'refused' && !this.#isToldLater(it.code, definition, index));
      if (problem) this.#refuse(problem.code === 'no-equals' ? 31 : 32, problem.message, line);
    }
  }

  /** What pgBackRest finds out only when it opens the storage, or never for this value of a sibling. */
  #isToldLater(code: string, definition: OptionDefinition, index: number | undefined): boolean {
    if (code === 'not-base64') return true;
    if (code !== 'out-of-range' || !definition.rangeByDepend || !definition.depend) return false;
    const { value, isOpen } = this.#decider(definition.depend.option, index);
    return !isOpen && (value === undefined || !(value in definition.rangeByDepend));
  }

  #decider(name: string, index: number | undefined): Evaluated {
    const commandLine = { value: undefined, isOpen: false, isWritten: false };
    // Options that only the command line has: their defaults.
    if (name === 'stanza') return { ...commandLine, value: this.run.stanza };
    if (name === 'online') return { ...commandLine, value: 'y' };
    const newest = optionDefinition(name);
    const definition = newest && definitionAt(newest, this.target);
    if (!definition) return { ...commandLine, isOpen: newest === undefined };
    if (!isReadAt(definition, this.run.command, this.target)) return commandLine;
    return this.#evaluate(definition, definition.group ? (index ?? 1) : undefined);
  }

  #defaultOf(definition: OptionDefinition, index: number | undefined): string | undefined {
    if (definition.defaultByDepend && definition.depend) {
      const { value } = this.#decider(definition.depend.option, index);
      const own = value === undefined ? undefined : definition.defaultByDepend[value];
      if (own !== undefined) return own;
    }
    return definition.default;
  }

  #value(name: string, index?: number): string | undefined {
    const newest = optionDefinition(name);
    return newest && this.#evaluated.get(fullName(newest, index))?.value;
  }

  #isOpen(name: string, index?: number): boolean {
    const newest = optionDefinition(name);
    return newest !== undefined && this.#evaluated.get(fullName(newest, index))?.isOpen === true;
  }

  /** What pgBackRest compares once it has read everything. */
  #checkTogether(repositories: readonly number[], clusters: readonly number[]): void {
    const places = new Map<string, number>();
    for (const index of repositories) {
      const type = this.#value('repo-type', index);
      const path = this.#value('repo-path', index);
      const isSeen = !this.#isOpen('repo-type', index) && !this.#isOpen('repo-path', index);
      if (!isSeen || this.#value('repo-host', index) !== undefined || !path) continue;
      if (type !== 'posix' && type !== 'cifs') continue;
      const place = `${type} ${path.length > 1 ? path.replace(/\/$/, '') : path}`;
      const twin = places.get(place);
      if (twin === undefined) places.set(place, index);
      else this.#refuse(32, `repo${twin} and repo${index} have the same path`, this.#lineOf('repo-path', index));
    }
    this.#checkTimeouts();
    const remote = (group: string, indexes: readonly number[]) =>
      indexes.find((it) => this.#value(`${group}-host`, it) !== undefined);
    const repoHost = remote('repo', repositories);
    const pgHost = remote('pg', clusters);
    if (repoHost !== undefined && pgHost !== undefined) {
      this.#refuse(27, `repo${repoHost}-host and pg${pgHost}-host are both set`, this.#lineOf('pg-host', pgHost));
    }
    for (const index of repositories) {
      const bucket = this.#value('repo-s3-bucket', index);
      if (!bucket?.includes('.') || this.#isOpen('repo-s3-bucket', index)) continue;
      if (this.#value('repo-storage-verify-tls', index) !== 'y' || this.#isOpen('repo-storage-verify-tls', index))
        continue;
      const isPath = this.#value('repo-s3-uri-style', index) === 'path' || this.#isOpen('repo-s3-uri-style', index);
      if (isPath && compareReleases(this.target, '2.58') >= 0) continue;
      this.#refuse(
        32,
        `repo${index}-s3-bucket has a dot, which TLS does not allow`,
        this.#lineOf('repo-s3-bucket', index),
      );
    }
  }

  #checkTimeouts(): void {
    const read = (name: string) => {
      const newest = optionDefinition(name)!;
      const found = this.#found.get(name);
      if (!found || found.lines[0].isOpaque) return undefined;
      const { value } = readValue(newest, found.lines[0].value, { target: this.target });
      return typeof value === 'number' ? value : undefined;
    };
    const protocol = read('protocol-timeout');
    const database = read('db-timeout');
    if (protocol !== undefined && database !== undefined && protocol <= database) {
      this.#refuse(32, 'protocol-timeout must be greater than db-timeout', this.#lineOf('protocol-timeout'));
    }
  }

  #lineOf(name: string, index?: number): L | undefined {
    return this.#found.get(fullName(optionDefinition(name)!, index))?.lines[0];
  }

  #refuse(code: Refusal<L>['code'], message: string, line?: L, missing?: string): void {
    this.#refusals.push({ code, message, line, missing });
  }
}

/** What a command of a release reads; asked for every stanza of every configuration. */
function definitionsFor(command: string, target: Release): readonly OptionDefinition[] {
  const key = `${command} ${target}`;
  let found = knownDefinitions.get(key);
  if (!found) {
    found = allOptions()
      .map((it) => definitionAt(it, target))
      .filter((it) => it !== undefined)
      .filter((it) => isReadAt(it, command, target));
    knownDefinitions.set(key, found);
  }
  return found;
}

const knownDefinitions = new Map<string, readonly OptionDefinition[]>();

function deciderName(name: string, index: number | undefined): string {
  const definition = optionDefinition(name);
  return definition ? fullName(definition, index) : name;
}
