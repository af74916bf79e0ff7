import { readSettingOf } from '../queries/settingValue.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'ignored-time-unit',
  summary: 'Before pgBackRest 2.53 a time is a plain number of seconds.',
  why: 'Up to 2.52.1 whatever follows the number is ignored without a word: 1m means one second, 500ms means five hundred.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M56'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    io-timeout=1m
               ^^ warning ignored-time-unit: pgBackRest before 2.53 ignores the unit: io-timeout means 1 s here
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    io-timeout=60
  `,
  badTargets: { pgbackrest: '2.45' },
  check(conf, context) {
    for (const { problems, at, replace } of readSettingOf(conf, context)) {
      for (const problem of problems) {
        if (problem.code !== 'unit-ignored' || problem.effect !== 'silent') continue;
        context.report(at(problem), problem.message, {
          fix:
            problem.replacement === undefined
              ? undefined
              : fix(`Write ${problem.replacement} seconds`, replace(problem, problem.replacement)),
        });
      }
    }
  },
});
