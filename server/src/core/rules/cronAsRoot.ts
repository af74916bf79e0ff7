import { compareReleases } from '../pgbackrest/options.ts';
import { fixture, rule } from '../rule.ts';
import { hasOption } from '../shell/script.ts';

export default rule({
  id: 'cron-as-root',
  summary: 'pgBackRest runs as the user that owns the database or the repository.',
  why: 'What root writes into a repository or a lock folder the database cannot change any more: archive-push then fails with permission denied. Since 2.59 pgBackRest refuses to run as root (error 31) unless allow-root is set.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M99'],
  kinds: ['Script'],
  bad: fixture`
    #- /etc/cron.d/pgbackrest
    30 2 * * * root pgbackrest --stanza=main backup
                    ^^^^^^^^^^ hint cron-as-root: run it as postgres: since 2.59 pgBackRest refuses root without allow-root
  `,
  good: fixture`
    #- /etc/cron.d/pgbackrest
    30 2 * * * postgres pgbackrest --stanza=main backup
  `,
  check(script, { report, target }) {
    const isTable = /\/cron\.d\/[^/]+$|\/crontab$/.test(script.part.uri);
    for (const { call } of script.callsOf('pgbackrest')) {
      if (!isTable || hasOption(call, '--allow-root')) continue;
      const line = script.part.text.slice(
        script.part.text.lastIndexOf('\n', call.programWord.at.start - 1) + 1,
        call.programWord.at.start,
      );
      if (!/^[ \t]*(?:@\w+|(?:\S+[ \t]+){4}\S+)[ \t]+root[ \t]+$/.test(line)) continue;
      const isRefused = target.pgbackrest !== undefined && compareReleases(target.pgbackrest, '2.59') >= 0;
      report(call.programWord.at, 'run it as postgres: since 2.59 pgBackRest refuses root without allow-root', {
        severity: isRefused ? 'error' : 'hint',
      });
    }
  },
});
