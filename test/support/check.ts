import { expect } from 'vitest';
import type { Finding, Fix } from '../../server/src/core/finding.ts';
import { inFile } from '../../server/src/core/part.ts';
import type { AnyRule, Targets } from '../../server/src/core/rule.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import { examinePending } from '../../server/src/keyExaminer.ts';
import { type MarkedFile, parseMarkup, ROOT, renderMarkup } from './markup.ts';

Workspace.onRuleError = (rule, error) => {
  throw new Error(`rule ${rule} threw`, { cause: error });
};

export interface CheckOptions {
  /** Looks at one rule and forgets the others. */
  only?: string | undefined;
  targets?: Targets | undefined;
  defaultName?: string | undefined;
  /** The committed state, of the files that differ from it. */
  committed?: string | undefined;
  /** The files are those of a commit. */
  isTracked?: boolean | undefined;
  /** The files have these permissions. */
  mode?: number | undefined;
}

/** A workspace of the marked files; marks are left to the caller. */
export function workspaceOf(markup: string, options: CheckOptions & { rules?: readonly AnyRule[] } = {}) {
  const files = parseMarkup(markup, options.defaultName);
  const workspace = new Workspace(options.rules ?? allRules);
  if (options.targets) workspace.setTargets(options.targets);
  for (const it of files) {
    workspace.setFile(it.uri, it.text);
    if (options.isTracked || options.mode !== undefined) {
      workspace.setRecord(it.uri, { isTracked: options.isTracked === true, mode: options.mode });
    }
  }
  if (options.committed) {
    for (const it of parseMarkup(options.committed, options.defaultName)) workspace.setCommitted(it.uri, it.text);
  }
  return { workspace, files };
}

/**
 * All findings must be marked, all marks must be found. `only` looks at one rule and forgets the others.
 * A label is `severity rule: message`; `severity rule` alone leaves the message open.
 */
export function checkDiagnostics(markup: string, options: CheckOptions = {}): void {
  const { workspace, files } = workspaceOf(markup, options);
  const findings = [...workspace.findings().values()].flat().filter((it) => !options.only || it.rule === options.only);
  expect(renderMarkup(found(files, findings))).toBe(renderMarkup(files));
}

/** As `checkDiagnostics`, after the engine has examined every OpenPGP key that a rule asked about. */
export async function checkDiagnosticsAsync(markup: string, options: CheckOptions = {}): Promise<void> {
  const { workspace, files } = workspaceOf(markup, options);
  let all = workspace.findings();
  while (await examinePending(workspace)) all = workspace.findings();
  const findings = [...all.values()].flat().filter((it) => !options.only || it.rule === options.only);
  expect(renderMarkup(found(files, findings))).toBe(renderMarkup(files));
}

function found(files: MarkedFile[], findings: Finding[]) {
  return files.map((file) => ({
    uri: file.uri,
    text: file.text,
    marks: findings
      .map((it) => ({ ...inFile(it.at), finding: it }))
      .filter((it) => it.uri === file.uri)
      .map(({ start, end, finding }) => {
        const short = `${finding.severity} ${finding.rule}`;
        const isOpen = file.marks.some((mark) => mark.start === start && mark.end === end && mark.label === short);
        return { start, end, label: isOpen ? short : `${short}: ${finding.message}` };
      }),
  }));
}

/** Applies the fix whose title holds `title` (of the finding of `rule`) and compares all files; the finding must be gone. */
export function checkFix(
  title: string,
  before: string,
  after: string,
  options: CheckOptions & { rule?: string; stillFound?: boolean } = {},
): void {
  const { workspace } = workspaceOf(before, options);
  const findings = [...workspace.findings().values()].flat().filter((it) => !options.rule || it.rule === options.rule);
  const candidates = findings.flatMap((it) => it.fixes.map((fix) => ({ fix, rule: it.rule })));
  const chosen = candidates.find((it) => it.fix.title.includes(title));
  if (!chosen)
    throw new Error(`no fix '${title}' among: ${candidates.map((it) => it.fix.title).join(' | ') || 'none'}`);
  const count = (rule: string) => [...workspace.findings().values()].flat().filter((it) => it.rule === rule).length;
  const countBefore = count(chosen.rule);
  applyFix(workspace, chosen.fix);
  const expected = parseMarkup(after, options.defaultName);
  expect(Object.fromEntries(workspace.uris.map((it) => [it.slice(ROOT.length), workspace.text(it)]))).toEqual(
    Object.fromEntries(expected.map((it) => [it.uri.slice(ROOT.length), it.text])),
  );
  if (!options.stillFound)
    expect(count(chosen.rule), `${chosen.rule} is still found after its fix`).toBeLessThan(countBefore);
}

/** Applies a fix to the workspace's texts, as an editor would. */
export function applyFix(workspace: Workspace, fix: Fix): void {
  if (fix.newFile) workspace.setFile(fix.newFile.uri, fix.newFile.text);
  const byUri = new Map<string, { start: number; end: number; newText: string }[]>();
  for (const edit of fix.edits) {
    const { uri, start, end } = inFile(edit.at);
    byUri.set(uri, [...(byUri.get(uri) ?? []), { start, end, newText: edit.newText }]);
  }
  for (const [uri, edits] of byUri) {
    let text = workspace.text(uri) ?? '';
    for (const it of edits.toSorted((a, b) => b.start - a.start))
      text = text.slice(0, it.start) + it.newText + text.slice(it.end);
    workspace.setFile(uri, text);
  }
}
