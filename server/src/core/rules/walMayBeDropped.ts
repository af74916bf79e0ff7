import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'wal-may-be-dropped',
  summary: 'Whoever limits the queue of archive-push knows what happens beyond the limit.',
  why: 'When more WAL than archive-push-queue-max waits to be archived, pgBackRest tells PostgreSQL that it is archived and drops it. The database goes on, and the archive has a gap: no restore can go beyond it until the next backup.',
  severity: 'hint',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M96'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    archive-push-queue-max=1GiB
    ^^^^^^^^^^^^^^^^^^^^^^ hint wal-may-be-dropped: beyond this limit WAL is dropped, and the archive has a gap
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
  `,
  check(options, { report }) {
    for (const it of options.settings) {
      if (it.resolved.canonical === 'archive-push-queue-max')
        report(it.keyPlace, 'beyond this limit WAL is dropped, and the archive has a gap');
    }
  },
});
