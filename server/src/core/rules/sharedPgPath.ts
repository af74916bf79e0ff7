import type { EffectiveOptions } from '../pgbackrest/effective.ts';
import { readingsOf } from '../queries/confReading.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'shared-pg-path',
  summary: 'Each stanza has a cluster of its own.',
  why: 'pgBackRest does not compare stanzas. The archive_command of a cluster names one of them; the other one gets no WAL, and its backups wait for it until they time out.',
  severity: 'information',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M49'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/main

    [test]
    pg1-path=/var/lib/postgresql/15/main
    ^^^^^^^^ information shared-pg-path: test has the same data directory as demo
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/main
  `,
  check(conf, { report, query, target }) {
    for (const reading of readingsOf(conf, query)) {
      if (reading.hasOpaqueLines || reading.cluster) continue;
      const first = new Map<string, { stanza: string; at: EffectiveOptions }>();
      for (const stanza of reading.stanzas) {
        if (stanza === undefined) continue;
        const at = reading.effective(stanza, target.pgbackrest);
        const path = at.setting('pg1-path');
        if (!path || path.isOpaque || at.setting('pg1-host')?.isOpaque) continue;
        const place = `${at.setting('pg1-host')?.value ?? ''}:${path.value.replace(/(?<=.)\/$/, '')}`;
        const before = first.get(place);
        if (!before) first.set(place, { stanza, at });
        else if (conf.holds(path)) {
          report(path.keyPlace, `${stanza} has the same data directory as ${before.stanza}`, {
            related: [{ at: before.at.setting('pg1-path')!.keyPlace, message: `the cluster of ${before.stanza}` }],
          });
        }
      }
    }
  },
});
