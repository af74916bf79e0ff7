import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'delta-in-global',
  summary: 'delta for backups stands in [global:backup].',
  why: 'The same option tells restore to keep what fits in the data directory, and to delete everything there that is not in the backup. In [global] it holds for both commands.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M98'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    delta=y
    ^^^^^ information delta-in-global: this holds for restore too: it deletes what is not in the backup from the data directory
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [global:backup]
    delta=y
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      const { name, problem } = setting.resolved;
      if (name !== 'delta' || problem || setting.value !== 'y' || setting.scope.command !== undefined) continue;
      report(
        setting.keyPlace,
        'this holds for restore too: it deletes what is not in the backup from the data directory',
      );
    }
  },
});
