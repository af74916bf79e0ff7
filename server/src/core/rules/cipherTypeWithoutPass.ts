import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'cipher-type-without-pass',
  summary: 'A repository with a cipher type needs a cipher pass.',
  why: 'Every command that touches the repository stops with error 37. Nothing is archived, and the disk of the database fills up with WAL.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M2'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-cipher-type=aes-256-cbc
    ^^^^^^^^^^^^^^^^^ error cipher-type-without-pass: repo1 has a cipher type but no repo1-cipher-pass
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(conf, { report }) {
    for (const repository of conf.repositories()) {
      const type = repository.option('cipher-type');
      if (!type || type.value === 'none' || type.isOpaque || repository.option('cipher-pass')) continue;
      report(type.keyPlace, `${repository.name} has a cipher type but no ${repository.name}-cipher-pass`);
    }
  },
});
