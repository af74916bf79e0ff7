import { isShortForm } from '../pgbackrest/sections.ts';
import { meantCipherOption } from '../queries/repositoryCipher.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'command-line-option',
  summary: 'Options that belong to one call of a command do not stand in a file.',
  why: 'pgBackRest takes stanza, type, repo, set and their like from the command line (or from PGBACKREST_STANZA) only. In a file it warns, ignores the line, and goes on without.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M39', 'C9'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    stanza=demo
    ^^^^^^ warning command-line-option: stanza is read from the command line only: this line is ignored
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      if (setting.resolved.problem !== 'command-line-only' || meantCipherOption(setting)) continue;
      if (isShortForm(setting)) continue;
      report(setting.keyPlace, `${setting.key} is read from the command line only: this line is ignored`, {
        fix: fix('Remove the line', setting.remove()),
      });
    }
  },
});
