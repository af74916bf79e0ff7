import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'missing-retention',
  summary: 'Every repository says how many full backups it keeps.',
  why: 'Without repoN-retention-full nothing ever expires: pgBackRest warns in the log of each backup until the disk is full, and then neither backup nor archive-push works. To keep everything on purpose, write 9999999.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M90', 'M94', 'pains P20'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    ^^^^^^^^^^ warning missing-retention: repo1 has no repo1-retention-full: nothing ever expires

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
  `,
  check(conf, { report, query, target }) {
    const told = new Set<Setting>();
    for (const { reading, stanza, repository } of repositoriesAround(conf, query)) {
      if (reading.cluster || !reading.isWhole || reading.hasOpaqueLines) continue;
      const key = `${repository.name}-retention-full`;
      // Retention is the business of the host that has the repository; an index without a place has other rules.
      if (repository.option('host') || !repository.hasLocation) continue;
      if (reading.effective(stanza, target.pgbackrest).has(key)) continue;
      if (reading.isInEnvironment(key) || speaksOfRetention(repository.name)) continue;
      // A misspelt one is told where it stands.
      if (reading.settings.some((it) => it.resolved.problem && it.resolved.nearest.includes(key))) continue;
      const place = ['path', 'type', 's3-bucket', 'azure-container', 'gcs-bucket', 'sftp-host']
        .map((it) => repository.option(it))
        .find((it) => it !== undefined);
      if (!place || !conf.holds(place) || told.has(place)) continue;
      told.add(place);
      const type = repository.option('retention-full-type')?.value;
      report(place.keyPlace, `${repository.name} has no ${key}: nothing ever expires`, {
        severity: reading.mayHoldMore ? 'information' : 'warning',
        fix: fix(
          type === 'time' ? `Keep 30 days: add ${key}=30` : `Keep two full backups: add ${key}=2`,
          place.insertAfter(key, type === 'time' ? '30' : '2'),
        ),
      });
    }

    /** An author who writes about the retention of this repository has thought of it. */
    function speaksOfRetention(name: string): boolean {
      return conf.tree.comments.some((it) => conf.text.text.slice(it.start, it.end).includes(`${name}-retention`));
    }
  },
});
