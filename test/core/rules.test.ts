import { describe, expect, test } from 'vitest';
import { allRules } from '../../server/src/core/rules/all.ts';
import { checkDiagnosticsAsync } from '../support/check.ts';
import { parseMarkup } from '../support/markup.ts';

describe('every rule finds what its page calls bad, and nothing in what its page calls good', () => {
  for (const rule of allRules) {
    const defaultName = rule.kinds.includes('pgbackrest.conf') ? '/pgbackrest.conf' : '/manifest.yaml';
    test(`${rule.id}: bad`, async () => {
      expect(parseMarkup(rule.bad, defaultName).flatMap((it) => it.marks)).not.toEqual([]);
      await checkDiagnosticsAsync(rule.bad, { only: rule.id, defaultName, targets: rule.badTargets });
    });
    // The good text is seen by all rules: a cure that another rule calls ill is none.
    test(`${rule.id}: good`, () => checkDiagnosticsAsync(rule.good, { defaultName }));
  }
});

test('rule ids are unique and kebab-case', () => {
  const ids = allRules.map((it) => it.id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$/);
});
