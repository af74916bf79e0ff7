import { readValue } from '../pgbackrest/values.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'unknown-cipher-type',
  summary: 'The cipher type is aes-256-cbc or none, written exactly so.',
  why: 'pgBackRest knows one cipher. Any other word, and the right one in capitals, stops every command that touches the repository with error 32.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M4'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=AES256
                      ^^^^^^ error unknown-cipher-type: repo1-cipher-type takes none or aes-256-cbc, not AES256
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(conf, { report, target }) {
    for (const setting of conf.settings) {
      const { definition, problem } = setting.resolved;
      if (definition?.name !== 'repo-cipher-type' || problem || setting.value === '') continue;
      const { problems } = readValue(definition, setting.value, { key: setting.key, target: target.pgbackrest });
      const wrong = problems.find((it) => it.effect === 'refused' && it.code === 'not-allowed');
      if (!wrong) continue;
      // What was meant to encrypt is not turned into none by a guess.
      const meant =
        wrong.replacement ??
        (/aes|256|cbc|gcm|cipher|crypt|^(?:y|yes|on|true)$/i.test(setting.value) ? 'aes-256-cbc' : undefined);
      report(setting.valuePlace, wrong.message, {
        fix: meant === undefined ? undefined : fix(`Write ${meant}`, setting.setValue(meant)),
      });
    }
  },
});
