import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import { type Refactoring, refactorings } from '../../server/src/core/queries/refactorings.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import { folders } from '../corpus/twins.ts';
import { defaultNameOf, parseMarkup } from '../support/markup.ts';
import { applyEdits } from '../support/queries.ts';

/** What is left for a person: a pass to be made, and how long the backups are kept where the other repository does not say it. */
const EXPECTED = /^(?:empty-value|cipher-type-without-pass|cluster-type-without-pass|missing-retention)$/;
/** One mistake by two names, by the form that it stands in. */
const OTHERWISE: Readonly<Record<string, string>> = { 'section-header': 'folded-conf' };
const LOUD = /^(?:error|warning)$/;

interface Case {
  name: string;
  files: Map<string, string>;
}

const cases: Case[] = [
  ...allRules.flatMap((rule) =>
    [rule.bad, rule.good].map((text, i): Case => {
      const files = parseMarkup(text, defaultNameOf(rule)).map((it): [string, string] => [it.uri, it.text]);
      return { name: `${rule.id} ${i === 0 ? 'bad' : 'good'}`, files: new Map(files) };
    }),
  ),
  ...folders.map(({ files }, i): Case => {
    const all = parseMarkup(files, '/file').map((it): [string, string] => [it.uri, it.text]);
    return { name: `folder ${i}`, files: new Map(all) };
  }),
];

function opened({ files }: Case): Workspace {
  const workspace = new Workspace(allRules);
  for (const [uri, text] of files) workspace.setFile(uri, text);
  return workspace;
}

/** Rules that speak loudly, with how often. */
function loud(workspace: Workspace): Map<string, number> {
  const counts = new Map<string, number>();
  for (const it of [...workspace.findings().values()].flat()) {
    if (LOUD.test(it.severity)) counts.set(it.rule, (counts.get(it.rule) ?? 0) + 1);
  }
  return counts;
}

/** Every refactoring that is offered anywhere, each once, with a place where it is. */
function* offered(workspace: Workspace): Iterable<{ uri: string; offset: number; it: Refactoring }> {
  const seen = new Set<string>();
  for (const uri of workspace.uris) {
    const text = workspace.text(uri)!;
    let offset = 0;
    for (const line of text.split('\n')) {
      for (const column of [/\S/.exec(line)?.index ?? 0, line.trimEnd().length]) {
        for (const it of refactorings(workspace, uri, offset + column)) {
          const id = `${it.title} ${it.edits.map(({ at }) => `${inFile(at).uri} ${inFile(at).start} ${at.end}`).join()}`;
          if (seen.has(id)) continue;
          seen.add(id);
          yield { uri, offset: offset + column, it };
        }
      }
      offset += line.length + 1;
    }
  }
}

/** What went wrong with the refactorings of one example. */
function problemsOf(example: Case): string[] {
  const problems: string[] = [];
  const original = opened(example);
  const all = [...offered(original)];
  if (all.length === 0) return [];
  const before = loud(original);
  for (const { uri, offset, it } of all) {
    const workspace = opened(example);
    const same = refactorings(workspace, uri, offset).find((other) => other.title === it.title);
    applyEdits(workspace, same!.edits);
    if (same!.newFile) workspace.setFile(same!.newFile.uri, same!.newFile.text);
    for (const [rule, count] of loud(workspace)) {
      const known = before.get(rule) ?? before.get(OTHERWISE[rule] ?? '') ?? 0;
      if (count <= known || EXPECTED.test(rule)) continue;
      // A copy has the mistakes of what it was copied from.
      if (!it.title.startsWith('Add') || known === 0) problems.push(`${it.title}: ${rule}`);
    }
    if (!it.title.startsWith('Move')) continue;
    // What has gone cannot go once more.
    const again = refactorings(workspace, uri, Math.min(offset, workspace.text(uri)!.length));
    if (again.some((other) => other.title === it.title)) problems.push(`${it.title}: again`);
  }
  return problems;
}

describe('every refactoring that is offered can be applied, does its work, and brings no mistake', () => {
  test.each(cases)('$name', (example) => {
    expect(problemsOf(example)).toEqual([]);
  });

  test('and the examples offer every kind of them', () => {
    const some = cases.filter((it) => /^(?:secret-in-global|repo-pass-without-type)\b/.test(it.name));
    const offeredTitles = some.flatMap((it) => [...offered(opened(it))].map(({ it: { title } }) => title)).join('\n');
    for (const words of ['Move repo1-cipher-pass into', 'Add an encrypted repository', 'Encode the Secret']) {
      expect(offeredTitles).toContain(words);
    }
  });
});
