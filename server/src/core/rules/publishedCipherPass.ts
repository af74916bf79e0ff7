import { generatePass, passMark } from '../pgbackrest/generatedPass.ts';
import { passWeakness } from '../pgbackrest/passQuality.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'published-cipher-pass',
  summary: "A cipher pass is nobody else's: not the one that a manual prints.",
  why: "The passphrases of manuals and tutorials are in every attacker's list, however random they look. The backups are as good as unencrypted.",
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M12', 'pains P19', 'pains P46'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=zWaf6XtpjIVZC5444yXB+cgFDFl7MxGlgkZSaoPvTGirhPygu4jOKOXf9LO4vjfO
                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning published-cipher-pass: repo1-cipher-pass is printed in a public manual: anybody can read the repository
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
      if (setting.resolved.name !== 'repo-cipher-pass' || setting.resolved.problem || setting.isOpaque) continue;
      if (passWeakness(setting.value) !== 'published') continue;
      report(setting.valuePlace, `${setting.key} is printed in a public manual: anybody can read the repository`, {
        fix: generatePass(
          'Generate a pass of 48 random bytes (only before the stanza is created)',
          setting.setValue(passMark),
        ),
      });
    }
  },
});
