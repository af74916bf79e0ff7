import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import { type Refactoring, refactorings } from '../../server/src/core/queries/refactorings.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { Workspace } from '../../server/src/core/workspace.ts';
import { folders } from '../corpus/twins.ts';
import { workspaceOf } from '../support/check.ts';
import { defaultNameOf } from '../support/markup.ts';
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
      const { workspace } = workspaceOf(text, { defaultName: defaultNameOf(rule) });
      return { name: `${rule.id} ${i === 0 ? 'bad' : 'good'}`, files: textsOf(workspace) };
    }),
  ),
  ...folders.map(({ files }, i): Case => ({ name: `folder ${i}`, files: textsOf(workspaceOf(files).workspace) })),
];

function textsOf(workspace: Workspace): Map<string, string> {
  return new Map(workspace.uris.map((it) => [it, workspace.text(it)!]));
}

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
      for (const column of [/\S/.exec(line)?.index ?? 0, line.length >> 1, line.trimEnd().length]) {
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

describe('every refactoring that is offered in the examples of the rules', () => {
  test('can be applied, is gone or has done its work, and brings no mistake', () => {
    const problems: string[] = [];
    const titles = new Set<string>();
    for (const example of cases) {
      const before = loud(opened(example));
      for (const { uri, offset, it } of offered(opened(example))) {
        titles.add(it.title.replace(/repo\d+\S*|(?:a new )?(?:Secret|ConfigMap) .*|\S+\.\S+:/g, '…'));
        const where = `${example.name}, ${it.title}`;
        const workspace = opened(example);
        const same = refactorings(workspace, uri, offset).find((other) => other.title === it.title);
        applyEdits(workspace, same!.edits);
        if (same!.newFile) workspace.setFile(same!.newFile.uri, same!.newFile.text);
        for (const [rule, count] of loud(workspace)) {
          const known = before.get(rule) ?? before.get(OTHERWISE[rule] ?? '') ?? 0;
          if (count <= known || EXPECTED.test(rule)) continue;
          // A copy has the mistakes of what it was copied from.
          if (!it.title.startsWith('Add') || known === 0) problems.push(`${where}: ${rule}`);
        }
        if (it.kind === 'rewrite' && !/^(?:Encode|Decode)/.test(it.title)) continue;
        // Done twice it would do it twice.
        const again = refactorings(workspace, uri, Math.min(offset, workspace.text(uri)!.length));
        if (again.some((other) => other.title === it.title && it.title.startsWith('Move')))
          problems.push(`${where}: again`);
      }
    }
    expect(problems).toEqual([]);
    expect(titles.size).toBeGreaterThan(5);
  });
});
