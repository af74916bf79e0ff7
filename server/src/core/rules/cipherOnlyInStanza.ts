import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'cipher-only-in-stanza',
  summary: 'The cipher of a repository stands in [global], where commands without --stanza find it.',
  why: '`pgbackrest info` and most monitoring run without --stanza and read [global] only. They take the repository for an unencrypted one and report errors for it, although the backups are fine.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M13', 'P12', 'pains P16'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
    repo1-cipher-type=aes-256-cbc
    ^^^^^^^^^^^^^^^^^ information cipher-only-in-stanza: without --stanza, nobody knows that repo1 is encrypted
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
  `,
  check(conf, { report, query }) {
    const told = new Set<Setting>();
    for (const { reading, stanza, repository } of repositoriesAround(conf, query)) {
      const type = repository.option('cipher-type');
      if (stanza === undefined || !type || type.value === 'none' || type.scope.stanza !== stanza) continue;
      if (!conf.holds(type) || told.has(type) || reading.hasOpaqueLines) continue;
      const globally = reading.repositories(undefined).find((it) => it.index === repository.index);
      if (globally?.option('cipher-type')) continue;
      told.add(type);
      const message = `without --stanza, nobody knows that ${repository.name} is encrypted`;
      // The operator asks for the state of its backups without a stanza, and then never sees that one succeeded.
      if (reading.cluster) {
        report(type.keyPlace, `${message}: the operator reads it so, and its backups never finish`, {
          severity: 'error',
        });
      } else report(type.keyPlace, message);
    }
  },
});
