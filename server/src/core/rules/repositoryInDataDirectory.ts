import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'repository-in-data-directory',
  summary: 'The repository lies outside of the data directory.',
  why: 'Inside, every backup copies the backups before it, and whatever destroys the data directory (a disk, a restore with --delta) takes the backups with it.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M49'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/postgresql/15/main/backup
    ^^^^^^^^^^ error repository-in-data-directory: repo1 lies inside the data directory of demo
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/main
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/main
  `,
  check(conf, { report, query, target }) {
    const told = new Set<Setting>();
    for (const { reading, stanza, repository } of repositoriesAround(conf, query)) {
      const path = repository.option('path');
      if (reading.cluster || stanza === undefined || !path || path.isOpaque || !conf.holds(path) || told.has(path))
        continue;
      const type = repository.option('type');
      if (repository.option('host') || (type && type.value !== 'posix')) continue;
      const effective = reading.effective(stanza, target.pgbackrest);
      const data = effective.setting('pg1-path');
      if (!data || data.isOpaque || effective.setting('pg1-host') || !data.value.startsWith('/')) continue;
      if (!`${path.value}/`.startsWith(`${data.value.replace(/\/$/, '')}/`)) continue;
      told.add(path);
      report(path.keyPlace, `${repository.name} lies inside the data directory of ${stanza}`, {
        related: [{ at: data.keyPlace, message: `the data directory of ${stanza}` }],
      });
    }
  },
});
