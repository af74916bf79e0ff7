import { describe, expect, test } from 'vitest';
import type { Targets } from '../../../server/src/core/rule.ts';
import { allRules } from '../../../server/src/core/rules/all.ts';
import { examinePending } from '../../../server/src/keyExaminer.ts';
import { catalogues, numberName, reasons } from '../../../tools/generate/coveragePage.ts';
import { workspaceOf } from '../../support/check.ts';
import { historyExamples } from './history.ts';
import { operatorExamples } from './operators.ts';
import { painExamples } from './pains.ts';
import { pgbackrestExamples } from './pgbackrest.ts';
import { stackgresExamples } from './stackgres.ts';

/** By number, or `number rule` where a second rule finds another form of it. */
const examples: Record<string, string> = {
  ...pgbackrestExamples,
  ...stackgresExamples,
  ...operatorExamples,
  ...painExamples,
};

async function rulesFor(markup: string, number: string, targets?: Targets, committed?: string): Promise<string[]> {
  const defaultName = number.startsWith('M') ? '/pgbackrest.conf' : '/manifest.yaml';
  const { workspace } = workspaceOf(markup, { defaultName, targets, committed });
  let found = workspace.findings();
  while (await examinePending(workspace)) found = workspace.findings();
  return [...found.values()].flat().map((it) => it.rule);
}

const claims = allRules.flatMap((rule) => (rule.catalogue ?? []).map((number) => ({ rule, number })));

describe('a number of the catalogues that a rule claims is found by it', () => {
  for (const [key, markup] of Object.entries(examples)) {
    const [number = '', second] = /^(pains \S+|\S+)(?: (\S+))?$/.exec(key)?.slice(1) ?? [];
    test(key, async () => {
      const wanted = second ? [second] : claims.filter((it) => it.number === number).map((it) => it.rule.id);
      expect(wanted).not.toEqual([]);
      // Some mistakes are none for the newest release.
      const found = [...(await rulesFor(markup, number)), ...(await rulesFor(markup, number, { pgbackrest: '2.45' }))];
      expect(
        found.filter((it) => wanted.includes(it)),
        `found: ${found.join(', ')}`,
      ).not.toEqual([]);
    });
  }

  for (const [number, { committed, now }] of Object.entries(historyExamples)) {
    test(`${number}, held against a commit`, async () => {
      const wanted = claims.filter((it) => it.number === number).map((it) => it.rule.id);
      const found = await rulesFor(now, number, undefined, committed);
      expect(
        found.filter((it) => wanted.includes(it)),
        `found: ${found.join(', ')}`,
      ).not.toEqual([]);
      expect((await rulesFor(now, number)).filter((it) => wanted.includes(it))).toEqual([]);
    });
  }

  test('each number has an example of its own, or is the one thing that a rule is about', () => {
    const shown = new Set(
      [...Object.keys(examples), ...Object.keys(historyExamples)].map((it) => /^(?:pains )?\S+/.exec(it)![0]),
    );
    const bare = claims.filter(
      ({ rule, number }) => !shown.has(number) && rule.catalogue!.filter((it) => !it.startsWith('pains')).length > 1,
    );
    // A case of a person is shown by the number of the mistake behind it.
    expect(bare.filter((it) => !it.number.startsWith('pains')).map((it) => `${it.number} ${it.rule.id}`)).toEqual([]);
  });
});

test('every number is found, or it is said why not', () => {
  const known = new Set([...claims.map((it) => it.number), ...Object.keys(reasons)]);
  const all = catalogues.flatMap((it) => it.numbers.map((number) => numberName(it, number)));
  expect(all.filter((it) => !known.has(it))).toEqual([]);
  expect(claims.map((it) => it.number).filter((it) => !all.includes(it))).toEqual([]);
});
