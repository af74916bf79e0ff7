import { describe, expect, test } from 'vitest';
import type { AnyRule } from '../../server/src/core/rule.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { checkDiagnosticsAsync } from '../support/check.ts';
import { defaultNameOf, parseMarkup } from '../support/markup.ts';

describe('every rule finds what its page calls bad, and nothing in what its page calls good', () => {
  for (const rule of allRules) {
    const defaultName = defaultNameOf(rule);
    test(`${rule.id}: bad`, async () => {
      expect(parseMarkup(rule.bad, defaultName).flatMap((it) => it.marks)).not.toEqual([]);
      await checkDiagnosticsAsync(rule.bad, {
        ...past(rule),
        mode: rule.badMode,
        only: rule.id,
        defaultName,
        targets: rule.badTargets,
      });
    });
    // The good text is seen by all rules: a cure that another rule calls ill is none.
    test(`${rule.id}: good`, () => checkDiagnosticsAsync(rule.good, { ...past(rule), defaultName }));
  }
});

test('rule ids are unique and kebab-case', () => {
  const ids = allRules.map((it) => it.id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$/);
});

function past({ committed, isTracked }: AnyRule) {
  return { committed, isTracked };
}
