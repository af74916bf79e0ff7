import { fix, fixture, rule } from '../rule.ts';
import { hasOption } from '../shell/script.ts';

export default rule({
  id: 'gpg-without-batch',
  summary: 'gpg that nobody sits in front of runs with --batch.',
  why: 'Without --batch gpg asks: whether a key belongs to its owner, whether a file may be overwritten. In a Job or from cron nobody answers; with no terminal it fails, with one it waits for ever.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Scripts',
  kinds: ['Script'],
  bad: fixture`
    #- /etc/cron.d/backup
    30 2 * * * root gpg -r 0123456789ABCDEF0123456789ABCDEF01234567 --trust-model always -e -o /backup/$(date +\%F).gpg /srv/app.dump
                    ^^^ hint gpg-without-batch: nobody is there to answer the questions of gpg: --batch --no-tty
  `,
  good: fixture`
    #- /etc/cron.d/backup
    30 2 * * * root gpg --batch --no-tty -r 0123456789ABCDEF0123456789ABCDEF01234567 --trust-model always -e -o /backup/$(date +\%F).gpg /srv/app.dump
  `,
  check(script, { report }) {
    if (!script.traits.isUnattended) return;
    for (const { call } of script.callsOf('gpg', 'gpg2')) {
      // gpg-loopback says more where a passphrase is given.
      if (
        hasOption(
          call,
          '--batch',
          '--no-tty',
          '--passphrase',
          '--passphrase-file',
          '--passphrase-fd',
          '--version',
          '--help',
        )
      )
        continue;
      if (call.args.some((it) => /^["']?\$[{@A-Za-z_]/.test(it.text))) continue;
      report(call.programWord.at, 'nobody is there to answer the questions of gpg: --batch --no-tty', {
        fix: fix('Add --batch --no-tty', call.programWord.insertAfter('--batch --no-tty'), { isSafe: true }),
      });
    }
  },
});
