import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'recovery-option-standby-mode',
  summary: 'Since PostgreSQL 12 a standby is restored with --type=standby.',
  why: 'PostgreSQL 12 and later have no standby_mode: pgBackRest refuses the restore with error 31, on the day when it is needed.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M100'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
    recovery-option=standby_mode=on
                    ^^^^^^^^^^^^^^^ warning recovery-option-standby-mode: PostgreSQL 12 and later know no standby_mode: restore refuses it
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      if (setting.resolved.name !== 'recovery-option' || !/^standby[_-]mode\s*=/i.test(setting.value)) continue;
      report(setting.valuePlace, 'PostgreSQL 12 and later know no standby_mode: restore refuses it', {
        fix: fix('Remove the line', setting.remove()),
      });
    }
  },
});
