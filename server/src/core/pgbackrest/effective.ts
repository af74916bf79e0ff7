/**
 * Which values are in force for one stanza, and which are dropped because the option they depend on says otherwise
 * (facts: src/config/parse.c; what comes from a file with an unmet dependency is dropped without a word).
 */

import {
  definitionAt,
  fullName,
  latestRelease,
  type OptionDefinition,
  optionDefinition,
  type Release,
} from './options.ts';
import type { Setting } from './setting.ts';

/** What an option without effect lacks. */
export interface Unmet {
  /** The option that decides, with its index: `repo1-type`. */
  decider: string;
  /** Its values that would do; undefined = any. */
  list: readonly string[] | undefined;
  /** Its value in force; undefined = it has none. */
  current: string | undefined;
  /** Where that value is written; undefined for a default. */
  setting: Setting | undefined;
}

export class EffectiveOptions {
  readonly #byName = new Map<string, Setting>();
  /** Options that some command section sets: for that command they may have any value. */
  readonly #perCommand = new Set<string>();

  constructor(
    settings: readonly Setting[],
    readonly stanza: string | undefined,
    readonly target: Release = latestRelease,
  ) {
    for (const wanted of stanza === undefined ? [undefined] : [stanza, undefined]) {
      for (const it of settings) {
        const { canonical, problem } = it.resolved;
        if (!canonical || problem || it.scope.stanza !== wanted) continue;
        if (wanted === undefined && it.resolved.definition?.section === 'stanza') continue;
        if (it.scope.command !== undefined) this.#perCommand.add(canonical);
        else if (!this.#byName.has(canonical)) this.#byName.set(canonical, it);
      }
    }
  }

  setting(fullKey: string): Setting | undefined {
    return this.#byName.get(fullKey);
  }

  /** What is written for the option, whether or not it counts. */
  written(name: string, index: number | undefined): string | undefined {
    const definition = this.#definition(name);
    return definition && this.#byName.get(fullName(definition, index))?.value;
  }

  has(fullKey: string): boolean {
    return this.#byName.has(fullKey) || this.#perCommand.has(fullKey);
  }

  /** The value in force: written, or the default; undefined where there is none, or the option is dropped. */
  value(name: string, index: number | undefined): string | undefined {
    const definition = this.#definition(name);
    if (!definition) return undefined;
    if (this.unmet(definition, index)) return definition.dependDefault;
    return this.#byName.get(fullName(definition, index))?.value ?? definition.default;
  }

  /** true where a renderer, or a command section, may give the option another value than the one seen here. */
  isUncertain(name: string, index: number | undefined): boolean {
    const definition = this.#definition(name);
    if (!definition) return true;
    const key = fullName(definition, index);
    return this.#perCommand.has(key) || this.#byName.get(key)?.isOpaque === true;
  }

  /** The nearest cause why an option of this index is dropped; undefined when it counts, or nobody can say. */
  unmet(definition: OptionDefinition, index: number | undefined, depth = 0): Unmet | undefined {
    const depend = definition.depend;
    if (!depend || depth > 5) return undefined;
    const decider = this.#definition(depend.option);
    // `pg-local` and its like exist only between pgBackRest's own processes; `type` and `stanza` on the command line.
    if (!decider || decider.internal) return undefined;
    if (this.isUncertain(decider.name, index)) return undefined;
    const deeper = this.unmet(decider, index, depth + 1);
    if (deeper) return deeper;
    const setting = this.#byName.get(fullName(decider, index));
    const current = setting?.value ?? decider.default;
    // A value that pgBackRest refuses decides nothing.
    if (current !== undefined && decider.allow && !decider.allow.includes(current)) return undefined;
    const isMet = current !== undefined && (depend.list === undefined || depend.list.includes(current));
    return isMet ? undefined : { decider: fullName(decider, index), list: depend.list, current, setting };
  }

  #definition(name: string): OptionDefinition | undefined {
    const definition = optionDefinition(name);
    return definition && (definitionAt(definition, this.target) ?? definition);
  }
}
