import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'expire-by-hand',
  summary: 'Where backups do not expire by themselves, somebody expires them.',
  why: 'With expire-auto=n a backup no longer runs expire at its end: retention has no effect until somebody runs pgbackrest expire, and the repository grows until it is full.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M97'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    expire-auto=n
    ^^^^^^^^^^^ information expire-by-hand: nothing expires until somebody runs pgbackrest expire
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
  `,
  check(options, { report }) {
    for (const it of options.settings) {
      if (it.resolved.canonical === 'expire-auto' && it.value === 'n')
        report(it.keyPlace, 'nothing expires until somebody runs pgbackrest expire');
    }
  },
});
