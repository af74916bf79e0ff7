import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'negated-option',
  summary: 'no-OPTION and reset-OPTION are for the command line; a file says OPTION=n.',
  why: 'In a file pgBackRest warns and ignores them, so that the option keeps its default; for options that cannot be negated it stops with error 31.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M40'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    no-start-fast=y
    ^^^^^^^^^^^^^ error negated-option: no-start-fast has no meaning in a file: write start-fast=n
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    start-fast=n
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      const { problem, definition, canonical } = setting.resolved;
      if (problem === 'negated' && definition?.type === 'boolean' && canonical) {
        report(setting.keyPlace, `${setting.key} has no meaning in a file: write ${canonical}=n`, {
          fix: fix(
            `Write ${canonical}=n`,
            setting.origin.kind === 'conf' && conf.kind === 'pgbackrest.conf'
              ? conf.edits({
                  start: setting.origin.option.keyStart,
                  end: setting.origin.option.valueEnd,
                  newText: `${canonical}=n`,
                })
              : undefined,
          ),
        });
      } else if (
        problem === 'negated' ||
        problem === 'not-negatable' ||
        problem === 'reset' ||
        problem === 'not-resettable'
      ) {
        report(setting.keyPlace, `${setting.key} has no meaning in a file`, {
          fix: fix('Remove the line', setting.remove()),
        });
      }
    }
  },
});
