/**
 * Which sections of a configuration somebody reads. pgBackRest takes any name: what is neither `global` nor begins with
 * `global:` is a stanza, and what matches no --stanza and no command is passed over without a word.
 */

import { isOpaque } from '../opaque.ts';
import type { ConfSection } from './confFile.ts';
import { isKnownCommand, nearestCommands, resolveOption } from './options.ts';
import type { Setting } from './setting.ts';

/** Why nobody reads the section, and the name that was probably meant; undefined where somebody may. */
export interface UnreadSection {
  reason: string;
  /** The name to write instead; absent where we would have to guess. */
  meant?: string;
  /** `[repo1]` or `[pg1]`: what the keys of the section lack in front of them. */
  prefix?: string;
}

export function unreadSection(section: ConfSection): UnreadSection | undefined {
  let judged = known.get(section);
  if (judged === undefined) {
    judged = judge(section) ?? null;
    known.set(section, judged);
  }
  return judged ?? undefined;
}

/** Rules ask for every option of a section. */
const known = new WeakMap<ConfSection, UnreadSection | null>();

function judge(section: ConfSection): UnreadSection | undefined {
  const { name } = section;
  if (name === '' || isOpaque(name)) return undefined;
  const trimmed = name.trim();
  if (trimmed !== name) return { reason: 'the blanks belong to the name', meant: trimmed };
  const [base = '', ...rest] = name.split(':');
  const command = rest.join(':');
  if (base !== 'global' && /^globals?$/i.test(base)) {
    return {
      reason: `pgBackRest takes ${base} for the name of a stanza`,
      meant: rest.length > 0 ? `global:${command}` : 'global',
    };
  }
  if (/^stanza$/i.test(base) && rest.length > 0 && !isKnownCommand(command)) {
    return { reason: 'a stanza is written with its name alone', meant: command.trim() };
  }
  const inverted = rest.length === 1 && isKnownCommand(base) && !isKnownCommand(command);
  if (inverted) return { reason: 'the command comes behind the colon', meant: `${command}:${base}` };
  if (rest.length > 0 && !isKnownCommand(command)) return unknownCommand(base, command);
  if (rest.length > 0 || section.options.length === 0) return undefined;
  const reason = `pgBackRest takes ${base} for the name of a stanza`;
  const prefix = /^(?:repo|pg|db)-?\d+$/i.test(base) ? groupPrefix(section) : undefined;
  if (prefix) return { reason, prefix };
  // A stanza may have any name, but it says where its cluster is.
  if (section.options.some((it) => resolveOption(it.key).definition?.group === 'pg')) return undefined;
  if (isKnownCommand(base)) return { reason, meant: `global:${base}` };
  return THEMES.test(base) ? { reason, meant: 'global' } : undefined;
}

/** What authors call a part of [global]. */
const THEMES =
  /^(?:repo(?:sitory|sitories)?-?\d*|defaults?|general|common|settings|config(?:uration)?|pgbackrest|cipher|encryption|s3|azure|gcs|sftp|retention|compression|logging|log)$/i;

/** The stanzas that have a section, in order; names that nobody can mean as one are left out. */
export function stanzasOf(sections: readonly ConfSection[]): string[] {
  const names = sections
    .filter((it) => it.scope.stanza !== undefined && !unreadSection(it))
    .map((it) => it.scope.stanza!);
  return [...new Set(names)];
}

function unknownCommand(base: string, command: string): UnreadSection {
  const trimmed = command.trim();
  const folded = trimmed.toLowerCase().replaceAll('_', '-');
  const meant = isKnownCommand(folded) ? folded : nearestCommands(trimmed)[0];
  const reason = command === '' ? 'a command is missing behind the colon' : `pgBackRest has no command ${trimmed}`;
  return { reason, meant: command === '' ? base : meant && `${base}:${meant}` };
}

/** `repo1-` when the section's keys lack exactly that; a stanza that happens to be called repo1 holds whole keys. */
function groupPrefix(section: ConfSection): string | undefined {
  const digits = /\d+$/.exec(section.name)?.[0];
  const group = /^repo/i.test(section.name) ? 'repo' : 'pg';
  const prefix = `${group}${digits}-`;
  const isPrefixed = (key: string) => resolveOption(key).definition?.group !== undefined;
  return section.options.length > 0 && section.options.every((it) => !isPrefixed(it.key) || isOldSpelling(it.key))
    ? prefix
    : undefined;
}

/** `retention-full` is an old name of repo1-retention-full, and a short one inside [repo1]. */
function isOldSpelling(key: string): boolean {
  const resolved = resolveOption(key);
  return resolved.isDeprecated && !/\d/.test(key);
}

/** `type=s3` in [repo1]: the section is told as a whole. */
export function isShortForm({ origin }: Pick<Setting, 'origin'>): boolean {
  return origin.kind === 'conf' && unreadSection(origin.option.section)?.prefix !== undefined;
}
