import { generatePass, passMark } from '../pgbackrest/generatedPass.ts';
import { passWeakness } from '../pgbackrest/passQuality.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'weak-cipher-pass',
  summary: 'A cipher pass comes from a generator, not from a head.',
  why: 'pgBackRest turns the pass into a key with a single round of SHA-1, so that guessing costs nearly nothing: words, names and years are found in hours by whoever has a copy of the bucket. 48 random bytes in base64 cannot be guessed. The pass of an existing repository cannot be changed; a new one needs a new repository.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M12', 'pains P19'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=BackupOfAcme2024
                      ^^^^^^^^^^^^^^^^ warning weak-cipher-pass: repo1-cipher-pass has only 16 characters and can be guessed
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(conf, { report }) {
    if (conf.isExample) return;
    for (const setting of conf.settings) {
      if (setting.resolved.name !== 'repo-cipher-pass' || setting.resolved.problem) continue;
      if (setting.isOpaque || setting.value === '') continue;
      const weakness = passWeakness(setting.value);
      if (weakness !== 'short' && weakness !== 'guessable') continue;
      const length = setting.value.length;
      const message =
        weakness === 'short'
          ? `${setting.key} has only ${length} ${length === 1 ? 'character' : 'characters'} and can be guessed`
          : `${setting.key} is made of words or of too few different characters and can be guessed`;
      report(setting.valuePlace, message, {
        fix: generatePass(
          'Generate a pass of 48 random bytes (only before the stanza is created)',
          setting.setValue(passMark),
        ),
      });
    }
  },
});
