import { resolveOption } from '../pgbackrest/options.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'secret-on-command-line',
  summary: 'pgBackRest gets its secrets from a file or from variables, not as arguments.',
  why: 'pgBackRest refuses a pass or key on its command line (error 31), so that no list of processes shows it. In an archive_command that means that no WAL file is archived any more, until the disk of the database is full. The pass belongs into pgbackrest.conf, a file of conf.d, or a variable such as PGBACKREST_REPO1_CIPHER_PASS.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['M16', 'pains P13'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    pgbackrest --stanza=main --repo1-cipher-pass=it-was-written-down-somewhere backup
                             ^^^^^^^^^^^^^^^^^^^ error secret-on-command-line: pgBackRest refuses --repo1-cipher-pass as an argument: it belongs into pgbackrest.conf or PGBACKREST_REPO1_CIPHER_PASS
  `,
  good: fixture`
    #!/bin/bash
    pgbackrest --stanza=main backup
  `,
  check(script, { report }) {
    for (const { call } of script.callsOf('pgbackrest')) {
      for (const word of call.args) {
        const [whole, name] = /^--([a-z0-9-]+)/.exec(word.text) ?? [];
        if (whole === undefined || name === undefined || !resolveOption(name).definition?.secure) continue;
        const variable = `PGBACKREST_${name.toUpperCase().replaceAll('-', '_')}`;
        report(
          word.placeOf(0, whole.length),
          `pgBackRest refuses ${whole} as an argument: it belongs into pgbackrest.conf or ${variable}`,
        );
      }
    }
  },
});
