import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'retention-unit',
  summary: 'The number of a retention is meant in the unit that it has.',
  why: 'repoN-retention-full counts backups; with repoN-retention-full-type=time it counts days. Two days with a full backup a week keep one backup, sixty backups of one a day keep two months. Both are taken without a word.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M91'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full-type=time
    repo1-retention-full=2
                         ^ hint retention-unit: with repo1-retention-full-type=time these are days
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full-type=time
    repo1-retention-full=14
  `,
  check(conf, { report }) {
    for (const repository of conf.repositories(conf.stanzas[0])) {
      const full = repository.option('retention-full');
      if (!full || !conf.holds(full) || !/^\d+$/.test(full.value)) continue;
      const isTime = repository.option('retention-full-type')?.value === 'time';
      const count = Number(full.value);
      if (isTime && count <= 3)
        report(full.valuePlace, `with ${repository.name}-retention-full-type=time these are days`);
      else if (!isTime && count >= 60 && count < 1_000) {
        report(
          full.valuePlace,
          `these are backups, not days: for days set ${repository.name}-retention-full-type=time`,
        );
      }
    }
  },
});
