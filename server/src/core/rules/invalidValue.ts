import { readSettingOf } from '../queries/settingValue.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'invalid-value',
  summary: 'Every value is one that its option takes.',
  why: 'pgBackRest stops with error 32, but only in commands that read the option, and only when the option that it depends on is set: start-fast=yes passes archive-push for months and fails the first backup.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M50', 'M53', 'M54', 'M55', 'M57', 'M58', 'M61', 'M64', 'M86', 'P30', 'P55'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    compress-type=zstd
                  ^^^^ error invalid-value: compress-type takes none, bz2, gz, lz4 or zst, not zstd
    start-fast=yes
               ^^^ error invalid-value: start-fast takes y or n, not yes
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    compress-type=zst
    start-fast=y
  `,
  check(conf, context) {
    for (const { setting, problems, at, replace } of readSettingOf(conf, context)) {
      for (const problem of problems) {
        if (problem.effect !== 'refused') continue;
        if (problem.code === 'empty' || problem.code === 'inline-comment' || problem.code === 'quoted') continue;
        // The page of the cipher type says more.
        if (setting.resolved.name === 'repo-cipher-type' && problem.code === 'not-allowed') continue;
        context.report(at(problem), problem.message, {
          fix:
            problem.replacement === undefined
              ? undefined
              : fix(`Write ${problem.replacement}`, replace(problem, problem.replacement)),
        });
      }
    }
  },
});
