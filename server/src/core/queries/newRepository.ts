/** The recipe for another key, cipher or place: the old repository stays as it was, and a new one begins with the new values. */

import type { Edit } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { type Change, lineBehind, lineBreakOf, lineRemoval } from '../pgbackrest/confChange.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { PgbackrestScope } from '../resources/postgresCluster.ts';
import { addEntry, addLinesBefore } from '../yaml/entryEdits.ts';

/** The options of one repository in one section, as they were committed and as they are; by name without index: `repo-path`. */
export interface RepositoryChange {
  index: number;
  before: ReadonlyMap<string, Setting>;
  now: ReadonlyMap<string, Setting>;
}

/** The operators' schemas know repo1 to repo4; pgBackRest itself 256. */
export const largestIndex = { cluster: 4, conf: 256 };

/** The lowest number that no repository has; undefined when all are used. */
export function freeIndex(settings: readonly Setting[], scopes: readonly PgbackrestScope[] = []): number | undefined {
  const used = new Set(settings.map((it) => it.resolved.index));
  for (const scope of scopes) for (const it of scope.repos) used.add(Number(/^repo(\d+)$/.exec(it.name)?.[1]));
  const largest = scopes.length > 0 ? largestIndex.cluster : largestIndex.conf;
  for (let index = 1; index <= largest; index++) if (!used.has(index)) return index;
  return undefined;
}

/** The committed values in place of those that are here. */
export function putBack(change: RepositoryChange, conf: Conf | undefined): Edit[] | undefined {
  const present = [...change.now.values()];
  if (conf) {
    const changes = restoringChanges(change, conf);
    return changes && conf.edits(...changes);
  }
  const edits: Edit[] = [];
  for (const it of present) {
    const old = change.before.get(it.resolved.name);
    if (!old) edits.push(...it.remove());
    else if (old.value !== it.value) edits.push(...it.setValue(old.value));
  }
  for (const old of change.before.values()) {
    if (!change.now.has(old.resolved.name)) edits.push(...(present[0]?.insertAfter(old.key, old.value) ?? []));
  }
  return edits;
}

/**
 * The edits of a conf that give the repository its committed values again and write a new one, in the same section, with the
 * values that are here now.
 */
export function keepAndAdd(conf: Conf, change: RepositoryChange, index: number): Edit[] | undefined {
  const changes = restoringChanges(change, conf);
  const now = [...change.now.values()];
  // The new lines follow one that stays.
  const last = now.findLast((it) => change.before.has(it.resolved.name));
  if (!changes || last?.origin.kind !== 'conf') return undefined;
  const text = conf.text.text;
  const lines = now.map((it) => copiedOption(it, index).join('='));
  const isFragment = !conf.entry ? false : !change.now.has('repo-path');
  if (!change.now.has('repo-path') && !isFragment) lines.unshift(`repo${index}-path=/var/lib/pgbackrest-repo${index}`);
  const behind = lineBehind(text, last.origin.option, lines.join(lineBreakOf(text)));
  return conf.edits(...mergeInsertions([...changes, behind]));
}

/** The same for the manifest of a cluster: the options of `global`, and the repository's own entry in `repos`. */
export function addClusterRepository(
  scope: PgbackrestScope,
  change: RepositoryChange,
  index: number,
): Edit[] | undefined {
  if (!scope.globalNode) return undefined;
  const wanted = [...change.now.values()].map((it): [string, string] => copiedOption(it, index));
  if (!change.now.has('repo-path')) wanted.unshift([`repo${index}-path`, `/pgbackrest/repo${index}`]);
  return declareRepository(scope, { like: change.index, index, options: wanted });
}

