import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'ignore-without-reason',
  summary: 'A comment that silences a finding names the rule, and says why it may be silent.',
  why: 'In a year nobody knows whether the finding was looked at or was in the way. The reason stands behind a colon: restorable-ignore RULE: why. Without a rule the comment silences nothing.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Restorable',
  kinds: ['Silences'],
  bad: fixture`
    [global]
    # restorable-ignore missing-retention
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ information ignore-without-reason: say why, behind a colon: missing-retention: …
    repo1-path=/var/lib/pgbackrest
  `,
  good: fixture`
    [global]
    # restorable-ignore missing-retention: a job of ours expires the backups
    repo1-path=/var/lib/pgbackrest
  `,
  check(silences, { report }) {
    for (const { rules, reason, at } of silences.all) {
      const [first] = rules;
      if (!first)
        report(at, 'this names no rule, and silences nothing: write the rule and the reason', { severity: 'warning' });
      else if (reason === '') report(at, `say why, behind a colon: ${first.id}: …`);
    }
  },
});
