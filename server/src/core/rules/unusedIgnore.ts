import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'unused-ignore',
  summary: 'A comment that silences a finding has one to silence.',
  why: 'The mistake that it spoke of has been cured, or the comment stands at another line than the finding. Left where it is, it hides the next mistake of the same kind, which nobody has looked at.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Restorable',
  kinds: ['Silences'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    # restorable-ignore missing-retention: a lifecycle rule of the bucket expires the backups
                        ^^^^^^^^^^^^^^^^^ information unused-ignore: there is no missing-retention here to ignore
    repo1-retention-full=2
  `,
  good: fixture`
    [global]
    # restorable-ignore missing-retention: a job of ours expires the backups
    repo1-path=/var/lib/pgbackrest
  `,
  check(silences, { report, ruleIds }) {
    for (const silence of silences.all) {
      for (const { id, at, hidden } of silence.rules) {
        if (hidden > 0 || !ruleIds.includes(id)) continue;
        const where = silence.scope === 'file' ? 'in this file' : 'here';
        report(at, `there is no ${id} ${where} to ignore`, {
          tags: ['unnecessary'],
          fix: fix(silence.rules.length > 1 ? `Do not ignore ${id} here` : 'Remove the comment', silence.remove(id), {
            isSafe: true,
          }),
        });
      }
    }
  },
});
