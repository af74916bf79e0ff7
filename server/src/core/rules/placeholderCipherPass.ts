import { generatePass, passMark } from '../pgbackrest/generatedPass.ts';
import { passWeakness } from '../pgbackrest/passQuality.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'placeholder-cipher-pass',
  summary: 'A placeholder is replaced before anything is encrypted with it.',
  why: 'pgBackRest takes any text for a passphrase. A placeholder that nobody replaced encrypts the repository with a word that everybody knows, and it cannot be changed later: the repository has to be made anew.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['P17', 'pains P19'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=CHANGE_ME_to_something_secret
                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning placeholder-cipher-pass: repo1-cipher-pass is still a placeholder
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
      if (setting.resolved.name !== 'repo-cipher-pass' || setting.resolved.problem || setting.value === '') continue;
      const isPlaceholder = setting.isOpaque
        ? isForgottenMark(setting.value)
        : passWeakness(setting.value) === 'placeholder';
      if (!isPlaceholder) continue;
      report(setting.valuePlace, `${setting.key} is still a placeholder`, {
        fix: generatePass('Generate a pass of 48 random bytes', setting.setValue(passMark)),
      });
    }
  },
});

/** `<YOUR_KEY>` is for people to replace; `<path:secret#key>` and `<key | base64encode>` are for a vault's plugin. */
function isForgottenMark(value: string): boolean {
  return /^<[A-Za-z][\w -]*>$/.test(value);
}
