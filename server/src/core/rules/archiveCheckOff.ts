import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'archive-check-off',
  summary: 'A backup ends when its WAL is in the archive.',
  why: 'With archive-check=n a backup is called finished although the WAL that makes it consistent may never arrive; without that WAL it cannot be restored. archive-copy has no effect then.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M95'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    archive-check=n
    ^^^^^^^^^^^^^ information archive-check-off: nobody checks that the WAL of a backup arrives; without it the backup is worth nothing
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      if (setting.resolved.name !== 'archive-check' || setting.resolved.problem || setting.value !== 'n') continue;
      report(
        setting.keyPlace,
        'nobody checks that the WAL of a backup arrives; without it the backup is worth nothing',
        { fix: fix('Check: remove the line', setting.remove()) },
      );
    }
  },
});
