import type { Repository } from '../pgbackrest/repository.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { forStanzas, readingsOf } from '../queries/confReading.ts';
import { repositoryCiphers } from '../queries/repositoryCipher.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'cipher-pass-without-type',
  summary: 'A repository with a cipher pass needs a cipher type, or the pass means nothing.',
  why: 'pgBackRest drops a pass without a type from a file without a word, and the type is none unless it is written: everything is stored in plain text. A type can only be given to a repository before its stanza is created; for a repository that already holds backups, add a new one and let the old expire.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M1', 'M17', 'pains P01'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    ^^^^^^^^^^^^^^^^^ error cipher-pass-without-type: repo1 has a cipher pass but no repo1-cipher-type: it is stored in plain text

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
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
    for (const reading of readingsOf(conf, query)) {
      // A cluster that mounts the conf reports it with the place where the type belongs; of a fragment nobody knows.
      if (reading.cluster || !reading.isWhole || reading.hasOpaqueLines) continue;
      const lacking = new Map<Setting, { repository: Repository; stanzas: (string | undefined)[] }>();
      for (const stanza of reading.stanzas) {
        for (const { repository, type, pass, isTypeTold, isStray, slip } of repositoryCiphers(reading, stanza)) {
          if (!pass || type || !conf.holds(pass) || isStray || slip || isTypeTold) continue;
          if (reading.isInEnvironment(`${repository.name}-cipher-type`)) continue;
          const known = lacking.get(pass);
          if (known) known.stanzas.push(stanza);
          else lacking.set(pass, { repository, stanzas: [stanza] });
        }
      }
      for (const [pass, { repository, stanzas }] of lacking) {
        const key = `${repository.name}-cipher-type`;
        if (repository.option('host')) {
          report(pass.keyPlace, `${repository.name} is on another host: without ${key} the pass is ignored here`, {
            severity: 'warning',
            fix: fix(`Remove ${pass.key}: it belongs on the repository host`, pass.remove()),
          });
          continue;
        }
        const which = forStanzas(stanzas, reading);
        report(
          pass.keyPlace,
          `${repository.name} has a cipher pass but no ${key}${which}: it is stored in plain text`,
          {
            fix: fix(`Add ${key}=aes-256-cbc`, pass.insertAfter(key, 'aes-256-cbc')),
          },
        );
      }
    }
  },
});
