import { nearestName } from '../nearest.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'unknown-rule',
  summary: 'A rule that a comment or a settings file names is one that there is.',
  why: 'Nothing is silenced under a name that no rule has, and nothing gets another severity: what was meant to be quiet goes on being told, or what was meant to stop the build does not.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Restorable',
  kinds: ['Silences', 'Settings'],
  bad: fixture`
    [global]
    # restorable-ignore mising-retention: a job of ours expires the backups
                        ^^^^^^^^^^^^^^^^ warning unknown-rule: there is no rule mising-retention; did you mean missing-retention?
    repo1-path=/var/lib/pgbackrest
  `,
  good: fixture`
    [global]
    # restorable-ignore missing-retention: a job of ours expires the backups
    repo1-path=/var/lib/pgbackrest
  `,
  check(subject, { report, ruleIds }) {
    const named =
      subject.kind === 'Settings'
        ? subject.ruleNames
        : subject.all.flatMap((it) => it.rules.map(({ id, at }) => ({ name: id, at })));
    for (const { name, at } of named) {
      if (ruleIds.includes(name)) continue;
      const near = nearestName(ruleIds, name);
      report(at, `there is no rule ${name}${near ? `; did you mean ${near}?` : ''}`, {
        fix: near ? fix(`Change to ${near}`, [{ at, newText: near }]) : undefined,
      });
    }
  },
});