/** A copy of a cluster's repository under another number, with these options in `global`; undefined where the text cannot be copied. */
export function declareRepository(
  scope: PgbackrestScope,
  { like, index, options }: { like: number; index: number; options: readonly (readonly [string, string])[] },
): Edit[] | undefined {
  const repo = scope.repos.find((it) => it.name === `repo${like}`);
  const list = scope.node.get('repos');
  if (!repo?.nameNode || !list || list.isFlow) return undefined;
  const part = repo.node.part;
  const last = scope.repos.at(-1)!;
  const written = itemLines(repo.node.place, part.text);
  const named = repo.nameNode.place;
  if (named.start < written.start || named.end > written.end) return undefined;
  const copy = `${part.text.slice(written.start, named.start)}repo${index}${part.text.slice(named.end, written.end)}`;
  const end = itemLines(last.node.place, part.text).end;
  const edits: Edit[] = [{ at: part.place(end, end), newText: `\n${copy.replace(/\s+$/, '')}` }];
  if (options.length === 0) return edits;
  if (!scope.globalNode) {
    const lines = options.map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
    const added = addLinesBefore(scope.node, ['global:', ...lines]);
    return added && [...edits, ...added];
  }
  // Several entries behind the same last one must come as one insertion.
  let text = '';
  let at: Edit | undefined;
  for (const [key, value] of options) {
    const [edit] = addEntry(scope.globalNode, key, JSON.stringify(value)) ?? [];
    if (!edit) return undefined;
    at ??= edit;
    text += edit.newText;
  }
  if (at) edits.push({ at: at.at, newText: text });
  return edits;
}

/** The option for the repository of another number: as it is, but for the folder. */
export function copiedOption(setting: Setting, index: number): [key: string, value: string] {
  return [`repo${index}-${setting.resolved.name.slice('repo-'.length)}`, valueFor(setting, index)];
}

function restoringChanges(change: RepositoryChange, conf: Conf): Change[] | undefined {
  const text = conf.text.text;
  const changes: Change[] = [];
  const present = [...change.now.values()];
  for (const it of present) {
    if (it.origin.kind !== 'conf' || !conf.holds(it)) return undefined;
    const old = change.before.get(it.resolved.name);
    const { option } = it.origin;
    if (!old) changes.push(lineRemoval(text, option));
    else if (old.value !== it.value) {
      changes.push({ start: option.valueStart, end: option.valueEnd, newText: old.value });
    }
  }
  const gone = [...change.before.values()].filter((it) => !change.now.has(it.resolved.name));
  const anchor = present.findLast((it) => change.before.has(it.resolved.name)) ?? present.at(-1);
  if (gone.length > 0) {
    if (anchor?.origin.kind !== 'conf') return undefined;
    const lines = gone.map((it) => `${it.key}=${it.value}`).join(lineBreakOf(text));
    changes.push(lineBehind(text, anchor.origin.option, lines));
  }
  return changes;
}

/** Two insertions at one place become one, in their order. */
function mergeInsertions(changes: readonly Change[]): Change[] {
  const merged: Change[] = [];
  for (const it of changes) {
    const same = merged.find((other) => other.start === it.start && other.end === it.end && it.start === it.end);
    if (same) same.newText += it.newText;
    else merged.push({ ...it });
  }
  return merged;
}

/** Two repositories may not lie in one folder. */
function valueFor({ resolved, value }: Setting, index: number): string {
  if (resolved.name !== 'repo-path') return value;
  const base = value.replace(/\/+$/, '');
  return /repo\d+$/.test(base) ? base.replace(/repo\d+$/, `repo${index}`) : `${base || '/pgbackrest'}-repo${index}`;
}

/** The whole lines of a list item, its dash with them, without the last line break. */
function itemLines({ start, end }: { start: number; end: number }, text: string): { start: number; end: number } {
  const first = text.lastIndexOf('\n', start - 1) + 1;
  let stop = end;
  while (stop > first && /\s/.test(text[stop - 1]!)) stop--;
  const line = text.indexOf('\n', stop);
  return { start: first, end: line < 0 ? text.length : line };
}
