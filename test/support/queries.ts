import { expect } from 'vitest';
import type { Edit, Place } from '../../server/src/core/part.ts';
import { inFile } from '../../server/src/core/part.ts';
import { type Completion, completion, withoutPlaces } from '../../server/src/core/queries/completion.ts';
import { hover } from '../../server/src/core/queries/hover.ts';
import { definition, highlights, references } from '../../server/src/core/queries/mentions.ts';
import { refactorings } from '../../server/src/core/queries/refactorings.ts';
import { prepareRename, rename } from '../../server/src/core/queries/rename.ts';
import type { Workspace } from '../../server/src/core/workspace.ts';
import { workspaceOf } from './check.ts';
import { type MarkedFile, parseMarkup, ROOT, renderMarkup } from './markup.ts';

/** A workspace with a cursor (`$0`) in one of its files. */
export function withCursor(markup: string, defaultName?: string) {
  const { workspace, files } = workspaceOf(markup, { defaultName });
  const file = files.find((it) => it.cursor !== undefined);
  if (!file) throw new Error('the text has no $0');
  // An editor knows the language of a file that holds next to nothing yet.
  if (file.uri.endsWith('.conf')) workspace.setFile(file.uri, file.text, 'conf');
  return { workspace, files, uri: file.uri, offset: file.cursor! };
}

/** From `$0` to the places marked `^^^ here`, and to no others. */
export function checkDefinition(markup: string, defaultName?: string): void {
  const { workspace, files, uri, offset } = withCursor(markup, defaultName);
  checkPlaces(files, definition(workspace, uri, offset));
}

/** As checkDefinition, for all places that name the same thing. */
export function checkReferences(markup: string, defaultName?: string): void {
  const { workspace, files, uri, offset } = withCursor(markup, defaultName);
  checkPlaces(files, references(workspace, uri, offset, { includeDefinitions: true }));
}

export function checkHighlights(markup: string, defaultName?: string): void {
  const { workspace, files, uri, offset } = withCursor(markup, defaultName);
  checkPlaces(
    files,
    highlights(workspace, uri, offset).map((it) => it.at),
  );
}

/** Renames what stands at `$0`; text in, text out, over all files. */
export function checkRename(newName: string, before: string, after: string, defaultName?: string): void {
  const { workspace, uri, offset } = withCursor(before, defaultName);
  expect(prepareRename(workspace, uri, offset)).toBeDefined();
  const result = rename(workspace, uri, offset, newName);
  if ('problem' in result) throw new Error(`refused: ${result.problem}`);
  applyEdits(workspace, result.edits);
  checkTexts(workspace, after, defaultName);
}

/** @param problem a part of the sentence that says why not */
export function checkRenameRefused(newName: string, problem: string, before: string, defaultName?: string): void {
  const { workspace, uri, offset } = withCursor(before, defaultName);
  const result = rename(workspace, uri, offset, newName);
  expect('problem' in result ? result.problem : 'renamed').toContain(problem);
}

/**
 * What is shown at `$0`: the lines must stand in it in this order, as a person reads them; `^^^ here` marks what is lit up.
 * Whole sentences of the documentation are left to the schemas.
 */
export function checkHover(markup: string, ...lines: string[]): void {
  const { workspace, files, uri, offset } = withCursor(markup);
  const found = hover(workspace, uri, offset);
  if (!found) {
    expect(lines, 'nothing is shown').toEqual([]);
    return;
  }
  if (files.some((it) => it.marks.length > 0)) checkPlaces(files, [found.at]);
  const shown = found.text.split('\n');
  let from = 0;
  for (const line of lines) {
    const at = shown.findIndex((it, i) => i >= from && it.includes(line));
    expect(at >= 0 ? line : found.text).toBe(line);
    from = at + 1;
  }
}

/**
 * Accepts the item at `$0` whose label is `label`; text in, text out. Snippets are filled with their own words.
 * The item must be one that an editor shows: what is typed before the cursor begins it, or is in it.
 */
