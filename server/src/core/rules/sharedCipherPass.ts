import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'shared-cipher-pass',
  summary: 'Each repository has a cipher pass of its own.',
  why: 'pgBackRest does not compare them. With one pass for two repositories, whoever learns it from the local one can read the copy in the cloud as well, and both have to be made anew.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M12'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    repo2-path=/mnt/second
    repo2-retention-full=2
    repo2-cipher-type=aes-256-cbc
    repo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    ^^^^^^^^^^^^^^^^^ information shared-cipher-pass: repo2 has the same cipher pass as repo1
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    repo2-path=/mnt/second
    repo2-retention-full=2
    repo2-cipher-type=aes-256-cbc
    repo2-cipher-pass=mZ0vXK4tE8uQ2wYcR6aHs1JpLdNfGb9iOoTk3x5VqUyMWnBjCeSr7FgDlPAhI/z+
  `,
  check(conf, { report, query }) {
    const told = new Set<Setting>();
    for (const { repository, all } of repositoriesAround(conf, query)) {
      const pass = repository.option('cipher-pass');
      if (!pass || pass.isOpaque || pass.value === '' || !conf.holds(pass) || told.has(pass)) continue;
      const same = all.find((it) => it.index < repository.index && it.option('cipher-pass')?.value === pass.value);
      if (!same) continue;
      told.add(pass);
      report(pass.keyPlace, `${repository.name} has the same cipher pass as ${same.name}`, {
        related: [{ at: same.option('cipher-pass')!.keyPlace, message: `the pass of ${same.name}` }],
      });
    }
  },
});
