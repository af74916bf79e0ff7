import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'cipher-none-with-pass',
  summary: 'A repository whose cipher type is none does not have a cipher pass.',
  why: 'With the type none the pass is dropped without a word and everything is stored in plain text. Whoever sees the pass believes that it protects something.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M3'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=none
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    ^^^^^^^^^^^^^^^^^ error cipher-none-with-pass: repo1-cipher-type is none: the pass has no effect, repo1 is stored in plain text
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=none
  `,
  check(conf, { report, query }) {
    const told = new Set<Setting>();
    for (const { repository } of repositoriesAround(conf, query)) {
      const type = repository.option('cipher-type');
      const pass = repository.option('cipher-pass');
      if (!type || !pass || type.value !== 'none' || !conf.holds(pass) || told.has(pass)) continue;
      told.add(pass);
      report(pass.keyPlace, `${type.key} is none: the pass has no effect, ${repository.name} is stored in plain text`, {
        related: [{ at: type.valuePlace, message: 'none switches encryption off' }],
        fixes: [
          fix('Set the type to aes-256-cbc', type.setValue('aes-256-cbc')),
          fix(`Remove ${pass.key}`, pass.remove()),
        ],
      });
    }
  },
});