export function checkCompletion(before: string, label: string, after: string, defaultName?: string): void {
  const { workspace, uri, offset } = withCursor(before, defaultName);
  const items = completion(workspace, uri, offset);
  const chosen = items.find((it) => it.label === label);
  if (!chosen) throw new Error(`no ${label} among: ${items.map((it) => it.label).join(' | ') || 'nothing'}`);
  const { start, end } = inFile(chosen.at);
  expect(start).toBeLessThanOrEqual(offset);
  expect(end).toBeGreaterThanOrEqual(offset);
  const text = workspace.text(uri)!;
  expect(text.slice(start, end), 'editors replace within a line').not.toContain('\n');
  const typed = text.slice(start, offset).toLowerCase();
  expect((chosen.filterText ?? chosen.label).toLowerCase()).toContain(typed);
  const newText = chosen.isSnippet ? withoutPlaces(chosen.newText) : chosen.newText;
  applyEdits(workspace, [{ at: chosen.at, newText }, ...(chosen.more ?? [])]);
  checkTexts(workspace, after, defaultName);
}

/** The labels offered at `$0`, the best first; `kind` looks at one kind of item only. */
export function completionLabels(before: string, kind?: Completion['kind'], defaultName?: string): string[] {
  const { workspace, uri, offset } = withCursor(before, defaultName);
  return completion(workspace, uri, offset)
    .filter((it) => kind === undefined || it.kind === kind)
    .toSorted((a, b) => a.rank - b.rank)
    .map((it) => it.label);
}

/** Takes the refactoring at `$0` whose title is `title`; text in, text out, over all files. */
export function checkRefactoring(title: string, before: string, after: string, defaultName?: string): Workspace {
  const { workspace, uri, offset } = withCursor(before, defaultName);
  const all = refactorings(workspace, uri, offset);
  const chosen = all.find((it) => it.title === title);
  if (!chosen) throw new Error(`no '${title}' among: ${all.map((it) => it.title).join(' | ') || 'nothing'}`);
  applyEdits(workspace, chosen.edits);
  if (chosen.newFile) {
    expect(workspace.text(chosen.newFile.uri), 'the new file is there already').toBeUndefined();
    workspace.setFile(chosen.newFile.uri, chosen.newFile.text);
  }
  checkTexts(workspace, after, defaultName);
  return workspace;
}

export function refactoringTitles(before: string, defaultName?: string): string[] {
  const { workspace, uri, offset } = withCursor(before, defaultName);
  return refactorings(workspace, uri, offset).map((it) => it.title);
}

export function checkTexts(workspace: Workspace, after: string, defaultName?: string): void {
  const expected = parseMarkup(after, defaultName);
  expect(Object.fromEntries(workspace.uris.map((it) => [it.slice(ROOT.length), workspace.text(it)]))).toEqual(
    Object.fromEntries(expected.map((it) => [it.uri.slice(ROOT.length), it.text])),
  );
}

/** Applies edits as an editor does: all at once, none overlapping. */
export function applyEdits(workspace: Workspace, edits: readonly Edit[]): void {
  const byUri = new Map<string, { start: number; end: number; newText: string }[]>();
  for (const edit of edits) {
    const { uri, start, end } = inFile(edit.at);
    byUri.set(uri, [...(byUri.get(uri) ?? []), { start, end, newText: edit.newText }]);
  }
  for (const [uri, list] of byUri) {
    let text = workspace.text(uri) ?? '';
    let limit = text.length;
    for (const it of list.toSorted((a, b) => b.start - a.start || b.end - a.end)) {
      expect(it.end, 'edits overlap').toBeLessThanOrEqual(limit);
      limit = it.start;
      text = text.slice(0, it.start) + it.newText + text.slice(it.end);
    }
    workspace.setFile(uri, text);
  }
}

function checkPlaces(files: MarkedFile[], places: readonly Place[]): void {
  const found = files.map((file) => ({
    ...file,
    marks: places
      .map(inFile)
      .filter((it) => it.uri === file.uri)
      .map(({ start, end }) => ({ start, end, label: 'here' })),
  }));
  expect(renderMarkup(found)).toBe(renderMarkup(files));
}
