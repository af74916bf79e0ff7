import { definitionAt } from '../pgbackrest/options.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'option-newer-than-target',
  summary: 'The configuration uses only what the pgBackRest that reads it knows.',
  why: 'With `--target pgbackrest=…` (or the setting of the same name) the version is known. To an older pgBackRest a newer option is an unknown one: a warning, and its default. A beta feature stops it with error 31.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M64', 'pains P32'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo1-bundle=y
    repo1-block=y
    ^^^^^^^^^^^ error option-newer-than-target: repo1-block is a beta feature of pgBackRest 2.45: refused without beta=y
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
    const allowsBeta = conf.settings.some((it) => it.resolved.canonical === 'beta' && it.value === 'y');
    for (const setting of conf.settings) {
      const { definition, problem } = setting.resolved;
      if (!definition || problem) continue;
      const at = definitionAt(definition, target.pgbackrest);
      if (!at) {
        report(
          setting.keyPlace,
          `${setting.key} came with pgBackRest ${definition.since}, the target is ${target.pgbackrest}`,
          { fix: fix('Remove the line', setting.remove()) },
        );
      } else if (at.beta && !definition.beta && setting.value !== 'n' && !allowsBeta) {
        report(
          setting.keyPlace,
          `${setting.key} is a beta feature of pgBackRest ${target.pgbackrest}: refused without beta=y`,
        );
      }
    }
  },
});
