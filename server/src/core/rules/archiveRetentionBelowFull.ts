import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'archive-retention-below-full',
  summary: 'WAL is kept for as many full backups as there are.',
  why: 'For backups older than repoN-retention-archive only the WAL that they need to become consistent is kept: they restore to the moment of their end, and to no other point in time.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M93'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=4
    repo1-retention-archive=2
    ^^^^^^^^^^^^^^^^^^^^^^^ information archive-retention-below-full: of the 4 full backups of repo1, only the latest 2 can be restored to a point in time
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=4
    repo1-retention-archive=4
  `,
  check(conf, { report, query }) {
    const told = new Set<Setting>();
    for (const { repository } of repositoriesAround(conf, query)) {
      const full = repository.option('retention-full');
      const archive = repository.option('retention-archive');
      const isCounted =
        (repository.option('retention-full-type')?.value ?? 'count') === 'count' &&
        (repository.option('retention-archive-type')?.value ?? 'full') === 'full';
      if (!full || !archive || !isCounted || !conf.holds(archive) || told.has(archive)) continue;
      const [kept, withWal] = [Number(full.value), Number(archive.value)];
      if (!(withWal >= 1 && withWal < kept)) continue;
      told.add(archive);
      report(
        archive.keyPlace,
        `of the ${kept} full backups of ${repository.name}, only the latest ${withWal} can be restored to a point in time`,
        { related: [{ at: full.keyPlace, message: `${kept} full backups are kept` }] },
      );
    }
  },
});
