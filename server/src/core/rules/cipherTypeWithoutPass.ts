import { generatePass, passMark } from '../pgbackrest/generatedPass.ts';
import type { Repository } from '../pgbackrest/repository.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { forStanzas, readingsOf } from '../queries/confReading.ts';
import { repositoryCiphers } from '../queries/repositoryCipher.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'cipher-type-without-pass',
  summary: 'A repository with a cipher type needs a cipher pass.',
  why: 'Every command that touches the repository stops with error 37. Nothing is archived, and the disk of the database fills up with WAL. A pass from PGBACKREST_REPO1_CIPHER_PASS or from another file of conf.d is as good as one here; where a comment speaks of that, this is only said as information.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M2', 'M17', 'pains P05'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-cipher-type=aes-256-cbc
    ^^^^^^^^^^^^^^^^^ error cipher-type-without-pass: repo1 has a cipher type but no repo1-cipher-pass
    repo1-retention-full=2
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    repo1-retention-full=2
  `,
  check(conf, { report, query }) {
    for (const reading of readingsOf(conf, query)) {
      // The cluster's own rule judges what its Pods lack.
      if (reading.cluster) continue;
      const lacking = new Map<Setting, { repository: Repository; stanzas: (string | undefined)[] }>();
      for (const stanza of reading.stanzas) {
        for (const { repository, type, pass, isPassTold, slip } of repositoryCiphers(reading, stanza)) {
          if (!type || pass || type.isOpaque || type.value === 'none' || type.value === '') continue;
          if (!conf.holds(type) || slip || isPassTold) continue;
          if (reading.isInEnvironment(`${repository.name}-cipher-pass`)) continue;
          const known = lacking.get(type);
          if (known) known.stanzas.push(stanza);
          else lacking.set(type, { repository, stanzas: [stanza] });
        }
      }
      for (const [type, { repository, stanzas }] of lacking) {
        const key = `${repository.name}-cipher-pass`;
        const isSure = reading.isWhole && !reading.mayHoldMore && !conf.entry;
        report(
          type.keyPlace,
          isSure
            ? `${repository.name} has a cipher type but no ${key}${forStanzas(stanzas, reading)}`
            : `${repository.name} has a cipher type, and ${key} must come from elsewhere`,
          {
            severity: isSure ? 'error' : 'information',
            fix: generatePass(`Generate ${key}`, type.insertAfter(key, passMark)),
          },
        );
      }
    }
  },
});
