import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'archive-retention',
  summary: 'A retention-archive-type other than full comes with the counts that it needs.',
  why: 'With diff or incr pgBackRest has no default for repoN-retention-archive: it warns in the log and never expires WAL.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M92'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-retention-archive-type=incr
    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning archive-retention: with incr and without repo1-retention-archive, WAL never expires

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
  check(conf, { report, query }) {
    const told = new Set<Setting>();
    for (const { reading, repository } of repositoriesAround(conf, query)) {
      const type = repository.option('retention-archive-type');
      if (reading.cluster || !reading.isWhole || reading.mayHoldMore) continue;
      if (!type || !conf.holds(type) || told.has(type)) continue;
      const { name } = repository;
      const archive = repository.option('retention-archive');
      const diff = repository.option('retention-diff');
      const missing =
        type.value === 'incr' && !archive
          ? `${name}-retention-archive`
          : type.value === 'diff' && !archive && !diff
            ? `${name}-retention-archive or ${name}-retention-diff`
            : undefined;
      if (missing === undefined) continue;
      told.add(type);
      report(type.keyPlace, `with ${type.value} and without ${missing}, WAL never expires`, {
        fix: fix(`Remove ${type.key}: WAL then expires with the full backups`, type.remove()),
      });
    }
  },
});
