import { repositoriesOf } from '../pgbackrest/repository.ts';
import { isShortForm } from '../pgbackrest/sections.ts';
import { settingsAround } from '../queries/confReading.ts';
import { meantCipherKey, meantCipherOption } from '../queries/repositoryCipher.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'misspelt-cipher-option',
  summary: 'The options that switch encryption on are spelt repoN-cipher-type and repoN-cipher-pass.',
  why: 'An unknown option is worth one warning in the log to pgBackRest; then it goes on without. With a misspelt type the repository is stored in plain text, with a misspelt pass every command stops with error 37.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M20', 'P2', 'P3', 'pains P02'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cypher-type=aes-256-cbc
    ^^^^^^^^^^^^^^^^^ error misspelt-cipher-option: pgBackRest has no option repo1-cypher-type: without repo1-cipher-type, repo1 is stored in plain text
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(conf, { report, query }) {
    const settings = settingsAround(conf, query);
    for (const setting of conf.settings) {
      if (!meantCipherOption(setting) || isShortForm(setting)) continue;
      const meant = meantCipherKey(setting, repositoriesOf(settings, setting.scope.stanza))!;
      const repository = meant.slice(0, meant.indexOf('-'));
      const isSet = settings.some((it) => it.resolved.canonical === meant && !it.resolved.problem);
      const effect = meant.endsWith('-type') ? `${repository} is stored in plain text` : `${repository} has no pass`;
      const message = `pgBackRest has no option ${setting.key}`;
      if (isSet) {
        report(setting.keyPlace, `${message}; ${meant} is set already`, {
          fix: fix(`Remove ${setting.key}`, setting.remove()),
        });
        continue;
      }
      report(setting.keyPlace, `${message}: without ${meant}, ${effect}`, {
        fix: fix(`Rename to ${meant}`, setting.rename(meant)),
      });
    }
  },
});
