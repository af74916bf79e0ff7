import { readingsOf } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'default-repository-path',
  summary: 'A repository says where it is.',
  why: 'Without repo1-path pgBackRest uses /var/lib/pgbackrest, on the machine of the database: beside what it is to protect, and on a disk that nobody planned for it.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M83'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-retention-full=2
    ^^^^^^^^^^^^^^^^^^^^ hint default-repository-path: repo1 lies in the default path /var/lib/pgbackrest: say repo1-path
    [main]
    pg1-path=/var/lib/postgresql/15/main
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    [main]
    pg1-path=/var/lib/postgresql/15/main
  `,
  check(conf, { report, query }) {
    if (conf.entry) return;
    for (const reading of readingsOf(conf, query)) {
      if (reading.cluster || !reading.isWhole || reading.mayHoldMore) continue;
      for (const repository of reading.repositories(reading.stanzas[0])) {
        if (repository.option('path') || repository.option('host') || repository.option('type')) continue;
        const first = repository.settings.find((it) => conf.holds(it));
        // cipher-without-repository and ignored-option say more where it is a slip of the pen.
        if (
          !first ||
          repository.index !== 1 ||
          repository.settings.some((it) => /^repo-(?:cipher|s3|azure|gcs|sftp|host)/.test(it.resolved.name))
        )
          continue;
        const key = `${repository.name}-path`;
        report(first.keyPlace, `${repository.name} lies in the default path /var/lib/pgbackrest: say ${key}`, {
          fix: fix(`Add ${key}=/var/lib/pgbackrest`, first.insertAfter(key, '/var/lib/pgbackrest'), { isSafe: true }),
        });
      }
    }
  },
});
