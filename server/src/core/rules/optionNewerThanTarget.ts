import { definitionAt } from '../pgbackrest/options.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'option-newer-than-target',
  summary: 'The configuration uses only what the pgBackRest that reads it knows.',
  why: 'With `--target pgbackrest=…` (or the setting of the same name) the version is known. To an older pgBackRest a newer option is an unknown one: a warning, and its default.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M64'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    page-header-check=n
    ^^^^^^^^^^^^^^^^^ error option-newer-than-target: page-header-check came with pgBackRest 2.46, the target is 2.45
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  badTargets: { pgbackrest: '2.45' },
  check(conf, { report, target }) {
    if (target.pgbackrest === undefined) return;
    for (const setting of conf.settings) {
      const { definition, problem } = setting.resolved;
      if (!definition || problem || definitionAt(definition, target.pgbackrest)) continue;
      report(
        setting.keyPlace,
        `${setting.key} came with pgBackRest ${definition.since}, the target is ${target.pgbackrest}`,
        { fix: fix('Remove the line', setting.remove()) },
      );
    }
  },
});
