import { describe, expect, test } from 'vitest';
import type { Finding } from '../../server/src/core/finding.ts';
import type { AnyRule } from '../../server/src/core/rule.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import type { Workspace } from '../../server/src/core/workspace.ts';
import { examinePending } from '../../server/src/keyExaminer.ts';
import { applyFix, workspaceOf } from '../support/check.ts';
import { defaultNameOf } from '../support/markup.ts';

const LOUDNESS = ['hint', 'information', 'warning', 'error'] as const;

async function findingsOf(workspace: Workspace): Promise<Finding[]> {
  let found = workspace.findings();
  while (await examinePending(workspace)) found = workspace.findings();
  return [...found.values()].flat();
}

function badOf(rule: AnyRule) {
  const { committed, isTracked, badMode, badTargets } = rule;
  return workspaceOf(rule.bad, {
    committed,
    isTracked,
    mode: badMode,
    targets: badTargets,
    defaultName: defaultNameOf(rule),
  }).workspace;
}

/** What is left for a person, because nobody else can do it: a value to be filled in, an option that only they know. */
const FOLLOWED_BY: Readonly<Record<string, readonly string[]>> = {
  'ignored-option': ['missing-required-option'],
  'plain-wal-under-pg-tde': ['cluster-type-without-pass'],
  'secret-not-here': ['encryption-key-empty'],
  'unexpanded-variable': ['cipher-type-without-pass'],
  'unknown-field': ['encryption-section'],
  'unknown-secret-entry': ['encryption-key-empty'],
};

describe('every fix cures what it is offered for, and brings nothing as bad', () => {
  for (const rule of allRules) {
    test(rule.id, async () => {
      const offered = (await findingsOf(badOf(rule))).filter((it) => it.rule === rule.id);
      for (const [i, { fixes }] of offered.entries()) {
        for (const [k, { title }] of fixes.entries()) {
          const workspace = badOf(rule);
          const before = await findingsOf(workspace);
          const cured = before.filter((it) => it.rule === rule.id)[i]!;
          const fix = cured.fixes[k]!;
          // The editor makes the key and writes it; there is nothing to apply here.
          if (fix.command) continue;
          applyFix(workspace, fix);
          const after = await findingsOf(workspace);
          const count = (all: Finding[]) => all.filter((it) => it.rule === rule.id).length;
          expect(count(after), `still found after: ${title}`).toBeLessThan(count(before));
          const known = new Map<string, number>();
          for (const it of before) known.set(it.rule, (known.get(it.rule) ?? 0) + 1);
          const worse = after.filter((it) => {
            const left = known.get(it.rule) ?? 0;
            known.set(it.rule, left - 1);
            const isNew = left <= 0;
            return isNew && LOUDNESS.indexOf(it.severity) >= LOUDNESS.indexOf(cured.severity);
          });
          const expected = FOLLOWED_BY[rule.id] ?? [];
          expect(
            worse.filter((it) => !expected.includes(it.rule)).map((it) => `${it.severity} ${it.rule}: ${it.message}`),
            `after: ${title}`,
          ).toEqual([]);
        }
      }
    });
  }
});
